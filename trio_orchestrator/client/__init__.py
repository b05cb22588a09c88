"""The SDK: be a camera's processor or an operator's client, and stay connected.

    async with open_processor("ws://localhost:8080", "cam1") as camera:
        camera.send_boxes(0.04, [Box(3, (0.1, 0.2, 0.3, 0.9), "person", 0.97)])
        async for command in camera:
            ...

    async with open_client("ws://localhost:8080") as client:
        object_id = await client.start("cam1", frame_id=0.04, box_id=3)
        async for event in client:
            ...

How data moves: `processor` and `viewer` are what users hold. Both put what they say into an `outbox` and read
what came from an `inbox`; a `link` between the two keeps one `connection` open, and makes another when it ends.
"""

from .errors import (
    ClientError,
    ConnectionRefusedByServer,
    InboxFull,
    OrchestratorError,
    OutboxFull,
    OutcomeUnknown,
)
from .link import Token
from .messages import (
    BoundingBoxes,
    Box,
    BoxId,
    Command,
    Connected,
    Error,
    Event,
    FeatureMap,
    FrameId,
    NewObject,
    Rect,
    Start,
    Stop,
    Stopped,
)
from .processor import Processor, ProcessorStatistics, open_processor
from .viewer import Client, open_client

__all__ = [
    "BoundingBoxes",
    "Box",
    "BoxId",
    "Client",
    "ClientError",
    "Command",
    "Connected",
    "ConnectionRefusedByServer",
    "Error",
    "Event",
    "FeatureMap",
    "FrameId",
    "InboxFull",
    "NewObject",
    "OrchestratorError",
    "OutboxFull",
    "OutcomeUnknown",
    "Processor",
    "ProcessorStatistics",
    "Rect",
    "Start",
    "Stop",
    "Stopped",
    "Token",
    "open_client",
    "open_processor",
]
