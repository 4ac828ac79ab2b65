#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes models of operators of ONNX Runtime's own domain with its outputs: the bundle `contrib_cases.bin`.

At least one case for each ONNX_MICROSOFT row of frontend/onnx/onnx_ops.def, and weights of 4 bits behind the standard's
DequantizeLinear. ONNX Runtime computes them without graph optimisation. Needs numpy, onnx and onnxruntime; the form of
the bundle is that of generate.py.
"""
import pathlib
import re
import struct

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

HERE = pathlib.Path(__file__).resolve().parent
rng = np.random.default_rng(11)
cases = []


def packed(name, values, kind):
    """A tensor of 4-bit integers, two a byte."""
    bits = (values.reshape(-1).astype(np.int64) & 15).astype(np.uint8)
    bits = np.append(bits, np.zeros(len(bits) % 2, np.uint8))
    tensor = TensorProto(name=name, data_type=kind, raw_data=(bits[0::2] | bits[1::2] << 4).tobytes())
    tensor.dims.extend(values.shape)
    return tensor


def add(name, nodes, inputs, constants, outputs):
    """`inputs` and `constants` map names to arrays; a constant may be a TensorProto. `outputs` maps names to types."""
    def kind(array):
        return helper.np_dtype_to_tensor_dtype(array.dtype)
    graph = helper.make_graph(
        nodes, name, [helper.make_tensor_value_info(n, kind(a), a.shape) for n, a in inputs.items()],
        [helper.make_tensor_value_info(n, t, None) for n, t in outputs.items()],
        [c if isinstance(c, TensorProto) else numpy_helper.from_array(np.asarray(c), n) for n, c in constants.items()])
    model = helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 21),
                                                                  helper.make_opsetid("com.microsoft", 1)])
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    results = session.run(None, dict(inputs))
    cases.append((name, model.SerializeToString(),
                  [numpy_helper.from_array(a, n).SerializeToString() for n, a in inputs.items()],
                  [numpy_helper.from_array(a, n).SerializeToString() for a, n in zip(results, outputs)]))


def node(kind, inputs, outputs=("y",), **attributes):
    return helper.make_node(kind, list(inputs), list(outputs), domain="com.microsoft", **attributes)


def f(*shape):
    return (rng.integers(-256, 257, shape) / 64).astype(np.float32)


def nbits(name, m, k, n, bits, block, zeros=False, bias=False, dtype=np.float32):
    blocks = -(-k // block)
    b = rng.integers(0, 256, (n, blocks, block * bits // 8)).astype(np.uint8)
    constants = {"b": b, "scales": (rng.integers(1, 64, (n * blocks)) / 512).astype(dtype)}
    inputs = ["a", "b", "scales"]
    if zeros or bias:
        inputs.append("zeros" if zeros else "")
    if zeros:
        constants["zeros"] = rng.integers(0, 256, n * -(-blocks * bits // 8)).astype(np.uint8)
    if bias:
        constants["bias"] = f(n).astype(dtype)
        inputs += ["", "bias"]
    kind = TensorProto.FLOAT if dtype == np.float32 else TensorProto.FLOAT16
    add(name, [node("MatMulNBits", inputs, K=k, N=n, bits=bits, block_size=block)], {"a": f(*m, k).astype(dtype)},
        constants, {"y": kind})


def rows(name, data, scales, zeros, indices, **attributes):
    constants = {"data": data, "scales": scales}
    inputs = ["data", "indices", "scales"]
    if zeros is not None:
        constants["zeros"] = zeros
        inputs.append("zeros")
    add(name, [node("GatherBlockQuantized", inputs, **attributes)], {"indices": indices}, constants,
        {"y": TensorProto.FLOAT})


def steps(values):
    """Scales that are powers of two, so that rounding is not what a case is about."""
    return np.float32(2.0 ** values)


def qlinear(kind, x, attributes, y_scale, zeros=True, dtype=np.uint8, extra=()):
    zero = np.asarray(3 if dtype == np.uint8 else -2, dtype)
    constants = {"xs": steps(-4), "xz": zero, "ys": np.float32(y_scale), "yz": np.asarray(1, dtype)}
    inputs = ["x", "xs", "xz" if zeros else "", "ys", "yz"]
    add(f"{kind}_{np.dtype(dtype).name}{'' if zeros else '_no_zero'}" + "".join(f"_{e}" for e in extra),
        [node(kind, inputs, **attributes)], {"x": x.astype(dtype)}, constants,
        {"y": helper.np_dtype_to_tensor_dtype(np.dtype(dtype))})


def make_products():
    nbits("nbits4_b32", (1,), 96, 40, 4, 32)
    nbits("nbits4_large", (1, 1), 256, 288, 4, 32)
    nbits("nbits4_zeros", (2, 3), 128, 24, 4, 16, zeros=True)
    nbits("nbits4_large_zeros", (3,), 288, 256, 4, 32, zeros=True)
    nbits("nbits4_odd_blocks", (2,), 96, 20, 4, 32, zeros=True)
    nbits("nbits4_ragged", (1,), 80, 20, 4, 32, zeros=True, bias=True)
    nbits("nbits4_b128_bias", (5,), 256, 32, 4, 128, bias=True)
    nbits("nbits4_b256", (1,), 256, 16, 4, 256)
    nbits("nbits8_b32", (1,), 96, 40, 8, 32)
    nbits("nbits8_large_zeros", (1,), 256, 288, 8, 64, zeros=True)
    for name, transposed in (("qgemm", 0), ("qgemm_transposed", 1)):
        constants = {"as": steps(-3), "az": np.uint8(7), "b": rng.integers(-100, 101, (9, 12)).astype(np.int8),
                     "bs": np.full(9 if transposed else 12, 0.25, np.float32),
                     "bz": np.zeros(9 if transposed else 12, np.int8),
                     "c": rng.integers(-500, 501, 9 if transposed else 12).astype(np.int32), "ys": np.float32(37.1),
                     "yz": np.uint8(100)}
        a = rng.integers(0, 256, (4, 12 if transposed else 9)).astype(np.uint8)
        add(name, [node("QGemm", ["a", "as", "az", "b", "bs", "bz", "c", "ys", "yz"], transB=transposed)], {"a": a},
            constants, {"y": TensorProto.UINT8})
    constants = {"as": steps(-3), "az": np.uint8(7), "b": rng.integers(0, 256, (9, 12)).astype(np.uint8),
                 "bs": steps(-2), "bz": np.uint8(120)}
    add("qgemm_float", [node("QGemm", ["a", "as", "az", "b", "bs", "bz"], alpha=0.5)],
        {"a": rng.integers(0, 256, (4, 9)).astype(np.uint8)}, constants, {"y": TensorProto.FLOAT})
    constants = {"b": rng.integers(-100, 101, (9, 12)).astype(np.int8), "bs": (f(12) ** 2 + 1), "bias": f(12),
                 "as": np.float32(0.5), "az": np.uint8(9), "bz": np.zeros(12, np.int8)}
    a = rng.integers(0, 256, (2, 3, 9)).astype(np.uint8)
    add("to_float", [node("MatMulIntegerToFloat", ["a", "b", "as", "bs", "az", "bz", "bias"])], {"a": a}, constants,
        {"y": TensorProto.FLOAT})
    add("to_float_plain", [node("MatMulIntegerToFloat", ["a", "b", "as", "bs"])], {"a": a},
        {k: constants[k] for k in ("b", "as", "bs")}, {"y": TensorProto.FLOAT})
    constants = {"b": rng.integers(-100, 101, (9, 12)).astype(np.int8), "bs": np.float32(0.125), "bz": np.int8(3),
                 "bias": f(12)}
    add("dynamic", [node("DynamicQuantizeMatMul", ["a", "b", "bs", "bz", "bias"])], {"a": f(2, 3, 9)}, constants,
        {"y": TensorProto.FLOAT})
    add("dynamic_columns", [node("DynamicQuantizeMatMul", ["a", "b", "bs"])], {"a": f(4, 9)},
        {"b": constants["b"], "bs": f(12) ** 2 + 1}, {"y": TensorProto.FLOAT})


def make_rows():
    indices = np.array([[0, 5, 3], [2, 2, 1]], np.int64)
    scales = (rng.integers(1, 64, (6, 2)) / 512).astype(np.float32)
    data = rng.integers(0, 16, (6, 32))
    zeros = rng.integers(0, 16, (6, 2))
    signed = packed("data", data - 8, TensorProto.INT4)
    rows("rows_int4", signed, scales, None, indices, block_size=16)
    rows("rows_int4_zeros", signed, scales, packed("zeros", zeros - 8, TensorProto.INT4), indices, block_size=16)
    rows("rows_uint4", packed("data", data, TensorProto.UINT4), scales,
         packed("zeros", zeros, TensorProto.UINT4), indices, block_size=16)
    large = rng.integers(0, 16, (300, 256))
    many = (rng.integers(1, 64, (300, 8)) / 512).astype(np.float32)
    rows("rows_large", packed("data", large, TensorProto.UINT4), many,
         packed("zeros", rng.integers(0, 16, (300, 8)), TensorProto.UINT4), indices, block_size=32)
    pairs = (data[:, 0::2] | data[:, 1::2] << 4).astype(np.uint8)
    rows("rows_uint8", pairs, scales, None, indices, block_size=16, bits=4)
    rows("rows_uint8_zeros", pairs, scales, (zeros[:, 0:1] | zeros[:, 1:2] << 4).astype(np.uint8), indices,
         block_size=16, bits=4)


def make_elementwise():
    x = rng.integers(0, 200, (2, 6, 6, 4))
    for dtype in (np.uint8, np.int8):
        shift = 0 if dtype == np.uint8 else 100
        values = x - shift
        for kind in ("QLinearAdd", "QLinearMul"):
            zero = dtype(4)
            step = np.float32(0.07131 if kind == "QLinearAdd" else 0.31317)  # no result lies between two
            constants = {"as": steps(-4), "az": zero, "bs": steps(-5), "bz": dtype(1), "cs": step, "cz": dtype(5)}
            add(f"{kind}_{np.dtype(dtype).name}", [node(kind, ["a", "as", "az", "b", "bs", "bz", "cs", "cz"])],
                {"a": values.astype(dtype), "b": (rng.integers(0, 200, (6, 1)) - shift).astype(dtype)}, constants,
                {"y": helper.np_dtype_to_tensor_dtype(np.dtype(dtype))})
        qlinear("QLinearSigmoid", values, {}, 1 / 256, dtype=dtype)
        qlinear("QLinearLeakyRelu", values, {"alpha": 0.2}, 0.051, dtype=dtype)
        qlinear("QLinearAveragePool", values, {"kernel_shape": [3, 2], "strides": [2, 1], "pads": [1, 0, 1, 1]}, 0.061737,
                dtype=dtype)
        qlinear("QLinearAveragePool", values, {"kernel_shape": [2, 2], "channels_last": 1}, 0.061737, dtype=dtype,
                extra=("last",))
        qlinear("QLinearGlobalAveragePool", values, {"channels_last": 0}, 0.061737, dtype=dtype)
        qlinear("QLinearGlobalAveragePool", values, {"channels_last": 1}, 0.061737, dtype=dtype, extra=("last",))
        constants = {"ys": np.float32(0.11), "yz": dtype(2), "as": steps(-4), "az": dtype(3), "bs": steps(-3),
                     "bz": dtype(1)}
        add(f"QLinearConcat_{np.dtype(dtype).name}",
            [node("QLinearConcat", ["ys", "yz", "a", "as", "az", "b", "bs", "bz"], axis=1)],
            {"a": values.astype(dtype), "b": values[:, :2].astype(dtype)}, constants,
            {"y": helper.np_dtype_to_tensor_dtype(np.dtype(dtype))})
    qlinear("QLinearSoftmax", rng.integers(0, 60, (3, 5, 7)), {"axis": -1, "opset": 13}, 1 / 256)
    qlinear("QLinearSoftmax", rng.integers(0, 60, (3, 5, 7)), {"axis": 1, "opset": 11}, 1 / 256, extra=("flattened",))
    qlinear("QLinearSigmoid", x, {}, 1 / 256, zeros=False)


def make_standard():
    q = rng.integers(-8, 8, (256, 272))
    scales = (rng.integers(1, 64, (8, 272)) / 512).astype(np.float32)
    zeros = rng.integers(-8, 8, (8, 272))
    for name, inputs, extra in (("blocks_int4", ["q", "s"], {}), ("blocks_int4_zeros", ["q", "s", "z"], {
            "z": packed("z", zeros, TensorProto.INT4)})):
        nodes = [helper.make_node("DequantizeLinear", inputs, ["w"], axis=0, block_size=32),
                 helper.make_node("MatMul", ["x", "w"], ["y"])]
        add(name, nodes, {"x": f(1, 256)}, {"q": packed("q", q, TensorProto.INT4), "s": scales, **extra},
            {"y": TensorProto.FLOAT})
    small = packed("q", q[:3, :5], TensorProto.UINT4)
    add("uint4_odd", [helper.make_node("DequantizeLinear", ["q", "s"], ["w"], axis=1),
                      helper.make_node("MatMul", ["x", "w"], ["y"])], {"x": f(2, 3)}, {"q": small, "s": f(5)},
        {"y": TensorProto.FLOAT})


def strings(values):
    return struct.pack("<I", len(values)) + b"".join(struct.pack("<I", len(v)) + v for v in values)


def main():
    make_products()
    make_rows()
    make_elementwise()
    make_standard()
    table = (HERE.parents[1] / "frontend" / "onnx" / "onnx_ops.def").read_text()
    used = {n.op_type for c in cases for n in onnx.load_from_string(c[1]).graph.node}
    for name in re.findall(r"^ONNX_MICROSOFT\((\w+)", table, re.M):
        if name not in used:
            raise SystemExit(f"no case of {name}")
    with open(HERE / "contrib_cases.bin", "wb") as out:
        out.write(b"HMLCASE1")
        for name, model, inputs, outputs in cases:
            text = name.encode()
            out.write(struct.pack("<I", len(text)) + text + struct.pack("<I", len(model)) + model)
            out.write(strings(inputs) + strings(outputs))
    print(len(cases), "cases")


if __name__ == "__main__":
    main()
