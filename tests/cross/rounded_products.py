#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Numbers for the model `M K N rounded` of cross_models.c: rounded_products.py make FOLDER M K N writes its inputs; rounded_products.py check HALF FOLDER
OUTPUTS M K N compares what it gave with sums in float64 of products of what HALF (f16 or bf16) makes of inputs and weights."""
import pathlib
import sys

import numpy

HEIGHT, WIDTH = 9, 7


def weights(m, k, n):
    """Those of graph_weights (wire_writer.c), one behind the other."""
    state, values = 1, numpy.empty(k * n + n * k * 9, numpy.float32)
    for place in range(values.size):
        state = (state * 1664525 + 1013904223) % 2**32
        values[place] = numpy.float32(state >> 8) / numpy.float32(2**24) - numpy.float32(0.5)
    return values[: k * n].reshape(k, n), values[k * n :].reshape(n, k, 3, 3)


def rounded(values, half):
    if half == "f16":
        return values.astype(numpy.float16).astype(numpy.float64)
    bits = values.view(numpy.uint32).astype(numpy.uint64)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16 << 16).astype(numpy.uint32).view(numpy.float32).astype(numpy.float64)


def convolve(image, kernel):
    padded = numpy.pad(image, ((0, 0), (1, 1), (1, 1)))
    return sum(numpy.einsum("chw,oc->ohw", padded[:, y : y + HEIGHT, x : x + WIDTH], kernel[:, :, y, x]) for y in range(3) for x in range(3))


def main(command, *words):
    half = words[0] if command == "check" else None
    folder, sizes = pathlib.Path(words[-5 if half else -4]), tuple(map(int, words[-3:]))
    m, k, n = sizes
    if not half:
        random = numpy.random.default_rng(1)
        numpy.save(folder / "a.npy", random.standard_normal((m, k)).astype(numpy.float32))
        numpy.save(folder / "x.npy", random.standard_normal((1, k, HEIGHT, WIDTH)).astype(numpy.float32))
        return 0
    a, x = (rounded(numpy.load(folder / f"{name}.npy"), half) for name in "ax")
    by, kernel = (rounded(numpy.ascontiguousarray(values), half) for values in weights(*sizes))
    wanted = [a @ by, convolve(x[0], kernel)[None]]
    sizes_of = [numpy.abs(a) @ numpy.abs(by), convolve(numpy.abs(x[0]), numpy.abs(kernel))[None]]
    # bf16: each product is exact and each sum is rounded in its last place; f16: 64 products meet in f16.
    share = {"f16": 2.0**-7, "bf16": 2.0**-20}[half]
    failed = 0
    for index, (sums, size) in enumerate(zip(wanted, sizes_of)):
        found = numpy.load(pathlib.Path(words[-4]) / f"output_{index}.npy")
        error = float((numpy.abs(found - sums) / size).max())
        print(f"output {index}: {error:.2e} of the sum of all products' sizes at most, {share:.2e} allowed")
        failed |= not error <= share
    return failed


sys.exit(main(*sys.argv[1:]))
