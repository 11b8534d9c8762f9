import socket
import time

import numpy as np
import pytest
from cut_proxy import CutProxy
from fake_server import FakeServer
from lerobot_policy_vlaq import arrays
from lerobot_policy_vlaq.client import Client, ServerError


def test_an_observation_and_its_chunk():
    with FakeServer() as server:
        client = Client(server.url)
        observation = {"observation.state": np.array([1, 2], dtype=np.float32), "prompt": "go"}
        answer = client.infer(observation)
        assert client.metadata["chunk"] == 4
        assert answer["actions"].tolist() == [[1, 0], [1, 1], [1, 2], [1, 3]]
        assert client.infer(observation)["actions"][0, 0] == 2
        assert server.observations[0]["prompt"] == "go" and server.observations[0]["observation.state"].tolist() == [1, 2]
        client.close()


def test_an_error_is_told_and_the_next_try_connects_again():
    with FakeServer() as server:
        client = Client(server.url)
        with pytest.raises(ServerError, match="the policy failed"):
            client.infer({"prompt": "fail"})
        assert client.infer({"prompt": "go"})["actions"].shape == (4, 2)
        assert server.connections == 2
        client.close()


def test_the_key():
    with FakeServer(api_key="secret") as server:
        with pytest.raises(ServerError, match="401"):
            Client(server.url).open()
        with pytest.raises(ServerError, match="401"):
            Client(server.url, api_key="wrong").open()
        client = Client(server.url, api_key="secret")
        client.open()
        client.close()


def test_nobody_listens():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening
        with pytest.raises(ServerError, match="vlaq serve"):
            Client(f"ws://127.0.0.1:{taken.getsockname()[1]}", timeout_s=1).open()


def test_a_server_that_says_nothing():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        begin = time.monotonic()
        with pytest.raises(ServerError):
            Client(f"ws://127.0.0.1:{silent.getsockname()[1]}", timeout_s=0.2).open()
        assert time.monotonic() - begin < 5


@pytest.mark.parametrize("numbers", [2, 50_000_000])  # few bytes, and more than the system takes from who sends
def test_a_network_that_is_cut(numbers):
    with FakeServer() as server, CutProxy(int(server.url.rsplit(":", 1)[1])) as network:
        client = Client(f"ws://127.0.0.1:{network.port}", timeout_s=0.5)
        client.infer({"prompt": "go"})
        network.cut()
        begin = time.monotonic()
        with pytest.raises(ServerError, match="no answer in 0.5 s|was closed"):
            client.infer({"observation.state": np.zeros(numbers, dtype=np.uint8)})
        assert time.monotonic() - begin < 3
        network.mend()
        assert client.infer({"prompt": "go"})["actions"].shape == (4, 2)  # over a new connection
        assert server.connections == 2
        client.close()


def test_a_server_that_ends_in_the_middle():
    with FakeServer() as server, CutProxy(int(server.url.rsplit(":", 1)[1])) as network:
        client = Client(f"ws://127.0.0.1:{network.port}", timeout_s=20)
        client.infer({"prompt": "go"})
        network.close_connections()
        begin = time.monotonic()
        with pytest.raises(ServerError, match="was closed"):
            client.infer({"prompt": "go"})
        assert time.monotonic() - begin < 5


@pytest.mark.parametrize("answer", [
    b"\xc1", arrays.encode({}), arrays.encode([1]), arrays.encode({"actions": [[1.0]]}), arrays.encode({"actions": np.zeros(3)}),
    arrays.encode({"actions": np.zeros((0, 2))}), arrays.encode({"actions": np.array([[np.nan, 0]])}),
])
def test_answers_that_a_robot_should_not_play(answer):
    with FakeServer(answer=answer) as server:
        client = Client(server.url)
        with pytest.raises(ServerError):
            client.infer({"prompt": "go"})
        client.close()
