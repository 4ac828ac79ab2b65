#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the models of this folder, their inputs and what they must give. Needs onnx, numpy and onnxruntime; the test needs
none of them. Expected outputs are ONNX Runtime's, and where numpy says the same in float64, that was compared, too.

    make_models.py OUT      writes OUT/<name>/model.onnx, input_<i>.pb, output_<i>.pb
"""
import os
import sys

import numpy as np
import onnx
import onnx.parser
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

random = np.random.default_rng(7)


def f32(*shape):
    return random.standard_normal(shape).astype(np.float32)


def tensor(name, array):
    return numpy_helper.from_array(np.ascontiguousarray(array), name)


def value(name, kind, shape):
    return helper.make_tensor_value_info(name, kind, shape)


def dynamic():
    """batch and seq are open: layer norm, matrix product, softmax over seq."""
    weights, scale, bias = f32(24, 40), f32(24), f32(24)
    nodes = [
        helper.make_node("LayerNormalization", ["x", "scale", "bias"], ["n"], name="norm"),
        helper.make_node("MatMul", ["n", "w"], ["m"], name="project"),
        helper.make_node("Softmax", ["m"], ["y"], name="weights", axis=1),
    ]
    graph = helper.make_graph(nodes, "dynamic", [value("x", TensorProto.FLOAT, ["batch", "seq", 24])],
                              [value("y", TensorProto.FLOAT, ["batch", "seq", 40])],
                              [tensor("w", weights), tensor("scale", scale), tensor("bias", bias)])
    x = f32(3, 7, 24)

    def expected(x):
        wide = x.astype(np.float64)
        mean = wide.mean(-1, keepdims=True)
        norm = (wide - mean) / np.sqrt(((wide - mean) ** 2).mean(-1, keepdims=True) + 1e-5) * scale + bias
        m = norm @ weights.astype(np.float64)
        e = np.exp(m - m.max(1, keepdims=True))
        return [e / e.sum(1, keepdims=True)]

    return graph, [x], expected


def branch():
    """If: one branch adds, the other multiplies and takes the square root; steps BRANCH and JUMP."""
    def body(name, nodes):
        return helper.make_graph(nodes, name, [], [value(name, TensorProto.FLOAT, ["n"])])

    then = body("then", [helper.make_node("Add", ["x", "c"], ["then"])])
    other = body("else", [helper.make_node("Abs", ["x"], ["a"]), helper.make_node("Sqrt", ["a"], ["else"])])
    nodes = [
        helper.make_node("ReduceSum", ["x"], ["s"], name="sum", keepdims=0),
        helper.make_node("Greater", ["s", "zero"], ["positive"], name="positive"),
        helper.make_node("If", ["positive"], ["y"], name="choose", then_branch=then, else_branch=other),
    ]
    graph = helper.make_graph(nodes, "branch", [value("x", TensorProto.FLOAT, ["n"])],
                              [value("y", TensorProto.FLOAT, ["n"])],
                              [tensor("c", np.float32(2.5)), tensor("zero", np.float32(0))])
    x = -np.abs(f32(37))
    return graph, [x], lambda x: [np.sqrt(np.abs(x.astype(np.float64)))]


def recurrent():
    """An LSTM over both directions with its last states."""
    nodes = [helper.make_node("LSTM", ["x", "w", "r", "b"], ["y", "h", "c"], name="lstm", hidden_size=12,
                              direction="bidirectional")]
    graph = helper.make_graph(nodes, "recurrent", [value("x", TensorProto.FLOAT, ["time", 2, 10])],
                              [value("y", TensorProto.FLOAT, ["time", 2, 2, 12]), value("h", TensorProto.FLOAT, [2, 2, 12]),
                               value("c", TensorProto.FLOAT, [2, 2, 12])],
                              [tensor("w", f32(2, 48, 10) / 4), tensor("r", f32(2, 48, 12) / 4), tensor("b", f32(2, 96) / 4)])
    return graph, [f32(9, 2, 10)], None


def unknown():
    """NonZero: how many there are is known only while running; steps EVALUATE and GROW."""
    nodes = [
        helper.make_node("NonZero", ["x"], ["i"], name="where"),
        helper.make_node("Transpose", ["i"], ["t"], name="turn", perm=[1, 0]),
        helper.make_node("GatherND", ["table", "t"], ["g"], name="pick"),
        helper.make_node("Mul", ["g", "g"], ["y"], name="square"),
    ]
    table = f32(6, 5)
    graph = helper.make_graph(nodes, "unknown", [value("x", TensorProto.FLOAT, [6, 5])],
                              [value("i", TensorProto.INT64, [2, "found"]), value("y", TensorProto.FLOAT, ["found"])],
                              [tensor("table", table)])
    x = f32(6, 5) * (random.random((6, 5)) < 0.4)
    x = x.astype(np.float32)
    return graph, [x], lambda x: [np.array(np.nonzero(x)), table[np.nonzero(x)].astype(np.float64) ** 2]


def quantized():
    """A quantized convolution, dequantized and resized: windows and portable kernels."""
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "xs", "xz"], ["q"], name="quantize"),
        helper.make_node("QLinearConv", ["q", "xs", "xz", "w", "ws", "wz", "ys", "yz"], ["p"], name="conv",
                         pads=[1, 1, 1, 1], strides=[2, 2]),
        helper.make_node("DequantizeLinear", ["p", "ys", "yz"], ["d"], name="dequantize"),
        helper.make_node("MaxPool", ["d"], ["m"], name="pool", kernel_shape=[2, 2], strides=[1, 1]),
        helper.make_node("Resize", ["m", "", "scales"], ["y"], name="resize", mode="linear"),
    ]
    graph = helper.make_graph(nodes, "quantized", [value("x", TensorProto.FLOAT, ["batch", 3, 12, 10])],
                              [value("y", TensorProto.FLOAT, ["batch", 8, 10, 8])],
                              [tensor("xs", np.float32(0.02)), tensor("xz", np.uint8(128)), tensor("ws", np.float32(0.01)),
                               tensor("wz", np.int8(0)), tensor("ys", np.float32(0.05)), tensor("yz", np.uint8(120)),
                               tensor("w", random.integers(-90, 90, (8, 3, 3, 3)).astype(np.int8)),
                               tensor("scales", np.array([1, 1, 2, 2], np.float32))])
    return graph, [f32(2, 3, 12, 10)], None


def loop():
    """Running sums over an open number of rows, and doubling that ends when the largest is 100; REPEAT steps."""
    sums = onnx.parser.parse_graph("sums (float[4] s, float[4] row) => (float[4] t, float[4] u) { t = Add(s, row) u = Identity(t) }")
    double = onnx.parser.parse_graph("double (int64 i, bool go, float[4] a) => (bool more, float[4] b, float[4] c) "
                                     "{ b = Add(a, a) size = Abs(b) peak = ReduceMax<keepdims = 0>(size) "
                                     "more = Less(peak, limit) c = Neg(b) }")
    nodes = [helper.make_node("Scan", ["zero", "x"], ["last", "all"], name="sums", body=sums, num_scan_inputs=1),
             helper.make_node("Loop", ["most", "", "last"], ["y", "z"], name="double", body=double)]
    graph = helper.make_graph(nodes, "loop", [value("x", TensorProto.FLOAT, ["n", 4])],
                              [value("all", TensorProto.FLOAT, ["n", 4]), value("y", TensorProto.FLOAT, [4]),
                               value("z", TensorProto.FLOAT, ["m", 4])],
                              [tensor("zero", np.zeros(4, np.float32)), numpy_helper.from_array(np.array(20, np.int64), "most"),
                               numpy_helper.from_array(np.array(100, np.float32), "limit")])

    def expected(x):
        sums, doubled = np.cumsum(x.astype(np.float64), 0), []
        value = sums[-1]
        while not doubled or np.abs(value).max() < 100:
            value = value + value
            doubled.append(-value)
        return [sums, value, np.array(doubled)]

    return graph, [f32(5, 4)], expected


def write(folder, graph, inputs, expected):
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    os.makedirs(folder, exist_ok=True)
    onnx.save(model, folder + "/model.onnx")
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [i.name for i in session.get_inputs()]
    outputs = session.run(None, dict(zip(names, inputs)))
    for found, wanted in zip(outputs, expected(*inputs) if expected else []):
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)
    for kind, named in (("input", zip(names, inputs)), ("output", zip([o.name for o in session.get_outputs()], outputs))):
        for k, (name, array) in enumerate(named):
            open(f"{folder}/{kind}_{k}.pb", "wb").write(tensor(name, array).SerializeToString())


for make in (dynamic, branch, recurrent, unknown, quantized, loop):
    write(f"{sys.argv[1]}/{make.__name__}", *make())
