"""Spoil good files for as long as there is time, and look whether anything goes wrong that may not.

    python tests/trust/fuzzing.py --seconds 600 [--first 0] [--only github] [--number 17]

What must hold: nothing but our own errors, with something to say; what came in is what was kept, set aside or left out; within the
time (:data:`SECONDS` of processor) and memory (:data:`MEMORY`) that the small files need. A target and a number stand for one input, the same on every
machine, so what is found is found again by ``--only TARGET --number N``.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from random import Random
from threading import Timer
from types import FrameType

from mutants import mutant
from payloads import Seed, is_ours, seeds, written

SECONDS = 5.0
"""Processor seconds one input may take; each is a few kilobytes."""

MEMORY = 1 << 30
"""Bytes of data by which one input may make the process grow."""

_PATIENCE = 60
"""Seconds after which an input that does not even take a signal has its process ended."""


@dataclass(frozen=True)
class Input:
    """One input: which seed, which of its files is spoilt and how."""

    target: str
    number: int
    seed: Seed
    file: str
    told: str
    data: bytes

    @classmethod
    def of(cls, target: str, number: int, given: list[Seed]) -> Input:
        """The input that a target and a number stand for."""
        draw = Random(f"{target}:{number}")
        seed = draw.choice(given)
        file = draw.choice(seed.spoilt or tuple(seed.files))
        told, data = mutant(file, seed.files[file], draw)
        return cls(target, number, seed, file, told, data)


class TooLongError(BaseException):
    """No error of anybody, so that nobody catches it."""


def _late(_: int, __: FrameType | None) -> None:
    raise TooLongError


def tried(one: Input, folder: Path) -> tuple[str, str | None]:
    """How reading it ended (``read``, or the name of our error), and what may not be so, if anything."""
    shutil.rmtree(folder, ignore_errors=True)
    written(one.seed, folder, {one.file: one.data})
    signal.signal(signal.SIGVTALRM, _late)
    signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
    try:
        one.seed.read(folder)
    except BaseException as error:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        if isinstance(error, KeyboardInterrupt):
            raise
        if is_ours(error):
            return type(error).__name__, None
        return "", f"{type(error).__name__}: {str(error)[:300]}\n{_way(error)}"
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    return "read", None


def _way(error: BaseException) -> str:
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "idp_analytics" in frame.filename]
    return "".join(f"    {Path(frame.filename).name}:{frame.lineno} {frame.line}\n" for frame in frames[-4:])


def limited() -> None:
    """Give this process the memory it has and :data:`MEMORY` more."""
    used = int(Path("/proc/self/statm").read_text().split()[5]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_DATA, (used + MEMORY, resource.RLIM_INFINITY))


def _work(targets: list[str], first: int, count: int) -> None:
    """Try inputs in this process, a line of JSON for each: before it which it is, after it how it went."""
    given = {target: several for target, several in seeds().items() if target in targets}
    limited()
    with tempfile.TemporaryDirectory(prefix="idp-fuzz-") as folder:
        for place in range(first, first + count):
            number, of = divmod(place, len(targets))
            print(json.dumps({"begun": place}), flush=True)
            one = Input.of(targets[of], number, given[targets[of]])
            ended, wrong = tried(one, Path(folder) / "data")
            told = f"{one.target} {number}: {one.seed.name} {one.file}: {one.told}"
            print(json.dumps({"ended": ended, "wrong": wrong, "told": told}), flush=True)


def _batch(targets: list[str], first: int, count: int) -> tuple[Counter[str], list[str], int]:
    """The same in a process of its own, which may die; how many it has done."""
    how: Counter[str] = Counter()
    wrong: list[str] = []
    begun, done = first, first - 1
    command = [sys.executable, __file__, "--work", *targets, "--first", str(first), "--count", str(count)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        while line := _said(process):
            told = json.loads(line)
            if "begun" in told:
                begun = told["begun"]
                continue
            done = begun
            how[told["ended"] or "wrong"] += 1
            if told["wrong"]:
                wrong.append(f"{told['told']}: {told['wrong']}")
                print(wrong[-1], flush=True)
        code = process.wait()
        said = process.stderr.read()
    if code and done < first + count - 1:
        how["died"] += 1
        number, of = divmod(begun, len(targets))
        wrong.append(f"{targets[of]} {number}: the process ended with {code}: {said[-600:]}")
        print(wrong[-1], flush=True)
        done = begun
    return how, wrong, done + 1 - first


def _said(process: subprocess.Popen[str]) -> str:
    """The next line of the process, which is ended where it does not even take a signal."""
    assert process.stdout is not None
    late = Timer(_PATIENCE, process.kill)
    late.start()
    try:
        return process.stdout.readline()
    finally:
        late.cancel()


def fuzz(seconds: float, first: int, only: list[str], batch: int) -> int:
    """Go round all targets until the time is over; how many inputs failed."""
    targets = only or list(seeds())
    how: Counter[str] = Counter()
    wrong = 0
    place, begun = first * len(targets), time.monotonic()
    while time.monotonic() - begun < seconds:
        told, found, done = _batch(targets, place, batch)
        how += told
        wrong += len(found)
        place += done
        print(f"-- {how.total():,} inputs, {dict(how)}, {wrong} wrong, next is {place // len(targets)}", flush=True)
    return wrong


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Spoil good files and look what happens.")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--number", type=int)
    parser.add_argument("--batch", type=int, default=2000)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--work", nargs="+")
    parser.add_argument("--count", type=int, default=1)
    given = parser.parse_args()
    if given.work:
        _work(given.work, given.first, given.count)
    elif given.number is not None:
        one = Input.of(given.only[0], given.number, seeds()[given.only[0]])
        if given.keep:
            written(one.seed, given.keep, {one.file: one.data})
        print(f"{one.seed.name} {one.file}: {one.told}, {len(one.data):,} bytes")
        one.seed.read(given.keep) if given.keep else print(one.data[:2000])
    else:
        sys.exit(bool(fuzz(given.seconds, given.first, given.only, given.batch)))


if __name__ == "__main__":
    main()
