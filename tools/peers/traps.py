#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Looks for operators and shapes that are slow: random graphs of one operator, against ONNX Runtime and the machine.

usage: traps.py [FAMILY...] [--cases N] [--seed N] [--only CASE] [--threads N] [--below RATIO]

Each case is compiled for this CPU, compared with ONNX Runtime's result, and timed in slices that alternate with its. Printed is
what has less than RATIO (1) of ONNX Runtime's speed, or takes more than twice what the machine would need: the products at its
FMA peak, or a plain copy of the operands, whichever is longer. The time is the processor's where there is one thread, so that a
busy machine does not matter much. The exit status is 1 where a result differs, else 0: speed is for people to judge.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import project
from peer import ort_session

FLOAT, INT64, INT32, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.INT32, TensorProto.BOOL
NUMPY = {FLOAT: np.float32, INT64: np.int64, INT32: np.int32, BOOL: np.bool_}
SLICES, SLICE_SECONDS = 7, 0.02
FAMILIES = {}


class Case:
    """A graph of one operator. Inputs are fed, constants are weights; `flops` counts products and sums, 0 where they do not matter."""

    def __init__(self, operator, text, flops=0, opset=21, **attributes):
        self.operator, self.text, self.flops, self.opset, self.attributes = operator, text, flops, opset, attributes
        self.operands, self.feeds, self.constants, self.results = [], {}, [], 1

    def feed(self, value):
        name = f"x{len(self.operands)}"
        self.feeds[name] = value
        self.operands.append(name)
        return self

    def constant(self, value):
        name = f"w{len(self.operands)}"
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        self.operands.append(name)
        return self

    def absent(self):
        self.operands.append("")
        return self

    def model(self):
        names = [f"y{k}" for k in range(self.results)]
        node = helper.make_node(self.operator, self.operands, names, **self.attributes)
        kinds = {np.dtype(kind): number for number, kind in NUMPY.items()}
        inputs = [helper.make_tensor_value_info(name, kinds[value.dtype], value.shape) for name, value in self.feeds.items()]
        graph = helper.make_graph([node], "case", inputs, [helper.make_empty_tensor_value_info(name) for name in names], self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=10)
        return onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)


def family(function):
    FAMILIES[function.__name__] = function
    return function


def normal(rng, *shape):
    return rng.standard_normal(shape, dtype=np.float32)


def one(rng, *choices):
    return choices[rng.integers(len(choices))]


def shape_text(*shape):
    return "x".join(map(str, shape))


@family
def matmul(rng):
    m = one(rng, 1, 2, 3, 4, 5, 7, 8, 17, 49, 64, 128, 333)
    k = one(rng, 8, 31, 64, 100, 333, 768, 4096)
    n = one(rng, 1, 3, 8, 17, 64, 100, 333, 768, 1000, 3072)
    return Case("MatMul", f"{m}x{k} by {k}x{n}, weights", 2 * m * k * n).feed(normal(rng, m, k)).constant(normal(rng, k, n))


@family
def matmul_fed(rng):
    batch = one(rng, (), (2,), (12,), (3, 4))
    right = batch if rng.random() < 0.7 else ()
    m, k, n = one(rng, 1, 4, 17, 64, 197), one(rng, 8, 32, 64, 197, 333), one(rng, 1, 8, 32, 64, 197, 333)
    case = Case("MatMul", f"{shape_text(*batch, m, k)} by {shape_text(*right, k, n)}, both fed", 2 * int(np.prod(batch, initial=1)) * m * k * n)
    return case.feed(normal(rng, *batch, m, k)).feed(normal(rng, *right, k, n))


@family
def gemm(rng):
    m, k, n = one(rng, 1, 5, 32, 100), one(rng, 16, 100, 512), one(rng, 10, 64, 333, 1024)
    ta, tb = int(rng.integers(2)), int(rng.integers(2))
    case = Case("Gemm", f"{m}x{k}x{n} transA={ta} transB={tb}", 2 * m * k * n, transA=ta, transB=tb)
    return case.feed(normal(rng, *((k, m) if ta else (m, k)))).constant(normal(rng, *((n, k) if tb else (k, n)))).constant(normal(rng, n))


def conv_of(rng, dims, channels, filters, groups, kernel, stride, dilation, operator="Conv"):
    pads = [d * (k - 1) // 2 for d, k in zip(dilation, kernel)]
    text = f"{channels}x{shape_text(*dims)} to {filters}, kernel {shape_text(*kernel)}, stride {stride}, dilation {dilation[0]}, groups {groups}"
    outputs = [(size + 2 * pad - d * (k - 1) - 1) // stride + 1 for size, pad, d, k in zip(dims, pads, dilation, kernel)]
    positions = int(np.prod(dims if operator == "ConvTranspose" else outputs))
    inside = (channels if operator == "ConvTranspose" else channels // groups)
    flops = 2 * positions * filters * inside * int(np.prod(kernel)) // (groups if operator == "ConvTranspose" else 1)
    weights = (channels, filters // groups, *kernel) if operator == "ConvTranspose" else (filters, channels // groups, *kernel)
    case = Case(operator, text, flops, group=groups, kernel_shape=list(kernel), strides=[stride] * len(dims), dilations=list(dilation), pads=pads * 2)
    return case.feed(normal(rng, 1, channels, *dims)).constant(normal(rng, *weights) / 8).constant(normal(rng, filters))


@family
def conv(rng):
    size = one(rng, 1, 7, 13, 14, 28, 56, 112)
    most = 512 if size <= 14 else 128 if size <= 28 else 48
    channels, filters = (min(int(one(rng, 1, 3, 8, 12, 16, 17, 32, 48, 64, 96, 256, 512)), most) for _ in range(2))
    kernel = one(rng, (1, 1), (3, 3), (5, 5), (7, 7), (1, 7), (3, 1))
    return conv_of(rng, (size, size), channels, filters, 1, kernel, one(rng, 1, 1, 2), (one(rng, 1, 1, 2),) * 2)


@family
def conv_grouped(rng):
    size, groups, width = one(rng, 7, 14, 28, 56), one(rng, 2, 4, 8, 16), one(rng, 1, 2, 3, 4, 8, 16, 32)
    return conv_of(rng, (size, size), groups * width, groups * width * one(rng, 1, 1, 2), groups, one(rng, (1, 1), (3, 3), (5, 5)), one(rng, 1, 2), (1, 1))


@family
def conv_depthwise(rng):
    size, channels = one(rng, 7, 14, 28, 56, 112), one(rng, 8, 17, 32, 96, 144)
    return conv_of(rng, (size, size), channels, channels * one(rng, 1, 1, 1, 2), channels, one(rng, (3, 3), (5, 5), (7, 7), (1, 9)), one(rng, 1, 2),
                   (one(rng, 1, 1, 2),) * 2)


@family
def conv_1d_3d(rng):
    if rng.random() < 0.5:
        return conv_of(rng, (one(rng, 17, 333, 1600),), one(rng, 1, 8, 40, 80), one(rng, 8, 64, 128), 1, (one(rng, 1, 3, 5, 11, 25),), one(rng, 1, 2),
                       (one(rng, 1, 2, 4),))
    size = one(rng, 7, 14, 20)
    return conv_of(rng, (size,) * 3, one(rng, 1, 3, 8, 16), one(rng, 8, 16, 32), 1, one(rng, (1, 1, 1), (3, 3, 3), (1, 3, 3)), one(rng, 1, 2), (1,) * 3)


@family
def conv_transpose(rng):
    size = one(rng, 7, 14, 28)
    groups = one(rng, 1, 1, 1, 4)
    return conv_of(rng, (size, size), groups * one(rng, 4, 16, 32), groups * one(rng, 4, 16, 32), groups, one(rng, (2, 2), (3, 3), (4, 4)), one(rng, 1, 2, 2), (1, 1),
                   "ConvTranspose")


@family
def pool(rng):
    size, channels, kernel = one(rng, 7, 14, 28, 56, 112), one(rng, 3, 17, 32, 64), one(rng, 2, 3, 5, 7)
    operator = one(rng, "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool")
    case = Case(operator, f"{channels}x{size}x{size}, kernel {kernel}")
    if not operator.startswith("Global"):
        stride = one(rng, 1, 2, kernel)
        case.text += f", stride {stride}"
        case.attributes = {"kernel_shape": [kernel] * 2, "strides": [stride] * 2, "pads": [(kernel - 1) // 2] * 4}
    return case.feed(normal(rng, 1, channels, size, size))


def some_shape(rng, rank, elements=200_000):
    """About that many elements, in dims that are odd as often as not."""
    shape = [int(one(rng, 1, 2, 3, 4, 7, 8, 12, 16, 17, 31, 64)) for _ in range(rank)]
    at = rng.integers(rank)
    shape[at] = max(1, elements // int(np.prod(shape) // shape[at]))
    return tuple(shape)


@family
def reduce(rng):
    shape = some_shape(rng, int(one(rng, 2, 3, 4, 5)))
    axes = sorted(rng.choice(len(shape), size=rng.integers(1, len(shape) + 1), replace=False).tolist())
    operator = one(rng, "ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceL2", "ReduceProd", "ReduceLogSumExp")
    return Case(operator, f"{shape_text(*shape)} over {axes}", keepdims=int(rng.integers(2))).feed(normal(rng, *shape)).constant(np.array(axes, np.int64))


@family
def reduce_integers(rng):
    shape = some_shape(rng, int(one(rng, 2, 3)))
    axis = int(rng.integers(len(shape)))
    operator, kind = one(rng, "ReduceSum", "ReduceMax", "ArgMax", "ArgMin", "CumSum"), one(rng, np.int64, np.int32)
    values = rng.integers(-1000, 1000, shape).astype(kind)
    case = Case(operator, f"{shape_text(*shape)} {np.dtype(kind)} over {axis}").feed(values)
    if operator.startswith("Arg"):
        case.feeds["x0"] = values.astype(np.float32)
        case.attributes = {"axis": axis}
    else:
        case.constant(np.array(axis if operator == "CumSum" else [axis], np.int64))
    return case


@family
def normalise(rng):
    operator = one(rng, "Softmax", "LogSoftmax", "LayerNormalization", "InstanceNormalization")
    if operator == "InstanceNormalization":
        channels, size = one(rng, 3, 16, 33), one(rng, 14, 56, 80)
        return Case(operator, f"{channels}x{size}x{size}").feed(normal(rng, 1, channels, size, size)).constant(normal(rng, channels)).constant(normal(rng, channels))
    shape = some_shape(rng, int(one(rng, 2, 3, 4)))
    axis = int(rng.integers(len(shape))) if "Softmax" in operator else len(shape) - 1
    case = Case(operator, f"{shape_text(*shape)} over {axis}", axis=axis).feed(normal(rng, *shape))
    return case.constant(normal(rng, shape[axis])).constant(normal(rng, shape[axis])) if operator == "LayerNormalization" else case


def broadcast_of(rng, shape):
    kept = tuple(size if rng.random() < 0.6 else 1 for size in shape)
    return kept[rng.integers(len(kept)):] if rng.random() < 0.3 else kept


@family
def binary(rng):
    shape = some_shape(rng, int(one(rng, 1, 2, 3, 4, 5)))
    operator, kind = one(rng, "Add", "Mul", "Div", "Sub", "Max", "Equal", "Less", "Pow", "Mod"), one(rng, np.float32, np.float32, np.int64, np.int32)
    left, right = (shape, broadcast_of(rng, shape)) if rng.random() < 0.5 else (broadcast_of(rng, shape), shape)
    make = lambda dims: (np.abs(normal(rng, *dims)) + 0.5 if kind is np.float32 else rng.integers(1, 9, dims).astype(kind))  # noqa: E731
    attributes = {"fmod": 1} if operator == "Mod" and kind is np.float32 else {}
    return Case(operator, f"{np.dtype(kind)} {shape_text(*left)} with {shape_text(*right)}", **attributes).feed(make(left)).feed(make(right))


@family
def unary(rng):
    operator = one(rng, "Exp", "Log", "Sigmoid", "Tanh", "Erf", "Gelu", "HardSwish", "Softplus", "Sqrt", "Round", "Sin", "Elu", "Mish", "Clip", "LeakyRelu")
    shape = some_shape(rng, int(one(rng, 1, 2, 4)))
    return Case(operator, shape_text(*shape), opset=22).feed(np.abs(normal(rng, *shape)) + 0.1)


@family
def select(rng):
    shape = some_shape(rng, int(one(rng, 2, 3, 4)))
    parts = [broadcast_of(rng, shape), shape, broadcast_of(rng, shape)]
    rng.shuffle(parts)
    return Case("Where", " ".join(shape_text(*part) for part in parts)).feed(rng.random(parts[0]) < 0.5).feed(normal(rng, *parts[1])).feed(normal(rng, *parts[2]))


@family
def cast(rng):
    shape, kinds = some_shape(rng, 2), [FLOAT, INT64, INT32, BOOL]
    source = kinds[rng.integers(4)]
    values = rng.integers(0, 100, shape).astype(NUMPY[source])
    target = one(rng, *[kind for kind in [*kinds, TensorProto.UINT8, TensorProto.FLOAT16, TensorProto.DOUBLE] if kind != source])
    return Case("Cast", f"{values.dtype} to {TensorProto.DataType.Name(target)}, {shape_text(*shape)}", to=target).feed(values)


@family
def transpose(rng):
    shape = some_shape(rng, int(one(rng, 2, 3, 4, 5)))
    order = rng.permutation(len(shape)).tolist()
    return Case("Transpose", f"{shape_text(*shape)} by {order}", perm=order).feed(normal(rng, *shape))


@family
def concat(rng):
    shape = list(some_shape(rng, int(one(rng, 2, 3, 4)), 60_000))
    axis = int(rng.integers(len(shape)))
    case = Case("Concat", f"{shape_text(*shape)} thrice on {axis}", axis=axis)
    for _ in range(3):
        case.feed(normal(rng, *shape))
        shape[axis] = int(one(rng, 1, shape[axis], 2 * shape[axis]))
    return case


@family
def slices(rng):
    shape = some_shape(rng, int(one(rng, 2, 3, 4)))
    steps = [int(one(rng, 1, 1, 2, -1)) for _ in shape]
    starts = [size if step < 0 else int(rng.integers(0, max(1, size // 4))) for size, step in zip(shape, steps)]
    ends = [-(2**31) if step < 0 else size for size, step in zip(shape, steps)]
    case = Case("Slice", f"{shape_text(*shape)} from {starts} by {steps}").feed(normal(rng, *shape))
    for part in (starts, ends, range(len(shape)), steps):
        case.constant(np.array(list(part), np.int64))
    return case


@family
def gather(rng):
    shape = some_shape(rng, int(one(rng, 2, 3)))
    axis = int(rng.integers(len(shape)))
    operator = one(rng, "Gather", "GatherElements", "GatherND", "ScatterND", "ScatterElements", "OneHot", "TopK")
    data = normal(rng, *shape)
    if operator == "Gather":
        count = int(one(rng, 1, 17, shape[axis]))
        return Case(operator, f"{shape_text(*shape)} on {axis}, {count} indices", axis=axis).feed(data).feed(rng.integers(0, shape[axis], (count,)))
    if operator == "TopK":
        count = int(min(shape[axis], one(rng, 1, 5, 40)))
        case = Case(operator, f"{shape_text(*shape)} on {axis}, the {count} largest", axis=axis).feed(data).constant(np.array([count], np.int64))
        case.results = 2
        return case
    if operator == "OneHot":
        return Case(operator, f"{shape[0]} of 100", axis=-1).feed(rng.integers(0, 100, (shape[0],))).constant(np.array(100)).constant(np.array([0, 1], np.float32))
    if operator.endswith("Elements"):
        case = Case(operator, f"{shape_text(*shape)} on {axis}", axis=axis).feed(data).feed(rng.permuted(np.broadcast_to(
            np.arange(shape[axis]).reshape([-1 if k == axis else 1 for k in range(len(shape))]), shape), axis=axis).astype(np.int64))
        return case.feed(normal(rng, *shape)) if operator == "ScatterElements" else case
    rows = rng.permutation(shape[0])[: max(1, shape[0] // 2), None].astype(np.int64)
    case = Case(operator, f"{shape_text(*shape)}, {len(rows)} rows").feed(data).feed(rows)
    return case.feed(normal(rng, len(rows), *shape[1:])) if operator == "ScatterND" else case


@family
def layout(rng):
    size, channels = one(rng, 7, 14, 28, 56), one(rng, 4, 16, 36, 64)
    x = normal(rng, 1, channels, size, size)
    operator = one(rng, "Pad", "Tile", "Expand", "DepthToSpace", "SpaceToDepth", "Split", "Resize")
    case = Case(operator, f"{channels}x{size}x{size}").feed(x)
    if operator == "Pad":
        case.attributes = {"mode": one(rng, "constant", "reflect", "edge")}
        case.text += " " + case.attributes["mode"]
        case.constant(np.array([0, 0, 1, 2, 0, 0, 1, 2], np.int64))
    elif operator == "Tile":
        case.constant(np.array([1, one(rng, 1, 2), one(rng, 1, 2), one(rng, 2, 3)], np.int64))
    elif operator == "Expand":
        case.feeds["x0"] = normal(rng, 1, channels, 1, size)
        case.constant(np.array([3, channels, size, size], np.int64))
    elif operator in ("DepthToSpace", "SpaceToDepth"):
        case.attributes = {"blocksize": 2}
        case.feeds["x0"] = normal(rng, 1, channels, size // 2 * 2, size // 2 * 2)
    elif operator == "Split":
        axis = int(one(rng, 1, 3))
        case.attributes, case.results = {"axis": axis, "num_outputs": 2}, 2
    else:
        mode = one(rng, "nearest", "linear", "cubic")
        case.attributes = {"mode": mode, "coordinate_transformation_mode": one(rng, "half_pixel", "asymmetric", "align_corners")}
        case.text += f" {mode}"
        case.absent().constant(np.array([1, 1, one(rng, 2, 1.5, 0.5), one(rng, 2, 1.5, 0.5)], np.float32))
    return case


@family
def recurrent(rng):
    operator, gates = one(rng, ("LSTM", 4), ("GRU", 3), ("RNN", 1))
    steps, batch, width, hidden = one(rng, 1, 17, 100, 333), one(rng, 1, 1, 4), one(rng, 16, 64, 80), one(rng, 16, 48, 64, 128)
    ways = int(one(rng, 1, 2))
    case = Case(operator, f"{steps} steps, batch {batch}, {width} to {hidden}, {ways} way(s)", 2 * ways * steps * batch * gates * hidden * (width + hidden),
                hidden_size=hidden, direction="forward" if ways == 1 else "bidirectional")
    return case.feed(normal(rng, steps, batch, width)).constant(normal(rng, ways, gates * hidden, width) / 8).constant(
        normal(rng, ways, gates * hidden, hidden) / 8).constant(normal(rng, ways, 2 * gates * hidden))


# -- measuring -------------------------------------------------------------------------------------


def slice_time(run, clock):
    """Seconds of one run, over a slice."""
    count, start, until = 0, clock(), time.perf_counter() + SLICE_SECONDS
    while count == 0 or time.perf_counter() < until:
        run()
        count += 1
    return (clock() - start) / count


def fma_peak():
    """FLOP/s of one core, as `hml bench --profile` measures it on any artifact."""
    model = os.path.join(project.ROOT, "models", "digits", "digits.onnx")
    artifact = project.compile_model(model, os.path.join(project.BUILD, "bench", "digits.hml"))
    program = os.path.join(project.BUILD, "tools", "hml", "hml")
    text = subprocess.run([program, "bench", artifact, "--profile", "--json", "--seconds", "0.1", "--threads", "1"], check=True, capture_output=True).stdout
    return json.loads(text)["fma_peak_gflops"] * 1e9


def near(ours, theirs):
    if ours.shape != theirs.shape or ours.dtype != theirs.dtype:
        return False
    if ours.dtype.kind != "f":
        return bool((ours == theirs).all())
    return bool(np.allclose(ours, theirs, rtol=2e-3, atol=2e-3 * max(1e-3, float(np.abs(theirs).max(initial=0)))))


def measure(case, options, peak, folder):
    """(seconds of hmlc, of ONNX Runtime, of the machine); raises where a side refuses."""
    path = os.path.join(folder, "case.onnx")
    model = case.model()
    onnx.save(model, path)
    peer = ort_session(path, options.threads)
    expected = peer.run(None, case.feeds)
    out = os.path.join(folder, "case.hml")
    subprocess.run([os.path.join(project.BUILD, "tools", "hmlc", "hmlc"), "compile", path, "-o", out, "--target", "native", "--quiet"], check=True,
                   capture_output=True)
    ours = project.Session(out, options.threads)
    ours.bind(case.feeds)
    ours.run()
    results = ours.results()
    for name, value in zip([output.name for output in model.graph.output], expected):
        if not near(results[name], value):
            raise ArithmeticError(f"output {name} differs from ONNX Runtime's")
    clock = time.process_time if options.threads == 1 else time.perf_counter
    moved = np.zeros((sum(v.nbytes for v in case.feeds.values()) + sum(v.nbytes for v in expected) + sum(len(w.raw_data) for w in case.constants)) // 2 + 1, np.uint8)
    copy = np.empty_like(moved)
    times = [[slice_time(run, clock) for run in (ours.run, lambda: peer.run(None, case.feeds), lambda: np.copyto(copy, moved))] for _ in range(SLICES)]
    mine, theirs, copied = np.median(np.array(times), axis=0)
    return mine, theirs, max(copied, case.flops / peak / options.threads)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("families", nargs="*", help=", ".join(FAMILIES))
    parser.add_argument("--cases", type=int, default=10, help="of each family")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, help="this case alone, of one family")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--below", type=float, default=1.0)
    options = parser.parse_args()
    unknown = [name for name in options.families if name not in FAMILIES]
    if unknown:
        parser.error(f"no family {', '.join(unknown)}; there are {', '.join(FAMILIES)}")
    peak = fma_peak()
    print(f"{project.cpu_name()}, {options.threads} thread(s), FMA peak {peak / 1e9:.0f} GFLOP/s a core")
    print(f"{'case':24} {'hmlc us':>9} {'ort us':>9} {'ort/hmlc':>8} {'hmlc/machine':>12}")
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for name in options.families or FAMILIES:
            ratios = []
            for number in range(options.cases) if options.only is None else [options.only]:
                case = FAMILIES[name](np.random.default_rng([options.seed, number]))
                try:
                    mine, theirs, machine = measure(case, options, peak, folder)
                except ArithmeticError as problem:
                    wrong += 1
                    print(f"{name} {number}: WRONG: {case.operator} {case.text}: {problem}", flush=True)
                    continue
                except Exception as problem:  # a case that one side refuses must not hide the others
                    told = problem.stderr.decode() if isinstance(problem, subprocess.CalledProcessError) else str(problem)
                    print(f"{name} {number}: not run: {case.operator} {case.text}: {told.splitlines()[0] if told else type(problem).__name__}", flush=True)
                    continue
                ratios.append(theirs / mine)
                if theirs / mine < options.below or mine > 2 * machine and case.flops or options.only is not None:
                    print(f"{name + ' ' + str(number):24} {mine * 1e6:9.1f} {theirs * 1e6:9.1f} {theirs / mine:8.2f} {mine / machine:12.1f}  {case.operator} {case.text}",
                          flush=True)
            if ratios:
                print(f"{name + ', all':24} {'':19} {np.exp(np.mean(np.log(ratios))):8.2f} {'':12}  {len(ratios)} cases, least {min(ratios):.2f}", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
