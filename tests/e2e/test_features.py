"""What peers are told that ask by `hello` (contract, part 2), over real sockets and in real time."""

from datetime import datetime
from typing import Any

from .conftest import StartThread
from .peers import Peer, box, client, processor, start

FEATURES = ["cameras", "tracking", "lagged"]


def hello(peer: Peer, *features: str) -> dict[str, Any]:
    """Ask for `features`; the `welcome`."""
    peer.say("subscribe", cameraIds=[])
    peer.say("hello", features=features)
    return peer.hear_kind("welcome")


def search(peer: Peer) -> tuple[str, str | None, str | None]:
    """The next change of a search: its state, camera and reason."""
    told = peer.hear_kind("tracking")
    return told["state"], told.get("cameraId"), told.get("reason")


def test_a_search_from_hello_to_stop(start_thread: StartThread) -> None:
    server = start_thread(VISIT_GAP="0.2", ANSWER_TIMEOUT="0.2")
    with client(server.urls) as watcher, client(server.urls) as operator:
        told = hello(watcher, *FEATURES, "colours")
        assert told["features"] == sorted(FEATURES)
        assert watcher.hear() == {"type": "cameras", "cameras": []}
        assert watcher.hear() == {"type": "tracked", "objects": []}

        with processor(server.urls, "cam1"):
            online = watcher.hear_kind("camera")
            assert (online["cameraId"], online["online"]) == ("cam1", True)
            object_id = start(operator, "cam1", image="i")
            assert search(watcher) == ("started", "cam1", None)
            assert search(watcher) == ("failed", "cam1", "no_features")
        offline = watcher.hear_kind("camera")
        assert (offline["cameraId"], offline["online"]) == ("cam1", False)
        since = [datetime.fromisoformat(change["since"]) for change in (online, offline)]
        assert since[0] <= since[1]

        with processor(server.urls, "cam1") as camera:
            assert [camera.hear_kind(kind)["objectId"] for kind in ("featureMap", "start")] == [object_id] * 2
            assert watcher.hear_kind("camera")["online"]
            assert search(watcher) == ("started", "cam1", None)
            camera.say("featureMap", objectId=object_id, featureMap=[1])
            assert search(watcher) == ("features", "cam1", None)
            camera.say("boundingBoxes", frameId=0.5, boxes=[box(object_id)])
            assert search(watcher) == ("seen", "cam1", None)
            assert search(watcher) == ("lost", "cam1", None)
            camera.say("boundingBoxes", frameId=1.5, boxes=[box(object_id)])
            assert search(watcher) == ("seen", "cam1", None)
            camera.hear_kind("featureMap")
            camera.assert_silence()  # it did not ask
        watcher.hear_kind("camera")
        operator.say("stop", objectId=object_id)
        while (change := search(watcher))[0] == "lost":
            pass  # before or after it was stopped
        assert change == ("stopped", None, "client")


def test_another_start_of_the_server_is_another_epoch(start_thread: StartThread) -> None:
    epochs = []
    for _ in range(2):
        server = start_thread()
        with client(server.urls) as watcher:
            epochs.append(hello(watcher)["epoch"])
        server.stop()
    assert epochs[0] != epochs[1]


def test_a_slow_peer_that_asked_is_told_how_many_frames_it_missed(start_thread: StartThread) -> None:
    server = start_thread()
    frames = 600
    padding = "x" * 50_000
    with (
        Peer(server.urls.websocket("/client"), queue=16) as slow,
        processor(server.urls, "cam1") as camera,
    ):
        slow.say("hello", features=["lagged"])
        slow.hear_kind("welcome")
        for frame in range(frames):
            camera.say("boundingBoxes", frameId=frame, boxes=[{"padding": padding}])
            if frame % 100 == 99:
                camera.settle()
        received = dropped = 0
        while True:
            told = slow.hear()
            if told["type"] == "lagged":
                dropped += told["dropped"]
                assert told["dropped"] > 0
            else:
                received += 1
                if told["frameId"] == frames - 1:
                    break
        assert dropped > 0
        assert received + dropped == frames
