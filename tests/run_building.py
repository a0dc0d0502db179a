"""A run in a process of its own, of a mart that is there already, which is killed at one of its file operations."""

from __future__ import annotations

import os
import pickle
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from company_building import at_once

from idp_analytics.publish.run import publish
from idp_analytics.publish.shards import Shard
from idp_analytics.report.mart import Mart


def prepare() -> None:
    """Import what the first run would."""
    import idp_analytics.publish.exporter
    import idp_analytics.publish.stock
    import idp_analytics.report.disclosure  # noqa: F401


def run(mart: Path, root: Path, notebooks: Path, dies_at: int = 0, shard: Shard | None = None) -> Mapping[str, Any]:
    """Publish below ``root`` and give the run's key, how many reports were found made, and at how many file operations below ``root``
    the run could have been killed; it is at that of the number ``dies_at``."""
    Mart.of = staticmethod(lambda *_, **__: pickle.loads(mart.read_bytes()))  # type: ignore[assignment]
    operations = 0

    def counted(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal operations
        if event in OPERATIONS and arguments and str(arguments[0]).startswith(str(root)):
            operations += 1
            if operations == dies_at:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(counted)
    whose: Any = SimpleNamespace(tables={}, settings=SimpleNamespace(org="acme"))
    result = publish(whose, root, notebooks=notebooks, engine=at_once(), shard=shard)
    return {"key": result.key, "found": result.found, "operations": operations, "published": result.published}


class Deadly(str):
    """Text that kills the process which puts it on a page, so many times; it counts in the folder the page is to lie in."""

    def __init__(self, _: str = "", times: int = 0) -> None:
        self.times = times

    def __new__(cls, text: str = "", times: int = 0) -> Deadly:
        return super().__new__(cls, text)

    def __html__(self) -> str:
        told = Path(f".deaths-{self.times}")
        deaths = len(told.read_text()) if told.is_file() else 0
        if deaths < self.times:
            told.write_text("x" * (deaths + 1))
            os.kill(os.getpid(), signal.SIGKILL)
        return str(self)


OPERATIONS = frozenset({
    "open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.symlink", "os.utime", "os.listdir", "os.scandir", "shutil.copyfile",
    "shutil.rmtree",
})  # fmt: skip
