"""A `vlaq serve` of one's own, for a bundle on this machine. It listens on loopback only and ends with this object."""
import atexit
import socket
import subprocess
import time


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class LocalServer:
    def __init__(self, program, bundle, startup_s=60.0):
        port = free_port()
        self.url = f"ws://127.0.0.1:{port}"
        # Its messages go where ours go: they say why it ended.
        self._process = subprocess.Popen([program, "serve", str(bundle), "--host", "127.0.0.1", "--port", str(port)], stdin=subprocess.DEVNULL)
        atexit.register(self.stop)
        deadline = time.monotonic() + startup_s
        while not self._listens(port):
            if self._process.poll() is not None:
                raise RuntimeError(f"`{program} serve {bundle}` ended with exit code {self._process.returncode}")
            if time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"`{program} serve {bundle}` does not listen after {startup_s} s")
            time.sleep(0.05)

    @staticmethod
    def _listens(port):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    def stop(self):
        atexit.unregister(self.stop)
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
