"""The part of METRICS.md that argues our own rules and says, from the data, where each other tool's differ."""

from __future__ import annotations

from collections.abc import Iterator

from idp_analytics.metrics.presets.definition import Definition, Measure
from idp_analytics.metrics.presets.ours import IDP, VARIANTS
from idp_analytics.metrics.presets.tools import TOOLS
from idp_analytics.metrics.reconciliation import steps

WHY = """\
## Why these rules

No delivery metric has one true formula, and each choice below moves the number. Ours are the kit's default, `idp`; every
other set of choices is data too (`idp answers --definition NAME`), run by the same engine, and the report's section *Why did
another tool say something else?* goes from our number to theirs one choice at a time.

**Deployment frequency.** A deployment is one that ended in success in the environment that counts: a failed one brought users
nothing, a cancelled one is no attempt that failed, a re-sync brings nothing new. Rollbacks and redeploys count, because
somebody had to make them; what they say of quality is said by the fail rate and the rework rate. We divide by days covered,
not by weeks or months: a week cut by the end of a month is not a week, and a median of days per week knows eight values.
A period in which nothing was seen has no rate, only the bound that so many quiet days allow. Days are the organisation's:
a deployment at five past midnight belongs to the day people there call it.

**Change lead time.** From the first commit, because waiting before a proposal is waiting too, to the end of the first
successful deployment that holds the change: deployed again it is not new to anybody. Each change counts once, the first
deployment of a service like any other, since the change did reach users with it. A change whose dates contradict each other
is *missing*: taken as 0 it would shorten the median, and a sum of the stages that happen to be known is no lead time.
The median, because a few changes that lay about for months decide a mean.

**Change fail rate.** Deployments that failed, not incidents: two incidents of one deployment are one failure, and a ratio of
two counts can pass 1. Whoever wrote down the cause knows best; where nobody did, the last deployment of the *same service*
within a day is blamed. Another service's deployment is not blamed, because in a large organisation something was always just
deployed; without a limit every incident finds a deployment, if one weeks old. An exact tie counts, since an incident
opened the second a deployment ends is its likeliest consequence. Incidents said not to be caused by a change (an outage
of a provider, an expired certificate) are left out, as DORA's definition asks. A pipeline that failed has reached no user.
How far the answer depends on these choices is shown, not assumed: *Does the answer depend on how incidents are linked?*

**Failed deployment recovery time.** From the opening of the incident to its end, of incidents linked to a deployment. Not from
the deployment: how long a failure went unnoticed is another question, and a link gone wrong would add weeks. Incidents
still open are kept as lasting longer than until now; left out, they would make a bad month look good, and counted until
now they would change with the day one looks.

**Deployment rework rate.** What was rolled back, or deployed while an incident of an earlier deployment was open, is unplanned
whatever its title says. Labels are a rule of their own (`labelled_repairs`), for they are set in some teams and not in others.
"""


def lines() -> Iterator[str]:
    """The lines of the part: the argument, every definition with its source, and where its numbers differ from ours."""
    yield "\n" + WHY
    yield "### Definitions that can be asked for\n"
    yield "| name | whose rules | read from | what to know |"
    yield "|---|---|---|---|"
    for definition in (IDP, *TOOLS, *VARIANTS):
        known = "; ".join(filter(None, (f"its own window: {definition.window}", definition.note.rstrip("."))))
        yield f"| `{definition.name}` | {definition.title} | {definition.source} | {known} |"
    yield "\n### Where their numbers differ from ours\n"
    yield "| name | metric | in what, from ours to theirs |"
    yield "|---|---|---|"
    ours = {measure.metric: measure for measure in IDP.measures}
    for definition in (*TOOLS, *VARIANTS):
        for measure in definition.measures:
            detail = f", {measure.detail}" if measure.detail else ""
            yield f"| `{definition.name}` | {measure.metric} ({measure.unit}{detail}) | {_differs(ours, measure, definition)} |"


def _differs(ours: dict[str, Measure], measure: Measure, definition: Definition) -> str:
    path = steps(ours[measure.metric], measure, definition.ownership)
    told = "; ".join(f"{step.reason}: {step.ours_is} → {step.theirs_is}" for step in path)
    return told or "not at all"
