#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints how many WEIGHTS sections an artifact has and the SHA-256 of their bytes: weights_of.py MODEL.hml (layout: hml_format/artifact.h)."""
import hashlib
import struct
import sys

WEIGHTS = 4

data = open(sys.argv[1], "rb").read()
table, count, record = struct.unpack_from("<QII", data, 32)
sections = [struct.unpack_from("<IIIIQQQ", data, table + index * record) for index in range(count)]
weights = [data[section[5]:section[5] + section[6]] for section in sections if section[0] == WEIGHTS]
print(len(weights), hashlib.sha256(b"".join(weights)).hexdigest())
