#!/usr/bin/env python3
"""Test equipment: speaks like trtexec so that `vlaq build` can be tested without a board. It builds nothing and measures
nothing, says so in its log, and vlaq never calls a figure of it measured.

  stand_in_trtexec.py SCENARIO [trtexec's options]

Written after the shapes in NVIDIA's public samples (sampleOptions.cpp, sampleReporting.cpp) and public logs; the layers come
from the graph that it is given. Scenarios: see SCENARIOS below.
"""
import json
import os
import signal
import struct
import sys
import time

MARK = "vlaq stand-in: nothing was built or measured"
MAGIC = b"vlaq stand-in engine\n"
SCENARIOS = ("ok", "unsupported", "out_of_memory", "fallback", "opaque", "opaque_unclear", "opaque_fallback", "tensorrt_10", "truncated_log",
             "truncated_json", "truncated_engine", "names_only", "crash", "killed", "full_disk", "unknown_option",
             "other_program", "int8_slow", "slow")


def fields(data):
    """(number, value) of a protobuf message; bytes for length-delimited fields."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(data):
        key = varint()
        kind = key & 7
        if kind == 0:
            yield key >> 3, varint()
        elif kind == 2:
            length = varint()
            yield key >> 3, data[at:at + length]
            at += length
        else:
            size = 8 if kind == 1 else 4
            yield key >> 3, data[at:at + size]
            at += size


def nodes_of(path):
    """(op_type, name, inputs, outputs) of each node of an ONNX file."""
    model = open(path, "rb").read()
    graph = next(value for number, value in fields(model) if number == 7)
    nodes = []
    for number, node in fields(graph):
        if number != 1:
            continue
        parts = {1: [], 2: [], 3: [], 4: []}
        for key, value in fields(node):
            if key in parts:
                parts[key].append(value.decode())
        nodes.append((parts[4][0], parts[3][0] if parts[3] else "", parts[1], parts[2]))
    return nodes


def tensor(name, kind):
    return {"Name": name, "Location": "Device", "Dimensions": [1, 64], "Format/Datatype": kind}


def layers_of(path, options, scenario):
    """A layer for each product, in the precision that its inputs ask for, or wider if the scenario falls back."""
    nodes = nodes_of(path)
    producers = {output: node for node in nodes for output in node[3]}
    typed_half = any(op == "Cast" for op, *_ in nodes) and not any(op == "QuantizeLinear" for op, *_ in nodes)
    weak = "--fp16" in options
    layers = []
    for op, name, inputs, outputs in nodes:
        if op not in ("MatMul", "Conv", "Gemm", "LSTM"):
            continue
        quantized = producers.get(inputs[0], ("",))[0] == "DequantizeLinear"
        kind = "Int8" if quantized else "Half" if typed_half or weak else "Float"
        if scenario in ("fallback", "opaque_fallback"):
            kind = {"Int8": "Half", "Half": "Float", "Float": "Float"}[kind]
        kernel = {"Int8": "sm80_xmma_gemm_i8i8_i8i32_f32_tn_n", "Half": "sm80_xmma_gemm_f16f16_f16f16_f16_nn_n",
                  "Float": "sm80_xmma_gemm_f32f32_f32f32_f32_nn_n"}[kind]
        if quantized:
            layers.append({"Name": f"Reformatting CopyNode for Input Tensor 0 to {name}", "LayerType": "Reformat",
                           "Inputs": [tensor(inputs[0], "Half")], "Outputs": [tensor(inputs[0] + "'", kind)],
                           "ParameterType": "Reformat", "Origin": "REFORMAT", "TacticValue": "0x00000000000003e8",
                           "StreamId": 0, "Metadata": ""})
        layers.append({"Name": name, "LayerType": "gemm", "Inputs": [tensor(inputs[0], kind)],
                       "Outputs": [tensor(outputs[0], kind)], "TacticName": kernel, "StreamId": 0,
                       "Metadata": f"[ONNX Layer: {name}]"})
    if scenario.startswith("opaque"):
        first, last = layers[0]["Name"], layers[-1]["Name"]
        layers = [{"Name": f"{{ForeignNode[{first}...{last}]}}", "LayerType": "Myelin", "Inputs": [tensor("x", "Float")],
                   "Outputs": [tensor("y", "Float")], "TacticName": "", "StreamId": 0, "Metadata": ""}]
    return layers


class Tool:
    def __init__(self, scenario, arguments):
        self.scenario = scenario
        self.options = dict(a.split("=", 1) if "=" in a else (a, "") for a in arguments)
        self.number = "100300" if scenario == "tensorrt_10" else "8602"
        self.words = f"[TensorRT v{self.number}] # trtexec {' '.join(arguments)}"

    def say(self, text, severity="I"):
        print(f"[11/20/2026-10:00:00] [{severity}] {text}", flush=True)

    def fail(self, *errors):
        for error in errors:
            self.say(error, "E")
        print(f"&&&& FAILED TensorRT.trtexec {self.words}", flush=True)
        sys.exit(1)

    def run(self):
        if self.scenario == "other_program":
            print("usage: something else")
            return
        print(f"&&&& RUNNING TensorRT.trtexec {self.words}", flush=True)
        self.say(MARK)
        if "--help" in self.options:
            print("=== Model Options ===\n  --onnx=<file>")
            return
        if self.scenario == "unknown_option":
            self.fail("Unknown option: --profilingVerbosity detailed")
        self.say("Selected Device: Orin")
        if "--onnx" in self.options:
            self.build()
        else:
            self.load()
        print(f"&&&& PASSED TensorRT.trtexec {self.words}", flush=True)

    def build(self):
        self.say("[TRT] [MemUsageChange] Init CUDA: CPU +2, GPU +0, now: CPU 28, GPU 4096 (MiB)")
        if self.scenario == "unsupported":
            self.fail("[TRT] ModelImporter.cpp:771: While parsing node number 7 [DynamicQuantizeLinear -> \"q\"]:",
                      "[TRT] ModelImporter.cpp:777: ERROR: ModelImporter.cpp:195 In function parseGraph:",
                      "[TRT] [8] No importer registered for op: DynamicQuantizeLinear", "Failed to parse onnx file",
                      "Parsing model failed", "Failed to create engine from model or file.", "Engine set up failed")
        self.say("[TRT] ModelImporter.cpp:420: Make sure input input_ids has Int64 binding.", "W")  # with every such graph
        self.say("Finished parsing network model. Parse time: 0.9")
        if self.scenario == "slow":
            with open(self.options["--saveEngine"], "wb") as file:
                file.write(MAGIC)
            time.sleep(600)
        if self.scenario == "out_of_memory":
            self.say("[TRT] Tactic Device request: 4229MB Available: 2658MB. Device memory is insufficient to use tactic.", "W")
            self.fail("[TRT] 1: [defaultAllocator.cpp::allocate::31] Error Code 1: Cuda Runtime (out of memory)",
                      "[TRT] 2: [virtualMemoryBuffer.cpp::resizePhysical::140] Error Code 2: OutOfMemory (no further information)",
                      "Engine could not be created from network", "Building engine failed")
        if self.scenario == "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        if self.scenario == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.scenario == "truncated_log":
            sys.exit(0)
        engine = self.options["--saveEngine"]
        layers = layers_of(self.options["--onnx"], self.options, self.scenario)
        body = MAGIC + json.dumps(layers).encode()
        size = self.engine_bytes()
        if self.scenario == "full_disk":
            with open(engine, "wb") as file:
                file.write(body[:100])
            self.fail("Saving engine to file failed.", "Engine set up failed")
        with open(engine, "wb") as file:
            file.write(body)
            file.truncate(max(size, len(body)))
        if "--timingCacheFile" in self.options:
            open(self.options["--timingCacheFile"], "ab").close()
        if self.scenario == "truncated_engine":
            self.say("Created engine with size: 700.5 MiB")
        self.say("Engine built in 12.5 sec.")

    def engine_bytes(self):
        """Of an opaque engine: as large as the bundle's weights; twice that; more than kernels can explain. Files have holes."""
        weights = os.path.getsize(os.path.join(os.path.dirname(self.options["--onnx"]), "weights.bin"))
        return {"opaque": weights, "opaque_unclear": 2 * weights, "opaque_fallback": 2 * weights + 80_000_000}.get(self.scenario, 0)

    def load(self):
        data = open(self.options["--loadEngine"], "rb").read()
        if not data.startswith(MAGIC):
            self.fail("[TRT] 1: [runtime.cpp::parsePlan::314] Error Code 1: Serialization (Serialization assertion failed)",
                      "Engine deserialization failed", "Got invalid engine!", "Inference set up failed")
        layers = json.loads(data[len(MAGIC):].rstrip(b"\0"))
        self.say("[TRT] Loaded engine size: 0 MiB")
        self.say("[TRT] [MemUsageChange] TensorRT-managed allocation in IExecutionContext creation: CPU +0, GPU +25, "
                 "now: CPU 0, GPU 60 (MiB)")
        self.say("Starting inference")
        self.say("Timing trace has 50 queries over 3.01 s")
        info = {"Layers": layers, "Bindings": ["pixel_values", "actions"]}
        if self.scenario == "names_only":
            info["Layers"] = [layer["Name"] for layer in layers]
        self.export("--exportLayerInfo", info)
        cost = {"Reformat": 0.01}
        slow = 0.2 if self.scenario == "int8_slow" else 0.02
        profile = [{"count": 300}]
        for layer in layers:
            ms = cost.get(layer["LayerType"], slow if "i8i8" in layer.get("TacticName", "") else 0.05)
            profile.append({"name": layer["Name"], "timeMs": 300 * ms, "averageMs": ms, "medianMs": ms, "percentage": 1.0})
        self.export("--exportProfile", profile)
        self.export("--exportTimes", [{"startEnqMs": i, "endEnqMs": i, "startH2dMs": i, "endH2dMs": i, "startComputeMs": i,
                                       "endComputeMs": i, "startD2hMs": i, "endD2hMs": i, "h2dMs": 0.5, "computeMs": 4.0,
                                       "d2hMs": 0.5, "latencyMs": 5.0} for i in range(50)])
        batch = int(self.options.get("--shapes", "x:1").split(":")[1].split("x")[0])
        if "--loadInputs" in self.options:
            path = self.options["--loadInputs"].split(":", 1)[1]
            count = os.path.getsize(path) // 4
            struct.unpack(f"<{min(count, 4)}f", open(path, "rb").read(4 * min(count, 4)))
        self.export("--exportOutput", [{"name": "actions", "dimensions": f"{batch}x1x2", "values": [0.0] * (2 * batch)}])

    def export(self, option, content):
        if option not in self.options:
            return
        text = json.dumps(content)
        if self.scenario == "truncated_json":
            text = text[:len(text) // 2]
        with open(self.options[option], "w") as file:
            file.write(text)


if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in SCENARIOS:
        sys.exit(f"usage: stand_in_trtexec.py {'|'.join(SCENARIOS)} [options]")
    Tool(sys.argv[1], sys.argv[2:]).run()
