"""Comments as two people coded them, who overlook some and imagine some."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from idp_analytics.sources.sample.comments import THEMES
from idp_analytics.sources.sample.company import World
from idp_analytics.sources.sample.draw import Bools, stream

CODERS = (("coder-1", 0.08, 0.02), ("coder-2", 0.14, 0.03))
"""Who codes comments, what share of what is there they overlook, and of what is not there they imagine."""


def codes(
    written: Sequence[tuple[str, str, tuple[str, ...]]], waves: Sequence[str], world: World
) -> tuple[pl.DataFrame, dict[str, Any]]:
    """Comments (response, wave, themes) of these waves as two people coded them, one row per theme found (``none``: the comment has none), and how far
    they agree: per theme how many comments both, only the one, only the other, and neither gave it."""
    rng = stream(world.seed, "coding")
    coded_ones = [(response, themes) for response, wave, themes in written if wave in waves]
    found = [(name, _found([themes for _, themes in coded_ones], rng, missed, seen)) for name, missed, seen in CODERS]
    rows = [
        (response, "comment@1", coder, theme)
        for coder, given in found
        for (response, _), row in zip(coded_ones, given, strict=True)
        for theme in ([name for name, is_there in zip(THEMES, row, strict=True) if is_there] or ["none"])
    ]
    (_, one), (_, other) = found
    counts = {
        theme: {
            "both": int((one[:, i] & other[:, i]).sum()), "only_coder_1": int((one[:, i] & ~other[:, i]).sum()),
            "only_coder_2": int((~one[:, i] & other[:, i]).sum()), "neither": int((~one[:, i] & ~other[:, i]).sum()),
        }
        for i, theme in enumerate(THEMES)
    }  # fmt: skip
    frame = pl.DataFrame(
        rows, schema=dict.fromkeys(("response_id", "question_id", "coder", "theme"), pl.String), orient="row"
    )
    return frame, {"comments": len(coded_ones), "themes": counts}


def _found(themes: Sequence[Sequence[str]], rng: np.random.Generator, overlooked: float, imagined: float) -> Bools:
    """What one coder finds, comment × theme: of what is there some is overlooked, and some is found that is not there."""
    there = np.array([[theme in about for theme in THEMES] for about in themes], dtype=np.bool_).reshape(
        -1, len(THEMES)
    )
    lot = rng.random(there.shape)
    return np.where(there, lot >= overlooked, lot < imagined)
