"""The reports themselves: what a notebook opens, and asks one question after the other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from idp_analytics.answers import ORG
from idp_analytics.periods import parse
from idp_analytics.report import (
    adoption,
    approvals,
    benchmarks,
    boundary,
    breadth,
    brief,
    classes,
    comparison,
    cost_bridge,
    cost_change,
    cost_course,
    cost_quality,
    cost_restatement,
    course,
    deflection,
    drift,
    follow_through,
    fragmentation,
    gaming,
    golden_paths,
    hatches,
    impact,
    ledger,
    load,
    maturity,
    maturity_history,
    maturity_reached,
    maturity_steps,
    metric,
    money,
    newcomers,
    next_paths,
    policies,
    pools,
    quality,
    reference,
    reliability,
    requests,
    retention,
    rules,
    scorecards,
    self_agreement,
    spending,
    sprawl,
    spread,
    stress,
    summary,
    tco,
    tco_sensitivity,
    teams,
    tickets,
    top_two,
    unit_costs,
    voice,
    why,
    worth,
)
from idp_analytics.report.mart import Mart
from idp_analytics.report.section import Brief, Cards, Section
from idp_analytics.report.view import View

if TYPE_CHECKING:
    from idp_analytics.organisation import Organisation


@dataclass(frozen=True)
class _Report:
    """What every report can be asked; each method is one section of it."""

    view: View

    def brief(self) -> Brief:
        """What matters, for somebody who has three minutes."""
        return brief.brief(self.view)

    def summary(self) -> Cards:
        """The key numbers side by side."""
        return summary.summary(self.view)

    def section(self, name: str) -> Section:
        """The answer to one metric of the catalogue; raises :class:`ReportError` with the nearest name."""
        return metric.section(self.view, name)

    def course(self, name: str) -> Section:
        """Whether one metric's weeks are signal or noise, and whether it moves over the months."""
        return course.course(self.view, name)

    def showback(self) -> Section:
        """What was used and what it cost; of the organisation the whole bill, allocated or not."""
        return money.showback(self.view)

    def sharing(self) -> Section:
        """How cost that nobody owns alone is shared, and what another method would say."""
        return pools.sharing(self.view)

    def spending(self) -> Section:
        """What the cost was for: services, components, environments, golden paths."""
        return spending.spending(self.view)

    def cost_change(self) -> Section:
        """Why the cost is not what it was the period before: effects that add up to the change."""
        return cost_change.change(self.view)

    def unit_costs(self) -> Section:
        """What a deployment, an active service and an active developer cost."""
        return unit_costs.unit_costs(self.view)

    def cost_course(self) -> Section:
        """Where the cost is going: the next three months, as far as the past allows."""
        return cost_course.ahead(self.view)

    def cost_unusual(self) -> Section:
        """Days that cost much more or less than the weeks before them, and what drove them."""
        return cost_course.unusual(self.view)

    def cost_restatement(self) -> Section:
        """What has become of the amounts that the report published before this one said."""
        return cost_restatement.cost_restatement(self.view)

    def ledger(self) -> Section:
        """Where the lead time of changes goes: stages that add up to it, and what waits for production."""
        return ledger.ledger(self.view)

    def classes(self) -> Section:
        """What the deployments were: planned, hotfix, revert, rollback, redeploy, and which rule says so."""
        return classes.classes(self.view)

    def reliability(self) -> Section:
        """Service levels attained and error budgets, and the time without an open incident."""
        return reliability.reliability(self.view)

    def gaming(self) -> Section:
        """Whether a number could look better than things are: patterns worth a question."""
        return gaming.gaming(self.view)

    def sensitivity(self, name: str = "change_fail_rate") -> Section:
        """Whether the number depends on how incidents are linked: change fail rate, or recovery time."""
        return rules.sensitivity(self.view, name)

    def reconciliation(self, name: str = "change_fail_rate") -> Section:
        """Why another tool says something else of a delivery metric, choice by choice."""
        return rules.reconciliation(self.view, name)

    def benchmarks(self) -> Section:
        """The numbers beside the period before, own targets and what DORA published; never a grade."""
        return benchmarks.benchmarks(self.view)

    def golden_paths(self) -> Section:
        """Who is on a golden path, who is not and of whom nobody knows."""
        return golden_paths.golden_paths(self.view)

    def drift(self) -> Section:
        """Whether those on a golden path are on the version there is now, and how long upgrades take."""
        return drift.drift(self.view)

    def upgrades(self) -> Section:
        """How long after a release of a golden path its users have taken it up."""
        return drift.upgrades(self.view)

    def hatches(self) -> Section:
        """Which ways round the rules stand open, and what the golden path may lack."""
        return hatches.hatches(self.view)

    def policies(self) -> Section:
        """Whether services keep the rules, by policy and engine; exemptions told apart."""
        return policies.policies(self.view)

    def retention(self) -> Section:
        """Whether services stay on golden paths, and come to them unasked."""
        return retention.retention(self.view)

    def adoption(self) -> Section:
        """Whether golden paths are adopted by choice or imposed, and whether who had to come stays."""
        return adoption.adoption(self.view)

    def breadth(self) -> Section:
        """How many teams use the platform and of how much of it; of a team, what it uses."""
        return breadth.breadth(self.view)

    def fragmentation(self) -> Section:
        """In how many ways one thing is done."""
        return fragmentation.fragmentation(self.view)

    def load(self) -> Section:
        """How heavy on-call is, and at which hours it calls."""
        return load.load(self.view)

    def boundary(self) -> Section:
        """Whether people wait for what is safe, and whether what is dangerous is checked: the map and the two lists."""
        return boundary.boundary(self.view)

    def requests(self) -> Section:
        """How soon what was asked of the platform could be used, and how often asking works, at all and at once."""
        return requests.requests(self.view)

    def approvals(self) -> Section:
        """How long people wait for an approval, what becomes of it, and whether the gate looks; never who approved."""
        return approvals.approvals(self.view)

    def tickets(self) -> Section:
        """What is asked of the platform's team, how long people wait for it, and how much is about the platform itself."""
        return tickets.tickets(self.view)

    def voice(self) -> Section:
        """What developers said in the last survey that closed: groups only, never one person."""
        return voice.voice(self.view)

    def maturity(self) -> Section:
        """Where the levels of maturity are that are seen, aspect by aspect, beside those that are said; no overall number."""
        return maturity.maturity(self.view)

    def maturity_history(self) -> Section:
        """What changed in the levels of maturity and why, in parts that add up; the course; and patterns worth a question."""
        return maturity_history.history(self.view)

    def agreement(self) -> Section:
        """How far people agree in the self-assessment, within teams; nothing of so few that each could tell what the others said."""
        return self_agreement.agreement(self.view)

    def scorecards(self) -> Section:
        """What scorecards of the portal say of services, by their own rules, and where they say something else than is seen here."""
        return scorecards.scorecards(self.view)

    def next_steps(self) -> Section:
        """What to do next, at most two things, why these and when each is done; and how far the targets of maturity are."""
        return maturity_steps.next_steps(self.view)

    def stress(self) -> Section:
        """Whether good habits hold under stress: what teams do in severe incidents and heavy weeks, against calm."""
        return stress.stress(self.view)

    def follow_through(self) -> Section:
        """What was resolved, what became of it, and whether it can be told that it helped."""
        return follow_through.follow_through(self.view)

    def impact(self, change: str = "") -> Section:
        """Whether registered changes worked: all of them, or the one named; of a team what was changed there."""
        return impact.change(self.view, change) if change else impact.impact(self.view)

    def quality(self) -> Section:
        """What the data cover, and what was set aside and why."""
        return quality.quality(self.view)

    def glossary(self) -> Section:
        """What the words mean."""
        return reference.glossary()

    def provenance(self) -> Section:
        """Where the numbers come from."""
        return reference.provenance(self.view)


class TeamReport(_Report):
    """One team's report for one period."""

    def near(self) -> Section:
        """Which golden path the team is near to, and what says so."""
        return spread.near(self.view)

    def place(self, name: str) -> Section:
        """Whether the team differs from the others by more than chance; never a rank."""
        return comparison.place(self.view, name)

    def beside_organisation(self) -> Section:
        """The team's shares and medians beside the organisation's."""
        return teams.beside_organisation(self.view)


class OrgReport(_Report):
    """The organisation's report for one period."""

    def comparison(self, name: str) -> Section:
        """Whether teams differ by more than chance in one metric, in order of name; never a rank."""
        return comparison.comparison(self.view, name)

    def teams(self) -> Section:
        """Every team against its own past, in order of name."""
        return teams.teams(self.view)

    def spread(self) -> Section:
        """How far golden paths have spread, whether it can be told where that ends, and which teams are near; no ranking."""
        return spread.spread(self.view)

    def maturity_reached(self) -> Section:
        """How many teams have come to which level of maturity, seen and said; no team is named."""
        return maturity_reached.reached(self.view)

    def top_two(self) -> Section:
        """Which two areas to improve first, how sure that is, and what would move."""
        return top_two.top_two(self.view)

    def unallocated(self) -> Section:
        """Cost without a known owner, by reason."""
        return money.unallocated(self.view)

    def worth(self) -> Section:
        """What the platform costs each developer, and from how many hours saved on it would pay, beside what teams get."""
        return worth.worth(self.view)

    def next_paths(self) -> Section:
        """Whether there should be a platform team at all, and which golden path would pay back first."""
        return next_paths.next_paths(self.view)

    def bill_quality(self) -> Section:
        """How good the bill is: how owners are told, what is odd in it, how late it comes."""
        return cost_quality.quality(self.view)

    def cost_bridge(self) -> Section:
        """What was invoiced and what was used: billed to effective cost, step by step."""
        return cost_bridge.bridge(self.view)

    def deflection(self) -> Section:
        """Whether teams ask less of what they can do themselves: tickets before and after, against teams that could not."""
        return deflection.deflection(self.view)

    def sprawl(self) -> Section:
        """Which parts of the platform hardly anybody uses: questions, with the money each is about."""
        return sprawl.sprawl(self.view)

    def why(self) -> Section:
        """What people write, beside what they rate and what is measured, area by area; and why people left."""
        return why.why(self.view)

    def newcomers(self) -> Section:
        """How soon new engineers ship, in groups large enough to be shown."""
        return newcomers.newcomers(self.view)

    def tco(self, decision: str = "") -> Section:
        """What the options of a decision about a tool cost over their years, and what leaving costs; empty: of all decisions."""
        return tco.tco(self.view, decision)

    def tco_sensitivity(self, decision: str = "") -> Section:
        """What would flip such a decision: each line at its low and high, and the value at which the order turns."""
        return tco_sensitivity.tco_sensitivity(self.view, decision)


def open_report(
    data: str = "data/sample", team: str | None = None, period: str = "", mart: str = ""
) -> TeamReport | OrgReport:
    """The report of ``team``, or without one of the organisation, for ``period``.

    ``period``: a month, quarter or ISO week; empty: the latest complete month. ``mart``: a folder written by
    :meth:`Mart.write`; without one, everything is computed from the data folder ``data``. Relative folders are looked for
    here and in every folder above. Raises :class:`ReportError` for an unknown or empty team or an unknown period, and
    what :func:`idp_analytics.load` raises for data that cannot be loaded.
    """
    if mart:
        opened = Mart.read(found(mart), team)
    else:
        from idp_analytics.organisation import load

        wanted = {"1mo", "1q"} | ({parse(period).every} if period else set())
        opened = Mart.of(load(found(data)), every=sorted(wanted), period=period)
    span = opened.period(period)
    if team is None:
        return OrgReport(View(opened, "org", ORG, span))
    return TeamReport(View(opened, "team", opened.team(team), span))


def only_changes(organisation: Organisation) -> OrgReport:
    """The organisation's report for its latest complete month of which only :meth:`OrgReport.impact` can be asked, in seconds."""
    opened = Mart.of(organisation, ("1mo",), impact.STUDIES)
    return OrgReport(View(opened, "org", ORG, opened.period()))


def found(folder: str) -> Path:
    """``folder`` itself, or the nearest folder of that name above: notebooks run in ``notebooks/`` and in the root alike."""
    path = Path(folder)
    if path.is_absolute():
        return path
    here = Path.cwd()
    return next((base / path for base in (here, *here.parents) if (base / path).exists()), path)
