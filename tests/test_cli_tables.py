"""``idp tables`` writes what the data dictionary says, however tables are held."""

from __future__ import annotations

from pathlib import Path

import polars as pl
from click.testing import CliRunner
from folder_building import folder

from idp_analytics.cli import cli
from idp_analytics.tables import TABLES


def test_every_table_is_written_with_the_types_it_declares(tmp_path: Path) -> None:
    root, out = folder(tmp_path), tmp_path / "out"
    assert CliRunner().invoke(cli, ["tables", "--data", str(root), "--out", str(out)]).exit_code == 0
    for name, table in TABLES.items():
        written = pl.read_parquet_schema(out / f"{name}.parquet")
        assert {column: written[column] for column in table.schema} == table.schema
