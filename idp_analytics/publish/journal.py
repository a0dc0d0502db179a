"""What of a run is made: a line per report, written once its files are, so that a run goes on where another of the same key stopped."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from idp_analytics.publish.engine import Outcome
from idp_analytics.publish.staging import JOURNAL, hasten
from idp_analytics.publish.sums import Sums

Files = Mapping[str, str]
"""What belongs to one report, below the folder of its set → its SHA-256."""


class Journal:
    """The reports in ``folder`` that are whole: ``made`` is the name of each → its files, ``sums`` what is known of
    these without reading them. The journal itself lies beside the folder.

    What is not as its line says counts as not made: a report that failed has no line, the last line may be torn, and a machine that
    lost power may have kept the line and not the file.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder.with_name(folder.name + JOURNAL)
        self.sums = Sums(folder)
        self.made: dict[str, Files] = dict(_whole(folder, self.path))

    def note(self, outcome: Outcome) -> None:
        """Write down how a report went."""
        if outcome.failure is None:
            self._write(outcome.name, outcome.files)
            for file in outcome.files:
                hasten(self.folder / file)

    def take(self, folder: Path, made: Mapping[str, Files]) -> None:
        """Copy here what was ``made`` in another folder and is not there yet; what is not as said once it is here, another may
        be changing there, and it counts as not made."""
        for name, files in made.items():
            if name not in self.made:
                for file in files:
                    (self.folder / file).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(folder / file, self.folder / file)
                if all(_digest(self.folder / file) == digest for file, digest in files.items()):
                    self._write(name, files)

    def sweep(self) -> None:
        """Remove all that is not of a report that is whole, and of the journal what is not true any more."""
        kept = {file for files in self.made.values() for file in files}
        for path in self.folder.rglob("*"):
            if path.is_file() and path.relative_to(self.folder).as_posix() not in kept:
                path.unlink()
        made, self.made = self.made, {}
        self.path.unlink(missing_ok=True)
        for name, files in made.items():
            self._write(name, files)

    def _write(self, name: str, files: Files) -> None:
        self.made[name] = files
        for path, digest in files.items():
            self.sums.tell(path, digest)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"name": name, "files": dict(files)}) + "\n")


def _whole(folder: Path, path: Path) -> Iterator[tuple[str, Files]]:
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        try:
            told = json.loads(line)
        except ValueError:  # torn
            continue
        if all(_digest(folder / file) == digest for file, digest in told["files"].items()):
            yield told["name"], told["files"]


def _digest(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
