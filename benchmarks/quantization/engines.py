"""Opens an .onnx file in ONNX Runtime or OpenVINO, each as a function from inputs to the graph's one output.

    python -m benchmarks.quantization.engines      versions of engines and quantizers, as JSON
"""
import importlib.metadata
import json

import numpy as np


class Ort:
    """As vlaq opens it (src/backend/onnxruntime/session.cc): all optimizations, one operator at a time."""

    def __init__(self, graph, threads):
        import onnxruntime
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = 4  # it also throws
        self.session = onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
        self.inputs = {i.name for i in self.session.get_inputs()}

    def __call__(self, feed):
        return self.session.run(None, {k: v for k, v in feed.items() if k in self.inputs})[0]


class OpenVino:
    def __init__(self, graph, threads):
        import openvino
        core = openvino.Core()
        # f32: on processors with bfloat16 it would otherwise compute fp32 graphs in that.
        settings = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32",
                    "NUM_STREAMS": 1}
        self.request = core.compile_model(core.read_model(graph), "CPU", settings).create_infer_request()
        self.inputs = {name for port in self.request.model_inputs for name in port.names}

    def __call__(self, feed):
        result = self.request.infer({k: v for k, v in feed.items() if k in self.inputs}, share_inputs=True)
        return np.array(result[0])


ENGINES = {"onnxruntime": Ort, "openvino": OpenVino}
PACKAGES = ("onnxruntime", "openvino", "nncf", "onnx", "numpy")

if __name__ == "__main__":
    print(json.dumps({name: importlib.metadata.version(name) for name in PACKAGES}))
