"""Stock LeRobot's own command drives the fake robot by the policy `vlaq`: lerobot-record (0.4) or lerobot-rollout (0.5 and later).

    drive_in_lerobot.py WORK [--server URL | --bundle BUNDLE --program VLAQ] [--task TEXT]

Without a server the one of fake_server.py answers, and each action that arrives at the robot is compared with what it said. Needs an
environment as script/lerobot makes it.
"""
import argparse
import contextlib
import importlib.util
import json
import pathlib
import shutil
import subprocess
import sys

import numpy as np

FPS, SECONDS = 10, 3
ROLLOUT = importlib.util.find_spec("lerobot.scripts.lerobot_rollout") is not None
CAMERA = "observation.images.front"


def write_policy(folder, arguments, url):
    """The folder that a user would keep: config.json, and the processors' files."""
    from lerobot.policies.factory import get_policy_class, make_policy_config
    from lerobot.utils.import_utils import register_third_party_plugins

    register_third_party_plugins()
    settings = {"bundle": arguments.bundle, "program": arguments.program} if arguments.bundle else {"server_url": url}
    config = make_policy_config("vlaq", keys=arguments.keys, **settings)
    config._save_pretrained(folder)
    from lerobot.policies.factory import make_pre_post_processors
    for processor in make_pre_post_processors(config):
        processor.save_pretrained(folder)
    assert get_policy_class("vlaq").name == "vlaq"


def command(policy, robot_log, data, task):
    robot = ["--robot.type=vlaq_fake", "--robot.id=fake", f"--robot.log={robot_log}", f"--policy.path={policy}", "--play_sounds=false"]
    if ROLLOUT:
        return [sys.executable, "-m", "lerobot.scripts.lerobot_rollout", "--strategy.type=base", f"--task={task}", f"--fps={FPS}",
                f"--duration={SECONDS}", "--return_to_initial_position=false", *robot]
    return [sys.executable, "-m", "lerobot.scripts.lerobot_record", "--dataset.repo_id=local/eval_vlaq", f"--dataset.root={data}",
            f"--dataset.single_task={task}", "--dataset.num_episodes=2", f"--dataset.episode_time_s={SECONDS}", "--dataset.reset_time_s=0",
            f"--dataset.fps={FPS}", "--dataset.vcodec=h264", "--dataset.push_to_hub=false", *robot]


def check_recorded(data, driven):
    """The data set that lerobot-record wrote holds the actions that the robot got."""
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    recorded = [list(map(float, action)) for action in LeRobotDataset("local/eval_vlaq", root=data).hf_dataset["action"]]
    assert np.allclose(recorded, driven), "the data set has other actions than the robot got"
    return len(recorded)


def check_against_fake(server, driven, task):
    first = server.observations[0]
    assert first["prompt"] == task and first["reset"] is True, first.keys()
    for observation in server.observations:
        assert CAMERA in observation, sorted(observation)
        pixels = observation[CAMERA]  # the fake robot's pictures have one value each
        assert pixels.dtype == np.uint8 and pixels.shape == (24, 32, 3) and pixels.min() == pixels.max()
        assert observation["observation.state"].shape == (2,)
    resets = [bool(o.get("reset")) for o in server.observations]
    assert sum(resets) == (1 if ROLLOUT else 2), resets  # one for each episode
    # [n, i] is action i of the answer to request n: within an episode they follow each other without a gap.
    for before, after in zip(driven, driven[1:], strict=False):
        follows = after == [before[0], before[1] + 1] and after[1] < 4
        begins = after == [before[0] + 1, 0] and (before[1] == 3 or resets[int(after[0]) - 1])
        assert follows or begins, (before, after)
    return len(server.observations)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", type=pathlib.Path)
    parser.add_argument("--server")
    parser.add_argument("--bundle", default="")
    parser.add_argument("--program", default="vlaq")
    parser.add_argument("--task", default="go to the door")
    parser.add_argument("--keys", type=json.loads, default={}, help="JSON, LeRobot's name -> the server's")
    arguments = parser.parse_args()
    folder = arguments.work / "drive"
    shutil.rmtree(folder, ignore_errors=True)
    policy, robot_log, data = folder / "policy", folder / "robot.jsonl", folder / "data"
    policy.mkdir(parents=True)
    fake = None
    with contextlib.ExitStack() as stack:
        if not arguments.server and not arguments.bundle:
            from fake_server import FakeServer

            fake = stack.enter_context(FakeServer())
        write_policy(policy, arguments, arguments.server or (fake.url if fake else ""))
        line = command(policy, robot_log, data, arguments.task)
        print(" ".join(line), flush=True)
        subprocess.run(line, check=True, timeout=300)
    driven = [list(json.loads(action).values()) for action in robot_log.read_text().splitlines()]
    assert len(driven) >= SECONDS * FPS // 2, f"only {len(driven)} actions came"
    assert np.isfinite(driven).all()
    requests = check_against_fake(fake, driven, arguments.task) if fake else "?"
    recorded = "none recorded" if ROLLOUT else f"{check_recorded(data, driven)} of them found in the data set"
    print(f"{'lerobot-rollout' if ROLLOUT else 'lerobot-record'}: {len(driven)} actions from {requests} requests, {recorded}")


if __name__ == "__main__":
    main()
