"""Clients, processors and objects at random, against a model that is told nothing of how the hub works.

The model knows the contract only: who is entitled to which message at which moment. Peers that keep up are told
exactly what it says; what slow ones are told late, it judges by the rules alone.
"""

import json
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from trio_orchestrator.protocol.codes import CloseCode
from trio_orchestrator.tracking.ports import NewObject

from .model import (
    ModelClient,
    ModelObject,
    ModelProcessor,
    Peer,
    Said,
    empty,
    given,
    never_dies_of_a_stop,
    understood,
)
from .world import Seen, World

TIMEOUT = 60.0
cameras = st.sampled_from(["cam1", "cam2", "cam3"])
objects = st.integers(1, 6)
feature_maps = st.sampled_from(["{}", "[]", "[1]", '{"a":2}'])


class Machine(RuleBasedStateMachine):
    """One world and its model."""

    all_clients = Bundle("all_clients")
    all_processors = Bundle("all_processors")

    @initialize(holding=st.booleans())
    def begin(self, holding: bool) -> None:
        self.world = World(tracking_timeout=TIMEOUT)
        self.world.holding = True
        self.at_once = not holding
        self.clients: list[ModelClient] = []
        self.processors: list[ModelProcessor] = []
        self.live: dict[int, ModelObject] = {}
        self.float_cameras: set[str] = set()
        self.given_ids: list[int] = []
        self.sightings: list[Seen] = []
        self.waiting: list[tuple[ModelClient, Said]] = []

    # Peers come and go.

    @rule(target=all_clients, images=st.booleans())
    def a_client_connects(self, images: bool) -> ModelClient:
        client = ModelClient(self.world.client())
        self.clients.append(client)
        if images:
            self.a_client_wants_images(client, True)
        return client

    @rule(target=all_processors, camera=st.none() | cameras)
    def a_processor_connects(self, camera: str | None) -> ModelProcessor:
        processor = ModelProcessor(self.world.processor())
        self.processors.append(processor)
        if camera is not None:
            self.a_processor_identifies_itself(processor, camera)
        return processor

    @rule(client=consumes(all_clients))
    def a_client_leaves(self, client: ModelClient) -> None:
        client.somebody.leaves()
        self.clients.remove(client)

    @rule(processor=consumes(all_processors))
    def a_processor_leaves(self, processor: ModelProcessor) -> None:
        processor.somebody.leaves()
        self.processors.remove(processor)

    # What clients say.

    @rule(client=all_clients, wants=st.booleans())
    def a_client_wants_images(self, client: ModelClient, wants: bool) -> None:
        client.images = wants
        if wants:
            for object_id, tracked in self.live.items():
                if tracked.image is not None:
                    self.tell(client, type="newObject", objectId=object_id, image=tracked.image)
        self.say(client, type="setUsesImages", usesImages=wants)

    @rule(client=all_clients, wanted=st.none() | st.lists(cameras, max_size=2))
    def a_client_subscribes(self, client: ModelClient, wanted: list[str] | None) -> None:
        client.cameras = wanted
        self.say(client, type="subscribe", cameraIds=wanted)

    @rule(
        client=all_clients,
        camera=cameras,
        image=st.sampled_from([None, "i", "j"]),
        frame=st.sampled_from([None, 12, 12.5, "f"]),
        request=st.sampled_from([None, "r"]),
    )
    def a_client_starts(
        self, client: ModelClient, camera: str, image: str | None, frame: float | str | None, request: str | None
    ) -> None:
        box = 3 if image is None else None
        frame = 12 if image is None and frame is None else frame
        message = given(type="start", cameraId=camera, image=image, frameId=frame, boxId=box, requestId=request)
        if self.camera(camera) is None:
            self.refuse(client, "unknown_camera", request)
        else:
            self.waiting.append((client, message))
        self.say(client, **message)
        self.commit_if_at_once()

    @rule(client=all_clients, object_id=objects, request=st.sampled_from([None, "r"]))
    def a_client_stops(self, client: ModelClient, object_id: int, request: str | None) -> None:
        message = given(type="stop", objectId=object_id, requestId=request)
        if object_id in self.live:
            self.waiting.append((client, message))
        else:
            self.refuse(client, "unknown_object", request)
        self.say(client, **message)
        self.commit_if_at_once()

    # What processors say.

    @rule(processor=all_processors, camera=cameras)
    def a_processor_identifies_itself(self, processor: ModelProcessor, camera: str) -> None:
        if processor.closed:
            return
        older = self.camera(camera)
        if older is not None and older is not processor:
            older.camera, older.closed = None, True
        comes_back = processor.camera != camera
        if comes_back:
            processor.camera = camera
        for object_id, tracked in self.live.items():
            self.tell_features(processor, object_id, tracked)
        for object_id, tracked in self.live.items():
            if comes_back and tracked.started_on == camera and tracked.image is not None and tracked.features is None:
                processor.knows.add(object_id)
                self.tell(processor, type="start", objectId=object_id, image=tracked.image)
        self.say(processor, type="identifier", id=camera)

    @rule(processor=all_processors, object_id=objects, features=feature_maps)
    def a_processor_knows_features(self, processor: ModelProcessor, object_id: int, features: str) -> None:
        if processor.closed:
            return
        if processor.camera is None:
            self.refuse(processor, "not_identified")
        elif object_id not in self.live:
            self.refuse(processor, "unknown_object")
        else:
            self.live[object_id].features = json.loads(features)
            for every in self.processors:
                if every.camera is not None:
                    self.tell_features(every, object_id, self.live[object_id])
        self.say(processor, type="featureMap", objectId=object_id, featureMap=json.loads(features))

    @rule(
        processor=all_processors,
        frame=st.sampled_from([1, 1.5, "f", None]),
        seen=st.lists(objects | st.sampled_from([None, True, 2.0, "1"]), max_size=3),
    )
    def a_processor_sees(self, processor: ModelProcessor, frame: float | str | None, seen: list[Any]) -> None:
        if processor.closed:
            return
        boxes = [{"objectId": object_id} for object_id in seen]
        if frame is None:
            self.refuse(processor, "invalid_message")
        elif processor.camera is None:
            self.refuse(processor, "not_identified")
        else:
            if isinstance(frame, float):
                self.float_cameras.add(processor.camera)
            for client in self.clients:
                if client.cameras is None or processor.camera in client.cameras:
                    self.tell(client, type="boundingBoxes", cameraId=processor.camera, frameId=frame, boxes=boxes)
            self.sightings += [
                Seen(object_id, processor.camera, self.world.at)
                for object_id in seen
                if type(object_id) is int and object_id in self.live
            ]
        self.say(processor, type="boundingBoxes", frameId=frame, boxes=boxes)

    # What time and the disk do.

    @rule(object_id=objects)
    def an_object_expires(self, object_id: int) -> None:
        if object_id in self.live:
            self.end(object_id)
            self.world.expire(object_id)

    @rule(data=st.data())
    def a_reminder_is_due(self, data: st.DataObject) -> None:
        """Which only those hear of who said hello."""
        if self.world.reminders.running:
            self.world.at += data.draw(st.sampled_from([0.0, 5.0]))
            self.world.remind(data.draw(st.sampled_from(list(self.world.reminders.running))))

    @rule(object_id=objects)
    def an_object_is_erased(self, object_id: int) -> None:
        if object_id in self.live:
            self.end(object_id)
        if object_id in self.given_ids:
            self.world.erase(object_id)

    @rule(which=st.integers(0, 3), works=st.booleans())
    def the_disk_answers(self, which: int, works: bool) -> None:
        if not self.waiting:
            return
        which %= len(self.waiting)
        client, message = self.waiting.pop(which)
        if not works:
            self.world.fail(which)
            return
        if message["type"] == "stop":
            object_id = message["objectId"]
            if object_id in self.live:
                self.end(object_id)
        else:
            object_id = len(self.given_ids) + 1
            self.begin_object(object_id, message)
        if "requestId" in message:
            self.tell(client, type="accepted", requestId="r", objectId=object_id)
        is_new = isinstance(self.world.held[which].pending.change, NewObject)
        assert is_new is (message["type"] == "start")
        made = self.world.commit(which)
        assert made == object_id
        if is_new:
            self.given_ids.append(made)

    @rule(peer=all_clients | all_processors, slow=st.booleans())
    def a_peer_is_slow_for_a_while(self, peer: Peer, slow: bool) -> None:
        outbox = peer.somebody.outbox
        if slow:
            outbox.slow = peer.late = True
        else:
            outbox.catch_up()

    # The model.

    def begin_object(self, object_id: int, message: Said) -> None:
        self.live[object_id] = ModelObject(message["cameraId"], message.get("image"))
        processor = self.camera(message["cameraId"])
        if processor is not None:
            processor.knows.add(object_id)
            frame = message.get("frameId")
            frame = float(frame) if processor.camera in self.float_cameras and isinstance(frame, int) else frame
            told = given(frameId=frame, boxId=message.get("boxId"), image=message.get("image"))
            self.tell(processor, type="start", objectId=object_id, **told)
        for client in self.clients:
            if client.images:
                self.tell(client, **given(type="newObject", objectId=object_id, image=message.get("image")))

    def end(self, object_id: int) -> None:
        del self.live[object_id]
        for processor in self.processors:
            if processor.camera is not None and object_id in processor.knows:
                self.tell(processor, type="stop", objectId=object_id)
        for client in self.clients:
            if client.images:
                self.tell(client, type="stop", objectId=object_id)

    def tell_features(self, processor: ModelProcessor, object_id: int, tracked: ModelObject) -> None:
        if tracked.features:
            processor.knows.add(object_id)
        self.tell(processor, type="featureMap", objectId=object_id, featureMap=empty(tracked.features))

    def camera(self, camera: str) -> ModelProcessor | None:
        return next((processor for processor in self.processors if processor.camera == camera), None)

    def tell(self, peer: Peer, **message: Any) -> None:
        peer.expected.append(message)

    def refuse(self, peer: Peer, code: str, request: str | None = None) -> None:
        peer.expected.append({"error": code if request is None else f"{code} for {request}"})

    def say(self, peer: Peer, **message: Any) -> None:
        peer.somebody.says(json.dumps(message))

    def commit_if_at_once(self) -> None:
        if self.at_once:
            self.the_disk_answers(0, True)

    # What must hold.

    @invariant()
    def peers_that_keep_up_are_told_what_they_are_entitled_to_and_nothing_else(self) -> None:
        for peer in (*self.clients, *self.processors):
            if not peer.late:
                heard = [understood(told) for told in peer.somebody.heard()]
                assert heard == peer.expected
                peer.told += heard
                peer.expected.clear()

    @invariant()
    def every_live_object_has_one_deadline(self) -> None:
        assert self.world.deadlines.running == dict.fromkeys(self.live, TIMEOUT)

    @invariant()
    def ids_ascend(self) -> None:
        assert self.given_ids == list(range(1, len(self.given_ids) + 1))

    @invariant()
    def sightings_are_of_live_objects(self) -> None:
        assert self.world.journal.sightings == self.sightings

    @invariant()
    def who_is_replaced_is_told_so(self) -> None:
        for processor in self.processors:
            assert processor.somebody.outbox.closed == (CloseCode.REPLACED if processor.closed else None)

    def teardown(self) -> None:
        for processor in self.processors:
            processor.somebody.outbox.catch_up()
            heard = [understood(told) for told in processor.somebody.heard()]
            never_dies_of_a_stop(processor.told + heard)


TestMachine = Machine.TestCase
