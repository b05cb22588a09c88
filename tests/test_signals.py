"""Signals are heeded to the end of a process, and none that comes behind it kills it."""

import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

import pytest
import trio
import trio.testing

from trio_orchestrator.signals import heeded_to_the_end

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
