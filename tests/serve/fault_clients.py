"""Clients of `vlaq serve` as its faults are measured with: each asks for actions for one picture until something is wrong."""

import base64
import contextlib
import http.client
import json
import pathlib
import sys
import threading
import time

import numpy as np

PLUGIN = pathlib.Path(__file__).parents[2] / "python" / "lerobot_policy_vlaq"
sys.path.insert(0, str(PLUGIN / "src"))
sys.path.insert(0, str(PLUGIN / "tests"))
import lerobot_policy_vlaq.client as plugin  # noqa: E402
from openpi_client.websocket_client_policy import WebsocketClientPolicy  # noqa: E402

FRAME = np.arange(12 * 16 * 3, dtype=np.uint8).reshape(12, 16, 3)
TIMEOUT_S = 2.0  # of those that have one of their own


class Openpi:
    """openpi-client as it is. Its only limit is that of the pings of websockets: 20 s until one is sent, 20 s for its answer."""
    name = "openpi-client"

    def __init__(self, port):
        self._policy = WebsocketClientPolicy("127.0.0.1", port)

    def ask(self):
        return self._policy.infer({"observation/image": FRAME})["actions"]

    def close(self):
        self._policy._ws.close_timeout = 0.1
        self._policy._ws.close()


class Plugin:
    name = "lerobot plug-in"

    def __init__(self, port):
        self._client = plugin.Client(f"ws://127.0.0.1:{port}", timeout_s=TIMEOUT_S)
        self._client.open()

    def ask(self):
        return self._client.infer({"observation/image": FRAME})["actions"]

    def close(self):
        self._client.close()


class Http:
    name = "HTTP"

    def __init__(self, port, session="robot"):
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
        self._session = session

    def ask(self):
        picture = {"shape": FRAME.shape, "data": base64.b64encode(FRAME.tobytes()).decode()}
        return np.float32(self.post("/predict", json.dumps({"image": picture}))["actions"])

    def post(self, path, body="", kind="application/json"):
        self._connection.request("POST", path, body, {"X-Session": self._session, "Content-Type": kind})
        response = self._connection.getresponse()
        text = response.read().decode()
        if response.status != 200:
            raise RuntimeError(f"{response.status} {json.loads(text)['error']}")
        return json.loads(text)

    def close(self):
        self._connection.close()


KINDS = (Openpi, Plugin, Http)


class Asking:
    """A client that asks every 20 ms on a thread of its own, until it fails: `error` and when, `answers` with their times and how long each took."""

    def __init__(self, client):
        self.client, self.error, self.failed_at = client, None, None
        self.answers = []
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self._thread.start()

    def _ask(self):
        while not self._ends.wait(0.02):
            begin = time.monotonic()
            try:
                self.client.ask()
            except Exception as error:  # whatever a client throws is what is measured
                self.failed_at, self.error = time.monotonic(), error
                return
            self.answers.append((time.monotonic(), time.monotonic() - begin))

    def until_it_fails(self, patience_s):
        """What it saw."""
        self._thread.join(patience_s)
        if self.error is None:
            raise AssertionError(f"{self.client.name} sees nothing in {patience_s} s")
        return f"{type(self.error).__name__}: {self.error}"

    def end(self):
        self._ends.set()
        self._thread.join(60)
        with contextlib.suppress(Exception):
            self.client.close()


def first_answer(kind, port, patience_s=20):
    """(client, actions): tries again until it is answered."""
    end = time.monotonic() + patience_s
    while True:
        client = None
        try:
            client = kind(port)
            return client, client.ask()
        except Exception:
            if client is not None:
                with contextlib.suppress(Exception):
                    client.close()
            if time.monotonic() > end:
                raise
            time.sleep(0.01)
