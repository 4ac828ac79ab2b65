#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Contractions as one-node models: how near they come to the machine's peak of multiply-adds.

usage: contraction_peak.py [--hmlc PROGRAM] [--target T] [--rounds N] [--seconds S] [NAME...]

Each model is one MatMul or Conv (batch 1, NCHW, constant weights), compiled for this machine and measured by
`hmlc bench --threads 1 --profile`. The rounds go over all models in turn; of each model the fastest round counts, with the
peak that was measured in that round. A round whose peak is below 0.95 of the highest one was disturbed and does not count.
Only the contraction's own step is timed: layout conversions at the graph's inputs and outputs are steps of their own. `real`
counts the multiply-adds that are there, `nominal` also those with the padding, which are skipped. Exit status 1 when a model
stays below what is asked of it; the real ones count.

Needs python3-numpy. For a quiet machine: other work makes both the step and the peak slower, but not alike.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

import numpy as np

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ASKED = {"gemm": 0.80, "1x1": 0.80, "3x3": 0.75}  # of the peak, by kind

GEMMS = [(128, 768, 3072), (128, 768, 768)]  # rows, depth, columns
# The distinct convolutions of ResNet-50: input height and width, input channels, output channels, stride.
POINTWISE = [(56, 64, 64, 1), (56, 64, 256, 1), (56, 256, 64, 1), (56, 256, 128, 1), (56, 256, 512, 2), (28, 128, 512, 1),
             (28, 512, 128, 1), (28, 512, 256, 1), (28, 512, 1024, 2), (14, 256, 1024, 1), (14, 1024, 256, 1),
             (14, 1024, 512, 1), (14, 1024, 2048, 2), (7, 512, 2048, 1), (7, 2048, 512, 1)]
WINDOWS = [(56, 64, 64, 1), (56, 128, 128, 2), (28, 128, 128, 1), (28, 256, 256, 2), (14, 256, 256, 1), (14, 512, 512, 2),
           (7, 512, 512, 1)]


# -- ONNX, as far as one node needs it: fields are (number, value), value an int, bytes, text or a list of fields.

def varint(number):
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes(out + bytes([number]))


def message(fields):
    out = bytearray()
    for number, value in fields:
        if isinstance(value, int):
            out += varint(number << 3) + varint(value)
        else:
            data = message(value) if isinstance(value, list) else value.encode() if isinstance(value, str) else value
            out += varint(number << 3 | 2) + varint(len(data)) + data
    return bytes(out)


def tensor(name, value):
    return [(1, size) for size in value.shape] + [(2, 1), (8, name), (9, value.astype("<f4").tobytes())]


def value_info(name, shape):
    dims = [(1, [(1, size)]) for size in shape]
    return [(1, name), (2, [(1, [(1, 1), (2, dims)])])]


def ints(name, values):
    return [(1, name)] + [(8, value) for value in values] + [(20, 7)]


def model(operator, input_shape, output_shape, weights, attributes):
    node = [(1, "x"), (1, "weights"), (2, "y"), (3, "node"), (4, operator)] + [(5, ints(*item)) for item in attributes.items()]
    graph = [(1, node), (2, "graph"), (5, tensor("weights", weights)), (11, value_info("x", input_shape)),
             (12, value_info("y", output_shape))]
    return message([(1, 8), (8, [(1, ""), (2, 17)]), (7, graph)])


# -- The models: name, kind, bytes, multiply-adds with and without those that meet padding

def gemm(rng, rows, depth, columns):
    weights = rng.uniform(-1, 1, (depth, columns))
    work = rows * depth * columns
    return f"gemm {rows}x{depth}x{columns}", "gemm", model("MatMul", (rows, depth), (rows, columns), weights, {}), work, work


def convolution(rng, size, channels, filters, stride, window):
    pad = window // 2
    out = (size + 2 * pad - window) // stride + 1
    inside = sum(0 <= position * stride - pad + tap < size for position in range(out) for tap in range(window))
    weights = rng.uniform(-1, 1, (filters, channels, window, window))
    attributes = {"kernel_shape": [window] * 2, "pads": [pad] * 4, "strides": [stride] * 2}
    name = f"{window}x{window}{' s2' if stride == 2 else ''} {size}, {channels}, {filters}"
    data = model("Conv", (1, channels, size, size), (1, filters, out, out), weights, attributes)
    return name, f"{window}x{window}", data, channels * filters * inside ** 2, channels * filters * (out * window) ** 2


def all_models():
    rng = np.random.default_rng(7)
    models = [gemm(rng, *shape) for shape in GEMMS]
    models += [convolution(rng, *shape, 1) for shape in POINTWISE]
    return models + [convolution(rng, *shape, 3) for shape in WINDOWS]


# -- Measuring

def measure(hmlc, artifact, seconds):
    """Microseconds of the contraction, its peak in GFLOP/s, the share of other steps."""
    words = [hmlc, "bench", artifact, "--threads", "1", "--profile", "--json", "--seconds", str(seconds)]
    report = json.loads(subprocess.run(words, check=True, stdout=subprocess.PIPE).stdout)
    contractions = [step for step in report["profile"] if step["form"] == "contraction"]
    if len(contractions) != 1:
        raise RuntimeError(f"{len(contractions)} contractions instead of one")
    total = sum(step["us"] for step in report["profile"])
    return contractions[0]["us"], report["fma_peak_gflops"], 1 - contractions[0]["us"] / total


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("\n\n")[1][7:])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--hmlc", default=os.path.join(ROOT, "build", "release", "tools", "hmlc", "hmlc"))
    parser.add_argument("--target", default="native")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.2)
    options = parser.parse_args()
    models = [m for m in all_models() if not options.names or any(name in m[0] for name in options.names)]
    if not models:
        parser.error("no such model")
    found = {name: [] for name, *_ in models}
    with tempfile.TemporaryDirectory() as folder:
        for name, _, data, _, _ in models:
            path = os.path.join(folder, name)
            with open(path + ".onnx", "wb") as file:
                file.write(data)
            subprocess.run([options.hmlc, "compile", path + ".onnx", "-o", path + ".hml", "--target", options.target, "--quiet"],
                           check=True)
        for _ in range(options.rounds):
            for name, *_ in models:
                found[name].append(measure(options.hmlc, os.path.join(folder, name + ".hml"), options.seconds))
    peaks = [peak for rounds in found.values() for _, peak, _ in rounds]
    print(f"FMA peak {min(peaks):.1f} to {max(peaks):.1f} GFLOP/s, best of {options.rounds}")
    print(f"{'model':26} {'us':>9} {'real':>6} {'nominal':>7} {'asked':>6}        {'other steps':>11}")
    missed = 0
    for name, kind, _, real, nominal in models:
        undisturbed = [item for item in found[name] if item[1] >= 0.95 * max(peaks)]
        if not undisturbed:
            print(f"{name:26} every round was disturbed")
            missed += 1
            continue
        microseconds, peak, others = min(undisturbed)
        fractions = [2e-3 * work / microseconds / peak for work in (real, nominal)]
        met = fractions[0] >= ASKED[kind]
        missed += not met
        print(f"{name:26} {microseconds:9.1f} {fractions[0]:6.3f} {fractions[1]:7.3f} {ASKED[kind]:6.2f} "
              f"{'met' if met else 'MISSED':6} {others:11.1%}")
    print(f"{len(models) - missed} met, {missed} missed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
