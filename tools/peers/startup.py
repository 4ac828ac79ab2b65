#!/usr/bin/env python3
"""Start-up: from process start (hml) or session creation (ONNX Runtime) to the first output, less one warm run.

usage: startup.py BENCH_DIR [NAME...]        one thread, page cache warm, medians of 7, alternating
"""
import json
import os
import subprocess
import sys
import time

import numpy as np

import hml
from bench import load_inputs, ort_session, repeat


def ours(artifact, folder):
    """Whole process: open, check every byte, prepare, run; without comparing or writing outputs."""
    program = os.path.join(hml.BUILD, "tools", "hml", "hml")
    out = subprocess.run([program, "bench", artifact, "--threads", "1", "--seconds", "0.5", "--json",
                          "--test-data", os.path.join(folder, "test_data_set_0")], check=True, capture_output=True)
    warm = json.loads(out.stdout)["p50_ms"]
    start = time.perf_counter()
    subprocess.run([program, "run", artifact, "--threads", "1", "--no-compare",
                    "--test-data", os.path.join(folder, "test_data_set_0")], check=True, capture_output=True)
    return (time.perf_counter() - start) * 1e3 - warm


def theirs(model, feeds):
    start = time.perf_counter()
    session = ort_session(model, 1)
    session.run(None, feeds)
    first = time.perf_counter() - start
    return (first - repeat(lambda: session.run(None, feeds), 0.5)) * 1e3


def main():
    bench = sys.argv[1]
    print(f"{hml.cpu_name()}, 1 thread, ms")
    for name in sys.argv[2:] or ["mobilenet_v2", "resnet50", "bert_base"]:
        folder = os.path.join(bench, name)
        model = os.path.join(folder, "model.onnx")
        artifact = hml.compile_model(model, os.path.join(hml.BUILD, "bench", name + ".hml"))
        feeds = load_inputs(folder)
        pairs = [(ours(artifact, folder), theirs(model, feeds)) for _ in range(7)]
        mine, other = np.median([p[0] for p in pairs]), np.median([p[1] for p in pairs])
        print(f"{name:18} hmlc {mine:8.2f}  onnxruntime {other:8.2f}  ratio {other / mine:6.1f}", flush=True)


if __name__ == "__main__":
    main()
