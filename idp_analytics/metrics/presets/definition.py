"""What a definition is: every choice a delivery number depends on, as data. No tool has code of its own.

Each choice is annotated with what differs when only it differs; the reconciliation walks through them in their order, from
ours to theirs, and so tells number by number where a difference comes from.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated


class Aggregation(StrEnum):
    """How observations become one number."""

    SHARE = "share"  # what counts above ÷ what counts below
    MEAN = "mean"
    FLOOR_MEAN = "mean, rounded down"
    MEDIAN = "median"  # of an even n the mean of the two middle values
    LOWER_MEDIAN = "lower median"  # of an even n the lower of the two middle values
    P90 = "90th percentile"  # linear between neighbours
    SURVIVAL_MEDIAN = "Kaplan–Meier median"
    SUM = "sum"
    UNION = "length of the union"


@dataclass(frozen=True, kw_only=True)
class Counted:
    """Which deployments count.

    ``outcomes``: those that do; empty: all, also without an outcome. ``environment``: only the one that counts
    (``rules.environment``). ``resyncs``, ``rollbacks``, ``redeploys`` (a commit that was deployed to the service before):
    whether such deployments count. ``dated``: ``finished_at``, or ``last known`` (else started, else queued).
    """

    outcomes: Annotated[tuple[str, ...], "which outcomes count as a deployment"] = ("success",)
    environment: Annotated[bool, "whether only the environment that counts is counted"] = True
    resyncs: Annotated[bool, "whether a re-sync of what already runs counts"] = False
    rollbacks: Annotated[bool, "whether a rollback counts"] = True
    redeploys: Annotated[bool, "whether the same commit deployed again counts"] = True
    dated: Annotated[str, "which moment dates a deployment"] = "finished_at"


@dataclass(frozen=True, kw_only=True)
class Link:
    """Which deployment an incident is blamed on.

    ``by``: ``recorded`` (only what somebody wrote down), ``latest`` (the last before the incident), ``recorded, else
    latest``, ``remediation`` (no incident needed: what was rolled back or repaired), ``outcome`` (the deployment itself
    failed), ``nothing``. ``reach``: the last deployment of the same ``service``, ``team``, of whatever is ``asked`` about
    (a tool that is pointed at one set of repositories), or of the whole ``organisation``. ``tie``: a deployment that
    finished in the same instant may be the cause. ``hours``: how long before at most; null: no limit (``None``), and
    ``rules``: ``rules.link_hours``. ``cause``: incidents said not to be caused by a change are left out. ``inside``: a
    deployment before the period is never blamed.
    """

    by: Annotated[str, "how an incident is linked to a deployment"] = "recorded, else latest"
    reach: Annotated[str, "how far away the blamed deployment may be"] = "service"
    tie: Annotated[bool, "whether a deployment in the same instant may be the cause"] = True
    hours: Annotated[float | str | None, "how long before the incident the blamed deployment may be"] = "rules"
    cause: Annotated[bool, "whether incidents said not to be caused by a change are left out"] = True
    inside: Annotated[bool, "whether the deployment must be in the same period"] = False


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One metric under one definition. ``detail`` tells apart several numbers a tool gives for one metric.

    ``scale``: what the value is multiplied with to come into ``unit``. ``empty_is_zero``: a period in which nothing was
    seen is shown as 0, not as unknown. ``decimals``: rounding of the value, half to even; ``None``: none. ``min_n``: the
    fewest observations for a value. ``tiers``: the tool's own grades, as pairs of upper bound and word, best first.
    """

    metric: str
    unit: str
    detail: str | None = None
    tables: tuple[str, ...] = ("deployments",)
    counted: Counted = Counted()
    aggregation: Annotated[Aggregation, "how single values become one number"] = Aggregation.MEDIAN
    scale: Annotated[float, "what the number is multiplied with"] = 1.0
    empty_is_zero: Annotated[bool, "whether a period without anything is shown as 0"] = False
    decimals: Annotated[int | None, "rounding"] = None
    min_n: Annotated[int, "the fewest observations for a value"] = 1
    tiers: tuple[tuple[float, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Frequency(Measure):
    """How often: ``of`` (``deployments``, ``days`` with one, ``commits`` that differ) per ``per`` (``period``, ``day``,
    ``weekday``, ``week``, ``month``; weeks begin on Monday, weeks and months cut by the period's ends are kept whole).

    ``aggregation`` is over the days, weeks or months of the period. ``covered``: days before the first known fact and
    after the as-of time are not counted; ``whole_days``: a begun day counts as a day.
    """

    of: Annotated[str, "what is counted"] = "deployments"
    per: Annotated[str, "per what it is counted"] = "day"
    covered: Annotated[bool, "whether days without data are left out"] = False
    whole_days: Annotated[bool, "whether a begun day counts as a whole one"] = False
    aggregation: Annotated[Aggregation, "how single values become one number"] = Aggregation.MEAN


@dataclass(frozen=True, kw_only=True)
class FailRate(Measure):
    """Change fail rate: ``above`` (``deployments`` that failed, ``incidents`` linked or, without a link, all; ``rows``:
    pairs of deployment and incident) ÷ ``below`` (``deployments`` or ``commits`` that differ).

    ``below_counted``: which deployments stand below the line, where that is not :attr:`counted`.
    """

    link: Link = Link()
    above: Annotated[str, "what is counted above the line"] = "deployments"
    below: Annotated[str, "what is counted below the line"] = "deployments"
    below_counted: Annotated[Counted | None, "which deployments stand below the line only"] = None
    tables: tuple[str, ...] = ("deployments", "incidents")
    aggregation: Annotated[Aggregation, "how single values become one number"] = Aggregation.SHARE


@dataclass(frozen=True, kw_only=True)
class Recovery(Measure):
    """Recovery time. ``start``: ``opened``, ``deployment`` (the end of the one blamed), or the ``earlier`` of both; with a
    link by ``outcome`` or ``remediation``, the failed deployment. ``end``: ``resolved``, or ``next success`` /
    ``remediation``. ``linked``: only incidents with a linked deployment.

    ``open``: what is not over is ``left out``, ``censored`` (lasting longer than until now), or counted ``until now``.
    ``dated``: ``start`` or ``end`` is the moment that must fall into the period; ``both``: ``end``, and the blamed
    deployment in the same period. ``whole``: single spans are cut down to whole ``hours`` or ``minutes``; empty: exact.
    """

    link: Link = Link()
    linked: Annotated[bool, "whether only incidents with a linked deployment count"] = True
    start: Annotated[str, "when the clock starts"] = "opened"
    end: Annotated[str, "when the clock stops"] = "resolved"
    open: Annotated[str, "what is done with incidents that are still open"] = "censored"
    dated: Annotated[str, "which moment must fall into the period"] = "start"
    whole: Annotated[str, "rounding of the single spans"] = ""
    tables: tuple[str, ...] = ("deployments", "incidents")
    aggregation: Annotated[Aggregation, "how single values become one number"] = Aggregation.SURVIVAL_MEDIAN


@dataclass(frozen=True, kw_only=True)
class LeadTime(Measure):
    """Change lead time. ``unit_of_change``: ``change``, or only a ``pull_request`` or ``commit`` (a change that does not
    say which it is counts as either). ``start``: ``first_commit_at``, ``opened_at`` or ``merged_at``; end: the deployment's
    end.

    ``each``: a change counts with its ``first`` deployment that counts, or with ``every`` one. ``pick``: of several, the
    first by ``finished_at`` or by ``started_at``. ``skip_first``: the first deployment of a service brings no change.
    ``carry``: changes of deployments that failed belong to the next success. ``sum_of_stages``: coding + proposal to merge
    + deployment, an unknown or negative stage counting as 0, instead of from start to end. ``negative``: a negative span is
    ``missing``, or ``dropped`` with those of length 0. ``whole``: single spans are rounded up to whole ``minutes``; empty:
    exact. ``dated``: the ``deployment`` or the ``merge`` must fall into the period. ``undeployed``: changes that are merged
    and in no deployment count too (dated by ``merge`` only).
    """

    unit_of_change: Annotated[str, "what one change is"] = "change"
    start: Annotated[str, "when the clock starts"] = "first_commit_at"
    each: Annotated[str, "whether a change deployed again counts again"] = "first"
    pick: Annotated[str, "which deployment is taken as the first"] = "finished_at"
    skip_first: Annotated[bool, "whether the first deployment of a service brings changes"] = False
    carry: Annotated[bool, "whether changes of a failed deployment belong to the next success"] = False
    sum_of_stages: Annotated[bool, "whether stages are added up, unknown ones as 0"] = False
    negative: Annotated[str, "what is done with negative spans"] = "missing"
    whole: Annotated[str, "rounding of the single spans"] = ""
    dated: Annotated[str, "which moment must fall into the period"] = "deployment"
    undeployed: Annotated[bool, "whether changes that are not deployed count"] = False
    tables: tuple[str, ...] = ("deployments", "changes", "deployment_changes")


@dataclass(frozen=True, kw_only=True)
class Rework(Measure):
    """Deployment rework rate. ``by``: unplanned is what ``rolled back or finished during an incident`` it repairs, or what
    brings a change ``labelled`` as a hotfix or revert (title, label, or said to be a revert). ``in_clusters``: the interval
    counts what a service did on one day as going together."""

    link: Link = Link()
    by: Annotated[str, "how unplanned work is recognised"] = "incident"
    in_clusters: bool = False
    tables: tuple[str, ...] = ("deployments", "incidents")
    aggregation: Annotated[Aggregation, "how single values become one number"] = Aggregation.SHARE


@dataclass(frozen=True, kw_only=True)
class IncidentTime(Measure):
    """Hours with an incident, of those that are over, dated by their opening: ``sum`` (what overlaps counts twice) or
    ``length of the union`` per service."""

    tables: tuple[str, ...] = ("incidents",)
    aggregation: Annotated[Aggregation, "how single values become one number"] = Aggregation.UNION


@dataclass(frozen=True, kw_only=True)
class Definition:
    """One tool's, or our, way to count. ``ownership``: ``event`` (the owner on the day) or ``today`` (whoever owns the
    service now, for all of the past). ``window``: the span the tool itself shows, in words; here every definition is
    evaluated over the periods that are asked for. ``note``: what must be known when comparing."""

    name: str
    title: str
    year: str
    source: str
    measures: tuple[Measure, ...]
    ownership: str = "event"
    window: str = "any period"
    note: str = ""
