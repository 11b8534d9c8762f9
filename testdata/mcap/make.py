#!/usr/bin/env python3
"""Writes small.mcap (one chunk, all indexes) and plain.mcap (no chunks, no summary) byte by byte, after the layout of the
MCAP format. Standard library only: neither vlaq's writer nor the mcap package has a part in it.

    python3 testdata/mcap/make.py
"""
import pathlib
import struct
import zlib

HERE = pathlib.Path(__file__).resolve().parent
MAGIC = b"\x89MCAP0\r\n"


def text(value):
    value = value if isinstance(value, bytes) else value.encode()
    return struct.pack("<I", len(value)) + value


def record(opcode, content):
    return bytes([opcode]) + struct.pack("<Q", len(content)) + content


def crc(content):
    return struct.pack("<I", zlib.crc32(content))


schema = record(0x03, struct.pack("<H", 1) + text("S") + text("e") + text("d"))
channel = record(0x04, struct.pack("<HH", 1, 1) + text("/a") + text("m") + text(text("k") + text("v")))
message = record(0x05, struct.pack("<HIQQ", 1, 7, 100, 90) + b"\xaa\xbb")
beginning = MAGIC + record(0x01, text("p") + text("t")) + schema + channel


def small():
    file = beginning
    chunk_at = len(file)
    chunk = record(0x06, struct.pack("<QQQ", 100, 100, len(message)) + crc(message) + text("") + struct.pack("<Q", len(message)) + message)
    file += chunk
    index_at = len(file)
    index = record(0x07, struct.pack("<H", 1) + text(struct.pack("<QQ", 100, 0)))
    file += index
    metadata_at = len(file)
    metadata = record(0x0C, text("n") + text(text("x") + text("y")))
    file += metadata
    attachment_at = len(file)
    fields = struct.pack("<QQ", 5, 4) + text("f") + text("t/p") + struct.pack("<Q", 1) + b"z"
    attachment = record(0x09, fields + crc(fields))
    file += attachment
    file += record(0x0F, crc(file))
    groups = [
        (0x03, schema),
        (0x04, channel),
        (0x0B, record(0x0B, struct.pack("<QHIIIIQQ", 1, 1, 1, 1, 1, 1, 100, 100) + text(struct.pack("<HQ", 1, 1)))),
        (0x08, record(0x08, struct.pack("<QQQQ", 100, 100, chunk_at, len(chunk)) + text(struct.pack("<HQ", 1, index_at))
                      + struct.pack("<Q", len(index)) + text("") + struct.pack("<QQ", len(message), len(message)))),
        (0x0A, record(0x0A, struct.pack("<QQQQQ", attachment_at, len(attachment), 5, 4, 1) + text("f") + text("t/p"))),
        (0x0D, record(0x0D, struct.pack("<QQ", metadata_at, len(metadata)) + text("n"))),
    ]
    summary_at = len(file)
    offsets = b""
    for opcode, content in groups:
        offsets += record(0x0E, struct.pack("<BQQ", opcode, len(file), len(content)))
        file += content
    offsets_at = len(file)
    file += offsets + bytes([0x02]) + struct.pack("<QQQ", 20, summary_at, offsets_at)
    return file + crc(file[summary_at:]) + MAGIC


def plain():
    later = record(0x05, struct.pack("<HIQQ", 1, 8, 50, 40) + b"\xcc")
    file = beginning + message + record(0x85, b"private") + later
    return file + record(0x0F, struct.pack("<I", 0)) + record(0x02, struct.pack("<QQI", 0, 0, 0)) + MAGIC


if __name__ == "__main__":
    (HERE / "small.mcap").write_bytes(small())
    (HERE / "plain.mcap").write_bytes(plain())
