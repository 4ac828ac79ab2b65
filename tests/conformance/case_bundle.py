# SPDX-License-Identifier: Apache-2.0
"""Cases in the form of cases.bin, which generate.py describes, for environments without the onnx package."""
import struct

import numpy as np

TYPES = {"float32": 1, "uint8": 2, "int32": 6, "int64": 7, "bool": 9}


def varint(number):
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def tensor(name, array):
    """An ONNX TensorProto."""
    array = np.ascontiguousarray(array) if np.ndim(array) else np.asarray(array)
    field = lambda number, data: varint(number << 3 | 2) + varint(len(data)) + data
    dims = b"".join(varint(1 << 3) + varint(size) for size in array.shape)
    return dims + varint(2 << 3) + varint(TYPES[array.dtype.name]) + field(8, name.encode()) + field(9, array.tobytes())


def pack(data):
    return struct.pack("<I", len(data)) + data


def entry(name, model, inputs, outputs):
    """A case; inputs and outputs are pairs of a name and an array."""
    parts = [pack(name.encode()), pack(model)]
    for pairs in (list(inputs), list(outputs)):
        parts.append(struct.pack("<I", len(pairs)))
        parts += [pack(tensor(label, array)) for label, array in pairs]
    return b"".join(parts)
