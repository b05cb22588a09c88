"""The SDK: be a camera's processor or an operator's client, and stay connected.

    async with open_processor("ws://localhost:8080", "cam1") as camera:
        camera.send_boxes(0.04, [Box(3, (0.1, 0.2, 0.3, 0.9), "person", 0.97)])
        async for command in camera:
            ...

    async with open_client("ws://localhost:8080") as client:
        object_id = await client.start("cam1", frame_id=0.04, box_id=3)
        async for event in client:
            ...

What a peer may ask for besides (`features`) comes as events too; a new connection begins with new snapshots.

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
from .news import (
    CameraChange,
    Cameras,
    CameraState,
    Feature,
    Lagged,
    Tracked,
    TrackedState,
    TrackingChange,
    Welcome,
)
from .overview import Overview, Search
from .processor import Processor, ProcessorStatistics, open_processor
from .tokens import Token
from .viewer import Client, open_client

__all__ = [
    "BoundingBoxes",
    "Box",
    "BoxId",
    "CameraChange",
    "CameraState",
    "Cameras",
    "Client",
    "ClientError",
    "Command",
    "Connected",
    "ConnectionRefusedByServer",
    "Error",
    "Event",
    "Feature",
    "FeatureMap",
    "FrameId",
    "InboxFull",
    "Lagged",
    "NewObject",
    "OrchestratorError",
    "OutboxFull",
    "OutcomeUnknown",
    "Overview",
    "Processor",
    "ProcessorStatistics",
    "Rect",
    "Search",
    "Start",
    "Stop",
    "Stopped",
    "Token",
    "Tracked",
    "TrackedState",
    "TrackingChange",
    "Welcome",
    "open_client",
    "open_processor",
]
