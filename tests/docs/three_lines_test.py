"""The whole-policy graph works with the lines that users already have, in stock ONNX Runtime, and agrees with vlaq:
with a policy whose results in PyTorch are known, and with one of 909 tensors and a window of 8.

    three_lines_test.py PROGRAM TESTDATA
"""
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime

program, testdata = sys.argv[1], pathlib.Path(sys.argv[2])
case = testdata / "golden" / "mean_hidden"


def vlaq(*arguments):
    return subprocess.run([program, *map(str, arguments)], check=True, capture_output=True, text=True).stdout


def tensor(path, name):
    """One tensor of a safetensors file."""
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    entry = json.loads(data[8:8 + size])[name]
    begin, end = entry["data_offsets"]
    dtype = {"F32": np.float32, "I64": np.int64, "U8": np.uint8}[entry["dtype"]]
    return np.frombuffer(data[8 + size + begin:8 + size + end], dtype).reshape(entry["shape"])


def load(bundle):
    """The session and the name of its one input, after onnx's own checker has passed all graphs."""
    for name in ("mae0222_model_cpu.onnx", "encoder.onnx", "head.onnx"):
        onnx.checker.check_model(str(bundle / name), full_check=True)
    sess = onnxruntime.InferenceSession(str(bundle / "mae0222_model_cpu.onnx"), providers=["CPUExecutionProvider"])
    assert [i.name for i in sess.get_inputs()] == ["pixel_values"], "one required input"
    return sess, sess.get_inputs()[0].name


def whole_graph_actions(bundle, frames):
    run = json.loads(vlaq("run", bundle, "--frames", frames, "--schedule", "whole", "--json"))
    return np.array([step["action"] for step in run["steps"]], np.float32)


def compare(what, actual, expected, limit):
    assert actual.shape == expected.shape, (what, actual.shape, expected.shape)
    difference = np.abs(actual - expected).max()
    assert difference <= limit, (what, difference, actual, expected)


def known_policy(work):
    case = testdata / "golden" / "mean_hidden"
    bundle = work / "known"
    vlaq("export", case / "checkpoint.pth", "--config", case / "config.json", "--policy", case / "policy.json", "-o", bundle)
    sess, name = load(bundle)
    golden = case / "golden.safetensors"
    pixels, actions = tensor(golden, "pixel_values"), tensor(golden, "actions")
    window = json.loads((bundle / "policy.json").read_text())["settings"]["window"]
    run = whole_graph_actions(bundle, f"{golden}:frames.u8")
    for t in range(len(pixels)):
        y = sess.run(None, {name: pixels[None, max(0, t - window + 1):t + 1]})[0]
        compare(("PyTorch", t), y[0], actions[t], 1e-5)
        compare(("vlaq", t), y[0], run[t], 1e-6)


def true_structure(work):
    vlaq("synth", "checkpoint", "--size", "micro", "--seed", "1", "-o", work / "micro.pth")
    bundle = work / "micro"
    vlaq("export", work / "micro.pth", "--config", work / "config.json", "--policy", work / "policy.json", "-o", bundle)
    sess, name = load(bundle)
    # Frames of the model's own size, so that preparing them needs no resizing: CLIP's mean and deviation only.
    frames = np.random.default_rng(7).integers(0, 256, (14, 224, 224, 3), np.uint8)
    header = json.dumps({"u8": {"dtype": "U8", "shape": frames.shape, "data_offsets": [0, frames.size]}}).encode()
    (work / "frames.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + frames.tobytes())
    mean, deviation = np.array([[0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]])
    pixels = ((frames / 255 - mean) / deviation).astype(np.float32).transpose(0, 3, 1, 2)
    run = whole_graph_actions(bundle, f"{work / 'frames.safetensors'}:u8")
    assert np.ptp(run, axis=0).min() > 1e-4, "the frames make no difference"
    # A window of t + 1 frames is step t of an episode; a full one may begin anywhere.
    for window, starts in ((1, [0]), (5, [0]), (8, [0, 3, 6])):
        x = np.stack([pixels[start:start + window] for start in starts])
        compare(("window", window), sess.run(None, {name: x})[0], run[[start + window - 1 for start in starts]], 1e-6)
        x3 = np.repeat(x[:1], 3, 0)
        compare(("batch of 3", window), sess.run(None, {name: x3})[0], np.repeat(run[window - 1][None], 3, 0), 1e-6)


with tempfile.TemporaryDirectory() as folder:
    known_policy(pathlib.Path(folder))
    true_structure(pathlib.Path(folder))
print("stock ONNX Runtime computes what PyTorch and vlaq compute; batch 1 and 3, windows of 1, 5 and 8")
