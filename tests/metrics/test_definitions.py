from __future__ import annotations

import pytest

from idp_analytics.answers import Estimator, Verdict
from idp_analytics.errors import ReportError
from idp_analytics.generated import DOCUMENTS
from idp_analytics.metrics import CATALOGUE, by_name, definitions
from idp_analytics.metrics.value import METHODS
from idp_analytics.tables import TABLES


def test_the_committed_document_is_the_generated_one(repository):
    assert (repository / "METRICS.md").read_text(encoding="utf-8") == DOCUMENTS["METRICS.md"](), "run make generated"


def test_every_estimator_and_verdict_is_explained():
    assert set(definitions.ESTIMATORS) == set(METHODS) == set(Estimator)
    assert set(definitions.VERDICTS) == set(Verdict)


def test_table_rows_have_as_many_cells_as_their_head():
    cells = 0
    for line in definitions.markdown().splitlines():
        if not line.startswith("|"):
            cells = 0
            continue
        cells = cells or line.count("|")
        assert line.count("|") == cells, line


@pytest.mark.parametrize("metric", CATALOGUE, ids=lambda m: m.name)
def test_a_definition_says_all_there_is_to_know(metric):
    assert metric.question.endswith("?")
    assert set(metric.tables) <= set(TABLES)
    assert TABLES[metric.tables[0]].time, "the first table dates the metric"
    assert metric.better in ("higher", "lower", None)
    assert metric.observations.__name__ == metric.name
    told = definitions.text(metric)
    for part in (metric.title, metric.formula, metric.unit, metric.population, metric.null_policy, metric.source):
        assert part in told
    assert (metric.link_rule or "") in told


def test_names_are_unique_and_a_wrong_one_gets_the_nearest():
    assert len({metric.name for metric in CATALOGUE}) == len(CATALOGUE)
    assert by_name("change_fail_rate") in CATALOGUE
    with pytest.raises(ReportError, match=r"no metric 'change_failure_rate'\. Did you mean 'change_fail_rate'"):
        by_name("change_failure_rate")
