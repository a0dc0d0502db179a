"""Work beside the reports: waited for, told of when it fails, and stopped when they do."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from idp_analytics.publish.meanwhile import meanwhile


def test_all_steps_are_done_at_the_end_beside_what_is_done_here() -> None:
    done, here = [], threading.Event()

    def steps() -> Iterator[None]:
        assert here.wait(10)
        for number in range(3):
            done.append(number)
            yield

    with meanwhile(steps()):
        here.set()  # else the first step would wait
    assert done == [0, 1, 2]


def test_what_goes_wrong_in_a_step_is_raised_at_the_end() -> None:
    reached = []

    def steps() -> Iterator[None]:
        yield
        raise OSError(28, "full")

    with pytest.raises(OSError, match="full"), meanwhile(steps()):
        reached.append("all of it")
    assert reached == ["all of it"]


@pytest.mark.parametrize("stop", [ValueError("mine"), KeyboardInterrupt()])
def test_what_goes_wrong_here_ends_the_steps_and_is_raised(stop: BaseException) -> None:
    begun, go_on, done = threading.Event(), threading.Event(), []

    def steps() -> Iterator[None]:
        begun.set()
        assert go_on.wait(10)
        done.append("the one in hand")
        yield
        done.append("another")

    def stopped() -> None:
        assert begun.wait(10)
        threading.Timer(0.05, go_on.set).start()
        raise stop

    with pytest.raises(type(stop)), meanwhile(steps()):
        stopped()
    assert done == ["the one in hand"]
