"""What NVIDIA's importer makes of graphs (import_check.py): ours are parsed and become engines (and ONNX Runtime takes the
same files), those that ONNX Runtime quantizes for the CPU are refused, so a pass means something.

    import_test.py PROGRAM MODEL PYTHON_WITH_TENSORRT
"""
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
import onnxruntime.quantization as ort

SKIPPED, REFUSED = 77, 5
QUANTIZED = (("tensorrt-10", "int8"), ("tensorrt-10", "fp16"), ("tensorrt-10", "mixed"), ("tensorrt-10", "int4"),
             ("tensorrt-8.6", "int8"), ("tensorrt-8.6", "fp16"))
VERSIONS = {"tensorrt-8.6": "8.6", "tensorrt-10": "10.3"}  # of `vlaq check`
WHOLE = "mae0222_model_cpu.onnx"
GRAPHS = ("encoder.onnx", "head.onnx", WHOLE)
program, model, tensorrt = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
checker = pathlib.Path(__file__).with_name("import_check.py")


def vlaq(*arguments):
    subprocess.run([program, *map(str, arguments)], check=True, capture_output=True, text=True)


def bundle_of(folder, *options):
    vlaq("export", model / "best_mini_mobile_vla.pth", "-o", folder, "--config", model / "config.json", "--policy",
         model / "policy.json", "--tokenizer", model / "sentencepiece.bpe.model", "--instruction",
         "go left of the box to the bottle", *options)
    return folder


def imported(exit_code, *arguments):
    """What import_check.py says of the files, as JSON, after it ended with `exit_code`."""
    done = subprocess.run([tensorrt, checker, "--json", *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == exit_code, (arguments, done.returncode, done.stdout[-4000:], done.stderr[-2000:])
    return json.loads(done.stdout)


def check(path, version, exit_code=0):
    """`vlaq check` says of it what the importer says."""
    done = subprocess.run([program, "check", path, "--tensorrt", version], capture_output=True, text=True)
    assert done.returncode == exit_code, (path, version, done.returncode, done.stdout[-4000:], done.stderr)


def accepted(folder, built=(WHOLE,)):
    """All graphs are parsed, and engines built of `built`: the whole graph has every node of the others, building takes time."""
    parsed = imported(0, *(folder / graph for graph in GRAPHS if graph not in built))
    engines = imported(0, "--build", *(folder / graph for graph in built))
    assert all(result["accepted"] and not result["refused"] for result in parsed + engines), (parsed, engines)
    assert all(result["engine_bytes"] > 0 for result in engines), engines
    for graph in GRAPHS:
        onnxruntime.InferenceSession(str(folder / graph), providers=["CPUExecutionProvider"])


def refused(file, operator):
    """Also that the check says so by its exit code, and that "refused for another reason" would not do."""
    reasons = imported(REFUSED, file)[0]["refused"]
    assert any(operator == reason["operator"] and reason["node"] for reason in reasons), reasons
    imported(0, "--expect-refused", operator, file)
    imported(REFUSED, "--expect-refused", "NoSuchOperator", file)


def single_file(source, work):
    """ONNX Runtime's quantizer does not take weights that lie in another file everywhere."""
    onnx.save(onnx.load(source), work / source.name)
    return work / source.name


class Samples(ort.CalibrationDataReader):
    def __init__(self, shape):
        self.rest = iter([{"features": value} for value in np.random.default_rng(1).normal(size=(8, *shape)).astype(np.float32)])

    def get_next(self):
        return next(self.rest, None)


def foreign(bundle, work):
    """ONNX Runtime's own quantizer: its dynamic form is for the CPU, its symmetric QDQ form anybody's."""
    for name, operator in (("encoder.onnx", "MatMulInteger"), ("head.onnx", "DynamicQuantizeLSTM")):
        ort.quantize_dynamic(single_file(bundle / name, work), work / f"dynamic_{name}", per_channel=True)
        refused(work / f"dynamic_{name}", operator)
        for version in VERSIONS.values():
            check(work / f"dynamic_{name}", version, REFUSED)
    width = json.loads((bundle / "policy.json").read_text())["settings"]["lstm_input"]

    def static(output, symmetric):
        ort.quantize_static(single_file(bundle / "head.onnx", work), work / output, Samples((1, 8, width)), per_channel=True,
                            activation_type=ort.QuantType.QInt8, op_types_to_quantize=["MatMul"],
                            extra_options={"ActivationSymmetric": symmetric, "MatMulConstBOnly": True})
        return work / output
    result = imported(0, "--build", static("symmetric.onnx", True))[0]
    assert result["engine_bytes"] > 0, result
    check(work / "symmetric.onnx", VERSIONS["tensorrt-10"])
    refused(static("asymmetric.onnx", False), "QuantizeLinear")
    check(work / "asymmetric.onnx", VERSIONS["tensorrt-10"], REFUSED)


def quantized(bundle, work):
    """Every bundle of vlaq's for TensorRT."""
    stats = work / "stats.json"
    vlaq("calibrate", bundle, "--episodes", model / "held_out", "--samples", 24, "--seed", 1, "-o", stats)
    for target, precision in QUANTIZED:
        output = work / f"{target}_{precision}"
        vlaq("quantize", bundle, "--target", target, "--precision", precision, "--stats", stats, "-o", output)
        accepted(output)
        check(output, VERSIONS[target])


def main():
    if not tensorrt.is_file():
        print(f"skipped: no {tensorrt} (script/setup --test installs it on x86_64)")
        return SKIPPED
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        fp32 = bundle_of(work / "fp32")
        accepted(fp32, built=("encoder.onnx", "head.onnx"))
        for version in VERSIONS.values():
            check(fp32, version)
        accepted(bundle_of(work / "fp16", "--precision", "fp16"))
        quantized(fp32, work)
        foreign(fp32, work)
    print("NVIDIA's importer takes our graphs and refuses ONNX Runtime's dynamic ones")
    return 0


if __name__ == "__main__":
    sys.exit(main())
