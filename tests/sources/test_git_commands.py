from __future__ import annotations

from pathlib import Path

import pytest
from git_building import Repository, day, read

from idp_analytics.errors import SourceError


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "shop")


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


def test_messages_that_are_not_utf_8(repo: Repository) -> None:
    repo.git("config", "i18n.logOutputEncoding", "UTF-16")  # would put NULs where they cannot be
    repo.commit("start", day(1))
    repo.tag("v1.0.0", day(1))
    for options, message in (((), b"caf\xe9"), (("-c", "i18n.commitEncoding=ISO-8859-1"), b'Revert "caf\xe9"')):
        repo.git(*options, "commit", "-q", "--allow-empty", "-F", "-", at=day(2), given=message)
        repo._note(str(options))
    found = read(repo.path)
    assert found["changes"].frame["is_revert"].to_list() == [False, True]
