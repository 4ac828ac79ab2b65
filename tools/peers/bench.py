#!/usr/bin/env python3
"""Times the benchmark graphs against ONNX Runtime, alternating in one process.

usage: bench.py BENCH_DIR [NAME...] [--threads N] [--rounds N] [--cpu-time]

BENCH_DIR is what the zoo's bench/make.py wrote. Each round times both, one behind the other; the table gives
medians over the rounds, in milliseconds, and the ratio (above 1: hmlc is faster).
"""
import argparse
import glob
import os
import sys
import time

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper

import hml


def load_inputs(folder):
    feeds = {}
    for path in sorted(glob.glob(os.path.join(folder, "test_data_set_0", "input_*.pb"))):
        tensor = onnx.load_tensor(path)
        feeds[tensor.name] = numpy_helper.to_array(tensor)
    return feeds


def ort_session(model, threads, optimise=True):
    options = onnxruntime.SessionOptions()
    if not optimise:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def repeat(run, seconds, clock=time.perf_counter):
    """Median time of one run over about `seconds`."""
    times = []
    until = time.perf_counter() + seconds
    while not times or time.perf_counter() < until:
        start = clock()
        run()
        times.append(clock() - start)
    return float(np.median(times))


def compare(name, folder, threads, rounds, clock):
    model = os.path.join(folder, "model.onnx")
    artifact = hml.compile_model(model, os.path.join(hml.BUILD, "bench", name + ".hml"))
    feeds = load_inputs(folder)
    ours, theirs = hml.Session(artifact, threads), ort_session(model, threads)
    ours.bind(feeds)
    ours.run()
    theirs.run(None, feeds)
    our_times, their_times = [], []
    for _ in range(rounds):
        our_times.append(repeat(ours.run, 0.3, clock))
        their_times.append(repeat(lambda: theirs.run(None, feeds), 0.3, clock))
    ours.close()
    return np.median(our_times) * 1e3, np.median(their_times) * 1e3


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bench")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cpu-time", action="store_true", help="processor time: for one thread on a busy machine")
    options = parser.parse_args()
    names = options.names or sorted(os.listdir(options.bench))
    ratios = []
    print(f"{hml.cpu_name()}, {options.threads} thread(s), onnxruntime {onnxruntime.__version__}")
    print(f"{'graph':24} {'hmlc ms':>10} {'ort ms':>10} {'ratio':>7}")
    for name in names:
        try:
            ours, theirs = compare(name, os.path.join(options.bench, name), options.threads, options.rounds,
                                   time.process_time if options.cpu_time else time.perf_counter)
        except Exception as problem:  # one graph that fails must not hide the others
            print(f"{name:24} failed: {problem}")
            continue
        ratios.append(theirs / ours)
        print(f"{name:24} {ours:10.3f} {theirs:10.3f} {theirs / ours:7.2f}", flush=True)
    if ratios:
        print(f"{'geometric mean':24} {'':10} {'':10} {np.exp(np.mean(np.log(ratios))):7.2f}  over {len(ratios)}")
    return 0 if len(ratios) == len(names) else 1


if __name__ == "__main__":
    sys.exit(main())
