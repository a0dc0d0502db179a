"""A PostgreSQL of the benchmark's own: a new cluster in a temporary folder on a unix socket, started and removed by it."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import threading
import time
from datetime import datetime
from pathlib import Path
from types import TracebackType

import memory
import polars as pl
from delivery_pandas import COLUMNS

INSTALL = "apt-get install -y postgresql"
SQL = Path(__file__).with_name("delivery.sql")

SETTINGS = {
    "listen_addresses": "''", "shared_buffers": "2GB", "work_mem": "256MB", "maintenance_work_mem": "1GB",
    "effective_cache_size": "8GB", "random_page_cost": "1.1", "max_wal_size": "8GB", "fsync": "off",
    "synchronous_commit": "off", "full_page_writes": "off", "jit": "off",
}  # fmt: skip
"""More than it comes with: memory for sorts and caches, no waiting for the disk."""

INDEXES = (
    "ALTER TABLE deployments ADD PRIMARY KEY (deployment_id)",
    "CREATE INDEX ON deployments (service_id, finished_at)",
    "ALTER TABLE changes ADD PRIMARY KEY (change_id)",
    "CREATE INDEX ON changes (repo, sha)",
    "ALTER TABLE deployment_changes ADD PRIMARY KEY (deployment_id, change_id)",
    "CREATE INDEX ON deployment_changes (change_id)",
    "ALTER TABLE incidents ADD PRIMARY KEY (incident_id)",
    "CREATE INDEX ON incidents (deployment_id)",
    "CREATE INDEX ON incidents (service_id, opened_at)",
)

TYPES = {"is_rollback": "boolean", "is_resync": "boolean", "change_caused": "boolean"}

RESULTS = ("counted", "linked", "put_back", "repairs", "days", "lead", "cells", "numbers", "answers")
"""What the queries make."""


def binaries() -> Path | None:
    """The folder of PostgreSQL's programs, the newest; None: there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    asked = shutil.which("pg_config")
    if not found and asked:
        said = subprocess.run([asked, "--bindir"], capture_output=True, text=True, check=True).stdout.strip()
        found = [Path(said) / "initdb"]
    there = [path.parent for path in found if (path.parent / "postgres").exists()]
    return there[-1] if there else None


def missing() -> str:
    """Why PostgreSQL cannot be asked; empty where it can."""
    if binaries():
        return ""
    needed = "PostgreSQL is not on this machine"
    return f"{needed}; install it with: {INSTALL}" if shutil.which("apt-get") else needed


class Cluster:
    """A running server. ``peak``: bytes its processes had in memory at most, ``how`` that was found."""

    def __init__(self) -> None:
        bin_folder = binaries()
        assert bin_folder, missing()
        self.bin = bin_folder
        self.peak, self.how = 0, "not measured on this system"
        # The server does not run as root.
        names = {user.pw_name for user in pwd.getpwall()}
        self.user = next(name for name in ("postgres", "nobody") if name in names) if os.geteuid() == 0 else None
        self._ends = threading.Event()

    def __enter__(self) -> Cluster:
        self.folder = Path(tempfile.mkdtemp(prefix="idp-bench-"))
        if self.user:
            shutil.chown(self.folder, self.user)
        self.folder.chmod(0o755)
        data = self.folder / "data"
        self._as_user("initdb", "-D", data, "-U", "bench", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")
        said = "".join(f"{name} = {value}\n" for name, value in SETTINGS.items())
        with (data / "postgresql.conf").open("a") as file:
            file.write(f"{said}unix_socket_directories = '{self.folder}'\ntimezone = 'UTC'\n")
        self._as_user("pg_ctl", "-D", data, "-w", "-t", "60", "-l", self.folder / "log", "start")
        self.server = int((data / "postmaster.pid").read_text().split()[0])
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ends.set()
        self._watcher.join()
        self._as_user("pg_ctl", "-D", self.folder / "data", "-w", "-m", "immediate", "stop")
        shutil.rmtree(self.folder)

    def load(self, folder: Path) -> None:
        """The tables, indexed and analysed."""
        for name, columns in COLUMNS.items():
            path = self.folder / f"{name}.csv"
            frame = pl.scan_parquet(folder / f"{name}.parquet").select(columns)
            kinds = [f"{c} {_kind(c)}" for c in columns]
            frame.sink_csv(path, datetime_format="%Y-%m-%d %H:%M:%S%.6f+00")
            self.sql(f"CREATE TABLE {name} ({', '.join(kinds)})")
            self.sql(f"\\copy {name} FROM '{path}' CSV HEADER")
            path.unlink()
        for command in INDEXES:
            self.sql(command)
        self.sql("VACUUM ANALYZE")

    def answer(self, as_of: datetime) -> None:
        """Run the queries; what an earlier run made is dropped first."""
        self.sql(f"DROP TABLE IF EXISTS {', '.join(RESULTS)}")
        self._psql("-v", f"end_at={as_of:%Y-%m-%d}", "-f", str(SQL))

    def export(self, path: Path) -> None:
        """The answers as Parquet."""
        made = self.folder / "answers.csv"
        self.sql(f"\\copy answers TO '{made}' CSV HEADER")
        kinds = {"value": pl.Float64, "n": pl.Int64, "k": pl.Int64, "low": pl.Float64, "high": pl.Float64}
        pl.read_csv(made, schema_overrides=kinds).write_parquet(path)

    def used(self) -> float:
        """Processor seconds of the server and all its processes that have ended, as those that answered have; 0: not known."""
        time.sleep(0.5)  # until those that are done have been counted
        try:
            told = Path(f"/proc/{self.server}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return 0.0
        return sum(int(ticks) for ticks in told[11:15]) / os.sysconf("SC_CLK_TCK")

    def sql(self, command: str) -> None:
        """Run one command."""
        self._psql("-c", command)

    def _psql(self, *words: str) -> None:
        ran = subprocess.run(
            [self.bin / "psql", "-X", "-q", "-h", self.folder, "-U", "bench", "-d", "postgres", "-v", "ON_ERROR_STOP=1", *words],
            capture_output=True, text=True, check=False, env={**os.environ, "PGOPTIONS": "--client-min-messages=warning"},
        )  # fmt: skip
        assert ran.returncode == 0, ran.stderr

    def _as_user(self, program: str, *words: str | Path) -> None:
        ran = subprocess.run(
            [self.bin / program, *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False,
            cwd=self.folder, user=self.user, group=pwd.getpwnam(self.user).pw_gid if self.user else None,
            extra_groups=[] if self.user else None,
        )  # fmt: skip
        assert ran.returncode == 0, f"{program}: {ran.stderr}"

    def _watch(self) -> None:
        """Five times a second, the memory of all server processes, what they share counted once (Linux: PSS)."""
        while not self._ends.wait(0.2):
            total = memory.in_use(self.server)
            if total:
                self.peak = max(self.peak, total)
                self.how = "sum of the server processes' PSS, sampled; the page cache is not in it"


def _kind(column: str) -> str:
    return TYPES.get(column, "timestamptz" if column.endswith("_at") else "text")
