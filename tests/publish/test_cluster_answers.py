"""Answers of a real cluster: to the last digit those of one machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from cluster_building import Started
from polars.testing import assert_frame_equal

from idp_analytics.errors import ReportError
from idp_analytics.organisation import Organisation
from idp_analytics.publish import cluster as clusters
from idp_analytics.publish import cluster_answers


def test_a_worker_that_does_not_see_the_tables_says_so(organisation: Organisation, tmp_path: Path) -> None:
    given = (organisation.settings, organisation.as_of, ["org"], ["1mo"], clusters.identity())
    with pytest.raises(ReportError, match=r"tables: a worker of the cluster does not see it\."):
        cluster_answers.answered(tmp_path / "tables", "deployment_frequency", *given)


@pytest.mark.slow
def test_answers_of_a_cluster_are_those_of_one_machine_to_the_last_digit(
    sample: Organisation, cluster: Callable[[int], Started], tmp_path: Path
) -> None:
    address, _ = cluster(2)
    answers = cluster_answers.answers(sample, address, tmp_path, every=["1w", "1mo", "1q"])
    assert_frame_equal(answers, sample.answers(every=["1w", "1mo", "1q"]), check_exact=True)
    assert list(tmp_path.glob(".tables-*")) == []
