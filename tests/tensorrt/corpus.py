"""Small graphs that keep or break one rule of `vlaq check` each, for agreement_test.py.

A case says what it is about (the rule's id), whether it keeps or breaks the rule, and, where NVIDIA's importer need not say the
same as the rules of 10.3, why: `unjudged` for what TensorRT-RTX does not decide, `differs` for what it decides otherwise.
"""
import dataclasses

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper, numpy_helper

F, H, D, I32, I64, I8, U8, BOOL = T.FLOAT, T.FLOAT16, T.DOUBLE, T.INT32, T.INT64, T.INT8, T.UINT8, T.BOOL


@dataclasses.dataclass
class Case:
    name: str
    rule: str  # the rule that the graph keeps or breaks
    breaks: bool
    model: onnx.ModelProto
    unjudged: str = ""  # why the importer does not judge the rule
    differs: str = ""  # why the importer says something else than the rule
    invalid: str = ""  # why the graph is not valid ONNX


class Graph:
    """One graph in the making: nodes and constants with names that count up."""

    def __init__(self, opset=17, domains=()):
        self.nodes, self.constants, self.inputs, self.outputs = [], [], [], []
        self.opset, self.domains = opset, domains

    def input(self, name="x", shape=(2, 4), dtype=F):
        self.inputs.append(helper.make_tensor_value_info(name, dtype, shape))
        return name

    def const(self, values, dtype=np.float32):
        name = f"constant.{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.array(values, dtype), name))
        return name

    def op(self, op_type, *inputs, outputs=1, **attributes):
        name = f"{op_type}.{len(self.nodes)}"
        names = [name if i == 0 else f"{name}:{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(op_type, list(inputs), names, name=name, **attributes))
        return name if outputs == 1 else names

    def output(self, value, dtype=F, shape=None):
        self.outputs.append(helper.make_tensor_value_info(value, dtype, shape))

    def graph(self, name):
        return helper.make_graph(self.nodes, name, self.inputs, self.outputs, self.constants)

    def model(self, name):
        opsets = [helper.make_opsetid("", self.opset)] + [helper.make_opsetid(domain, 1) for domain in self.domains]
        model = helper.make_model(self.graph(name), opset_imports=opsets, ir_version=10 if self.opset > 20 else 9 if self.opset > 18 else 8)
        model = onnx.shape_inference.infer_shapes(model)  # outputs get their shapes
        for output in model.graph.output:
            if not output.type.tensor_type.HasField("shape"):  # onnx does not know other domains' operators
                output.type.tensor_type.shape.CopyFrom(self.inputs[0].type.tensor_type.shape)
        del model.graph.value_info[:]
        return model


def ramp(*shape, dtype=np.float32):
    return (np.arange(np.prod(shape), dtype=np.float64).reshape(shape) / 8 - 1).astype(dtype)


CASES = []


def case(name, rule, breaks, unjudged="", differs="", invalid="", opset=17, domains=()):
    """Adds what the decorated function builds as a case."""

    def add(build):
        graph = Graph(opset, domains)
        build(graph)
        CASES.append(Case(name, rule, breaks, graph.model(name), unjudged, differs, invalid))
        return build
    return add


def unary(name, rule, breaks, op_type, dtype=F, out=None, attributes=None, **more):
    """A graph of one operator with one input."""
    @case(name, rule, breaks, **more)
    def _(g):
        g.output(g.op(op_type, g.input(dtype=dtype), **(attributes or {})), out or dtype)


ONLY_86 = "a rule of 8.6, TensorRT-RTX follows TensorRT 10"
NEWER = "TensorRT-RTX is newer and takes it; 10.1's importer, its table or the documents of 10.3 do not"

# Opsets and files.
unary("opset_17", "TRT-G02", False, "Relu")
unary("opset_20", "TRT-G02", False, "Relu", opset=20)
unary("opset_22", "TRT-G02", True, "Relu", opset=22, differs=NEWER)
unary("opset_8", "TRT-G02", True, "Relu", opset=8, unjudged="the importer takes what its documents do not list")
unary("opset_18_for_86", "TRT-G01", True, "Relu", opset=18, unjudged=ONLY_86)


# Types.
@case("int64_constant_large", "TRT-G03a", True, unjudged=ONLY_86)
def _(g):
    g.output(g.op("Mul", g.input(dtype=I64), g.const(2**40, np.int64)), I64)


@case("int64_constant_small", "TRT-G03c", True)
def _(g):
    g.output(g.op("Mul", g.input(dtype=I64), g.const(7, np.int64)), I64)


@case("int64_slice_to_the_end", "TRT-G03b", True)
def _(g):
    g.output(g.op("Slice", g.input(), g.const([1], np.int64), g.const([2**63 - 1], np.int64), g.const([1], np.int64)))


unary("int64_input", "TRT-G04b", True, "Neg", dtype=I64)
unary("int32_input", "TRT-G04b", False, "Neg", dtype=I32)
unary("double_input", "TRT-G05", True, "Exp", dtype=D)
unary("int16_input", "TRT-T01", True, "Abs", dtype=T.INT16)
unary("uint32_input", "TRT-T01", True, "Abs", dtype=T.UINT32)
unary("bool_not", "TRT-T01", False, "Not", dtype=BOOL)
unary("int32_abs", "TRT-T02a", False, "Abs", dtype=I32)
unary("int64_softmax", "TRT-T02a", True, "Softmax", dtype=I64, invalid="Softmax of integers")
unary("int32_erf", "TRT-T02a", True, "Erf", dtype=I32, invalid="Erf of integers")
unary("int32_clip", "TRT-T02b", True, "Clip", dtype=I32)
unary("uint8_transpose", "TRT-T03", True, "Transpose", dtype=U8)


@case("int32_matmul", "TRT-T02a", True)
def _(g):
    g.output(g.op("MatMul", g.input(dtype=I32), g.const(np.ones((4, 3)), np.int32)), I32)


@case("uint8_cast", "TRT-T03", False)
def _(g):
    g.output(g.op("Cast", g.input(dtype=U8), to=F))


@case("mask_of_minus_1e38", "FP-06", True)
def _(g):
    g.output(g.op("Add", g.input(), g.const(-3.4e38)))


@case("epsilon_of_1e-12", "FP-05", True)
def _(g):
    g.output(g.op("Add", g.input(), g.const(1e-12)))


# Operators.
unary("gelu_at_20", "TRT-G07", True, "Gelu", opset=20)


@case("erf_gelu", "TRT-G07", False)
def _(g):
    x = g.input()
    erf = g.op("Erf", g.op("Div", x, g.const(2**0.5)))
    g.output(g.op("Mul", g.op("Mul", x, g.op("Add", erf, g.const(1))), g.const(0.5)))


unary("quick_gelu_contrib", "TRT-G08", True, "QuickGelu", attributes={"domain": "com.microsoft"}, domains=("com.microsoft",))
unary("plugin", "TRT-G19", True, "EfficientNMS_TRT", attributes={"domain": "trt.plugins"}, domains=("trt.plugins",),
      unjudged="TensorRT-RTX comes without the plugin library")
unary("unknown_domain", "TRT-G08", True, "Foo", attributes={"domain": "my.company"}, domains=("my.company",))


@case("quick_gelu_standard", "TRT-G08", False)
def _(g):
    x = g.input()
    g.output(g.op("Mul", x, g.op("Sigmoid", g.op("Mul", x, g.const(1.702)))))


@case("matmul_integer", "TRT-G09", True)
def _(g):
    g.output(g.op("MatMulInteger", g.input(dtype=I8), g.const(np.ones((4, 3)), np.int8)), I32)


@case("dynamic_quantize", "TRT-G09", True)
def _(g):
    codes, scale, zero = g.op("DynamicQuantizeLinear", g.input(), outputs=3)
    g.output(g.op("DequantizeLinear", codes, scale, zero))


@case("conv_integer", "TRT-G09", True)
def _(g):
    g.output(g.op("ConvInteger", g.input(shape=(1, 3, 8, 8), dtype=U8), g.const(np.ones((4, 3, 3, 3)), np.uint8)), I32)


@case("qlinear_matmul", "TRT-G09", True)
def _(g):
    scale, zero = g.const(0.1), g.const(0, np.int8)
    g.output(g.op("QLinearMatMul", g.input(dtype=I8), scale, zero, g.const(np.ones((4, 3)), np.int8), scale, zero, scale, zero), I8)




@case("det", "TRT-O01", True)
def _(g):
    g.output(g.op("Det", g.input(shape=(3, 3))))


unary("hardmax_on_10", "TRT-O01", True, "Hardmax")
unary("mish_on_10", "TRT-O01", True, "Mish", opset=18)
unary("nonzero", "TRT-O01", False, "NonZero", out=I64, differs="in the tables of 8.6 and 10.1, but TensorRT-RTX has no such plugin")


@case("bitwise_and", "TRT-O01", True, opset=18)
def _(g):
    g.output(g.op("BitwiseAnd", g.input(dtype=I32), g.const(3, np.int32)), I32)


@case("layernorm_full", "TRT-G10a", False)
def _(g):
    g.output(g.op("LayerNormalization", g.input(), g.const(ramp(4)), g.const(ramp(4))))


@case("layernorm_mean_output", "TRT-G10a", True)
def _(g):
    y, mean, _inv = g.op("LayerNormalization", g.input(), g.const(ramp(4)), g.const(ramp(4)), outputs=3)
    g.output(y)
    g.output(mean)


@case("layernorm_without_bias", "TRT-G10b", True)
def _(g):
    g.output(g.op("LayerNormalization", g.input(), g.const(ramp(4))))


@case("layernorm_in_pieces", "TRT-G11", True)
def _(g):
    x = g.input()
    centered = g.op("Sub", x, g.op("ReduceMean", x, axes=[-1]))
    variance = g.op("ReduceMean", g.op("Pow", centered, g.const(2)), axes=[-1])
    g.output(g.op("Div", centered, g.op("Sqrt", g.op("Add", variance, g.const(1e-5)))))


@case("einsum_plain", "TRT-G12", False)
def _(g):
    g.output(g.op("Einsum", g.input(), g.const(ramp(4, 3)), equation="ij,jk->ik"))


@case("einsum_ellipsis", "TRT-G12", True, unjudged=ONLY_86)
def _(g):
    g.output(g.op("Einsum", g.input(), g.const(ramp(4, 3)), equation="...j,jk->...k"))


@case("reduce_axes_constant_18", "TRT-G13", False, opset=18)
def _(g):
    g.output(g.op("ReduceMean", g.input(), g.const([1], np.int64)))


@case("reduce_axes_computed_18", "TRT-G13", True, opset=18)
def _(g):
    g.output(g.op("ReduceMean", g.input(), g.input("axes", (1,), I64)))


@case("squeeze_axes_constant", "TRT-G13", False)
def _(g):
    g.output(g.op("Squeeze", g.input(shape=(1, 4)), g.const([0], np.int64)))


@case("squeeze_axes_computed", "TRT-G13", True)
def _(g):
    g.output(g.op("Squeeze", g.input(shape=(1, 4)), g.input("axes", (1,), I64)))


@case("unsqueeze_axes_computed", "TRT-G13", True)
def _(g):
    g.output(g.op("Unsqueeze", g.input(), g.input("axes", (1,), I64)))


@case("cumsum_axis_constant", "TRT-G13", False)
def _(g):
    g.output(g.op("CumSum", g.input(), g.const(1, np.int64)))


@case("cumsum_axis_computed", "TRT-G13", True, differs=NEWER)
def _(g):
    g.output(g.op("CumSum", g.input(), g.input("axis", (), I64)))


@case("topk_sorted", "TRT-G14a", False)
def _(g):
    values, indices = g.op("TopK", g.input(), g.const([2], np.int64), outputs=2)
    g.output(values)
    g.output(indices, I64)


@case("topk_unsorted", "TRT-G14a", True)
def _(g):
    values, indices = g.op("TopK", g.input(), g.const([2], np.int64), outputs=2, sorted=0)
    g.output(values)
    g.output(indices, I64)


@case("topk_large", "TRT-G14b", True)
def _(g):
    values, indices = g.op("TopK", g.input(shape=(1, 5000)), g.const([4000], np.int64), outputs=2)
    g.output(values)
    g.output(indices, I64)


@case("onehot_constant_depth", "TRT-G14c", False)
def _(g):
    g.output(g.op("OneHot", g.input(shape=(3,), dtype=I64), g.const(5, np.int64), g.const([0, 1])))


@case("onehot_computed_depth", "TRT-G14c", True, differs=NEWER)
def _(g):
    g.output(g.op("OneHot", g.input(shape=(3,), dtype=I64), g.input("depth", (), I64), g.const([0, 1])))


def pool(name, rule, breaks, shape, outputs=1, **more):
    @case(name, rule, breaks, **{key: more.pop(key) for key in ("unjudged", "differs") if key in more})
    def _(g):
        out = g.op("MaxPool", g.input(shape=shape), outputs=outputs, **more)
        g.output(out if outputs == 1 else out[0])
        if outputs > 1:
            g.output(out[1], I64)


pool("maxpool_2d", "TRT-G15a", False, (1, 2, 8, 8), kernel_shape=[2, 2])
pool("maxpool_1d", "TRT-G15a", False, (1, 2, 8), kernel_shape=[2])
pool("maxpool_4d", "TRT-G15a", True, (1, 2, 4, 4, 4, 4), kernel_shape=[2, 2, 2, 2])
pool("maxpool_indices", "TRT-G15b", True, (1, 2, 8, 8), outputs=2, kernel_shape=[2, 2])
pool("maxpool_dilated", "TRT-G15c", True, (1, 2, 8, 8), kernel_shape=[2, 2], dilations=[2, 2])


def scatter(name, breaks, differs="", **attributes):
    @case(name, "TRT-G16", breaks, differs=differs)
    def _(g):
        g.output(g.op("ScatterND", g.input(), g.const([[0]], np.int64), g.const(ramp(1, 4)), **attributes))


scatter("scatter_nd", False)
scatter("scatter_nd_add", True, reduction="add")
scatter("scatter_nd_none", True, differs=NEWER, reduction="none")


# Attributes that an importer does not look at, or refuses.
def attribute(name, rule, breaks, op_type, shape=(2, 4), out=F, more_inputs=(), outputs=1, opset=17, unjudged="", differs="", invalid="", **attributes):
    @case(name, rule, breaks, opset=opset, unjudged=unjudged, differs=differs, invalid=invalid)
    def _(g):
        x = g.input(shape=shape)
        made = g.op(op_type, x, *[i if isinstance(i, str) else g.const(i[0], i[1]) for i in more_inputs], outputs=outputs, **attributes)
        for value in [made] if outputs == 1 else made:
            g.output(value, out)


FLOATS, INTS = np.float32, np.int64
DOUBLE_SIZE = ("", ([1, 1, 2, 2], FLOATS))
attribute("shape_from_1", "TRT-A01", True, "Shape", out=I64, start=1)
attribute("shape_whole", "TRT-A01", False, "Shape", out=I64, start=0)
attribute("resize_antialias", "TRT-A02b", True, "Resize", (1, 1, 4, 4), more_inputs=DOUBLE_SIZE, opset=18, mode="linear", antialias=1)
attribute("resize_antialias_0", "TRT-A02b", False, "Resize", (1, 1, 4, 4), more_inputs=DOUBLE_SIZE, opset=18, mode="linear", antialias=0)
attribute("resize_not_larger", "TRT-A02b", True, "Resize", (1, 1, 4, 6), more_inputs=("", "", ([8, 8], INTS)), opset=18, axes=[2, 3], mode="linear",
          keep_aspect_ratio_policy="not_larger")
attribute("resize_axes", "TRT-A02a", True, "Resize", (1, 1, 4, 4), more_inputs=("", ([2, 2], FLOATS)), opset=18, axes=[2, 3], mode="linear")
attribute("resize_crop", "TRT-A02c", True, "Resize", (1, 1, 4, 4), more_inputs=(([0, 0, 0, 0, 1, 1, 1, 1], FLOATS), ([1, 1, 2, 2], FLOATS)),
          mode="linear", coordinate_transformation_mode="tf_crop_and_resize")
attribute("resize_asymmetric", "TRT-A02c", False, "Resize", (1, 1, 4, 4), more_inputs=DOUBLE_SIZE, mode="linear", coordinate_transformation_mode="asymmetric")
attribute("resize_linear_4_axes", "TRT-A02d", True, "Resize", (1, 1, 2, 2, 2), more_inputs=("", ([1, 2, 2, 2, 2], FLOATS)), mode="linear")
attribute("resize_linear_3_axes", "TRT-A02d", False, "Resize", (1, 1, 2, 2, 2), more_inputs=("", ([1, 1, 2, 2, 2], FLOATS)), mode="linear")
attribute("scatter_elements_add_86", "TRT-A03", True, "ScatterElements", more_inputs=(([[0, 0, 0, 0]], INTS), ([[1, 1, 1, 1]], FLOATS)),
          unjudged="TensorRT-RTX comes without the plugin library", reduction="add")
attribute("scatter_elements_add", "TRT-A04", True, "ScatterElements", more_inputs=(([[0, 0, 0, 0]], INTS), ([[1, 1, 1, 1]], FLOATS)),
          unjudged="TensorRT-RTX comes without the plugin library", reduction="add")
attribute("scatter_elements_none", "TRT-A04", False, "ScatterElements", more_inputs=(([[0, 0, 0, 0]], INTS), ([[1, 1, 1, 1]], FLOATS)))
attribute("squeeze_all_dynamic", "TRT-A05", True, "Squeeze", ("batch", 1, 4))
attribute("squeeze_all_fixed", "TRT-A05", False, "Squeeze", (2, 1, 4))
NORM = tuple(([value] * 4, FLOATS) for value in (1, 0, 0, 1))
attribute("batchnorm_training", "TRT-A06", True, "BatchNormalization", (2, 4, 3), more_inputs=NORM, outputs=3, training_mode=1)
attribute("batchnorm_inference", "TRT-A06", False, "BatchNormalization", (2, 4, 3), more_inputs=NORM)
attribute("dropout_training", "TRT-A06", True, "Dropout", more_inputs=((0.5, FLOATS), (True, bool)))
attribute("dropout_inference", "TRT-A06", False, "Dropout", more_inputs=((0.5, FLOATS), (False, bool)))
attribute("reduce_nothing", "TRT-A07", True, "ReduceSum", unjudged=ONLY_86, noop_with_empty_axes=1)
attribute("pad_wrap", "TRT-A08", True, "Pad", more_inputs=(([0, 1, 0, 1], INTS),), opset=19, unjudged=ONLY_86, mode="wrap")
attribute("pad_reflect", "TRT-A08", False, "Pad", more_inputs=(([0, 1, 0, 1], INTS),), mode="reflect")
attribute("gridsample_bilinear", "TRT-A08", False, "GridSample", (1, 1, 4, 4), more_inputs=((np.zeros((1, 2, 2, 2)), FLOATS),), mode="bilinear")
attribute("norm_of_p_2", "TRT-A09", False, "LpNormalization", p=2)
attribute("pool_lp_3", "TRT-A09", True, "LpPool", (1, 2, 8, 8), kernel_shape=[2, 2], p=3)
attribute("average_ceil_counted", "TRT-A10", True, "AveragePool", (1, 2, 7, 7), kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1, count_include_pad=1)
attribute("eye_dynamic", "TRT-A12", True, "EyeLike", ("batch", 4))
attribute("eye_fixed", "TRT-A12", False, "EyeLike", (4, 4))
attribute("random_like", "TRT-A11", True, "RandomUniformLike")


@case("pad_through_pairs", "TRT-S05", True, unjudged=ONLY_86)
def _(g):
    x = g.input(shape=("batch", 4))
    pads = g.op("Concat", g.op("Shape", x), g.op("Shape", x), axis=0)
    pairs = g.op("Reshape", pads, g.const([-1, 2], INTS))
    g.output(g.op("Pad", x, g.op("Reshape", pairs, g.const([-1], INTS))))


def branch(value_name, constant):
    return helper.make_graph([helper.make_node("Constant", [], [value_name], name=value_name + ".node", value=numpy_helper.from_array(constant))],
                             value_name + ".graph", [], [helper.make_tensor_value_info(value_name, F, constant.shape)])


def choice(name, rule, breaks, then_branch, else_branch, **more):
    @case(name, rule, breaks, **more)
    def _(g):
        g.output(g.op("If", g.input("condition", (), BOOL), then_branch=then_branch, else_branch=else_branch))


choice("if_plain", "TRT-G18a", False, branch("a", ramp(2, 2)), branch("b", ramp(2, 2)))
choice("if_same_names", "TRT-G18a", True, branch("a", ramp(2, 2)), branch("a", ramp(2, 2)), differs=NEWER)
choice("if_ranks", "TRT-G18b", True, branch("a", ramp(2, 2)), branch("b", ramp(4)))


def loop(name, breaks, count_constant, **more):
    @case(name, "TRT-G17", breaks, **more)
    def _(g):
        body = helper.make_graph(
            [helper.make_node("Identity", ["go"], ["go_on"], name="again"), helper.make_node("Add", ["carried", "carried"], ["twice"], name="twice"),
             helper.make_node("Identity", ["twice"], ["scan"], name="keep")], "body",
            [helper.make_tensor_value_info("i", I64, ()), helper.make_tensor_value_info("go", BOOL, ()), helper.make_tensor_value_info("carried", F, (2, 4))],
            [helper.make_tensor_value_info("go_on", BOOL, ()), helper.make_tensor_value_info("twice", F, (2, 4)), helper.make_tensor_value_info("scan", F, (2, 4))])
        x = g.input()
        count = g.const(3, np.int64) if count_constant else g.input("count", (), I64)
        last, scans = g.op("Loop", count, g.const(True, np.bool_), x, outputs=2, body=body)
        g.output(last)
        g.output(scans)


loop("loop_fixed_count", False, True)
loop("loop_computed_count", True, False, differs="TensorRT-RTX imports and builds it; 10.1's table does not list it")


# Shape tensors and dynamic shapes.
@case("reshape_from_shape", "TRT-S01", False)
def _(g):
    x = g.input(shape=("batch", 4))
    g.output(g.op("Reshape", x, g.op("Concat", g.op("Shape", x), g.const([1], np.int64), axis=0)))


@case("expand_from_integers", "TRT-S02", True)
def _(g):
    g.output(g.op("Expand", g.input(shape=(1, 1)), g.input("wanted", (2,), I64)))


@case("reshape_from_floats", "TRT-S01", True)
def _(g):
    g.output(g.op("Reshape", g.input(), g.op("Cast", g.input("wanted", (2,), F), to=I64)))


# LSTM.
def lstm(name, rule, breaks, shape=(5, 2, 4), unjudged="", differs="", hidden=3, **attributes):
    @case(name, rule, breaks, unjudged=unjudged, differs=differs)
    def _(g):
        directions = 2 if attributes.get("direction") == "bidirectional" else 1
        w, r = g.const(ramp(directions, 12, 4)), g.const(ramp(directions, 12, 3))
        y, h, c = g.op("LSTM", g.input(shape=shape), w, r, g.const(ramp(directions, 24)), outputs=3, **attributes, **({"hidden_size": hidden} if hidden else {}))
        for value in (y, h, c):
            g.output(value)


FORWARD = ["Sigmoid", "Tanh", "Tanh"]
lstm("lstm", "TRT-L01", False)
lstm("lstm_is_a_loop", "TRT-L05", True)
lstm("lstm_dynamic_batch", "TRT-L01", False, shape=(5, "batch", 4))
lstm("lstm_input_forget", "TRT-L01", True, input_forget=1)
lstm("lstm_batch_first", "TRT-L02", True, layout=1)
lstm("lstm_both_ways", "TRT-L03", False, direction="bidirectional")
lstm("lstm_two_kinds", "TRT-L03", True, direction="bidirectional", activations=FORWARD + ["Relu", "Tanh", "Tanh"])
lstm("lstm_two_slopes", "TRT-L03a", True, direction="bidirectional", activations=["LeakyRelu"] * 6, activation_alpha=[0.1] * 3 + [0.2] * 3)
lstm("lstm_without_hidden_size", "TRT-L06", True, hidden=None)
lstm("lstm_clip", "TRT-L04", False, clip=3.0)
lstm("lstm_affine", "TRT-L04", True, activations=["Sigmoid", "Affine", "Tanh"], activation_alpha=[1.0], activation_beta=[0.0])
lstm("lstm_relu", "TRT-L04", False, activations=["Sigmoid", "Relu", "Tanh"])


# Quantized values.
def pair(g, value, scale, zero=None, **attributes):
    inputs = [value, scale] + ([zero] if zero else [])
    return g.op("DequantizeLinear", g.op("QuantizeLinear", *inputs, **attributes), scale, *inputs[2:], **{k: v for k, v in attributes.items() if k == "axis"})


def activation(name, rule, breaks, scale=0.1, zero=0, zero_type=np.int8, scale_type=np.float32, dtype=F, out=None, shape=(2, 4), opset=17, **more):
    """x -> Q -> DQ, per tensor."""
    @case(name, rule, breaks, opset=opset, **more)
    def _(g):
        g.output(pair(g, g.input(shape=shape, dtype=dtype), g.const(scale, scale_type), None if zero is None else g.const(zero, zero_type)), out or F)


activation("qdq_symmetric", "TRT-Q02", False)
activation("qdq_zero_point", "TRT-Q02", True, zero=3)
activation("qdq_without_zero_point", "TRT-Q01b", True, zero=None)
activation("qdq_uint8_for_86", "TRT-Q03a", True, zero_type=np.uint8, unjudged=ONLY_86)
activation("qdq_uint8_zero", "TRT-Q03b", True, zero_type=np.uint8, differs="TensorRT-RTX takes UINT8 with a zero point of zero; 10.1's importer does not")
activation("qdq_uint8_128", "TRT-Q02", True, zero=128, zero_type=np.uint8)
activation("qdq_half_scale_19", "TRT-Q05", False, scale_type=np.float16, dtype=H, out=H, opset=19)
activation("qdq_negative_scale", "TRT-Q06", True, scale=-0.1)
activation("qdq_zero_scale", "TRT-Q06", True, scale=0.0)
activation("qdq_half_input_float_scale", "TRT-Q11a", True, dtype=H, opset=19, invalid="opset 19 wants the scale in the input's type")
activation("qdq_half_scale_17", "TRT-Q05", True, scale_type=np.float16, dtype=H, out=H, differs=NEWER, invalid="Q/DQ of opset 17 take float32 scales")
activation("qdq_scalar", "TRT-Q11b", True, shape=())
activation("qdq_no_scales", "TRT-Q06", True, scale=[], zero=[])
activation("qdq_is_noted", "TRT-Q17", True)


@case("qdq_scale_computed", "TRT-Q07", True, differs=NEWER)
def _(g):
    g.output(pair(g, g.input(), g.input("scale", ()), g.const(0, np.int8)))


def weight(name, rule, breaks, scales=3, zeros=None, axis=1, zero_type=np.int8, codes=False, **more):
    """x @ (W -> Q -> DQ), or of constant codes, per channel."""
    @case(name, rule, breaks, **more)
    def _(g):
        scale, zero = g.const(np.full(scales, 0.1)), g.const(np.zeros(scales if zeros is None else zeros), zero_type)
        attributes = {} if axis is None else {"axis": axis}
        if codes:
            w = g.op("DequantizeLinear", g.const(np.ones((4, 3)), zero_type), scale, zero, **attributes)
        else:
            w = pair(g, g.const(ramp(4, 3)), scale, zero, **attributes)
        g.output(g.op("MatMul", g.input(), w))


weight("weight_per_channel", "TRT-Q08a", False)
weight("weight_without_axis", "TRT-Q08a", True, axis=None, differs="TensorRT-RTX reads ONNX's default axis of 1; the importers of 8.6 and 10.1 fall back to 0")
weight("weight_wrong_count", "TRT-Q08b", True, scales=4)
weight("weight_one_zero_point", "TRT-Q08c", True, zeros=())
weight("weight_int8_constant", "TRT-Q14", False, codes=True)
weight("weight_float_is_noted", "TRT-Q14", True)
weight("weight_uint8_constant", "TRT-Q03c", True, codes=True, zero_type=np.uint8)


@case("activation_per_channel", "TRT-Q09", True, differs=NEWER)
def _(g):
    g.output(pair(g, g.input(), g.const(np.full(4, 0.1)), g.const(np.zeros(4), np.int8), axis=1))


@case("bias_int32", "TRT-Q12", True)
def _(g):
    x = pair(g, g.input(), g.const(0.1), g.const(0, np.int8))
    w = pair(g, g.const(ramp(4, 3)), g.const(np.full(3, 0.1)), g.const(np.zeros(3), np.int8), axis=1)
    bias = g.op("DequantizeLinear", g.const([1, 2, 3], np.int32), g.const(0.01), g.const(0, np.int32))
    g.output(g.op("Add", g.op("MatMul", x, w), bias))


def int4(name, rule, breaks, shape, scale_shape, block, axis=0, **more):
    @case(name, rule, breaks, opset=21, **more)
    def _(g):
        codes = helper.make_tensor(f"constant.{len(g.constants)}", T.INT4, shape, np.ones(int(np.prod(shape)), np.int8))
        g.constants.append(codes)
        scale = g.const(np.full(scale_shape, 0.1))
        g.output(g.op("MatMul", g.input(shape=(2, shape[-2])), g.op("DequantizeLinear", codes.name, scale, axis=axis, block_size=block)))


int4("int4_blocks", "TRT-Q16", False, (32, 4), (2, 4), 16)
int4("int4_of_rank_3", "TRT-Q16", True, (2, 32, 4), (2, 2, 4), 16, axis=1, differs=NEWER)
int4("int4_odd", "TRT-Q16", True, (32, 5), (2, 5), 16, differs=NEWER)
int4("int4_needs_opset_21", "TRT-Q16a", True, (32, 4), (2, 4), 16)


@case("fp8_beside_int8", "TRT-Q15b", True, opset=19, unjudged="trtexec's refusal, not the importer's")
def _(g):
    x = pair(g, g.input(), g.const(0.1), g.const(0, np.int8))
    zero = helper.make_tensor(f"constant.{len(g.constants)}", T.FLOAT8E4M3FN, (), [0])
    g.constants.append(zero)
    g.output(pair(g, x, g.const(0.1), zero.name))
