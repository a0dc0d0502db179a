"""How a declared system is read: every document is a row, is counted as left out, or is said."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from idp_analytics import sources
from idp_analytics.errors import SettingsError, SourceError
from idp_analytics.sources import native, snapshots
from idp_analytics.sources.system import ENVIRONMENTS, GOLDEN_PATHS, SERVICE_PATTERN, Gives, Option, Shape, System
from idp_analytics.tables.conform import conform
from idp_analytics.tables.pseudonyms import pseudonym

TAKEN = datetime(2026, 3, 1, tzinfo=UTC)


def deployments(document, export):
    if document.text("skip"):
        yield document.left_out("is skipped")
        return
    if document.at("cut"):
        yield document.truncated("the system cut it")
    yield document.warning("look out")
    yield document.row(
        newest=document.text("updated"), deployment_id=export.id(document.text("id")), service_id=export.service(document.text("name")),
        environment=export.environment(document.text("env")), environment_raw=document.text("env"),
        initiated_by=export.person(document.text("who")), golden_path_id=export.golden_path(document.text("chart"), document.text("name")),
        version=document.body["version"]["number"], sha=next((n.text("sha") for n in export.by("note", "of").get(document.text("id"), [])), None),
        automated=document.at("automated"), finished_at=document.text("at"),
    )  # fmt: skip


def membership(document, export):
    yield document.row(service_id=document.text("name"), golden_path_id="path", as_of=document.day, evidence="uses")


TOY = System(
    kind="toy",
    title="Toy",
    shapes=(
        Shape("run", "a run", lambda body: body.get("kind") == "run"),
        Shape("note", "a note", lambda body: body.get("kind") == "note"),
    ),
    gives=(
        Gives("deployments", deployments, ("run",), "all", beside=("note",)),
        Gives("service_golden_path", membership, ("run",), "now only", is_state=True),
    ),
    recipes=(),
    options=(
        ENVIRONMENTS,
        SERVICE_PATTERN,
        GOLDEN_PATHS,
        Option("label", "text", "A label.", default="x"),
        Option("deep", "flag", "Deep."),
    ),
)


def run(number, **members):
    return {
        "kind": "run",
        "id": str(number),
        "name": "shop",
        "version": {"number": "1"},
        "at": "2026-02-01T00:00:00Z",
        **members,
    }


def write(folder, documents, name="runs.json"):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(documents))
    return path


def read(folder, *paths, **options):
    return native.read(TOY, paths, {"tables": ["deployments"], **options}, folder)


def test_a_row_with_all_that_an_export_offers(tmp_path):
    path = write(tmp_path, [
        run(1, name="shop-prod", env="prod-eu", who="Octocat", chart="base", automated=True),
        {"kind": "note", "of": "1", "sha": "abc"},
    ])  # fmt: skip
    options = {
        "service_pattern": "(.+)-prod",
        "environments": {"prod-.*": "production"},
        "golden_paths": {"ba.e": "the-base"},
    }
    (extract,) = read(tmp_path, path, **options)
    (row,) = conform(extract, "toy").rows.to_dicts()
    wanted = {
        "deployment_id": "toy:1", "service_id": "shop", "environment": "production", "environment_raw": "prod-eu",
        "initiated_by": pseudonym("octocat"), "golden_path_id": "the-base", "version": "1", "sha": "abc", "automated": True,
        "finished_at": datetime(2026, 2, 1, tzinfo=UTC), "source_row": 1, "outcome": None,
    }  # fmt: skip
    assert {name: row[name] for name in wanted} == wanted
    assert extract.warnings == ("look out",)
    assert (extract.path, extract.truncated, extract.rows_in) == ("runs.json", False, 1)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Production", "production"),
        ("prod", "production"),
        ("stg", "staging"),
        ("qa", "test"),
        ("dev", "development"),
        ("prod-eu", None),
        (None, None),
    ],
)
def test_an_environment_is_told_by_its_whole_name_or_not_at_all(tmp_path, name, expected):
    (extract,) = read(tmp_path, write(tmp_path, [run(1, env=name)]))
    assert conform(extract, "toy").rows["environment"].to_list() == [expected]


def test_golden_paths_stand_for_themselves_unless_the_settings_say_which(tmp_path):
    path = write(tmp_path, [run(1, chart="base")])
    assert read(tmp_path, path)[0].frame["golden_path_id"].to_list() == ["base"]
    assert read(tmp_path, path, golden_paths={"other": "x"})[0].frame["golden_path_id"].to_list() == [None]
    assert read(tmp_path, path, golden_paths={"shop": "x"})[0].frame["golden_path_id"].to_list() == ["x"]


def test_every_document_is_counted_once(tmp_path):
    path = write(tmp_path, [
        run(1), run(1), run(2, skip="yes"), run(3, version=None), {"kind": "ConfigMap", "data": {}}, {"colour": "green"}, "text",
    ])  # fmt: skip
    (extract,) = read(tmp_path, path)
    load = conform(extract, "toy").load.row(0, named=True)
    assert json.loads(load["dropped"]) == {
        "the same one comes again; the newest is used": 1,
        "is skipped": 1,
        "is not shaped as Toy writes it (TypeError)": 1,
        "is a document of kind ConfigMap, which is not read": 1,
        "is a document of another shape, which is not read": 1,
        "is no document that can be read": 1,
    }
    assert (load["rows_in"], load["rows_out"]) == (7, 1)
    assert any("document 7 is text" in sentence for sentence in load["warnings"])


def test_the_newest_of_two_stays_whatever_their_order_and_file(tmp_path):
    old, new = run(1, updated="2026-02-01T00:00:00Z", name="old"), run(1, updated="2026-02-02T00:00:00Z", name="new")
    paths = [write(tmp_path, [new], "a.json"), write(tmp_path, [old], "b.json")]
    first, second = read(tmp_path, *paths)
    assert (first.frame["service_id"].to_list(), second.frame.height, second.dropped) == (["new"], 0, {native.AGAIN: 1})


def test_without_a_time_the_one_read_last_stays(tmp_path):
    (extract,) = read(tmp_path, write(tmp_path, [run(1, name="one"), run(1, name="two")]))
    assert extract.frame["service_id"].to_list() == ["two"]


def test_a_page_that_says_there_is_more_is_cut(tmp_path):
    path = write(tmp_path, {"items": [run(1)], "next": "page2"})
    (extract,) = read(tmp_path, path)
    assert extract.truncated
    assert "the file is not complete (next: there is a next page)" in extract.warnings


@pytest.mark.parametrize(
    ("files", "cut"),
    [
        # Ten pages of one answer; the tenth is the last, though its name comes before the second's.
        ({f"runs-{n}.json": {"has_more": n < 10, "items": [run(n)]} for n in range(1, 11)}, set()),
        ({"runs-1.json": {"total": 2, "items": [run(1)]}, "runs-2.json": {"total": 2, "items": [run(2)]}}, set()),
        ({"runs-1.json": {"has_more": True, "items": [run(1)]}, "runs-2.json": {"has_more": True, "items": [run(2)]}}, {"runs-1.json", "runs-2.json"}),
        ({"runs-1.json": {"total": 3, "items": [run(1)]}, "runs-2.json": {"total": 3, "items": [run(2)]}}, {"runs-1.json", "runs-2.json"}),
        # Page 2 is not there; months are no pages; other names are other answers.
        ({"runs-1.json": {"has_more": True, "items": [run(1)]}, "runs-3.json": {"items": [run(3)]}}, {"runs-1.json"}),
        ({"2026-01.json": {"has_more": True, "items": [run(1)]}, "2026-02.json": {"items": [run(2)]}}, {"2026-01.json"}),
        ({"runs-1.json": {"has_more": True, "items": [run(1)]}, "old-2.json": {"items": [run(2)]}}, {"runs-1.json"}),
    ],
)  # fmt: skip
def test_numbered_files_are_pages_of_one_answer(tmp_path, files, cut):
    paths = [write(tmp_path, content, name) for name, content in files.items()]
    extracts = native.read(TOY, paths, {"as_of": TAKEN, "tables": ["deployments"]}, tmp_path)
    assert {extract.path for extract in extracts if extract.truncated} == cut
    assert sum(extract.frame.height for extract in extracts) == len(files)


def test_a_system_that_cuts_by_itself_says_so(tmp_path):
    (extract,) = read(tmp_path, write(tmp_path, [run(1, cut=True), run(2, cut=True)]))
    assert extract.truncated
    assert extract.warnings.count("the system cut it") == 1


@pytest.mark.parametrize("content", [[], {"items": []}, ""])
def test_an_empty_export_has_its_line(tmp_path, content):
    path = tmp_path / "runs.json"
    path.write_text("" if content == "" else json.dumps(content))
    (extract,) = read(tmp_path, path)
    assert (extract.table, extract.frame.height, extract.rows_in or 0) == ("deployments", 0, 0)
    assert extract.warnings in (("the file holds no documents",), ("the file is empty",))


def test_a_file_that_is_only_looked_up_has_its_line_too(tmp_path):
    extracts = read(
        tmp_path, write(tmp_path, [run(1)]), write(tmp_path, [{"kind": "note", "of": "1", "sha": "s"}], "notes.json")
    )
    assert {(e.path, e.frame.height) for e in extracts} == {("runs.json", 1), ("notes.json", 0)}


def test_state_needs_to_know_when_it_was_taken(tmp_path):
    path = write(tmp_path, [run(1)])
    (extract,) = read(tmp_path, path, tables=["service_golden_path"])
    assert extract.dropped == {native.UNDATED: 1}
    (extract,) = read(tmp_path, path, tables=["service_golden_path"], as_of=TAKEN)
    assert extract.frame["as_of"].to_list() == ["2026-03-01"]
    assert extract.as_of == TAKEN


def test_a_collected_export_is_its_newest_snapshot(tmp_path):
    path = write(tmp_path, [run(1)], "runs.json")
    digest = sources.native.opened(TOY, [path], {"people": "hash"}, tmp_path).files[0].sha256
    early = write(tmp_path, [run(1)], f"snapshots/toy/{snapshots.name(TAKEN, digest, 'runs.json')}")
    later = write(
        tmp_path, [run(1)], f"snapshots/toy/{snapshots.name(datetime(2026, 3, 2, tzinfo=UTC), digest, 'runs.json')}"
    )
    found = read(tmp_path, path, later, early, tables=["service_golden_path"])
    # The same state on two days is two rows; the export itself is the newest snapshot and adds none.
    assert [(e.path.split("/")[0], e.frame["as_of"].to_list()) for e in found] == [
        ("snapshots", ["2026-03-01"]),
        ("snapshots", ["2026-03-02"]),
    ]


def test_the_same_content_under_another_name_is_read_and_changes_nothing(tmp_path):
    """The name may say what the content does not: which workspace, which run."""
    found = read(tmp_path, write(tmp_path, [run(1)], "copy.json"), write(tmp_path, [run(1)]))
    assert [(e.path, e.frame.height, e.dropped) for e in found] == [
        ("copy.json", 0, {native.AGAIN: 1}),
        ("runs.json", 1, {}),
    ]


def test_an_export_dated_before_its_snapshots_is_refused(tmp_path):
    kept = write(tmp_path, [run(1)], f"snapshots/toy/{snapshots.name(TAKEN, '0' * 64, 'runs.json')}")
    path = write(tmp_path, [run(2)])
    with pytest.raises(SourceError, match=r"runs.json: as_of = 2026-02-28T00:00:00Z .*Run idp collect"):
        read(tmp_path, path, kept, as_of=datetime(2026, 2, 28, tzinfo=UTC))
    assert len(read(tmp_path, path, kept, as_of=datetime(2026, 3, 2, tzinfo=UTC))) == 2


def test_another_systems_file_is_named(tmp_path):
    path = write(
        tmp_path, [{"apiVersion": "backstage.io/v1alpha1", "kind": "Component", "metadata": {"name": "x"}, "spec": {}}]
    )
    with pytest.raises(
        SourceError,
        match=r"runs\.json: holds nothing that Toy exports \(a run, a note\)\. It looks like a catalogue entity of Backstage: use kind = 'backstage'",
    ):
        read(tmp_path, path)
    with pytest.raises(SourceError, match="Its first document has 'colour'"):
        read(tmp_path, write(tmp_path, [{"colour": "green"}]))
    with pytest.raises(SourceError, match="Toy has no files"):
        read(tmp_path)


def test_rows_of_a_table_are_documents_of_its_columns(tmp_path):
    path = tmp_path / "runs.csv"
    path.write_text("kind,id,name,at\nnote,1,,\nnote,2,\n")
    (extract,) = read(tmp_path, path)
    assert extract.dropped == {"is no document that can be read": 1}


# --- options ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"lable": "x"}, "lable: Toy has no such option. Did you mean 'label'?"),
        ({"label": 1}, "label = 1: must be text in quotes"),
        ({"deep": "yes"}, "deep = 'yes': must be true or false"),
        ({"tables": "deployments"}, "tables = 'deployments': must be a list of texts"),
        ({"tables": ["deploymints"]}, "tables: Toy gives no 'deploymints'. Did you mean 'deployments'?"),
        ({"people": "names"}, "people = 'names': must be one of hash, keep"),
        ({"as_of": "2026"}, "as_of = '2026': must be a time with a zone"),
        ({"as_of": datetime(2026, 1, 1)}, "must be a time with a zone"),
        ({"service_pattern": "shop-.*"}, "needs a group in round brackets"),
        ({"service_pattern": "("}, "is no regular expression"),
        ({"service_pattern": 1}, "must be a regular expression in quotes"),
        ({"environments": {"prod": "live"}}, "'live' is not one of production, staging, test, development"),
        ({"environments": {"(": "test"}}, "'(' is no regular expression"),
        ({"environments": ["prod"]}, 'must be a table, { "expression" = "word" }'),
        ({"golden_paths": {"x": 1}}, "must be a table"),
    ],
)
def test_wrong_options_are_told(options, sentence):
    found = native.problems(TOY, options)
    assert len(found) == 1
    assert sentence in found[0]


def test_right_options():
    options = {
        "label": "y", "deep": False, "tables": ["deployments"], "people": "keep", "as_of": TAKEN, "service_pattern": "(.+)-x",
        "environments": {"a": "test"}, "golden_paths": {"a": "b"},
    }  # fmt: skip
    assert native.problems(TOY, options) == []


def test_a_kind_that_does_not_exist(tmp_path):
    assert sources.check("argocs", {}) == ["kind = 'argocs': there is no such source. Did you mean 'argocd'?"]
    with pytest.raises(SettingsError, match="there is no such source"):
        sources.read("argocs", [], {}, tmp_path)
    assert sources.forgets("argocd")
    assert not sources.forgets("canonical")
