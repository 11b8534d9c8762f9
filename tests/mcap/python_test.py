"""Recordings of ours in PyPI's mcap, and its recordings in our reader: with summary, by scan, cut off, with every checksum.

    python_test.py MCAP_TOOL
"""
import io
import pathlib
import subprocess
import sys
import tempfile
import zlib

try:
    from mcap.exceptions import McapError
    from mcap.reader import NonSeekingReader, SeekingReader, make_reader
    from mcap.records import Message
    from mcap.stream_reader import CRCValidationError, StreamReader
    from mcap.writer import CompressionType, Writer
except ImportError as missing:
    print(f"skipped: {missing}: script/setup --test installs it")
    sys.exit(77)

tool = sys.argv[1]
COUNT = 500


def run(*arguments, code=0):
    done = subprocess.run([tool, *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == code, (arguments, done)
    return done.stdout.splitlines()


def row(topic, m):
    return f"m {topic} {m.sequence} {m.log_time} {m.publish_time} {len(m.data)} {zlib.crc32(m.data)}"


def rows(lines, kind="m"):
    return [line for line in lines if line.startswith(kind + " ")]


def ours_read_by_theirs(folder):
    path = folder / "ours.mcap"
    run("write", path, COUNT, "closed")
    ours = rows(run("read", path, "file"))
    assert len(ours) == COUNT
    content = path.read_bytes()
    for reader in (SeekingReader(io.BytesIO(content), validate_crcs=True), NonSeekingReader(io.BytesIO(content), validate_crcs=True)):
        theirs = [row(channel.topic, message) for _, channel, message in reader.iter_messages(log_time_order=True)]
        assert theirs == rows(run("read", path, "time")), type(reader)
    reader = make_reader(io.BytesIO(content), validate_crcs=True)
    header, summary = reader.get_header(), reader.get_summary()
    assert (header.profile, header.library) == ("x", "vlaq")
    assert summary.statistics.message_count == COUNT and summary.statistics.chunk_count == len(summary.chunk_indexes) > 5
    assert summary.statistics.channel_message_counts == {1: COUNT - (COUNT + 2) // 3, 2: (COUNT + 2) // 3}
    assert [(c.topic, c.schema_id, c.message_encoding, c.metadata) for c in summary.channels.values()] == [
        ("/typed", 1, "cdr", {"key": "value"}), ("/bare", 0, "json", {})]
    assert (summary.schemas[1].name, summary.schemas[1].encoding, summary.schemas[1].data) == ("pkg/msg/Text", "ros2msg", b"string data")
    assert [(m.name, m.metadata) for m in reader.iter_metadata()] == [("about", {"robot": "test", "run": "1"})]
    assert [(a.name, a.media_type, a.data, a.log_time, a.create_time) for a in reader.iter_attachments()] == [
        ("note.txt", "text/plain", b"hello", 7, 6)]
    assert len(list(reader.iter_messages(topics="/bare"))) == (COUNT + 2) // 3
    # Their check is one: it sees a byte that is changed.
    changed = bytearray(content)
    changed[changed.index(b"zzzzz")] ^= 1
    try:
        list(NonSeekingReader(io.BytesIO(bytes(changed)), validate_crcs=True).iter_messages())
        raise AssertionError("a changed byte was not noticed")
    except CRCValidationError:
        pass


def left_behind(folder):
    """What was flushed before a crash: by their scan and by ours, whole or cut off."""
    path = folder / "left.mcap"
    run("write", path, COUNT, "left")
    content = path.read_bytes()
    for cut in (len(content), len(content) * 2 // 3):
        path.write_bytes(content[:cut])
        theirs, topics = [], {}
        try:
            for record in StreamReader(io.BytesIO(content[:cut]), validate_crcs=True).records:
                if hasattr(record, "topic"):
                    topics[record.id] = record.topic
                if isinstance(record, Message):
                    theirs.append(row(topics[record.channel_id], record))
        except McapError:
            pass  # the end
        lines = run("read", path, "file")
        ours = rows(lines)
        # Ours gives the whole messages of a chunk that is cut off, too.
        assert ours[:len(theirs)] == theirs and len(ours) >= len(theirs) > 0, (len(ours), len(theirs))
        assert len(theirs) == COUNT or cut < len(content)
        assert len(rows(lines, "d")) == 1, rows(lines, "d")


def theirs_read_by_ours(folder):
    for name, options in {
        "chunked": {"chunk_size": 2000, "compression": CompressionType.NONE, "enable_data_crcs": True},
        "plain": {"use_chunking": False, "compression": CompressionType.NONE},
        "no_statistics": {"chunk_size": 2000, "compression": CompressionType.NONE, "use_statistics": False, "repeat_channels": False},
        "lz4": {"compression": CompressionType.LZ4},
        "zstd": {"compression": CompressionType.ZSTD},
    }.items():
        path = folder / f"{name}.mcap"
        with path.open("wb") as f:
            writer = Writer(f, **options)
            writer.start(profile="p", library="python")
            schema = writer.register_schema("S", "jsonschema", b"{}")
            channels = [writer.register_channel("/a", "json", schema), writer.register_channel("/b", "json", 0)]
            for i in range(COUNT):
                writer.add_message(channels[i % 2], 1000 + (i ^ 1), str(i).encode() * 9, 5, i)
            writer.add_metadata("n", {"k": "v"})
            writer.add_attachment(1, 2, "a", "t", b"data")
            writer.finish()
        if name in ("lz4", "zstd"):
            lines = run("read", path, "file", code=3)
            assert f"compressed with {name}" in lines[-1], lines
            assert lines[0] == f"i 1 {COUNT} 1000 {999 + COUNT}", lines[0]
            continue
        wanted = [f"m {'/b' if i % 2 else '/a'} {i} {1000 + (i ^ 1)} 5 {9 * len(str(i))} {zlib.crc32(str(i).encode() * 9)}" for i in range(COUNT)]
        lines = run("read", path, "file")
        assert lines[0] == f"i {int(name != 'no_statistics')} {COUNT} 1000 {999 + COUNT}", (name, lines[0])
        assert rows(lines) == wanted and not rows(lines, "d"), name
        by_time = rows(run("read", path, "time"))
        assert [line.split()[3] for line in by_time] == [str(1000 + i) for i in range(COUNT)] and sorted(by_time) == sorted(wanted), name


with tempfile.TemporaryDirectory() as temporary:
    for test in (ours_read_by_theirs, left_behind, theirs_read_by_ours):
        test(pathlib.Path(temporary))
        print(test.__name__)
