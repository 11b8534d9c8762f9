"""A mobile base with one camera that is not there: LeRobot drives it as it drives any robot of somebody else's. What it was told is in a file."""
import json
from dataclasses import dataclass

import numpy as np
from lerobot.robots.config import RobotConfig
from lerobot.robots.robot import Robot

AXES = ("linear.vel", "angular.vel")
SIZE = (24, 32, 3)


def picture(step):
    return np.full(SIZE, step % 256, dtype=np.uint8)


@RobotConfig.register_subclass("vlaq_fake")
@dataclass
class VlaqFakeConfig(RobotConfig):
    log: str = ""  # one JSON line for each action


class VlaqFake(Robot):
    config_class = VlaqFakeConfig
    name = "vlaq_fake"

    def __init__(self, config):
        super().__init__(config)
        self.config = config
        self.cameras = {}
        self._connected = False
        self._seen = 0
        self._velocity = dict.fromkeys(AXES, 0.0)

    @property
    def observation_features(self):
        return {**dict.fromkeys(AXES, float), "front": SIZE}

    @property
    def action_features(self):
        return dict.fromkeys(AXES, float)

    @property
    def is_connected(self):
        return self._connected

    @property
    def is_calibrated(self):
        return True

    def connect(self, calibrate=True):
        self._connected = True

    def disconnect(self):
        self._connected = False

    def calibrate(self):
        pass

    def configure(self):
        pass

    def get_observation(self):
        self._seen += 1
        return {**self._velocity, "front": picture(self._seen)}

    def send_action(self, action):
        self._velocity = {axis: float(action[axis]) for axis in AXES}
        with open(self.config.log, "a", encoding="utf-8") as log:
            log.write(json.dumps(self._velocity) + "\n")
        return self._velocity
