"""A network that can be cut: passes bytes between clients and a server, both on loopback, until a test says otherwise."""
import contextlib
import socket
import threading
import time

PIECE = 65536


class CutProxy:
    def __init__(self, port):
        self._to = port
        self._open = []
        self._passes = threading.Event()
        self._passes.set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close_connections()
        self._passes.set()
        self._listener.close()

    def cut(self):
        """Nothing passes any more, and nobody is told."""
        self._passes.clear()

    def mend(self):
        self._passes.set()

    def close_connections(self):
        for one in self._open:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self._open.clear()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                try:
                    server = socket.create_connection(("127.0.0.1", self._to))
                except OSError:
                    client.close()
                    continue
                self._open += [client, server]
                for pair in ((client, server), (server, client)):
                    threading.Thread(target=self._pass, args=pair, daemon=True).start()

    def _pass(self, source, target):
        with contextlib.suppress(OSError):
            while True:
                self._passes.wait()
                piece = source.recv(PIECE)
                while not self._passes.is_set():  # was cut while it waited
                    time.sleep(0.005)
                if not piece:
                    break
                target.sendall(piece)
        for one in (source, target):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
