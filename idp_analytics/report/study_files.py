"""Studies of a mart that lies in a folder, each read when it is asked for: the organisation's report needs of most of them only its own few rows."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import polars as pl


class StudyFiles(Mapping[str, pl.DataFrame]):
    """The studies ``names`` in ``folder`` by name, as :meth:`~idp_analytics.report.mart.Mart.write` wrote them; what was read is kept.

    A file that is not there is told by ``FileNotFoundError`` when its study is asked for.
    """

    def __init__(self, folder: Path, names: Collection[str]) -> None:
        self._files = {name: folder / f"{name}.parquet" for name in names}
        self._read: dict[str, pl.DataFrame] = {}
        self._wholes: dict[str, pl.DataFrame] = {}

    def __getitem__(self, name: str) -> pl.DataFrame:
        file = self._files[name]
        if name not in self._read:
            self._read[name] = pl.scan_parquet(file).collect()
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    def whole(self, name: str) -> pl.DataFrame:
        """The organisation's rows of a study; the teams' are not held for them."""
        if name not in self._wholes:
            rows = self._read[name].lazy() if name in self._read else pl.scan_parquet(self._files[name])
            self._wholes[name] = rows.filter(pl.col("scope") == "org").collect()
        return self._wholes[name]
