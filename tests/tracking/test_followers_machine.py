"""Searches and cameras at random: who follows knows at any time what a newcomer is told, without a gap or a double."""

import json

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from .model import Follower
from .world import Somebody, World

cameras = st.sampled_from(["cam1", "cam2", "cam3"])
objects = st.integers(1, 3)


class Followers(RuleBasedStateMachine):
    """A client that starts and stops, two cameras that come and go, and followers from different moments on."""

    @initialize()
    def begin(self) -> None:
        self.world = World(tracking_timeout=60)
        self.operator = self.world.client()
        self.processors: dict[str, Somebody] = {}
        self.followers = [Follower(self.world.client())]
        self.a_camera_comes("cam1")
        self.somebody_starts("cam1", "i")

    @rule()
    def somebody_follows(self) -> None:
        self.followers.append(Follower(self.world.client()))

    @rule()
    def somebody_asks_again(self) -> None:
        self.followers[0].greet()

    @rule(camera=cameras)
    def a_camera_comes(self, camera: str) -> None:
        """Or is replaced by a newer connection."""
        self.processors[camera] = self.world.processor(camera)

    @rule(camera=cameras)
    def a_camera_goes(self, camera: str) -> None:
        if camera in self.processors:
            self.processors.pop(camera).leaves()

    @rule(camera=cameras, image=st.sampled_from(["i", None]))
    def somebody_starts(self, camera: str, image: str | None) -> None:
        message = {"type": "start", "cameraId": camera, "frameId": 1, "boxId": 1, "image": image}
        self.operator.says(json.dumps(message))

    @rule(object_id=objects)
    def somebody_stops(self, object_id: int) -> None:
        self.operator.says(f'{{"type":"stop","objectId":{object_id}}}')

    @rule(camera=cameras, object_id=objects, features=st.integers(1, 2))
    def a_camera_knows_features(self, camera: str, object_id: int, features: int) -> None:
        self._camera_says(camera, f'{{"type":"featureMap","objectId":{object_id},"featureMap":[{features}]}}')

    @rule(camera=cameras, object_id=objects)
    def a_camera_sees(self, camera: str, object_id: int) -> None:
        self._camera_says(camera, f'{{"type":"boundingBoxes","frameId":1,"boxes":[{{"objectId":{object_id}}}]}}')

    @rule(data=st.data(), passed=st.sampled_from([0.0, 5.0]))
    def a_reminder_is_due(self, data: st.DataObject, passed: float) -> None:
        if self.world.reminders.running:
            self.world.at += passed
            self.world.remind(data.draw(st.sampled_from(list(self.world.reminders.running))))

    @rule(object_id=objects, erased=st.booleans())
    def an_object_ends(self, object_id: int, erased: bool) -> None:
        if object_id not in self.world.live:
            return
        if erased:
            self.world.erase(object_id)
        else:
            self.world.expire(object_id)

    @invariant()
    def who_follows_knows_what_a_newcomer_is_told(self) -> None:
        newcomer = Follower(self.world.client())
        newcomer.catch_up()
        newcomer.somebody.leaves()
        assert newcomer.objects.keys() == self.world.live
        assert {camera for camera, (online, _) in newcomer.cameras.items() if online} == self.processors.keys()
        for follower in self.followers:
            follower.catch_up()
            assert follower.cameras == newcomer.cameras
            assert follower.objects == newcomer.objects

    def _camera_says(self, camera: str, text: str) -> None:
        if camera in self.processors:
            self.processors[camera].says(text)


TestFollowers = Followers.TestCase
