"""The engine :func:`.forked.forked`, begun before there is anything to make."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from idp_analytics.publish import zygote
from idp_analytics.publish.engine import Job, Outcome
from idp_analytics.publish.forked import forked, started


class Ahead:
    """:func:`forked` with a zygote that may be started before there is anything to make, while others work: it takes two seconds to import all it needs.
    To be closed: then a zygote is ended that nobody has used."""

    def __init__(self) -> None:
        self._begun: tuple[ExitStack, tuple[zygote.Client, Path]] | None = None

    def begin(self) -> None:
        """Start one, if none waits already. Without room for it the first to need one will say so."""
        if self._begun is None:
            with suppress(OSError), ExitStack() as held:
                found = held.enter_context(started())
                self._begun = held.pop_all(), found

    def __call__(self, jobs: Sequence[Job], workers: int) -> Iterator[Outcome]:
        """As :func:`forked`."""
        return forked(jobs, workers, self._next)

    def close(self) -> None:
        """End what waits."""
        if self._begun is not None:
            self._begun[0].close()
            self._begun = None

    @contextmanager
    def _next(self) -> Iterator[tuple[zygote.Client, Path]]:
        """The one that waits, or a fresh one."""
        self.begin()
        if self._begun is None:
            with started() as fresh:
                yield fresh
        else:
            (held, found), self._begun = self._begun, None
            with held:
                yield found
