"""Measure an internal developer platform from the exports you already have.

>>> import idp_analytics as idp
>>> org = idp.load("data/sample")
>>> org.answers("change_fail_rate", by="team", every="1mo")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from idp_analytics.organisation import Organisation, load
    from idp_analytics.report import open_report

__version__ = "0.1.0"

__all__ = ["Organisation", "__version__", "load", "open_report"]


def __getattr__(name: str) -> Any:
    """Import on first use: ``idp --help`` and a notebook's kernel should not wait for what they do not need."""
    if name in ("Organisation", "load"):
        from idp_analytics import organisation as module

        return getattr(module, name)
    if name == "open_report":
        from idp_analytics.report import open_report

        return open_report
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
