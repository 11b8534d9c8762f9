#!/usr/bin/env python3
"""Cuts the seeds of fuzz/corpus/{zip,pickle,safetensors,heap} out of testdata/checkpoint, those of mcap out of testdata/mcap, those of picture out of testdata/image, and makes messages. Standard library only.

    python3 fuzz/make_corpus.py

Files named found-* are inputs that the fuzzers came upon; they are kept by hand.
"""
import base64
import json
import os
import struct
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(HERE, "..", "testdata", "checkpoint")


def put(target, name, content):
    folder = os.path.join(HERE, "corpus", target)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "wb") as f:
        f.write(content)


for name in ("dtypes", "views", "trainer", "prefixes_protocol4", "nested_protocol5", "module_object"):
    path = os.path.join(DATA, name + ".pth")
    with zipfile.ZipFile(path) as z:
        put("pickle", name, z.read(f"{name}/data.pkl"))
for name in ("views.pth", "module_object.pth", "torchscript.pt"):
    with open(os.path.join(DATA, name), "rb") as f:
        put("zip", name, f.read())
with zipfile.ZipFile(os.path.join(HERE, "corpus", "zip", "plain.zip"), "w") as z:
    for i in range(3):
        z.writestr(zipfile.ZipInfo(f"a/{i}"), b"x" * i)
for name in ("dtypes", "views", "sharded"):
    with open(os.path.join(DATA, name + ".safetensors"), "rb") as f:
        put("safetensors", name, f.read())
header = json.dumps({"__metadata__": {"a": "b"}, "e": {"dtype": "F4", "shape": [0, 3], "data_offsets": [0, 0]},
                     "x": {"dtype": "F6_E2M3", "shape": [4], "data_offsets": [0, 3]}}).encode()
put("safetensors", "subbyte", struct.pack("<Q", len(header)) + header + b"abc")


def heap_object(index, text):
    return struct.pack("<HHIQ", index, 1, 0, len(text)) + text.ljust((len(text) + 7) // 8 * 8, b"\0")


def heap(reference, *objects, size=None):
    """A reference (length, address, index), then a collection of HDF5's global heap."""
    body = b"".join(objects)
    return struct.pack("<IQI", *reference) + b"GCOL\1\0\0\0" + struct.pack("<Q", size or 16 + len(body)) + body


put("heap", "one", heap((4, 0, 1), heap_object(1, b"left")))
put("heap", "three_and_space", heap((13, 0, 3), heap_object(1, b"left"), heap_object(2, b"right"), heap_object(3, b"episode_start"), bytes(16)))
put("heap", "too_long", heap((5, 0, 1), heap_object(1, b"left"), size=4096))

# Without the magic, which the target puts in front.
for name in ("small", "plain"):
    with open(os.path.join(HERE, "..", "testdata", "mcap", name + ".mcap"), "rb") as f:
        file = f.read()
    put("mcap", name, file[8:])
    put("mcap", name + "_cut", file[8:len(file) // 3])

# ROS messages: the index of the type in cdr_fuzz.cc, then the message.
HEADER = "01000000 02000000 04000000 63616d00"
DOUBLE = "666666666666f23f"
for index, name, text in (
        (0, "string", "00010000 03000000 686900"),
        (1, "bool", "00010000 01"),
        (2, "floats", "00010000 01000000 02000000 7800 0000 02000000 02000000 00000000 02000000 0000803f 00000040"),
        (3, "doubles", "00010000 00000000 00000000 01000000 00000000" + DOUBLE),
        (4, "header", "00010000" + HEADER),
        (5, "twist", "00010000" + DOUBLE * 6),
        (5, "twist_big_endian", "00000000" + "3ff2666666666666" * 6),
        (6, "twist_stamped", "00010000 01000000 02000000 05000000 6261736500 00000000000000" + DOUBLE * 6),
        (7, "image", "00010002" + HEADER + "01000000 02000000 05000000 7267623800 00 0000 06000000 06000000 010203040506 0000"),
        (8, "compressed", "00010000" + HEADER + "05000000 6a70656700 000000 03000000 010203"),
        (9, "joints", "00010000" + HEADER + "01000000 02000000 6100 0000 01000000" + DOUBLE + "00000000 00000000"),
        (10, "scan", "00010000" + HEADER + "0000803f" * 7 + "02000000 0000803f 00000040 00000000"),
        (11, "range", "00010000" + HEADER + "01000000" + "0000803f" * 4),
        (12, "trajectory", "00010000" + HEADER + "01000000 02000000 6100 0000 01000000 01000000 00000000" + DOUBLE
         + "00000000 00000000 00000000 01000000 02000000")):
    put("cdr", name, bytes([index]) + bytes.fromhex(text))
# Messages: openpi's example, an array with text keys and the other byte order, a scalar, a text of NumPy, all other kinds.
ARRAY, SCALAR = b"\xc4\x0b__ndarray__\xc3", b"\xc4\x0d__npgeneric__\xc3"
DATA_KEY, TYPE_KEY, SHAPE_KEY = b"\xc4\x04data", b"\xc4\x05dtype", b"\xc4\x05shape"
put("msgpack", "actions", b"\x81\xa7actions\x84" + ARRAY + DATA_KEY + b"\xc4\x08" + struct.pack("<2f", 1, -0.5) + TYPE_KEY + b"\xa3<f4" + SHAPE_KEY + b"\x91\x02")
put("msgpack", "big_endian", b"\x84\xab__ndarray__\xc3\xa4data\xc4\x04\0\1\1\0\xa5dtype\xa3>i2\xa5shape\x91\x02")
put("msgpack", "scalar", b"\x83" + SCALAR + DATA_KEY + b"\xcb" + struct.pack(">d", 1.5) + TYPE_KEY + b"\xa3<f4")
put("msgpack", "text", b"\x84" + ARRAY + DATA_KEY + b"\xc4\x08" + "a\u00e9".encode("utf-32-le") + TYPE_KEY + b"\xa3<U2" + SHAPE_KEY + b"\x90")
put("msgpack", "kinds", b"\x97\xc0\xc3\xcd\x01\0\xd1\xff\x7f\xca?\xc0\0\0\x92\xd9\x01a\xc5\0\x01\0\x81\xa1a\xde\0\0")

# Pictures, and what clients of `vlaq serve` send: requests (the kind first), then whole connections.
for name in ("rgb.png", "bilevel.png", "grey_2bit.png", "grey_16bit.png", "grey_alpha.png", "palette_transparent.png", "wild_index.png", "grey.jpg", "progressive.jpg", "restart.jpg"):
    with open(os.path.join(HERE, "..", "testdata", "image", name), "rb") as f:
        put("picture", name, f.read())
with open(os.path.join(HERE, "corpus", "picture", "rgb.png"), "rb") as f:
    png = f.read()
PIXELS = bytes(range(12))
RAW = {"shape": [2, 2, 3], "data": base64.b64encode(PIXELS).decode()}
NDARRAY = b"\x84" + ARRAY + DATA_KEY + b"\xc4\x0c" + PIXELS + TYPE_KEY + b"\xa3|u1" + SHAPE_KEY + b"\x93\x02\x02\x03"
OBSERVATION = b"\x81\xb1observation/image" + NDARRAY
for name, request in (
        ("raw", {"image": RAW, "state": [1, 2.5], "instruction": "go", "reset": True}),
        ("png", {"images": {"front": base64.b64encode(png).decode()}, "joints": [0, 0], "time": [[1], [2]]})):
    put("serve_request", name, b"\0" + json.dumps(request).encode())
put("serve_request", "openpi", b"\1\x84\xb1observation/image" + NDARRAY + b"\xa5state\x92\x01\xcb?\xf0\0\0\0\0\0\0\xa6prompt\xa2go\xa5reset\xc3")
put("serve_request", "openpi_nested", b"\1\x82\xa6images\x81\xa5front" + NDARRAY + b"\xa6joints\x92\1\2")
put("serve_request", "picture", b"\2" + png)


def http(line, body=b"", *headers):
    fields = [f"{line} HTTP/1.1", "Host: 127.0.0.1", *headers]
    if body:
        fields.append(f"Content-Length: {len(body)}")
    return "\r\n".join(fields).encode() + b"\r\n\r\n" + body


def frame(kind, payload, last=True):
    """One of a websocket, masked with zeros: its payload can be read."""
    size = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + struct.pack(">H", len(payload))
    return bytes([(0x80 if last else 0) | kind]) + size + bytes(4) + payload


TEXT, BINARY, REST, CLOSE, PING = 1, 2, 0, 8, 9
PREDICT = json.dumps({"image": RAW}).encode()
UPGRADE = http("GET /", b"", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==")
for name, sent in (
        ("look", http("GET /health") + http("GET /metrics") + http("GET /status") + http("GET /camera.png") + http("GET /?x")),
        ("predict", http("POST /predict", PREDICT, "X-Session: a") + http("GET /camera.png")),
        ("predict_openpi", http("POST /predict", OBSERVATION, "Content-Type: application/msgpack", "X-API-Key: k")),
        ("reset", http("POST /reset", b"{}") + http("POST /reset", b'{"instruction": "go"}', "Connection: close")),
        ("stop", http("POST /stop") + http("POST /predict", PREDICT) + http("POST /resume")),
        ("chunked", http("POST /reset", b"", "Transfer-Encoding: chunked") + b"2\r\n{}\r\n0\r\n\r\n"),
        ("expect", http("POST /predict", PREDICT, "Expect: 100-continue")),
        ("too_large", http("POST /predict", bytes(2049))),
        ("elsewhere", http("POST /stop", b"", "Origin: http://example.org", "Authorization: Bearer k")),
        ("openpi", UPGRADE + frame(BINARY, OBSERVATION) + frame(PING, b"p") + frame(BINARY, OBSERVATION) + frame(CLOSE, b"\x03\xe8")),
        ("openpi_parts", UPGRADE + frame(BINARY, OBSERVATION[:9], False) + frame(PING, b"") + frame(REST, OBSERVATION[9:])),
        ("openpi_wrong", UPGRADE + frame(BINARY, b"\xc1") + frame(BINARY, OBSERVATION)),
        ("openpi_text", UPGRADE + frame(TEXT, b"hello"))):
    put("serve_connection", name, sent)
