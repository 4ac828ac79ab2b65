#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whether the .npy files of two folders are near each other: near.py EXPECTED FOUND. Sums of products that are rounded apart differ in the
last places."""
import pathlib
import sys

import numpy

expected, found = map(pathlib.Path, sys.argv[1:])
names = sorted(path.name for path in expected.glob("*.npy"))
assert names and names == sorted(path.name for path in found.glob("*.npy"))
for name in names:
    a, b = numpy.load(expected / name), numpy.load(found / name)
    assert a.shape == b.shape and a.dtype == b.dtype
    numpy.testing.assert_allclose(b, a, rtol=1e-5, atol=1e-5 * float(numpy.abs(a).max(initial=1)))
