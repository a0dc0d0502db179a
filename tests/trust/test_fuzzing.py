"""Nothing but our own errors comes out of files spoilt in any way, and every row of them is accounted for.

``make fuzz`` goes on for as long as one likes; here is a fixed number of inputs, and each that was ever found wrong.
"""

from __future__ import annotations

from pathlib import Path

import fuzzing
import payloads
import pytest
from fuzzing import Input, tried

from idp_analytics import sources
from idp_analytics.errors import SourceError

EACH = 6
"""Inputs of each target that CI tries."""


@pytest.fixture(scope="module")
def seeds() -> dict[str, list[payloads.Seed]]:
    """Without the reference cases, which are not everywhere."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(payloads, "CASES", Path("nowhere"))
        return payloads.seeds()


def test_every_seed_is_good(seeds: dict[str, list[payloads.Seed]], tmp_path: Path) -> None:
    """What is spoilt was worth something."""
    for target, several in seeds.items():
        for place, seed in enumerate(several[::3] if target == "canonical" else several):
            folder = tmp_path / target / str(place)
            payloads.written(seed, folder)
            kept = seed.read(folder)
            assert kept > 0 or target == "settings", seed.name


def test_whatever_is_done_to_a_file_it_is_read_or_refused(
    seeds: dict[str, list[payloads.Seed]], tmp_path: Path
) -> None:
    wrong, ended = [], set()
    for target, several in seeds.items():
        for number in range(EACH if target != "folder" else 2):
            one = Input.of(target, number, several)
            how, problem = tried(one, tmp_path / "data")
            ended.add(how)
            wrong += [f"{target} {number}: {one.seed.name} {one.file}: {one.told}: {problem}"] if problem else []
    assert wrong == []
    assert ended == {"read", "SourceError", "SettingsError"}


@pytest.mark.parametrize("target", ["github", "canonical"])
def test_a_number_stands_for_an_input(seeds: dict[str, list[payloads.Seed]], target: str) -> None:
    one, two = (Input.of(target, 5, seeds[target]) for _ in range(2))
    assert (one.file, one.told, one.data) == (two.file, two.told, two.data)
    assert len({Input.of(target, number, seeds[target]).data for number in range(20)}) > 10


def bad(folder: Path) -> int:
    """A reader that is wrong in the way the file says."""
    match (folder / "a.txt").read_text():
        case "raises":
            raise KeyError("x")
        case "loses":
            raise AssertionError("rows_in")
        case "hangs":
            while True:
                pass
    raise SourceError("is what it should be.")


@pytest.mark.parametrize(
    ("data", "ended", "problem"),
    [
        ("raises", "", "KeyError"),
        ("loses", "", "AssertionError"),
        ("hangs", "", "TooLongError"),
        ("refuses", "SourceError", None),
    ],
)
def test_what_may_not_be_is_found(
    data: str, ended: str, problem: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fuzzing, "SECONDS", 0.05)
    seed = payloads.Seed("bad", {"a.txt": b""}, bad)
    how, found = tried(Input("bad", 0, seed, "a.txt", "", data.encode()), tmp_path / "data")
    assert how == ended
    assert found is None if problem is None else found is not None and found.startswith(problem)


# --- each that was wrong once -----------------------------------------------------------------------------------------


def read(kind: str, path: Path, data: bytes, **options: object) -> int:
    path.write_bytes(data)
    return payloads.add_up(sources.read(kind, [path], options, path.parent), kind, "UTC")


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
def test_text_of_two_or_four_bytes_a_letter_needs_no_mark(tmp_path: Path, encoding: str) -> None:
    """Arrow took the name of a column up to its first null byte: nothing, of all of them."""
    table = "service_id,name\nweb,Wéb\n"
    assert read("canonical", tmp_path / "a.csv", table.encode(encoding), table="services") == 1
    assert (
        read(
            "canonical",
            tmp_path / "a.json",
            '[{"service_id": "web", "name": "Wéb"}]'.encode(encoding),
            table="services",
        )
        == 1
    )


def test_a_name_may_hold_null_bytes(tmp_path: Path) -> None:
    assert read("canonical", tmp_path / "a.csv", b"service_id,name,\x00,x\x00y\nweb,Web,1,2\n", table="services") == 1


def test_a_header_of_one_name_many_times_takes_no_time(tmp_path: Path) -> None:
    """16,000 columns: 128 million comparisons before, which took minutes."""
    data = b"service_id,name," + b",".join([b"x"] * 16_000) + b"\nweb,Web" + b",1" * 16_000 + b"\n"
    assert read("canonical", tmp_path / "a.csv", data, table="services") == 1


def test_a_message_names_some_columns_and_no_more(tmp_path: Path) -> None:
    """Of 16,000 columns all were named: 130 kB."""
    with pytest.raises(SourceError, match=r"no column 'name'.+ and 15,961 more") as told:
        read(
            "canonical",
            tmp_path / "a.csv",
            b"service_id," + b",".join([b"y" * 60] * 16_000) + b"\n1\n",
            table="services",
        )
    assert len(str(told.value)) < 4000


def test_a_member_of_another_type_is_no_document_of_the_shape(tmp_path: Path) -> None:
    body = b'[{"checks": [], "repo": true}]'
    with pytest.raises(SourceError, match=r"^a\.json: holds nothing that OpenSSF Scorecard exports"):
        read("openssf", tmp_path / "a.json", body)


def test_a_table_of_devlake_without_columns_has_no_rows(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no column .+ Export every column of them\.$"):
        read("devlake", tmp_path / "cicd_deployment_commits.csv", b"\n")
