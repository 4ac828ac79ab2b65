#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Random one-operator models of 8-bit integers against TFLite's reference kernels.

    build/litert/bin/python tests/conformance/tflite_random.py COUNT OUT.bin [SEED]
    build/release/tests/conformance/tflite_conformance_test --cases OUT.bin

Shapes, scales, zero points, strides, paddings and activations are drawn; FULLY_CONNECTED of i8 is left out, since LiteRT rounds it
in another way than the release that is followed.
"""
import pathlib
import struct
import sys

import numpy as np

import generate_tflite as g


def draw(rng, low, high):
    return int(rng.integers(low, high + 1))


def quantized(rng, dtype, *shape, scale=None, zero=None, constant=False, axis=0):
    least, most = np.iinfo(dtype).min, np.iinfo(dtype).max
    scale = float(np.exp(rng.uniform(-6, -1))) if scale is None else scale
    zero = draw(rng, least, most) if zero is None else zero
    return g.T(rng.integers(least, most + 1, shape).astype(dtype), scale=scale, zero=zero, constant=constant, axis=axis)


def out(rng, dtype, scale=None, zero=None):
    info = np.iinfo(dtype)
    return g.Out(dtype, scale=float(np.exp(rng.uniform(-5, 0))) if scale is None else scale,
                 zero=draw(rng, info.min, info.max) if zero is None else zero)


def window(rng, dtype, depthwise):
    h, w, c, k = draw(rng, 1, 9), draw(rng, 1, 9), draw(rng, 1, 5), draw(rng, 1, 4)
    kh, kw = draw(rng, 1, min(h, 3)), draw(rng, 1, min(w, 3))
    x = quantized(rng, dtype, draw(rng, 1, 2), h, w, c)
    outputs = c * k if depthwise else k
    shape = (1, kh, kw, outputs) if depthwise else (k, kh, kw, c)
    if dtype == np.int8:
        scales = np.exp(rng.uniform(-7, -2, outputs)).astype(np.float32)
        weights = g.const(rng.integers(-127, 128, shape).astype(np.int8), scale=scales, zero=0, axis=3 if depthwise else 0)
        bias = [float(np.float32(x.scale[0]) * s) for s in scales]
    else:
        weights = quantized(rng, dtype, *shape, constant=True)
        bias = float(np.float32(x.scale[0]) * np.float32(weights.scale[0]))
    b = g.const(rng.integers(-3000, 3000, outputs).astype(np.int32), scale=bias)
    o = dict(padding=draw(rng, 0, 1), strideW=draw(rng, 1, 3), strideH=draw(rng, 1, 3), fusedActivationFunction=[0, 1, 3][draw(rng, 0, 2)])
    o.update(dict(dilationWFactor=1, dilationHFactor=1))
    name = "DepthwiseConv2D" if depthwise else "Conv2D"
    if depthwise:
        o["depthMultiplier"] = k
    y = out(rng, dtype, scale=float(x.scale[0]) * float(np.max(weights.scale)) * float(np.exp(rng.uniform(2, 6))))
    return ("DEPTHWISE_CONV_2D" if depthwise else "CONV_2D"), [x, weights, b], [y], g.options(name, **o)


def binary(rng, dtype, op, name):
    shape = [draw(rng, 1, 4) for _ in range(draw(rng, 1, 3))]
    other = [1 if rng.random() < 0.3 else d for d in shape]
    a, b = quantized(rng, dtype, *shape), quantized(rng, dtype, *other)
    return op, [a, b], [out(rng, dtype)], g.options(name, fusedActivationFunction=[0, 1, 3][draw(rng, 0, 2)])


def make(rng):
    dtype = np.int8 if rng.random() < 0.6 else np.uint8
    least = np.iinfo(dtype).min
    kind = draw(rng, 0, 10)
    if kind <= 1:
        return window(rng, dtype, kind == 1)
    if kind == 2:
        rows, depth, columns = draw(rng, 1, 4), draw(rng, 1, 40), draw(rng, 1, 9)
        x, w = quantized(rng, np.uint8, rows, depth), quantized(rng, np.uint8, columns, depth, constant=True)
        b = g.const(rng.integers(-3000, 3000, columns).astype(np.int32), scale=float(x.scale[0] * w.scale[0]))
        y = out(rng, np.uint8, scale=float(x.scale[0] * w.scale[0]) * float(np.exp(rng.uniform(2, 6))))
        return "FULLY_CONNECTED", [x, w, b], [y], g.options("FullyConnected", fusedActivationFunction=[0, 1, 3][draw(rng, 0, 2)])
    if kind <= 5:
        return binary(rng, dtype, *[("ADD", "Add"), ("SUB", "Sub"), ("MUL", "Mul")][kind - 3])
    x = quantized(rng, dtype, 1, draw(rng, 1, 9), draw(rng, 1, 9), draw(rng, 1, 4))
    if kind == 6:
        o = dict(padding=draw(rng, 0, 1), strideW=draw(rng, 1, 3), strideH=draw(rng, 1, 3), filterWidth=draw(rng, 1, x.data.shape[2]),
                 filterHeight=draw(rng, 1, x.data.shape[1]), fusedActivationFunction=[0, 1, 3][draw(rng, 0, 2)])
        return "AVERAGE_POOL_2D", [x], [g.Out(dtype, scale=float(x.scale[0]), zero=int(x.zero[0]))], g.options("Pool2D", **o)
    if kind == 7:
        return "MEAN", [x, g.const(g.i32(1, 2))], [out(rng, dtype)], g.options("Reducer", keepDims=bool(draw(rng, 0, 1)))
    if kind == 8:
        x = quantized(rng, dtype, draw(rng, 1, 3), draw(rng, 1, 60))
        return "SOFTMAX", [x], [g.Out(dtype, scale=1 / 256, zero=least)], g.options("Softmax", beta=[1.0, 1.0, 0.5][draw(rng, 0, 2)])
    if kind == 9:
        if rng.random() < 0.5:
            return "LOGISTIC", [x], [g.Out(dtype, scale=1 / 256, zero=least)], None
        return "TANH", [x], [g.Out(dtype, scale=1 / 128, zero=least + 128)], None
    return ["QUANTIZE", "RELU", "RELU6"][draw(rng, 0, 2)], [x], [out(rng, dtype)], None


def main():
    count, seed = int(sys.argv[1]), int(sys.argv[3]) if len(sys.argv) > 3 else 1
    rng, parts, kept, refused = np.random.default_rng(seed), [b"HMLCASE1"], {}, {}
    for n in range(count):
        op, inputs, outputs, options = make(rng)
        model = g.build(op, inputs, outputs, options, 3 if "CONV" in op else 2)
        feeds = [(k, t.data) for k, t in enumerate(inputs) if not t.constant]
        try:
            results = g.run(model, [data for _, data in feeds])
        except Exception as error:
            key = op + ": " + str(error).splitlines()[0][:90]
            refused[key] = refused.get(key, 0) + 1
            continue
        kept[op] = kept.get(op, 0) + 1
        parts += [g.pack(("%s_%d" % (op.lower(), n)).encode()), g.pack(model), struct.pack("<I", len(feeds))]
        parts += [g.pack(g.proto("in%d" % k, data)) for k, data in feeds]
        parts += [struct.pack("<I", len(results))] + [g.pack(g.proto("out%d" % k, data)) for k, data in enumerate(results)]
    pathlib.Path(sys.argv[2]).write_bytes(b"".join(parts))
    print(sum(kept.values()), "cases", kept)
    for key, times in refused.items():
        print("  no result:", times, key)


if __name__ == "__main__":
    main()
