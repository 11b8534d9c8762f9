"""Holds our CDR and .msg texts against rosbags, both ways, for every type: codec_test.py PEER"""
import json
import subprocess
import sys

try:
    import numpy
    from rosbags.typesys import Stores, get_types_from_msg, get_typestore
except ImportError as error:
    print(f"skipped: {error}; script/setup --test installs it")
    sys.exit(77)

PEER = sys.argv[1]
# Humble is the oldest that is in use; since Iron a Range has a variance.
STORES = {Stores.ROS2_HUMBLE: "Humble", Stores.ROS2_JAZZY: "Jazzy"}
failures = []


def fields(value):
    """A message of rosbags as JSON has it."""
    if isinstance(value, numpy.ndarray):
        return value.tolist()
    if isinstance(value, list):
        return [fields(v) for v in value]
    if hasattr(value, "__msgtype__"):
        return {k: fields(v) for k, v in vars(value).items() if not k.startswith("__") and not k.isupper()}
    return value


def check(what, ours, theirs):
    if ours != theirs:
        failures.append(f"{what}\n  ours   {ours}\n  theirs {theirs}")


def decoded(lines):
    run = subprocess.run([PEER, "decode"], input="".join(lines), capture_output=True, text=True, check=True, timeout=30)
    return run.stdout.splitlines()


def check_schemas():
    """The .msg texts, as rosbags parses them, list the fields that it knows."""
    known = get_typestore(Stores.ROS2_JAZZY).fielddefs
    run = subprocess.run([PEER, "schemas"], capture_output=True, text=True, check=True, timeout=30)
    for kind, text in json.loads(run.stdout).items():
        parts = text.split("=" * 80 + "\nMSG: ")
        for i, part in enumerate(parts):
            name, body = (kind, part) if i == 0 else part.split("\n", 1)
            parsed = get_types_from_msg(body, name.replace("/", "/msg/") if "/msg/" not in name else name)
            for full, (_, theirs) in parsed.items():
                check(f".msg of {full} in {kind}", theirs, known[full][1])


samples = subprocess.run([PEER, "samples"], capture_output=True, text=True, check=True, timeout=30).stdout.splitlines()
types = set()
for store, name in STORES.items():
    typestore = get_typestore(store)
    lines, wanted = [], []
    for sample in samples:
        kind, text, ours = sample.split(" ", 2)
        types.add(kind)
        cdr = bytes.fromhex(text)
        ours = json.loads(ours)
        if kind == "sensor_msgs/msg/Range" and name == "Humble":
            ours["variance"] = 0.0
            cdr = cdr[:-4]
        message = typestore.deserialize_cdr(cdr, kind)
        theirs = fields(message)
        if kind == "sensor_msgs/msg/Range" and name == "Humble":
            theirs["variance"] = 0.0
        check(f"{name}: {kind} as rosbags reads it", ours, theirs)
        little = bytes(typestore.serialize_cdr(message, kind, little_endian=True))
        check(f"{name}: {kind} as rosbags writes it", cdr.hex(), little.hex())
        big = bytes(typestore.serialize_cdr(message, kind, little_endian=False))
        for theirs in (little, big):
            lines.append(f"{kind} {theirs.hex()}\n")
            wanted.append(ours)
    answers = decoded(lines)
    check(f"{name}: answers", len(answers), len(wanted))
    for line, answer, ours in zip(lines, answers, wanted):
        if answer.startswith("error"):
            failures.append(f"{name}: {line[:60]}... {answer}")
        else:
            check(f"{name}: {line.split()[0]} as we read it", json.loads(answer), ours)

check_schemas()
if len(types) < 13:
    failures.append(f"only {len(types)} types were compared")
for failure in failures:
    print(failure)
print(f"{len(types)} types, {len(samples)} messages, {len(STORES)} versions of ROS 2: {len(failures)} differ")
sys.exit(1 if failures else 0)
