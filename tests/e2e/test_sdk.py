"""The SDK against a server that runs."""

import time

import pytest
import trio

from tests.tokens import make_token, token_environment
from trio_orchestrator.client import ConnectionRefusedByServer, open_processor

from .conftest import StartThread
from .running import ServerThread

VISITS = 20


async def look_in(url: str, token: str) -> None:
    """Be a camera that sends a few frames and leaves."""
    async with open_processor(url, "cam1", token) as camera:
        await camera.wait_connected()
        for frame in range(3):
            camera.send_boxes(frame / 10, [])


@pytest.fixture
def guarded(start_thread: StartThread) -> ServerThread:
    """A server that asks for tokens."""
    return start_thread(**token_environment())


def test_a_camera_that_only_looks_in_is_told_that_its_token_is_bad(guarded: ServerThread) -> None:
    for _ in range(VISITS):
        with pytest.raises(ConnectionRefusedByServer, match=r"4401.*unauthenticated: the token has expired"):
            trio.run(look_in, guarded.urls.websocket(""), make_token(expires_in=-100))


def test_a_camera_that_only_looks_in_leaves_at_once(guarded: ServerThread) -> None:
    began = time.monotonic()
    for _ in range(VISITS):
        trio.run(look_in, guarded.urls.websocket(""), make_token())
    assert time.monotonic() - began < VISITS  # a deadline that passed would take longer each time
