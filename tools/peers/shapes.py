#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One artifact, many shapes: right against ONNX Runtime, and how fast against the same graph compiled for each shape.

usage: shapes.py BENCH_DIR [--shapes N] [NAME...]

Prints, per graph and shape, the largest error relative to what is allowed, and the time of the artifact compiled for this
shape alone divided by that of the dynamic one (at least 0.8 each, 0.9 in the mean, is aimed at). The reference is ONNX
Runtime without graph optimisation; allowed is the tolerance of `hmlc run --test-data`, or four times what ONNX Runtime's own
optimisation changes where that is more: generated weights can be ill-conditioned (efficientnet_b0's are). The code's size is
that of one artifact, whatever the shapes.
"""
import argparse
import os
import sys

import numpy as np

import project
from bench import repeat
from peer import ort_session

RNG = np.random.default_rng(7)


def language(batch, seq):
    return {"input_ids": RNG.integers(5, 30000, (batch, seq)), "attention_mask": np.ones((batch, seq), np.int64)}


def image(channels):
    return lambda batch: {"image": RNG.normal(size=(batch, *channels)).astype(np.float32)}


def decoder(layers, heads, vocabulary):
    def make(past):
        feeds = {"input_ids": RNG.integers(5, vocabulary, (1, 1)), "attention_mask": np.ones((1, past + 1), np.int64),
                 "position_ids": np.full((1, 1), past, np.int64)}
        for layer in range(layers):
            for kind in ("key", "value"):
                feeds[f"past_{kind}_{layer}"] = RNG.normal(size=(1, heads, past, 64)).astype(np.float32)
        return feeds
    return make


# name: (feeds from dims, random dims)
GRAPHS = {
    "bert_base": (language, lambda: (int(RNG.integers(1, 9)), int(RNG.integers(1, 513)))),
    "minilm_l6": (language, lambda: (int(RNG.integers(1, 9)), int(RNG.integers(1, 513)))),
    "resnet50": (image((3, 224, 224)), lambda: (int(RNG.integers(1, 9)),)),
    "efficientnet_b0": (image((3, 224, 224)), lambda: (int(RNG.integers(1, 9)),)),
    "mlp": (image((128,)), lambda: (int(RNG.integers(1, 9)),)),
    "gpt2_decode": (decoder(12, 12, 50000), lambda: (int(RNG.integers(0, 1024)),)),
    "smollm_decode": (decoder(30, 3, 31000), lambda: (int(RNG.integers(0, 1024)),)),
}


def error_ratio(ours, reference, other):
    """Largest |difference| / allowed difference; at most 1 passes. `other` is the same by another way."""
    worst = 0.0
    for name, value in ours.items():
        expected = reference[name]
        if value.shape != expected.shape:
            return float("inf")
        if value.size:
            spread = 4 * float(np.abs(other[name] - expected).max())
            bound = max(1e-5, 2e-5 * float(np.abs(expected).max()), spread) + 1e-3 * np.abs(expected)
            worst = max(worst, float((np.abs(value - expected) / bound).max()))
    return worst


def dim_options(model, feeds):
    """--dim options that fix every symbolic input dim to the feeds' shapes."""
    options = []
    for tensor in model.get_inputs():
        for symbol, size in zip(tensor.shape, feeds[tensor.name].shape):
            if isinstance(symbol, str):
                options += ["--dim", f"{symbol}={size}"]
    return sorted(set(zip(options[::2], options[1::2])))


def measure(name, folder, dims):
    model = os.path.join(folder, "model.onnx")
    feeds = GRAPHS[name][0](*dims)
    exact, other = ort_session(model, 1, optimise=False), ort_session(model, 1)
    names = [o.name for o in exact.get_outputs()]
    expected, spread = (dict(zip(names, session.run(None, feeds))) for session in (exact, other))
    options = [word for pair in dim_options(exact, feeds) for word in pair]
    cache = os.path.join(project.BUILD, "shapes")
    fixed_path = os.path.join(cache, name + "-fixed.hml")
    if os.path.exists(fixed_path):
        os.remove(fixed_path)
    dynamic = project.Session(project.compile_model(model, os.path.join(cache, name + ".hml")))
    fixed = project.Session(project.compile_model(model, fixed_path, "--target", "native", *options))
    for session in (dynamic, fixed):
        session.bind(feeds)
        session.run()
    error = error_ratio(dynamic.results(), expected, spread)
    times = [(repeat(dynamic.run, 0.1), repeat(fixed.run, 0.1)) for _ in range(5)]
    return error, float(np.median([t[1] for t in times]) / np.median([t[0] for t in times]))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bench")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--shapes", type=int, default=10)
    options = parser.parse_args()
    failed = False
    print(f"{project.cpu_name()}, 1 thread")
    for name in options.names or GRAPHS:
        ratios = []
        for _ in range(options.shapes):
            dims = GRAPHS[name][1]()
            error, ratio = measure(name, os.path.join(options.bench, name), dims)
            ratios.append(ratio)
            failed |= error > 1
            print(f"{name:18} {str(dims):12} error {error:8.4f} of what is allowed{' WRONG' if error > 1 else ''}, "
                  f"{ratio:5.2f} of the fixed build's speed", flush=True)
        print(f"{name:18} least {min(ratios):.2f}, geometric mean {np.exp(np.mean(np.log(ratios))):.2f}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
