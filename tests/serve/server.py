"""`vlaq serve` as a child process on a free port of loopback, for tests."""

import json
import re
import signal
import subprocess
import threading
import urllib.error
import urllib.request

TIMEOUT_S = 60


def make_certificate(certificate, key):
    """For 127.0.0.1, signed by itself."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=vlaq test",
                    "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)


class Server:
    def __init__(self, vlaq, bundle, *arguments, port=0):
        command = [vlaq, "serve", bundle, "--port", str(port), "--backend", "reference", *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        watchdog = threading.Timer(TIMEOUT_S, self.process.kill)
        watchdog.daemon = True
        watchdog.start()
        self.said = ""
        while "policy  " not in self.said:
            line = self.process.stdout.readline()
            if not line:
                raise RuntimeError(f"the server ended: {self.said}{self.process.stderr.read()}")
            self.said += line
        watchdog.cancel()
        self.port = int(re.search(r"https?://127\.0\.0\.1:(\d+)", self.said).group(1))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def stop(self):
        """Exit code after Ctrl-C."""
        self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=TIMEOUT_S)
        return self.process.returncode

    def ask(self, path, body=None, headers=None):
        """(status, body) of a request; a body makes it a POST."""
        data = json.dumps(body).encode() if isinstance(body, dict) else body
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data=data, headers=headers or {})
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()
