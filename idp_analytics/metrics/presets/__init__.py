"""How others count, as data: presets of named tools and of our own rule, and the one engine that evaluates any of them."""

from idp_analytics.errors import ReportError, nearest
from idp_analytics.metrics.presets.definition import Definition
from idp_analytics.metrics.presets.evaluate import evaluated
from idp_analytics.metrics.presets.ours import IDP, LINK_RULES, VARIANTS
from idp_analytics.metrics.presets.tools import TOOLS

PRESETS: tuple[Definition, ...] = (IDP, *TOOLS, *VARIANTS)
"""Every definition by which answers can be computed: ours first, then tools, then ours with one choice made otherwise."""


def preset(name: str) -> Definition:
    """The definition of that name; raises :class:`ReportError` with the nearest known one."""
    for definition in PRESETS:
        if definition.name == name:
            return definition
    raise ReportError(f"There is no definition {name!r}.{nearest(name, [d.name for d in PRESETS])}")


__all__ = ["IDP", "LINK_RULES", "PRESETS", "TOOLS", "VARIANTS", "Definition", "evaluated", "preset"]
