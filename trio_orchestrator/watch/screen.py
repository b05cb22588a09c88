"""A terminal that is drawn anew as a whole, and given back in the end."""

import io
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

import trio
from rich import screen
from rich.console import Console, RenderableType

from .output import Output

_ENTER: Final = b"\x1b[?1049h\x1b[?25l"
_LEAVE: Final = b"\x1b[?25h\x1b[?1049l"
_HOME: Final = b"\x1b[H"
_LEAVING_SECONDS: Final = 1.0


class Screen:
    """As made by `open_screen`."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._drawn = io.BytesIO()
        # What the terminal's encoding lacks, the lines of tables and the sign of what is cut among it, takes one place.
        file = io.TextIOWrapper(self._drawn, output.encoding, errors="replace", newline="")
        self._console = Console(file=file, force_terminal=True)

    async def draw(self, render: Callable[[int], RenderableType]) -> None:
        """Show what `render` makes of the number of lines there are; what does not fit is cut."""
        self._console.print(screen.Screen(render(self._console.height)), end="")
        self._console.file.flush()
        drawn = self._drawn.getvalue()
        self._drawn.seek(0)
        self._drawn.truncate()
        await self._output.write(_HOME + drawn)


@asynccontextmanager
async def open_screen(output: Output) -> AsyncIterator[Screen]:
    """The whole of the terminal behind `output`, until left; what it showed before is back then."""
    try:
        await output.write(_ENTER)
        yield Screen(output)
    finally:
        # Nobody may look any more, or have it stopped by Ctrl-S: then there is nothing to be given back to.
        with trio.move_on_after(_LEAVING_SECONDS, shield=True):
            await output.write(_LEAVE)
