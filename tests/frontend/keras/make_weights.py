#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/fuzz/corpus/hdf5/weights.h5: weights as Keras 3 files them, of a Dense layer from 4 to 3, an LSTM and two more.
usage: make_weights.py FILE   (needs h5py)"""
import sys

import h5py
import numpy

with h5py.File(sys.argv[1], "w") as file:
    def add(path, *shapes):
        for index, shape in enumerate(shapes):
            data = numpy.arange(numpy.prod(shape), dtype="<f4").reshape(shape) / 8
            file.create_dataset(f"layers/{path}/vars/{index}", data=data)

    add("dense", (4, 3), (3,))
    add("conv2d", (3, 3, 1, 2), (2,))
    add("embedding", (5, 2))
    add("lstm/cell", (2, 4), (1, 4), (4,))
    file.create_dataset("layers/dense_1/vars/0", data=numpy.zeros((3, 2), "<f4"), chunks=(3, 2))
    file.create_dataset("layers/dense_1/vars/1", data=numpy.zeros(2, "<f4"))
