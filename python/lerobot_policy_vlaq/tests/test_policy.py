"""The policy within LeRobot itself; skipped where LeRobot is not installed (script/lerobot installs it)."""
import json

import numpy as np
import pytest

pytest.importorskip("lerobot")
torch = pytest.importorskip("torch")

from fake_server import FakeServer  # noqa: E402
from lerobot.configs.policies import PreTrainedConfig  # noqa: E402
from lerobot.policies.factory import get_policy_class, make_policy_config, make_pre_post_processors  # noqa: E402
from lerobot.utils.import_utils import register_third_party_plugins  # noqa: E402

PIXELS = np.arange(2 * 4 * 3, dtype=np.uint8).reshape(2, 4, 3) * 10


def observe():
    """A step's batch as LeRobot's loop makes it."""
    picture = torch.from_numpy(PIXELS).type(torch.float32) / 255
    return {"observation.state": torch.tensor([[0.5, -1.0]]), "observation.images.front": picture.permute(2, 0, 1).unsqueeze(0), "task": "go",
            "robot_type": "fake"}


@pytest.fixture(autouse=True, scope="module")
def plugin():
    register_third_party_plugins()


def test_lerobot_finds_it_by_its_name():
    assert "vlaq" in PreTrainedConfig.get_known_choices()
    assert get_policy_class("vlaq").__name__ == "VlaqPolicy"
    assert make_policy_config("vlaq", server_url="ws://127.0.0.1:1").type == "vlaq"
    with pytest.raises(ValueError):
        make_policy_config("vlaq", server_url="http://127.0.0.1:1")


def test_chunks_are_played_and_reset_drops_the_rest():
    with FakeServer() as server:
        policy = get_policy_class("vlaq")(make_policy_config("vlaq", server_url=server.url, n_action_steps=3))
        played = [policy.select_action(observe())[0].tolist() for _ in range(4)]
        assert played == [[1, 0], [1, 1], [1, 2], [2, 0]]
        policy.reset()
        assert policy.select_action(observe()).tolist() == [[3, 0]]
        assert [bool(o.get("reset")) for o in server.observations] == [True, False, True]
        assert (server.observations[0]["observation.images.front"] == PIXELS).all()
        assert server.observations[0]["observation.state"].tolist() == [0.5, -1.0]
        assert server.observations[0]["prompt"] == "go"
        policy.close()


def test_another_server_is_not_told_of_resets():
    with FakeServer(metadata={}) as server:
        policy = get_policy_class("vlaq")(make_policy_config("vlaq", server_url=server.url))
        assert policy.predict_action_chunk(observe()).shape == (1, 4, 2)
        assert "reset" not in server.observations[0]
        policy.close()


def test_the_processors_change_no_number():
    config = make_policy_config("vlaq")
    stats = {"observation.state": {"mean": torch.ones(2), "std": torch.ones(2) * 5}, "action": {"mean": torch.ones(2), "std": torch.ones(2) * 5}}
    before, after = make_pre_post_processors(config, dataset_stats=stats)
    batch = before(observe())
    assert torch.equal(batch["observation.state"], observe()["observation.state"])
    assert torch.equal(batch["observation.images.front"], observe()["observation.images.front"])
    assert after(torch.tensor([[3.0, 4.0]])).tolist() == [[3.0, 4.0]]


def test_a_folder_with_config_json_is_all_of_it(tmp_path, monkeypatch):
    monkeypatch.setenv("VLAQ_API_KEY", "secret")
    with FakeServer(api_key="secret") as server:
        cls = get_policy_class("vlaq")
        cls(make_policy_config("vlaq", server_url=server.url, n_action_steps=2, keys={"observation.state": "state"})).save_pretrained(tmp_path)
        config = json.loads((tmp_path / "config.json").read_text())
        assert config["type"] == "vlaq" and "secret" not in json.dumps(config)
        assert not list(tmp_path.glob("*.safetensors"))
        before, after = make_pre_post_processors(
            make_policy_config("vlaq"), pretrained_path=str(tmp_path),
            preprocessor_overrides={"device_processor": {"device": "cpu"}, "rename_observations_processor": {"rename_map": {}}})
        for path in tmp_path.glob("policy_*"):
            path.unlink()
        policy = cls.from_pretrained(tmp_path)
        assert after(policy.select_action(before(observe()))).tolist() == [[1, 0]]
        assert server.observations[0]["state"].tolist() == [0.5, -1.0]
        policy.close()
