"""What each system alone can answer: what SOURCES.md says of it is so of the company as that system exports it."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest

from idp_analytics import sources
from idp_analytics.sources import sample
from idp_analytics.sources.alone import EVIDENCE, NO, QUESTIONS, YES, answer, lines
from idp_analytics.sources.sample import native as dialects
from idp_analytics.sources.systems import system, systems
from idp_analytics.tables.conform import conform
from idp_analytics.tables.numbered import as_text

AS_OF = datetime(2026, 7, 1, tzinfo=UTC)
PLATFORM = ("backstage", "port", "cortex", "argocd", "flux", "crossplane", "terraform", "kyverno", "opa")


UNWRITTEN = {
    ("argocd", "Which deployments went through a path?"), ("flux", "Which deployments went through a path?"),
    ("flux", "Which version do they run?"), ("backstage", "Which version do they run?"),
}  # fmt: skip
"""What the synthetic company does not write in that system; that the reader tells it is proved by its own tests."""


@pytest.fixture(scope="module")
def company():
    return sample.generate().tables


@pytest.fixture(scope="module")
def read(company, tmp_path_factory):
    """Table → rows of the whole company as one system alone exports it."""
    known: dict[str, dict[str, pl.DataFrame]] = {}

    def alone(kind):
        if kind in known:
            return known[kind]
        folder, paths = tmp_path_factory.mktemp(kind), []
        for name, content in dialects.dialect(kind).files(company).items():
            paths.append(folder / name)
            paths[-1].parent.mkdir(parents=True, exist_ok=True)
            paths[-1].write_bytes(dialects.written(name, content))
        given = {"as_of": AS_OF, **dialects.dialect(kind).OPTIONS}
        zone = given.pop("time_zone", None)
        found: dict[str, list[pl.DataFrame]] = {}
        for extract in sources.read(kind, paths, given, folder):
            found.setdefault(extract.table, []).append(as_text(conform(extract, kind, zone).rows))
        known[kind] = {name: pl.concat(frames) for name, frames in found.items()}
        return known[kind]

    return alone


@pytest.mark.parametrize("kind", PLATFORM)
@pytest.mark.parametrize("question", QUESTIONS, ids=[question.text for question in QUESTIONS])
def test_what_is_said_of_a_system_is_so(read, kind, question):
    said = answer(system(kind), question)
    rows = read(kind).get(question.table)
    if question.evidence and rows is not None:
        rows = rows.filter(pl.col("evidence").is_in(list(question.evidence)))
    if said == NO:
        assert rows is None or rows.is_empty()
    elif said.startswith("not told"):
        lost = [name for name in question.columns if f"`{name}`" in said]
        assert lost
        assert rows is None or all(rows[name].null_count() == rows.height for name in lost)
    elif rows is not None and rows.height:
        told = {name: rows[name].null_count() < rows.height for name in question.columns}
        assert all(told.values()) != ((kind, question.text) in UNWRITTEN), told


@pytest.mark.parametrize("kind", EVIDENCE)
def test_evidence_is_what_the_rows_are_evidence_of(read, kind):
    rows = read(kind).get("service_golden_path")
    if kind == "argocd":
        assert rows is None  # the company has no path there; its reader's own tests have
        return
    assert set(rows["evidence"].unique()) <= set(EVIDENCE[kind])


def test_every_system_that_tells_of_paths_says_of_what_it_is_evidence():
    assert {one.kind for one in systems() if "service_golden_path" in one.tables} == set(EVIDENCE)


@pytest.mark.parametrize("kind", PLATFORM)
def test_each_answers_something_and_none_everything(kind):
    said = [answer(system(kind), question) for question in QUESTIONS]
    assert set(said) & {YES, "from copies"}
    assert set(said) - {YES, "from copies"}


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        ("backstage", "Which were born on one?", YES),
        ("backstage", "Which services are seen on a path?", NO),  # born is not on it today
        ("argocd", "Who stays?", "from copies"),
        ("port", "How soon is the result usable?", "not told: `usable_at`"),
        ("crossplane", "How soon is the result usable?", YES),
        ("crossplane", "Which runs are tries of one request?", "not told: `requestor_id`"),
        ("kyverno", "How long is the queue for approval?", NO),
        ("opa", "Have they run out?", "not told: `expires_at`"),
        ("terraform", "Does somebody else approve?", YES),
    ],
)
def test_said_of_some(kind, text, said):
    (question,) = (one for one in QUESTIONS if one.text == text)
    assert answer(system(kind), question) == said


def test_the_table_has_every_system_of_a_platform():
    text = "\n".join(lines())
    assert all(f"| {system(kind).title} |" in text.splitlines()[4] for kind in PLATFORM)
