"""Each variant of the ablation really takes the place of something that delivers boxes; no word about speed."""

import json
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from functools import partial
from pathlib import Path
from types import CodeType, FrameType, ModuleType

import pytest
import trio
from trio_websocket import open_websocket_url

from benchmarks.variants import VARIANTS, Substitution
from trio_orchestrator.server import serve
from trio_orchestrator.settings import Settings

PATIENCE = 10.0


@contextmanager
def noting_what_runs() -> Iterator[set[CodeType]]:
    """The code of all Python functions that are called meanwhile, or resumed."""
    ran: set[CodeType] = set()

    def note(frame: FrameType, event: str, _argument: object) -> None:
        if event == "call":
            ran.add(frame.f_code)

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield ran
    finally:
        sys.setprofile(before)


CLIENTS = 8
BOXES = [{"boxId": number} for number in range(2000)]
"""So many and so much that it is worth while to send it from one file."""


async def deliver_a_frame(folder: Path) -> list[object]:
    """Start the server, and let a processor tell clients of one frame; the frame's boxes as they arrive at each."""
    variables = {"HOST": "127.0.0.1", "HTTP_PORT": "0", "DATABASE_URL": f"sqlite:///{folder / 'orchestrator.db'}"}
    stop = trio.Event()
    async with trio.open_nursery() as nursery:
        listening = await nursery.start(partial(serve, Settings.load(variables), stop=stop))
        url = listening.urls[0].replace("http", "ws", 1)
        async with AsyncExitStack() as peers:
            clients = [await peers.enter_async_context(open_websocket_url(f"{url}/client")) for _ in range(CLIENTS)]
            camera = await peers.enter_async_context(open_websocket_url(f"{url}/processor"))
            for client in clients:
                await client.send_message('{"type":"setUsesImages","usesImages":false}')
                await client.ping()
            await camera.send_message('{"type":"identifier","id":"cam1"}')
            await camera.send_message(json.dumps({"type": "boundingBoxes", "frameId": 1.5, "boxes": BOXES}))
            boxes = [json.loads(await client.get_message())["boxes"] for client in clients]
        stop.set()
    return boxes


@pytest.mark.parametrize("variant", VARIANTS)
async def test_all_of_a_variant_takes_part(variant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for owner, name, part in VARIANTS[variant]:
        monkeypatch.setattr(owner, name, part)
    with noting_what_runs() as ran, trio.fail_after(PATIENCE):
        assert await deliver_a_frame(tmp_path) == [BOXES] * CLIENTS
    functions = [function for substitution in VARIANTS[variant] for function in substitution.functions()]
    assert functions
    assert [function.__qualname__ for function in functions if function.__code__ not in ran] == []


def test_nothing_in_the_place_of_nothing() -> None:
    with pytest.raises(AttributeError, match="this_module has no receiver any more"):
        Substitution(ModuleType("this_module"), "receiver", print).take_effect()
