"""A certificate of the server's, and a time without the garbage collector."""

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from .serving import Secured


@pytest.fixture
def secured(tmp_path: Path) -> Secured:
    return Secured(tmp_path)


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Without the garbage collector: what is freed, is freed because nothing refers to it any more."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()
