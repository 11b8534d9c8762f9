#!/usr/bin/env python3
"""Writes the seeds of fuzz/corpus/onnx with the onnx package (any version from 1.12 on).

    python3 fuzz/make_onnx_corpus.py

Files named found-* are inputs that the fuzzer came upon; they are kept by hand.
"""
import os

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = os.path.dirname(os.path.abspath(__file__))
FOLDER = os.path.join(HERE, "corpus", "onnx")


def value(name, kind=TensorProto.FLOAT, shape=("batch", 2)):
    return helper.make_tensor_value_info(name, kind, shape)


def put(name, graph, **more):
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8,
                              producer_name="vlaq seeds", **more)
    with open(os.path.join(FOLDER, name), "wb") as f:
        f.write(model.SerializeToString(deterministic=True))


os.makedirs(FOLDER, exist_ok=True)
add = helper.make_node("Add", ["x", "w"], ["y"], name="add")
raw = numpy_helper.from_array(numpy.ones((2,), numpy.float32), "w")
put("raw", helper.make_graph([add], "raw", [value("x")], [value("y")], [raw]))

kinds = {"f": TensorProto.FLOAT, "d": TensorProto.DOUBLE, "i": TensorProto.INT32, "l": TensorProto.INT64,
         "b": TensorProto.BOOL, "u": TensorProto.UINT64, "h": TensorProto.FLOAT16, "c": TensorProto.COMPLEX64}
typed = [helper.make_tensor(name, kind, [2], [1, 0]) for name, kind in kinds.items()]
put("typed", helper.make_graph([helper.make_node("Identity", ["f"], ["y"])], "typed", [], [value("y", shape=None)], typed,
                               value_info=[value("y", shape=(2,))]))

branch = helper.make_graph([helper.make_node("Identity", ["x"], ["inner"])], "branch", [], [value("inner")])
choice = helper.make_node("If", ["condition"], ["y"], then_branch=branch, else_branch=branch)
everything = helper.make_node("Custom", ["x", "", "x"], ["z"], domain="com.example", i=1, f=0.5, s="text", ints=[1, -2],
                              floats=[0.5], strings=["a", "b"], t=raw)
put("subgraphs", helper.make_graph([choice, everything], "subgraphs", [value("x"), value("condition", TensorProto.BOOL, [])],
                                   [value("y"), value("z")]))

external = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[2], data_location=TensorProto.EXTERNAL)
for key, text in (("location", "weights.bin"), ("offset", "64"), ("length", "8")):
    external.external_data.add(key=key, value=text)
put("external", helper.make_graph([add], "external", [value("x")], [value("y")], [external]))

text = helper.make_tensor_value_info("text", TensorProto.STRING, ["n"])
function = helper.make_function("com.example", "Twice", ["a"], ["b"], [helper.make_node("Add", ["a", "a"], ["b"])],
                                [helper.make_opsetid("", 17)])
put("functions", helper.make_graph([add], "functions", [value("x"), text], [value("y")], [raw]), functions=[function])
