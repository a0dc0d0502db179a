"""Studies of what people say: surveys and their comments."""

from __future__ import annotations

from idp_analytics.metrics.exit_reasons import exit_reasons
from idp_analytics.metrics.studies.people import People
from idp_analytics.metrics.studies.study import Study
from idp_analytics.metrics.survey_price import survey_price
from idp_analytics.metrics.survey_quality import survey_quality
from idp_analytics.metrics.survey_results import survey_answers, survey_results
from idp_analytics.metrics.theme_links import theme_links
from idp_analytics.metrics.theme_quality import theme_quality
from idp_analytics.metrics.themes import themes
from idp_analytics.metrics.top_two import top_two
from idp_analytics.metrics.uncoded import uncoded

STUDIES: tuple[Study, ...] = (
    Study(
        "survey_results",
        "one question, or given answer, of one closed wave of a survey in one entity, as far as it may be shown, with its change",
        survey_results,
        People.COUNTS,
    ),
    Study(
        "survey_answers",
        "how many of one entity gave one answer to one question of one closed wave, where that may be shown",
        survey_answers,
        People.COUNTS,
    ),
    Study(
        "themes",
        "the comments of one closed wave in one entity that have one theme, as far as it may be shown, with the change",
        themes,
        People.COUNTS,
    ),
    Study(
        "theme_links",
        "one theme of one closed wave, with what goes with it: lower ratings, and the metric of its area across teams",
        theme_links,
        People.ORGANISATION,
    ),
    Study(
        "theme_quality",
        "one theme of the codebook, measured against people who read the same comments",
        theme_quality,
        People.ORGANISATION,
    ),
    Study(
        "uncoded",
        "one list of words that comments without a theme share, for whoever keeps the codebook",
        uncoded,
        People.ORGANISATION,
    ),
    Study(
        "exit_reasons",
        "one reason for which people left in four quarters, where enough left to be shown",
        exit_reasons,
        People.ORGANISATION,
    ),
    Study(
        "survey_quality",
        "one measure of one closed wave in one entity: the index of its ratings, alpha, first days against later, response",
        survey_quality,
        People.COUNTS,
    ),
    Study(
        "survey_price",
        "one price shown in one closed wave and who would keep the platform at it; what it is worth at least; the range of prices",
        survey_price,
        People.ORGANISATION,
    ),
    Study(
        "top_two",
        "one area in one closed wave by one kind of evidence of what to improve first, or by all together; tickets by category beside",
        top_two,
        People.ORGANISATION,
    ),
)
