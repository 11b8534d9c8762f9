#!/usr/bin/env python3
"""Imports ONNX files as users have them, quantizes each with vlaq and with ONNX Runtime's own dynamic quantization, and measures
both alike: what ONNX Runtime gives on the recorded inputs, against what it gives with the file itself.

    python -m benchmarks.imports.quantize FILES... --vlaq PROGRAM --work FOLDER -o RESULTS.json
        [--tensorrt PYTHON]     a Python with TensorRT-RTX, whose importer is shown the graphs for tensorrt-10

Beside NAME.onnx lies NAME.io.safetensors with in.INPUT and out.OUTPUT; a file without it is imported only.
"""
import argparse
import importlib.metadata
import json
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import onnx
import onnxruntime
from onnxruntime.quantization import QuantType, quantize_dynamic

TARGETS = ("cpu", "portable", "tensorrt-10")
SAMPLES = 32
INTEGERS = ("dynamic_int8", "static_int8")
INTEGER_OPERATORS = ("MatMulInteger", "ConvInteger", "DynamicQuantizeLSTM")
CHECKER = pathlib.Path(__file__).parents[2] / "tests" / "tensorrt" / "import_check.py"
DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1", "U8": "u1", "BOOL": "?"}
MOST_WORDS = 300  # of a reason


def read_safetensors(path):
    data = path.read_bytes()
    begin = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:begin])
    header.pop("__metadata__", None)
    return {name: np.frombuffer(data[begin + t["data_offsets"][0]:begin + t["data_offsets"][1]], DTYPES[t["dtype"]])
            .reshape(t["shape"]) for name, t in header.items()}


def reason(text):
    return " ".join(str(text).split())[:MOST_WORDS]


def vlaq(program, *arguments):
    """Exit code, stdout, and of a failure the error itself."""
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)
    words = [line for line in done.stderr.splitlines() if not line.startswith("warning")]
    return done.returncode, done.stdout, reason(" ".join(words).removeprefix("vlaq: "))


def near(inputs, count, seed=0):
    """The recorded inputs, then others near them: a float tensor moved by a tenth of its deviation. One sample alone says more of
    its luck in rounding than of the form."""
    rng, samples = np.random.default_rng(seed), [inputs]
    for _ in range(count - 1):
        samples.append({name: (a + 0.1 * a.std() * rng.normal(size=a.shape)).astype(a.dtype) if a.dtype.kind == "f" else a
                        for name, a in inputs.items()})
    return samples


def run(model, samples):
    """Outputs by name, those of all samples together; as vlaq opens it (src/backend/onnxruntime/session.cc)."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # it also throws
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    read, made = [i.name for i in session.get_inputs()], [o.name for o in session.get_outputs()]
    runs = [session.run(None, {name: inputs[name] for name in read if name in inputs}) for inputs in samples]
    return {name: np.stack(values) for name, values in zip(made, zip(*runs))}


def error(expected, actual):
    """The worst output's: root mean square and largest difference, each relative to the same of the expected values; and how
    many whole numbers differ."""
    worst = {"rms": 0.0, "max": 0.0, "wrong": 0}
    for name, a in expected.items():
        b = actual[name]
        if a.dtype.kind != "f":
            worst["wrong"] += int((a != b).sum())
            continue
        a, b = a.astype(np.float64), b.astype(np.float64)
        known = np.isfinite(a)
        if not np.array_equal(known, np.isfinite(b)):
            return {"rms": float("inf"), "max": float("inf"), "wrong": worst["wrong"]}
        a, d = a[known], (b - a)[known] if b.shape == a.shape else np.inf
        if a.size == 0 or not np.any(a):
            continue
        worst["rms"] = max(worst["rms"], float(np.sqrt(np.mean(d ** 2) / np.mean(a ** 2))))
        worst["max"] = max(worst["max"], float(np.max(np.abs(d)) / np.max(np.abs(a))))
    return worst


def measured(act):
    """What `act` gives, or the reason why not, whatever a library throws at a graph."""
    try:
        return act()
    except Exception as failure:
        return {"refused": reason(failure)}


def runtime_dynamic(file, expected, inputs, work):
    """onnxruntime.quantization.quantize_dynamic with its defaults. Its integer convolutions are signed then, which its own CPU
    kernels may not take; then, and said so, with unsigned weights, which its documentation advises for convolutions."""
    # It writes a file beside its source, which stays if it fails: so it gets a copy.
    source = work / file.name
    first = {}
    for kind in (QuantType.QInt8, QuantType.QUInt8):
        def act(kind=kind):
            onnx.save(onnx.load(file), source)
            quantize_dynamic(source, work / "runtime.onnx", weight_type=kind)
            nodes = onnx.load(work / "runtime.onnx", load_external_data=False).graph.node
            return {**error(expected, run(work / "runtime.onnx", inputs)), "weights": str(kind),
                    "integers": sum(node.op_type in INTEGER_OPERATORS for node in nodes)}
        row = measured(act)
        if "refused" not in row:
            return {**row, **({"defaults_refused": first["refused"]} if first else {})}
        first = first or row
    return first


def importer(python, model):
    if python is None:
        return None
    done = subprocess.run([python, CHECKER, "--json", model], capture_output=True, text=True)
    if not done.stdout:
        return {"accepted": False, "refused": [reason(done.stderr[-MOST_WORDS:])]}
    said = json.loads(done.stdout)[0]
    return {"accepted": said["accepted"], "refused": [reason(f"{r['operator']} '{r['node']}': {r['why']}") for r in said["refused"][:3]]}


def forms(bundle):
    """Operators with weights by what the plan makes of them, and the rules by which it leaves some, with their share of the work."""
    operators = json.loads((bundle / "plan.json").read_text())["operators"]
    work = sum(op["macs"] for op in operators)
    rules, small = {}, sum(op["macs"] for op in operators if op["form"] in INTEGERS)
    for op in operators:
        if op["form"] not in INTEGERS:
            rules[op["rule"]] = rules.get(op["rule"], 0) + op["macs"] / (work or 1)
    return {"operators": len(operators), "integers": sum(op["form"] in INTEGERS for op in operators),
            "work": small / work if work else None, "rules": rules}


def quantized(program, name, target, bundle, work, stats, reference, inputs, tensorrt):
    made = work / target
    options = ["--stats", stats] if stats else []
    code, _, words = vlaq(program, "quantize", bundle, "--target", target, "--precision", "int8", *options, "-o", made, "--force")
    if code != 0:
        return {"refused": words, "exit": code}
    row = forms(made)
    graph = made / f"{name}.onnx"
    row["bytes"] = (made / "weights.bin").stat().st_size
    row["error"] = measured(lambda: error(reference, run(graph, inputs)))
    if target == "tensorrt-10":
        row["importer"] = importer(tensorrt, graph)
        if row["importer"] and not row["importer"]["accepted"]:
            row["importer_of_source"] = importer(tensorrt, bundle / f"{name}.onnx")
    return row


def verdict(program, made, bundle, io):
    """What `vlaq verify` says of the bundle for the CPU."""
    code, out, words = vlaq(program, "verify", made, "--reference", bundle, "--inputs", f"{io}:in.", "--json")
    if not out:
        return {"exit": code, "why": words}
    failed = [f"{c['name']}: {c['detail']}" for c in json.loads(out)["checks"] if not c["passed"]]
    return {"exit": code, "why": reason("; ".join(failed) or words)}


def look_at(file, args):
    name, work = file.stem, args.work / file.stem
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    row, bundle = {"file": name}, work / "fp32"
    code, _, words = vlaq(args.vlaq, "import", file, "-o", bundle)
    if code != 0:
        return {**row, "refused": words, "exit": code}
    row["bytes"] = (bundle / "weights.bin").stat().st_size
    io = file.with_name(f"{name}.io.safetensors")
    if not io.is_file():
        return {**row, "no_inputs": True}
    inputs = {key[3:]: value for key, value in read_safetensors(io).items() if key.startswith("in.")}
    inputs = near(inputs, SAMPLES)
    expected = measured(lambda: run(file, inputs))
    if "refused" in expected:
        return {**row, "refused_by_runtime": expected["refused"]}
    stats = work / "stats.json"
    code, _, words = vlaq(args.vlaq, "calibrate", bundle, "--inputs", f"{io}:in.", "-o", stats)
    if code != 0:
        row["not_calibrated"], stats = words, None
    for target in TARGETS:
        row[target] = quantized(args.vlaq, name, target, bundle, work, stats, expected, inputs, args.tensorrt)
    if "refused" not in row["cpu"]:
        row["verify"] = verdict(args.vlaq, work / "cpu", bundle, io)
    row["runtime"] = runtime_dynamic(file, expected, inputs, work)
    return row


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=pathlib.Path)
    parser.add_argument("--vlaq", required=True)
    parser.add_argument("--work", required=True, type=pathlib.Path)
    parser.add_argument("--tensorrt", type=pathlib.Path)
    parser.add_argument("-o", "--output", required=True, type=pathlib.Path)
    args = parser.parse_args()
    rows = []
    for file in args.files:
        rows.append(look_at(file.absolute(), args))
        print(f"{file.name}: {json.dumps(rows[-1])[:200]}", file=sys.stderr)
    versions = {package: importlib.metadata.version(package) for package in ("onnxruntime", "onnx", "numpy")}
    text = json.dumps({"schema": "vlaq.imports/1", "versions": versions, "rows": rows}, indent=1) + "\n"
    # Where this machine keeps the files is nobody's business.
    args.output.write_text(text.replace(f"{args.files[0].absolute().parents[2]}/", "../shared/"))


if __name__ == "__main__":
    main()
