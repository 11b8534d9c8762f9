"""What NVIDIA's importer makes of graphs (import_check.py): ours are parsed and become engines, those that ONNX Runtime
quantises for the CPU are refused, so a pass means something.

    import_test.py PROGRAM MODEL PYTHON_WITH_TENSORRT
"""
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime.quantization as ort

SKIPPED, REFUSED = 77, 5
GRAPHS = ("encoder.onnx", "head.onnx", "mae0222_model_cpu.onnx")
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


def accepted(folder):
    for result in imported(0, "--build", *(folder / graph for graph in GRAPHS)):
        assert result["accepted"] and result["engine_bytes"] > 0 and not result["refused"], result


def refused(file, operator):
    """Also that the check says so by its exit code, and that "refused for another reason" would not do."""
    reasons = imported(REFUSED, file)[0]["refused"]
    assert any(operator == reason["operator"] and reason["node"] for reason in reasons), reasons
    imported(0, "--expect-refused", operator, file)
    imported(REFUSED, "--expect-refused", "NoSuchOperator", file)


def single_file(source, work):
    """ONNX Runtime's quantiser does not take weights that lie in another file everywhere."""
    onnx.save(onnx.load(source), work / source.name)
    return work / source.name


class Samples(ort.CalibrationDataReader):
    def __init__(self, shape):
        self.rest = iter([{"features": value} for value in np.random.default_rng(1).normal(size=(8, *shape)).astype(np.float32)])

    def get_next(self):
        return next(self.rest, None)


def foreign(bundle, work):
    """ONNX Runtime's own quantiser: its dynamic form is for the CPU, its symmetric QDQ form anybody's."""
    for name, operator in (("encoder.onnx", "MatMulInteger"), ("head.onnx", "DynamicQuantizeLSTM")):
        ort.quantize_dynamic(single_file(bundle / name, work), work / f"dynamic_{name}", per_channel=True)
        refused(work / f"dynamic_{name}", operator)
    width = json.loads((bundle / "policy.json").read_text())["lstm_input"]

    def static(output, symmetric):
        ort.quantize_static(single_file(bundle / "head.onnx", work), work / output, Samples((1, 8, width)), per_channel=True,
                            activation_type=ort.QuantType.QInt8, op_types_to_quantize=["MatMul"],
                            extra_options={"ActivationSymmetric": symmetric, "MatMulConstBOnly": True})
        return work / output
    result = imported(0, "--build", static("symmetric.onnx", True))[0]
    assert result["engine_bytes"] > 0, result
    refused(static("asymmetric.onnx", False), "QuantizeLinear")


def main():
    if not tensorrt.is_file():
        print(f"skipped: no {tensorrt} (script/setup --test installs it on x86_64)")
        return SKIPPED
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        fp32 = bundle_of(work / "fp32")
        accepted(fp32)
        accepted(bundle_of(work / "fp16", "--precision", "fp16"))
        foreign(fp32, work)
    print("NVIDIA's importer takes our graphs and refuses ONNX Runtime's dynamic ones")
    return 0


if __name__ == "__main__":
    sys.exit(main())
