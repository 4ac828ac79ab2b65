#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Numbers for the model `numbers` of cross_models.c: whole_numbers.py make FOLDER writes its inputs; whole_numbers.py check FOLDER OUTPUTS compares what it
gave with numpy, bit for bit. Denormals of f32 are left out: NEON of 32-bit ARM takes them for 0."""
import pathlib
import sys

import numpy

COUNT = 4000
WHOLE = numpy.array([0, 1, 2, 3, 1 << 22, (1 << 23) - 1, 1 << 23, (1 << 24) + 2, 1 << 30], dtype=numpy.float64)


def fill(values, random):
    """`values` and random ones of all sizes, COUNT in all."""
    more = random.standard_normal(COUNT - values.size) * 10.0 ** random.uniform(-6, 12, COUNT - values.size)
    return numpy.concatenate([values, more])


def make(folder):
    random = numpy.random.default_rng(1)
    near = numpy.concatenate([WHOLE, WHOLE + 0.5, WHOLE - 0.5, WHOLE + 0.25, WHOLE - 0.25])
    special = numpy.array([numpy.inf, -numpy.inf, numpy.nan, -0.0, 65504, 65519.9, 65520, 2.0**-14, 2.0**-24, 2.0**-25, 3 * 2.0**-26])
    with numpy.errstate(over="ignore"):
        x = fill(numpy.concatenate([near, -near, special, -special]), random).astype(numpy.float32)
    large = numpy.concatenate([near, near * 2.0**29, special[:4]])
    y = fill(numpy.concatenate([large, -large]), random)
    s = random.uniform(-(2.0**31) + 200, 2.0**31 - 200, COUNT) * 2.0 ** -random.integers(0, 34, COUNT)
    ints = random.integers(-(2**63), 2**63 - 1, COUNT, dtype=numpy.int64) >> random.integers(0, 63, COUNT)
    by = random.integers(-(2**63), 2**63 - 1, COUNT, dtype=numpy.int64) >> random.integers(0, 63, COUNT)
    by[by == 0] = 3
    ints[:4], by[:4] = [2**63 - 1, -(2**63) + 1, 2**62, -(2**53) - 1], [1, 2**63 - 1, -3, 10]
    words, divisors = (ints >> 32).astype(numpy.int32), (by >> 32).astype(numpy.int32)
    divisors[divisors == 0] = -7
    divisors[divisors == -1] = 5  # what -2^31 / -1 is, is not the subject
    inputs = {"x": x, "y": y, "s": s.astype(numpy.float32), "a": ints, "b": by, "c": words, "d": divisors}
    for name, values in inputs.items():
        numpy.save(folder / f"{name}.npy", values)


def toward_zero(a, b):
    """Integer division of C."""
    quotient = numpy.floor_divide(a, b)
    return quotient + ((a - quotient * b != 0) & ((a < 0) != (b < 0)))


def quantized(x, zero, kind):
    """Of steps of a half; NaN is 0."""
    limits = numpy.iinfo(kind)
    whole = numpy.rint(x.astype(numpy.float64) / 0.5) + zero
    return numpy.nan_to_num(numpy.clip(whole, limits.min, limits.max), nan=0.0).astype(kind)


def expected(folder):
    x, y, s, a, b, c, d = (numpy.load(folder / f"{name}.npy") for name in "xysabcd")
    with numpy.errstate(over="ignore", invalid="ignore"):
        half = x.astype(numpy.float16)
    return [numpy.floor(x), numpy.ceil(x), numpy.rint(x), numpy.floor(y), numpy.ceil(y), numpy.rint(y), half, half.astype(numpy.float32),
            s.astype(numpy.int32), s.astype(numpy.int64), a.astype(numpy.float32), a.astype(numpy.float64), toward_zero(a, b), a % b,
            toward_zero(c, d), c % d, quantized(x, -7, numpy.int8), quantized(x, 0, numpy.int8), quantized(x, 131, numpy.uint8),
            quantized(x, -1000, numpy.int16), quantized(x, 40000, numpy.uint16)]


def check(folder, outputs):
    wrong = 0
    for index, values in enumerate(expected(folder)):
        found = numpy.load(outputs / f"output_{index}.npy")
        assert found.dtype == values.dtype and found.shape == values.shape, index
        bits = numpy.dtype(f"u{values.dtype.itemsize}")
        with numpy.errstate(invalid="ignore"):
            differ = (values.view(bits) != found.view(bits)) & ~((values != values) & (found != found))
        for place in numpy.flatnonzero(differ)[:3]:
            print(f"output {index}, element {place}: {found[place]!r}, expected {values[place]!r}")
        wrong += int(differ.any())
    return wrong


folder = pathlib.Path(sys.argv[2])
sys.exit(make(folder) if sys.argv[1] == "make" else check(folder, pathlib.Path(sys.argv[3])))
