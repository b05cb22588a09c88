"""Tokens are renewed within a connection, before they end."""

import base64
import json
import time
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from trio_orchestrator.client.tokens import expiry_of, renewal_pause
from trio_orchestrator.client.viewer import run_client

from .fakes import FakeOrchestrator


def token(**claims: Any) -> str:
    """A token that is signed by nobody."""
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"head.{body}.signature"


@pytest.fixture
def clock_on_the_wall(monkeypatch: pytest.MonkeyPatch) -> None:
    """Goes with Trio's clock."""
    monkeypatch.setattr(time, "time", lambda: 1000 + trio.current_time())


@pytest.mark.parametrize(
    ("text", "expiry"),
    [
        (token(exp=1234), 1234.0),
        (token(exp=1234.5, sub="a"), 1234.5),
        (token(sub="a"), None),
        (token(exp="soon"), None),
        ("token", None),
        ("a.b.c", None),
        ("a.Ä.c", None),
        ("", None),
    ],
)
def test_the_end_of_a_token_is_read_where_it_says_it(text: str, expiry: float | None) -> None:
    assert expiry_of(text) == expiry


@pytest.mark.parametrize(("life", "pause"), [(3600, 3540), (100, 80), (1, 0.8), (0.1, 0.5), (0, None), (-5, None)])
async def test_renewal_comes_before_the_end(
    autojump_clock: MockClock, clock_on_the_wall: None, life: float, pause: float | None
) -> None:
    left = renewal_pause(token(exp=1000 + trio.current_time() + life))
    assert left == (pause if pause is None else pytest.approx(pause))


async def test_a_function_is_asked_again_before_the_token_ends(
    autojump_clock: MockClock, clock_on_the_wall: None
) -> None:
    orchestrator = FakeOrchestrator()
    made: list[str] = []

    async def fetch() -> str:
        await trio.lowlevel.checkpoint()
        made.append(token(exp=time.time() + 100, number=len(made)))
        return made[-1]

    async with run_client(orchestrator.connect, fetch):
        connection = await orchestrator.accept()
        began = trio.current_time()
        for number in range(3):
            await trio.sleep_until(began + 80 * number)
            assert await connection.hear() == {"type": "authenticate", "jwt": made[number]}
            assert trio.current_time() - began == pytest.approx(80 * number)
    assert len(orchestrator.attempts) == 1


async def test_the_end_does_not_wait_for_the_next_renewal(autojump_clock: MockClock, clock_on_the_wall: None) -> None:
    orchestrator = FakeOrchestrator()
    async with run_client(orchestrator.connect, lambda: token(exp=1300)):
        connection = await orchestrator.accept()
        await connection.hear()
        left = trio.current_time()
    assert trio.current_time() == left
    assert connection.was_closed


async def test_the_end_still_waits_for_the_peer_to_have_read_all(
    autojump_clock: MockClock, clock_on_the_wall: None
) -> None:
    orchestrator = FakeOrchestrator()
    async with run_client(orchestrator.connect, lambda: token(exp=1300)):
        connection = await orchestrator.accept()
        await connection.hear()
        connection.closing_lasts = 1
        left = trio.current_time()
    assert trio.current_time() == left + 1
    assert connection.was_closed


async def test_a_token_that_cannot_be_had_is_asked_for_again(
    autojump_clock: MockClock, clock_on_the_wall: None
) -> None:
    orchestrator = FakeOrchestrator()
    answers: list[str | OSError] = [token(exp=1100), OSError("no issuer"), token(exp=1100), token(exp=9000, number=2)]

    def fetch() -> str:
        answer = answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer

    async with run_client(orchestrator.connect, fetch):
        connection = await orchestrator.accept()
        assert await connection.hear() == {"type": "authenticate", "jwt": token(exp=1100)}
        await trio.sleep(90)
        # The third is the one that was shown already.
        assert await connection.hear() == {"type": "authenticate", "jwt": token(exp=9000, number=2)}
        assert 90 < trio.current_time() < 100


@pytest.mark.parametrize("given", [token(exp=1010), lambda: "of no known end", lambda: token(exp=1010)])
async def test_what_cannot_be_renewed_is_left_alone(
    autojump_clock: MockClock, clock_on_the_wall: None, given: Any
) -> None:
    orchestrator = FakeOrchestrator()
    async with run_client(orchestrator.connect, given):
        connection = await orchestrator.accept()
        await connection.hear()
        await trio.sleep(60)
        assert connection.hear_rest() == []
