#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""sections_of.py MODEL.hml: a line for each section, kind, SHA-256 of its bytes and the target it is for (layout: hml_format/artifact.h)."""
import hashlib
import struct
import sys

PROGRAM, CODE = 2, 3

data = open(sys.argv[1], "rb").read()
table, count, record = struct.unpack_from("<QII", data, 32)
sections = [struct.unpack_from("<IIIIQQQ", data, table + index * record) for index in range(count)]


def target(variant):
    """The name in a program's strings, the ninth table of its head; the name's place is the fifth number behind all ten."""
    offset = next(section[5] for section in sections if section[0] == PROGRAM and section[1] == variant)
    strings = struct.unpack_from("<Q", data, offset + 8 * 16)[0]
    name = struct.unpack_from("<I", data, offset + 10 * 16 + 4 * 4)[0]
    return data[offset + strings + name:].split(b"\0")[0].decode()


for kind, variant, _, _, _, offset, size in sections:
    name = target(variant) if kind in (PROGRAM, CODE) else "all"
    print(kind, hashlib.sha256(data[offset:offset + size]).hexdigest(), name)
