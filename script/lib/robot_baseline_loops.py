"""The loops of script/robot-baselines, each as its makers' examples run it, with a camera, a base and an inference that fail when told to.

All of them command 50 times a second; an inference takes 36 ms and gives ten actions, the camera has 20 pictures a second.
"""
import logging
import os
import signal
import struct
import threading
import time

import numpy as np

HZ, HORIZON, CAMERA_S, INFERENCE_S, SLOW_S = 50, 10, 0.05, 0.036, 0.18
HEIGHT, WIDTH = 48, 64
FAULTS = ("none", "camera stalls", "camera frozen", "camera black", "inference slow", "inference hangs", "inference NaN", "inference throws",
          "killed", "SIGTERM", "SIGINT")
COMMAND = struct.Struct("<ddd")  # time.monotonic(), x, y
LONGEST_S = 60  # that a process of a trial may live, whatever happens


class Stage:
    """What a loop is given; `shared` is the number of the fault that its parent has set, `pipe` takes its commands."""

    def __init__(self, shared, pipe):
        self.shared, self.pipe = shared, pipe

    def is_wrong(self, fault):
        return FAULTS[self.shared.value] == fault

    def command(self, x, y):
        self.pipe.send_bytes(COMMAND.pack(time.monotonic(), x, y))

    def infer(self):
        """[HORIZON, 2], m/s"""
        if self.is_wrong("inference throws"):
            raise RuntimeError("the policy gave up")
        while self.is_wrong("inference hangs"):
            time.sleep(0.001)
        time.sleep(SLOW_S if self.is_wrong("inference slow") else INFERENCE_S)
        return np.full((HORIZON, 2), np.nan if self.is_wrong("inference NaN") else 0.2, dtype=np.float32)


class Camera:
    """read() waits for the next picture, as a device does."""

    def __init__(self, stage):
        self.stage, self.number, self.next = stage, 0, time.monotonic()

    def read(self):
        time.sleep(max(0.0, self.next - time.monotonic()))
        while self.stage.is_wrong("camera stalls"):
            time.sleep(0.001)
        self.next = max(self.next + CAMERA_S, time.monotonic())
        if not self.stage.is_wrong("camera frozen"):
            self.number += 1
        pixels = np.arange(HEIGHT * WIDTH * 3, dtype=np.uint32).reshape(HEIGHT, WIDTH, 3) * 5 + self.number
        return np.zeros((HEIGHT, WIDTH, 3), np.uint8) if self.stage.is_wrong("camera black") else pixels.astype(np.uint8)


class Newest:
    """The camera's newest picture, as a subscription's callback keeps it."""

    def __init__(self, stage):
        self.camera, self.picture = Camera(stage), None
        threading.Thread(target=self.keep, daemon=True).start()

    def keep(self):
        while True:
            self.picture = self.camera.read()

    def wait(self):
        while self.picture is None:
            time.sleep(0.001)


def lerobot(stage):
    """record_loop of lerobot-record, with LeRobot's own camera class over a device of ours, and a base that is made like LeRobot's LeKiwi: it
    takes the newest picture with read_latest(), and stands still when it is disconnected."""
    from types import SimpleNamespace

    import cv2
    import torch
    from lerobot.cameras.opencv import OpenCVCamera, OpenCVCameraConfig
    from lerobot.datasets.utils import hw_to_dataset_features
    from lerobot.processor import PolicyProcessorPipeline, make_default_processors
    from lerobot.processor.converters import policy_action_to_transition, transition_to_policy_action
    from lerobot.scripts.lerobot_record import record_loop

    class Device:
        def __init__(self, *_):
            self.camera, self.settings = Camera(stage), {}

        def read(self):
            return True, self.camera.read()

        def isOpened(self):
            return True

        def set(self, key, value):
            self.settings[key] = value
            return True

        def get(self, key):
            return self.settings.get(key, {cv2.CAP_PROP_FRAME_WIDTH: WIDTH, cv2.CAP_PROP_FRAME_HEIGHT: HEIGHT}.get(key, 0))

        def release(self):
            pass

    class Base:
        robot_type = name = "base"
        action_features = {"x.vel": float, "y.vel": float}
        observation_features = {**action_features, "front": (HEIGHT, WIDTH, 3)}

        def __init__(self):
            self.velocity = dict.fromkeys(self.action_features, 0.0)
            self.camera = OpenCVCamera(OpenCVCameraConfig(index_or_path=0, fps=20, width=WIDTH, height=HEIGHT))
            self.camera.connect(warmup=False)
            self.camera.async_read(timeout_ms=1000)

        def get_observation(self):
            return {**self.velocity, "front": self.camera.read_latest()}

        def send_action(self, action):
            self.velocity = {axis: float(action[axis]) for axis in self.action_features}
            stage.command(*self.velocity.values())
            return self.velocity

        def disconnect(self):
            stage.command(0.0, 0.0)
            self.camera.disconnect()

    class Policy:
        """Its actions wait in a queue, as those of LeRobot's policies that give chunks do."""

        config = SimpleNamespace(device="cpu", use_amp=False)

        def __init__(self):
            self.queue = []

        def reset(self):
            self.queue = []

        def select_action(self, _):
            if not self.queue:
                self.queue = list(torch.from_numpy(stage.infer()))
            return self.queue.pop(0).unsqueeze(0)

    cv2.VideoCapture = Device
    teleoperator, action, observation = make_default_processors()
    robot = Base()
    features = {**hw_to_dataset_features(robot.action_features, "action"), **hw_to_dataset_features(robot.observation_features, "observation")}
    dataset = SimpleNamespace(features=features, fps=HZ, add_frame=lambda frame: None)
    try:  # as in its record()
        record_loop(robot=robot, events={"exit_early": False}, fps=HZ, teleop_action_processor=teleoperator, robot_action_processor=action,
                    robot_observation_processor=observation, dataset=dataset, policy=Policy(), preprocessor=PolicyProcessorPipeline(steps=[]),
                    postprocessor=PolicyProcessorPipeline(steps=[], to_transition=policy_action_to_transition, to_output=transition_to_policy_action),
                    control_time_s=LONGEST_S, single_task="go")
    finally:
        robot.disconnect()


def serve(stage, port):
    """openpi's policy server on loopback: metadata first, then an answer to each observation; an error as text, and the connection is closed."""
    import traceback

    from openpi_client import msgpack_numpy
    from websockets.sync.server import serve as listen

    def answer(connection):
        connection.send(msgpack_numpy.packb({}))
        for message in connection:
            msgpack_numpy.unpackb(message)
            try:
                connection.send(msgpack_numpy.packb({"actions": stage.infer()}))
            except RuntimeError:
                connection.send(traceback.format_exc())
                connection.close(1011)

    signal.alarm(LONGEST_S)
    with listen(answer, "127.0.0.1", 0, compression=None, max_size=None) as server:
        port.send(server.socket.getsockname()[1])
        server.serve_forever()


def openpi(stage):
    """openpi_client's Runtime with its agent, broker and client; the server is a process of its own. Its environment keeps the newest picture, as
    those of openpi's examples do."""
    from multiprocessing import get_context

    from openpi_client.action_chunk_broker import ActionChunkBroker
    from openpi_client.runtime import environment
    from openpi_client.runtime.agents.policy_agent import PolicyAgent
    from openpi_client.runtime.runtime import Runtime
    from openpi_client.websocket_client_policy import WebsocketClientPolicy

    class Environment(environment.Environment):
        def __init__(self):
            self.newest = Newest(stage)
            self.newest.wait()

        def reset(self):
            pass

        def is_episode_complete(self):
            return False

        def get_observation(self):
            return {"image": self.newest.picture}

        def apply_action(self, action):
            stage.command(*map(float, action["actions"]))

    fork = get_context("fork")
    mine, its = fork.Pipe()
    server = fork.Process(target=serve, args=(stage, its), daemon=True)
    server.start()
    stage.pipe.send_bytes(str(server.pid).encode())
    policy = WebsocketClientPolicy("127.0.0.1", mine.recv())
    Runtime(Environment(), PolicyAgent(ActionChunkBroker(policy, HORIZON)), [], max_hz=HZ).run()


def spin(callback):
    """A timer as an executor of one thread runs it: what is late is left out."""
    due = time.monotonic()
    while True:
        time.sleep(max(0.0, due - time.monotonic()))
        callback()
        due = max(due + 1 / HZ, time.monotonic())


def timer(stage):
    newest = Newest(stage)
    newest.wait()
    spin(lambda: stage.command(*map(float, stage.infer()[0])))


def timer_thread(stage):
    newest, action = Newest(stage), [0.0, 0.0]
    newest.wait()

    def work():
        while True:
            action[:] = map(float, stage.infer()[0])

    threading.Thread(target=work, daemon=True).start()
    spin(lambda: stage.command(*action))


LOOPS = {"lerobot": lerobot, "openpi": openpi, "timer": timer, "timer, thread": timer_thread}
SERVES = {"openpi"}  # tells the process of its server first


def run(name, shared, pipe, log):
    """The whole life of a trial's process."""
    os.setsid()
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(out, 1)
    os.dup2(out, 2)
    logging.disable(logging.WARNING)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # shells let what they run in the background ignore it
    signal.alarm(LONGEST_S)
    LOOPS[name](Stage(shared, pipe))
