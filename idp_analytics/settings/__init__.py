"""``settings.toml``: what one company chose, read and checked before anything else."""

from idp_analytics.settings.company import (
    BASES,
    ENVIRONMENTS,
    FILE,
    FIRST_DEPLOYMENT,
    LEAD_TIME_UNITS,
    Mark,
    Rules,
    Settings,
    SourceSettings,
    Target,
    parse,
    read,
)
from idp_analytics.settings.questions import Question, Questionnaire, SurveyRules

__all__ = [
    "BASES",
    "ENVIRONMENTS",
    "FILE",
    "FIRST_DEPLOYMENT",
    "LEAD_TIME_UNITS",
    "Mark",
    "Question",
    "Questionnaire",
    "Rules",
    "Settings",
    "SourceSettings",
    "SurveyRules",
    "Target",
    "parse",
    "read",
]
