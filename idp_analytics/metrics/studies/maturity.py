"""Studies of maturity: claimed, seen and under stress, and what is done about it."""

from __future__ import annotations

from idp_analytics.metrics.follow_through import follow_through
from idp_analytics.metrics.maturity import (
    maturity,
    maturity_cells,
    maturity_changes,
    maturity_criteria,
    maturity_gaming,
    maturity_history,
    maturity_items,
    maturity_moved,
    maturity_reached,
    maturity_roles,
    maturity_step_outcomes,
    maturity_steps,
    maturity_targets,
    maturity_thresholds,
)
from idp_analytics.metrics.scorecard_study import scorecard_disputes, scorecard_rules, scorecards
from idp_analytics.metrics.self_agreement import self_agreement
from idp_analytics.metrics.stress_signals import stress_signals
from idp_analytics.metrics.studies.people import People
from idp_analytics.metrics.studies.study import Shown, Study

STUDIES: tuple[Study, ...] = (
    Study(
        "self_agreement",
        "one aspect, or all, of the self-assessment of one entity in one wave: how far people agree, what they do not know",
        self_agreement,
        People.COUNTS,
    ),
    Study(
        "maturity",
        "one aspect of maturity of one entity: the level that is seen, as an interval, beside the level that is said",
        maturity,
        People.LEVELS,
    ),
    Study(
        "maturity_cells",
        "one level of one aspect of one entity: how much of what it asks is met, not met, unknown",
        maturity_cells,
        People.HEADS,
    ),
    Study(
        "maturity_criteria",
        "one criterion of the maturity model for one entity it is asked of: what was measured, against which threshold, and how it stands",
        maturity_criteria,
        People.HEADS,
    ),
    Study(
        "maturity_thresholds",
        "the same criterion: from where to where its threshold could lie without a change, and what level would follow from one",
        maturity_thresholds,
        People.HEADS,
    ),
    Study(
        "maturity_items",
        "one item of the self-assessment in one wave and entity: how many gave which answer, where enough answered",
        maturity_items,
        People.COUNTS,
    ),
    Study(
        "maturity_reached",
        "one level of one aspect: how many teams have surely and possibly come to it, by what is seen or by what they say",
        maturity_reached,
        People.LEVELS,
    ),
    Study(
        "maturity_roles",
        "one aspect of the last self-assessment as one role of the whole organisation says it, beside what is seen; or a role of which nothing is told, and why",
        maturity_roles,
        People.ORGANISATION,
    ),
    Study(
        "maturity_targets",
        "one level of one aspect that one entity set out to reach: by when, how far it is, and how much of what it asks is there",
        maturity_targets,
        People.HEADS,
    ),
    Study(
        "maturity_steps",
        "one thing one entity could do next, or has resolved to do, with the number it should move and why this one",
        maturity_steps,
        People.HEADS,
    ),
    Study(
        "maturity_step_outcomes",
        "one step that was taken up: what became of it, and whether its number moved from the quarter before to the one after",
        maturity_step_outcomes,
        People.HEADS,
    ),
    Study(
        "scorecards",
        "one scorecard of the portal, or one level of it, at the end of one month or quarter: how many services of one entity have come to it",
        scorecards,
        People.NONE,
        Shown.COURSE,
    ),
    Study(
        "scorecard_rules",
        "one rule of a scorecard at the end of one month or quarter: how many services pass it, and how often that is what is seen here",
        scorecard_rules,
        People.NONE,
    ),
    Study(
        "scorecard_disputes",
        "one service of which a rule of a scorecard says the opposite of what is seen here, at the end of a late month or quarter",
        scorecard_disputes,
        People.NONE,
        Shown.PERIOD,
    ),
    Study(
        "maturity_history",
        "one aspect of one entity at the end of the data or a quarter before: the level by the model, thresholds and exemptions of today",
        maturity_history,
        People.HEADS,
    ),
    Study(
        "maturity_changes",
        "one part of the change of one aspect of one entity since the report before, or the quarter before: over the parts it adds up",
        maturity_changes,
        People.HEADS,
    ),
    Study(
        "maturity_moved",
        "one criterion of one entity that stands otherwise because of one such part",
        maturity_moved,
        People.HEADS,
    ),
    Study(
        "maturity_gaming",
        "one check of one entity, aspect or criterion: whether a level could look higher than things are, with its innocent explanation",
        maturity_gaming,
        People.LEVELS,
    ),
    Study(
        "stress_signals",
        "one thing one entity does under one kind of stress, in the year before the end of one month or quarter, against calm",
        stress_signals,
        People.WORK,
        Shown.PERIOD,
        narrows=True,
    ),
    Study(
        "follow_through",
        "the actions one entity resolved in the year before the end of one month or quarter, by origin or in all, and what became of them",
        follow_through,
        People.NONE,
        Shown.COURSE,
    ),
)
