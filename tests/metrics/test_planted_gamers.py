"""The teams of the synthetic company that make a number look better are found, and others are not accused too often."""

from __future__ import annotations

import json

import polars as pl
import pytest

from idp_analytics.metrics.gaming import LOOK
from idp_analytics.metrics.maturity.gaming import LATE
from idp_analytics.organisation import load
from idp_analytics.sources import sample

SEEDS = range(1, 7)
RENAMED = "cancelled instead of failed"


def planted(folder):
    told = json.loads((folder / "truth.json").read_text(encoding="utf-8"))["gaming"]
    return told["calls_failed_deployments_cancelled"]["team"], told["closes_actions_as_a_quarter_ends"]["team"]


def raised(frame, *columns):
    return set(frame.filter(pl.col("verdict") == LOOK, scope="team").select("entity_id", *columns).unique().iter_rows())


def test_the_teams_that_game_a_number_are_found_and_no_other(mart, repository):
    """The quarter in which it began, and nothing of any other team in any month or quarter."""
    renamer, late_closer = planted(repository / "data" / "sample")
    assert raised(mart.studies["gaming"], "every", "period", "check") == {(renamer, "1q", "2026-Q2", RENAMED)}
    assert raised(mart.studies["maturity_gaming"], "check") == {(late_closer, LATE)}


@pytest.mark.slow
def test_they_are_found_in_other_companies_too_and_hardly_anybody_else(tmp_path):
    """Measured over six companies: who calls failures cancelled in five of six, who closes late in four of six (the others left too few records
    to tell apart), and in 3,833 checks of teams that could be made nobody else."""
    renamers = closers = others = made = 0
    for seed in SEEDS:
        folder = tmp_path / str(seed)
        sample.write(folder, sample.generate(seed=seed))
        org = load(folder)
        renamer, late_closer = planted(folder)
        numbers, levels = (
            org.study(name).filter(pl.col("q").is_not_null(), scope="team") for name in ("gaming", "maturity_gaming")
        )
        found = raised(numbers, "every", "period", "check") | raised(levels, "check")
        renamers += (renamer, "1q", "2026-Q2", RENAMED) in found
        closers += (late_closer, LATE) in found
        others += len([one for one in found if (one[0], one[-1]) not in ((renamer, RENAMED), (late_closer, LATE))])
        made += numbers.select("entity_id", "every", "period", "check").unique().height + levels.height
    assert renamers >= 5
    assert closers >= 4
    assert made > 3000
    assert others <= 0.01 * made
