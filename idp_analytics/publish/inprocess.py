"""A notebook's cells run in this very process, as a kernel would run them.

The shell is ipykernel's own, only that what it says goes to a function instead of over sockets; so outputs, tracebacks and
execution counts are the stock kernel's. What a kernel in a process of its own can do beyond that is not there: widgets, ``input()``
(it fails as it does under papermill), the debugger.

:func:`run` is the way in, for a process that ends afterwards: it puts streams, file descriptors and ``input`` in place and leaves
them there.
"""

from __future__ import annotations

import asyncio
import builtins
import fcntl
import getpass
import io
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from types import SimpleNamespace
from typing import Any, NamedTuple

from ipykernel.compiler import XCachingCompiler, get_tmp_directory, get_tmp_hash_seed, murmur2_x86
from ipykernel.ipkernel import IPythonKernel
from ipykernel.zmqshell import ZMQInteractiveShell
from IPython.core.error import StdinNotImplementedError
from jupyter_client.session import Session
from traitlets import Instance
from traitlets.config import Config

from idp_analytics.publish.engine import MOST_SHOWN

_HELD_BACK = 0.2
"""Seconds after which a stream says what it was given, as a kernel's; what is written in between comes out in one piece."""

ENDED_ITSELF = 0
"""What a kernel exits with that is told to with ``exit()``."""


class Begun(NamedTuple):
    """The cell at that place begins."""

    cell: int


class Said(NamedTuple):
    """What a kernel would have sent of it: kind and content of a message on the IOPub channel."""

    cell: int
    kind: str
    content: Mapping[str, Any]


class Done(NamedTuple):
    """It has ended; ``raised`` what it raised, and was not to."""

    cell: int
    raised: bool


Record = Begun | Said | Done
Tell = Callable[[Record], None]

LANGUAGE: Mapping[str, Any] = IPythonKernel.language_info
"""What a kernel says of the language it runs."""


class _Session(Session):
    """Stands where a kernel's connection would, and hands every message on."""

    def __init__(self) -> None:
        super().__init__()
        self.hand: Callable[[str, Mapping[str, Any]], None] = lambda *_: None

    def msg(self, msg_type: str, content: Any = None, *_: Any, **__: Any) -> dict[str, Any]:
        return {"msg_type": msg_type, "content": content or {}}

    def send(self, _: Any, told: Any, content: Any = None, *__: Any, **___: Any) -> None:  # type: ignore[override]
        message = told if isinstance(told, dict) else self.msg(told, content)
        self.hand(message["msg_type"], message["content"])


class _Shell(ZMQInteractiveShell):
    """The kernel's shell with no kernel around it."""

    session = Instance(_Session)

    def __init__(self, **traits: Any) -> None:
        self._transformed: dict[tuple[Any, ...], str] = {}
        self._awaits: dict[str, bool] = {}
        super().__init__(**traits)  # type: ignore[no-untyped-call]

    def transform_cell(self, raw_cell: str) -> str:
        """A cell as Python, kept as long as nobody changes how it is made: it is asked for twice whenever one is run."""
        how = self.input_transformer_manager
        key = (
            raw_cell,
            *how.cleanup_transforms,
            None,
            *how.line_transforms,
            None,
            *how.token_transformers,
            None,
            *self.input_transformers_post,
        )
        if key not in self._transformed:
            self._transformed[key] = super().transform_cell(raw_cell)  # type: ignore[no-untyped-call]
        return self._transformed[key]

    def should_run_async(
        self, raw_cell: str, *, transformed_cell: str | None = None, preprocessing_exc_tuple: Any = None
    ) -> bool:
        """Whether a cell awaits something, which follows from its text; it is asked for twice too."""
        if transformed_cell is None or preprocessing_exc_tuple is not None or not self.autoawait:
            return bool(
                super().should_run_async(
                    raw_cell, transformed_cell=transformed_cell, preprocessing_exc_tuple=preprocessing_exc_tuple
                )
            )
        if transformed_cell not in self._awaits:
            self._awaits[transformed_cell] = bool(super().should_run_async(raw_cell, transformed_cell=transformed_cell))
        return self._awaits[transformed_cell]


class _Compiler(XCachingCompiler):
    """The kernel's compiler; what it calls a cell is worked out once per text."""

    def get_code_name(self, raw_code: str, code: str, number: int) -> str:
        if "IPYKERNEL_CELL_NAME" in os.environ:
            return str(super().get_code_name(raw_code, code, number))  # type: ignore[no-untyped-call]
        return f"{get_tmp_directory()}{os.sep}{_number_of(raw_code)}.py"  # type: ignore[no-untyped-call]


@cache
def _number_of(code: str) -> int:
    return int(murmur2_x86(code, get_tmp_hash_seed()))  # type: ignore[no-untyped-call]


class _Stream(io.TextIOBase):
    """What cells see as standard output or error: what Python writes, and what the file descriptor below it is written."""

    encoding = "utf-8"
    errors = "strict"

    def __init__(self, name: str, number: int, hand: Callable[[str, Mapping[str, Any]], None]) -> None:
        self.name, self.number, self.hand = name, number, hand
        self.parts: list[str] = []
        self.since = 0.0
        self.file = os.memfd_create(name)
        fcntl.fcntl(self.file, fcntl.F_SETFL, os.O_APPEND)  # also once a cell has emptied it
        self.read_up_to = 0
        os.dup2(self.file, number)

    def write(self, text: str) -> int:
        if self.closed:
            raise ValueError("I/O operation on closed file")
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text)}")
        now = time.monotonic()
        if not self.parts:
            self.since = now
        self.parts.append(text)
        if now - self.since > _HELD_BACK:
            self.flush()
        return len(text)

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self.number

    def flush(self) -> None:
        size = os.fstat(self.file).st_size
        if size < self.read_up_to:  # ``… > /dev/stdout`` has begun it anew
            self.read_up_to = 0
        below = os.pread(self.file, min(size - self.read_up_to, MOST_SHOWN + 1), self.read_up_to)
        self.read_up_to = size
        text = "".join(self.parts) + below.decode("utf-8", "replace")
        self.parts.clear()
        if text:
            self.hand("stream", {"name": self.name, "text": text})


@cache
def shell() -> _Shell:
    """The one shell of this process; made before a fork, its children have it at once."""
    os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")  # as a kernel sets it
    config = Config()
    config.HistoryManager.enabled = False  # it has a thread, and a report no past
    made: _Shell = _Shell.instance(
        config=config, compiler_class=_Compiler, kernel=SimpleNamespace(eventloop=None, shell=None)
    )
    session = _Session()
    made.session = session
    made.displayhook.session = session  # type: ignore[attr-defined]
    made.display_pub.session = session  # type: ignore[attr-defined]
    made.displayhook.topic = b"execute_result"  # type: ignore[attr-defined]
    by_tokens = made.displayhook.semicolon_at_end_of_expression
    made.displayhook.semicolon_at_end_of_expression = lambda cell: ";" in cell and by_tokens(cell)  # type: ignore[method-assign,no-untyped-call]
    made.db = {}  # `%store` would else write to a folder that all share
    return made


def prepare(cells: Sequence[Mapping[str, Any]]) -> None:
    """Make of the code of ``cells`` what can be made before they run, for all that are forked from this process."""
    for cell in cells:
        if cell["cell_type"] == "code":
            transformed = shell().transform_cell(cell["source"])
            shell().should_run_async(cell["source"], transformed_cell=transformed)
            _number_of(cell["source"])


def is_run(cell: Mapping[str, Any]) -> bool:
    """Whether a cell is code that is to be run."""
    tags = cell["metadata"].get("tags", ())
    return cell["cell_type"] == "code" and bool(cell["source"].strip()) and "skip-execution" not in tags


def run(cells: Sequence[Mapping[str, Any]], tell: Tell) -> None:
    """Run the code of ``cells``, telling what happens as it happens, up to the first that raises what it is not tagged to.

    Raises ``SystemExit`` where a cell ends the kernel with ``exit()``.
    """
    interactive = shell()
    me = os.getpid()
    place = 0

    def hand(kind: str, content: Mapping[str, Any]) -> None:
        tell(Said(place, kind, content))

    interactive.session.hand = hand
    streams = (_Stream("stdout", 1, hand), _Stream("stderr", 2, hand))
    sys.stdout, sys.stderr = streams
    builtins.input = getpass.getpass = _no_input
    with _loop() as loop:
        for place, cell in enumerate(cells):
            tell(Begun(place))
            raised = False
            if is_run(cell):
                raised = not loop.run_until_complete(_ran(interactive, cell["source"]))
                if os.getpid() != me:  # a copy of this process that the cell has made and not ended
                    os._exit(0)
                for stream in streams:
                    if not stream.closed:
                        stream.flush()
                hand("execute_input", {"execution_count": interactive.execution_count - 1})
                if interactive.exit_now:
                    raise SystemExit(ENDED_ITSELF)
            raised = raised and "raises-exception" not in cell["metadata"].get("tags", ())
            tell(Done(place, raised))
            if raised:
                return


async def _ran(interactive: _Shell, source: str) -> bool:
    """Run one cell as ipykernel does; whether it raised nothing."""
    before = None
    try:
        transformed = interactive.transform_cell(source)
    except Exception:
        transformed, before = source, sys.exc_info()
    if not interactive.should_run_async(source, transformed_cell=transformed, preprocessing_exc_tuple=before):
        return _succeeded(interactive, interactive.run_cell(source, store_history=True))  # type: ignore[no-untyped-call]
    interactive._last_traceback_during_displayhook = False
    result = None
    try:
        result = await interactive.run_cell_async(
            source, store_history=True, transformed_cell=transformed, preprocessing_exc_tuple=before
        )
    finally:
        interactive.events.trigger("post_execute")
        interactive.events.trigger("post_run_cell", result)
    return _succeeded(interactive, result)


def _succeeded(interactive: _Shell, result: Any) -> bool:
    return bool(result.success) and not interactive._last_traceback_during_displayhook


def _no_input(*_: Any, **__: Any) -> str:
    raise StdinNotImplementedError("raw_input was called, but this frontend does not support input requests.")


@contextmanager
def _loop() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop that runs while a cell does, as a kernel's."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        yield loop
    finally:
        asyncio.set_event_loop(None)
        loop.close()
