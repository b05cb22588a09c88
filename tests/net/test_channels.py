"""What a connection in clear sends, without waiting: from memory, or from a file that many send from."""

import socket
from collections.abc import Iterator

import pytest

from trio_orchestrator.connections.shared_file import SharedFile
from trio_orchestrator.net.channels import ClearChannel

DATA = bytes(range(256)) * 200


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname())
        far, _ = listener.accept()
    near.setblocking(False)
    with near, far:
        yield near, far


@pytest.fixture
def file() -> Iterator[SharedFile]:
    made = SharedFile()
    made.hold(DATA)
    yield made
    made.close()


def test_what_is_sent_from_a_file_is_what_was_to_be_sent(
    ends: tuple[socket.socket, socket.socket], file: SharedFile
) -> None:
    near, far = ends
    channel = ClearChannel(near)
    assert channel.send_nowait(b"before") == 6
    assert channel.send_nowait(DATA, file) == len(DATA)
    assert channel.send_nowait(b"behind") == 6
    near.close()
    with far.makefile("rb") as stream:
        assert stream.read() == b"before" + DATA + b"behind"


def test_a_full_socket_takes_a_part_of_the_file_and_then_nothing(
    ends: tuple[socket.socket, socket.socket], file: SharedFile
) -> None:
    near, far = ends
    channel = ClearChannel(near)
    taken = [channel.send_nowait(DATA, file)]
    while taken[-1]:
        taken.append(channel.send_nowait(DATA, file))
    assert sum(taken) > len(DATA)
    near.close()
    with far.makefile("rb") as stream:
        assert stream.read() == b"".join(DATA[:size] for size in taken)


def test_a_broken_socket_says_so(ends: tuple[socket.socket, socket.socket], file: SharedFile) -> None:
    near, _ = ends
    near.shutdown(socket.SHUT_WR)
    with pytest.raises(BrokenPipeError):
        ClearChannel(near).send_nowait(DATA, file)
    near.close()
    with pytest.raises(OSError, match="Bad file descriptor"):
        ClearChannel(near).send_nowait(DATA, file)
