"""Studies of self-service and approval: what runs and gates take, and what they are worth."""

from __future__ import annotations

from idp_analytics.metrics.approval_queue import approval_queue
from idp_analytics.metrics.boundary import boundary
from idp_analytics.metrics.gate_value import gate_value
from idp_analytics.metrics.policy_study import policies
from idp_analytics.metrics.provisioning import provisioning, run_outcomes
from idp_analytics.metrics.rubber_stamps import approvals
from idp_analytics.metrics.studies.people import People
from idp_analytics.metrics.studies.study import Shown, Study

STUDIES: tuple[Study, ...] = (
    Study(
        "provisioning",
        "one part of the time from asking to use of one operation, or of all, in one month or quarter of one entity",
        provisioning,
        People.WORK,
        Shown.PERIOD,
        narrows=True,
    ),
    Study(
        "run_outcomes",
        "what became of the runs of one operation, or of all, in one month or quarter of one entity",
        run_outcomes,
        People.WORK,
        Shown.PERIOD,
        narrows=True,
    ),
    Study(
        "approval_queue",
        "the requests for approval of one entity in one month or quarter: waits in clock or in working hours, and who waits now",
        approval_queue,
        People.WORK,
        Shown.PERIOD,
        narrows=True,
    ),
    Study(
        "policies",
        "the services of one entity by how they stand with one policy, or with all, at the end of one month or quarter",
        policies,
        People.NONE,
        Shown.COURSE,
    ),
    Study(
        "approvals",
        "the requests for approval of one operation in one month or quarter of one entity: waits, decisions, signs of a rubber stamp",
        approvals,
        People.WORK,
        Shown.PERIOD,
        narrows=True,
    ),
    Study(
        "gate_value",
        "the deployments of one entity in one month or quarter and one tier, or of all: how often they failed, approved before or not",
        gate_value,
        People.WORK,
        Shown.PERIOD,
        narrows=True,
    ),
    Study(
        "boundary",
        "one operation behind one gate by one route in one month or quarter of one entity: uses, hours waited, done unchecked",
        boundary,
        People.WORK,
        Shown.PERIOD,
        narrows=True,
    ),
)
