"""How many connections there may be, what those are told for whom there is no room, and that nobody else notices."""

import ipaddress
import resource
from contextlib import AsyncExitStack, ExitStack

import pytest
import trio

from trio_orchestrator.net import front_door
from trio_orchestrator.net.admission import FULL, TOO_MANY, Admission, connections_that_fit
from trio_orchestrator.net.forwarded import Proxies
from trio_orchestrator.net.front_door import FrontDoor
from trio_orchestrator.net.http_server import HttpServer

from .serving import Secured, opened, read_to_end
from .test_front_door import ASK, hello


def refusals(room: Admission, hosts: list[str], leaving: ExitStack) -> list[str | None]:
    told = []
    for host in hosts:
        seat = leaving.enter_context(room.seat())
        seat.belongs_to(host)
        told.append(seat.refusal)
    return told


def test_there_is_room_for_so_many_and_no_more() -> None:
    room = Admission(3, 2)
    with ExitStack() as leaving:
        hosts = ["192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.3"]
        assert refusals(room, hosts, leaving) == [None, None, TOO_MANY, FULL, FULL]
    assert (room.taken, dict(room.by_address)) == (0, {})
    with ExitStack() as leaving:
        assert refusals(room, ["192.0.2.1", "192.0.2.1", "192.0.2.2"], leaving) == [None] * 3


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("nonsense:", "nonsense:", True),
    ],
)
def test_what_counts_as_one_address(one: str, other: str, same: bool) -> None:
    with ExitStack() as leaving:
        assert refusals(Admission(9, 1), [one, other], leaving) == [None, TOO_MANY if same else None]


def test_who_is_not_known_counts_in_all_alone() -> None:
    room = Admission(3, 1)
    with ExitStack() as leaving:
        for _ in range(3):
            seat = leaving.enter_context(room.seat())
            seat.belongs_to(None)
            assert seat.refusal is None


@pytest.mark.parametrize(
    ("soft", "hard", "wanted", "fit", "soft_then"),
    [
        (1024, 1 << 20, 4096, 4096, 4224),
        (1024, resource.RLIM_INFINITY, 4096, 4096, 4224),
        (resource.RLIM_INFINITY, resource.RLIM_INFINITY, 4096, 4096, None),
        (8192, 8192, 4096, 4096, None),
        (4223, 4223, 4096, 4095, 4223),
        (1024, 2048, 4096, 1920, 2048),
        (96, 96, 4096, 24, 96),
        (64, 64, 4096, 16, 64),
        (1, 1, 4096, 1, 1),
    ],
)
def test_open_files_are_kept_for_other_things(
    monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, wanted: int, fit: int, soft_then: int | None
) -> None:
    chosen: list[int] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _which: (soft, hard))
    monkeypatch.setattr(resource, "setrlimit", lambda _which, limits: chosen.append(limits[0]))
    assert connections_that_fit(wanted) == fit
    assert chosen == ([] if soft_then is None else [soft_then])


@pytest.mark.parametrize("admins", [0, 8, 64])
@pytest.mark.parametrize("files", range(220, 600, 7))
def test_open_files_do_for_all_who_may_be_there_at_once(
    monkeypatch: pytest.MonkeyPatch, files: int, admins: int
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _which: (files, files))
    monkeypatch.setattr(resource, "setrlimit", lambda _which, _limits: None)
    doors = [Admission(admins, admins)] if admins else []
    doors.append(Admission(connections_that_fit(4096, doors), 4096))
    taken = sum(door.max_connections + door.room_to_refuse for door in doors)
    assert files - 2 <= taken + 64 <= files, "none too many, and hardly one too few"


async def test_one_too_many_is_told_so_and_the_others_go_on() -> None:
    door = FrontDoor(None, HttpServer(hello), admission=Admission(2, 2))
    async with opened(door) as address, AsyncExitStack() as stack:
        inside = [await stack.enter_async_context(await trio.open_tcp_stream(*address)) for _ in range(2)]
        await _until_accepted(door, 2)
        for count in range(1, 11):
            async with await trio.open_tcp_stream(*address) as stream:
                await stream.send_all(ASK)
                assert (await read_to_end(stream)).startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
            assert door.statistics().refused == {"503": count}
        for stream in inside:
            await stream.send_all(ASK)
            assert (await read_to_end(stream)).endswith(b"/x")
        async with await trio.open_tcp_stream(*address) as stream:
            await stream.send_all(ASK)
            assert (await read_to_end(stream)).endswith(b"/x"), "there is room again"


async def test_one_too_many_of_one_address_is_told_so() -> None:
    door = FrontDoor(None, HttpServer(hello), admission=Admission(9, 1))
    async with opened(door) as address, await trio.open_tcp_stream(*address) as first:
        await _until_accepted(door, 1)
        async with await trio.open_tcp_stream(*address) as stream:
            await stream.send_all(ASK)
            assert (await read_to_end(stream)).startswith(b"HTTP/1.1 429 Too Many Requests\r\n")
        await first.send_all(ASK)
        assert (await read_to_end(first)).endswith(b"/x")


async def test_a_known_proxy_is_not_one_address() -> None:
    proxies = Proxies([ipaddress.ip_network("127.0.0.0/8")])
    door = FrontDoor(None, HttpServer(hello), proxies=proxies, admission=Admission(9, 1))
    async with opened(door) as address, await trio.open_tcp_stream(*address):
        await _until_accepted(door, 1)
        async with await trio.open_tcp_stream(*address) as stream:
            await stream.send_all(ASK)
            assert (await read_to_end(stream)).endswith(b"/x")


async def test_turning_many_away_takes_little_of_either_time_or_room() -> None:
    door = FrontDoor(None, HttpServer(hello), admission=Admission(4, 4))
    async with opened(door) as address, AsyncExitStack() as stack:
        for _ in range(4):
            await stack.enter_async_context(await trio.open_tcp_stream(*address))
        await _until_accepted(door, 4)
        silent = [await stack.enter_async_context(await trio.open_tcp_stream(*address)) for _ in range(50)]
        while sum(door.statistics().refused.values()) < 48:
            await trio.lowlevel.checkpoint()
        assert door.statistics().open <= 4 + 2, "who says nothing is not waited for, but for a few"
        with trio.fail_after(5):
            for stream in silent:
                assert await read_to_end(stream) == b""


@pytest.mark.parametrize("goes_on", ["not at all", "with half a head", "with no TLS"])
async def test_whoever_is_turned_away_is_counted_once(
    secured: Secured, monkeypatch: pytest.MonkeyPatch, goes_on: str
) -> None:
    monkeypatch.setattr(front_door, "_TURNING_AWAY_SECONDS", 0.1)
    door = FrontDoor(None, HttpServer(hello), admission=Admission(1, 1))
    certificate = secured.certificate if goes_on == "with no TLS" else None
    async with opened(door, certificate) as address, await trio.open_tcp_stream(*address):
        await _until_accepted(door, 1)
        for count in range(1, 4):
            async with await trio.open_tcp_stream(*address) as stream:
                if goes_on != "not at all":
                    await stream.send_all(ASK[:-1])
                await read_to_end(stream)
            assert door.statistics().refused == {"503": count}


@pytest.mark.parametrize("protocol", ["h2", "http/1.1"])
async def test_one_too_many_is_told_so_in_tls(secured: Secured, protocol: str) -> None:
    secured.context.set_alpn_protocols([protocol])
    door = FrontDoor(None, HttpServer(hello), admission=Admission(1, 1))
    async with opened(door, secured.certificate) as address, await trio.open_tcp_stream(*address):
        await _until_accepted(door, 1)
        stream = await trio.open_ssl_over_tcp_stream(*address, ssl_context=secured.context, https_compatible=True)
        async with stream:
            await stream.send_all(ASK if protocol == "http/1.1" else b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            told = await read_to_end(stream)
    if protocol == "h2":
        assert told[3] == 4, "settings come first"
        assert told[9 + 3] == 7, "then GOAWAY"
        assert told[-8:] == bytes(4) + (11).to_bytes(4, "big"), "ENHANCE_YOUR_CALM, no request taken"
    else:
        assert told.startswith(b"HTTP/1.1 503 ")


async def _until_accepted(door: FrontDoor, count: int) -> None:
    with trio.fail_after(10):
        while door.statistics().accepted < count:
            await trio.lowlevel.checkpoint()
