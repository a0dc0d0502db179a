"""How others count, as data: presets of named tools and of our own rule, and the one engine that evaluates any of them."""

import re

from idp_analytics.errors import ReportError, nearest
from idp_analytics.metrics.presets.answered import answered
from idp_analytics.metrics.presets.definition import Definition
from idp_analytics.metrics.presets.evaluate import evaluated
from idp_analytics.metrics.presets.ours import IDP, LINK_RULES, VARIANTS
from idp_analytics.metrics.presets.tools import TOOLS

PRESETS: tuple[Definition, ...] = (IDP, *TOOLS, *VARIANTS)
"""Every definition by which answers can be computed: ours first, then tools, then ours with one choice made otherwise."""


def preset(name: str) -> Definition:
    """The definition of that name; a tool's name without the year is its latest (``devlake``: ``devlake_2023``).

    Raises :class:`ReportError` with the nearest known name.
    """
    exact = [d for d in PRESETS if d.name == name]
    dated = sorted((d for d in PRESETS if re.fullmatch(rf"{re.escape(name)}_\d{{4}}", d.name)), key=lambda d: d.name)
    if exact or dated:
        return (exact or dated)[-1]
    raise ReportError(f"There is no definition {name!r}.{nearest(name, [d.name for d in PRESETS])}")


__all__ = ["IDP", "LINK_RULES", "PRESETS", "TOOLS", "VARIANTS", "Definition", "answered", "evaluated", "preset"]
