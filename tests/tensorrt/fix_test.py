"""What `vlaq check --fix` writes computes what it was given: ONNX Runtime runs both on the same numbers.

    fix_test.py PROGRAM

Also that findings are fixed or not as expected, and that the copy says so when it is asked again.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime

import corpus
from corpus import Graph, ramp

# graph -> (version, rules that are fixed, largest difference that rounding may make)
FIXED = {
    "gelu_at_20": ("8.6", {"TRT-G07", "TRT-G01"}, 1e-6),
    "gelu_by_tanh": ("8.6", {"TRT-G07", "TRT-G01"}, 1e-6),
    "quick_gelu_contrib": ("10.3", {"TRT-G08"}, 1e-6),
    "fast_gelu": ("10.3", {"TRT-G08"}, 1e-6),
    "bias_gelu": ("10.3", {"TRT-G08"}, 1e-6),
    "opset_18_for_86": ("8.6", {"TRT-G01"}, 0),
    "reduce_axes_constant_18": ("8.6", {"TRT-G01"}, 1e-7),
    "layernorm_without_bias": ("10.3", {"TRT-G10b"}, 0),
    "topk_unsorted": ("10.3", {"TRT-G14a"}, 0),  # compared in order of size: the order was free
    "int64_slice_to_the_end": ("8.6", {"TRT-G03b"}, 0),
    "qdq_uint8_128": ("10.3", {"TRT-Q02", "TRT-Q03b", "TRT-Q03c"}, 0),
    "weight_uint8_128": ("10.3", {"TRT-Q02", "TRT-Q03c"}, 0),
    "weight_without_axis": ("10.3", {"TRT-Q08a"}, 0),
    "weight_int8_constant": ("8.6", {"TRT-Q13"}, 0),
    "shape_from_1": ("8.6", {"TRT-A01"}, 0),
    "scatter_nd_none": ("10.3", {"TRT-G16"}, 0),
    "bias_int32": ("10.3", {"TRT-Q12"}, 0),
    "int8_without_zero_point": ("8.6", {"TRT-Q01a", "TRT-Q13"}, 0),
}
# graph -> (version, a rule that is not)
NOT_FIXED = {
    "qdq_zero_point": ("8.6", "TRT-Q02"),
    "qdq_without_zero_point": ("8.6", "TRT-Q01a"),
    "dynamic_quantize": ("10.3", "TRT-G09"),
    "squeeze_axes_computed": ("10.3", "TRT-G13"),
    "mish_on_10": ("8.6", "TRT-O01"),
    "scatter_elements_add_86": ("8.6", "TRT-A03"),
    "batchnorm_training": ("8.6", "TRT-A06"),
}


def more_graphs():
    """Graphs that only a fix needs."""
    g = Graph(opset=20)
    g.output(g.op("Gelu", g.input(), approximate="tanh"))
    yield "gelu_by_tanh", g
    g = Graph(domains=("com.microsoft",))
    g.output(g.op("FastGelu", g.input(), g.const(ramp(4)), domain="com.microsoft"))
    yield "fast_gelu", g
    g = Graph(domains=("com.microsoft",))
    g.output(g.op("BiasGelu", g.input(), g.const(ramp(4)), domain="com.microsoft"))
    yield "bias_gelu", g
    g = Graph()
    codes = g.const(np.arange(0, 256, 16).reshape(4, 4), np.uint8)
    g.output(g.op("MatMul", g.input(), g.op("DequantizeLinear", codes, g.const([0.1, 0.2, 0.3, 0.4]), g.const([128] * 4, np.uint8), axis=1)))
    yield "weight_uint8_128", g
    g = Graph()
    codes = g.const(np.arange(-128, 128, 16).reshape(4, 4), np.int8)
    g.output(g.op("MatMul", g.input(), g.op("DequantizeLinear", codes, g.const([0.1, 0.2, 0.3, 0.4]), axis=0)))
    yield "int8_without_zero_point", g


def models():
    found = {case.name: case.model for case in corpus.CASES}
    found.update({name: graph.model(name) for name, graph in more_graphs()})
    return found


def fix(program, source, output, version):
    done = subprocess.run([program, "check", source, "--tensorrt", version, "--fix", "-o", output, "--json"], capture_output=True, text=True)
    assert done.returncode in (0, 5), (source, done.returncode, done.stderr)
    report = json.loads(done.stdout)
    assert done.returncode == (0 if report["fix"]["accepted"] else 5), (source, done.returncode)
    again = subprocess.run([program, "check", output, "--tensorrt", version, "--json"], capture_output=True, text=True)
    told = json.loads(again.stdout)
    assert {key: told[key] for key in ("errors", "warnings", "notes")} == {key: report["fix"][key] for key in ("errors", "warnings", "notes")}, source
    return report["fix"]


def run(path, seed):
    """The outputs for random inputs."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    random = np.random.default_rng(seed)
    kinds = {"tensor(float)": np.float32, "tensor(int8)": np.int8, "tensor(int64)": np.int64}
    feeds = {value.name: (random.normal(size=value.shape) * 3).astype(kinds[value.type]) for value in session.get_inputs()}
    return session.run(None, feeds)


def check_fixed(program, name, source, folder):
    version, rules, limit = FIXED[name]
    output = folder / f"{name}.fixed.onnx"
    outcomes = fix(program, source, output, version)["outcomes"]
    fixed = {outcome["id"] for outcome in outcomes if outcome["fixed"]}
    left = {outcome["id"] for outcome in outcomes if not outcome["fixed"]}
    assert rules <= fixed and not rules & left, (name, outcomes)
    for seed in range(5):
        for one, other in zip(run(source, seed), run(output, seed), strict=True):
            if "TRT-G14a" in rules:
                one, other = np.sort(one), np.sort(other)
            difference = np.abs(one.astype(np.float64) - other).max()
            assert one.shape == other.shape and one.dtype == other.dtype and difference <= limit, (name, difference)


def check_not_fixed(program, name, source, folder):
    version, rule = NOT_FIXED[name]
    outcomes = fix(program, source, folder / f"{name}.fixed.onnx", version)["outcomes"]
    own = [outcome for outcome in outcomes if outcome["id"] == rule]
    assert own and not any(outcome["fixed"] for outcome in own) and all(outcome["how"] for outcome in own), (name, outcomes)


def main():
    program, found = sys.argv[1], models()
    with tempfile.TemporaryDirectory() as work:
        folder = pathlib.Path(work)
        for names, check in ((FIXED, check_fixed), (NOT_FIXED, check_not_fixed)):
            for name in names:
                onnx.save(found[name], folder / f"{name}.onnx")
                check(program, name, folder / f"{name}.onnx", folder)
    print(f"{len(FIXED)} graphs fixed, the same numbers before and after; {len(NOT_FIXED)} left with a reason")
    return 0


if __name__ == "__main__":
    sys.exit(main())
