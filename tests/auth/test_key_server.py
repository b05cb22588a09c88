"""How often the key server is asked, who waits for it, and what its outage costs."""

import json
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.tokens import published
from trio_orchestrator.auth.fetching import FetchFailed
from trio_orchestrator.auth.key_server import FETCH_TIMEOUT, MIN_PAUSE, REFRESH, KeyServer


class Issuer:
    """Stands for the key server.

    Attributes:
        names: of the keys that it publishes; None while it is out of order.
        asked_at: when it was asked, in seconds.
        delay: seconds that it takes.
    """

    def __init__(self, *names: str) -> None:
        self.names: tuple[str, ...] | None = names
        self.asked_at: list[float] = []
        self.delay = 0.0

    async def get(self, url: str) -> bytes:
        assert url == "https://issuer.example/certs"
        self.asked_at.append(trio.current_time())
        names = self.names  # as they are when it is asked
        await trio.sleep(self.delay)
        if names is None:
            raise FetchFailed("out of order")
        return json.dumps({"keys": [published(name) for name in names]}).encode()


@pytest.fixture
def issuer() -> Issuer:
    return Issuer("a")


@pytest.fixture
async def keys(issuer: Issuer, nursery: trio.Nursery) -> KeyServer:
    server = KeyServer("https://issuer.example/certs", ["RS256"], get=issuer.get)
    nursery.start_soon(server.run)
    await wait_all_tasks_blocked()
    return server


async def knows(keys: KeyServer, name: str | None) -> bool:
    return await keys.find(name, "RS256") is not None


async def test_a_known_key_is_found_at_once_and_asks_nobody(
    autojump_clock: MockClock, keys: KeyServer, issuer: Issuer
) -> None:
    start = trio.current_time()
    for _ in range(100):
        assert await knows(keys, "a")
    assert trio.current_time() == start
    assert len(issuer.asked_at) == 1


async def test_a_token_must_name_its_key(autojump_clock: MockClock, keys: KeyServer, issuer: Issuer) -> None:
    assert not await knows(keys, None)
    assert len(issuer.asked_at) == 1


async def test_a_new_key_is_fetched_for_who_names_it(
    autojump_clock: MockClock, keys: KeyServer, issuer: Issuer
) -> None:
    await trio.sleep(MIN_PAUSE)
    issuer.names = ("a", "b")
    start = trio.current_time()
    assert await knows(keys, "b")
    assert trio.current_time() == start


async def test_unknown_names_ask_at_most_once_in_five_seconds(
    autojump_clock: MockClock, keys: KeyServer, issuer: Issuer
) -> None:
    async def ask(number: int) -> None:
        for attempt in range(10):
            assert not await knows(keys, f"nonsense {number} {attempt}")

    start = trio.current_time()
    async with trio.open_nursery() as nursery:
        for number in range(100):
            nursery.start_soon(ask, number)
    pauses = [later - earlier for earlier, later in zip(issuer.asked_at, issuer.asked_at[1:], strict=False)]
    assert len(pauses) == 10
    assert min(pauses) >= MIN_PAUSE
    assert trio.current_time() - start <= 10 * MIN_PAUSE


async def test_who_waits_gets_an_answer_before_its_time_is_over(
    autojump_clock: MockClock, keys: KeyServer, issuer: Issuer
) -> None:
    issuer.delay = FETCH_TIMEOUT
    await trio.sleep(0.001)
    with trio.fail_after(10):
        assert not await knows(keys, "nonsense")


@pytest.mark.parametrize("published_then", [("a", "b"), ("a",)])
async def test_an_attempt_that_is_under_way_is_not_the_next(
    autojump_clock: MockClock, keys: KeyServer, issuer: Issuer, published_then: tuple[str, ...]
) -> None:
    issuer.delay = FETCH_TIMEOUT
    await trio.sleep(REFRESH + 0.5)
    issuer.names = published_then  # too late for the one that began half a second ago
    start = trio.current_time()
    with trio.fail_after(10):
        assert await knows(keys, "b") == ("b" in published_then)
    assert trio.current_time() - start == pytest.approx(MIN_PAUSE - 0.5 + FETCH_TIMEOUT), "not at the next refresh"
    assert len(issuer.asked_at) == 3


async def test_a_key_that_is_published_no_more_is_good_no_more(
    autojump_clock: MockClock, keys: KeyServer, issuer: Issuer
) -> None:
    issuer.names = ("b",)
    await trio.sleep(REFRESH + 1)
    assert not await knows(keys, "a")
    assert await knows(keys, "b")


async def test_an_outage_locks_out_no_known_key(autojump_clock: MockClock, keys: KeyServer, issuer: Issuer) -> None:
    issuer.names = None
    for _ in range(100):
        await trio.sleep(REFRESH)
        start = trio.current_time()
        assert await knows(keys, "a")
        assert trio.current_time() == start
    issuer.names = ("a", "b")
    await trio.sleep(61)
    assert await knows(keys, "b"), "within a minute of its return"


async def test_an_answer_without_any_key_is_an_outage(
    autojump_clock: MockClock, keys: KeyServer, issuer: Issuer
) -> None:
    issuer.names = ()
    await trio.sleep(REFRESH + 1)
    assert await knows(keys, "a")


async def test_an_outage_is_told_once(
    autojump_clock: MockClock, keys: KeyServer, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, dict[str, Any]]] = []

    class Log:
        def warning(self, event: str, **fields: Any) -> None:
            told.append((event, fields))

        info = warning

    monkeypatch.setattr("trio_orchestrator.auth.key_server._log", Log())
    issuer.names = None
    await trio.sleep(20 * REFRESH)
    issuer.names = ("a",)
    await trio.sleep(REFRESH)
    assert [event for event, _ in told] == ["the keys of tokens cannot be fetched", "the keys of tokens were fetched"]
    assert told[0][1]["known"] == 1


async def test_who_comes_before_the_first_answer_waits_for_it(autojump_clock: MockClock) -> None:
    issuer = Issuer("a")
    issuer.delay = 3
    server = KeyServer("https://issuer.example/certs", ["RS256"], get=issuer.get)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.run)
        assert await knows(server, "a")
        assert trio.current_time() - issuer.asked_at[0] == pytest.approx(3)
        nursery.cancel_scope.cancel()
