"""A company loaded by several processes is the one that a single process loads; what goes wrong in one of them is told as it is there."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Literal

import polars as pl
import pytest
from fault_building import KilledChildren
from folder_building import DEPLOYMENTS, OWNERSHIP, folder

from idp_analytics import loading
from idp_analytics.errors import IdpError, ReportError
from idp_analytics.organisation import Organisation, Unread, load, settings_in
from idp_analytics.paths import PACKAGE
from idp_analytics.publish import loading_workers, mart_workers, shelf, zygote
from idp_analytics.publish.kernel import SET
from idp_analytics.publish.loading_order import Order, bytes_of
from idp_analytics.publish.workers import FORKS
from idp_analytics.report.mart import Here
from idp_analytics.tables import TABLES
from idp_analytics.tables.forgotten import FILE
from idp_analytics.tables.pseudonyms import pseudonym

pytestmark = pytest.mark.skipif(not FORKS, reason="only where processes are forked")

SAMPLE = PACKAGE.parent / "data" / "sample"
ADA = pseudonym("ada@example.org")
SAID = f"""response_id,survey_id,wave,question_id,submitted_at,person_id,team_id,value_index,value_number,value_text
r-{ADA},dx,2026-Q1,comment@1,2026-03-01T10:00:00Z,{ADA},pay,0,,too slow
r-b,dx,2026-Q1,satisfaction@1,2026-03-01T10:00:00Z,,pay,0,4,
"""
CODES = f"response_id,question_id,coder,theme\nr-{ADA},comment@1,first,pipeline-speed\n"
ALIASES = "kind,system,alias,canonical_id\nperson,github,ada-l,ada@example.org\nservice,,SHOP-repo,shop\n"
MORE = "d3,shop-repo,production,success,2026-03-21T10:00:00Z\nd4,shop-REPO,production,success,2026-03-22T10:00:00Z\nd5,shop,production,success,soon\n"


Loaded = Callable[..., Organisation]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loaded]:
    """What loads the company in a folder by children of a zygote that does nothing else; what it gave is no more when it is called again."""
    full = os.open("/dev/full", os.O_RDWR)
    with shelf.blank(200) as numbers:
        given = {**os.environ, **SET}
        client = zygote.Client.start(tmp_path_factory.mktemp("z"), [loading_workers.__name__], given, (full, *numbers))

        def load_there(root: Path, times: int = 0, is_full: bool = False) -> Organisation:
            job = loading_workers.Job.of(settings_in(root))
            count = len(job.order.readings)
            tables = dict(zip(TABLES, numbers[count:], strict=False))
            where = loading_workers.Files((full,) * count if is_full else tuple(numbers[:count]), tables)
            return loading_workers.loaded(job, where, KilledChildren(client, times), 2)  # type: ignore[arg-type]

        try:
            yield load_there
        finally:
            client.close()
            os.close(full)


def same(found: Organisation, wanted: Organisation) -> bool:
    assert list(found.tables) == list(wanted.tables)
    for name, frame in wanted.tables.items():
        assert found.tables[name].schema == frame.schema, name
        assert found.tables[name].equals(frame), name
    assert found.rejected.equals(wanted.rejected)
    assert found.checks.equals(wanted.checks)
    return (found.as_of, found.cautions, found.settings) == (wanted.as_of, wanted.cautions, wanted.settings)


def company(root: Path) -> Path:
    """Somebody who is forgotten, names that are replaced, keys that come again, rows set aside, and no as-of time."""
    parts = {"survey_responses": SAID, "comment_codes": CODES, "aliases": ALIASES, "deployments": DEPLOYMENTS + MORE}
    (root / FILE).write_text(f"mark,since\n{ADA},2026-04-01\n", encoding="utf-8")
    return folder(root, **parts)


def test_the_same_company(sample: Organisation, loaded: Loaded) -> None:
    assert same(loaded(SAMPLE), sample)


def test_who_is_forgotten_what_comes_again_and_what_is_set_aside_is_the_same(tmp_path: Path, loaded: Loaded) -> None:
    found = loaded(company(tmp_path))
    assert same(found, load(tmp_path))
    assert found.tables["comment_codes"]["response_id"][0].startswith("forgotten:")
    assert found.tables["deployments"]["team_id"].to_list() == ["pay", "pay", "web", "web"]
    assert found.rejected["reason"].to_list() == [
        "the same key comes again later; the later row is used",
        "finished_at is not a time",
    ]


def test_what_is_set_aside_of_owners_is_kept_when_the_files_they_came_in_are_emptied(
    tmp_path: Path, loaded: Loaded
) -> None:
    folder(tmp_path, ownership=OWNERSHIP + 3 * "shop,pay,,2026-03-16\nshop,web,2026-03-16,2026-01-01\n")
    found = loaded(tmp_path)
    assert same(found, load(tmp_path))
    assert found.rejected.filter(table="ownership").height > 1


def test_a_table_is_begun_as_soon_as_all_is_read_that_gives_it(
    tmp_path: Path, loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[tuple[tuple[str, ...], int]] = []
    making = loading_workers._Loading._making

    def noted(company: loading_workers._Loading, group: tuple[str, ...]) -> object:
        begun.append((group, len(company.whole)))
        return making(company, group)

    monkeypatch.setattr(loading_workers._Loading, "_making", noted)
    found = loaded(company(tmp_path))
    assert same(found, load(tmp_path))
    assert len({group for group, _ in begun}) == len(begun)
    assert min(read for _, read in begun) < max(read for _, read in begun) == len(found.settings.sources)


def test_what_a_source_gives_counts_not_what_it_is_known_to_give(
    tmp_path: Path, loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    company(tmp_path)
    wanted = load(tmp_path)
    monkeypatch.setattr("idp_analytics.sources.gives", lambda *_: frozenset({"costs"}))
    assert same(loaded(tmp_path), wanted)

    # Nothing is known to be asked for: every table is begun from the first source alone, and made again from what all have given.
    monkeypatch.setattr(Order, "waits_for", lambda *_: frozenset())
    assert same(loaded(tmp_path), wanted)


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param({"teams": "name\nx\n", "services": "name\ny\n"}, id="two files"),
        pytest.param({"deployments": "deployment_id,service_id\nd1,shop\n"}, id="no time"),
        pytest.param({"deployments": "deployment_id,service_id,finished_at\n"}, id="no rows"),
    ],
)
def test_what_is_raised_there_is_raised_here(tmp_path: Path, loaded: Loaded, parts: dict[str, str]) -> None:
    folder(tmp_path, **parts)
    with pytest.raises(IdpError) as wanted:
        load(tmp_path)
    with pytest.raises(type(wanted.value)) as found:
        loaded(tmp_path)
    assert str(found.value) == str(wanted.value)


@pytest.mark.parametrize("times", [1, 4])
def test_one_that_is_killed_is_begun_again_once(tmp_path: Path, loaded: Loaded, times: int) -> None:
    company(tmp_path)
    if times == 1:
        assert same(loaded(tmp_path, times), load(tmp_path))
        return
    with pytest.raises(
        ReportError, match=r"The process that reads the sources canonical-\S+ died twice \(exit code -9"
    ):
        loaded(tmp_path, times)


def test_without_room_it_is_said_so_and_all_is_loaded_here(
    tmp_path: Path, loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(shelf.FullError):
        loaded(company(tmp_path), is_full=True)

    def no_room(*_: object) -> Organisation:
        raise shelf.FullError

    monkeypatch.setattr(loading_workers, "files", no_room)
    with mart_workers.computing(Unread(partial(settings_in, tmp_path)), 2, least_bytes=0) as (whose, computing):
        assert same(whose, load(tmp_path))
        assert computing == Here(whose)


@pytest.mark.parametrize(("gate", "least"), [("fast", 10**9), ("gx", 0)])
def test_it_is_loaded_here_where_there_is_little_to_read_or_by_another_gate(
    sample: Organisation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gate: Literal["fast", "gx"], least: int
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(mart_workers, "organise", lambda _, gate: asked.append(gate) or sample)
    monkeypatch.setattr("idp_analytics.organisation.organise", lambda _, gate: asked.append(gate) or sample)
    unread = Unread(partial(settings_in, folder(tmp_path)), gate)
    with mart_workers.computing(unread, 2, 10**9, least) as (whose, computing):
        assert computing == Here(whose) == Here(sample)
    assert asked == [gate]


def test_bytes_are_those_of_files_and_of_all_in_folders(tmp_path: Path) -> None:
    folder(tmp_path)
    job = loading_workers.Job.of(settings_in(tmp_path))
    sizes = dict(zip((one.source.name for one in job.sources), job.bytes, strict=True))
    assert sizes["canonical-deployments"] == len(DEPLOYMENTS)
    assert bytes_of(tmp_path) == sum(file.stat().st_size for file in tmp_path.iterdir())
    assert bytes_of(tmp_path / "none") == 0
    assert sizes["canonical-ownership"] == len(OWNERSHIP)


def test_pieces_of_a_file_are_the_frames_put_there() -> None:
    frames = {
        "a": pl.DataFrame({"a": ["x", None], "e": pl.Series(["u", "v"], dtype=pl.Enum(["v", "u"]))}),
        "b": pl.DataFrame({"n": [1, 2, 3]}).clear(),
    }
    with shelf.blank(1) as (number,):
        pieces = shelf.added(frames, number)
        assert {name: shelf.piece(one).equals(frames[name]) for name, one in pieces.items()} == {"a": True, "b": True}
        again = shelf.added(frames, number)
        assert again["a"].start > pieces["b"].start
        shelf.emptied(number)
        assert shelf.added(frames, number) == pieces


def test_what_only_one_step_can_settle_are_tables() -> None:
    assert {name for group in loading.TOGETHER for name in group} <= set(loading_workers._TABLES)
