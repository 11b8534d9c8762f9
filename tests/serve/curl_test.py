"""The curl commands of docs/serve.md against a `vlaq serve` of each kind: curl_test.py VLAQ BUNDLE CURL SOURCES

Exit code 77: no curl, or no openssl to make a certificate with (the test is skipped, visibly).
"""

import base64
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from server import Server, make_certificate  # noqa: E402

DOCUMENT, PICTURE = "docs/serve.md", "testdata/image/rgb.png"
ADDRESS = "127.0.0.1:8000"

ANSWERS = {
    "/healthz": lambda out: out == "OK\n",
    "/health": lambda out: json.loads(out)["model_loaded"] is True,
    "/reset": lambda out: json.loads(out) == {"reset": True},
    "/metrics": lambda out: 'vlaq_requests_total{outcome="done"} 4\n' in out,
}


def commands(document):
    """The lines of the block that curl stands in."""
    blocks = re.findall(r"```sh\n(.*?)```", document, re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines() if "curl " in line]
    assert len(lines) >= 9, lines
    return lines


def run(line, server, folder):
    """What a command prints, with --fail: an error of HTTP is one of its exit code."""
    line = line.replace(ADDRESS, f"127.0.0.1:{server.port}").replace("curl ", "curl -sS --fail-with-body --max-time 20 ", 1)
    ran = subprocess.run(["bash", "-c", "set -o pipefail; " + line], cwd=folder, capture_output=True, text=True)
    return ran.returncode, ran.stdout, ran.stderr


def actions(text):
    return json.loads(text)["actions"]


def main(vlaq, bundle, curl, sources):
    for program in (curl, "openssl"):
        if not shutil.which(program):
            print("skipped: no", program)
            return 77
    sources = pathlib.Path(sources)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        shutil.copy(sources / PICTURE, folder / "frame.png")
        (folder / "key.txt").write_text("secret\n")
        (folder / "key.txt").chmod(0o600)
        make_certificate(folder / "cert.pem", folder / "key.pem")
        with (
            Server(vlaq, bundle) as plain,
            Server(vlaq, bundle, "--api-key-file", str(folder / "key.txt")) as locked,
            Server(vlaq, bundle, "--tls-cert", str(folder / "cert.pem"), "--tls-key", str(folder / "key.pem")) as secure,
        ):
            picture = base64.b64encode((folder / "frame.png").read_bytes()).decode()
            expected = [actions(plain.ask("/predict", {"image": picture})[1]) for _ in range(2)]  # the second remembers the first
            plain.ask("/reset", {})
            seen = set()
            predictions = []
            for line in commands((sources / DOCUMENT).read_text()):
                server = secure if "https:" in line else locked if "key.txt" in line else plain
                code, out, complaint = run(line, server, folder)
                path = re.search(ADDRESS + r"(/\w*)", line).group(1)
                seen.add(path)
                assert code == 0, (line, code, out, complaint)
                if path == "/predict":
                    predictions.append(actions(out))
                else:
                    assert ANSWERS[path](out), (line, out)
            assert seen == {*ANSWERS, "/predict"}, seen
            assert predictions == expected, (predictions, expected)
            # What must fail does.
            code, out, _ = run(f"curl http://{ADDRESS}/health", locked, folder)
            assert code == 22 and "key" in json.loads(out)["error"], (code, out)
            code, out, _ = run(f"curl -d '{{' http://{ADDRESS}/predict", plain, folder)
            assert code == 22 and "JSON" in json.loads(out)["error"], (code, out)
            assert run(f"curl https://{ADDRESS}/healthz", secure, folder)[0] == 60, "a certificate that nobody vouches for"
            assert run(f"curl http://{ADDRESS}/healthz", secure, folder)[0] != 0, "without TLS"
            for server in (plain, locked, secure):
                assert server.stop() == 0, "exit code after Ctrl-C"
    print("ok")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
