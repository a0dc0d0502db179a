"""The one gate every table passes: expectations in ``expectations/<table>.json``, run fast or by great-expectations."""

from __future__ import annotations

from idp_analytics.checks.gate import RESULTS, Gated, check, closing
from idp_analytics.checks.words import describe

__all__ = ["RESULTS", "Gated", "check", "closing", "describe"]
