#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the node cases that the onnx wheel generates: python3 node_cases.py [HMLC] [--keep DIR] [-k WORD].

Writes each case in the ONNX layout (to DIR, or to a folder that is removed), runs `hmlc test` over all of them and says how
they ended: passed, refused (valid, but not supported, by name), and what must not be: wrong values, models called invalid,
internal errors, crashes. Exit status 1 when there is any of those. Needs onnx 1.23.2, which tools/peers/setup.sh installs;
about two minutes on two cores.
"""
import argparse
import collections
import json
import pathlib
import subprocess
import sys
import tempfile
import warnings

import onnx
from onnx import TensorProto, numpy_helper

VERSION = "1.23.2"
HMLC = pathlib.Path(__file__).resolve().parents[2] / "build" / "release" / "tools" / "hmlc" / "hmlc"
# What exit statuses of a case mean; higher ones are 128 + the signal that ended it.
MEANINGS = {0: "passed", 1: "wrong", 2: "invalid", 3: "refused", 4: "invalid", 5: "out of resources", 70: "internal error"}


def protobuf_of(value, info):
    """A value of a case as what its file holds."""
    if isinstance(value, TensorProto):
        return value
    write = {"tensor_type": numpy_helper.from_array, "sequence_type": numpy_helper.from_list,
             "optional_type": numpy_helper.from_optional, "map_type": numpy_helper.from_dict}
    return write[info.type.WhichOneof("value")](value, info.name)


def write_case(case, folder):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(case.model.SerializeToString())
    graph = case.model.graph
    for index, (inputs, outputs) in enumerate(case.data_sets):
        data = folder / f"test_data_set_{index}"
        data.mkdir(exist_ok=True)
        for kind, values, infos in (("input", inputs, graph.input), ("output", outputs, graph.output)):
            for k, value in enumerate(values):
                (data / f"{kind}_{k}.pb").write_bytes(protobuf_of(value, infos[k]).SerializeToString())


def generated(word):
    warnings.filterwarnings("ignore")  # numpy's, of cases that divide by zero on purpose
    from onnx.backend.test.loader import load_model_tests
    return [case for case in load_model_tests(kind="node") if word in case.name]


def run(hmlc, folder, cases):
    """The outcome of each case: (name, meaning, what hmlc says)."""
    command = [str(hmlc), "test", "--json", "--quiet"] + [case.name for case in cases]
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    for row in json.loads(done.stdout)["cases"]:
        yield row["folder"], MEANINGS.get(row["status"], "crashed"), row.get("message") or row["result"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("hmlc", nargs="?", default=HMLC, type=pathlib.Path)
    parser.add_argument("--keep", type=pathlib.Path, help="where the cases are written and left")
    parser.add_argument("-k", default="", metavar="WORD", help="only cases with WORD in their names")
    words = parser.parse_args()
    if onnx.__version__ != VERSION:
        print(f"onnx is {onnx.__version__}; the figures are those of {VERSION}", file=sys.stderr)
    cases = generated(words.k)
    with tempfile.TemporaryDirectory() as removed:
        folder = words.keep or pathlib.Path(removed)
        for case in cases:
            write_case(case, folder / case.name)
        outcomes = list(run(words.hmlc.resolve(), folder, cases))
    if len(outcomes) != len(cases):
        sys.exit(f"hmlc test reports {len(outcomes)} of {len(cases)} cases")
    counts = collections.Counter(meaning for _, meaning, _ in outcomes)
    for name, meaning, text in outcomes:
        if meaning not in ("passed", "refused"):
            print(f"{name}: {meaning}: {text}")
    print(f"{len(cases)} node cases of onnx {onnx.__version__}:", ", ".join(f"{n} {m}" for m, n in counts.most_common()))
    return 0 if set(counts) <= {"passed", "refused"} else 1


if __name__ == "__main__":
    sys.exit(main())
