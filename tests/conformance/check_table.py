#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares frontend/onnx/onnx_ops.def with the schemas of the installed onnx package, opset by opset.

For each operator of the standard's own domain and each opset from 7 on: that there is one row exactly where the standard
has a definition, with its inputs (optional, variadic, which share a type), element types, number of outputs and attributes
(kind, required). A deprecated definition may have its row or not. Element types of 8 bits and less that are not plain integers are left out, as in the table: a tensor of
one is refused where it enters. Ends with 1 and a line a difference. Needs onnx; the product and its tests do not.
"""
import pathlib
import re
import sys

import onnx.defs

TABLE = pathlib.Path(__file__).resolve().parents[2] / "frontend" / "onnx" / "onnx_ops.def"
OLDEST = 7
# What the table holds beyond the standard: operator, and the opset below which it is foreign (ONNX Runtime's optimiser).
EXTENSIONS = {"LayerNormalization": 17, "SimplifiedLayerNormalization": 29}
LETTERS = {"float": "f", "double": "d", "float16": "h", "bfloat16": "g", "bool": "B", "int8": "c", "int16": "s",
           "int32": "i", "int64": "l", "uint8": "C", "uint16": "S", "uint32": "I", "uint64": "L", "string": "t",
           "complex64": "x", "complex128": "y"}
KINDS = {"FLOAT": "f", "INT": "i", "STRING": "s", "TENSOR": "t", "GRAPH": "g", "FLOATS": "F", "INTS": "I",
         "STRINGS": "S", "TENSORS": "T", "GRAPHS": "G", "SPARSE_TENSOR": "p", "TYPE_PROTO": "y"}


def read_rows():
    """Rows by operator: since, until, inputs, sets of letters, outputs, attributes."""
    text = TABLE.read_text()
    text = text.replace(", NOW,", ", %s," % re.search(r"#define ONNX_NEWEST (\d+)", text).group(1))
    words = dict(re.findall(r'#define (ONNX_\w+) "(\w*)"', text))
    pattern = r'^ONNX_(?:OP|REFUSED)\((\w+), (\d+), (\d+), (?:\w+, \w+, )?"([^"]*)", (.*), (-?\d+), "([^"]*)"\)$'
    rows = {}
    for name, since, until, inputs, types, outputs, attributes in re.findall(pattern, text, re.M):
        joined = "".join(words.get(word, word.strip('"')) for word in types.split())
        rows.setdefault(name, []).append((int(since), int(until), inputs, joined.split("|"), int(outputs), attributes))
    return rows


def letters_of(schema, type_str):
    """The element types that a formal's type names, sequences and optionals left out."""
    allowed = next((c.allowed_type_strs for c in schema.type_constraints if c.type_param_str == type_str), [type_str])
    found = (re.fullmatch(r"tensor\((\w+)\)", word) for word in allowed)
    return {LETTERS[m.group(1)] for m in found if m and m.group(1) in LETTERS}


def described(schema):
    """A schema as a row's columns: the formals' shapes, what each may be, outputs, attributes."""
    shapes, sets, variables = "", [], {}
    for formal in schema.inputs:
        letter = variables.setdefault(formal.type_str, chr(ord("A") + len(variables)))
        if ord(letter) - ord("A") == len(sets):
            sets.append(letters_of(schema, formal.type_str))
        option = formal.option.name
        mark = {"Single": "", "Optional": "?"}.get(option)
        if mark is None:
            mark = "*" if formal.is_homogeneous else "~" if formal.min_arity > 0 else "~0"
        shapes += letter + mark
    outputs = -1 if any(o.option.name == "Variadic" for o in schema.outputs) else len(schema.outputs)
    attributes = {a.name: KINDS[a.type.name] + ("!" if a.required else "") for a in schema.attributes.values()}
    return shapes, sets, outputs, attributes


def compare(name, opset, row, schema):
    shapes, sets, outputs, attributes = described(schema)
    _, _, row_shapes, row_sets, row_outputs, row_attributes = row
    found = dict(word.split(":") for word in row_attributes.split())
    row_sets = [set(s) for s in row_sets][: len(sets)]
    for what, have, want in (("inputs", row_shapes, shapes), ("types", row_sets, sets), ("outputs", row_outputs, outputs),
                             ("attributes", found, attributes)):
        if have != want:
            if what == "types":
                have, want = ([ "".join(sorted(s)) for s in side] for side in (have, want))
            yield f"{name} {opset}: {what} are {have}, in the standard {want}"


def main():
    rows, histories, problems = read_rows(), {}, []
    for schema in onnx.defs.get_all_schemas_with_history():
        if schema.domain == "":
            histories.setdefault(schema.name, []).append(schema)
    newest = onnx.defs.onnx_opset_version()
    problems += [f"{name}: not in the standard" for name in rows if name not in histories and name not in EXTENSIONS]
    for name, history in sorted(histories.items()):
        for opset in range(OLDEST, newest + 1):
            schema = max((s for s in history if s.since_version <= opset), key=lambda s: s.since_version, default=None)
            fitting = [row for row in rows.get(name, []) if row[0] <= opset <= row[1]]
            least, most = (0, 0) if schema is None else (0, 1) if schema.deprecated else (1, 1)
            if opset < EXTENSIONS.get(name, 0):
                continue
            if not least <= len(fitting) <= most:
                problems.append(f"{name} {opset}: {len(fitting)} rows, in the standard {least} to {most}")
            elif fitting:
                problems += compare(name, opset, fitting[0], schema)
    print("\n".join(problems))
    print(f"{len(histories)} operators, opsets {OLDEST} to {newest} of onnx {onnx.__version__}: {len(problems)} differences")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
