"""What is written for people to read and change: ``settings.toml`` and the folder's README."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date

from idp_analytics.settings.questions import CLOSES_AFTER_DAYS
from idp_analytics.sources.sample import decision, exports
from idp_analytics.sources.sample.build import Company
from idp_analytics.sources.sample.company import GIT_SERVICES
from idp_analytics.sources.sample.dialects import (
    CODES,
    COSTS,
    HELPDESK,
    HELPDESK_COLUMNS,
    HELPDESK_STATUS,
    PIPELINE_COLUMNS,
    PIPELINE_STATUS,
    PIPELINE_TARGET,
    PIPELINE_TRIGGER,
    PIPELINE_ZONE,
    PIPELINES,
    PLAIN,
    UNTOLD_STATUS,
)
from idp_analytics.sources.sample.exports import NativeExport
from idp_analytics.sources.sample.money import DATA_ACCOUNT, MOVED_ACCOUNT
from idp_analytics.sources.sample.respondents import REWORDED
from idp_analytics.sources.sample.truth import LINK_HOURS


def settings(company: Company, native: Sequence[NativeExport], files: Collection[str]) -> str:
    """``settings.toml`` of the company: every source it was written for, and how to read it. ``files`` are those that were
    written."""
    about = company.truth["company"]
    moved = date.fromisoformat(company.truth["reorganisation"]["on"])
    # Git comes first: of a service that the catalogue knows too, the catalogue's row is the one that stays.
    repositories = {
        name: service
        for service, name in GIT_SERVICES.items()
        if any(repository.name == name for repository in company.repositories)
    }
    spans = [(MOVED_ACCOUNT, "payments", f"to = {moved}"), (MOVED_ACCOUNT, "storefront", f"from = {moved}")]
    if "data" in company.tables["teams"]["team_id"]:
        spans.append((DATA_ACCOUNT, "data", ""))
    accounts = "\n".join(
        f'  {{ account = "{account}", team = "{team}"{", " + span if span else ""} }},' for account, team, span in spans
    )
    parts = [
        f"""\
# A synthetic company: nobody and nothing in here is real. Made by `idp sample`; README.md says what is in it.
[organisation]
id = "{about["id"]}"
name = "{about["title"]}"
time_zone = "UTC"
as_of = {about["as_of"]}
platform_team = "platform"

[rules]
environment = "production"
link_hours = {LINK_HOURS}
cost_basis = "effective"

# When people work. Holidays are those of a country or a part of one, e.g. holidays = "DE-BE"; this company has none.
[calendar]
week_start = "monday"
working_days = ["monday", "tuesday", "wednesday", "thursday", "friday"]
working_hours = "09:00-17:00"
night_hours = "22:00-07:00"
shift_hours = 12

# What nobody owns alone is shared: by what causes it where that is known, by what teams use themselves where it is not.
# What OpenCost says is at list prices: a weight, and no second bill.
[showback]
services = "reciprocal"
weights_only = ["Kubernetes"]
developer_hour = 70  # an assumption: what an hour of a developer costs
currency = "EUR"

[[pool]]
id = "clusters"
title = "Kubernetes control plane"
take = {{ component = "Kubernetes Control Plane" }}
by = "deployments"
pools = {{ support = 5 }}

[[pool]]
id = "support"
title = "Cloud support"
take = {{ component = "Support" }}
by = "direct cost"
pools = {{ clusters = 10 }}

[[pool]]
id = "tax"
title = "Tax"
take = {{ category = "tax" }}
by = "direct cost"
is_platform = false

[[pool]]
id = "commitments"
title = "Commitments bought and not used"
take = {{ reason = "unused commitment" }}
by = "fixed"
shares = {{ platform = 100 }}

# What the platform is made of, and by what its use, cost and tickets are known.
[[component]]
id = "deploy-console"
title = "Deploy console"
capability = "deploying"
usage = ["deploy-console"]
take = {{ service = "deploy-console" }}

[[component]]
id = "build-cache"
title = "Build cache"
usage = ["build-cache"]
take = {{ service = "build-cache" }}

[[component]]
id = "previews"
title = "Preview environments"
usage = ["previews"]

[[component]]
id = "pipeline"
title = "Delivery pipeline"
capability = "deploying"
usage = ["cli"]
golden_paths = ["delivery-pipeline"]
take = {{ component = "Kubernetes Control Plane" }}

[[component]]
id = "databases"
title = "Databases by self-service"
operations = ["provision-database"]
golden_paths = ["postgres-module"]
tickets = ["database"]
take = {{ component = "Managed Database" }}

[[component]]
id = "portal"
title = "Developer portal"
usage = ["portal", "docs"]

[[component]]
id = "environments"
title = "Environments and templates"
usage = ["environments", "templates"]
operations = ["create-environment", "create-service"]
golden_paths = ["service-template"]

# Paths that might be built next: how often they would be needed is counted, the hours are stated.
[[next_path]]
id = "access"
title = "Access by self-service"
tickets = ["access"]
hours_each = 1.5                 # of work one takes less with it
hours_low = 1
hours_high = 3
build_hours = 80
yearly_hours = 12                # to keep it
said_by = "the platform team"

[[next_path]]
id = "networks"
title = "Networks and quotas by self-service"
tickets = ["network", "quota"]
hours_each = 2
hours_low = 1
hours_high = 4
build_hours = 300
yearly_hours = 40
said_by = "the platform team"

# Rules of the portal's scorecard that ask what is seen here too.
[[scorecard_rule]]
scorecard = "tech-insights"
rule = "owner-set"
seen_as = "owner"

[[scorecard_rule]]
scorecard = "tech-insights"
rule = "on-golden-path"
seen_as = "golden path"

[[scorecard_rule]]
scorecard = "tech-insights"
rule = "path-current"
seen_as = "current version"

[[scorecard_rule]]
scorecard = "tech-insights"
rule = "signed-base-image"
seen_as = "policy"
policy_rule = "signed-base-image"

[[scorecard_rule]]
scorecard = "tech-insights"
rule = "owner-label"
seen_as = "policy"
policy_rule = "owner-label"

# From the middle of the year on one question is asked in other words: another question, another version.
[[question]]
id = "{REWORDED.id}"
wording = "{REWORDED.wording}"
ends = {list(REWORDED.ends)}

# Answers that come later than this many days after the first one of their wave are left out.
[survey]
closes_after_days = {CLOSES_AFTER_DAYS:g}

# Two services are released by tags of their repositories. Other tags in there are no releases.
[[source]]
name = "git"
kind = "git"
paths = ["repos/*.bundle"]
tag_pattern = 'v[0-9]+\\.[0-9]+\\.[0-9]+'
services = {_inline(repositories)}
environment = "production"

# The pipeline tool has its own names and words, and writes local times without saying so.
[[source]]
name = "pipelines"
kind = "canonical"
table = "deployments"
paths = ["{PIPELINES}"]
time_zone = "{PIPELINE_ZONE}"
constants = {{ kind = "application" }}
[source.columns]
environment = "{PIPELINE_COLUMNS["environment_raw"]}"
{_lines(PIPELINE_COLUMNS)}
[source.values]
environment = {_inline(_turned(PIPELINE_TARGET))}
outcome = {_inline({**_turned(PIPELINE_STATUS), UNTOLD_STATUS: ""})}
automated = {_inline(_turned(PIPELINE_TRIGGER))}

# So does the help desk, but its times say where they are from.
[[source]]
name = "helpdesk"
kind = "canonical"
table = "tickets"
paths = ["{HELPDESK}"]
[source.columns]
{_lines(HELPDESK_COLUMNS)}
[source.values]
status = {_inline(_turned(HELPDESK_STATUS))}

# The bills of two providers. What no tag says, the account may.
[[source]]
name = "bills"
kind = "focus"
paths = ["{COSTS}"]
team_tags = ["team", "owner"]
service_tags = ["service"]
accounts = [
{accounts}
]

# What systems of record export by themselves. People are pseudonyms already, and ids are the company's own.
"""
    ]
    parts += exports.settings(native, about["as_of"])
    parts += ["# The rest is exported in the kit's own columns.\n"]
    parts += [
        f'[[source]]\nkind = "canonical"\ntable = "{name}"\npaths = ["{path}"]\n'
        for name, path in PLAIN.items()
        if path in files
    ]
    parts.append(f'[[source]]\nkind = "canonical"\ntable = "comment_codes"\npaths = ["{CODES}"]\n')
    parts.append(decision.SETTINGS)
    return "\n".join(parts)


def readme(company: Company, bad_rows: int, native: Sequence[NativeExport]) -> str:
    """The folder's README: what is in it, and that none of it is real."""
    about, rows = company.truth["company"], company.truth["rows"]
    count = "\n".join(f"| {name} | {number:,} |" for name, number in rows.items())
    return f"""\
# {about["title"]}

**Everything in this folder is synthetic.** No person, company or sentence in it is real; people are
pseudonyms such as `p-0012`, addresses end in `.invalid`.

{about["teams"]} teams, {about["services"]} services and {about["people"]} people, from {about["from"]} up to
{about["as_of"]}, in the files their systems would have exported:

| folder | what |
|---|---|
| `catalogue/` | teams, people, memberships, services, who owned them when, golden paths, operations, aliases (CSV) |
| `delivery/` | runs of a pipeline tool in its own words and local times (CSV), changes (Parquet), incidents (JSONL), pages |
| `repos/` | the history of two services released by tags (git bundles: `git clone repos/lark-search.bundle`) |
| `platform/` | self-service runs, approvals, golden-path snapshots, escape hatches, policy results, usage |
| `voice/` | support tickets of a help desk, interviews of leavers, comments as two people coded them (`codes.csv`), actions resolved, self-assessments, planned changes to the platform |
| `costs/` | bills in FOCUS 1.2, by day, in two currencies (gzip CSV) |
| `exports/` | a part of the year as {len(native)} systems export it themselves: {", ".join(one.kind for one in native)} |
| `snapshots/` | what `idp collect` kept of those that forget |

`settings.toml` says how to read them. `truth.json` holds what is true of the company, which its own people could not
know: the planted rates, probabilities and effects, the real cause of each incident, exact totals of money, and the
{bad_rows} rows that are spoilt on purpose. On {company.truth["reorganisation"]["on"]} two services and {len(company.truth["reorganisation"]["people"])} people
move from `payments` to `storefront`.

The same command makes the same bytes again:

    idp sample FOLDER --teams {about["teams"]} --months {about["months"]} --seed {about["seed"]}

| table | rows |
|---|---|
{count}
"""


def _turned(values: dict[str, str]) -> dict[str, str]:
    return {theirs: ours for ours, theirs in values.items()}


def _inline(values: dict[str, str]) -> str:
    return "{ " + ", ".join(f'{_key(key)} = "{value}"' for key, value in values.items()) + " }"


def _lines(values: dict[str, str]) -> str:
    return "\n".join(f'{key} = "{value}"' for key, value in values.items())


def _key(text: str) -> str:
    return text if text.isidentifier() else f'"{text}"'
