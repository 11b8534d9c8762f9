"""A headless Chromium, driven through its debugging pipe: Debian's package and the standard library, nothing else.

The protocol is public (Chrome DevTools Protocol): JSON, a zero byte after each message, on file descriptors 3 and 4 of
the browser. One page at a time.
"""

import base64
import json
import os
import select
import signal
import tempfile
import time

TIMEOUT_S = 60


class Browser:
    def __init__(self, program):
        # Its helpers may still write there when it is killed.
        self.profile = tempfile.TemporaryDirectory(prefix="vlaq-browser-", ignore_cleanup_errors=True)
        to_child, self.out = os.pipe()
        self.into, from_child = os.pipe()
        # Which descriptors the pipes got is chance; the browser wants 3 and 4. They are moved out of each other's way first.
        high_in, high_out = (os.dup2(fd, 100 + i) for i, fd in enumerate((to_child, from_child)))
        arguments = [program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-pipe", "--hide-scrollbars",
                     f"--user-data-dir={self.profile.name}", "about:blank"]
        silent = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_WRONLY, 0) for fd in (1, 2)]
        moved = [(os.POSIX_SPAWN_DUP2, high_in, 3), (os.POSIX_SPAWN_DUP2, high_out, 4)]
        self.pid = os.posix_spawnp(program, arguments, os.environ, file_actions=silent + moved)
        for fd in (to_child, from_child, high_in, high_out):
            os.close(fd)
        self.session = None
        self.buffer = b""
        self.next_id = 0
        self.events = []
        targets = self.send("Target.getTargets")["targetInfos"]
        page = next(target for target in targets if target["type"] == "page")
        self.session = self.send("Target.attachToTarget", targetId=page["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Accessibility", "Network"):
            self.send(domain + ".enable")

    def close(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.out)
        os.close(self.into)
        self.profile.cleanup()

    def send(self, method, **parameters):
        """Result of a command; raises RuntimeError with the browser's reason."""
        self.next_id += 1
        message = {"id": self.next_id, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self.next_id:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def _read(self):
        end = time.monotonic() + TIMEOUT_S
        while b"\0" not in self.buffer:
            ready, _, _ = select.select([self.into], [], [], max(0, end - time.monotonic()))
            piece = os.read(self.into, 1 << 16) if ready else b""
            if not piece:
                raise RuntimeError("the browser says nothing" if not ready else "the browser went away")
            self.buffer += piece
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def open(self, url):
        """Loads a page and waits for it."""
        self.events = []
        self.send("Page.navigate", url=url)
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self._read())

    def evaluate(self, script):
        """Value of a JavaScript expression."""
        result = self.send("Runtime.evaluate", expression=script, returnByValue=True)
        if "exceptionDetails" in result:
            raise RuntimeError(f"{script}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def size(self, width, height):
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)

    def media(self, kind="", scheme="light"):
        """kind: "" (screen) or "print"."""
        self.send("Emulation.setEmulatedMedia", media=kind, features=[{"name": "prefers-color-scheme", "value": scheme}])

    def screenshot(self, path):
        shot = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        with open(path, "wb") as file:
            file.write(base64.b64decode(shot["data"]))

    def pdf(self):
        return base64.b64decode(self.send("Page.printToPDF", printBackground=True)["data"])

    def accessible(self):
        """Nodes of the accessibility tree that are not ignored: (role, name)."""
        nodes = self.send("Accessibility.getFullAXTree")["nodes"]
        return [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in nodes if not node["ignored"]]

    def complaints(self):
        """What the page said to the console, and requests that left the file."""
        said = []
        for event in self.events:
            method, what = event.get("method"), event.get("params", {})
            if method == "Log.entryAdded":
                said.append(what["entry"]["text"])
            elif method == "Runtime.consoleAPICalled":
                said.append(str([argument.get("value") for argument in what["args"]]))
            elif method == "Runtime.exceptionThrown":
                said.append(what["exceptionDetails"]["text"])
            elif method == "Network.requestWillBeSent" and not what["request"]["url"].startswith(("file:", "data:")):
                said.append("asked for " + what["request"]["url"])
        return said
