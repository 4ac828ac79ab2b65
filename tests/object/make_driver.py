#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A C program that runs an object on random inputs, from what its JSON says.

usage: make_driver.py BASE.json FOLDER [NAME=SIZE...]
Writes FOLDER/driver.c, input_<k>.bin and input_<k>.npy; prints the options of `hml run` for the same run.
"""
import json
import re
import sys

import numpy

TYPES = {"f32": ("float", "float32"), "f64": ("double", "float64"), "i64": ("int64_t", "int64"), "i32": ("int32_t", "int32"),
         "i8": ("int8_t", "int8"), "u8": ("uint8_t", "uint8"), "bool": ("uint8_t", "bool")}


def value(dim, sizes):
    """A dim: a number, or an expression over sizes."""
    return dim if isinstance(dim, int) else eval(dim, {"min": min, "max": max}, dict(sizes))  # the test's own models


def main():
    base, folder = sys.argv[1], sys.argv[2]
    with open(base) as file:
        about = json.load(file)
    sizes = {name: int(size) for name, size in (word.split("=") for word in sys.argv[3:])}
    random = numpy.random.default_rng(7)
    prefix, words = about["prefix"], []
    upper = prefix.upper()
    lines = [f'#include "{re.sub(".*/", "", base)[:-5]}.h"', '#include "host.h"', "", f"#define OBJECT_(name) {upper}_##name"]
    arguments = [str(sizes[size["name"]]) for size in about["sizes"]]
    reads, writes, keeps, equals = [], [], [], []
    for k, tensor in enumerate(about["inputs"]):
        shape = [value(dim, sizes) for dim in tensor["shape"]]
        data = random.standard_normal(shape).astype(TYPES[tensor["type"]][1])
        data.tofile(f"{folder}/input_{k}.bin")
        numpy.save(f"{folder}/input_{k}.npy", data)
        words += ["--input", f"{tensor['name']}={folder}/input_{k}.npy"]
        lines.append(f"static {TYPES[tensor['type']][0]} input_{k}[{max(tensor['elements'], 1)}];")
        reads.append(f'    host_read("input_{k}.bin", input_{k}, {data.nbytes});')
        arguments.append(f"input_{k}")
    for k, tensor in enumerate(about["outputs"]):
        kind = TYPES[tensor["type"]]
        count = int(numpy.prod([value(dim, sizes) for dim in tensor["shape"]]))
        lines.append(f"static {kind[0]} output_{k}[{max(tensor['elements'], 1)}];")
        size = count * numpy.dtype(kind[1]).itemsize
        writes.append(f'    host_write("output_{k}.bin", output_{k}, {size});')
        keeps.append(f"    keep_bytes(kept_{k}, output_{k}, {size});")
        equals.append(f"same_bytes(kept_{k}, output_{k}, {size})")
        lines.append(f"static {kind[0]} kept_{k}[{max(tensor['elements'], 1)}];")
        arguments.append(f"output_{k}")
    given = ", ".join(arguments)
    kinds = ["const void *"] if about["weights"] == "bin" else []
    kinds += ["int64_t "] * len(about["sizes"]) + [f"const {TYPES[t['type']][0]} *" for t in about["inputs"]]
    kinds += [f"{TYPES[t['type']][0]} *" for t in about["outputs"]]
    parameters = "".join(f"{kind}unused_{k}, " for k, kind in enumerate(kinds))
    weights = "weights, " if about["weights"] == "bin" else ""
    if weights:
        lines.append(f"static uint64_t weights_memory[({about['weight_bytes']} + 64) / 8];")
        lines.append("static void *weights;")
        reads.append("    weights = (void *)(((uintptr_t)weights_memory + 63) / 64 * 64);")
        reads.append(f'    host_read("{re.sub(".*/", "", base)[:-5]}.bin", weights, {about["weight_bytes"]});')
    lines += ["", "static void keep_bytes(void *to, void *from, size_t bytes)", "{",
              "    for (size_t k = 0; k < bytes; k++) {", "        ((volatile uint8_t *)to)[k] = ((uint8_t *)from)[k];",
              "        ((volatile uint8_t *)from)[k] = 0;", "    }", "}", "",
              "static int same_bytes(const void *a, const void *b, size_t bytes)", "{", "    size_t k = 0;",
              "    while (k < bytes && ((const volatile uint8_t *)a)[k] == ((const volatile uint8_t *)b)[k]) {", "        k++;", "    }",
              "    return k == bytes;", "}", "", "typedef __typeof__(" + prefix + "_run) run_function;",
              "static run_function nothing; /* takes what a run takes, and 16 bytes of the stack */",
              "", f"static int32_t nothing(void *arena, {parameters}int64_t *detail)", "{", "    volatile uint64_t mark[2];",
              "    mark[0] = mark[1] = 0;", "    return arena != NULL && detail == NULL ? (int32_t)mark[1] : 1;", "}", "",
              f"static run_function *volatile chosen = {prefix}_run;", "",
              "static int32_t run(void *arena, int64_t *detail)", "{",
              f"    return chosen(arena, {weights}{given}, detail);", "}", "",
              "static int32_t run_steps(void *arena, uint32_t first, uint32_t last, int64_t *detail)", "{",
              f"    return {prefix}_run_steps(arena, {weights}first, last, {given}, detail);", "}", "",
              "static void read_inputs(void)", "{", *reads, "}", "",
              "static void write_outputs(void)", "{", *writes, *keeps, "}", "",
              "static int outputs_are_equal(void)", "{", f"    return {' && '.join(equals)};", "}", "", '#include "driver_main.inc"', ""]
    with open(f"{folder}/driver.c", "w") as file:
        file.write("\n".join(lines))
    print(" ".join(words))


main()
