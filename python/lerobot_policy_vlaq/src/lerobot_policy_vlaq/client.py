"""A client of openpi's protocol over a websocket, as `vlaq serve` and openpi's own server speak it. Knows neither LeRobot nor PyTorch."""
import socket
import threading
import time
from contextlib import ExitStack, suppress

import numpy as np
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from . import arrays


class ServerError(RuntimeError):
    """What the server said is wrong, or that it is not there."""


GOODBYE_S = 1.0  # for the server to answer that it closes, too


class Client:
    """One connection, which is one episode memory of the server. Opens when first needed. Not thread-safe.

    Whatever the server or the network does, a call returns or raises ServerError within `timeout_s`, which opening has for itself."""

    def __init__(self, url, api_key=None, timeout_s=30.0):
        self.url = url
        self.metadata = {}
        self._api_key = api_key
        self._timeout_s = timeout_s
        self._socket = None
        self._opened = ExitStack()

    def open(self):
        if self._socket is not None:
            return
        deadline = time.monotonic() + self._timeout_s
        headers = {"Authorization": f"Api-Key {self._api_key}"} if self._api_key else None
        try:
            # No compression: pictures do not shrink, and the protocol has none. A proxy never stands before a robot's own server.
            self._socket = self._opened.enter_context(
                connect(self.url, additional_headers=headers, compression=None, max_size=None, proxy=None, open_timeout=self._timeout_s, close_timeout=GOODBYE_S))
            self.metadata = self._receive(deadline)
        except ServerError:
            raise
        except Exception as error:  # refused, timed out, no websocket, 401: their names say little, so the URL stands before them
            self._drop()
            raise ServerError(f"{self.url}: {error}; is `vlaq serve` running there?") from error

    def infer(self, observation):
        """What the server answers: {"actions": array [chunk, dim], ...}."""
        self.open()
        deadline = time.monotonic() + self._timeout_s
        try:
            self._send(arrays.encode(observation))
            answer = self._receive(deadline)
        except ConnectionClosed as error:
            self._drop()
            raise ServerError(f"{self.url}: the connection was closed: {error}") from error
        actions = answer.get("actions") if isinstance(answer, dict) else None
        if not isinstance(actions, np.ndarray) or actions.ndim != 2 or 0 in actions.shape:
            raise ServerError(f"{self.url}: the answer has no actions of shape [chunk, dim]")
        if not np.isfinite(actions).all():
            raise ServerError(f"{self.url}: an action is not finite")
        return answer

    def close(self):
        self._socket = None
        self._opened.close()

    def _drop(self):
        """Closes without a word to a server that may not hear it."""
        if self._socket is not None:
            with suppress(OSError):
                self._socket.socket.shutdown(socket.SHUT_RDWR)
        self.close()

    def _send(self, message):
        """Sending has no timeout of its own, and waits for a network that takes nothing any more: a shut socket ends it."""
        sent = threading.Event()

        def give_up():
            if not sent.is_set():
                with suppress(OSError):
                    connection.socket.shutdown(socket.SHUT_RDWR)

        connection = self._socket
        watch = threading.Timer(self._timeout_s, give_up)
        watch.daemon = True
        watch.start()
        try:
            connection.send(message)
        finally:
            sent.set()
            watch.cancel()

    def _receive(self, deadline):
        try:
            message = self._socket.recv(timeout=max(0, deadline - time.monotonic()))
        except TimeoutError as error:
            self._drop()
            raise ServerError(f"{self.url}: no answer in {self._timeout_s} s") from error
        if isinstance(message, str):  # text is an error, and the last that the server says
            self.close()
            raise ServerError(f"{self.url}: {message.strip()}")
        try:
            return arrays.decode(message)
        except Exception as error:
            self.close()
            raise ServerError(f"{self.url}: the answer cannot be read: {error}") from error
