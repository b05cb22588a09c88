"""The targets of the fuzzer hold for what Hypothesis finds, too, so that they do not rot between two fuzzings."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuzz import targets
from fuzz.targets import TARGETS
from tests.protocol.streams import frame, parts
from tests.tokens import make_token
from trio_orchestrator.protocol.frames import FrameReader

SEEDS = Path(targets.__file__).with_name("seeds")
_FRAMES = st.lists(parts, max_size=6).map(lambda listed: b"".join(b"".join(part) for part in listed))


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.__name__)
@settings(max_examples=50)
@given(data=st.binary(max_size=300))
def test_any_bytes(target: Callable[[bytes], None], data: bytes) -> None:
    target(data)


@given(cut=st.integers(0, 255), stream=_FRAMES)
def test_frames(cut: int, stream: bytes) -> None:
    targets.frames(bytes([cut]) + stream)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.__name__)
def test_seeds(target: Callable[[bytes], None]) -> None:
    seeds = list((SEEDS / target.__name__).iterdir())
    assert seeds
    for seed in seeds:
        target(seed.read_bytes())


def test_a_promise_that_is_not_kept_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(targets.Broken):
        targets.tokens(make_token().encode())
    monkeypatch.setattr(FrameReader, "receive", lambda _reader, data: iter([data]))
    with pytest.raises(targets.Broken):
        targets.frames(bytes(1) + frame(0x81, b"x"))
