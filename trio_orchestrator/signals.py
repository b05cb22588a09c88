"""Commands that run until they are done, or a signal comes."""

import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final

import trio

_STOPPED_BY: Final = 128  # added to the signal's number, as shells do


def ending_signals() -> frozenset[signal.Signals]:
    """Those that are to end this process in good order, each of which would kill it otherwise.

    SIGHUP, which a terminal sends when it is closed, is not among them where whoever started it (nohup) said so.
    """
    ending = {signal.SIGINT, signal.SIGTERM}
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        ending.add(signal.SIGHUP)
    return frozenset(ending)


async def until_signalled(work: Callable[[], Awaitable[None]]) -> int:
    """Await `work`, and cancel it where one of the `ending_signals` comes first; another one changes nothing then.

    Where this returns, all are ignored, for the process ends as well: what `work` cleans up is never cut short.

    Returns:
        The exit status: 0 at the end of `work`, 129 after SIGHUP, 130 after Ctrl-C, 143 after SIGTERM.
    """
    status = 0
    with heeded_to_the_end(*ending_signals()) as signals:
        async with trio.open_nursery() as nursery:

            async def wait_for_signal() -> None:
                nonlocal status
                status = _STOPPED_BY + await anext(signals)
                nursery.cancel_scope.cancel()

            nursery.start_soon(wait_for_signal)
            await work()
            nursery.cancel_scope.cancel()
    return status


@contextmanager
def heeded_to_the_end(*numbers: int) -> Iterator[AsyncIterator[int]]:
    """The signals of these numbers as they come; behind the end they change nothing, for the process ends as well.

    Trio's receiver alone raises again what is left in it, and then whoever was asked before it hears of signals: by
    default that kills the process, whose status would be the signal's. Where an error leaves, all is as it was before.
    """
    early: list[int] = []
    before = {number: signal.signal(number, lambda number, _frame: early.append(number)) for number in numbers}
    try:
        with trio.open_signal_receiver(*numbers) as received:
            for number in early:
                signal.raise_signal(number)
            yield received
    except BaseException:
        for number, handler in before.items():
            signal.signal(number, handler)
        raise
    for number in numbers:
        signal.signal(number, signal.SIG_IGN)
