"""`vlaq serve` with other people's clients: clients_test.py VLAQ BUNDLE WIRE MODEL

openpi's stock client gets the actions that `vlaq run` prints, over HTTP they are the same, and WIRE (wire.cc) writes
what Python's msgpack and openpi's msgpack_numpy write. MODEL is a folder with a checkpoint that reads instructions. Exit
code 77: openpi-client is not installed (skipped, visibly).
"""

import base64
import json
import os
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import numpy as np  # noqa: E402

try:
    from openpi_client import msgpack_numpy
    from openpi_client.websocket_client_policy import WebsocketClientPolicy
    import websockets.exceptions
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)
from server import Server, make_certificate  # noqa: E402

CAMERA = "observation.images.front"
VLAQ, BUNDLE, WIRE, MODEL = sys.argv[1:5]
FRAMES = np.random.default_rng(1).integers(0, 256, (4, 12, 16, 3), dtype=np.uint8)


def write_safetensors(path, name, array):
    header = json.dumps({name: {"dtype": "U8", "shape": array.shape, "data_offsets": [0, array.nbytes]}}).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(header)) + header + array.tobytes())


def actions_of_run():
    """[frame, chunk, axis] by `vlaq run`, of the last policy alone."""
    with tempfile.TemporaryDirectory() as folder:
        place, out = os.path.join(folder, "frames.safetensors"), os.path.join(folder, "out.safetensors")
        write_safetensors(place, "frames", FRAMES)
        subprocess.run([VLAQ, "run", BUNDLE, "--frames", place + ":frames", "--backend", "reference", "-o", out], check=True, stdout=subprocess.DEVNULL)
        data = open(out, "rb").read()
        size = struct.unpack("<Q", data[:8])[0]
        header = json.loads(data[8:8 + size])
        name = next(key for key in header if key != "__metadata__" and not key.startswith("raw."))
        begin, end = header[name]["data_offsets"]
        return np.frombuffer(data[8 + size + begin:8 + size + end], "<f4").reshape(header[name]["shape"])


def check(condition, what):
    if not condition:
        raise AssertionError(what)


def test_openpi(expected):
    with Server(VLAQ, BUNDLE) as server:
        client = WebsocketClientPolicy("127.0.0.1", server.port)
        metadata = client.get_server_metadata()
        check(metadata["input_keys"] == [CAMERA, "task"] or metadata["input_keys"] == [CAMERA], metadata)
        check((metadata["action_dim"], metadata["chunk"], metadata["period_s"]) == (2, 2, 0.25), metadata)
        for frame, wanted in zip(FRAMES, expected):
            reply = client.infer({"observation/image": frame})
            check(reply["actions"].dtype == np.float32 and np.array_equal(reply["actions"], wanted), (reply, wanted))
            check(reply["policy_timing"]["infer_ms"] > 0 and reply["server_timing"]["infer_ms"] > 0, reply)
        check(reply["server_timing"]["prev_total_ms"] > 0, reply)
        # ALOHA's way: cameras in a map, channels first. "reset" begins an episode.
        reply = client.infer({"images": {"front": FRAMES[0].transpose(2, 0, 1)}, "reset": True})
        check(np.array_equal(reply["actions"], expected[0]), reply)
        try:
            client.infer({"observation/imag": FRAMES[0]})
            raise AssertionError("a wrong key was taken")
        except RuntimeError as error:
            check("no input that 'observation/imag' could be" in str(error), error)
        check(server.stop() == 0, "exit code after Ctrl-C")


def test_key(expected):
    with tempfile.NamedTemporaryFile("w") as key:
        key.write("secret\n")
        key.flush()
        with Server(VLAQ, BUNDLE, "--api-key-file", key.name) as server:
            check(f"key      is needed: the first line of {key.name}" in server.said, server.said)
            try:
                WebsocketClientPolicy("127.0.0.1", server.port)
                raise AssertionError("a client without a key was served")
            except websockets.exceptions.InvalidStatus as error:
                check(error.response.status_code == 401, error)
            reply = WebsocketClientPolicy("127.0.0.1", server.port, api_key="secret").infer({"observation/image": FRAMES[0]})
            check(np.array_equal(reply["actions"], expected[0]), reply)


def test_http(expected):
    with Server(VLAQ, BUNDLE) as server:
        check(server.ask("/healthz") == (200, b"OK\n"), "healthz")
        check(json.loads(server.ask("/health")[1])["model_loaded"] is True, "health")
        for frame, wanted in zip(FRAMES, expected):
            picture = {"shape": frame.shape, "data": base64.b64encode(frame.tobytes()).decode()}
            status, body = server.ask("/predict", {"image": picture})
            check(status == 200 and np.array_equal(np.float32(json.loads(body)["actions"]), wanted), body)
        check(server.ask("/predict", b"{")[0] == 400, "broken JSON")
        server.process.kill()
        server.process.wait()
        # The port is free again at once, although connections of the killed server linger.
        with Server(VLAQ, BUNDLE, port=server.port) as again:
            check(again.port == server.port, "port")


def test_instructions():
    """A client's instruction is followed, and is not the next client's."""
    with tempfile.TemporaryDirectory() as folder:
        bundle = os.path.join(folder, "bundle")
        model = [os.path.join(MODEL, name) for name in ("best_mini_mobile_vla.pth", "config.json", "policy.json", "sentencepiece.bpe.model")]
        exported = subprocess.run([VLAQ, "export", model[0], "--config", model[1], "--policy", model[2], "--tokenizer", model[3], "--instruction", "go left", "-o", bundle],
                                  capture_output=True)
        check(exported.returncode == 0, exported.stderr)
        asked = {"observation/image": FRAMES[0]}
        with Server(VLAQ, bundle) as server:
            first = WebsocketClientPolicy("127.0.0.1", server.port)
            left = first.infer(asked)["actions"]
            right = first.infer({**asked, "prompt": "go right of the box"})["actions"]
            check(not np.array_equal(left, right), "the instruction changes nothing")
            check(np.array_equal(first.infer({**asked, "prompt": "go left", "reset": True})["actions"], left), "the exported instruction, told again")
            first.infer({**asked, "prompt": "go right of the box"})
            first._ws.close()
            # Nothing is told: the exported instruction, and not that of the client before.
            check(np.array_equal(WebsocketClientPolicy("127.0.0.1", server.port).infer(asked)["actions"], left), "the next client's instruction")


def has_ticket(certificate, port):
    context = ssl.create_default_context(cafile=certificate)
    with socket.create_connection(("127.0.0.1", port), timeout=20) as plain, context.wrap_socket(plain, server_hostname="127.0.0.1") as secure:
        secure.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        while secure.recv(4096):
            pass
        return secure.session is not None and secure.session.has_ticket


def test_tls(expected):
    if not shutil.which("openssl"):
        print("without TLS: no openssl to make a certificate with")
        return
    with tempfile.TemporaryDirectory() as folder:
        certificate, key = os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem")
        make_certificate(certificate, key)
        os.environ["SSL_CERT_FILE"] = certificate  # trusted by the clients of this process
        with Server(VLAQ, BUNDLE, "--tls-cert", certificate, "--tls-key", key) as server:
            reply = WebsocketClientPolicy("wss://127.0.0.1", server.port).infer({"observation/image": FRAMES[0]})
            check(np.array_equal(reply["actions"], expected[0]), reply)
            with urllib.request.urlopen(f"https://127.0.0.1:{server.port}/healthz", timeout=20) as answer:
                check(answer.read() == b"OK\n", "healthz over TLS")
            check(not has_ticket(certificate, server.port), "a session ticket was sent, by which clients of several threads lose their first request")
            try:
                server.ask("/healthz")
                raise AssertionError("a server with TLS answered without")
            except OSError:
                pass
            check(server.stop() == 0, "exit code of a server with TLS")


VALUES = [
    None, True, False, 0, 1, 127, 128, 255, 256, 65535, 65536, 2**32 - 1, 2**32, 2**63 - 1, 2**63, 2**64 - 1,
    -1, -32, -33, -128, -129, -32768, -32769, -2**31, -2**31 - 1, -2**63, 0.0, -0.0, 1.5, float("inf"), 1e300,
    "", "a", "\u00e9" * 15, "x" * 31, "x" * 32, "x" * 255, "x" * 256, "x" * 65536, b"", b"abc", b"x" * 256, b"x" * 65536,
    [], [1, [2, [3]]], list(range(15)), list(range(16)), list(range(70000)), {}, {"a": 1, "b": {"c": [None, True]}},
    {f"k{i}": i for i in range(15)}, {f"k{i}": i for i in range(16)},
    np.zeros((0, 3), np.float32), np.float32([[1, -0.5]]), np.arange(300, dtype=np.uint8).reshape(3, 100),
    *[np.arange(6).reshape(2, 3).astype(kind) for kind in ("?", "u1", "i1", "<u2", "<i2", "<u4", "<i4", "<u8", "<i8", "<f2", "<f4", "<f8")],
    np.array(1.5), {"images": {"front": np.zeros((4, 5, 3), np.uint8)}, "state": np.zeros(7), "prompt": "go"},
]
# What is read as something else: {what Python writes: what is written again}.
TURNED = [
    (np.arange(3, dtype=">i4"), np.arange(3, dtype="<i4")), (np.float32(1.5), np.array(1.5, np.float32)), (np.int8(-3), np.array(-3, np.int8)),
    (np.bool_(True), np.array(True)), (np.array("g\u00f6"), "g\u00f6"), (np.str_("go"), "go"), (np.float64(2.5), 2.5),
]


def test_wire():
    pairs = [(value, value) for value in VALUES] + TURNED
    given = [msgpack_numpy.packb(value) for value, _ in pairs]
    ran = subprocess.run([WIRE], input=b"".join(struct.pack("<I", len(one)) + one for one in given), capture_output=True, check=True)
    at = 0
    for value, wanted in pairs:
        size = struct.unpack_from("<I", ran.stdout, at)[0]
        got = ran.stdout[at + 4:at + 4 + size]
        at += 4 + size
        check(got == msgpack_numpy.packb(wanted), f"{value!r:.80} became {got[:80]!r}")
    check(at == len(ran.stdout), "more was written than asked for")


if __name__ == "__main__":
    of_run = actions_of_run()
    check(not np.array_equal(of_run[0], of_run[1]), "the policy does not see")
    test_wire()
    test_openpi(of_run)
    test_key(of_run)
    test_http(of_run)
    test_tls(of_run)
    test_instructions()
    print("ok")
