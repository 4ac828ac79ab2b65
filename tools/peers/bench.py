#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Times the benchmark graphs against other runtimes, alternating in one process.

usage: bench.py BENCH_DIR [NAME...] [--threads N] [--rounds N] [--peers ort,openvino,mnn] [--cpu-time]

BENCH_DIR is what the zoo's bench/make.py wrote. Each round times every runtime, one behind the other; the table
gives medians over the rounds, in milliseconds, and the ratio to the fastest peer (above 1: hmlc is faster). A peer
that cannot run a graph shows as -.
"""
import argparse
import glob
import os
import sys
import time

import numpy as np
import onnx
from onnx import numpy_helper

import project
from peer import PEERS


def load_inputs(folder):
    """By name, in the graph's order."""
    feeds = {}
    for path in sorted(glob.glob(os.path.join(folder, "test_data_set_0", "input_*.pb")),
                       key=lambda path: int(path.rsplit("_", 1)[1][:-3])):
        tensor = onnx.load_tensor(path)
        feeds[tensor.name] = numpy_helper.to_array(tensor)
    return feeds


def repeat(run, seconds, clock=time.perf_counter):
    """Median time of one run over about `seconds`."""
    times = []
    until = time.perf_counter() + seconds
    while not times or time.perf_counter() < until:
        start = clock()
        run()
        times.append(clock() - start)
    return float(np.median(times))


def make_peers(names, folder, threads, feeds):
    """Those that can run the graph."""
    made = {}
    for name in names:
        try:
            made[name] = PEERS[name](folder, threads, feeds)
            made[name].run()
        except Exception as problem:  # a peer that fails must not hide the others
            made.pop(name, None)
            print(f"  {name} fails on {os.path.basename(folder)}: {str(problem).splitlines()[0]}", file=sys.stderr)
    return made


def compare(name, options, clock):
    """Medians in milliseconds: hmlc's, and each peer's by name."""
    folder = os.path.join(options.bench, name)
    artifact = project.compile_model(os.path.join(folder, "model.onnx"), os.path.join(project.BUILD, "bench", name + ".hml"))
    feeds = load_inputs(folder)
    ours = project.Session(artifact, options.threads)
    ours.bind(feeds)
    ours.run()
    peers = make_peers(options.peers, folder, options.threads, feeds)
    times = {who: [] for who in ["hmlc", *peers]}
    for _ in range(options.rounds):
        times["hmlc"].append(repeat(ours.run, options.seconds, clock))
        for who, peer in peers.items():
            times[who].append(repeat(peer.run, options.seconds, clock))
    medians = {who: float(np.median(values)) * 1e3 for who, values in times.items()}
    return medians.pop("hmlc"), medians


def row(name, ours, medians, options):
    cells = [f"{medians[who]:10.3f}" if who in medians else f"{'-':>10}" for who in options.peers]
    ratio = min(medians.values()) / ours if medians else float("nan")
    print(f"{name:24} {ours:10.3f} {' '.join(cells)} {ratio:7.2f}", flush=True)
    return ratio


def parse_words():
    parser = argparse.ArgumentParser()
    parser.add_argument("bench")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.3, help="of each runtime in each round")
    parser.add_argument("--peers", type=lambda text: text.split(","), default=["ort"])
    parser.add_argument("--cpu-time", action="store_true", help="processor time: for one thread on a busy machine")
    options = parser.parse_args()
    unknown = [who for who in options.peers if who not in PEERS]
    if unknown:
        parser.error(f"no peer {', '.join(unknown)}; there are {', '.join(PEERS)}")
    return options


def main():
    options = parse_words()
    names = options.names or sorted(os.listdir(options.bench))
    clock = time.process_time if options.cpu_time else time.perf_counter
    ratios = []
    print(f"{project.cpu_name()}, {options.threads} thread(s)")
    print(f"{'graph':24} {'hmlc ms':>10} {' '.join(f'{who:>10}' for who in options.peers)} {'ratio':>7}")
    for name in names:
        try:
            ours, medians = compare(name, options, clock)
        except Exception as problem:  # one graph that fails must not hide the others
            print(f"{name:24} failed: {problem}")
            continue
        ratios.append(row(name, ours, medians, options))
    if ratios:
        width = 11 * (1 + len(options.peers)) - 1
        print(f"{'geometric mean':24} {'':{width}} {np.exp(np.mean(np.log(ratios))):7.2f}  over {len(ratios)}")
    return 0 if len(ratios) == len(names) else 1


if __name__ == "__main__":
    sys.exit(main())
