"""How many examples Hypothesis tries (`ci`, or `HYPOTHESIS_PROFILE=long`), a PostgreSQL, a time without collector."""

import gc
import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests import postgresql as servers

# The same examples every time: a run that fails has found something, not drawn a bad lot.
settings.register_profile("ci", derandomize=True, deadline=None)
# For an hour at a desk: other examples every time, and what failed is tried again.
settings.register_profile("long", max_examples=2000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture(scope="session")
def postgresql() -> Iterator[servers.PostgreSql]:
    """A server for all tests that leave it running; each takes a database of its own."""
    with servers.running() as server:
        yield server


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Without the garbage collector: what is freed, is freed because nothing refers to it any more."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()
