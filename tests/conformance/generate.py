#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes one-node models with expected outputs of ONNX Runtime: the bundle `cases.bin`.

For every row of frontend/onnx/onnx_ops.def with an import function: the lowest and highest opset of the row, and 7
where the row is older, each case of the operator, a second element type, and for the newest row a variant whose dims
are all symbols. Needs numpy, onnx and onnxruntime; the tests read the bundle alone.

Expected outputs are those of ONNX Runtime at the case's opset, or at the nearest lower one of the same row where it
has no kernel for that one, or those of the ONNX reference evaluator where it has none at all (REFERENCE) or does not
know the row's opset (REFERENCE_SINCE).

The bundle: "HMLCASE1", then per case the name, the model, the number of inputs, each input, the number of outputs,
each output: strings of bytes with a little-endian 32-bit length before them, numbers of 32 bits. Tensors are
TensorProtos.
"""
import collections
import os
import pathlib
import re
import struct
import sys
import zlib

os.environ.setdefault("ALLOW_RELEASED_ONNX_OPSET_ONLY", "0")  # read by ONNX Runtime when it is loaded

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper, parser
from onnx.reference import ReferenceEvaluator

HERE = pathlib.Path(__file__).resolve().parent
TABLE = HERE.parent.parent / "frontend" / "onnx" / "onnx_ops.def"
# Rows that ONNX Runtime lacks, whose definition differs from an older opset's by bfloat16 or by its name alone.
SAME_AS = {("GlobalLpPool", 22): 21, ("RoiAlign", 22): 16, ("Scatter", 11): 10}
# What it has no kernels for at any opset: cases whose outputs the reference evaluator gives.
REFERENCE = {"BatchNormalization", "CausalConvWithState"}
# Rows from this opset on, which ONNX Runtime does not know; the reference evaluator gives their outputs.
REFERENCE_SINCE = 28
LETTERS = {"f": np.float32, "d": np.float64, "h": np.float16, "B": np.bool_, "c": np.int8, "s": np.int16,
           "i": np.int32, "l": np.int64, "C": np.uint8, "S": np.uint16, "I": np.uint32, "L": np.uint64}


class Row:
    def __init__(self, name, since, until, inputs, types, attributes):
        self.name, self.since, self.until = name, int(since), int(until)
        self.inputs, self.types = inputs, types.split("|")
        self.attributes = {a.split(":")[0] for a in attributes.split()}


def read_rows():
    text = TABLE.read_text()
    text = text.replace(", NOW,", ", %s," % re.search(r"#define ONNX_NEWEST (\d+)", text).group(1))
    sets = dict(re.findall(r'#define (ONNX_\w+) "(\w*)"', text))
    rows = []
    for match in re.finditer(r'^ONNX_OP\((\w+), (\d+), (\d+), \w+, \w+, "([^"]*)", (.*), (-?\d+), "([^"]*)"\)$', text, re.M):
        name, since, until, inputs, types, _, attributes = match.groups()
        joined = "".join(sets.get(word, word.strip('"')) for word in types.split())
        rows.append(Row(name, since, until, inputs, joined, attributes))
    return rows


rng = np.random.default_rng(7)  # seeded anew for every row and opset


def f(*shape):
    """Numbers that f32 and f16 hold exactly, so that rounding is not what a case is about."""
    return (rng.integers(-256, 257, shape) / 64).astype(np.float32)


def positive(*shape):
    return (np.abs(f(*shape)) + np.float32(0.5)).astype(np.float32)


def ints(low, high, *shape, dtype=np.int64):
    return rng.integers(low, high, shape).astype(dtype)


def i64(*values):
    return np.array(values, np.int64)


class Const:
    """An input stored in the model."""

    def __init__(self, array):
        self.array = array


class Case:
    """attrs, inputs (None: left out), number of outputs; `wide`: may be repeated with another element type, `static`:
    not with symbols; `reference`: ONNX Runtime reads the standard in another way than its own cases."""

    def __init__(self, inputs, outputs=1, wide=True, static=False, reference=False, captured=0, **attrs):
        self.inputs, self.outputs, self.wide, self.attrs = inputs, outputs, wide, attrs
        self.static, self.reference, self.captured = static, reference, captured


C = Case
CASES = {}

# Inputs whose size decides a rank, or whose dims are a window: they stay static in symbolic variants.
STATIC = {"Reshape": {1}, "Expand": {1}, "ConstantOfShape": {0}, "Slice": {1, 2, 3, 4}, "Pad": {1, 3}, "Tile": {1},
          "TopK": {1}, "Split": {1}, "GatherND": {1}, "ScatterND": {1}, "Conv": {1}, "ConvTranspose": {1},
          "ConvInteger": {1}, "Resize": {3}, "CenterCropPad": {1}, "CausalConvWithState": {1},
          "Col2Im": {0, 1, 2}, "MaxUnpool": {2}, "AffineGrid": {1}, "Attention": {0, 1, 2, 3, 4, 5}, "RotaryEmbedding": {0}}


def case(*names):
    def register(function):
        for name in names:
            CASES[name] = function
        return function
    return register


@case("Abs", "Neg", "Sign", "Relu", "Floor", "Ceil", "Round", "Exp", "Sin", "Cos", "Tan", "Atan", "Sinh", "Cosh",
      "Asinh", "Tanh", "Erf", "Sigmoid", "Softplus", "Softsign", "Mish", "HardSwish", "Reciprocal", "Identity")
def unary(row, v):
    yield C([f(2, 3, 4) + np.float32(0.25)])
    yield C([f()])
    yield C([f(0, 3)], wide=False)


@case("Sqrt", "Log", "Acosh")
def unary_positive(row, v):
    yield C([positive(2, 5) + np.float32(1)])


@case("Asin", "Acos", "Atanh")
def unary_unit(row, v):
    yield C([f(2, 5) / np.float32(5)])


@case("Not")
def unary_bool(row, v):
    yield C([ints(0, 2, 2, 5).astype(bool)])


@case("BitwiseNot")
def bit_not(row, v):
    yield C([ints(-100, 100, 2, 5, dtype=np.int32)])


@case("IsNaN")
def is_nan(row, v):
    yield C([np.array([1, np.nan, np.inf, -np.inf, 0], np.float32)])


@case("IsInf")
def is_inf(row, v):
    x = np.array([1, np.nan, np.inf, -np.inf, 0], np.float32)
    yield C([x])
    yield C([x], detect_negative=0)
    yield C([x], detect_positive=0)


@case("Gelu")
def gelu(row, v):
    yield C([f(3, 4)])
    yield C([f(3, 4)], approximate="tanh")


@case("LeakyRelu", "Elu", "Celu", "ThresholdedRelu", "Swish")
def alpha(row, v):
    yield C([f(3, 4)])
    yield C([f(3, 4)], alpha=0.75)


@case("Selu")
def selu(row, v):
    yield C([f(3, 4)])
    yield C([f(3, 4)], alpha=1.5, gamma=0.5)


@case("HardSigmoid")
def hard_sigmoid(row, v):
    yield C([f(3, 4)])
    yield C([f(3, 4)], alpha=0.25, beta=0.375)


@case("Shrink")
def shrink(row, v):
    yield C([f(3, 4)])
    yield C([f(3, 4)], lambd=1.5, bias=0.5)


@case("Add", "Sub", "Mul", "Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual")
def binary(row, v):
    if row.name == "Equal" and v < 11:
        yield C([ints(0, 3, 2, 3, dtype=np.int32), ints(0, 3, 2, 3, dtype=np.int32)])
        yield C([ints(0, 2, 2, 3).astype(bool), ints(0, 2, 3).astype(bool)], wide=False)
        return
    yield C([f(2, 3, 4), f(2, 3, 4)])
    yield C([f(2, 1, 4), f(3, 1)])
    yield C([f(), f(2, 3)])
    yield C([f(1, 4), f(0, 4)], wide=False)
    yield C([f(2, 3), Const(f(3))])


@case("Div")
def div(row, v):
    yield C([f(2, 3, 4), positive(3, 1)])
    yield C([f(2, 3), np.float32(2).reshape(())])
    yield C([ints(-20, 20, 2, 8), ints(1, 5, 8)], wide=False)


@case("Pow")
def power(row, v):
    yield C([positive(2, 3), f(2, 3)], wide=False)
    yield C([f(2, 3), Const(np.float32(2).reshape(()))], wide=False)
    if v >= 12:
        yield C([f(2, 3), ints(0, 4, 3)], wide=False)
        yield C([ints(-3, 4, 2, 3), ints(0, 4, 3)], wide=False)


@case("Mod")
def mod(row, v):
    yield C([ints(-20, 20, 2, 8), np.array([3, -3, 5, -5, 1, 2, 7, -7], np.int64)], wide=False)
    yield C([ints(-20, 20, 2, 8), np.array([3, -3, 5, -5, 1, 2, 7, -7], np.int64)], wide=False, fmod=1)
    yield C([f(2, 4), np.array([1.5, -1.5, 2, 0.75], np.float32)], wide=False, fmod=1)
    if v >= 28:
        edges = [0.0, -0.0, 1.5, -1.5, np.inf, -np.inf, np.nan, 7.25]
        for dtype in (np.float32, np.float64, np.float16):
            yield C([np.array(edges, dtype)[:, None], np.array(edges, dtype)], wide=False)


@case("And", "Or", "Xor")
def logic(row, v):
    yield C([ints(0, 2, 2, 4).astype(bool), ints(0, 2, 4).astype(bool)])


@case("BitwiseAnd", "BitwiseOr", "BitwiseXor")
def bits(row, v):
    yield C([ints(-100, 100, 2, 4, dtype=np.int32), ints(-100, 100, 4, dtype=np.int32)])


@case("BitShift")
def shift(row, v):
    for direction in ("LEFT", "RIGHT"):
        yield C([ints(0, 200, 2, 4, dtype=np.uint8), ints(0, 5, 4, dtype=np.uint8)], direction=direction)
        yield C([ints(0, 1 << 40, 2, 4, dtype=np.uint64), ints(0, 5, 4, dtype=np.uint64)], direction=direction)
        for dtype in (np.int8, np.int16, np.int32, np.int64) if v >= 28 else ():
            bits = np.iinfo(dtype).bits
            amounts = np.array([0, 1, bits - 1, bits, bits + 1, -1, np.iinfo(dtype).max, np.iinfo(dtype).min], dtype)
            values = np.array([[1, -1, 5, -77, 100, -100, 3, -3], [-128, 127, -2, 2, 64, -64, 0, 1]], dtype)
            yield C([values, amounts], wide=False, direction=direction)
            yield C([np.repeat(values[0, :, None], 8, 1), amounts], wide=False, direction=direction)


@case("PRelu")
def prelu(row, v):
    yield C([f(2, 3, 4), f(3, 1)])
    yield C([f(2, 3, 4), Const(f(1))])


@case("Sum", "Mean", "Max", "Min")
def variadic(row, v):
    yield C([f(2, 3)])
    yield C([f(2, 3), f(3)])
    yield C([f(2, 3), f(2, 1), f(1, 3)])
    if row.name in ("Max", "Min"):
        yield C([np.array([1, np.nan, 3], np.float32), np.array([np.nan, 2, 1], np.float32)], wide=False)


@case("Where")
def where(row, v):
    yield C([ints(0, 2, 2, 3).astype(bool), f(2, 3), f(2, 3)], wide=False)
    yield C([ints(0, 2, 3).astype(bool), f(2, 1), f(1, 3)], wide=False)
    yield C([ints(0, 2, 3).astype(bool), ints(0, 9, 2, 1), ints(0, 9, 1, 3)], wide=False)


@case("Clip")
def clip(row, v):
    if v < 11:
        yield C([f(3, 4)], min=-1.5, max=2.0)
        yield C([f(3, 4)], max=2.0)
        yield C([f(3, 4)])
        return
    yield C([f(3, 4), np.float32(-1.5), np.float32(2)])
    yield C([f(3, 4), None, Const(np.float32(1))])
    yield C([f(3, 4), Const(np.float32(0))])


@case("Cast")
def cast(row, v):
    x = np.array([[-2.5, -1.75, 0, 0.5], [1.5, 2.25, 100.75, 7]], np.float32)
    for to in (TensorProto.FLOAT, TensorProto.INT32, TensorProto.INT64, TensorProto.BOOL, TensorProto.DOUBLE,
               TensorProto.FLOAT16, TensorProto.INT8):
        yield C([x], to=to, wide=False)
    yield C([np.abs(x)], to=TensorProto.UINT8, wide=False)
    yield C([ints(-5, 300, 2, 4)], to=TensorProto.INT8, wide=False)
    yield C([ints(-5, 300, 2, 4)], to=TensorProto.FLOAT, wide=False)
    yield C([ints(0, 2, 2, 4).astype(bool)], to=TensorProto.FLOAT, wide=False)
    yield C([f(2, 3).astype(np.float16)], to=TensorProto.FLOAT, wide=False)


@case("CastLike")
def cast_like(row, v):
    yield C([f(2, 3), ints(0, 2, 1)], wide=False)
    yield C([ints(0, 9, 2, 3), f(1)], wide=False)


@case("Dropout")
def dropout(row, v):
    yield C([f(2, 3)])
    if v >= 12:
        yield C([f(2, 3), Const(np.float32(0.25)), Const(np.array(False))], outputs=2)


@case("Constant")
def constant(row, v):
    yield C([], value=numpy_helper.from_array(f(2, 3)))
    yield C([], value=helper.make_tensor("t", TensorProto.INT64, [3], [1, -2, 3]))
    yield C([], value=helper.make_tensor("t", TensorProto.BOOL, [3], [1, 0, 1]))
    yield C([], value=helper.make_tensor("t", TensorProto.FLOAT16, [2], [1.5, -2.5]))
    if v >= 12:
        yield C([], value_float=1.5)
        yield C([], value_int=-7)
        yield C([], value_ints=[1, 2, 3])
        yield C([], value_floats=[1.0, 2.5])


@case("ConstantOfShape")
def constant_of_shape(row, v):
    yield C([Const(i64(2, 3))], wide=False)
    yield C([i64(2, 3)], wide=False, value=helper.make_tensor("t", TensorProto.INT32, [1], [7]))
    yield C([Const(np.zeros(0, np.int64))], wide=False)


@case("Shape")
def shape(row, v):
    yield C([f(2, 3, 4)])
    if v >= 15:
        yield C([f(2, 3, 4)], start=1)
        yield C([f(2, 3, 4)], start=-2, end=-1)
        yield C([f(2, 3, 4)], start=5)


@case("Size")
def size(row, v):
    yield C([f(2, 3, 4)])
    yield C([f()])


@case("Range")
def range_(row, v):
    yield C([Const(np.array(1, np.int64)), Const(np.array(9, np.int64)), Const(np.array(3, np.int64))], wide=False)
    yield C([np.array(1, np.int64), np.array(9, np.int64), np.array(3, np.int64)], wide=False)
    yield C([np.array(9, np.float32), np.array(1, np.float32), np.array(-1.5, np.float32)], wide=False)
    yield C([np.array(3, np.int32), np.array(1, np.int32), np.array(1, np.int32)], wide=False)


@case("EyeLike")
def eye_like(row, v):
    yield C([f(3, 4)])
    yield C([f(4, 3)], k=1)
    yield C([f(3, 3)], k=-1, dtype=TensorProto.INT64)


@case("OneHot")
def one_hot(row, v):
    yield C([i64(0, 2, -1, 5), Const(i64(4)), f(2)], wide=False)
    yield C([i64(0, 2, -1, 5), np.array(4, np.int64), f(2)], wide=False, axis=0)
    yield C([ints(0, 4, 2, 3), Const(np.array(4.0, np.float32)), np.array([0, 1], np.int64)], wide=False, axis=1)


@case("Reshape")
def reshape(row, v):
    yield C([f(2, 3, 4), Const(i64(4, 6))])
    yield C([f(2, 3, 4), i64(0, -1)])
    yield C([f(2, 3, 4), i64(-1, 2, 0, 2)][:1] + [Const(i64(-1, 2))])
    if v >= 14:
        yield C([f(0, 3), Const(i64(3, 0))], wide=False, allowzero=1)


@case("Flatten")
def flatten(row, v):
    for axis in (0, 1, 2, 3) + ((-1, -2) if v >= 11 else ()):
        yield C([f(2, 3, 4)], axis=axis)
    yield C([f(2, 3)])


@case("Squeeze")
def squeeze(row, v):
    if v < 13:
        yield C([f(1, 3, 1)], axes=[0])
        yield C([f(1, 3, 1)])
        if v >= 11:
            yield C([f(1, 3, 1)], axes=[-1])
        return
    yield C([f(1, 3, 1), Const(i64(0))])
    yield C([f(1, 3, 1), Const(i64(-1, 0))])
    yield C([f(1, 3, 1)])


@case("Unsqueeze")
def unsqueeze(row, v):
    if v < 13:
        yield C([f(3, 4)], axes=[0, 3])
        if v >= 11:
            yield C([f(3, 4)], axes=[-1])
        return
    yield C([f(3, 4), Const(i64(0, 3))])
    yield C([f(3, 4), Const(i64(-1, 1))])
    yield C([f(), Const(i64(0))])


@case("Transpose")
def transpose(row, v):
    yield C([f(2, 3, 4)])
    yield C([f(2, 3, 4)], perm=[1, 2, 0])


@case("Expand")
def expand(row, v):
    yield C([f(3, 1), Const(i64(2, 1, 4))])
    yield C([f(3, 1), i64(3, 4)])
    yield C([f(2, 3), Const(i64(1))])


@case("Concat")
def concat(row, v):
    yield C([f(2, 3), f(2, 1), f(2, 2)], axis=1)
    yield C([f(2, 3)], axis=0)
    if v >= 11:
        yield C([f(2, 3), f(1, 3)], axis=-2)


@case("Split")
def split(row, v):
    if v < 13:
        yield C([f(2, 6)], outputs=3, axis=1)
        yield C([f(2, 6)], outputs=2, axis=1, split=[2, 4])
        return
    more = {"num_outputs": 3} if v >= 18 else {}
    yield C([f(2, 6)], outputs=3, axis=1, **more)
    yield C([f(2, 6), Const(i64(2, 4))], outputs=2, axis=-1)
    yield C([f(2, 6), i64(5, 1)], outputs=2, axis=1)
    if v >= 18:
        yield C([f(7)], outputs=3, num_outputs=3)


@case("Slice")
def slice_(row, v):
    if v < 10:
        yield C([f(4, 6)], starts=[1], ends=[3], axes=[1])
        yield C([f(4, 6)], starts=[0, -3], ends=[2, 1000])
        return
    yield C([f(4, 6), Const(i64(1, 0)), Const(i64(3, 5)), Const(i64(0, 1)), Const(i64(1, 2))])
    yield C([f(4, 6), Const(i64(-1)), Const(i64(-1000)), Const(i64(1)), Const(i64(-2))])
    yield C([f(4, 6), Const(i64(1, -2)), Const(i64(1 << 60, 1 << 60))])
    yield C([f(4, 6), i64(1), i64(-1), Const(i64(1))])
    yield C([f(4, 6), i64(3, 5), i64(0, 1), i64(1, 0), i64(1, -2)], wide=False)
    yield C([f(4, 6), Const(np.array([1], np.int32)), Const(np.array([2], np.int32)), Const(np.array([-1], np.int32))])


@case("Pad")
def pad(row, v):
    modes = ["constant", "reflect", "edge"] + (["wrap"] if v >= 19 else [])
    for mode in modes:
        if v < 11:
            yield C([f(3, 4)], pads=[1, 2, 0, 1], mode=mode)
            yield C([f(3, 4)], pads=[1, 0, 0, 1], mode=mode, value=1.5)
            continue
        yield C([f(3, 4), Const(i64(1, 2, 0, 1))], mode=mode)
        yield C([f(3, 4), i64(0, 1, 2, 0)], mode=mode)
    if v >= 11:
        yield C([f(3, 4), Const(i64(1, -1, 0, 1)), np.float32(2.5)])
    if v >= 18:
        yield C([f(3, 4), Const(i64(1, 2)), None, Const(i64(-1))])


@case("Tile")
def tile(row, v):
    yield C([f(2, 3), Const(i64(2, 1))])
    yield C([f(2, 3), i64(1, 3)])


@case("DepthToSpace")
def depth_to_space(row, v):
    yield C([f(1, 8, 2, 3)], blocksize=2)
    if v >= 11:
        yield C([f(1, 8, 2, 3)], blocksize=2, mode="CRD")


@case("SpaceToDepth")
def space_to_depth(row, v):
    yield C([f(1, 2, 4, 6)], blocksize=2)
    for mode in ("DCR", "CRD") if v >= 28 else ():
        yield C([f(2, 3, 4, 6)], blocksize=2, mode=mode)


@case("SwiGLU")
def swiglu(row, v):
    yield C([f(2, 3, 4), f(2, 3, 4)])
    yield C([f(2, 3, 4), f(2, 3, 4)], alpha=1.5)


@case("Gather")
def gather(row, v):
    yield C([f(4, 3), ints(0, 4, 2, 2)])
    yield C([f(4, 3), Const(ints(0, 3, 2))], axis=1)
    if v >= 11:
        yield C([f(4, 3), np.array(-1, np.int64)], axis=-2)


@case("GatherElements")
def gather_elements(row, v):
    yield C([f(4, 3), ints(-4, 4, 2, 3)])
    yield C([f(4, 3), ints(0, 3, 4, 2, dtype=np.int32)], axis=-1)


@case("GatherND")
def gather_nd(row, v):
    yield C([f(3, 4, 2), ints(0, 3, 5, 2)])
    yield C([f(3, 4, 2), ints(-2, 2, 2, 3)])
    if v >= 12:
        yield C([f(3, 4, 2), ints(0, 4, 3, 5, 1)], batch_dims=1)


def permutations(n, width):
    return np.stack([rng.permutation(n) for _ in range(width)], axis=1).astype(np.int64)


@case("Scatter", "ScatterElements")
def scatter(row, v):
    yield C([f(4, 3), permutations(4, 3)[:2], f(2, 3)])
    yield C([f(4, 3), permutations(3, 4).T[:, :2].copy(), f(4, 2)], axis=1)
    if row.name == "ScatterElements" and v >= 16:
        for reduction in ("add", "mul") + (("min", "max") if v >= 18 else ()):
            yield C([f(4, 3), ints(-4, 4, 5, 3), f(5, 3)], reduction=reduction, wide=False)


@case("ScatterND")
def scatter_nd(row, v):
    yield C([f(4, 3), i64(3, 0).reshape(2, 1), f(2, 3)])
    yield C([f(4, 3), np.array([[0, 1], [3, -1]], np.int64), f(2)])
    if v >= 16:
        for reduction in ("add", "mul") + (("min", "max") if v >= 18 else ()):
            yield C([f(4, 3), i64(1, 1, 2).reshape(3, 1), f(3, 3)], reduction=reduction, wide=False)


@case("Trilu")
def trilu(row, v):
    yield C([f(2, 3, 4)])
    yield C([f(3, 4), np.array(1, np.int64)], upper=0)
    yield C([f(3, 4), Const(np.array(-1, np.int64))])


@case("TopK")
def top_k(row, v):
    x = rng.permutation(24).reshape(4, 6).astype(np.float32)
    if v < 10:
        yield C([x], outputs=2, k=3)
        yield C([x], outputs=2, k=2, axis=0)
        return
    yield C([x, Const(i64(3))], outputs=2)
    yield C([x, i64(2)], outputs=2, axis=0)
    if v >= 11:
        yield C([x, Const(i64(3))], outputs=2, largest=0, axis=-1)


@case("CumSum")
def cumsum(row, v):
    yield C([f(3, 4), Const(np.array(1, np.int64))], wide=False)
    yield C([f(3, 4), Const(np.array(-2, np.int32))], wide=False, exclusive=1)
    yield C([f(3, 4), Const(i64(0))], wide=False, reverse=1, exclusive=1)


@case("CumProd")
def cumprod(row, v):
    yield C([f(3, 4), Const(np.array(1, np.int64))])
    yield C([f(3, 4), Const(np.array(-2, np.int32))], exclusive=1)
    yield C([f(3, 4), Const(np.array(0, np.int64))], wide=False, reverse=1, exclusive=1)
    yield C([f(2, 3, 4), np.array(-1, np.int64)], wide=False, reverse=1)
    yield C([ints(-5, 6, 4, 3), Const(np.array(0, np.int64))], wide=False)


@case("NonZero")
def nonzero(row, v):
    yield C([ints(0, 2, 3, 4).astype(np.float32)])
    yield C([ints(0, 2, 5).astype(bool)], wide=False)


@case("Compress")
def compress(row, v):
    yield C([f(3, 4), np.array([True, False, True])], wide=False, axis=0)
    yield C([f(3, 4), np.array([True, False, True, True])], wide=False, axis=-1)
    yield C([f(3, 4), np.array([True, False, False, True, True])], wide=False)


@case("ReverseSequence")
def reverse_sequence(row, v):
    yield C([f(4, 3), i64(4, 1, 2)])
    yield C([f(3, 4, 2), i64(4, 1, 2)], batch_axis=0, time_axis=1)


@case("ReduceSum", "ReduceMean", "ReduceProd", "ReduceMax", "ReduceMin", "ReduceL1", "ReduceL2", "ReduceLogSum",
      "ReduceLogSumExp", "ReduceSumSquare")
def reduce(row, v):
    x = positive(2, 3, 4) if row.name == "ReduceLogSum" else f(2, 3, 4)
    yield C([x])
    yield C([x], keepdims=0)
    negative = v >= 11
    if "axes" in row.attributes:
        yield C([x], axes=[1], keepdims=1)
        yield C([x], axes=[0, -1] if negative else [0, 2], keepdims=0)
    else:
        yield C([x, Const(i64(1))], keepdims=1)
        yield C([x, Const(i64(0, -1))], keepdims=0)
        yield C([x, Const(np.zeros(0, np.int64))], keepdims=1)
        yield C([x], noop_with_empty_axes=1)


@case("ArgMax", "ArgMin")
def arg(row, v):
    x = ints(0, 4, 3, 5).astype(np.float32)
    yield C([x])
    yield C([x], axis=1, keepdims=0)
    if v >= 11:
        yield C([x], axis=-1)
    if v >= 12:
        yield C([x], axis=1, select_last_index=1)


@case("Softmax", "LogSoftmax")
def softmax(row, v):
    yield C([f(2, 3, 4)])
    for axis in (0, 1, 2) + ((-1, -2) if v >= 11 else ()):
        yield C([f(2, 3, 4)], axis=axis)


@case("BatchNormalization")
def batch_norm(row, v):
    yield C([f(2, 3, 4), f(3), f(3), f(3), positive(3)], wide=False)
    yield C([f(2, 3, 2, 2), Const(f(3)), Const(f(3)), Const(f(3)), Const(positive(3))], wide=False, epsilon=0.25)
    yield C([f(4, 3), f(3), f(3), f(3), positive(3)], wide=False)
    if v < 9:
        yield C([f(2, 3, 4), f(3, 4), f(3, 4), f(3, 4), positive(3, 4)], wide=False, spatial=0)
    if v >= 14:
        for shape in ((2, 3, 4), (3, 2, 2, 3), (5, 2), (2, 2, 2, 1, 2)):
            c = shape[1]
            yield C([f(*shape), f(c), f(c), f(c), positive(c)], outputs=3, wide=False, training_mode=1)
        yield C([f(2, 3, 4), f(3), f(3), f(3), positive(3)], outputs=3, wide=False, training_mode=1, momentum=0.25,
                epsilon=0.5)
        yield C([f(2, 3, 4), f(3), f(3), f(3), positive(3)], wide=False, training_mode=1)


@case("InstanceNormalization")
def instance_norm(row, v):
    yield C([f(2, 3, 4, 2), f(3), f(3)], wide=False)
    yield C([f(2, 3, 4), f(3), f(3)], wide=False, epsilon=0.25)


@case("GroupNormalization")
def group_norm(row, v):
    n = 2 if v < 21 else 4
    yield C([f(2, 4, 3, 2), f(n), f(n)], wide=False, num_groups=2)


@case("LayerNormalization")
def layer_norm(row, v):
    yield C([f(2, 3, 4), f(4), f(4)], wide=False)
    yield C([f(2, 3, 4), f(4)], wide=False, epsilon=0.25)
    yield C([f(2, 3, 4), f(3, 4), f(3, 4)], outputs=3, wide=False, axis=1)


@case("RMSNormalization", "SimplifiedLayerNormalization")
def rms_norm(row, v):
    yield C([f(2, 3, 4), f(4)], wide=False)
    yield C([f(2, 3, 4), f(3, 4)], wide=False, axis=-2, epsilon=0.25)


@case("LpNormalization")
def lp_norm(row, v):
    yield C([f(3, 4)])
    yield C([f(3, 4)], axis=0, p=1)


@case("MeanVarianceNormalization")
def mean_variance_norm(row, v):
    yield C([f(2, 3, 4, 2)], wide=False)
    yield C([f(2, 3, 4, 2)], wide=False, axes=[0, 1, 2, 3])


@case("LRN")
def lrn(row, v):
    yield C([f(1, 5, 2, 2)], wide=False, size=3)
    yield C([f(1, 5, 2, 2)], wide=False, size=2, alpha=0.5, beta=0.5, bias=2.0)


@case("MatMul")
def matmul(row, v):
    yield C([f(2, 3), f(3, 4)])
    yield C([f(3), f(3)], wide=False)
    yield C([f(2, 3), f(3)], wide=False)
    yield C([f(3), f(5, 3, 2)], wide=False)
    yield C([f(2, 1, 3, 4), f(5, 4, 2)], wide=False)
    yield C([f(2, 3), Const(f(3, 4))], wide=False)


@case("Gemm")
def gemm(row, v):
    yield C([f(2, 3), f(3, 4), f(4)])
    yield C([f(3, 2), f(4, 3), f(2, 1)], wide=False, transA=1, transB=1, alpha=0.5, beta=2.0)
    yield C([f(2, 3), Const(f(4, 3)), Const(f(1))], wide=False, transB=1)
    if v >= 11:
        yield C([f(2, 3), f(3, 4)], wide=False)


@case("MatMulInteger")
def matmul_integer(row, v):
    a, b = ints(0, 255, 2, 3, dtype=np.uint8), ints(-100, 100, 3, 4, dtype=np.int8)
    yield C([a, b], wide=False)
    yield C([a, b, np.array(12, np.uint8), np.array(-3, np.int8)], wide=False)
    yield C([a, b, np.array(12, np.uint8), ints(-3, 3, 4, dtype=np.int8)], wide=False)


@case("Conv")
def conv(row, v):
    yield C([f(1, 2, 5, 6), f(3, 2, 3, 3)], wide=False)
    yield C([f(2, 4, 5, 6), Const(f(4, 2, 3, 3)), Const(f(4))], wide=False, group=2, strides=[2, 1], pads=[1, 0, 1, 2])
    yield C([f(1, 4, 7, 7), f(4, 1, 3, 3)], wide=False, group=4, dilations=[2, 2], kernel_shape=[3, 3])
    yield C([f(1, 2, 5, 6), f(3, 2, 2, 3)], wide=False, auto_pad="SAME_UPPER", strides=[2, 2])
    yield C([f(1, 2, 5, 6), f(3, 2, 2, 3)], wide=False, auto_pad="SAME_LOWER")
    yield C([f(1, 2, 5, 6), f(3, 2, 2, 3)], wide=False, auto_pad="VALID")
    yield C([f(1, 2, 8), f(3, 2, 3), f(3)], wide=False, pads=[1, 1])
    yield C([f(1, 1, 3, 4, 4), f(2, 1, 2, 2, 2)], wide=False)


@case("ConvTranspose")
def conv_transpose(row, v):
    yield C([f(1, 2, 3, 4), f(2, 3, 3, 3)], wide=False)
    yield C([f(1, 4, 3, 4), f(4, 2, 3, 3), f(4)], wide=False, group=2, strides=[2, 2], pads=[1, 1, 1, 1],
            output_padding=[1, 0])
    yield C([f(1, 2, 3, 3), f(2, 1, 3, 3)], wide=False, strides=[3, 2], output_shape=[10, 8])
    yield C([f(1, 2, 3, 3), f(2, 1, 3, 3)], wide=False, strides=[2, 2], auto_pad="SAME_UPPER")
    yield C([f(1, 2, 3, 3), f(2, 1, 3, 3)], wide=False, strides=[2, 2], auto_pad="SAME_LOWER")
    yield C([f(1, 2, 5), f(2, 1, 3)], wide=False, dilations=[2])


@case("CausalConvWithState")
def causal_conv(row, v):
    yield C([f(2, 3, 5), f(3, 1, 4)], outputs=2, wide=False)
    yield C([f(2, 3, 5), Const(f(3, 1, 4)), Const(f(3)), f(2, 3, 3)], outputs=2, wide=False, activation="silu")
    yield C([f(1, 4, 1), f(4, 1, 3), None, f(1, 4, 2)], outputs=2, wide=False, activation="swish")
    yield C([f(1, 4, 2), f(4, 1, 5)], outputs=2, wide=False, activation="none")
    yield C([f(1, 2, 3), f(2, 1, 1)], wide=False)


@case("TensorScatter")
def tensor_scatter(row, v):
    yield C([f(2, 3, 6, 2), f(2, 3, 2, 2), i64(1, 4)])
    yield C([f(2, 3, 6, 2), f(2, 3, 2, 2)], wide=False)
    yield C([f(2, 5, 3), f(2, 3, 3), i64(4, 1)], wide=False, mode="circular", axis=1)
    yield C([f(2, 3, 5), f(2, 3, 2), i64(3, 0)], wide=False, axis=-1)


@case("Col2Im")
def col2im(row, v):
    yield C([f(2, 12, 12), Const(i64(4, 5)), Const(i64(2, 2))], wide=False)
    yield C([f(1, 12, 12), Const(i64(5, 6)), Const(i64(2, 3))], wide=False, strides=[2, 1], pads=[1, 0, 0, 1])
    yield C([f(1, 4, 9), Const(i64(5, 6)), Const(i64(2, 2))], wide=False, strides=[1, 2], dilations=[2, 1])
    yield C([f(1, 16, 8), Const(i64(3, 3, 3)), Const(i64(2, 2, 2))], wide=False)


@case("MaxUnpool")
def max_unpool(row, v):
    places = rng.permutation(32)[:8].reshape(1, 2, 2, 2)
    yield C([f(1, 2, 2, 2), places], wide=False, kernel_shape=[2, 2], strides=[2, 2])
    yield C([f(1, 1, 2, 2), i64(5, 7, 13, 15).reshape(1, 1, 2, 2), Const(i64(1, 1, 4, 4))], wide=False,
            kernel_shape=[2, 2], strides=[2, 2])
    # Indices count the dims that the pool had; for ONNX Runtime those of output_shape.
    yield C([f(1, 1, 2, 2), i64(5, 7, 13, 15).reshape(1, 1, 2, 2), i64(1, 1, 5, 5)], wide=False, reference=True,
            kernel_shape=[2, 2], strides=[2, 2])
    yield C([f(1, 1, 3), i64(0, 3, 4).reshape(1, 1, 3)], wide=False, kernel_shape=[3], strides=[2], pads=[1, 1])
    yield C([f(1, 1, 3), i64(0, 3, 5).reshape(1, 1, 3)], wide=False, kernel_shape=[4])


@case("AffineGrid")
def affine_grid(row, v):
    for corners in (0, 1):
        yield C([f(2, 2, 3), Const(i64(2, 3, 4, 5))], wide=False, align_corners=corners)
        yield C([f(2, 3, 4), i64(2, 1, 2, 3, 4)], wide=False, align_corners=corners)


@case("ConvInteger")
def conv_integer(row, v):
    x, w = ints(0, 255, 1, 1, 4, 4, dtype=np.uint8), ints(0, 255, 2, 1, 2, 2, dtype=np.uint8)
    yield C([x, w], wide=False)
    yield C([x, w, np.array(7, np.uint8)], wide=False, pads=[1, 1, 1, 1])


@case("QLinearConv")
def qlinear_conv(row, v):
    x, w = ints(0, 255, 1, 2, 4, 4, dtype=np.uint8), ints(-100, 100, 2, 2, 2, 2, dtype=np.int8)
    s, z = np.float32(0.5), np.array(3, np.uint8)
    yield C([x, s, np.array(128, np.uint8), Const(w), Const(np.float32(0.25)), Const(np.array(0, np.int8)),
             np.float32(4), z], wide=False)
    yield C([x, s, np.array(128, np.uint8), Const(w), Const(np.array([0.25, 0.5], np.float32)),
             Const(np.zeros(2, np.int8)), np.float32(4), z, Const(ints(-50, 50, 2, dtype=np.int32))], wide=False)
    one = np.array([0.5], np.float32)
    yield C([x, one, np.array([128], np.uint8), Const(w[:1]), Const(one), Const(np.zeros(1, np.int8)), one,
             np.array([3], np.uint8), Const(ints(-50, 50, 1, dtype=np.int32))], wide=False, static=True)


@case("MaxPool")
def max_pool(row, v):
    x = rng.permutation(60).reshape(1, 2, 5, 6).astype(np.float32)
    yield C([x], wide=False, kernel_shape=[2, 3])
    yield C([x], wide=False, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    yield C([x], wide=False, kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_UPPER")
    yield C([x[:, :, :, 0]], wide=False, kernel_shape=[2])
    if v >= 8:
        yield C([x], outputs=2, wide=False, kernel_shape=[2, 2], strides=[2, 2])
    if v >= 10:
        yield C([x], wide=False, kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)
        yield C([x], wide=False, kernel_shape=[2, 2], dilations=[2, 2])
    if v >= 12:
        yield C([ints(-100, 100, 1, 2, 5, 6, dtype=np.int8)], wide=False, kernel_shape=[2, 3])
    if v >= 8:
        yield from max_pool_indices(v)


def max_pool_indices(v):
    """Both outputs, in either storage order, for one to three spatial dims."""
    for spatial in ((7,), (5, 6), (3, 4, 5)):
        shape, n = (2, 2) + spatial, len(spatial)
        x = rng.permutation(int(np.prod(shape))).reshape(shape).astype(np.float32)
        forms = [{"kernel_shape": [2] * n}, {"kernel_shape": [3] * n, "strides": [2] * n, "pads": [1] * 2 * n},
                 {"kernel_shape": [3, 2, 3][:n], "pads": [0, 1, 1][:n] + [1, 0, 1][:n], "strides": [1, 2, 1][:n]}]
        forms += [{"kernel_shape": [3] * n, "strides": [2] * n, "auto_pad": auto_pad}
                  for auto_pad in ("SAME_UPPER", "SAME_LOWER", "VALID")]
        if v >= 10:
            forms.append({"kernel_shape": [3] * n, "strides": [2] * n, "ceil_mode": 1})
            forms.append({"kernel_shape": [2] * n, "dilations": [2] * n, "pads": [1] * 2 * n})
        for form in forms:
            for order in (0, 1):
                yield C([x], outputs=2, wide=False, storage_order=order, **form)
    if v >= 12:
        for dtype in (np.int8, np.uint8):
            x = rng.permutation(100).reshape(1, 2, 5, 10).astype(dtype)
            yield C([x], outputs=2, wide=False, kernel_shape=[2, 3], pads=[1, 1, 0, 1], storage_order=1)


@case("AveragePool")
def avg_pool(row, v):
    yield C([f(1, 2, 5, 6)], wide=False, kernel_shape=[2, 3])
    yield C([f(1, 2, 5, 6)], wide=False, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    yield C([f(1, 2, 5, 6)], wide=False, kernel_shape=[3, 3], pads=[1, 0, 1, 2], count_include_pad=1)
    yield C([f(1, 2, 5, 6)], wide=False, kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_LOWER")
    if v >= 10:
        yield C([f(1, 2, 5, 6)], wide=False, kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)
    if v >= 19:
        yield C([f(1, 2, 5, 6)], wide=False, kernel_shape=[2, 2], dilations=[2, 2])
        yield C([f(1, 2, 5, 6)], wide=False, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], ceil_mode=1,
                count_include_pad=1)


@case("LpPool")
def lp_pool(row, v):
    yield C([f(1, 2, 5, 6)], wide=False, kernel_shape=[2, 3])
    yield C([f(1, 2, 5, 6)], wide=False, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], p=1)


@case("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool")
def global_pool(row, v):
    yield C([f(2, 3, 4, 5)], wide=False)
    yield C([f(2, 3, 4)], wide=False)


@case("QuantizeLinear")
def quantize(row, v):
    x = (rng.integers(-400, 400, (2, 3, 4)) / 8 + 1 / 32).astype(np.float32)
    yield C([x, np.float32(0.5), np.array(100, np.uint8)], wide=False)
    yield C([x, np.float32(0.25), np.array(-3, np.int8)], wide=False)
    yield C([x, Const(np.float32(0.5))], wide=False)
    if v >= 13:
        yield C([x, np.array([0.5, 0.25, 1], np.float32), np.array([1, 2, 3], np.uint8)], wide=False)
        yield C([x, np.array([0.5, 0.25, 1, 2], np.float32), np.zeros(4, np.int8)], wide=False, axis=-1)
    if v >= 21:
        yield C([x, np.float32(0.01), np.array(100, np.uint16)], wide=False)
        yield C([x, np.float32(0.5)], wide=False, output_dtype=TensorProto.INT8)
        for axis, size, shape in BLOCKS:
            for dtype in (np.uint8, np.int8, np.uint16, np.int16):
                scale = positive(*shape) / np.float32(512 if np.dtype(dtype).itemsize == 2 else 4)
                yield C([x, scale, ints(0, 9, *shape, dtype=dtype)], wide=False, axis=axis, block_size=size)
        yield C([x, Const(positive(2, 3, 2))], wide=False, axis=2, block_size=2)
        yield C([x, positive(2, 3, 2)], wide=False, axis=2, block_size=2, output_dtype=TensorProto.INT8)
        yield C([ints(-50, 50, 2, 4, dtype=np.int32).astype(np.float32), positive(1, 4), np.zeros((1, 4), np.int8)],
                wide=False, axis=0, block_size=2, output_dtype=TensorProto.INT8)
    if v >= 23:
        yield C([x, np.float32(0.5)], wide=False, precision=TensorProto.FLOAT)
        yield C([x, positive(2, 2, 4)], wide=False, block_size=2, precision=TensorProto.FLOAT)


# Axis, block size and the shape of the scales for x [2, 3, 4]: whole blocks and shorter last ones.
BLOCKS = ((2, 2, (2, 3, 2)), (-1, 3, (2, 3, 2)), (1, 2, (2, 2, 4)), (-2, 3, (2, 1, 4)), (0, 1, (2, 3, 4)),
          (-3, 5, (1, 3, 4)))


@case("DequantizeLinear")
def dequantize(row, v):
    x = ints(0, 255, 2, 3, 4, dtype=np.uint8)
    yield C([x, np.float32(0.5), np.array(100, np.uint8)], wide=False)
    yield C([x, Const(np.float32(0.5))], wide=False)
    yield C([ints(-1000, 1000, 3, dtype=np.int32), np.float32(0.5)], wide=False)
    if v >= 13:
        yield C([x, np.array([0.5, 0.25, 1], np.float32), np.array([1, 2, 3], np.uint8)], wide=False)
        yield C([x.astype(np.int8), np.array([0.5, 0.25, 1, 2], np.float32), np.zeros(4, np.int8)], wide=False, axis=-1)
    if v >= 19:
        yield C([x, np.float16(0.5), np.array(100, np.uint8)], wide=False)
    if v >= 21:
        for axis, size, shape in BLOCKS:
            for dtype in (np.uint8, np.int8, np.uint16, np.int16):
                yield C([ints(0, 100, 2, 3, 4, dtype=dtype), positive(*shape), ints(0, 9, *shape, dtype=dtype)],
                        wide=False, axis=axis, block_size=size)
        yield C([x, Const(positive(2, 3, 2))], wide=False, axis=2, block_size=2)
        yield C([ints(-9000, 9000, 2, 3, 4, dtype=np.int32), positive(2, 3, 2)], wide=False, axis=2, block_size=3)
        yield C([x, positive(2, 2, 4)], wide=False, block_size=2)
    if v >= 23:
        yield C([x, np.float32(0.5)], wide=False, output_dtype=TensorProto.FLOAT)
        yield C([x, np.float16(0.5)], wide=False, output_dtype=TensorProto.FLOAT)
        yield C([x, positive(2, 2, 4)], wide=False, block_size=2, output_dtype=TensorProto.FLOAT)


@case("DynamicQuantizeLinear")
def dynamic_quantize(row, v):
    yield C([f(3, 4)], outputs=3, wide=False)
    yield C([positive(3, 4)], outputs=3, wide=False)


@case("Upsample")
def upsample(row, v):
    for mode in ("nearest", "linear"):
        if v < 9:
            yield C([f(1, 1, 2, 3)], wide=False, mode=mode, scales=[1.0, 1.0, 2.0, 3.0])
        else:
            yield C([f(1, 1, 2, 3), Const(np.array([1, 1, 2, 3], np.float32))], wide=False, mode=mode)


@case("Resize")
def resize(row, v):
    scales = Const(np.array([1, 1, 2, 1.5], np.float32))
    down = Const(np.array([1, 1, 0.5, 0.75], np.float32))
    if v < 11:
        for mode in ("nearest", "linear"):
            yield C([f(1, 1, 4, 4), scales], wide=False, mode=mode)
            yield C([f(1, 1, 4, 4), down], wide=False, mode=mode)
        return
    roi = Const(np.zeros(0, np.float32))
    empty = Const(np.zeros(0, np.float32))
    sizes = Const(i64(1, 1, 7, 3))
    for coordinates in ("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"):
        for mode in ("nearest", "linear", "cubic"):
            yield C([f(1, 1, 4, 4), roi, scales], wide=False, mode=mode, coordinate_transformation_mode=coordinates)
    yield C([f(1, 1, 4, 4), roi, down], wide=False, mode="linear")
    for nearest in ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil"):
        yield C([f(1, 1, 4, 4), roi, empty, sizes], wide=False, mode="nearest", nearest_mode=nearest)
    yield C([f(1, 1, 4, 4), roi, empty, sizes], wide=False, mode="cubic", cubic_coeff_a=-0.5, exclude_outside=1)
    yield C([f(1, 1, 4, 4), roi, empty, i64(1, 1, 8, 8)], wide=False, mode="nearest",
            coordinate_transformation_mode="asymmetric", nearest_mode="floor")
    if v >= 18:
        yield C([f(1, 1, 4, 4), None, Const(np.array([2, 3], np.float32))], wide=False, axes=[2, 3], mode="linear")
        yield C([f(1, 1, 4, 4), None, Const(np.array([0.5, 0.75], np.float32))], wide=False, axes=[2, 3],
                mode="linear", antialias=1)
        yield C([f(1, 1, 4, 6), None, None, Const(i64(7, 8))], wide=False, axes=[2, 3], mode="linear",
                keep_aspect_ratio_policy="not_larger")


@case("Hardmax")
def hardmax(row, v):
    x = ints(0, 4, 2, 3, 4).astype(np.float32)
    yield C([x], wide=False)
    for axis in (0, 1, 2) + ((-1,) if v >= 11 else ()):
        yield C([x], wide=False, axis=axis)


@case("Einsum")
def einsum(row, v):
    yield C([f(3, 4), f(4, 5)], equation="ij,jk->ik")
    yield C([f(3, 4)], equation="ij->ji")
    yield C([f(3, 4)], wide=False, equation="ij->i")
    yield C([f(3, 4)], wide=False, equation="ij->")
    yield C([f(2, 3, 4), f(2, 4, 5)], wide=False, equation="bij, bjk -> bik")
    yield C([f(2, 3, 4), f(2, 5, 4)], wide=False, equation="...ij,...kj")
    yield C([f(2, 3), f(4)], wide=False, equation="ij,k->kij")
    yield C([f(2, 3, 4, 5), f(2, 6, 4, 5)], wide=False, equation="bqhd,bkhd->bhqk")
    yield C([f(3, 4), f(4, 2), f(2, 5)], wide=False, equation="ab,bc,cd->ad")
    yield C([f(2, 3), f(2, 3)], wide=False, equation="ij,ij->i")


@case("QLinearMatMul")
def qlinear_matmul(row, v):
    a, b = ints(0, 255, 2, 4, dtype=np.uint8), ints(0, 255, 4, 3, dtype=np.uint8)
    s = np.float32(0.25)
    yield C([a, s, np.array(113, np.uint8), b, s, np.array(114, np.uint8), np.float32(64), np.array(118, np.uint8)],
            wide=False)
    w = ints(-100, 100, 4, 3, dtype=np.int8)
    yield C([a, s, np.array(113, np.uint8), Const(w), Const(np.array([0.25, 0.5, 1], np.float32)),
             Const(np.zeros(3, np.int8)), np.float32(64), np.array(118, np.uint8)], wide=False)
    one = np.array([0.25], np.float32)
    yield C([a, one, np.array([113], np.uint8), b, one, np.array([114], np.uint8), np.array([64], np.float32),
             np.array([118], np.uint8)], wide=False, static=True)


@case("Attention")
def attention(row, v):
    yield C([f(2, 3, 4, 8), f(2, 3, 6, 8), f(2, 3, 6, 8)], wide=False)
    yield C([f(2, 3, 4, 8), f(2, 3, 4, 8), f(2, 3, 4, 8)], wide=False, is_causal=1)
    yield C([f(2, 4, 4, 8), f(2, 2, 6, 8), f(2, 2, 6, 10), f(4, 6)], wide=False, scale=0.5)
    yield C([f(2, 4, 24), f(2, 6, 24), f(2, 6, 24)], wide=False, q_num_heads=3, kv_num_heads=3)
    yield C([f(2, 3, 4, 8), f(2, 3, 6, 8), f(2, 3, 6, 8), None, f(2, 3, 5, 8), f(2, 3, 5, 8)], outputs=3, wide=False)
    q, k, x = f(2, 4, 3, 8), f(2, 2, 5, 8), f(2, 2, 5, 6)
    seen = np.array([[1, 0, 1, 1, 0], [0, 0, 0, 0, 0], [0, 1, 0, 0, 0]], np.bool_)  # the second query sees nothing
    for mask in (seen, np.where(seen, np.float32(0.5), np.float32(-np.inf)), seen.astype(np.int32), seen.astype(np.uint8)):
        yield C([q, k, x, mask], wide=False)
    yield C([q, k, x, seen], wide=False, reference=True, is_causal=1)
    for mode in range(4):
        # The reference evaluator gives the capped scores in mode 0, too, where the standard says the raw ones.
        more = {"wide": False, "reference": True, "qk_matmul_output_mode": mode, "softcap": 2.0 if mode > 0 else 0.0}
        yield C([q, k, x, seen], outputs=4, **more)
        halves = [a.astype(np.float16) for a in (q, k, x)]
        yield C([*halves, seen], outputs=4, softmax_precision=1, **more)
    if v < 24:
        return
    counts = i64(5, 2)
    yield C([q, k, x, f(4, 3, 4), None, None, i64(4, 2)], wide=False, reference=True)  # a mask of 4 keys hides the fifth
    yield C([q, k, x, None, None, None, counts], wide=False, reference=True)
    yield C([q, k, x, None, None, None, counts], wide=False, reference=True, is_causal=1)  # the first query sees nothing
    yield C([q, k, x, f(2, 1, 3, 5), None, None, i64(4, 0)], outputs=4, wide=False, reference=True, is_causal=1,
            qk_matmul_output_mode=3)
    if v < 25:
        return
    for left, right in ((1, -1), (-1, 1), (1, 0), (0, 0)):
        windows = {"wide": False, "reference": True, "left_window_size": left, "right_window_size": right}
        yield C([q, k, x], **windows)
        yield C([q, k, x, seen, None, None, counts], is_causal=int(left > 0), **windows)
        yield C([f(2, 3, 2, 4), f(2, 3, 3, 4), f(2, 3, 3, 4), None, f(2, 3, 5, 4), f(2, 3, 5, 4)], outputs=3, **windows)
    yield C([f(1, 1, 6, 4), f(1, 1, 2, 4), f(1, 1, 2, 4)], left_window_size=1, wide=False, reference=True)


@case("RotaryEmbedding")
def rotary(row, v):
    for interleaved in (0, 1):
        yield C([f(2, 3, 4, 8), f(10, 4), f(10, 4), ints(0, 10, 2, 4)], wide=False, interleaved=interleaved)
        yield C([f(2, 4, 24), f(2, 4, 4), f(2, 4, 4)], wide=False, num_heads=3, interleaved=interleaved)


@case("CenterCropPad")
def center_crop_pad(row, v):
    yield C([f(5, 6), Const(i64(3, 9))], wide=False)
    yield C([f(5, 6), i64(8, 3)], wide=False)
    yield C([f(5, 6, 2), Const(i64(4))], wide=False, axes=[1])


@case("BlackmanWindow", "HannWindow", "HammingWindow")
def window(row, v):
    yield C([Const(np.array(8, np.int64))], wide=False)
    yield C([np.array(9, np.int64)], wide=False, periodic=0)


@case("NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss")
def loss(row, v):
    more = {"outputs": 2} if row.name == "SoftmaxCrossEntropyLoss" else {}
    for reduction in ("none", "sum", "mean"):
        yield C([f(3, 5), ints(0, 5, 3)], wide=False, reduction=reduction, **more)
        yield C([f(3, 5, 2), ints(0, 5, 3, 2), positive(5)], wide=False, reduction=reduction, ignore_index=1)


@case("LSTM")
def lstm(row, v):
    s, b, i, h = 3, 2, 4, 3
    for direction, d in (("forward", 1), ("reverse", 1), ("bidirectional", 2)):
        w, r = Const(f(d, 4 * h, i) / np.float32(4)), Const(f(d, 4 * h, h) / np.float32(4))
        yield C([f(s, b, i), w, r], outputs=3, wide=False, hidden_size=h, direction=direction)
        yield C([f(s, b, i), w, r, Const(f(d, 8 * h)), np.array([3, 1], np.int32), f(d, b, h), f(d, b, h),
                 Const(f(d, 3 * h))], outputs=3, wide=False, hidden_size=h, direction=direction)
    w, r = Const(f(1, 4 * h, i) / np.float32(4)), Const(f(1, 4 * h, h) / np.float32(4))
    yield C([f(s, b, i), w, r], outputs=3, wide=False, hidden_size=h, clip=0.5)
    yield C([f(s, b, i), w, r], outputs=3, wide=False, hidden_size=h, input_forget=1)
    for gates, candidate, hidden, alpha, beta in (
            ("HardSigmoid", "Tanh", "Tanh", None, None), ("HardSigmoid", "Softsign", "ScaledTanh", [.25, 1.5], [.375, .75]),
            ("Affine", "LeakyRelu", "Relu", [.5, .125], [.25]), ("Softplus", "Elu", "Sigmoid", [.75], None),
            ("Sigmoid", "ThresholdedRelu", "Tanh", [.25], None)):
        lists = {name: value for name, value in (("activation_alpha", alpha), ("activation_beta", beta)) if value}
        yield C([f(s, b, i), w, r], outputs=3, wide=False, hidden_size=h, activations=[gates, candidate, hidden], **lists)
    w, r = Const(f(2, 4 * h, i) / np.float32(4)), Const(f(2, 4 * h, h) / np.float32(4))
    yield C([f(s, b, i), w, r], outputs=3, wide=False, hidden_size=h, direction="bidirectional", activation_alpha=[.25, .5],
            activation_beta=[.375], activations=["HardSigmoid", "Tanh", "Softsign", "Sigmoid", "LeakyRelu", "Tanh"])


@case("GRU", "RNN")
def recurrent(row, v):
    s, b, i, h = 3, 2, 4, 3
    gates, flags = (3, ({}, {"linear_before_reset": 1})) if row.name == "GRU" else (1, ({},))
    lists = ((("HardSigmoid", "Softsign"), [.25], [.375]), (("Sigmoid", "Relu"), None, None),
             (("Affine", "LeakyRelu"), [.5, .125], [.25])) if gates == 3 else (
            (("HardSigmoid",), [.25], [.375]), (("Relu",), None, None), (("ScaledTanh",), [1.5], [.75]))
    for flag in flags:
        for direction, d in (("forward", 1), ("reverse", 1), ("bidirectional", 2)):
            w, r = Const(f(d, gates * h, i) / np.float32(4)), Const(f(d, gates * h, h) / np.float32(4))
            yield C([f(s, b, i), w, r], outputs=2, wide=False, hidden_size=h, direction=direction, **flag)
            yield C([f(s, b, i), w, r, Const(f(d, 2 * gates * h)), np.array([3, 1], np.int32), f(d, b, h)], outputs=2,
                    wide=False, hidden_size=h, direction=direction, **flag)
        w, r = Const(f(1, gates * h, i) / np.float32(4)), Const(f(1, gates * h, h) / np.float32(4))
        yield C([f(s, b, i), w, r], outputs=2, wide=False, hidden_size=h, clip=0.5, **flag)
        for activations, alpha, beta in lists:
            more = {name: value for name, value in (("activation_alpha", alpha), ("activation_beta", beta)) if value}
            yield C([f(s, b, i), w, r], outputs=2, wide=False, hidden_size=h, activations=list(activations), **more, **flag)


@case("If")
def if_(row, v):
    def branch(name, op):
        node = helper.make_node(op, ["x0"], ["y"])
        out = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
        return helper.make_graph([node], name, [], [out])
    ops = ("Relu", "Neg") if v >= 7 else ("Softplus", "Softsign")  # what opset 1 has in today's form
    for condition in (True, False):
        yield C([np.array(condition), f(2, 3)], wide=False, captured=1, then_branch=branch("t", ops[0]),
                else_branch=branch("e", ops[1]))


@case("DFT")
def dft(row, v):
    axis = lambda a: ({"axis": a}, []) if v < 20 else ({}, [None, Const(np.array(a, np.int64))])
    for n in (5, 8):
        for parts in (1, 2):
            attrs, more = axis(1)
            yield C([f(2, n, parts)] + more, wide=False, static=True, reference=v >= 20, **attrs)
            yield C([f(2, n, parts)] + more, wide=False, static=True, reference=v >= 20, inverse=1, **attrs) if parts == 2 else \
                C([f(2, n, 1)] + more, wide=False, static=True, reference=v >= 20, onesided=1, **attrs)
    attrs, more = axis(2)
    yield C([f(2, 3, 6, 2), Const(np.array(4, np.int64))] + more[1:], wide=False, static=True, reference=v >= 20, **attrs)
    yield C([f(2, 3, 6, 1), Const(np.array(9, np.int64))] + more[1:], wide=False, static=True, reference=v >= 20, **attrs)
    if v >= 20:
        yield C([f(2, 5, 2), Const(np.array(8, np.int64))], wide=False, static=True, reference=True, inverse=1, onesided=1)


@case("STFT")
def stft(row, v):
    step = Const(np.array(4, np.int64))
    window, length = Const(positive(8)), Const(np.array(8, np.int64))
    for onesided in (0, 1):
        yield C([f(2, 30, 1), step, window, length], wide=False, static=True, reference=True, onesided=onesided)
    yield C([f(1, 32, 1), step, window], wide=False, static=True, reference=True)


@case("GridSample")
def grid_sample(row, v):
    modes = ("bilinear", "nearest", "bicubic") if v < 20 else ("linear", "nearest", "cubic")
    grid = lambda *shape: (rng.integers(-19, 20, shape) / 16).astype(np.float32)
    for mode in modes:
        for padding in ("zeros", "border", "reflection"):
            for corners in (0, 1):
                # ONNX Runtime moves both coordinates where one of them is outside.
                other = mode in ("bicubic", "cubic") and padding == "border"
                if not other or v >= 20:
                    yield C([f(2, 3, 4, 5), grid(2, 3, 2, 2)], wide=False, static=True, reference=other, mode=mode,
                            padding_mode=padding, align_corners=corners)
    yield C([f(1, 2, 4, 5), grid(1, 2, 3, 2)], wide=False)
    if v >= 20:
        for mode in ("linear", "nearest"):
            yield C([f(1, 2, 3, 4, 2), grid(1, 2, 3, 2, 3)], wide=False, static=True, mode=mode)


@case("RoiAlign")
def roi_align(row, v):
    boxes = np.array([[0, 0, 3, 4], [1.5, 0.25, 6, 7], [-2, 5, 1, 9], [2, 2, 2.25, 2.5]], np.float32)
    images = np.array([0, 1, 1, 0], np.int64)
    for mode in ("avg", "max"):
        yield C([f(2, 3, 6, 7), boxes, images], wide=False, mode=mode, output_height=2, output_width=3, sampling_ratio=2)
    yield C([f(2, 3, 6, 7), boxes, images], wide=False, output_height=3, output_width=2, spatial_scale=0.5)
    if v >= 16:
        yield C([f(2, 3, 6, 7), boxes, images], wide=False, output_height=3, output_width=2, spatial_scale=0.75,
                coordinate_transformation_mode="output_half_pixel")


@case("NonMaxSuppression")
def non_max_suppression(row, v):
    corners = np.sort(rng.integers(0, 33, (2, 12, 2, 2)) / 8, axis=2).reshape(2, 12, 4).astype(np.float32)
    scores = (rng.permutation(72).reshape(2, 3, 12) / 72).astype(np.float32)
    most, overlap, least = np.array(4, np.int64), np.array([0.25], np.float32), np.array([0.5], np.float32)
    yield C([corners, scores, Const(most), Const(overlap), Const(least)], wide=False)
    yield C([corners, scores, most, overlap, least], wide=False)
    yield C([corners[:, :, [2, 3, 0, 1]], scores, Const(np.array([99], np.int64)), overlap], wide=False)
    yield C([corners, scores, Const(most), overlap], wide=False, center_point_box=1)
    yield C([corners, scores], wide=False)


def body(inputs, outputs, *nodes):
    """A subgraph: "int64 i, bool c, float[2] s", "bool d, float[2] t", and its nodes, as the text format of ONNX has them."""
    return parser.parse_graph(f"body ({inputs}) => ({outputs}) {{ {' '.join(nodes)} }}")


@case("Loop")
def loop(row, v):
    count, yes = Const(np.array(3, np.int64)), Const(np.array(True))
    simple = body("int64 i, bool c, float[2] s", "bool d, float[2] t, float[2] r", "d = Identity(c)", "t = Softsign(s)",
                  "r = Softplus(s)")
    yield C([count, yes, f(2)], outputs=2, wide=False, body=simple)
    yield C([np.array(2, np.int64), None, f(2)], outputs=2, wide=False, body=simple)
    if v < 13:
        return
    sums = body("int64 i, bool c, float[2] s", "bool d, float[2] t, float[2] r", "d = Identity(c)", "t = Add(s, x0)",
                "r = Mul(t, s)")
    for trips in (0, 1, 4):
        yield C([np.array(trips, np.int64), yes, f(2), f(2)], outputs=2, wide=False, captured=1, body=sums)
    # Ends early, before the first iteration too; the number of rows is known at the end alone.
    early = body("int64 i, bool c, float[2] s", "bool d, float[2] t, float[2] r", "t = Add(s, x0)",
                 "m = ReduceMax<keepdims = 0>(t)", "d = Less(m, x1)", "r = Neg(t)")
    for most in (2, 9):
        yield C([Const(np.array(most, np.int64)), yes, f(2), positive(2), np.array(9, np.float32)], outputs=2, wide=False,
                captured=2, body=early)
    yield C([np.array(9, np.int64), np.array(False), f(2), positive(2), np.array(9, np.float32)], outputs=2, wide=False,
            captured=2, body=early)
    # Neither count nor rows; two values change places; the number of the iteration.
    swap = body("int64 i, bool c, float[2] a, float[2] b, float[] n", "bool d, float[2] p, float[2] q, float[] k",
                "p = Identity(b)", "q = Add(a, b)", "one = Constant<value_float = 1.0>()", "k = Add(n, one)", "d = Less(k, x0)")
    yield C([None, yes, f(2), f(2), np.array(0, np.float32), np.array(5, np.float32)], outputs=3, wide=False, captured=1,
            body=swap)
    turn = body("int64 i, bool c, float[2] a, float[2] b", "bool d, float[2] b, float[2] a, float n", "d = Identity(c)",
                "n = Cast<to = 1>(i)")
    yield C([count, yes, f(2), f(2)], outputs=3, wide=False, body=turn)
    # Products, a value that is yielded twice, one that nothing reads, one that stays as it is.
    product = body("int64 i, bool c, float[2, 3] s, float[2, 3] u, float[2] w", "bool c, float[2, 3] t, float[2, 3] t, float[2] w",
                   "m = MatMul(s, x0)", "t = Tanh(m)")
    yield C([count, None, f(2, 3), f(2, 3), f(2), f(3, 3) / np.float32(4)], outputs=3, wide=False, captured=1, body=product)
    # A loop in a loop, and an If in one.
    nested = body("int64 i, bool c, float[2] s", "bool c, float[2] t, float[2] r", "n = Identity(i)",
                  "t, r = Loop<body = inner (int64 j, bool e, float[2] p, float[2] q) => (bool e, float[2] u, float[2] q) "
                  "{ m = Cast<to = 1>(i) o = Mul(q, m) u = Add(p, o) }>(n, c, s, x0)")
    yield C([Const(np.array(4, np.int64)), yes, f(2), f(2)], outputs=2, wide=False, captured=1, body=nested)
    choice = body("int64 i, bool c, float[2] s", "bool c, float[2] t, float[2] r", "one = Constant<value_int = 1>()",
                  "odd = BitwiseAnd(i, one)" if v >= 18 else "odd = Mod(i, x1)", "p = Cast<to = 9>(odd)",
                  "t = If(p)<then_branch = a () => (float[2] y) { y = Add(s, x0) }, "
                  "else_branch = b () => (float[2] z) { z = Neg(s) }>", "r = Identity(s)")
    yield C([count, yes, f(2), f(2), np.array(2, np.int64)], outputs=2, wide=False, captured=2, body=choice)
    # Rows that a slice of a computed size takes.
    take = body("int64 i, bool c, float[1] s", "bool c, float[1] t, float[1] r", "one = Constant<value_ints = [1]>()",
                "at = Reshape(i, one)", "end = Add(at, one)", "x = Slice(x0, at, end)", "t = Add(s, x)", "r = Identity(t)")
    yield C([np.array(4, np.int64), yes, f(1), f(5)], outputs=2, wide=False, static=True, captured=1, body=take)


@case("Scan")
def scan(row, v):
    simple = body("float[2] s, float[2] x", "float[2] t, float[2] r", "t = Softsign(x)", "r = Softplus(s)")
    yield C([f(2), f(3, 2)], outputs=2, wide=False, num_scan_inputs=1, body=simple)
    if v < 13:
        return
    sums = body("float[2] s, float[2] x, float[] y", "float[2] t, float[2] r", "m = Mul(x, y)", "t = Add(s, m)", "r = Sub(t, x0)")
    yield C([f(2), f(4, 2), f(4), f(2)], outputs=2, wide=False, captured=1, num_scan_inputs=2, body=sums)
    yield C([f(2), f(2, 4), f(4), f(2)], outputs=2, wide=False, captured=1, num_scan_inputs=2, body=sums,
            scan_input_axes=[1, 0], scan_input_directions=[1, 0], scan_output_axes=[-1], scan_output_directions=[1])
    rows = body("float[2] x", "float[2, 2] r, float[] n", "one = Constant<value_ints = [2, 1]>()", "c = Reshape(x, one)",
                "r = Mul(c, x)", "n = ReduceSum<keepdims = 0>(x)")
    yield C([f(3, 2)], outputs=2, wide=False, static=True, num_scan_inputs=1, body=rows)
    yield C([f(0, 2)], outputs=2, wide=False, static=True, num_scan_inputs=1, body=rows)
    yield C([f(2, 3)], outputs=2, wide=False, static=True, num_scan_inputs=1, body=rows, scan_input_axes=[-1], scan_output_axes=[1, 0])


def with_type(case_, row, dtype):
    """The same case with the inputs of type variable A as another type; None where nothing changes."""
    letters = re.findall(r"[A-Z]", row.inputs)
    variadic = "*" in row.inputs
    inputs, changed = [], False
    for index, value in enumerate(case_.inputs):
        array = value.array if isinstance(value, Const) else value
        letter = letters[0] if variadic else letters[index] if index < len(letters) else ""
        if letter == "A" and isinstance(array, (np.ndarray, np.generic)) and array.dtype == np.float32:
            array = np.asarray(array)
            low = 0 if np.dtype(dtype).kind == "u" else -5
            array = np.clip(np.rint(array), low, 5).astype(dtype) if np.dtype(dtype).kind in "iu" else array.astype(dtype)
            value = Const(array) if isinstance(value, Const) else array
            changed = True
        inputs.append(value)
    return Case(inputs, case_.outputs, case_.wide, case_.static, case_.reference, case_.captured,
                **case_.attrs) if changed else None


def build(name, row, opset, case_, symbolic):
    initializers, infos, feeds, names = [], [], [], []
    for index, value in enumerate(case_.inputs):
        if value is None:
            names.append("")
            continue
        captured = index - len(case_.inputs) + case_.captured
        if captured >= 0:
            label = f"x{captured}"
        else:
            label = f"i{index}"
            names.append(label)
        if isinstance(value, Const):
            initializers.append(numpy_helper.from_array(np.asarray(value.array), label))
            continue
        array = np.asarray(value)
        symbols = symbolic and index not in STATIC.get(row.name, ())
        dims = [f"{label}_{axis}" for axis in range(array.ndim)] if symbols else list(array.shape)
        infos.append(helper.make_tensor_value_info(label, helper.np_dtype_to_tensor_dtype(array.dtype), dims))
        feeds.append((label, array))
    outputs = [f"o{k}" for k in range(case_.outputs)]
    node = helper.make_node(row.name, names, outputs, **case_.attrs)
    out_infos = [onnx.ValueInfoProto(name=output) for output in outputs]
    graph = helper.make_graph([node], name, infos, out_infos, initializers)
    opset_id = helper.make_opsetid("", opset)
    model = helper.make_model(graph, opset_imports=[opset_id], producer_name="hmlc conformance",
                              ir_version=max(4, helper.find_min_ir_version_for([opset_id], ignore_unknown=True)))
    return model, feeds


def run_onnxruntime(model, feeds):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, dict(feeds))


def expected(row, opset, case_, model, feeds):
    """(the outputs, who gave them); raises what ONNX Runtime says at the case's own opset."""
    lowest = SAME_AS.get((row.name, row.since), row.since)
    stand_in, problem = onnx.ModelProto(), None
    stand_in.CopyFrom(model)
    stand_in.ir_version = min(model.ir_version, 13)
    for lower in [] if case_.reference else range(opset, lowest - 1, -1):
        stand_in.opset_import[0].version = lower
        try:
            return run_onnxruntime(stand_in, feeds), "ONNX Runtime"
        except Exception as caught:  # it lacks kernels for some types and versions
            problem = problem or caught
    if row.name in REFERENCE or row.since >= REFERENCE_SINCE or case_.reference:
        stand_in.opset_import[0].version = min(opset, onnx.defs.onnx_opset_version())
        return ReferenceEvaluator(stand_in).run(None, dict(feeds)), "the reference evaluator"
    raise problem


def complete(model, results, symbolic):
    """Declares the outputs' types, and their shapes where the dims are static."""
    for info, result in zip(model.graph.output, results):
        shape = None if symbolic else result.shape
        info.CopyFrom(helper.make_tensor_value_info(info.name, helper.np_dtype_to_tensor_dtype(result.dtype), shape))


def pack(data):
    return struct.pack("<I", len(data)) + data


def entry(name, model, feeds, results):
    parts = [pack(name.encode()), pack(model.SerializeToString()), struct.pack("<I", len(feeds))]
    parts += [pack(numpy_helper.from_array(array, label).SerializeToString()) for label, array in feeds]
    parts.append(struct.pack("<I", len(results)))
    parts += [pack(numpy_helper.from_array(np.asarray(r), f"o{k}").SerializeToString()) for k, r in enumerate(results)]
    return b"".join(parts)


def variants(row, opset, newest):
    """(label, case, symbolic) of a row at an opset."""
    seen = set()
    for index, case_ in enumerate(CASES[row.name](row, opset)):
        yield f"{index}", case_, False
        # Squeezing all dims of 1, fractional scales and output_shape need static dims.
        static = (row.name == "Squeeze" and len(case_.inputs) == 1) or row.name == "Resize" \
            or "output_shape" in case_.attrs or case_.static
        many = row.name in ("MaxPool", "BatchNormalization", "QuantizeLinear", "DequantizeLinear")
        if newest and (index < 6 or many) and not static:
            yield f"{index}_symbolic", case_, True
        if case_.wide and index < 2:
            # ONNX Runtime rounds to integers within ReduceLogSumExp; the standard does so once, at the end.
            letters = "dh" if row.name == "ReduceLogSumExp" else "ilCdh"
            for letter in letters:
                if letter in row.types[0] and (index, letter) not in seen:
                    seen.add((index, letter))
                    other = with_type(case_, row, LETTERS[letter])
                    if other is not None:
                        yield f"{index}_{np.dtype(LETTERS[letter]).name}", other, False


def opsets_of(row):
    return sorted({row.since, max(row.since, min(7, row.until)), row.until})


def main():
    global rng
    rows = read_rows()
    newest = {}
    for row in rows:
        newest[row.name] = max(newest.get(row.name, 0), row.since)
    bundle, missing, refused, sources = [b"HMLCASE1"], [], collections.Counter(), collections.Counter()
    for row in rows:
        for opset in opsets_of(row):
            rng = np.random.default_rng(zlib.crc32(f"{row.name}_{opset}".encode()))
            last = row.since == newest[row.name] and opset == row.until
            made = 0
            for label, case_, symbolic in variants(row, opset, last):
                name = f"{row.name}_{opset}_{label}"
                try:
                    model, feeds = build(name, row, opset, case_, symbolic)
                    results, source = expected(row, opset, case_, model, feeds)
                except Exception as problem:
                    refused[f"{row.name} {str(problem)[:90]}"] += 1
                    continue
                if sum(np.asarray(r).nbytes for r in results) > 8192:
                    sys.exit(f"{name}: outputs are too large for the bundle")
                complete(model, results, symbolic)
                bundle.append(entry(name, model, feeds, results))
                sources[source] += 1
                made += 1
            if made == 0:
                missing.append(f"{row.name} {opset}")
    (HERE / "cases.bin").write_bytes(b"".join(bundle))
    print(f"{len(bundle) - 1} cases, {sum(map(len, bundle))} bytes:", ", ".join(f"{n} {s}" for s, n in sources.items()))
    print("rows and opsets without a case:", ", ".join(missing) or "none")
    for problem, count in refused.most_common(60 if "-v" in sys.argv else 0):
        print(count, problem)


if __name__ == "__main__":
    main()
