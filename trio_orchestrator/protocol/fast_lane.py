"""What runs for every byte that cameras send: compiled (`speedups.c`) where that could be done, else in Python."""

from typing import Final

try:
    from .speedups import usual_members, usual_text

    IS_COMPILED: Final = True
except ImportError:  # it could not be compiled when this was installed: a camera's frame costs about twice as much
    from .usual import usual_members, usual_text

    IS_COMPILED: Final = False  # type: ignore[misc]

__all__ = ("IS_COMPILED", "usual_members", "usual_text")
