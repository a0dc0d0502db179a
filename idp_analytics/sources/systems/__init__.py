"""The systems whose exports are read, one module each, and those an organisation adds by itself.

A module has ``SYSTEM``, a :class:`~idp_analytics.sources.system.System`. Another package adds its own under the entry
point group ``idp_analytics.sources``: the name is the ``kind``, the value the module.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pkgutil import iter_modules

from idp_analytics.sources.system import System

GROUP = "idp_analytics.sources"
"""Entry points of sources that another package adds."""


@cache
def modules() -> dict[str, str]:
    """``kind`` → module, ours and added ones; ours win."""
    added = {entry.name: entry.value for entry in entry_points(group=GROUP)}
    own = {module.name: f"{__name__}.{module.name}" for module in iter_modules(__path__)}
    return {**added, **own}


def system(kind: str) -> System:
    """The system of that ``kind``; ``KeyError`` when there is none."""
    found: System = import_module(modules()[kind]).SYSTEM
    return found


@cache
def systems() -> tuple[System, ...]:
    """Every system, by name."""
    return tuple(system(kind) for kind in sorted(modules()))
