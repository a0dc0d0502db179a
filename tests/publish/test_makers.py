"""Makers of pages: many pages by one process, and none knows of another."""

from __future__ import annotations

import json
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from company_building import SCRIPT, chart, notebook
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from idp_analytics.publish import forked, makers
from idp_analytics.publish.engine import Failure, Job, Outcome
from idp_analytics.publish.inprocess import Begun, Done, Record, Said
from idp_analytics.publish.page import Page

HEADINGS = ("How often?", "How fast?")
SHOWN: tuple[dict[str, Any], ...] = (
    {"text/html": "<p>told</p>", "text/plain": "told"},
    {"application/vnd.vegalite.v5+json": chart(SCRIPT), "text/plain": "a chart"},
    {"text/plain": "<script>1</script>"},
)


def said(shown: Sequence[int], raises: bool) -> list[Record]:
    """What the cells of a notebook of two cells say: the second shows what ``shown`` names."""
    records: list[Record] = [Begun(4)]
    records += [Said(4, "display_data", {"data": SHOWN[n], "metadata": {}, "transient": {}}) for n in shown]
    if raises:
        records.append(Said(4, "error", {"ename": "ValueError", "evalue": "no", "traceback": []}))
    return [*records, Said(4, "execute_input", {"execution_count": 1}), Done(4, raises)]


def noted(folder: Path, number: int, shown: Sequence[int], raises: bool) -> tuple[Job, Path, Failure | None]:
    path = folder / f"{number % 2}.ipynb"
    told = notebook(["# Report", "team = ''", f"## {HEADINGS[number % 2]}", "1"], {"team": {"type": "str"}})
    path.write_text(json.dumps(told), encoding="utf-8")
    journal = folder / f"{number}.journal"
    with journal.open("wb", buffering=0) as file:
        for record in said(shown, raises):
            makers._Noting(file)(record)
    (folder / "set").mkdir(exist_ok=True)
    return (
        Job(f"page-{number}", path, {"team": f"team {number}"}, folder / "set", Page(f"Team {number}")),
        journal,
        None,
    )


def made(asked: Sequence[tuple[Job, Path, Failure | None]]) -> dict[str, tuple[Any, ...]]:
    """All pages by one maker, in that order: of each the outcome, and the bytes of page and notebook."""
    waiting, outcomes = list(asked), list[Outcome]()

    def hear() -> tuple[Job, Path, Failure | None]:
        if not waiting:
            raise EOFError
        return waiting.pop(0)

    makers.pages(outcomes.append, hear)
    return {
        outcome.name: (
            Outcome(outcome.name, outcome.failure, 0.0, outcome.files),
            *((job.folder / name).read_bytes() for name in sorted(outcome.files)),
        )
        for outcome, (job, *_) in zip(outcomes, asked, strict=True)
    }


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """This process is no maker: it keeps its folder and its allocator."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(makers, "_keep_memory", lambda: None)
    monkeypatch.setattr("gc.set_threshold", lambda *_: None)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    pages=st.lists(st.tuples(st.lists(st.integers(0, 2), max_size=4), st.booleans()), min_size=1, max_size=5),
    order=st.randoms(use_true_random=False),
)
def test_a_page_is_the_same_whatever_was_made_before_it(
    pages: list[tuple[list[int], bool]], order: Any, tmp_path: Path
) -> None:
    asked = [noted(tmp_path, number, shown, raises) for number, (shown, raises) in enumerate(pages)]
    alone = {name: page for one in asked for name, page in made([one]).items()}
    order.shuffle(asked)
    assert made(asked) == alone
    assert [page[0].failure is not None for _, page in sorted(alone.items())] == [raises for _, raises in pages]


class Harmful:
    """Touches a file where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def test_nothing_that_a_cell_has_put_into_its_journal_is_run(tmp_path: Path) -> None:
    harmed, well = noted(tmp_path, 0, [0], raises=False), noted(tmp_path, 1, [1], raises=False)
    with harmed[1].open("ab") as file:
        file.write(pickle.dumps(("Said", 4, "display_data", Harmful(tmp_path / "harm"))))
    outcomes = made([harmed, well])
    failure = outcomes["page-0"][0].failure
    assert failure is not None
    assert "which no notebook can hold" in failure.message
    assert outcomes["page-1"][0].failure is None
    assert not (tmp_path / "harm").exists()


def test_what_a_journal_lacks_at_its_end_is_no_failure_of_reading(tmp_path: Path) -> None:
    cut = noted(tmp_path, 0, [0, 1], raises=False)
    cut[1].write_bytes(cut[1].read_bytes()[:-30])
    died = Failure("KernelDied", "the kernel ended by itself: signal 9")
    (outcome, *_) = made([(cut[0], cut[1], died)]).values()
    assert outcome[0].failure == Failure("KernelDied", died.message, "How often?", 5)


class _Silent:
    """A child that takes what it is sent."""

    def __init__(self) -> None:
        self.asked: list[object] = []
        self.is_closed = False

    def send(self, asked: object) -> None:
        self.asked.append(asked)

    def close(self) -> None:
        self.is_closed = True


def test_a_maker_makes_so_many_pages_and_another_goes_on(tmp_path: Path) -> None:
    begun: list[_Silent] = []

    class Client:
        def call(self, _: object) -> _Silent:
            begun.append(_Silent())
            return begun[-1]

    kept = forked._Makers(Client())  # type: ignore[arg-type]
    job, _, _ = noted(tmp_path, 0, [], raises=False)
    for _ in range(forked.PAGES + 1):
        maker = kept.given(forked._Work(job, tmp_path / "journal"))
        assert maker is not None
        kept.free(maker)
    assert [len(one.asked) for one in begun] == [forked.PAGES, 1]
    assert [one.is_closed for one in begun] == [True, False]
    assert forked.PAGES >= 512  # to begin one takes as long as one and a half pages
