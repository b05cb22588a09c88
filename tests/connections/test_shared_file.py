"""Bytes that many sockets send from one place: they are those that were held when the socket took them."""

import os
import socket
from collections.abc import Iterator

import pytest

from trio_orchestrator.connections.shared_file import SharedFile

FIRST = bytes(range(256)) * 300
SECOND = b"another" * 9000


@pytest.fixture
def shared() -> Iterator[SharedFile]:
    made = SharedFile()
    yield made
    made.close()


def held(shared: SharedFile, data: bytes) -> int | None:
    shared.hold(data)
    return shared.number()


def content(file: int) -> bytes:
    return os.pread(file, 1 << 20, 0)


def test_it_holds_what_it_was_given_last_and_nothing_else(shared: SharedFile) -> None:
    for data in (FIRST, SECOND, b"short", FIRST):
        file = held(shared, data)
        assert file is not None
        assert content(file) == data


def test_what_a_socket_took_is_not_changed_by_what_is_held_next(shared: SharedFile) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname())
        far, _ = listener.accept()
    with near, far:
        near.setblocking(False)
        taken = []
        for data in (FIRST, SECOND, FIRST, SECOND):
            file = held(shared, data)
            assert file is not None
            taken.append(data[: os.sendfile(near.fileno(), file, 0, len(data))])
        shared.close()
        near.close()
        with far.makefile("rb") as stream:
            assert stream.read() == b"".join(taken)
    assert len(taken[0]) == len(FIRST)


def test_a_system_without_such_files_does_without(monkeypatch: pytest.MonkeyPatch, shared: SharedFile) -> None:
    monkeypatch.delattr(os, "memfd_create")
    assert held(shared, FIRST) is None
    shared.close()


def test_where_there_is_no_memory_nothing_is_held(monkeypatch: pytest.MonkeyPatch, shared: SharedFile) -> None:
    assert held(shared, FIRST) is not None
    monkeypatch.setattr(os, "pwrite", lambda _file, data, _offset: len(data) - 1)
    assert held(shared, SECOND) is None

    def fail(*_: object) -> int:
        raise OSError(28, "no space left")

    monkeypatch.setattr(os, "pwrite", fail)
    assert held(shared, SECOND) is None
    monkeypatch.undo()
    file = held(shared, SECOND)
    assert file is not None
    assert content(file) == SECOND


def test_it_gives_its_descriptor_back(shared: SharedFile) -> None:
    file = held(shared, FIRST)
    assert file is not None
    shared.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(file)
    shared.close()


def test_it_writes_nothing_before_somebody_asks_and_then_once(
    monkeypatch: pytest.MonkeyPatch, shared: SharedFile
) -> None:
    writes: list[bytes] = []
    pwrite = os.pwrite

    def write(file: int, data: bytes, offset: int) -> int:
        writes.append(data)
        return pwrite(file, data, offset)

    monkeypatch.setattr(os, "pwrite", write)
    assert shared.number() is None
    shared.hold(FIRST)
    shared.hold(SECOND)
    assert writes == []
    assert shared.number() == shared.number()
    assert writes == [SECOND]


def test_closed_it_holds_nothing_and_can_be_used_again(shared: SharedFile) -> None:
    held(shared, FIRST)
    shared.close()
    assert shared.number() is None
    file = held(shared, SECOND)
    assert file is not None
    assert content(file) == SECOND
