#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the small HDF5 files of tests/fuzz/corpus/hdf5 with h5py, that is with HDF5's own library.
usage: make_hdf5.py FOLDER   (needs h5py: python3 -m venv V && V/bin/pip install h5py)"""
import os
import sys

import h5py
import numpy

folder = sys.argv[1]


def create(name, **options):
    return h5py.File(os.path.join(folder, name), "w", track_order=False, **options)


def fill(file):
    """What both forms of the format hold."""
    file.attrs["text"] = '{"a": 1}'
    file.attrs["fixed"] = numpy.bytes_(b"fixed text")
    file.attrs["names"] = numpy.array([b"first", b"second", b"a/third:0"])
    for index, piece in enumerate(([b"p0", b"p1"], [b"p2"])):
        file.attrs[f"pieces{index}"] = numpy.array(piece)
    file.attrs.create("heap_names", ["eins", "zwei"], dtype=h5py.string_dtype())
    file.attrs["number"] = 3
    group = file.create_group("layers").create_group("dense")
    group.create_dataset("kernel", data=numpy.arange(6, dtype="<f4").reshape(2, 3))
    group.create_dataset("half", data=numpy.arange(4, dtype="<f2"))
    group.create_dataset("double", data=numpy.arange(2, dtype="<f8"))
    group.create_dataset("big", data=numpy.arange(3, dtype=">f4"))
    group.create_dataset("whole", data=numpy.arange(3, dtype="<i8"))
    group.create_dataset("flags", data=numpy.array([True, False]))
    group.create_dataset("scalar", data=numpy.float32(7))
    group.create_dataset("empty", data=numpy.zeros((0, 4), "<f4"))


for name, options in (("old.h5", {}), ("new.h5", {"libver": "v110"})):
    with create(name, **options) as file:
        fill(file)
with create("many.h5") as file:  # a tree of several nodes
    for index in range(40):
        file.create_group(f"group_{index}").attrs["index"] = str(index)
with create("odd.h5") as file:
    file.create_dataset("chunked", data=numpy.zeros((4, 4), "<f4"), chunks=(2, 2))
    file.create_dataset("packed", data=numpy.zeros((4, 4), "<f4"), chunks=(4, 4), compression="gzip")
    file.create_dataset("outside", shape=(4,), dtype="<f4", external=[("/etc/passwd", 0, 16)])
    file.create_dataset("lists", shape=(2,), dtype=h5py.vlen_dtype(numpy.float32))
    layout = h5py.VirtualLayout(shape=(4,), dtype="<f4")
    layout[:] = h5py.VirtualSource("old.h5", "layers/dense/kernel", shape=(4,))
    file.create_virtual_dataset("virtual", layout)
    file["soft"] = h5py.SoftLink("/chunked")
    file["foreign"] = h5py.ExternalLink("old.h5", "/layers")
    space = h5py.h5s.create_simple((3,))
    compact = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    compact.set_layout(h5py.h5d.COMPACT)
    h5py.h5d.create(file.id, b"compact", h5py.h5t.IEEE_F32LE, space, compact).write(
        h5py.h5s.ALL, h5py.h5s.ALL, numpy.arange(3, dtype="<f4"))
with create("dense.h5", libver="latest") as file:  # many links: in a heap
    for index in range(20):
        file.create_group(f"group_{index}")
