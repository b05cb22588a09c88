"""Commands that run until they are done, or a signal comes."""

import signal
from collections.abc import Awaitable, Callable
from typing import Final

import trio

_STOPPED_BY: Final = 128  # added to the signal's number, as shells do


async def until_signalled(work: Callable[[], Awaitable[None]]) -> int:
    """Await `work`, and cancel it where SIGINT or SIGTERM comes first.

    Returns:
        The exit status: 0 at the end of `work`, 130 after Ctrl-C, 143 after SIGTERM.
    """
    status = 0
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async with trio.open_nursery() as nursery:

            async def wait_for_signal() -> None:
                nonlocal status
                async for number in signals:
                    status = _STOPPED_BY + number
                    nursery.cancel_scope.cancel()

            nursery.start_soon(wait_for_signal)
            await work()
            nursery.cancel_scope.cancel()
    return status
