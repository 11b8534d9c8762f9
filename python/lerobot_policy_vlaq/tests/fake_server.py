"""A server of openpi's protocol for tests: on loopback, in a thread, with answers that a test can foretell. Not vlaq's."""
import contextlib
import threading

import numpy as np
from lerobot_policy_vlaq import arrays
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import serve

CHUNK, DIM = 4, 2


class FakeServer:
    """The action i of the chunk of request n is [n, i]. `observations` holds what was asked."""

    def __init__(self, metadata=None, api_key=None, answer=None):
        self.observations = []
        self.connections = 0
        self._metadata = {"input_keys": ["observation.images.front"], "action_dim": DIM, "chunk": CHUNK} if metadata is None else metadata
        self._answer = answer
        self._api_key = api_key
        self._server = serve(self._talk, "127.0.0.1", 0, process_request=self._admit, compression=None, max_size=None)
        self.url = f"ws://127.0.0.1:{self._server.socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._thread.join(timeout=5)

    def _admit(self, connection, request):
        if self._api_key and request.headers.get("Authorization") != f"Api-Key {self._api_key}":
            return connection.respond(401, "no\n")
        return None

    def _talk(self, connection):
        self.connections += 1
        with contextlib.suppress(ConnectionClosed):  # clients may go without a word
            self._answer_all(connection)

    def _answer_all(self, connection):
        connection.send(arrays.encode(self._metadata))
        for message in connection:
            observation = arrays.decode(message)
            self.observations.append(observation)
            if observation.get("prompt") == "fail":
                connection.send("the policy failed\n")
                connection.close(1011)
                return
            n = len(self.observations)
            actions = np.array([[n, i] for i in range(CHUNK)], dtype=np.float32)
            connection.send(self._answer if self._answer is not None else arrays.encode({"actions": actions, "server_timing": {"infer_ms": 1.5}}))
