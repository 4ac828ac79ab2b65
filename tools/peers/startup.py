#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Start-up, one thread, page cache warm: to the first output, less one warm run.

usage: startup.py BENCH_DIR [NAME...] [--rounds N]

Both start in a process of their own, alternating; medians. hmlc: from the start of the process `hml run` to the first byte
that it prints, every byte of the artifact checked. ONNX Runtime: from the creation of the session to the first output, in
a fresh process that has loaded the library and the inputs already.
"""
import argparse
import json
import os
import subprocess
import sys
import time

import numpy as np

import project
from bench import load_inputs, repeat
from peer import ort_session

PROGRAM = os.path.join(project.BUILD, "tools", "hml", "hml")


def first_output(*arguments):
    """Milliseconds from the start of `hml` to its first output."""
    reading, writing = os.pipe()
    start = time.perf_counter()
    process = os.posix_spawn(PROGRAM, [PROGRAM, *arguments], os.environ, file_actions=[
        (os.POSIX_SPAWN_DUP2, writing, 1), (os.POSIX_SPAWN_CLOSE, reading)])
    os.close(writing)
    got = os.read(reading, 1)
    elapsed = (time.perf_counter() - start) * 1e3
    while os.read(reading, 1 << 16):
        pass
    os.close(reading)
    if os.waitpid(process, 0)[1] != 0 or not got:
        raise RuntimeError(f"{' '.join(arguments)}: failed")
    return elapsed


def ours(artifact, data):
    common = (artifact, "--threads", "1", "--test-data", data)
    warm = subprocess.run([PROGRAM, "bench", *common, "--seconds", "0.5", "--json"], check=True, capture_output=True)
    return first_output("run", *common, "--no-compare") - json.loads(warm.stdout)["p50_ms"]


def theirs(folder):
    """In a process of its own: see `fresh_session`."""
    out = subprocess.run([sys.executable, __file__, "--fresh-session", folder], check=True, capture_output=True)
    return float(out.stdout)


def fresh_session(folder):
    feeds = load_inputs(folder)
    start = time.perf_counter()
    session = ort_session(os.path.join(folder, "model.onnx"), 1)
    session.run(None, feeds)
    first = time.perf_counter() - start
    print((first - repeat(lambda: session.run(None, feeds), 0.5)) * 1e3)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bench", nargs="?")
    parser.add_argument("names", nargs="*", default=["mobilenet_v2", "resnet50", "bert_base"])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--fresh-session", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.fresh_session:
        return fresh_session(options.fresh_session)
    print(f"{project.cpu_name()}, 1 thread, ms; an empty `hml` process: "
          f"{np.median([first_output('--version') for _ in range(21)]):.2f}")
    for name in options.names:
        folder = os.path.join(options.bench, name)
        artifact = project.compile_model(os.path.join(folder, "model.onnx"), os.path.join(project.BUILD, "bench", name + ".hml"))
        data = os.path.join(folder, "test_data_set_0")
        pairs = [(ours(artifact, data), theirs(folder)) for _ in range(options.rounds)]
        mine, other = np.median([p[0] for p in pairs]), np.median([p[1] for p in pairs])
        print(f"{name:18} hmlc {mine:8.2f}  onnxruntime {other:8.2f}  ratio {other / mine:6.1f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
