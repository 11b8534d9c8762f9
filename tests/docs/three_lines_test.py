"""The whole-policy graph works with the lines that users already have, in stock ONNX Runtime, and agrees with vlaq.

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


with tempfile.TemporaryDirectory() as work:
    bundle = pathlib.Path(work) / "bundle"
    vlaq("export", case / "checkpoint.pth", "--config", case / "config.json", "--policy", case / "policy.json", "-o", bundle)
    for name in ("mae0222_model_cpu.onnx", "encoder.onnx", "head.onnx"):
        onnx.checker.check_model(str(bundle / name), full_check=True)

    sess = onnxruntime.InferenceSession(str(bundle / "mae0222_model_cpu.onnx"), providers=["CPUExecutionProvider"])
    name = sess.get_inputs()[0].name
    assert [i.name for i in sess.get_inputs()] == ["pixel_values"], "one required input"

    golden = case / "golden.safetensors"
    pixels, actions = tensor(golden, "pixel_values"), tensor(golden, "actions")
    window = json.loads((bundle / "policy.json").read_text())["window"]
    run = json.loads(vlaq("run", bundle, "--frames", f"{golden}:frames.u8", "--whole-graph", "--json"))
    for t in range(len(pixels)):
        frames = pixels[max(0, t - window + 1):t + 1]
        for batch in (1, 3):
            x = np.repeat(frames[None], batch, 0)
            y = sess.run(None, {name: x})[0]
            assert y.shape == (batch, *actions.shape[1:]), y.shape
            assert np.abs(y - actions[t]).max() <= 1e-5, (t, batch, y, actions[t])
            assert np.abs(y - np.array(run["steps"][t]["action"])).max() <= 1e-6, (t, batch)
print(f"{len(pixels)} steps, batch 1 and 3, windows of 1 to {window}: as PyTorch and as vlaq")
