"""Real database servers for tests: started on a socket or free port in a temporary folder, stopped and removed after."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PASSWORD = "correct-horse-battery"  # of a server that lives for one test


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _owner(*names: str) -> str | None:
    """The account that may run a server: servers refuse root."""
    known = {user.pw_name for user in pwd.getpwall()}
    return next(name for name in names if name in known) if os.geteuid() == 0 else None


def _run(user: str | None, *command: str | Path, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*map(str, command)], user=user, check=True, capture_output=True, text=True, cwd="/", env={**os.environ, "LC_ALL": "C"}, **options
    )  # fmt: skip


@contextmanager
def _folder(user: str | None) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="idp-db-"))
    if user:
        shutil.chown(folder, user)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def postgresql_binaries() -> Path | None:
    """The folder of PostgreSQL's programs, the newest."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    here = shutil.which("initdb")
    return Path(here).parent if here else None


@contextmanager
def postgresql() -> Iterator[str]:
    """The address of a running PostgreSQL, with its password."""
    binaries = postgresql_binaries()
    assert binaries
    user, port = _owner("postgres", "nobody"), _free_port()
    with _folder(user) as folder:
        secret = folder / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o644)
        _run(
            user,
            binaries / "initdb",
            "-D",
            folder / "data",
            "-U",
            "lake",
            "-A",
            "scram-sha-256",
            "--pwfile",
            secret,
            "-E",
            "UTF8",
            "--no-locale",
            "--no-sync",
        )
        options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={folder} -c fsync=off"
        _run(
            user,
            binaries / "pg_ctl",
            "-D",
            folder / "data",
            "-w",
            "-t",
            "60",
            "-l",
            folder / "log",
            "-o",
            options,
            "start",
        )
        try:
            yield f"postgresql://lake:{PASSWORD}@127.0.0.1:{port}/postgres"
        finally:
            _run(user, binaries / "pg_ctl", "-D", folder / "data", "-w", "-m", "immediate", "stop")


@contextmanager
def mariadb() -> Iterator[str]:
    """The address of a running MariaDB, with its password."""
    user, port = _owner("mysql", "nobody"), _free_port()
    with _folder(user) as folder:
        data = folder / "data"
        _run(
            user,
            "mariadb-install-db",
            "--no-defaults",
            f"--datadir={data}",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
        )
        setup = folder / "setup.sql"
        setup.write_text(
            "CREATE DATABASE lake CHARACTER SET utf8mb4;\n"  # one statement per line, or the server skips it
            f"CREATE USER 'lake'@'127.0.0.1' IDENTIFIED BY '{PASSWORD}';\n"
            "GRANT ALL ON lake.* TO 'lake'@'127.0.0.1';\n"
        )
        setup.chmod(0o644)
        with (folder / "log").open("w") as log:
            server = subprocess.Popen(
                ["mariadbd", "--no-defaults", f"--datadir={data}", f"--port={port}", "--bind-address=127.0.0.1", f"--socket={folder / 's'}",
                 f"--init-file={setup}", f"--pid-file={folder / 'pid'}", "--skip-name-resolve=1", "--innodb-flush-log-at-trx-commit=0"],
                user=user, cwd="/", stdout=log, stderr=log,
            )  # fmt: skip
        try:
            _wait(server, port, folder / "log")
            yield f"mysql://lake:{PASSWORD}@127.0.0.1:{port}/lake"
        finally:
            server.terminate()
            server.wait(60)


def _wait(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    for _ in range(300):
        assert server.poll() is None, log.read_text()
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                time.sleep(0.3)  # until the accounts are made
                return
        time.sleep(0.1)
    raise AssertionError(log.read_text())
