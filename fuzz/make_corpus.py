#!/usr/bin/env python3
"""Cuts the seeds of fuzz/corpus/{zip,pickle,safetensors,heap} out of testdata/checkpoint, those of mcap out of testdata/mcap, and makes messages. Standard library only.

    python3 fuzz/make_corpus.py

Files named found-* are inputs that the fuzzers came upon; they are kept by hand.
"""
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
