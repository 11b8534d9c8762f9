import numpy as np
import pytest
from lerobot_policy_vlaq.observation import picture, request, task_of


def test_every_byte_survives_the_division_by_255():
    pixels = np.arange(256 * 3, dtype=np.uint8).reshape(16, 16, 3)
    as_lerobot_has_it = (pixels.astype(np.float32) / 255).transpose(2, 0, 1)[None]
    assert (picture(as_lerobot_has_it) == pixels).all()
    assert (picture(pixels) == pixels).all()
    assert (picture(pixels.transpose(2, 0, 1)) == pixels).all()


@pytest.mark.parametrize("values", [np.full((3, 2, 2), -0.1), np.full((3, 2, 2), 1.5), np.zeros((2, 2))])
def test_a_picture_that_is_none_is_refused(values):
    with pytest.raises(ValueError):
        picture(values.astype(np.float32))


def test_what_is_sent():
    batch = {"observation.state": np.ones((1, 2), dtype=np.float64), "observation.images.front": np.zeros((1, 3, 4, 5), dtype=np.float32),
             "observation.extra": np.zeros((1, 1)), "action": np.zeros((1, 2)), "task": "go", "robot_type": "x"}
    message = request(batch, {"observation.images.front"}, {"observation.extra": "", "observation.state": "state"}, "")
    assert sorted(message) == ["observation.images.front", "prompt", "state"]
    assert message["state"].dtype == np.float32 and message["state"].shape == (2,)
    assert message["observation.images.front"].dtype == np.uint8 and message["observation.images.front"].shape == (4, 5, 3)
    assert message["prompt"] == "go"
    with pytest.raises(ValueError, match="2 robots"):
        request({"observation.state": np.ones((2, 2))}, set(), {}, "")


def test_the_task():
    assert task_of({"task": ["a"]}, "b") == "a"
    assert task_of({"task": ""}, "b") == "b"
    assert task_of({"task": []}, "b") == "b"
    assert "prompt" not in request({}, set(), {}, "")
    assert request({"task": "a"}, set(), {"task": "instruction"}, "") == {"instruction": "a"}
    assert request({"task": "a"}, set(), {"task": ""}, "") == {}
