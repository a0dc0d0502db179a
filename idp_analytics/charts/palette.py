"""Colours that colour-blind readers can tell apart (Okabe & Ito 2008) and that show on white and on near-black alike."""

from __future__ import annotations

OWN = "#0072B2"
"""What the chart is about: blue."""

WARNING = "#D55E00"
"""What needs care, unallocated or incomplete: vermilion."""

QUIET = "#7A7A7A"
"""What it is compared with, and where there is no number: grey."""

PAPER = ("#ffffff", "#0d1117")
"""The lightest and darkest background; every colour above has a contrast of at least 3 : 1 on both (WCAG 2.2, 1.4.11)."""
