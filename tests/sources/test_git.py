from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

import polars as pl
import pytest
from git_building import Repository, at, changes, day, delivered, deployments, read, told

from idp_analytics.errors import SourceError
from idp_analytics.sources import git
from idp_analytics.tables.conform import conform


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "shop")


# --- people ---------------------------------------------------------------------------------------------------------


def test_authors_are_pseudonyms_under_a_key_and_unknown_without(
    repo: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = repo.commit("start", day(1))
    repo.tag("v1.0.0", day(1))
    repo.switch("feature", start)
    repo.commit("work", day(2), None, "--author=Ann <ANN@example.invalid>")
    repo.switch("main")
    repo.merge("feature", "merge", day(3))
    monkeypatch.delenv(git.PEOPLE_KEY, raising=False)
    assert read(repo.path)["changes"].frame["author_id"].to_list() == [None]
    key = "0123456789abcdef"
    monkeypatch.setenv(git.PEOPLE_KEY, key)
    found = read(repo.path)
    expected = hmac.new(key.encode(), b"ann@example.invalid", hashlib.sha256).hexdigest()
    assert found["changes"].frame["author_id"].to_list() == [expected]
    text = "".join(extract.frame.write_json() + repr(extract.warnings) for extract in found.values())
    assert "example.invalid" not in text.lower() and "Ann" not in text
    monkeypatch.setenv(git.PEOPLE_KEY, key[:-1])
    with pytest.raises(SourceError, match="15 characters"):
        read(repo.path)


# --- odd histories: a caution, not a crash and not a silent number --------------------------------------------------


def test_dates_that_cannot_be_are_not_known(repo: Repository) -> None:
    repo.commit("start", day(1))
    repo.tag("v1.0.0", day(1))
    repo.commit("epoch", "@0 +0000")
    repo.commit("future", "@99999999999 +0000", day(2))
    repo.commit("beyond", "@999999999999999 +0000")
    repo.commit("good", day(3))
    repo.tag("v1.1.0", "@4000000000 +0000")
    repo.tag("v1.1.1", day(4))
    found = read(repo.path)
    assert deployments(found)["v1.1.0"]["finished_at"] is None
    rows = changes(found, repo)
    known = {name: (row["first_commit_at"] is not None, row["merged_at"] is not None) for name, row in rows.items()}
    assert known == {"epoch": (False, False), "future": (True, False), "beyond": (False, False), "good": (True, True)}
    assert delivered(found, repo)["v1.1.0"] == ["epoch", "future", "beyond", "good"]
    assert "1 release tag(s) have a date before 1970-01-02" in told(found)
    assert "3 of 5 commit(s) have a date before 1970-01-02" in told(found)
    assert found["changes"].as_of == at("2026-01-04T12:00:00Z")


def test_what_is_the_future_is_told_by_the_mainline_not_by_a_side_branch(repo: Repository) -> None:
    start = repo.commit("start", day(1))
    repo.switch("side", start)
    repo.commit("clock gone mad", "@4000000000 +0000")
    repo.tag("v2.0.0")
    repo.switch("main")
    repo.commit("next", day(2))
    found = read(repo.path)
    assert deployments(found)["v2.0.0"]["finished_at"] is None
    assert found["changes"].as_of == at("2026-01-02T12:00:00Z")


def test_a_head_with_no_possible_date(repo: Repository) -> None:
    repo.commit("one", day(1))
    repo.tag("v1.0.0")
    repo.commit("two", "@1 +0000")
    assert read(repo.path)["changes"].as_of == at("2026-01-01T12:00:00Z")


@pytest.mark.parametrize(
    "person", ["T <t@example.invalid>", "T <t@example.invalid> then +0000", "T", f"T <> {'9' * 5000} +0000"]
)
def test_commits_and_tags_without_a_readable_date(repo: Repository, person: str) -> None:
    tree = repo.git("hash-object", "-w", "-t", "tree", "--stdin")
    text = f"tree {tree}\nauthor {person}\ncommitter {person}\n\nodd\n"
    odd = repo.git("hash-object", "-w", "-t", "commit", "--literally", "--stdin", given=text.encode())
    repo.git("update-ref", "refs/heads/main", odd)
    repo.commit("good", day(1))
    text = f"object {odd}\ntype commit\ntag v1.0.0\n\nno tagger\n"
    tag = repo.git("hash-object", "-w", "-t", "tag", "--literally", "--stdin", given=text.encode())
    repo.git("update-ref", "refs/tags/v1.0.0", tag)
    found = read(repo.path)
    assert deployments(found)["v1.0.0"]["finished_at"] is None
    assert "1 of 1 release tag(s) have no date of their own" in told(found)
    assert "1 of 2 commit(s) have a date before 1970-01-02" in told(found)


def test_negative_spans_are_counted(repo: Repository) -> None:
    repo.commit("start", day(1))
    repo.tag("v1.0.0", day(1))
    repo.commit("amended later", day(2), day(9))
    repo.commit("fine", day(3))
    repo.commit("released at once", day(4))
    repo.tag("v1.1.0")
    found = read(repo.path)
    assert found["deployment_changes"].warnings == (
        "1 of 3 change(s) were written after the date of the release that has them (negative lead time)",
    )


def test_shallow_clone_is_truncated(repo: Repository, tmp_path: Path) -> None:
    for number in range(1, 6):
        repo.commit(str(number), day(number))
        repo.tag(f"v1.{number}.0", day(number))
    clone = tmp_path / "clone"
    repo.git("clone", "-q", "--depth", "2", f"file://{repo.path}", str(clone))
    found = read(clone)
    assert all(extract.truncated for extract in found.values())
    assert found["deployments"].frame["version"].to_list() == ["v1.4.0", "v1.5.0"]
    assert found["deployment_changes"].frame["deployment_id"].to_list() == ["git:clone:v1.5.0"]
    assert "git fetch --unshallow --tags" in told(found)
    assert not any(extract.truncated for extract in read(repo.path).values())


def test_no_release_tags(repo: Repository) -> None:
    repo.commit("one", day(1))
    repo.tag("nightly")
    found = read(repo.path)
    assert found["deployments"].frame.height == 0
    assert delivered(found, repo) == {"-": ["one"]}
    assert "none of 1 tag(s) matches tag_pattern" in told(found)


def test_empty_repository(repo: Repository) -> None:
    found = read(repo.path)
    assert {table: extract.frame.height for table, extract in found.items()} == {
        "services": 1, "deployments": 0, "changes": 0, "deployment_changes": 0,
    }  # fmt: skip
    assert "the repository has no commits" in told(found)
    assert found["deployments"].as_of is None


def test_mainline_when_head_is_elsewhere(repo: Repository, tmp_path: Path) -> None:
    repo.commit("one", day(1))
    clone = tmp_path / "clone"
    repo.git("clone", "-q", str(repo.path), str(clone))
    other = Repository(clone)
    other.commit("not pushed", day(1.5))
    assert "mainline is that of" not in told(read(clone))
    other.switch("feature", "origin/main")
    assert "mainline is that of" not in told(read(clone))  # same commit: no difference to tell
    other.commit("two", day(2))
    assert "the mainline is that of branch 'feature', which is checked out, not of the default branch 'main'" in told(
        read(clone)
    )
    other.git("switch", "-q", "--detach")
    assert "a detached HEAD" in told(read(clone))
    repo.git("symbolic-ref", "HEAD", "refs/heads/gone")
    found = read(repo.path)
    assert found["changes"].frame.height == 1
    assert "HEAD points to no commit: refs/heads/main is taken as the mainline" in told(found)


# --- names, options, contract ---


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("x/shop", "shop"), ("x/shop.git", "shop"), ("x/shop.bundle", "shop"), ("x/shop/.git", "shop"),
        ("x/shop/repo", "shop"), ("x/shop/repo.git", "shop"), ("x/shop.git/repo", "shop"), ("/", "repository"),
    ],
)  # fmt: skip
def test_repository_name(place: str, name: str) -> None:
    assert git.repository_name(Path(place)) == name


def test_a_repository_named_by_where_one_stands(repo: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.commit("one", day(1))
    monkeypatch.chdir(repo.path)
    (extract, *_) = git.read([Path()], {}, Path())
    assert (extract.frame["service_id"].to_list(), extract.path) == (["shop"], ".")


def test_several_repositories_are_services_named_as_asked(tmp_path: Path) -> None:
    for place in ("a/api", "b/api", "web"):
        Repository(tmp_path / place).commit("one", day(1))
    paths = [tmp_path / "a" / "api", tmp_path / "b" / "api", tmp_path / "web"]
    options = {"services": {"b/api": "api-b", "web": "site"}, "teams_from_repositories": True, "environment": "staging"}
    found = git.read(paths, options, tmp_path)
    by_table = {
        table: pl.concat([e.frame for e in found if e.table == table])
        for table in ("services", "teams", "ownership", "changes")
    }
    assert by_table["services"].select("service_id", "name").rows() == [
        ("api", "api"),
        ("api-b", "api"),
        ("site", "web"),
    ]
    assert by_table["teams"].select("team_id", "name", "kind").rows()[1] == ("api-b", "api", "team")
    assert by_table["ownership"].select("service_id", "team_id").rows()[2] == ("site", "site")
    assert [e.path for e in found if e.table == "services"] == ["a/api", "b/api", "web"]
    with pytest.raises(SourceError, match="b/api and a/api: both would be service 'api'"):
        git.read(paths, {}, tmp_path)
    with pytest.raises(SourceError, match=r"no repository 'wed' was read\. Did you mean 'web'"):
        git.read(paths[:1] + paths[2:], {"services": {"wed": "site"}}, tmp_path)


def test_content_hash_follows_refs_and_nothing_else(repo: Repository) -> None:
    repo.commit("one", day(1))
    first = read(repo.path)["changes"].sha256
    (repo.path / "untracked").write_text("x")
    assert read(repo.path)["changes"].sha256 == first
    repo.tag("v1.0.0")
    second = read(repo.path)["changes"].sha256
    repo.commit("two", day(2))
    assert len({first, second, read(repo.path)["changes"].sha256}) == 3


def test_every_extract_conforms_whole(repo: Repository) -> None:
    repo.commit("one", day(1))
    repo.tag("v1.0.0", day(1))
    repo.commit("two", day(2))
    repo.tag("v1.1.0")
    repo.tag("old-name")
    for extract in read(repo.path, teams_from_repositories=True).values():
        done = conform(extract, "git")
        assert done.rejected.height == 0
        assert done.rows.height == extract.frame.height == extract.frame["_row"].max()
        assert done.load["rows_in"].to_list() == [extract.rows_in]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, None),
        ({"tag_pattern": r"prod-\d+", "services": {"a": "b"}, "environment": "test", "teams_from_repositories": True}, None),
        ({"tag_patern": "x"}, "tag_patern: a git source has no such option. Did you mean 'tag_pattern'?"),
        ({"tag_pattern": "("}, "tag_pattern = '(': is not a regular expression"),
        ({"tag_pattern": 3}, "tag_pattern = 3: is not a regular expression"),
        ({"services": ["a"]}, "services = ['a']: must be a table"),
        ({"services": {"a": ""}}, "services = {'a': ''}: must be a table"),
        ({"environment": "prod"}, "environment = 'prod': must be one of production, staging, test, development"),
        ({"teams_from_repositories": "yes"}, "teams_from_repositories = 'yes': must be true or false"),
    ],
)  # fmt: skip
def test_problems(options: dict[str, object], says: str | None) -> None:
    found = git.problems(options)
    assert len(found) == (says is not None)
    assert says is None or found[0].startswith(says)
