"""The other quantizers: each a function (source graph, target graph, feeds) that writes a quantized graph.

    python -m benchmarks.quantization.quantizers NAME BUNDLE OUT SAMPLES.npz
"""
import collections
import os
import pathlib
import sys
import tempfile

import onnx

from . import samples
from .bundles import copy_with_graphs

LARGE = 2_000_000_000  # bytes of weights that protobuf cannot hold


def save(model, target):
    """With the weights in a file beside it if protobuf could not hold them."""
    large = sum(len(tensor.raw_data) for tensor in model.graph.initializer) > LARGE
    onnx.save(model, target, save_as_external_data=large, location=f"{target.stem}.data", size_threshold=1024)


def prepared(source, folder):
    """What ORT's documentation asks for first: shapes inferred, graph optimized. It does not take graphs of 2 GiB."""
    from onnxruntime.quantization.shape_inference import quant_pre_process
    if sum(f.stat().st_size for f in source.parent.glob("weights.bin")) > LARGE:
        return source
    # With its weights inside: this ORT links them into a temporary folder, and this onnx refuses links. Symbolic shape
    # inference does not get through these graphs.
    inside, target = pathlib.Path(folder) / "inside.onnx", pathlib.Path(folder) / "prepared.onnx"
    onnx.save(onnx.load(source), inside)
    quant_pre_process(inside, target, skip_symbolic_shape=True)
    return target


def ort_dynamic(source, target, feeds):
    from onnxruntime.quantization import QuantType, quantize_dynamic
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        model = prepared(source, folder)
        quantize_dynamic(model, target, per_channel=True, reduce_range=False, weight_type=QuantType.QInt8,
                         use_external_data_format=model == source)


def alike(feeds):
    """Those of the commonest shapes: ORT's histograms need all samples to have the same."""
    def shapes(feed):
        return tuple(value.shape for value in feed.values())
    commonest = collections.Counter(map(shapes, feeds)).most_common(1)[0][0]
    return [feed for feed in feeds if shapes(feed) == commonest]


def ort_static(activation, method, linears=False):
    """QDQ, weights S8 per channel. activation: "QUInt8" or "QInt8" (then symmetric, as ORT's documentation advises for
    GPUs); method: "MinMax", "Entropy" or "Percentile"; linears: only products with weights, not all that it can quantize."""
    def quantize(source, target, feeds):
        from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static

        class Reader(CalibrationDataReader):
            def __init__(self):
                self.rest = iter(feeds if method == "MinMax" else alike(feeds))

            def get_next(self):
                return next(self.rest, None)

        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            model = prepared(source, folder)
            quantize_static(model, target, Reader(), quant_format=QuantFormat.QDQ, per_channel=True,
                            activation_type=QuantType[activation], weight_type=QuantType.QInt8,
                            calibrate_method=CalibrationMethod[method], use_external_data_format=model == source,
                            op_types_to_quantize=["MatMul", "Gemm"] if linears else None,
                            extra_options={"ActivationSymmetric": activation == "QInt8", "MatMulConstBOnly": linears})
    return quantize


def nncf_static(model_type=None, preset=None):
    """model_type: "TRANSFORMER" adds SmoothQuant and leaves more in float; preset: "PERFORMANCE" is symmetric."""
    def quantize(source, target, feeds):
        import nncf
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            model = onnx.load(prepared(source, folder))
        save(nncf.quantize(model, nncf.Dataset(feeds), subset_size=len(feeds), model_type=model_type and nncf.ModelType[model_type],
                           preset=preset and nncf.QuantizationPreset[preset]), target)
    return quantize


def nncf_weights(mode, **options):
    """Only linears: of Conv and Gather weights it writes scales that neither ONNX Runtime nor OpenVINO takes, and blocks
    need weights with one summed axis."""
    def quantize(source, target, feeds):
        import nncf
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            # INT4 and blocks need opset 21.
            model = onnx.version_converter.convert_version(onnx.load(prepared(source, folder)), 21)
        scope = nncf.IgnoredScope(types=["Conv", "Gather"], names=["projection/x_attn/MatMul"], validate=False)
        save(nncf.compress_weights(model, mode=nncf.CompressWeightsMode[mode], ignored_scope=scope, **options), target)
    return quantize


QUANTIZERS = {
    "ort-dynamic": ort_dynamic,
    "ort-static-u8s8-minmax": ort_static("QUInt8", "MinMax"),
    "ort-static-s8s8-minmax": ort_static("QInt8", "MinMax"),
    "ort-static-u8s8-entropy": ort_static("QUInt8", "Entropy"),
    "ort-static-u8s8-percentile": ort_static("QUInt8", "Percentile"),
    "ort-static-linears-u8s8-minmax": ort_static("QUInt8", "MinMax", linears=True),
    "ort-static-linears-u8s8-percentile": ort_static("QUInt8", "Percentile", linears=True),
    "ort-static-linears-s8s8-minmax": ort_static("QInt8", "MinMax", linears=True),
    "nncf-static": nncf_static(),
    "nncf-static-transformer": nncf_static("TRANSFORMER"),
    "nncf-static-transformer-symmetric": nncf_static("TRANSFORMER", "PERFORMANCE"),
    "nncf-weights-int8": nncf_weights("INT8_SYM"),
    "nncf-weights-int4": nncf_weights("INT4_SYM", group_size=32, all_layers=True),
}


def main():
    name, *paths = sys.argv[1:]
    source, target, file = (pathlib.Path(path).absolute() for path in paths)
    quantize = QUANTIZERS[name]

    def make(part, graph, output):
        quantize(graph, output, samples.feeds(file, part))

    here = os.getcwd()
    with tempfile.TemporaryDirectory() as folder:  # some of them leave files where they are called
        os.chdir(folder)
        copy_with_graphs(source, target, make, "int4" if "int4" in name else "int8")
        os.chdir(here)


if __name__ == "__main__":
    main()
