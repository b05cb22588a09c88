"""Whatever is offered and however the socket takes it: frames whole, control in order, the newest boxes."""

from collections.abc import Sequence

import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import wait_all_tasks_blocked

from trio_orchestrator.connections.outbox import Outbox

from .wires import CLOSING_FRAME, FakeWire, batch, box_frame

MAX_BYTES = 60_000

steps = st.lists(
    st.one_of(
        st.tuples(st.just("offer"), st.sampled_from([0, 10, 200, 20_000, 70_000])),
        st.tuples(st.just("snapshot"), st.integers(0, 4)),
        st.tuples(st.just("boxes"), st.sampled_from([0, 10, 100_000, 200_000])),
        st.tuples(st.just("ping"), st.just(0)),
        st.tuples(st.just("take"), st.sampled_from([1, 2, 3, 5, 100, 10_000, 1_000_000])),
        st.tuples(st.just("switch"), st.just(0)),
    ),
    max_size=30,
)


@given(steps)
def test_whatever_happens(steps: Sequence[tuple[str, int]]) -> None:
    trio.run(Story().run, steps)


class Story:
    """One outbox, what was offered to it, and in the end what was read."""

    def __init__(self) -> None:
        self.wire = FakeWire(0)
        self.outbox = Outbox(self.wire, max_bytes=MAX_BYTES)
        self.control: list[str] = []
        self.boxes: dict[str, list[int]] = {}
        self.number = 0

    async def run(self, steps: Sequence[tuple[str, int]]) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.outbox.run)
            for step, size in steps:
                if self.outbox.closing is None:
                    await self.do(step, size)
            overflown = self.outbox.closing is not None
            if overflown:
                self.outbox.offer_raw(CLOSING_FRAME)
            self.wire.give()
            await self.outbox.wait_written()
            self.check(overflown)
            nursery.cancel_scope.cancel()

    async def do(self, step: str, size: int) -> None:
        match step:
            case "offer":
                self.outbox.offer(self.new_message(size).encode())
            case "snapshot":
                self.outbox.offer_each(iter([self.new_message(10).encode() for _ in range(size)]))
            case "boxes":
                self.number += 1
                self.outbox.offer_boxes(batch(*(box_frame(camera, self.number, size) for camera in "aba")))
                for camera in "aba":
                    self.boxes.setdefault(camera, []).append(self.number)
            case "ping":
                self.control.append("ping")
                self.outbox.offer_raw(b"\x89\x00")
            case "take":
                self.wire.give(size)
            case "switch":
                await wait_all_tasks_blocked()

    def new_message(self, size: int) -> str:
        self.control.append(f'"{len(self.control)}{"-" * size}"')
        return self.control[-1]

    def check(self, overflown: bool) -> None:
        control, boxes = self.wire.read_control(), self.wire.read_boxes()
        if overflown:
            assert control.pop() == "closed: 4452"
            assert control == self.control[: len(control)]  # nothing is left out in the middle
            return
        assert control == self.control
        for camera, numbers in self.boxes.items():
            assert boxes[camera] == sorted(boxes[camera])
            assert boxes[camera][-1] == numbers[-1]
        offered, read = (sum(map(len, counted.values())) for counted in (self.boxes, boxes))
        assert self.outbox.statistics() == (0, offered - read)
