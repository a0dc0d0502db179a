"""The company's self-assessments as the files the form saves, all in one list."""

from __future__ import annotations

from typing import Any

import polars as pl

from idp_analytics.sources.assessment_forms import FINAL, FORM, FORM_VERSION
from idp_analytics.sources.sample.native import Tables

OPTIONS: dict[str, Any] = {}
OTHERWISE: dict[str, frozenset[str]] = {}
_ABOUT = ("assessment_id", "wave", "team_id", "role", "model_version", "submitted_at")


def files(tables: Tables) -> dict[str, Any]:
    """``forms.json``: one document per respondent."""
    answers = tables["assessments"].group_by(_ABOUT, maintain_order=True).agg(
        pl.struct(pl.col("item_id").alias("item"), "answer", "reason", "confidence").alias("answers")
    )  # fmt: skip
    return {
        "forms.json": [
            {
                "form": FORM, "form_version": FORM_VERSION, "model_version": row["model_version"], "state": FINAL,
                "assessment_id": row["assessment_id"], "team": row["team_id"], "wave": row["wave"], "role": row["role"],
                "submitted_at": f"{row['submitted_at']:%Y-%m-%dT%H:%M:%S.000Z}", "answers": row["answers"],
            }
            for row in answers.iter_rows(named=True)
        ]
    }  # fmt: skip


def told(tables: Tables) -> dict[str, pl.DataFrame]:
    """Every answer; how sure one is, only where a level was answered; nothing of who answered."""
    is_level = pl.col("answer").is_in(["1", "2", "3", "4"])
    return {
        "assessments": tables["assessments"]
        .drop("respondent_id", "source", "load_id", "source_row", strict=False)
        .with_columns(
            pl.concat_str(pl.lit("self_assessment:"), "assessment_id").alias("assessment_id"),
            pl.when(is_level).then("confidence").alias("confidence"),
        )
    }
