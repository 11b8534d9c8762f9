"""The rows of the comparison: which commands make which bundle from the source. Words in braces are put in by compare.py;
{calibration} stands for the words that name the calibration data.
"""
from dataclasses import dataclass

CALIBRATE = ("{vlaq}", "calibrate", "{source}", "{calibration}", "--samples", "{count}", "--seed", "{seed}", "-o", "{stats}", "--force")


@dataclass(frozen=True)
class Maker:
    name: str  # the bundle's folder
    tool: str
    what: str
    commands: tuple
    full: bool = False  # also at full size


def ours(target, precision, what, *options, calibrated=True, full=False):
    quantize = ("{vlaq}", "quantize", "{source}", "--target", target, "--precision", precision, "-o", "{out}", "--force", *options)
    name = "-".join(("vlaq", target, precision, *(option.lstrip("-") for option in options)))
    if not calibrated:
        return Maker(name, "vlaq", what, (quantize,), full)
    return Maker(name, "vlaq", what, (CALIBRATE, (*quantize, "--stats", "{stats}")), full)


def theirs(name, tool, what, full=False):
    command = ("{python}", "-m", "benchmarks.quantization.quantizers", name, "{source}", "{out}", "{samples}")
    return Maker(name, tool, what, (command,), full)


MAKERS = (
    ours("cpu", "int8", "INT8 for cpu", calibrated=False, full=True),
    ours("cpu", "int8", "INT8 weights for cpu", "--weight-only", calibrated=False, full=True),
    ours("cpu", "int4", "INT4 weights for cpu", calibrated=False, full=True),
    ours("tensorrt-8.6", "int8", "INT8 for tensorrt-8.6"),
    ours("tensorrt-8.6", "fp16", "FP16 for tensorrt-8.6"),
    ours("tensorrt-10", "int8", "INT8 for tensorrt-10", full=True),
    ours("tensorrt-10", "fp16", "FP16 for tensorrt-10", full=True),
    ours("tensorrt-10", "mixed", "INT8 and FP16 for tensorrt-10"),
    ours("tensorrt-10", "int4", "INT4 weights for tensorrt-10", calibrated=False, full=True),
    ours("portable", "int8", "INT8, portable QDQ"),
    ours("portable", "int8", "INT8 weights, portable", "--weight-only", calibrated=False),
    ours("portable", "fp16", "FP16 weights, portable", calibrated=False),
    theirs("ort-dynamic", "ONNX Runtime", "dynamic INT8", full=True),
    theirs("ort-static-u8s8-minmax", "ONNX Runtime", "static QDQ, U8S8, min-max"),
    theirs("ort-static-s8s8-minmax", "ONNX Runtime", "static QDQ, S8S8, min-max"),
    theirs("ort-static-u8s8-percentile", "ONNX Runtime", "static QDQ, U8S8, percentile"),
    theirs("ort-static-u8s8-entropy", "ONNX Runtime", "static QDQ, U8S8, entropy"),
    theirs("ort-static-linears-u8s8-minmax", "ONNX Runtime", "static QDQ, U8S8, min-max, linears only"),
    theirs("ort-static-linears-u8s8-percentile", "ONNX Runtime", "static QDQ, U8S8, percentile, linears only"),
    theirs("ort-static-linears-s8s8-minmax", "ONNX Runtime", "static QDQ, S8S8, min-max, linears only"),
    theirs("nncf-static", "NNCF", "static QDQ"),
    theirs("nncf-static-transformer", "NNCF", "static QDQ, transformer, SmoothQuant"),
    theirs("nncf-static-transformer-symmetric", "NNCF", "static QDQ, transformer, SmoothQuant, symmetric"),
    theirs("nncf-weights-int8", "NNCF", "INT8 weights"),
    theirs("nncf-weights-int4", "NNCF", "INT4 weights, blocks of 32"),
)
