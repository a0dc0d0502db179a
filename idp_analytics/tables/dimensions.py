"""Who and what exists: teams, people, services and what belongs to them over time."""

from __future__ import annotations

from idp_analytics.tables.declare import Column, Kind, Table

_VALID_FROM = Column("valid_from", Kind.DATE, "First day on which this holds; empty: as far back as the data go.")
_VALID_TO = Column("valid_to", Kind.DATE, "First day on which this no longer holds (half-open); empty: still holds.")

TEAMS = Table(
    "teams", "one team", ("team_id",),
    (
        Column("team_id", Kind.ID, "The team's id in the catalogue.", nullable=False),
        Column("name", Kind.TEXT, "Name as shown.", nullable=False),
        Column("parent_team_id", Kind.ID, "The team, group or organisation above it."),
        Column("kind", Kind.ENUM, "What sort of unit it is.", values=("team", "group", "org", "platform")),
        Column("time_zone", Kind.ZONE, "Where its working day is counted; empty: the organisation's."),
        _VALID_FROM,
        _VALID_TO,
    ),
    is_fact=False,
)  # fmt: skip

PEOPLE = Table(
    "people", "one person or bot account", ("person_id",),
    (
        Column("person_id", Kind.ID, "Pseudonym: an HMAC of the source's id unless the export already has one.", nullable=False),
        Column("started_on", Kind.DATE, "First day at work."),
        Column("ended_on", Kind.DATE, "Last day at work."),
        Column("is_developer", Kind.BOOLEAN, "Writes software as their job."),
        Column("is_bot", Kind.BOOLEAN, "A service account."),
        Column("time_zone", Kind.ZONE, "Where they work; empty: their team's."),
    ),
    is_fact=False,
)  # fmt: skip

MEMBERSHIPS = Table(
    "memberships", "one person in one team for one span of days", ("person_id", "team_id", "valid_from"),
    (
        Column("person_id", Kind.ID, "Who.", nullable=False),
        Column("team_id", Kind.ID, "Where.", nullable=False),
        _VALID_FROM,
        _VALID_TO,
    ),
    is_fact=False,
)  # fmt: skip

SERVICES = Table(
    "services", "one service in the catalogue", ("service_id",),
    (
        Column("service_id", Kind.ID, "The service's id in the catalogue.", nullable=False),
        Column("name", Kind.TEXT, "Name as shown.", nullable=False),
        Column("system", Kind.TEXT, "The larger system it is part of."),
        Column("kind", Kind.TEXT, "service, website, library, …"),
        Column("lifecycle", Kind.ENUM, "Where in its life it is.", values=("production", "experimental", "deprecated")),
        Column("lifecycle_raw", Kind.TEXT, "Where in its life it is, as the catalogue writes it."),
        Column("tier", Kind.INTEGER, "1 = most critical."),
        Column("repo", Kind.TEXT, "Repository, owner/name."),
        Column("created_at", Kind.TIMESTAMP, "When it came to be."),
        Column("retired_at", Kind.TIMESTAMP, "When it was taken out of use."),
    ),
    is_fact=False,
)  # fmt: skip

OWNERSHIP = Table(
    "ownership", "one service owned by one team for one span of days", ("service_id", "valid_from"),
    (
        Column("service_id", Kind.ID, "What is owned.", nullable=False),
        Column("team_id", Kind.ID, "Who owns it.", nullable=False),
        _VALID_FROM,
        _VALID_TO,
    ),
    is_fact=False,
)  # fmt: skip

GOLDEN_PATHS = Table(
    "golden_paths", "one golden path", ("golden_path_id",),
    (
        Column("golden_path_id", Kind.ID, "The path's id.", nullable=False),
        Column("title", Kind.TEXT, "Name as shown.", nullable=False),
        Column("kind", Kind.ENUM, "What form it takes.",
               values=("template", "module", "composition", "chart", "workflow", "instrumentation", "policy")),
        Column("owner_team_id", Kind.ID, "The platform team that keeps it."),
        Column("applies_to", Kind.TEXTS, "Kinds of service it is meant for; empty: all."),
        Column("current_version", Kind.TEXT, "The version a new user gets."),
        Column("released_at", Kind.TIMESTAMP, "First release."),
        Column("announced_on", Kind.DATE, "When teams were told of it."),
        Column("mandated_from", Kind.DATE, "From when it must be used; empty: by choice."),
        Column("retired_at", Kind.TIMESTAMP, "When it was taken away."),
        Column("minutes_saved", Kind.NUMBER, "Time one run is said to save; an assumption, never a measurement.", unit="minutes"),
    ),
    is_fact=False,
)  # fmt: skip

GOLDEN_PATH_VERSIONS = Table(
    "golden_path_versions", "one released version of one golden path", ("golden_path_id", "version"),
    (
        Column("golden_path_id", Kind.ID, "Which path.", nullable=False),
        Column("version", Kind.TEXT, "Which version.", nullable=False),
        Column("released_at", Kind.TIMESTAMP, "When it was released; needed to say how many days behind a user is."),
    ),
    is_fact=False,
)  # fmt: skip

OPERATIONS = Table(
    "operations", "one kind of thing people ask a platform to do", ("operation_id",),
    (
        Column("operation_id", Kind.ID, "The operation's id.", nullable=False),
        Column("title", Kind.TEXT, "Name as shown.", nullable=False),
        Column("risk", Kind.ENUM, "How much harm it can do; said by people, never guessed.", values=("safe", "sensitive", "dangerous")),
        Column("gate", Kind.ENUM, "What stands before it.", values=("none", "automatic", "human")),
        Column("golden_path_id", Kind.ID, "The path it belongs to."),
        Column("owner_team_id", Kind.ID, "Who answers for it."),
        Column("category", Kind.TEXT, "Grouping for reports."),
    ),
    is_fact=False,
)  # fmt: skip

ALIASES = Table(
    "aliases", "one name one system uses for something of ours", ("kind", "system", "alias", "valid_from"),
    (
        Column("kind", Kind.ENUM, "What the name is for.", nullable=False,
               values=("team", "person", "service", "environment", "operation")),
        Column("system", Kind.TEXT, "The source that uses the name; empty: any."),
        Column("alias", Kind.TEXT, "The name as that source writes it.", nullable=False),
        Column("canonical_id", Kind.ID, "Our id.", nullable=False),
        _VALID_FROM,
        _VALID_TO,
    ),
    is_fact=False,
)  # fmt: skip

DIMENSIONS = (
    TEAMS, PEOPLE, MEMBERSHIPS, SERVICES, OWNERSHIP, GOLDEN_PATHS, GOLDEN_PATH_VERSIONS, OPERATIONS, ALIASES,
)  # fmt: skip
