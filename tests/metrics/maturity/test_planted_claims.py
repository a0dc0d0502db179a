"""Who is found of those planted, and who is accused beside them, over companies made from other seeds than the one that ships."""

from __future__ import annotations

import json

import polars as pl
import pytest

from idp_analytics.metrics.maturity import studies
from idp_analytics.organisation import load
from idp_analytics.sources import sample

SEEDS = range(1, 7)


@pytest.mark.slow
def test_planted_claims_and_habits_are_found_in_other_companies_too(tmp_path):
    """Measured over six companies: the over-claimer in six of six, the under-claimer in six of six, both who go round rules under stress in all, and
    nobody else. Of the other teams, 102 aspects, 12 are told apart from what is seen: they claim about what the shipped company's data show, which
    another seed's data need not; none is in the shipped company."""
    over = under = others = aspects = 0
    for seed in SEEDS:
        folder = tmp_path / str(seed)
        sample.write(folder, sample.generate(seed=seed))
        org = load(folder)
        planted = json.loads((folder / "truth.json").read_text(encoding="utf-8"))["maturity"]
        gaps = org.study("maturity").filter(scope="team").drop_nulls("gap")
        claimed = {kind: set(gaps.filter(gap=kind)["entity_id"]) for kind in (studies.MORE, studies.LESS)}
        over += set(planted["over_claimers"]) <= claimed[studies.MORE]
        under += set(planted["under_claimers"]) <= claimed[studies.LESS]
        assert not set(planted["over_claimers"]) & claimed[studies.LESS]
        assert not set(planted["under_claimers"]) & claimed[studies.MORE]
        usual = gaps.filter(~pl.col("entity_id").is_in([*planted["over_claimers"], *planted["under_claimers"]]))
        aspects += usual.height
        others += usual.filter(pl.col("gap").is_in([studies.MORE, studies.LESS])).height
        broken = org.study("maturity_criteria").filter(
            scope="team", criterion="operations-under-stress", state="not met"
        )
        assert set(broken["entity_id"]) == set(planted["stress_bypassers"])
    assert over == len(SEEDS)
    assert under >= 5
    assert others <= 0.2 * aspects
