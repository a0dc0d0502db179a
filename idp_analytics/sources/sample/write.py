"""The company as a data folder: the files its systems would have exported, settings that read them, and the truth."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from idp_analytics.sources.sample import exports
from idp_analytics.sources.sample.blemishes import Blemish, blemishes
from idp_analytics.sources.sample.build import Company
from idp_analytics.sources.sample.company import GIT_SERVICES
from idp_analytics.sources.sample.dialects import (
    CODES,
    COSTS,
    HELPDESK,
    PIPELINES,
    PLAIN,
    helpdesk,
    pipeline_runs,
    stamped,
    texts,
    unknown_word,
)
from idp_analytics.sources.sample.documents import readme, settings
from idp_analytics.sources.sample.focus import focus_rows
from idp_analytics.sources.sample.history import write_bundle
from idp_analytics.sources.sample.native import written as packed


def write(folder: Path, company: Company) -> list[Path]:
    """Write the company to ``folder`` and return the files, in name order; the same company gives the same bytes.

    The files hold the tables, but for four things: a bundle does not tell the repository's owner/name, commits name
    their authors by made-up addresses and not by person id, the id of a cost is its reader's to give, and what a system
    of record exports is as that system tells it (:mod:`exports`). Some rows are spoilt on purpose; ``truth.json`` lists
    them. Raises :class:`SourceError` when git is not there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    spoilt = blemishes(company, PIPELINES, PLAIN["incidents"], PLAIN["approvals"])
    native = exports.exports(company.tables)
    frames = _frames(company, native)
    listed: list[dict[str, Any]] = []
    written: list[Path] = []
    for name, frame in frames.items():
        mine = [blemish for blemish in spoilt if blemish.file == name]
        listed += [b.told(row) for row, b in enumerate(mine, frame.height + 1)]
        written.append(_write(folder / name, _with(frame, mine)))
    for repository in company.repositories:
        path = folder / "repos" / f"{repository.name}.bundle"
        write_bundle(repository, path)
        written.append(path)
    for place, content in (item for one in native for item in one.files.items()):
        target = folder / place
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(packed(place, content))
        written.append(target)
    listed.append(unknown_word(frames[PIPELINES]))
    ids = exports.response_ids(native)
    codes = company.codes.with_columns(pl.col("response_id").replace(ids))
    written.append(_write(folder / CODES, codes))
    voice = company.truth["voice"]
    themes = {ids.get(response, response): about for response, about in voice["themes"].items()}
    truth = {**company.truth, "voice": {**voice, "themes": themes}, "bad_rows": listed}
    documents = {
        "settings.toml": settings(company, native, frames.keys()),
        "truth.json": json.dumps(truth, indent=1, ensure_ascii=False) + "\n",
        "README.md": readme(company, len(listed), native),
    }
    for name, text in documents.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
        written.append(folder / name)
    return sorted(written)


def _frames(company: Company, native: Sequence[exports.NativeExport]) -> dict[str, pl.DataFrame]:
    """File name → what is written to it; what git and the systems of record tell is left to them."""
    tables = exports.remaining(company.tables, native)
    by_tag = pl.col("service_id").is_in(list(GIT_SERVICES))
    from_git = tables["changes"].filter(by_tag)["change_id"].implode()
    tables["changes"] = tables["changes"].filter(~by_tag)
    tables["deployment_changes"] = tables["deployment_changes"].filter(~pl.col("change_id").is_in(from_git))
    return {
        **{
            path: _exported(path, _said(tables[name]))
            for name, path in PLAIN.items()
            if not _is_told(tables[name], company.tables[name])
        },
        PIPELINES: pipeline_runs(tables["deployments"].filter(~by_tag)),
        HELPDESK: helpdesk(tables["tickets"]),
        COSTS: focus_rows(company.charges),
    }


def _is_told(left: pl.DataFrame, whole: pl.DataFrame) -> bool:
    """The systems of record tell all of it: a file without rows would be one more export that is empty."""
    return left.is_empty() and not whole.is_empty()


def _said(frame: pl.DataFrame) -> pl.DataFrame:
    """Without columns for another system's words: our own exports have none."""
    return frame.drop(
        [name for name in frame.columns if name.endswith("_raw") and frame[name].null_count() == frame.height]
    )


def _exported(path: str, frame: pl.DataFrame) -> pl.DataFrame:
    """Parquet keeps types, JSON numbers and truth values, CSV nothing but text."""
    if path.endswith(".parquet"):
        return frame
    return stamped(frame) if path.endswith(".jsonl") else texts(frame)


def _with(frame: pl.DataFrame, mine: list[Blemish]) -> pl.DataFrame:
    """The spoilt rows after the good ones."""
    extra = [{**(frame.row(0, named=True) if b.copies_first else {}), **b.row} for b in mine]
    return pl.concat([frame, pl.DataFrame(extra, schema=frame.schema)]) if extra else frame


def _write(path: Path, frame: pl.DataFrame) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        frame.write_parquet(path, compression="zstd", compression_level=9)
    elif path.suffix == ".jsonl":
        frame.write_ndjson(path)
    elif path.suffix == ".gz":
        # Neither name nor time in the header: the same rows give the same bytes.
        path.write_bytes(gzip.compress(frame.write_csv().encode(), compresslevel=9, mtime=0))
    else:
        path.write_text(frame.write_csv(), encoding="utf-8", newline="\n")
    return path
