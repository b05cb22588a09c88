"""What is set aside, and for how long. Without automatic collections: each test says when the collector looks."""

import gc
import weakref

import pytest

from tests.clocks import WallClock
from trio_orchestrator.garbage import SECONDS_BETWEEN_LOOKS_AT_ALL, short_pauses

pytestmark = pytest.mark.usefixtures("no_collector")


class Thing:
    """Something that may refer to itself, and then is garbage only the collector finds."""

    def __init__(self) -> None:
        self.other: Thing | None = None


def drop_a_cycle(thing: Thing) -> None:
    """Make `thing` such garbage, once its owner forgets it."""
    thing.other = thing


def is_looked_at(thing: Thing) -> bool:
    """Whether the next full collection will look at it: `gc.get_objects` leaves out what is set aside."""
    return any(candidate is thing for candidate in gc.get_objects())


def test_what_lived_through_a_full_collection_is_not_looked_at_again() -> None:
    thing = Thing()
    with short_pauses():
        assert is_looked_at(thing)
        gc.collect()
        assert not is_looked_at(thing)
    assert is_looked_at(thing)


def test_a_collection_of_what_is_young_sets_nothing_aside() -> None:
    thing = Thing()
    with short_pauses():
        gc.collect(0)
        gc.collect(1)
        assert is_looked_at(thing)


def test_what_is_set_aside_is_freed_like_anything_else_where_nothing_refers_to_it() -> None:
    thing = Thing()
    gone = weakref.ref(thing)
    with short_pauses():
        gc.collect()
        del thing
        assert gone() is None


def test_garbage_that_is_new_is_found_by_the_next_full_collection() -> None:
    with short_pauses():
        gc.collect()
        thing = Thing()
        gone = weakref.ref(thing)
        drop_a_cycle(thing)
        del thing
        assert gone() is not None
        gc.collect()
        assert gone() is None


def test_garbage_that_was_set_aside_before_is_found_within_hours() -> None:
    clock = WallClock()
    thing = Thing()
    gone = weakref.ref(thing)
    with short_pauses(clock):
        gc.collect()
        drop_a_cycle(thing)
        del thing
        clock.seconds += SECONDS_BETWEEN_LOOKS_AT_ALL - 1
        gc.collect()
        assert gone() is not None
        clock.seconds += 1
        gc.collect()
        assert gone() is None


def test_after_a_look_at_everything_it_is_set_aside_again() -> None:
    clock = WallClock()
    thing = Thing()
    with short_pauses(clock):
        gc.collect()
        clock.seconds += SECONDS_BETWEEN_LOOKS_AT_ALL
        gc.collect()
        assert not is_looked_at(thing)


def test_outside_nothing_is_set_aside() -> None:
    thing = Thing()
    callbacks = list(gc.callbacks)
    with pytest.raises(ZeroDivisionError), short_pauses():
        gc.collect()
        raise ZeroDivisionError
    assert gc.callbacks == callbacks
    gc.collect()
    assert is_looked_at(thing)
