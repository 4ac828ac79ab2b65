#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every ONNX operator by itself, against ONNX Runtime.

One-node models with a symbol of its own for every dim; dims that fit and dims that do not, empty
ones, indices in and out of range, NaN, infinities and extreme integers. What ONNX Runtime computes we
must compute, what it refuses at run time we must refuse. Needs numpy, onnx and onnxruntime:

    HMLC=build/release/tools/hmlc/hmlc HML_LIBRARY=build/release/runtime/libhml.so \\
        python tests/differential/onnx_operators.py [--op Gather] [--seed 1] [--count 20] [--seconds 600]

Exit status 1: a finding. A case is made from operator and seed alone.
"""
import argparse
import mmap
import os
import random
import re
import struct
import subprocess
import sys
import tempfile
import time

import numpy as np
import onnx
from onnx import TensorProto, helper

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
OPSET, RUNS = 21, 5
FLOATS = ["float", "float", "float", "double", "float16"]
INTEGERS = ["int64", "int32", "int8", "uint8", "int16", "uint16", "uint32", "uint64"]
PLAIN = set(FLOATS + INTEGERS + ["bool"])
SIZES = [3, 4, 5, 2, 7, 8, 1, 6, 2, 3, 0, 1, 9, 16]
# What ONNX Runtime refuses and we have a meaning for, by its messages.
STRICTER = {
    "by zero": "integer division by 0 gives 0",
    "pool_attributes.h": "a window larger than the map, or an empty map, gives an empty result",
    "Invalid input shape": "likewise, of Conv",
    "cannot be less than 3": "global pools of rank 2",
    "Invalid num_outputs": "equal parts of a small dim end in empty ones",
    "Invalid value in 'split'": "likewise",
    "tensor.h:210": "cubic Resize of integers",
    "reshape_helper.h": "GroupNormalization of an empty batch",
    "Pad reflect": "more than the dim's elements, reflected again as numpy does",
    "matmul_helper.h": "empty operands that do not fit are looked at first",
}
# What ONNX Runtime runs and we refuse, or answer with an empty tensor.
LOOSER = {
    "Compress": "a condition longer than the axis",
    "GatherND": "batch dims that differ",
    "CenterCropPad": "negative sizes",
    "AveragePool": "windows larger than the map by less than the stride, where the standard's formula gives 0",
    "MaxPool": "likewise",
    "LpPool": "likewise",
}
# Floats whose sums and products do not depend on the order; then others.
ADVERSE = [np.nan, np.inf, -np.inf, -0.0, 0.0, 0.5, 1, -1]
HUGE = ADVERSE + [3.4e38, -3.4e38, 65504, 1e30, 88.8, -104, 1e-30, 1e-40, 16777217, 2.5]


class Case:
    """The node's operands and attributes, as a row makes them."""

    def __init__(self, op, seed):
        self.op, self.random, self.types = op, random.Random(f"{op} {seed}"), {}
        self.schema = onnx.defs.get_schema(op, OPSET)
        self.inputs, self.attrs, self.sums, self.outputs = [], {}, False, None

    def pick(self, *choices):
        return self.random.choice(choices)

    def type_of(self, index):
        formal = self.schema.inputs[min(index, len(self.schema.inputs) - 1)]
        if formal.type_str not in self.types:
            allowed = sorted(t[7:-1] for t in formal.types if t[7:-1] in PLAIN)
            likely = [t for t in ("float", "int64") if t in allowed]
            self.types[formal.type_str] = self.random.choice(allowed + 3 * likely[:1] + likely[1:])
        return self.types[formal.type_str]

    def x(self, dims, finite=False):
        """An operand of the formal's type; letters of dims are symbols, numbers are static."""
        at = len(self.inputs)
        self.inputs.append(dict(kind="x", dtype=self.type_of(at), dims=dims.split(), finite=finite))
        return self

    def one_type(self):
        """All type variables are one type: mixed ones have no common meaning."""
        self.types = {formal.type_str: self.types.setdefault("", self.random.choice(FLOATS)) for formal in self.schema.inputs}
        return self

    def index(self, dims):
        self.type_of(len(self.inputs))
        self.types[self.schema.inputs[len(self.inputs)].type_str] = dtype = self.pick("int64", "int32")
        self.inputs.append(dict(kind="index", dtype=dtype, dims=dims.split()))
        return self

    def values(self, make, dtype="int64", constant=None):
        """Few numbers that say what to do: make(case) gives a list; a constant, or an input."""
        constant = self.random.random() < 0.4 if constant is None else constant
        self.inputs.append(dict(kind="values", dtype=dtype, make=make, constant=constant, value=make(self)))
        return self

    def none(self):
        self.inputs.append(None)
        return self

    def set(self, **attrs):
        self.attrs.update({k: v for k, v in attrs.items() if v is not None})
        return self

    def three(self):
        self.outputs = 3
        return self

    def no_nan(self):
        """ONNX Runtime's result depends on where the NaN stands; ours is NaN."""
        for item in self.inputs:
            item["finite"] = True
        return self

    def two(self):
        self.outputs = 2
        return self

    def adds(self):
        self.sums = True
        return self


def window(c, spatial):
    two = lambda *choices: [c.pick(*choices) for _ in range(spatial)]
    return dict(strides=two(1, 2, 3), pads=[c.pick(0, 1) for _ in range(2 * spatial)])


def pool(c):
    return c.x("n c h w").set(kernel_shape=[c.pick(2, 3), c.pick(2, 3)], ceil_mode=c.pick(0, 0, 1), **window(c, 2)).adds()


def reduction(c):
    c.x(c.pick("k", "k k") if c.op == "ReduceMean" else c.pick("a b c", "a", "a b")).adds().set(keepdims=c.pick(0, 1), noop_with_empty_axes=c.pick(0, 1))
    rank = len(c.inputs[0]["dims"])
    if c.op in ("ReduceMax", "ReduceMin") or c.types["T"] in INTEGERS:
        c.no_nan()  # extreme integers: ONNX Runtime adds them in doubles
    return c if c.pick(0, 1) else c.values(lambda k: k.random.sample(range(-rank, rank), k.pick(0, 1, 1)))


def arg(c):
    return c.x("a b").set(axis=c.pick(-2, -1, 0, 1), keepdims=c.pick(0, 1), select_last_index=c.pick(0, 1))


def resize(c):
    mode = c.pick("nearest", "linear", "cubic")
    c.x(c.pick("1 1 h w", "n c h w")).none()
    if c.pick(0, 1):
        c.values(lambda k: [1, 1, k.pick(0.5, 1.5, 2, 0.3), k.pick(1, 2, 0.7)], "float", True)
    else:
        c.none().values(lambda k: [1, 1, k.pick(1, 3, 7), k.pick(1, 2, 9)], "int64", True)
        c.inputs[0]["dims"] = "1 1 h w".split()
    return c.adds().set(mode=mode, coordinate_transformation_mode=c.pick("half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"),
                        nearest_mode=c.pick("round_prefer_floor", "round_prefer_ceil", "floor", "ceil"), antialias=c.pick(0, 0, 0, mode != "nearest"))


def slices(c):
    forward = c.pick(True, False)  # numpy's meaning of a huge end and a negative step is not ONNX Runtime's
    huge = [2**31 - 1, 2**63 - 1] if forward else []
    number = lambda k, more: k.pick(0, 1, -1, 2, -2, 5, -5, 100, -100, -(2**63), *more)
    c.x("a b c").values(lambda k: [number(k, [2**63 - 1]), number(k, [])])
    c.values(lambda k: [number(k, huge), number(k, huge)])
    axes = c.pick([0, 1], [2, 0], [-1, 1], None)
    if axes is not None:
        steps = [1, 2, 3, 2**63 - 1] if forward else [-1, -2, -3]
        c.values(lambda k: axes, constant=True).values(lambda k: [k.pick(*steps), k.pick(*steps[:2])])
    return c


def pads(c):
    return c.x("a b").values(lambda k: [k.pick(0, 1, 2, -1, 3) for _ in range(4)]).set(mode=c.pick("constant", "constant", "reflect", "edge", "wrap"))


def split(c):
    c.x("a b").set(axis=c.pick(0, 1, -1))
    c.outputs = c.pick(2, 3)
    return c.set(num_outputs=c.outputs) if c.pick(0, 1) else c.values(lambda k: [k.pick(0, 1, 2, 2) for _ in range(c.outputs)])


def conv(c):
    groups = c.pick(1, 1, 2)
    c.x(f"n {4 * groups} h w").x(f"{2 * groups} 4 3 3", finite=True).adds()
    return (c.x(str(2 * groups)) if c.pick(0, 1) else c).set(group=groups, dilations=[c.pick(1, 2), 1], **window(c, 2))


ROWS = {
    "Gather": [lambda c: c.x("a b c").index(c.pick("d e", "d", "")).set(axis=c.pick(-3, -1, 0, 1, 2))],
    "GatherElements": [lambda c: c.x("a b").index("a b").set(axis=c.pick(-1, 0, 1))],
    "GatherND": [lambda c: c.x("a b c").index(c.pick("d 1", "d 2", "d e 3")), lambda c: c.x("a b c").index(c.pick("a 1", "a d 2")).set(batch_dims=1)],
    "ScatterElements": [lambda c: c.x("a b").index("a b").x("a b").adds().set(axis=c.pick(-1, 0, 1), reduction=c.pick("none", "add", "mul", "min", "max")).no_nan()],
    "ScatterND": [lambda c: c.x("a b").index("d 1").x("d b").adds().set(reduction=c.pick("none", "add", "mul", "min", "max")).no_nan()],
    "OneHot": [lambda c: c.index(c.pick("a b", "a")).values(lambda k: [k.pick(0, 1, 3, 5)]).x("2").set(axis=c.pick(-1, 0, 1))],
    "Reshape": [lambda c: c.x("a b c").values(lambda k: k.pick([0, -1], [-1], [0, 0, -1], [-1, 2], [1, -1, 1], [2, -1, 0], [0, 0, 0], [3, 4])).set(allowzero=c.pick(0, 0, 1))],
    "Expand": [lambda c: c.x(c.pick("a b", "1 b", "b", "1 1")).values(lambda k: k.pick([2, 1, 1], [1, 1], [3, 4], [0, 1], [5], [1, 3, 4]))],
    "Tile": [lambda c: c.x("a b").values(lambda k: [k.pick(0, 1, 2, 3), k.pick(1, 2, 0)])],
    "Slice": [slices], "Pad": [pads], "Split": [split], "Resize": [resize], "Conv": [conv],
    "Squeeze": [lambda c: c.x(c.pick("a b c", "a 1 c")).values(lambda k: k.pick([1], [-2], [0, 1]))],
    "Unsqueeze": [lambda c: c.x("a b").values(lambda k: k.pick([0], [-1], [0, 3], [1, -1]))],
    "Concat": [lambda c: c.x("a b").x("a c").x("a d").set(axis=c.pick(1, -1)), lambda c: c.x("a b").x("c b").set(axis=0)],
    "Transpose": [lambda c: c.x("a b c").set(perm=c.random.sample(range(3), 3))],
    "Flatten": [lambda c: c.x("a b c").set(axis=c.pick(-3, -1, 0, 1, 2, 3))],
    "Range": [lambda c: c.values(lambda k: [k.pick(0, 3, -2)]).values(lambda k: [k.pick(0, 7, -9)]).values(lambda k: [k.pick(1, 2, -1, 0, -3)])],
    "Trilu": [lambda c: c.x(c.pick("a b", "n a b")).values(lambda k: [k.pick(0, 1, -1, 5, -7, 2**63 - 1, -(2**63))]).set(upper=c.pick(0, 1))],
    "CumSum": [lambda c: c.x("a b").values(lambda k: [k.pick(0, 1, -1, -2, 2)]).adds().set(exclusive=c.pick(0, 1), reverse=c.pick(0, 1))],
    "TopK": [lambda c: c.x("a b").no_nan().values(lambda k: [k.pick(0, 1, 2, 3, 9, -1)]).two().set(axis=c.pick(0, 1, -1), largest=c.pick(0, 1))],
    "NonZero": [lambda c: c.x(c.pick("a b", "a"))],
    "ArgMax": [arg], "ArgMin": [arg],
    "Softmax": [lambda c: c.x("a b c").adds().set(axis=c.pick(-1, 0, 1))],
    "LogSoftmax": [lambda c: c.x("a b c").adds().set(axis=c.pick(-1, 0, 1))],
    "Hardmax": [lambda c: c.x("a b c").no_nan().set(axis=c.pick(-1, 0, 1))],
    "MatMul": [lambda c: c.x(c.pick("m k", "a m k", "k")).x(c.pick("k n", "a k n")).adds()],
    "Gemm": [lambda c: c.x("m k").x("k n").adds().set(alpha=c.pick(1.0, 0.5), beta=c.pick(1.0, 2.0)),
             lambda c: c.x("k m").x("n k").x(c.pick("n", "m n", "1", "m 1")).adds().set(transA=1, transB=1)],
    "Where": [lambda c: c.x(c.pick("a b", "b", "1 b")).x("a b").x(c.pick("a b", "a 1", "b"))],
    "Clip": [lambda c: c.x("a b").x("", True).x("", True), lambda c: c.x("a b", True).none().x("", True)],
    "MaxPool": [lambda c: pool(c).no_nan()], "AveragePool": [lambda c: pool(c).set(count_include_pad=c.pick(0, 1))],
    "BlackmanWindow": [lambda c: c.x("").set(periodic=c.pick(0, 1))],
    "HannWindow": [lambda c: c.x("").set(periodic=c.pick(0, 1))], "HammingWindow": [lambda c: c.x("").set(periodic=c.pick(0, 1))],
    "GlobalAveragePool": [lambda c: c.x("n c h w").adds()], "GlobalMaxPool": [lambda c: c.x("n c h w").no_nan()],
    "LayerNormalization": [lambda c: c.x("a b c").x("c", True).x("c").adds().set(axis=-1)],
    "InstanceNormalization": [lambda c: c.x("n c h").x("c", True).x("c").adds()],
    "BatchNormalization": [lambda c: c.one_type().x("n c h").x("c", True).x("c").x("c", True).x("c", True).adds()],
    "DepthToSpace": [lambda c: c.x("n c h w").set(blocksize=2, mode=c.pick("DCR", "CRD"))],
    "SpaceToDepth": [lambda c: c.x("n c h w").set(blocksize=2)],
    "LpNormalization": [lambda c: c.x("a b").adds().set(axis=c.pick(0, 1, -1), p=c.pick(1, 2))],
    "MeanVarianceNormalization": [lambda c: c.x("n c h w").adds()],
    "QuantizeLinear": [lambda c: c.x("a b", True).x("", True).x(""), lambda c: c.x("a b", True).x("b", True).x("b").set(axis=1)],
    "DequantizeLinear": [lambda c: c.x("a b", True).x("", True).x("", True), lambda c: c.x("a b", True).x("a", True).x("a", True).set(axis=0)],
    "BitShift": [lambda c: c.x("a b", True).x(c.pick("a b", "b"), True).set(direction=c.pick("LEFT", "RIGHT"))],
    "Einsum": [lambda c: c.x("a b").x("b c").adds().set(equation=c.pick("ij,jk->ik", "ij,jk->ki", "ij,jk->i")), lambda c: c.x("a b").adds().set(equation="ij->ji")],
    "GroupNormalization": [lambda c: c.x("n 6 h").x("6", True).x("6").adds().set(num_groups=c.pick(1, 2, 3, 6))],
    "LRN": [lambda c: c.x("n c h w").no_nan().adds().set(size=c.pick(1, 3, 5))],
    "DynamicQuantizeLinear": [lambda c: c.x("a b", True).three()],
    "LpPool": [lambda c: pool(c).set(p=c.pick(1, 2))],
    "LSTM": [lambda c: c.x("s b 3").x("1 16 3", True).x("1 16 4", True).x("1 32").index("b").x("1 b 4").x("1 b 4").three().adds().set(hidden_size=4, direction=c.pick("forward", "reverse"))],
    "Dropout": [lambda c: c.x("a b")],
    "MatMulInteger": [lambda c: c.x("m k").x("k n")],
    "ConvTranspose": [lambda c: c.x("n 4 h w").x("4 3 2 3", finite=True).adds().set(**window(c, 2))],
    "Cast": [lambda c: c.x("a b").set(to=getattr(TensorProto, c.pick("FLOAT", "INT32", "INT64", "BOOL", "FLOAT16", "UINT8", "INT8", "DOUBLE")))],
    "EyeLike": [lambda c: c.x("a b").set(k=c.pick(0, 1, -2, 9))],
    "ConstantOfShape": [lambda c: c.values(lambda k: [k.pick(0, 1, 3), k.pick(1, 4, -1)], constant=False)],
    "Compress": [lambda c: c.x("a b").x("a").set(axis=0)],
    "ReverseSequence": [lambda c: c.x("a b c").index("a").set(batch_axis=0, time_axis=1)],
    "Mod": [lambda c: c.x("a b").x(c.pick("a b", "b", "a 1")).set(fmod=1)],
    "PRelu": [lambda c: c.x("a b").x(c.pick("b", "1", "a b"))],
    "Shape": [lambda c: c.x("a b c").set(start=c.pick(None, 0, 1, -2, 9), end=c.pick(None, -1, 2, -9))],
    "Pow": [lambda c: c.one_type().x("a b").x(c.pick("a b", "b", ""))],
}
for name in "Sum Mean L1 L2 Max Min Prod LogSum LogSumExp SumSquare".split():
    ROWS["Reduce" + name] = [reduction]


def default_row(schema):
    """Unary and broadcasting operators need no row: their formal inputs say it."""
    plain = [i for i in schema.inputs if i.option != onnx.defs.OpSchema.FormalParameterOption.Optional]
    required = [a for a in schema.attributes.values() if a.required]
    if not 1 <= len(plain) <= 2 or required or len(schema.outputs) != 1:
        return None
    if len(plain) == 1 and plain[0].option != onnx.defs.OpSchema.FormalParameterOption.Variadic:
        return lambda c: c.x(c.pick("a b", "a", "", "a b c"))
    return lambda c: c.x(c.pick("a b", "b", "1 b")).x(c.pick("a b", "a 1", "b", ""))


def operators():
    """Operators of our table that have a row or need none, and the others."""
    with open(os.path.join(ROOT, "frontend/onnx/onnx_ops.def"), encoding="utf-8") as table:
        names = sorted(set(re.findall(r"^ONNX_OP\((\w+),", table.read(), re.M)))
    made, others = {}, []
    for name in names:
        try:
            row = ROWS.get(name) or default_row(onnx.defs.get_schema(name, OPSET))
        except onnx.defs.SchemaError:
            row = None
        if row:
            made[name] = row if isinstance(row, list) else [row]
        else:
            others.append(name)
    return made, others


def array_type(dtype):
    return helper.tensor_dtype_to_np_dtype(getattr(TensorProto, dtype.upper()))


def make_model(case):
    names, inputs, initializers = [], [], []
    for at, item in enumerate(case.inputs):
        name = "" if item is None else f"x{at}"
        names.append(name)
        if item is None:
            continue
        kind = getattr(TensorProto, item["dtype"].upper())
        if item["kind"] == "values":
            scalar = case.op in ("Range", "OneHot", "Trilu", "CumSum")
            item["shape"] = () if scalar else (len(item["value"]),)
            if item["constant"]:
                array = np.array(item["value"], array_type(item["dtype"])).reshape(item["shape"])
                initializers.append(onnx.numpy_helper.from_array(array, name))
                continue
            inputs.append(helper.make_tensor_value_info(name, kind, list(item["shape"])))
        else:
            dims = [int(d) if d.isdigit() else f"{d}{at}" for d in item["dims"]]
            inputs.append(helper.make_tensor_value_info(name, kind, dims))
    count = case.outputs or 1
    node = helper.make_node(case.op, names, [f"y{i}" for i in range(count)], **case.attrs)
    outputs = [helper.make_empty_tensor_value_info(f"y{i}") for i in range(count)]
    graph = helper.make_graph([node], "one", inputs, outputs, initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=10)
    return onnx.shape_inference.infer_shapes(model)


def elements(chance, item, shape, mood, case, limit):
    kind = np.dtype(array_type(item["dtype"]))
    if item["kind"] == "index":
        data = chance.integers(-limit, limit, shape)
        if mood == "adverse" and data.size:
            data.flat[chance.integers(data.size)] = chance.choice([limit, -limit - 1, 2**31 - 1, -(2**31), 0])
        return data.astype(kind)
    if kind.kind == "b":
        return chance.integers(0, 2, shape).astype(bool)
    if kind.kind in "iu":
        mood = "tame" if item["finite"] else mood
        info = np.iinfo(kind)
        data = chance.integers(max(-3, info.min), 4, shape).astype(kind)
        extreme = chance.choice(np.array([info.min, info.max, 0, 1], kind), shape)
        return np.where(chance.random(shape) < (0.3 if mood == "adverse" else 0), extreme, data).astype(kind)
    data = chance.integers(-16, 17, shape) / 8
    if mood == "adverse" and not item["finite"]:
        data = np.where(chance.random(shape) < 0.25, chance.choice(ADVERSE if case.sums else HUGE, shape), data)
    with np.errstate(over="ignore"):
        return data.astype(kind)


def make_feeds(case, seed, run):
    chance = np.random.default_rng([seed, run])
    case.random = random.Random(f"{case.op} {seed} {run}")
    mood = ["tame", "adverse", "tame", "tame", "adverse"][run % 5]
    letters = {chr(97 + i): int(chance.choice(SIZES[: 8 if run == 0 else len(SIZES)])) for i in range(26)}
    letters["k"] = letters["k"] or 1  # products over nothing are not initialized in ONNX Runtime
    feeds, limit = {}, 1
    for at, item in enumerate(case.inputs):
        if item is None or (item["kind"] == "values" and item["constant"]):
            continue
        if item["kind"] == "values":
            value = item["value"] if run == 0 else item["make"](case)
            if len(value) != len(item["value"]):
                value = item["value"]
            feeds[f"x{at}"] = np.array(value, array_type(item["dtype"])).reshape(item["shape"])
            continue
        shape = []
        for dim in item["dims"]:
            size = int(dim) if dim.isdigit() else letters[dim]
            if not dim.isdigit() and run == 3 and dim != "k" and chance.random() < 0.3:
                size = int(chance.choice(SIZES))
            shape.append(size)
        if at == 0:
            limit = max(1, min([s for s in shape if s > 0], default=1))
        feeds[f"x{at}"] = np.asarray(elements(chance, item, tuple(shape), mood, case, limit))
    return feeds


def differs(want, have, sums):
    if want.shape != have.shape or want.dtype != have.dtype:
        return f"{want.dtype}{want.shape} expected, {have.dtype}{have.shape} found"
    if want.dtype.kind != "f":
        wrong = want != have
    else:
        relative = {2: 4e-3, 4: 2e-5, 8: 1e-6}[want.dtype.itemsize]
        a, b = want.astype(np.float64), have.astype(np.float64)
        with np.errstate(all="ignore"):
            near = np.abs(a - b) <= relative * (np.abs(a) + (8 if sums else 0.5))
        wrong = ~((a == b) | near | (np.isnan(a) & np.isnan(b)))
    if not wrong.any():
        return None
    at = tuple(int(i[0]) for i in np.nonzero(wrong)) if want.ndim else ()
    return f"element {at} of {want.shape}, {int(wrong.sum())} in all: expected {want[at]}, found {have[at]}"


class Worker:
    """Runs cases in a child process; `shared` tells the parent where it is."""

    def __init__(self, settings, shared):
        import onnxruntime
        sys.path.insert(0, os.path.join(ROOT, "tools/bindings/python"))
        import hml
        onnxruntime.set_default_logger_severity(4)
        self.ort, self.hml, self.settings, self.shared = onnxruntime, hml, settings, shared
        self.folder = tempfile.mkdtemp(prefix="onnx_operators_")

    def finding(self, case, seed, model, what, feeds=None):
        self.add(2)
        print(f"FINDING --op {case.op} --seed {seed}: {what}\n{onnx.printer.to_text(model)}", flush=True)
        for name, array in (feeds or {}).items():
            print(f"  {name}: {array.dtype}{array.shape} {array.ravel()[:48].tolist()}", flush=True)

    def add(self, field):
        values = list(struct.unpack("5q", self.shared[:40]))
        values[field] += 1
        self.shared[:40] = struct.pack("5q", *values)

    def case(self, op, row, seed):
        case = Case(op, seed)
        row(case)
        model = make_model(case)
        path, artifact = os.path.join(self.folder, "m.onnx"), os.path.join(self.folder, "m.hml")
        onnx.save(model, path)
        options = self.ort.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = 1
        try:
            peer = self.ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except Exception:  # whatever the peer does not support
            peer = None
        target = ["native", "x86-64-v2", "x86-64-v3"][seed % 3]
        done = subprocess.run([self.settings.hmlc, "compile", path, "-q", "-o", artifact, "--target", target], capture_output=True, text=True)
        if done.returncode != 0:
            self.add(4)
            if done.returncode not in (2, 3, 4) or (done.returncode != 3 and self.runs(peer, make_feeds(case, seed, 0))):
                self.finding(case, seed, model, f"compile ends with {done.returncode}: {done.stderr.strip()[:600]}")
            return
        session = self.hml.Session(artifact)
        for run in range(RUNS if peer is not None else 0):
            self.run(case, seed, model, peer, session, make_feeds(case, seed, run))

    def runs(self, peer, feeds):
        try:
            return peer is not None and peer.run(None, feeds) is not None
        except Exception:  # what the model says is wrong, whatever the input
            return False

    def run(self, case, seed, model, peer, session, feeds):
        peer_says, our_says = None, None
        self.shared[40:41] = b"p"
        try:
            wanted = peer.run(None, feeds)
        except Exception as error:
            peer_says = str(error)
        self.shared[40:41] = b"o"
        try:
            found = session.run(feeds)
        except self.hml.Error as error:
            our_says = f"HML{error.code} {error}"
            if error.code in (1063, 1064) or error.code < 1040:
                return self.finding(case, seed, model, our_says, feeds)
        if our_says is None:
            found = list(found.values()) if isinstance(found, dict) else list(found) if isinstance(found, (list, tuple)) else [found]
            stricter = peer_says is not None and any(text in peer_says for text in STRICTER)
            empty = all(np.asarray(array).size == 0 for array in found)
            if stricter or (empty and (peer_says is not None or case.op in LOOSER)):
                return self.add(3)
        if peer_says is None and our_says is not None and case.op in LOOSER:
            return self.add(3)
        if (peer_says is None) != (our_says is None):
            return self.finding(case, seed, model, f"ONNX Runtime: {(peer_says or 'runs')[:200]}; we: {our_says or 'run'}", feeds)
        if peer_says is not None:
            return self.add(3)
        for want, have in zip(wanted, found):
            wrong = differs(np.asarray(want), np.asarray(have), case.sums)
            if wrong:
                return self.finding(case, seed, model, wrong, feeds)
        return self.add(1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--op")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=1e9)
    settings = parser.parse_args()
    settings.hmlc = os.environ.get("HMLC", os.path.join(ROOT, "build/release/tools/hmlc/hmlc"))
    os.environ.setdefault("HML_LIBRARY", os.path.join(ROOT, "build/release/runtime/libhml.so"))
    rows, others = operators()
    names = [settings.op] if settings.op else sorted(rows)
    cases = [(name, settings.seed + k) for k in range(settings.count) for name in names]
    shared = mmap.mmap(-1, 64)  # next case, compared, findings, refused by both, not compiled; who runs
    end = time.monotonic() + settings.seconds
    while (at := struct.unpack("q", shared[:8])[0]) < len(cases) and time.monotonic() < end:
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            worker = Worker(settings, shared)
            while (at := struct.unpack("q", shared[:8])[0]) < len(cases) and time.monotonic() < end:
                name, seed = cases[at]
                worker.case(name, rows[name][seed % len(rows[name])], seed)
                worker.add(0)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if status != 0:
            at, compared, findings, refused, skipped = struct.unpack("5q", shared[:40])
            print(f"FINDING --op {cases[at][0]} --seed {cases[at][1]}: status {status} in {'ONNX Runtime' if shared[40:41] == b'p' else 'ours'}")
            shared[:40] = struct.pack("5q", at + 1, compared, findings + 1, refused, skipped)
    at, compared, findings, refused, skipped = struct.unpack("5q", shared[:40])
    print(f"{at} cases of {len(names)} operators: {compared} runs compared, {refused} refused by both, {skipped} cases not compiled, {findings} findings")
    print("no row for:", ", ".join(others))
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
