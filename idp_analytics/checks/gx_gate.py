"""The other gate: great-expectations itself, in its own process, one suite run per table.

Importing great-expectations takes seconds and hundreds of megabytes and may warn, so only the child process does it.
Tables go there as Parquet in a temporary folder and come back as one JSON document; nothing is sent anywhere.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from idp_analytics.checks.suite import Expectation, Outcome
from idp_analytics.errors import GateError, nearest
from idp_analytics.paths import PACKAGE, written

if TYPE_CHECKING:
    import pandas as pd

_JOB, _RESULT = "job.json", "result.json"
_EXACT = 2**53  # whole numbers up to here are exact as floats


def run(
    tables: Mapping[str, pl.DataFrame], expectations: Sequence[Expectation]
) -> tuple[list[Outcome | None], list[str]]:
    """Run ``expectations`` on their tables; outcomes in the same order, and what great-expectations refused and why.

    An expectation whose table is not among ``tables`` is only judged, not run; it and a refused one have no outcome.
    Raises :class:`GateError` when the process itself fails.
    """
    with tempfile.TemporaryDirectory(prefix="idp-gate-") as name:
        folder = Path(name)
        files = {}
        for number, table in enumerate(sorted({e.table for e in expectations} & set(tables))):
            files[table] = f"{number}.parquet"
            written(folder / files[table], partial(tables[table].write_parquet, compression="uncompressed"))
        entries = [{"table": e.table, "type": e.type, "kwargs": _encoded(dict(e.kwargs))} for e in expectations]
        (folder / _JOB).write_text(json.dumps({"files": files, "expectations": entries}), encoding="utf-8")
        _start(folder)
        result = json.loads((folder / _RESULT).read_text(encoding="utf-8"))
    outcomes = [None if found is None else _outcome(found) for found in result["outcomes"]]
    return outcomes, [f"{expectations[n].table}.json: {expectations[n].type}: {text}" for n, text in result["problems"]]


def _start(folder: Path) -> None:
    own = {"GX_ANALYTICS_ENABLED": "false", "PYTHONPATH": os.pathsep.join(map(str, (PACKAGE.parent, *_path())))}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "idp_analytics.checks.gx_gate", str(folder)],
        cwd=folder, env={**os.environ, **own}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        last = (done.stderr.strip() or "no message").splitlines()[-1]
        raise GateError(
            f"great-expectations ended with exit code {done.returncode}: {last}. "
            "Run `idp doctor`; the fast gate needs it only for expectations it does not know itself."
        )


def _path() -> list[Path]:
    return [Path(entry).resolve() for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]


def _outcome(found: Mapping[str, Any]) -> Outcome:
    rows = None if found["rows"] is None else pl.Series(found["rows"], dtype=pl.UInt32)
    return Outcome(found["success"], found["elements"], found["unexpected"], found["share"], rows, "great-expectations")


def _encoded(value: Any) -> Any:
    """Values as JSON: a day as the midnight (UTC) it begins with, which is how days are handed over."""
    match value:
        case dict():
            return {key: _encoded(member) for key, member in value.items()}
        case list() | tuple():
            return [_encoded(member) for member in value]
        case datetime():
            return {"$at": value.isoformat()}
        case date():
            return {"$at": datetime(value.year, value.month, value.day, tzinfo=UTC).isoformat()}
        case Decimal():
            return {"$decimal": str(value)}
        case _:
            return value


def _decoded(value: dict[str, Any]) -> Any:
    if value.keys() == {"$at"}:
        return datetime.fromisoformat(value["$at"])
    return Decimal(value["$decimal"]) if value.keys() == {"$decimal"} else value


# --- in the child process --------------------------------------------------------------------------------------------


def main(folder: Path) -> None:
    """Run the job in ``folder`` and write the result there."""
    gx: Any = import_module("great_expectations")
    job = json.loads((folder / _JOB).read_text(encoding="utf-8"), object_hook=_decoded)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    source = context.data_sources.add_pandas("tables")
    entries = job["expectations"]
    outcomes: list[dict[str, Any] | None] = [None] * len(entries)
    built, problems = _built(entries)
    for table, file in job["files"].items():
        expectations = [e for n, e in built.items() if entries[n]["table"] == table]
        if not expectations:
            continue
        frame = _for_pandas(pl.read_parquet(folder / file))
        batch = (
            source.add_dataframe_asset(table)
            .add_batch_definition_whole_dataframe("all")
            .get_batch({"dataframe": frame})
        )
        suite = gx.ExpectationSuite(name=table, expectations=expectations)
        for result in batch.validate(suite, result_format=_FORMAT).results:
            n = result.expectation_config.meta["n"]
            if message := _raised(result.exception_info):
                problems.append((n, f"great-expectations cannot run it on this table: {message}"))
            else:
                outcomes[n] = _found(result, len(frame))
    document = {"outcomes": outcomes, "problems": sorted(problems)}
    (folder / _RESULT).write_text(json.dumps(document), encoding="utf-8")


_FORMAT = {
    "result_format": "COMPLETE",
    "partial_unexpected_count": 0,
    "exclude_unexpected_values": True,
    "return_unexpected_index_query": False,
}
"""Every failing row's position and none of the values: those are read from our own frame."""


def _built(entries: Sequence[Mapping[str, Any]]) -> tuple[dict[int, Any], list[tuple[int, str]]]:
    """Number → great-expectations' own object, and the numbers it refuses with the reason."""
    registry = import_module("great_expectations.expectations.registry")
    not_found = import_module("great_expectations.exceptions").ExpectationNotFoundError
    built, problems = {}, []
    for n, entry in enumerate(entries):
        try:
            kind = registry.get_expectation_impl(entry["type"])
            built[n] = kind(**entry["kwargs"], meta={"n": n})
        except not_found:
            known = registry.list_registered_expectation_implementations()
            problems.append((n, f"great-expectations knows no such expectation.{nearest(entry['type'], known)}"))
        except (ValueError, TypeError) as error:  # pydantic's ValidationError is a ValueError
            problems.append((n, "; ".join(_told(error))))
    return built, problems


def _told(error: Exception) -> Iterable[str]:
    if hasattr(error, "errors"):
        return [f"{'.'.join(map(str, part['loc']))}: {part['msg']}" for part in error.errors()]
    return [str(error)]


def _for_pandas(frame: pl.DataFrame) -> pd.DataFrame:
    """The frame as pandas, each column in the form in which great-expectations' pandas engine treats it exactly.

    Days become UTC midnights: great-expectations reads a bound on a zoned timestamp, but not one on ``date`` objects.
    Whole numbers with gaps become floats while that loses nothing anywhere, else Python integers with NaN in the gaps.
    Decimals stay ``Decimal``; text is pandas' ``str``; booleans with gaps are objects.
    """
    import pandas as pd

    days = [name for name, dtype in frame.schema.items() if dtype == pl.Date]
    table = frame.with_columns(pl.col(days).cast(pl.Datetime("us", "UTC"))).to_pandas()
    whole = [column for column in frame if column.dtype.is_integer()]
    if all(column.is_between(-_EXACT, _EXACT).all() for column in whole):
        return table
    for column in whole:
        if column.null_count():
            gaps = [float("nan") if value is None else value for value in column.to_list()]
            table[column.name] = pd.Series(gaps, dtype=object)
    return table


def _raised(told: Mapping[str, Any]) -> str | None:
    """The first message of an exception great-expectations caught while it ran an expectation."""
    for part in (told, *told.values()):
        if isinstance(part, Mapping) and part.get("raised_exception"):
            return str(part.get("exception_message"))
    return None


def _found(result: Any, height: int) -> dict[str, Any]:
    """What of a result comes back; ``unexpected_count`` is not there when it is about the table as a whole."""
    told = result.result
    percent = told.get("unexpected_percent")
    rows = told.get("unexpected_index_list")
    return {
        "success": bool(result.success),
        "elements": height,
        "unexpected": told.get("unexpected_count"),
        "share": None if percent is None else percent / 100,
        "rows": None if rows is None else [int(row) for row in rows],
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]))
