"""Studies of delivery: how fast and how safely software reaches production, and how far the numbers can be trusted."""

from __future__ import annotations

from idp_analytics.metrics.benchmarks import benchmarks
from idp_analytics.metrics.comparison import comparison
from idp_analytics.metrics.deployment_classes import deployment_classes
from idp_analytics.metrics.gaming import gaming
from idp_analytics.metrics.lead_time_ledger import lead_time_ledger
from idp_analytics.metrics.nine_in_ten import nine_in_ten
from idp_analytics.metrics.page_load import page_load
from idp_analytics.metrics.process_behaviour import process_behaviour
from idp_analytics.metrics.reconciliation import reconciliation
from idp_analytics.metrics.sensitivity import link_sensitivity
from idp_analytics.metrics.service_levels import service_levels
from idp_analytics.metrics.studies.people import People
from idp_analytics.metrics.studies.study import Shown, Study
from idp_analytics.metrics.trends import trends

STUDIES: tuple[Study, ...] = (
    Study(
        "process_behaviour",
        "one delivery metric, or tickets per developer, of one entity in one week, with natural process limits and whether it is a signal",
        process_behaviour,
        People.HEADS,
    ),
    Study(
        "trend", "one delivery metric of one entity, with its slope over the last complete months", trends, People.NONE
    ),
    Study(
        "comparison",
        "one delivery metric of one team in one month or quarter, beside what chance allows",
        comparison,
        People.NONE,
        Shown.PERIOD,
        narrows=True,
    ),
    Study(
        "link_sensitivity",
        "one number of one entity in one month or quarter under one link rule",
        link_sensitivity,
        People.NONE,
        Shown.PERIOD,
        narrows=True,
    ),
    Study(
        "reconciliation",
        "one of our numbers beside another tool's, or one choice on the way from ours to theirs with the rows it moves",
        reconciliation,
        People.NONE,
        Shown.PERIOD,
        narrows=True,
    ),
    Study(
        "benchmarks",
        "one delivery number of one entity in its latest complete month or quarter, beside one published figure or target",
        benchmarks,
        People.NONE,
    ),
    Study(
        "lead_time_ledger",
        "one stage of the lead time of one entity in one month or quarter, with its share of the whole and what is not split",
        lead_time_ledger,
        People.NONE,
        Shown.PERIOD,
        narrows=True,
    ),
    Study(
        "deployment_classes",
        "the deployments of one entity in one month or quarter that were of one class, or decided by one rule",
        deployment_classes,
        People.NONE,
        Shown.PERIOD,
        narrows=True,
    ),
    Study(
        "service_levels",
        "one objective of one service in one month or quarter, with its error budget",
        service_levels,
        People.NONE,
        Shown.PERIOD,
    ),
    Study(
        "gaming",
        "one signal of one check of one entity in one month or quarter, against the one before",
        gaming,
        People.NONE,
        Shown.PERIOD,
        narrows=True,
    ),
    Study(
        "page_load",
        "the pages of one entity in one month or quarter and one class of hours, per shift's worth of such hours on call",
        page_load,
        People.WORK,
        Shown.PERIOD,
    ),
    Study(
        "nine_in_ten",
        "one duration of one entity in one month or quarter: by when nine in ten had ended, with what has not counted in",
        nine_in_ten,
        People.WORK,
        Shown.COURSE,
        narrows=True,
    ),
)
