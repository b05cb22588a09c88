"""Signals are heeded to the end of a process, and none that comes behind it kills it."""

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

import pytest
import trio
import trio.testing

from trio_orchestrator.signals import ending_signals, heeded_to_the_end, until_signalled

NUMBER = signal.SIGUSR1


@pytest.fixture
def heard_by_others() -> Iterator[Sequence[int]]:
    """What whoever was asked before hears, as the process would of a signal that kills it."""
    heard: list[int] = []
    before = signal.signal(NUMBER, lambda number, _frame: heard.append(number))
    yield heard
    signal.signal(NUMBER, before)


async def test_what_is_left_at_the_end_is_nobodys_business(heard_by_others: Sequence[int]) -> None:
    with heeded_to_the_end(NUMBER) as received:
        signal.raise_signal(NUMBER)
        assert await anext(received) == NUMBER
        signal.raise_signal(NUMBER)
        await trio.testing.wait_all_tasks_blocked()  # it is in the receiver
    signal.raise_signal(NUMBER)
    await trio.testing.wait_all_tasks_blocked()
    assert heard_by_others == []


async def test_none_is_lost_before_the_receiver_is_there(
    heard_by_others: Sequence[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    real: Callable[..., AbstractContextManager[Any]] = trio.open_signal_receiver

    def late(*numbers: int) -> AbstractContextManager[Any]:
        signal.raise_signal(NUMBER)
        return real(*numbers)

    monkeypatch.setattr(trio, "open_signal_receiver", late)
    with heeded_to_the_end(NUMBER) as received, trio.fail_after(5):
        assert await anext(received) == NUMBER
    assert heard_by_others == []


async def test_an_error_leaves_all_as_it_was(heard_by_others: Sequence[int]) -> None:
    with pytest.raises(RuntimeError), heeded_to_the_end(NUMBER):
        raise RuntimeError
    signal.raise_signal(NUMBER)
    assert heard_by_others == [NUMBER]


@pytest.fixture
def ended_by() -> Iterator[Sequence[int]]:
    """What a process would be killed by."""
    heard: list[int] = []
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, lambda number, _frame: heard.append(number)) for number in numbers}
    yield heard
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_work_is_cancelled_by_the_first_signal_and_cleans_up_whatever_comes(
    ended_by: Sequence[int], number: signal.Signals
) -> None:
    clean = False

    async def work() -> None:
        nonlocal clean
        try:
            signal.raise_signal(number)
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True):
                for another in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                    signal.raise_signal(another)
                    await trio.testing.wait_all_tasks_blocked()
            clean = True

    with trio.fail_after(5):
        assert await until_signalled(work) == 128 + number
    assert clean
    signal.raise_signal(number)
    await trio.testing.wait_all_tasks_blocked()
    assert ended_by == []


async def test_a_terminal_that_closes_ends_nothing_that_was_told_to_stay(ended_by: Sequence[int]) -> None:
    assert signal.SIGHUP in ending_signals()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup leaves it
    assert ending_signals() == {signal.SIGINT, signal.SIGTERM}

    async def work() -> None:
        signal.raise_signal(signal.SIGHUP)
        await trio.testing.wait_all_tasks_blocked()

    assert await until_signalled(work) == 0


async def test_work_that_ends_by_itself_has_status_zero(ended_by: Sequence[int]) -> None:
    assert await until_signalled(trio.lowlevel.checkpoint) == 0
    assert ended_by == []
