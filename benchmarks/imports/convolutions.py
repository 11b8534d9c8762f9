#!/usr/bin/env python3
"""Times (the least of all rounds: others may use the machine) a convolution in ONNX Runtime in float32, as its dynamic quantization makes it of it (DynamicQuantizeLinear, ConvInteger,
scales), and in QDQ with and without a quantized result. One JSON document.

    python -m benchmarks.imports.convolutions [--threads N] [--rounds N] -o RESULTS.json
"""
import argparse
import json
import pathlib
import time

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

# Channels in, out, kernel, extent of the picture: layers of ResNet-18 on 224 x 224, and of a small policy's.
SHAPES = ((3, 64, 7, 224), (64, 64, 3, 56), (128, 128, 3, 28), (256, 256, 3, 14), (512, 512, 3, 7), (256, 1024, 1, 14), (32, 32, 3, 16))


def constants(rng, cin, cout, kernel):
    scale, zero = np.float32(0.02), np.uint8(128)
    return {"w": (rng.normal(size=(cout, cin, kernel, kernel)) * 0.05).astype(np.float32),
            "wq": rng.integers(-127, 128, (cout, cin, kernel, kernel)).astype(np.int8),
            "wu": rng.integers(0, 256, (cout, cin, kernel, kernel)).astype(np.uint8), "wuz": zero,
            "ws": np.full(cout, 0.0005, np.float32), "wz": np.zeros(cout, np.int8), "w1": np.float32(0.0005),
            "s": scale, "z": zero}


def forms(kernel):
    pads = [kernel // 2] * 4
    conv = {"pads": pads, "kernel_shape": [kernel, kernel]}
    node = helper.make_node
    qdq = [node("QuantizeLinear", ["x", "s", "z"], ["q"]), node("DequantizeLinear", ["q", "s", "z"], ["d"]),
           node("DequantizeLinear", ["wq", "ws", "wz"], ["wd"], axis=0)]
    return {
        "float32": [node("Conv", ["x", "w"], ["y"], **conv)],
        "dynamic": [node("DynamicQuantizeLinear", ["x"], ["q", "qs", "qz"]),
                    node("ConvInteger", ["q", "wu", "qz", "wuz"], ["sum"], **conv),
                    node("Cast", ["sum"], ["f"], to=TensorProto.FLOAT), node("Mul", ["qs", "w1"], ["both"]), node("Mul", ["f", "both"], ["y"])],
        "QDQ, float result": [*qdq, node("Conv", ["d", "wd"], ["y"], **conv)],
        "QDQ, quantized result": [*qdq, node("Conv", ["d", "wd"], ["c"], **conv), node("QuantizeLinear", ["c", "s", "z"], ["cq"]),
                                  node("DequantizeLinear", ["cq", "s", "z"], ["y"])],
    }


def session(nodes, tensors, shape, threads):
    read = {name for node in nodes for name in node.input}
    graph = helper.make_graph(nodes, "convolution", [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
                              [numpy_helper.from_array(np.asarray(value), name) for name, value in tensors.items() if name in read])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("-o", "--output", required=True, type=pathlib.Path)
    args = parser.parse_args()
    rng, rows = np.random.default_rng(0), []
    for cin, cout, kernel, extent in SHAPES:
        shape = (1, cin, extent, extent)
        x, tensors = rng.normal(size=shape).astype(np.float32), constants(rng, cin, cout, kernel)
        opened = {name: session(nodes, tensors, shape, args.threads) for name, nodes in forms(kernel).items()}
        times = {name: [] for name in opened}
        for _ in range(args.rounds + 1):  # in turns: neighbors slow all alike
            for name, model in opened.items():
                begin = time.perf_counter_ns()
                model.run(None, {"x": x})
                times[name].append((time.perf_counter_ns() - begin) / 1e6)
        rows.append({"in": cin, "out": cout, "kernel": kernel, "extent": extent,
                     "ms": {name: min(values[1:]) for name, values in times.items()}})
        print(rows[-1], flush=True)
    args.output.write_text(json.dumps({"schema": "vlaq.convolutions/1", "threads": args.threads, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
