#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints error_feedback_expected.h: rounding with error feedback as its paper has it, by the inverse of the sums (GPTQ, Frantar
et al. 2022, algorithm 1 without batches, columns in order of their sums, 1 % damping). The library goes another way to the same
integers: one triangle, no inverse. usage: error_feedback_expected.py > error_feedback_expected.h (needs numpy)"""
import numpy as np

ROWS, DEPTH, OUTPUTS, BLOCK = 40, 12, 5, 4


def inputs():
    """Columns that depend on each other; multiples of 1/8, so that their sums are exact."""
    random = np.random.default_rng(11)
    base = random.normal(0, 1, (ROWS, 4))
    mixed = base @ random.normal(0, 1, (4, DEPTH)) + 0.4 * random.normal(0, 1, (ROWS, DEPTH))
    return np.round(mixed * np.linspace(0.3, 2, DEPTH) * 8) / 8, np.round(random.normal(0, 1, (DEPTH, OUTPUTS)) * 64) / 64


def feedback(x, w, scales, least, most):
    sums = x.T @ x
    sums += 0.01 * np.mean(np.diag(sums)) * np.eye(DEPTH)
    order = np.argsort(-np.diag(sums), kind="stable")
    upper = np.linalg.cholesky(np.linalg.inv(sums[np.ix_(order, order)])).T
    rest, found, nearest_tie = w[order].copy(), np.zeros_like(w), 1.0
    for k, column in enumerate(order):
        step = scales[column // BLOCK]
        exact = rest[k] / step
        nearest_tie = min(nearest_tie, np.abs(exact - np.floor(exact) - 0.5).min())
        q = np.clip(np.round(exact), least, most)
        found[column] = q
        error = (rest[k] - q * step) / upper[k, k]
        rest[k + 1:] -= np.outer(upper[k, k + 1:], error)
    assert nearest_tie > 1e-6, "a tie would not say which way is right"
    return found


def table(name, kind, values):
    flat = ", ".join(repr(int(value) if value == int(value) else float(value)) for value in values.ravel())
    return f"static const {kind} {name}[] = {{{flat}}};"


def main():
    x, w = inputs()
    scales = np.stack([np.abs(w[b:b + BLOCK]).max(0) for b in range(0, DEPTH, BLOCK)])
    scales = np.ceil(scales / 7 * 256) / 256
    found = feedback(x, w, scales, -8, 7)
    plain = np.clip(np.round(w / np.repeat(scales, BLOCK, 0)), -8, 7)
    error = [np.square(x @ (w - q * np.repeat(scales, BLOCK, 0))).sum() for q in (plain, found)]
    print("/* SPDX-License-Identifier: Apache-2.0 */\n/* Made by error_feedback_expected.py. */")
    print("/* clang-format off */")
    print(f"enum {{ ROWS = {ROWS}, DEPTH = {DEPTH}, OUTPUTS = {OUTPUTS}, BLOCK = {BLOCK} }};")
    print(table("seen", "float", x), table("weights", "double", w), table("steps", "double", scales),
          table("expected", "int", found), sep="\n")
    print(f"static const double plain_error = {error[0]!r}, expected_error = {error[1]!r};".replace("np.float64(", "").replace(")", ""))


if __name__ == "__main__":
    main()
