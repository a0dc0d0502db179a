from __future__ import annotations

import re
import statistics
from pathlib import Path

import polars as pl
import pytest
from git_building import Repository, at, changes, day, delivered, deployments, read, told
from hypothesis import given, settings
from hypothesis import strategies as st

from idp_analytics.sources import git
from idp_analytics.sources.git_history import named_commit


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "shop")


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
        "is_rollback": False, "_row": 2,
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


RELEASES: dict[str, tuple[list, dict]] = {
    # name: [(tag, commit it is on, day)], {tag: what it is}
    "next versions": ([("v1.0.0", "a", 3), ("v1.1.0", "b", 4)], {"v1.0.0": "", "v1.1.0": ""}),
    "older commit, newer version": (
        [("v1.0.0", "a", 3), ("v1.1.0", "b", 4), ("v1.1.1", "a", 5)], {"v1.1.0": "", "v1.1.1": "rollback"}),
    "commit between two releases": (
        [("v1.0.0", "a", 3), ("v1.1.0", "c", 4), ("v1.1.1", "b", 5)], {"v1.1.1": "rollback"}),
    "same commit again": ([("v1.0.0", "a", 3), ("v1.0.1", "a", 4)], {"v1.0.0": "", "v1.0.1": "again"}),
    "rolled back, then the old one once more": (
        [("v1.0.0", "a", 3), ("v1.1.0", "b", 4), ("v1.1.1", "a", 5), ("v1.1.2", "a", 6)],
        {"v1.1.1": "rollback", "v1.1.2": "again"}),
    "rolled back, then on": (
        [("v1.0.0", "a", 3), ("v1.1.0", "b", 4), ("v1.1.1", "a", 5), ("v1.2.0", "c", 6)],
        {"v1.1.1": "rollback", "v1.2.0": ""}),
    "maintenance on its branch": (
        [("v1.1.4", "b", 3), ("v1.2.0", "c", 4), ("v1.1.5", "fix", 5)], {"v1.2.0": "", "v1.1.5": ""}),
    "maintenance of a commit the newer line holds": (
        [("v1.1.0", "a", 3), ("v1.2.0", "c", 4), ("v1.1.1", "b", 5)], {"v1.1.1": ""}),
    "maintenance line once more": (
        [("v1.1.0", "a", 3), ("v1.2.0", "c", 4), ("v1.1.1", "a", 5)], {"v1.1.1": "again"}),
    "tagged long after": ([("v1.0.0", "c", 3), ("v0.9.0", "b", 4)], {"v0.9.0": ""}),
    "v1.10.0 is after v1.9.0": ([("v1.9.0", "b", 3), ("v1.10.0", "a", 4)], {"v1.10.0": "rollback"}),
    "another component": ([("v1.1.0", "b", 3), ("cli/v2.0.0", "a", 4)], {"cli/v2.0.0": ""}),
    "two light tags on one commit": ([("v1.10.0", "b", None), ("v1.9.0", "b", None)], {"v1.9.0": "", "v1.10.0": "again"}),
}  # fmt: skip


@pytest.mark.parametrize("case", RELEASES)
def test_rollbacks_and_the_same_released_anew(repo: Repository, case: str) -> None:
    tags, expected = RELEASES[case]
    shas = {name: repo.commit(name, day(1 + i / 10)) for i, name in enumerate("abc")}
    repo.switch("release-1.1", shas["b"])
    shas["fix"] = repo.commit("fix", day(4.5))
    repo.switch("main")
    for tag, commit, when in tags:
        repo.tag(tag, when and day(when), shas[commit])
    rows = deployments(read(repo.path))
    assert {tag: rows[tag]["is_rollback"] for tag in expected} == {
        t: what == "rollback" for t, what in expected.items()
    }


def test_at_one_moment_the_ancestor_is_released_first(repo: Repository) -> None:
    for name, tag in (("one", "v1.0.0"), ("two", "v1.2.0"), ("three", "v1.1.0")):
        repo.commit(name, day(1))
        repo.tag(tag)
    found = read(repo.path)
    assert found["deployments"].frame["version"].to_list() == ["v1.0.0", "v1.2.0", "v1.1.0"]
    assert delivered(found, repo) == {"v1.2.0": ["two"], "v1.1.0": ["three"]}


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


def test_a_pull_request_that_takes_back_only_its_own_work_is_no_revert(repo: Repository) -> None:
    start = repo.commit("start", day(1))
    repo.tag("v1.0.0", day(1))
    repo.switch("feature", start)
    tried = repo.commit("try", day(2))
    repo.commit(f'Revert "try"\n\nThis reverts commit {tried}.', day(3))
    repo.commit("do it well", day(4))
    repo.switch("main")
    repo.merge("feature", "merge feature", day(5))
    row = changes(read(repo.path), repo)["merge feature"]
    assert (row["is_revert"], row["origin_sha"]) == (False, None)


# --- any history ---


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
) -> tuple[dict[str, tuple[int, str, bool]], dict[str, tuple[str | None, int]], int]:
    """The same by one git question after another: tag → (time, sha, rollback); sha → (tag, first commit)."""

    def ask(*arguments: str) -> list[str]:
        return repo.git(*arguments).split("\n") if repo.git(*arguments) else []

    tags = []
    for tag in ask("tag"):
        tagged = repo.git("for-each-ref", "--format=%(taggerdate:unix)", f"refs/tags/{tag}")
        sha = repo.git("rev-parse", f"{tag}^{{commit}}")
        tags.append((int(tagged or repo.git("log", "-1", "--format=%ct", sha)), int(tag.split(".")[1]), tag, sha))
    tags.sort()
    # Whole histories, subtracted here: told to leave histories out, git itself errs where clocks were wrong.
    held = {sha: set(ask("rev-list", sha)) for sha in {*ask("rev-list", "--all"), repo.git("rev-parse", "main")}}
    deployed, first_commits, left_out = {}, {}, 0
    roots = set(ask("rev-list", "--all", "--max-parents=0"))
    for k, (when, minor, tag, sha) in enumerate([*tags, (0, 0, None, "main")]):
        earlier = set().union(*(held[t[3]] for t in tags[:k]))
        holders = [t for t in tags[:k] if repo.git("rev-parse", sha) in held[t[3]] and (t[3] == sha or t[1] < minor)]
        if tag is not None:
            again = bool(holders) and holders[-1][3] == sha
            deployed[tag] = (when, sha, bool(holders) and not again)
        line = [c for c in ask("rev-list", "--first-parent", sha) if c not in earlier]
        if tag is not None and roots & set(line):
            left_out += len(line)
            continue
        for commit in line:
            brought = (
                [b for b in held[commit] - earlier - held[repo.git("rev-parse", f"{commit}^1")] if b != commit]
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
    seen = {tag: (int(row["finished_at"].timestamp()), row["sha"], row["is_rollback"]) for tag, row in rows.items()}
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
