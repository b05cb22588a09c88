import pytest

from trio_orchestrator.protocol.times import rfc3339


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (0.0, "1970-01-01T00:00:00.000Z"),
        (1_795_335_330.0, "2026-11-22T08:15:30.000Z"),
        (1_795_335_330.123, "2026-11-22T08:15:30.123Z"),
        (1_795_335_330.9999, "2026-11-22T08:15:30.999Z"),
    ],
)
def test_an_instant_is_utc_in_milliseconds(at: float, text: str) -> None:
    assert rfc3339(at) == text
