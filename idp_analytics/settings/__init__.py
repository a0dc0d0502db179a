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

__all__ = [
    "BASES",
    "ENVIRONMENTS",
    "FILE",
    "FIRST_DEPLOYMENT",
    "LEAD_TIME_UNITS",
    "Mark",
    "Rules",
    "Settings",
    "SourceSettings",
    "Target",
    "parse",
    "read",
]
