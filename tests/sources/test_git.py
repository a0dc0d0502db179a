from __future__ import annotations

import hashlib
import hmac
import os
import re
import statistics
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idp_analytics.errors import SourceError
from idp_analytics.sources import git
from idp_analytics.sources.git_history import named_commit
from idp_analytics.tables.conform import conform

ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Test",
    "GIT_AUTHOR_EMAIL": "Test@Example.invalid",
    "GIT_COMMITTER_NAME": "Test",
    "GIT_COMMITTER_EMAIL": "test@example.invalid",
}


def day(number: float) -> str:
    """Noon UTC of a day in January 2026 (and on), in git's own words."""
    return f"{int(1767268800 + (number - 1) * 86_400)} +0000"


class Repository:
    """A repository built by git commands, each commit empty and known by its message."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        self.shas: dict[str, str] = {}
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments: str, at: str | None = None, authored: str | None = None, given: bytes = b"") -> str:
        dates = {"GIT_COMMITTER_DATE": at, "GIT_AUTHOR_DATE": authored or at} if at else {}
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.path,
            env={**ENVIRONMENT, **dates},
            input=given,
            capture_output=True,
            check=True,
        )
        return done.stdout.decode(errors="replace").strip()

    def commit(self, message: str, at: str, authored: str | None = None, *options: str) -> str:
        self.git("commit", "-q", "--allow-empty", "-m", message, *options, at=at, authored=authored)
        return self._note(message)

    def merge(self, branch: str, message: str, at: str) -> str:
        self.git("merge", "-q", "--no-ff", "-m", message, branch, at=at)
        return self._note(message)

    def tag(self, name: str, at: str | None = None, target: str = "HEAD") -> None:
        self.git("tag", *(("-a", "-m", name) if at else ()), name, target, at=at)

    def switch(self, branch: str, start: str | None = None) -> None:
        self.git("switch", "-q", *(("-c", branch, start) if start else (branch,)))

    def _note(self, message: str) -> str:
        sha = self.git("rev-parse", "HEAD")
        self.shas[sha] = message.splitlines()[0]
        return sha


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "shop")


def read(path: Path, root: Path | None = None, **options: object) -> dict[str, git.Extract]:
    return {extract.table: extract for extract in git.read([path], options, root or path.parent)}


def deployments(found: dict[str, git.Extract]) -> dict[str, dict[str, object]]:
    return {row["version"]: row for row in found["deployments"].frame.to_dicts()}


def changes(found: dict[str, git.Extract], repo: Repository) -> dict[str, dict[str, object]]:
    return {repo.shas[row["sha"]]: row for row in found["changes"].frame.to_dicts()}


def delivered(found: dict[str, git.Extract], repo: Repository) -> dict[str, list[str]]:
    """Tag → the messages of its changes; the changes without a deployment under ``-``."""
    tags = {f"git:shop:{version}": version for version in found["deployments"].frame["version"]}
    links = dict(found["deployment_changes"].frame.select("change_id", "deployment_id").iter_rows())
    result: dict[str, list[str]] = {}
    for row in found["changes"].frame.to_dicts():
        result.setdefault(tags.get(links.get(row["change_id"], ""), "-"), []).append(repo.shas[row["sha"]])
    return result


def told(found: dict[str, git.Extract]) -> str:
    return "\n".join(warning for extract in found.values() for warning in extract.warnings)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


# --- deployments ----------------------------------------------------------------------------------------------------


def test_annotated_tag_dates_itself_and_light_tag_takes_the_commit(repo: Repository) -> None:
    repo.commit("one", day(1))
    repo.tag("v1.0.0", day(2))
    two = repo.commit("two", "2026-01-03T23:30:00+02:00", "2026-01-03T01:00:00-05:00")
    repo.tag("1.1.0")
    found = read(repo.path)
    rows = deployments(found)
    assert rows["v1.0.0"]["finished_at"] == at("2026-01-02T12:00:00Z")
    assert rows["1.1.0"] == {
        "deployment_id": "git:shop:1.1.0", "service_id": "shop", "environment": "production", "version": "1.1.0",
        "sha": two, "kind": "application", "finished_at": at("2026-01-03T21:30:00Z"), "outcome": "success",
        "is_rollback": False, "is_resync": False, "_row": 2,
    }  # fmt: skip
    assert changes(found, repo)["two"]["first_commit_at"] == at("2026-01-03T06:00:00Z")
    assert "1 of 2 release tag(s) have no date of their own" in told(found)
    assert found["deployments"].as_of == at("2026-01-03T21:30:00Z")


@pytest.mark.parametrize(
    ("tag", "is_release"),
    [
        ("v1.2.3", True), ("1.2.3", True), ("cli/v1.2.3", True), ("a/b/1.2.3", True), ("v1.2.3+build.5", True),
        ("v1.2.3-rc.1", False), ("v1.2.3-alpha", False), ("v1.2.3-beta2", False), ("v1.2", False), ("latest", False),
        ("chart-1.2.3", False), ("v1.2.3.4", False), ("xv1.2.3", False),
    ],
)  # fmt: skip
def test_default_tag_pattern(tag: str, is_release: bool) -> None:
    assert bool(re.fullmatch(git.TAG_PATTERN, tag)) is is_release


def test_tags_that_are_no_release_are_counted(repo: Repository) -> None:
    sha = repo.commit("one", day(1))
    blob = repo.git("hash-object", "-w", "--stdin", given=b"key")
    for name, target in (("v1.0.0-rc.1", sha), ("nightly", sha), ("v9.9.9", blob), ("v1.0.0", sha)):
        repo.tag(name, None, target)
    repo.tag("v9.9.8", day(1), f"{sha}^{{tree}}")
    extract = read(repo.path)["deployments"]
    assert extract.frame["version"].to_list() == ["v1.0.0"]
    assert extract.dropped == {"tag name does not match tag_pattern": 2, "tag does not point to a commit": 2}
    assert extract.rows_in == 5


def test_a_tag_of_a_tag_is_peeled_to_its_commit(repo: Repository) -> None:
    sha = repo.commit("one", day(1))
    repo.tag("inner", day(2))
    repo.tag("v1.0.0", day(3), "inner")
    row = deployments(read(repo.path))["v1.0.0"]
    assert (row["sha"], row["finished_at"]) == (sha, at("2026-01-03T12:00:00Z"))


RELEASES = {
    # name: [(tag, commit it is on, day)], {tag: what it is}
    "next versions": ([("v1.0.0", "a", 3), ("v1.1.0", "b", 4)], {"v1.0.0": "", "v1.1.0": ""}),
    "older commit, newer version": (
        [("v1.0.0", "a", 3), ("v1.1.0", "b", 4), ("v1.1.1", "a", 5)], {"v1.1.0": "", "v1.1.1": "rollback"}),
    "commit between two releases": (
        [("v1.0.0", "a", 3), ("v1.1.0", "c", 4), ("v1.1.1", "b", 5)], {"v1.1.1": "rollback"}),
    "same commit again": ([("v1.0.0", "a", 3), ("v1.0.1", "a", 4)], {"v1.0.0": "", "v1.0.1": "redeploy"}),
    "rolled back, then the old one once more": (
        [("v1.0.0", "a", 3), ("v1.1.0", "b", 4), ("v1.1.1", "a", 5), ("v1.1.2", "a", 6)],
        {"v1.1.1": "rollback", "v1.1.2": "redeploy"}),
    "rolled back, then on": (
        [("v1.0.0", "a", 3), ("v1.1.0", "b", 4), ("v1.1.1", "a", 5), ("v1.2.0", "c", 6)],
        {"v1.1.1": "rollback", "v1.2.0": ""}),
    "maintenance on its branch": (
        [("v1.1.4", "b", 3), ("v1.2.0", "c", 4), ("v1.1.5", "fix", 5)], {"v1.2.0": "", "v1.1.5": ""}),
    "maintenance of a commit the newer line holds": (
        [("v1.1.0", "a", 3), ("v1.2.0", "c", 4), ("v1.1.1", "b", 5)], {"v1.1.1": ""}),
    "maintenance line once more": (
        [("v1.1.0", "a", 3), ("v1.2.0", "c", 4), ("v1.1.1", "a", 5)], {"v1.1.1": "redeploy"}),
    "tagged long after": ([("v1.0.0", "c", 3), ("v0.9.0", "b", 4)], {"v0.9.0": ""}),
    "v1.10.0 is after v1.9.0": ([("v1.9.0", "b", 3), ("v1.10.0", "a", 4)], {"v1.10.0": "rollback"}),
    "another component": ([("v1.1.0", "b", 3), ("cli/v2.0.0", "a", 4)], {"cli/v2.0.0": ""}),
    "two light tags on one commit": ([("v1.10.0", "b", None), ("v1.9.0", "b", None)], {"v1.9.0": "", "v1.10.0": "redeploy"}),
}  # fmt: skip


@pytest.mark.parametrize("case", RELEASES)
def test_rollbacks_and_redeploys(repo: Repository, case: str) -> None:
    tags, expected = RELEASES[case]
    shas = {name: repo.commit(name, day(1 + i / 10)) for i, name in enumerate("abc")}
    repo.switch("release-1.1", shas["b"])
    shas["fix"] = repo.commit("fix", day(4.5))
    repo.switch("main")
    for tag, commit, when in tags:
        repo.tag(tag, when and day(when), shas[commit])
    rows = deployments(read(repo.path))
    words = {(False, False): "", (True, False): "rollback", (False, True): "redeploy"}
    assert {tag: words[rows[tag]["is_rollback"], rows[tag]["is_resync"]] for tag in expected} == expected


def test_a_rollback_brings_nothing_and_what_follows_is_counted_from_all_earlier_releases(repo: Repository) -> None:
    one = repo.commit("one", day(1))
    repo.tag("v1.0.0", day(1))
    repo.commit("two", day(2))
    repo.tag("v1.1.0", day(2))
    repo.tag("v1.1.1", day(3), one)
    repo.commit("three", day(4))
    repo.tag("v1.2.0", day(4))
    assert delivered(read(repo.path), repo) == {"v1.1.0": ["two"], "v1.2.0": ["three"]}


# --- changes --------------------------------------------------------------------------------------------------------


def test_a_merge_is_one_change_that_begins_with_its_first_commit(repo: Repository) -> None:
    start = repo.commit("start", day(1))
    repo.tag("v1.0.0", day(1))
    repo.switch("feature", start)
    repo.commit("begun", day(3), day(2))
    repo.commit("done", day(4))
    repo.switch("main")
    repo.commit("plain", day(5), day(4.5))
    repo.merge("feature", "merge feature", day(6))
    repo.tag("v1.1.0", day(7))
    repo.commit("later", day(8))
    found = read(repo.path)
    assert delivered(found, repo) == {"v1.1.0": ["plain", "merge feature"], "-": ["later"]}
    rows = changes(found, repo)
    assert [rows["merge feature"][c] for c in ("kind", "first_commit_at", "merged_at")] == [
        "pull_request", at("2026-01-02T12:00:00Z"), at("2026-01-06T12:00:00Z"),
    ]  # fmt: skip
    assert [rows["plain"][c] for c in ("kind", "first_commit_at", "merged_at")] == [
        "commit", at("2026-01-05T00:00:00Z"), at("2026-01-05T12:00:00Z"),
    ]  # fmt: skip
    assert found["deployment_changes"].frame["derived"].all()
    assert found["deployments"].frame.height == 2


def test_a_merge_that_brings_nothing_new_begins_with_itself(repo: Repository) -> None:
    start = repo.commit("start", day(1))
    repo.tag("v1.0.0", day(1))
    repo.switch("release-1.0", start)
    repo.commit("hotfix", day(2))
    repo.tag("v1.0.1", day(3))
    repo.switch("main")
    repo.commit("feature", day(4))
    repo.merge("release-1.0", "merge back", day(9))
    repo.tag("v1.1.0", day(10))
    found = read(repo.path)
    assert delivered(found, repo) == {"v1.0.1": ["hotfix"], "v1.1.0": ["feature", "merge back"]}
    assert changes(found, repo)["merge back"]["first_commit_at"] == at("2026-01-09T12:00:00Z")


def test_tags_on_side_branches_bring_their_own_commits_once(repo: Repository) -> None:
    repo.commit("one", day(1))
    repo.tag("v1.0.0", day(1))
    two = repo.commit("two", day(2))
    repo.tag("v1.1.0", day(3))
    repo.commit("three", day(4))
    repo.tag("v1.2.0", day(5))
    repo.switch("release-1.1", two)
    repo.commit("fix a", day(6))
    repo.tag("v1.1.1", day(7))
    repo.commit("fix b", day(8))
    repo.tag("v1.1.2", day(9))
    repo.switch("main")
    found = read(repo.path)
    assert delivered(found, repo) == {
        "v1.1.0": ["two"], "v1.2.0": ["three"], "v1.1.1": ["fix a"], "v1.1.2": ["fix b"],
    }  # fmt: skip
    assert "2 of 5 release tag(s) are on side branches" in told(found)


def test_first_release_has_no_known_start(repo: Repository) -> None:
    repo.commit("one", day(1))
    repo.commit("two", day(2))
    repo.tag("v1.0.0", day(3))
    repo.git("switch", "-q", "--orphan", "rewrite")
    repo.commit("fresh", day(4))
    repo.tag("v2.0.0", day(5))
    repo.commit("next", day(6))
    repo.tag("v2.0.1", day(7))
    found = read(repo.path)
    assert delivered(found, repo) == {"v2.0.1": ["next"]}
    assert found["changes"].dropped == {"mainline commit of a first release, whose start is not known": 3}
    assert found["changes"].rows_in == 4
    assert "3 mainline commit(s) up to v1.0.0, v2.0.0 are left out" in told(found)


MESSAGES = {
    "plain": ("Add a thing", False, None),
    "git revert": ('Revert "x"\n\nThis reverts commit 0123456789abcdef0123456789abcdef01234567.', True, "0123456789abcdef0123456789abcdef01234567"),
    "reworded": ("fix: undo x\n\nThis reverts commit 0123456.\n", True, "0123456"),
    "host": ('Revert "x" (#12)\n\nReverts team/shop#11', True, None),
    "pick": ("Fix\n\n(cherry picked from commit abcdef0123)\n", False, "abcdef0123"),
    "picked twice": ("Fix\n\n(cherry picked from commit abcdef0)\n(cherry picked from commit 1234567)", False, "abcdef0"),
    "picked revert": ('Revert "x"\n\nThis reverts commit 1234567.\n\n(cherry picked from commit abcdef0)', True, "1234567"),
    "reapplied": ('Reapply "x"\n\nThis reverts commit 1234567.', True, "1234567"),
    "squash with a revert in it": ('Add y (#5)\n\n* Try x\n\n* Revert "x"\n\nThis reverts commit 1234567.', False, None),
    "reason in points": ('Revert "x"\n\nThis reverts commit 1234567.\n\n* slow\n* wrong', True, "1234567"),
    "only spoken of": ("Explain why This reverts commit 1234567 was wrong", False, None),
    "empty": ("", False, None),
}  # fmt: skip


@pytest.mark.parametrize("case", MESSAGES)
def test_what_a_message_says(case: str) -> None:
    message, is_revert, origin = MESSAGES[case]
    assert named_commit(message) == (is_revert, origin)


def test_reverts_and_cherry_picks_by_git_itself(repo: Repository) -> None:
    (repo.path / "file").write_text("1")
    repo.git("add", "file")
    repo.commit("start", day(1))
    repo.tag("v1.0.0", day(1))
    (repo.path / "file").write_text("2")
    broken = repo.commit("break", day(2), None, "-a")
    repo.git("revert", "--no-edit", broken, at=day(3))
    undone = repo._note("undo")
    repo.switch("other", "v1.0.0")
    repo.git("cherry-pick", "-x", broken, at=day(4))
    repo._note("picked")
    repo.switch("main")
    repo.switch("reversal", "main")
    repo.git("revert", "--no-edit", undone, at=day(5))
    repo.switch("main")
    repo.merge("reversal", "Merge pull request #7", day(6))
    repo.tag("v1.1.0", day(7))
    repo.tag("v1.0.1", day(8), "other")
    rows = changes(read(repo.path), repo)
    assert {name: (row["is_revert"], row["origin_sha"]) for name, row in rows.items()} == {
        "break": (False, None), "undo": (True, broken), "picked": (False, broken), "Merge pull request #7": (True, undone),
    }  # fmt: skip


def test_messages_that_are_not_utf_8(repo: Repository) -> None:
    repo.commit("start", day(1))
    repo.tag("v1.0.0", day(1))
    for options, message in (((), b"caf\xe9"), (("-c", "i18n.commitEncoding=ISO-8859-1"), b'Revert "caf\xe9"')):
        repo.git(*options, "commit", "-q", "--allow-empty", "-F", "-", at=day(2), given=message)
        repo._note(str(options))
    found = read(repo.path)
    assert found["changes"].frame["is_revert"].to_list() == [False, True]


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


REMOTES = {
    "https://example.invalid/team/shop.git": "team/shop",
    "https://user:secret@example.invalid:8443/team/shop": "team/shop",
    "https://user:se/cret@example.invalid/team/shop": None,
    "https://example.invalid/group/part/shop.git/?token=secret": "group/part/shop",
    "ssh://git@example.invalid:22/team/shop.git": "team/shop",
    "git@example.invalid:team/shop.git": "team/shop",
    "example.invalid:team/shop": "team/shop",
    "file:///srv/team/shop.git": None,
    "/srv/team/shop.git": None,
    "C:/team/shop": None,
    "https://example.invalid/shop": None,
}


@pytest.mark.parametrize("url", REMOTES)
def test_repository_at_its_host_without_credentials(repo: Repository, url: str) -> None:
    repo.commit("one", day(1))
    repo.git("config", "remote.origin.url", url)
    found = read(repo.path)
    assert found["services"].frame["repo"].to_list() == [REMOTES[url]]
    assert found["changes"].frame["repo"].to_list() == [REMOTES[url]]


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
    repo.tag("v1.1.0", day(4))
    found = read(repo.path)
    assert found["deployment_changes"].warnings == (
        "1 of 2 change(s) were written after the date of the release that has them (negative lead time)",
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
    other.switch("feature", "main")
    assert told(read(clone)).count("mainline is that of") == 0  # same commit, no difference to tell
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


# --- where repositories are, and what they are called ---------------------------------------------------------------


def test_bundle_and_bare_repository_tell_the_same(repo: Repository, tmp_path: Path) -> None:
    repo.commit("one", day(1))
    repo.tag("v1.0.0", day(1))
    repo.commit("two", day(2))
    repo.tag("v1.1.0", day(3))
    repo.git("bundle", "create", "-q", str(tmp_path / "shop.bundle"), "--all")
    repo.git("clone", "-q", "--bare", str(repo.path), str(tmp_path / "bare" / "shop.git"))
    here = read(repo.path)
    for place in (tmp_path / "shop.bundle", tmp_path / "bare" / "shop.git", repo.path / ".git"):
        there = read(place)
        for table, extract in here.items():
            assert there[table].frame.equals(extract.frame), (place, table)


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


@pytest.mark.parametrize("name", ["-odd", "a b'\"$(touch x);", "ünïcode", "new\nline", "--upload-pack=x"])
def test_odd_names(tmp_path: Path, name: str) -> None:
    repo = Repository(tmp_path / name)
    repo.commit("one", day(1))
    repo.tag("späß/v1.0.0", day(1))
    repo.git("bundle", "create", "-q", str(tmp_path / f"{name}.bundle"), "--all")
    for place in (repo.path, tmp_path / f"{name}.bundle"):
        found = read(place)
        assert found["deployments"].frame["deployment_id"].to_list() == [f"git:{name}:späß/v1.0.0"]
    assert not (tmp_path / "x").exists()


def test_tag_names_that_are_not_utf_8_stay_apart(repo: Repository) -> None:
    sha = repo.commit("one", day(1))
    lines = b"".join(b"create refs/tags/%b/v1.0.0 %b\n" % (word, sha.encode()) for word in (b"\xe9", b"\xe8"))
    repo.git("update-ref", "--stdin", given=lines)
    assert read(repo.path)["deployments"].frame["version"].to_list() == ["\\xe8/v1.0.0", "\\xe9/v1.0.0"]


def test_what_is_no_repository(repo: Repository, tmp_path: Path) -> None:
    repo.commit("one", day(1))
    inside = repo.path / "folder"
    inside.mkdir()
    text = tmp_path / "notes.bundle"
    text.write_text("no bundle")
    for place in (tmp_path, inside, text):
        with pytest.raises(SourceError, match="is no git repository"):
            read(place)


def test_broken_repositories(repo: Repository, tmp_path: Path) -> None:
    first = repo.commit("one", day(1))
    repo.commit("two", day(2))
    repo.git("bundle", "create", "-q", str(tmp_path / "part.bundle"), f"{first}..main")
    repo.git("bundle", "create", "-q", str(tmp_path / "cut.bundle"), "--all")
    (tmp_path / "cut.bundle").write_bytes((tmp_path / "cut.bundle").read_bytes()[:-30])
    (repo.path / ".git" / "objects" / first[:2] / first[2:]).unlink()
    (tmp_path / "husk" / "objects").mkdir(parents=True)
    (tmp_path / "husk" / "HEAD").write_text("ref: refs/heads/main")
    for place in (repo.path, tmp_path / "part.bundle", tmp_path / "cut.bundle", tmp_path / "husk"):
        with pytest.raises(SourceError, match=rf"^{place.name}: git cannot read this repository \("):
            read(place)


def test_without_git(repo: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SourceError, match="Install git"):
        read(repo.path)


# --- an untrusted repository, and the caller's own environment ------------------------------------------------------


def test_nothing_the_repository_configures_is_run(repo: Repository, tmp_path: Path) -> None:
    first = repo.commit("one", day(1))
    signed = repo.git("cat-file", "commit", first).replace("\n\n", "\ngpgsig -----BEGIN PGP SIGNATURE-----\n x\n\n", 1)
    sha = repo.git("hash-object", "-w", "-t", "commit", "--literally", "--stdin", given=signed.encode())
    repo.git("update-ref", "refs/heads/main", sha)
    repo.tag("v1.0.0", day(1))
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch '{tmp_path / 'sprung'}'\n")
    trap.chmod(0o755)
    names = (
        "core.pager",
        "pager.rev-list",
        "core.fsmonitor",
        "gpg.program",
        "core.sshCommand",
        "alias.rev-list",
        "diff.external",
    )
    for name in names:
        repo.git("config", name, str(trap))
    repo.git("config", "log.showSignature", "true")
    for hook in ("post-checkout", "reference-transaction", "fsmonitor-watchman"):
        (repo.path / ".git" / "hooks" / hook).write_text(trap.read_text())
        (repo.path / ".git" / "hooks" / hook).chmod(0o755)
    assert read(repo.path)["deployments"].frame.height == 1
    assert not (tmp_path / "sprung").exists()


def test_a_partial_clone_is_read_without_asking_its_remote(repo: Repository, tmp_path: Path) -> None:
    for number in ("1", "2"):
        (repo.path / "file").write_text(number)
        repo.git("add", "file")
        repo.commit(number, day(int(number)))
        repo.tag(f"v{number}.0.0", day(int(number)))
    repo.git("config", "uploadpack.allowFilter", "true")
    clone = tmp_path / "clone"
    repo.git("clone", "-q", "--bare", "--filter=tree:0", f"file://{repo.path}", str(clone))
    repo.path.rename(tmp_path / "gone")
    assert read(clone)["deployment_changes"].frame.height == 1


def test_git_settings_of_the_caller_do_not_leak_in(
    repo: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo.commit("one", day(1))
    before = read(repo.path)["changes"].frame
    for name in ("GIT_DIR", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE", "GIT_SHALLOW_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "elsewhere"))
    assert read(repo.path)["changes"].frame.equals(before)


# --- laws -----------------------------------------------------------------------------------------------------------


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


@st.composite
def histories(draw: st.DrawFn) -> tuple[bytes, int]:
    """A small random history as a fast-import stream: branches, merges, several roots, clocks that jump, tags anywhere."""
    size = draw(st.integers(3, 14))
    clock = draw(st.permutations(range(3 * size)))
    times = iter(1767268800 + 7919 * number for number in clock)
    stream, tips = [], ["main", "main", "side", "other"]
    heads: dict[str, int] = {}
    tags = 0
    for mark in range(1, size + 1):
        branch = draw(st.sampled_from(tips))
        lines = [f"commit refs/heads/{branch}", f"mark :{mark}"]
        for role in ("author", "committer"):
            zone = draw(st.sampled_from(["+0000", "+0200", "-0730"]))
            lines.append(f"{role} Test <test@example.invalid> {next(times)} {zone}")
        lines.append("data 0")
        start = heads.get(branch) or (draw(st.sampled_from([*heads.values(), 0])) if heads else 0)
        others = [tip for tip in set(heads.values()) if tip != start]
        if start:
            lines.append(f"from :{start}")
            if others and draw(st.booleans()):
                lines.append(f"merge :{draw(st.sampled_from(sorted(others)))}")
        heads[branch] = mark
        stream += lines
        if draw(st.integers(0, 2)) == 0:
            target = draw(st.integers(max(1, mark - 4), mark))
            tags += 1
            if draw(st.booleans()):
                stream += [
                    f"tag v1.{tags}.0",
                    f"from :{target}",
                    f"tagger Test <test@example.invalid> {next(times)} +0100",
                    "data 0",
                ]
            else:
                stream += [f"reset refs/tags/v1.{tags}.0", f"from :{target}", ""]
    return "\n".join([*stream, "done", ""]).encode(), tags


def by_plain_git(
    repo: Repository,
) -> tuple[dict[str, tuple[int, str, bool, bool]], dict[str, tuple[str | None, int]], int]:
    """The same by one git question after another: tag → (time, sha, rollback, redeploy); sha → (tag, first commit)."""

    def ask(*arguments: str) -> list[str]:
        return repo.git(*arguments).split("\n") if repo.git(*arguments) else []

    tags = []
    for tag in ask("tag"):
        tagged = repo.git("for-each-ref", "--format=%(taggerdate:unix)", f"refs/tags/{tag}")
        sha = repo.git("rev-parse", f"{tag}^{{commit}}")
        tags.append((int(tagged or repo.git("log", "-1", "--format=%ct", sha)), int(tag.split(".")[1]), tag, sha))
    tags.sort()
    deployed, first_commits, left_out = {}, {}, 0
    roots = set(ask("rev-list", "--all", "--max-parents=0"))
    for k, (when, minor, tag, sha) in enumerate([*tags, (0, 0, None, "main")]):
        earlier = [f"^{t[3]}" for t in tags[:k]]
        holders = [t for t in tags[:k] if not ask("rev-list", sha, f"^{t[3]}") and (t[3] == sha or t[1] < minor)]
        if tag is not None:
            again = bool(holders) and holders[-1][3] == sha
            deployed[tag] = (when, sha, bool(holders) and not again, again)
        line = ask("rev-list", "--first-parent", sha, *earlier)
        if tag is not None and roots & set(line):
            left_out += len(line)
            continue
        for commit in line:
            brought = (
                [b for b in ask("rev-list", commit, f"^{commit}^1", *earlier) if b != commit]
                if commit not in roots
                else []
            )
            dates = [int(repo.git("log", "-1", "--format=%at", b)) for b in brought or [commit]]
            first_commits[commit] = (tag, min(dates))
    return deployed, first_commits, left_out


@settings(max_examples=25)
@given(history=histories())
def test_any_history_agrees_with_plain_git(
    history: tuple[bytes, int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    stream, tags = history
    repo = Repository(tmp_path_factory.mktemp("any") / "shop")
    repo.git("fast-import", "--quiet", "--done", given=stream)
    if "main" not in repo.git("branch"):
        repo.git("branch", "main", repo.git("rev-list", "--all", "-1"))
    expected, first_commits, left_out = by_plain_git(repo)
    found = read(repo.path)
    rows = deployments(found)
    seen = {
        tag: (int(row["finished_at"].timestamp()), row["sha"], row["is_rollback"], row["is_resync"])
        for tag, row in rows.items()
    }
    assert len(seen) == tags
    assert seen == expected
    links = dict(found["deployment_changes"].frame.select("change_id", "deployment_id").iter_rows())
    told_first = {
        row["sha"]: (
            links.get(row["change_id"], "git:shop:").removeprefix("git:shop:") or None,
            int(row["first_commit_at"].timestamp()),
        )
        for row in found["changes"].frame.to_dicts()
    }
    assert told_first == first_commits
    assert sum(found["changes"].dropped.values()) == left_out

    joined = found["deployment_changes"].frame.drop("_row").join(found["changes"].frame.drop("_row"), on="change_id")
    joined = joined.join(found["deployments"].frame.drop("_row"), on="deployment_id")
    median = joined.select((pl.col("finished_at") - pl.col("first_commit_at")).dt.total_seconds().median()).item()
    spans = [expected[tag][0] - first for tag, first in first_commits.values() if tag is not None]
    assert median == (statistics.median(spans) if spans else None)
