#!/usr/bin/env python3
"""Shows ONNX files to NVIDIA's own importer, TensorRT-RTX (TensorRT 10/11 rules), which needs no GPU to parse and build.

    import_check.py [--build] [--expect-refused TEXT] [--axis NAME=MIN,OPT,MAX] [--json] FILE.onnx...

Prints for each file what the importer made of it; of a refusal, every node with the reason. Exit 0: every file is
accepted (with --build: and an engine was built). Exit 5: one is not. With --expect-refused: 0 if every file is refused at
a node of an operator that contains TEXT, 5 otherwise; so that the check itself is seen to fail.
"""
import argparse
import json
import math
import pathlib
import sys

import tensorrt_rtx_bindings as trt

NOT_ACCEPTED = 5  # vlaq's exit code for a verification that failed
# Dynamic axes by the names that vlaq gives them.
AXES = {"batch": (1, 1, 4), "window": (1, 8, 8), "tokens": (80, 96, 128)}
MOST_REASONS = 20


class Log(trt.ILogger):
    """Keeps errors. "No driver" is one that is always there without a GPU and says nothing of the graph."""

    def __init__(self):
        trt.ILogger.__init__(self)
        self.errors = []

    def log(self, severity, text):
        if severity <= trt.ILogger.ERROR and "Cuda Runtime" not in text:
            self.errors.append(" ".join(text.split()))


def named_axes(text):
    name, _, sizes = text.partition("=")
    values = tuple(int(size) for size in sizes.split(","))
    if len(values) != 3 or not 1 <= values[0] <= values[1] <= values[2]:
        raise argparse.ArgumentTypeError(f"'{text}' is not NAME=MIN,OPT,MAX")
    return name, values


def axes_of(path):
    """AXES, as the bundle that the file lies in needs them: a prompt holds at least the image's tokens and its own text."""
    manifest = path.parent / "policy.json"
    if not manifest.is_file():
        return AXES
    policy = json.loads(manifest.read_text())
    policy = policy.get("settings", policy)
    if "prompt_ids" not in policy:  # imported: axes are the user's
        return AXES
    tokens, window = len(policy["prompt_ids"]), policy["window"]
    return {**AXES, "tokens": (tokens, tokens, 2 * tokens), "window": (1, window, window)}


def profile(network, axes, builder):
    """The smallest, usual and largest shape of every input with dynamic axes."""
    shapes = builder.create_optimization_profile()
    for i in range(network.num_inputs):
        tensor = network.get_input(i)
        sizes = []
        for axis, size in enumerate(tensor.shape):
            name = tensor.get_dimension_name(axis)
            if size < 0 and name not in axes:
                raise SystemExit(f"import_check: input '{tensor.name}' has the dynamic axis '{name}'; say --axis {name}=MIN,OPT,MAX")
            sizes.append((size,) * 3 if size >= 0 else axes[name])
        if sizes:
            shapes.set_shape(tensor.name, *map(tuple, zip(*sizes)))
        if tensor.is_shape_tensor:  # its values decide shapes: ones, for want of better
            shapes.set_shape_input(tensor.name, *[[1] * math.prod(tensor.shape)] * 3)
    return shapes


def reasons(parser):
    for i in range(parser.num_errors):
        error = parser.get_error(i)
        yield {"node": error.node_name(), "operator": error.node_operator(), "why": " ".join(error.desc().split())}


def check(path, build, axes):
    """What became of a file: {"file", "accepted", "refused": [...], "outputs": {name: shape}, "engine_bytes"}."""
    log = Log()
    builder = trt.Builder(log)
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(network, log)
    result = {"file": str(path), "accepted": parser.parse_from_file(str(path)), "refused": list(reasons(parser))}
    if result["accepted"]:
        outputs = [network.get_output(i) for i in range(network.num_outputs)]
        result["outputs"] = {tensor.name: list(tensor.shape) for tensor in outputs}
    if not result["accepted"]:
        result["refused"] = result["refused"] or [{"node": "", "operator": "", "why": "; ".join(log.errors)}]
    elif build:
        config = builder.create_builder_config()
        config.add_optimization_profile(profile(network, axes, builder))
        engine = builder.build_serialized_network(network, config)
        result["accepted"] = engine is not None
        if engine is None:
            result["refused"] = [{"node": "", "operator": "", "why": "parsed, but no engine: " + "; ".join(log.errors)}]
        else:
            result["engine_bytes"] = engine.nbytes
    return result


def describe(result):
    size = f", engine of {result['engine_bytes']:,} bytes" if "engine_bytes" in result else ""
    lines = [f"{result['file']}: {'accepted' + size if result['accepted'] else 'REFUSED'}"]
    for reason in result["refused"][:MOST_REASONS]:
        lines.append(f"  {reason['operator'] or 'graph'} '{reason['node']}': {reason['why']}")
    if len(result["refused"]) > MOST_REASONS:
        lines.append(f"  and {len(result['refused']) - MOST_REASONS} more nodes")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=pathlib.Path)
    parser.add_argument("--build", action="store_true", help="also build an engine")
    parser.add_argument("--expect-refused", metavar="TEXT", help="part of the refused operator's name")
    parser.add_argument("--axis", action="append", default=[], type=named_axes, metavar="NAME=MIN,OPT,MAX")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    missing = [str(file) for file in args.files if not file.is_file()]
    if missing:
        parser.error(f"no such file: {', '.join(missing)}")
    results = [check(file, args.build, {**axes_of(file), **dict(args.axis)}) for file in args.files]
    print(json.dumps(results, indent=1) if args.json else "\n".join(map(describe, results)))
    if args.expect_refused is None:
        good = all(result["accepted"] for result in results)
    else:
        good = all(not r["accepted"] and any(args.expect_refused in reason["operator"] for reason in r["refused"]) for r in results)
    return 0 if good else NOT_ACCEPTED


if __name__ == "__main__":
    sys.exit(main())
