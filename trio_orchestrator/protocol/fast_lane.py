"""What runs for every byte that cameras send and clients get: compiled (`speedups.c`) where it can be, or in Python."""

from typing import Final

try:
    from .speedups import text_frame, usual_members, usual_text, usual_texts

    IS_COMPILED: Final = True
except ImportError:  # it could not be compiled when this was installed: a camera's frame costs about twice as much
    from .usual import text_frame, usual_members, usual_text, usual_texts

    IS_COMPILED: Final = False  # type: ignore[misc]

__all__ = ("IS_COMPILED", "text_frame", "usual_members", "usual_text", "usual_texts")
