"""Studies of cost: whose it is, what moved it, what lies ahead and what a tool costs over years."""

from __future__ import annotations

from idp_analytics.metrics.allocation import studies as allocation
from idp_analytics.metrics.bill_quality import bill_quality
from idp_analytics.metrics.cost_anomalies import cost_anomalies
from idp_analytics.metrics.cost_bridge import cost_bridge
from idp_analytics.metrics.cost_forecast import cost_forecast
from idp_analytics.metrics.cost_lines import cost_lines
from idp_analytics.metrics.cost_restatement import nothing_before
from idp_analytics.metrics.cost_restatement_reasons import none_before
from idp_analytics.metrics.cost_variance import cost_variance
from idp_analytics.metrics.studies.people import People
from idp_analytics.metrics.studies.study import Shown, Study
from idp_analytics.metrics.tco_study import tco, tco_lines, tco_years
from idp_analytics.metrics.unit_costs import unit_costs

STUDIES: tuple[Study, ...] = (
    Study(
        "pools",
        "one pool of shared cost in one month or quarter, with what a team pays of it, or what of it nobody pays and why",
        allocation.pools,
        People.NONE,
        Shown.PERIOD,
        narrows=True,
    ),
    Study(
        "cost_views",
        "the cost of one entity in one month or quarter by one value of one dimension (service, component, …, golden path)",
        allocation.cost_views,
        People.NONE,
        Shown.PERIOD,
        narrows=True,
    ),
    Study(
        "allocation_methods",
        "what one team would pay in one month or quarter by one method of sharing, or what nobody would (org)",
        allocation.allocation_methods,
        People.NONE,
        Shown.PERIOD,
        narrows=True,
    ),
    Study(
        "cost_variance",
        "one effect on the cost of one entity in one month or quarter against the one before, or one item that moved most",
        cost_variance,
        People.NONE,
        Shown.PERIOD,
        narrows=True,
    ),
    Study(
        "cost_lines",
        "what one owner was charged in one month for one item, or paid of one pool; a later run is compared with it",
        cost_lines,
        People.NONE,
    ),
    Study(
        "unit_costs",
        "the cost of one entity in one month or quarter per deployment, active service or active developer",
        unit_costs,
        People.HEADS,
        Shown.COURSE,
        narrows=True,
    ),
    Study(
        "bill_quality",
        "one measure of the bill in one month or quarter and currency: allocated, owner told by, corrections, lag, …",
        bill_quality,
        People.NONE,
        Shown.COURSE,
    ),
    Study(
        "cost_bridge",
        "one step from billed to effective cost of one provider in one month or quarter and currency",
        cost_bridge,
        People.NONE,
        Shown.PERIOD,
        narrows=True,
    ),
    Study(
        "cost_forecast",
        "the cost of one entity and currency in one of the next three months, as the past allows to say it",
        cost_forecast,
        People.NONE,
    ),
    Study(
        "cost_anomalies",
        "days in a row that cost one entity much more or less than the weeks before, or one period of it with the days tested",
        cost_anomalies,
        People.NONE,
        Shown.PERIOD,
        narrows=True,
    ),
    Study(
        "cost_restatement",
        "one amount of cost that is not what the report published before this one said, with what kind of change it is",
        nothing_before,
        People.NONE,
    ),
    Study(
        "cost_restatement_reasons",
        "what one reason made of the difference of such an amount; over the reasons it adds up",
        none_before,
        People.NONE,
    ),
    Study(
        "tco",
        "one option of one decision about a tool, with what it costs over its years and how sure its place is",
        tco,
        People.HEADS,
    ),
    Study(
        "tco_years",
        "one year of one such option: cash, running totals and what leaving at its end costs",
        tco_years,
        People.NONE,
    ),
    Study(
        "tco_lines",
        "one line of one such option, with what follows where it alone lies elsewhere",
        tco_lines,
        People.NONE,
    ),
)
