#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fits the polynomials of backends/llvm/math_*.c and prints them as C rows.

Needs numpy and mpmath. Each fit is a Remez exchange on the relative (or absolute) error; coefficients are rounded to
the element type one by one, lowest order first, and the rest is fitted again, so that rounding costs little.

    fit_math.py            prints all tables
    fit_math.py erf log    prints those named
"""
import sys

import mpmath as mp
import numpy as np

mp.mp.dps = 50


def solve(basis, target, weight, points):
    """Coefficients and levelled error of sum c_k basis_k(x) ~ target(x) on len(basis) + 1 points."""
    n = len(basis)
    rows = mp.matrix(n + 1, n + 1)
    right = mp.matrix(n + 1, 1)
    for i, x in enumerate(points):
        for k, b in enumerate(basis):
            rows[i, k] = b(x)
        rows[i, n] = (-1) ** i / weight(x)
        right[i] = target(x)
    solution = mp.lu_solve(rows, right)
    return [solution[k] for k in range(n)], abs(solution[n])


def exchange(basis, target, weight, low, high, rounds=40):
    n = len(basis)
    points = [(low + high) / 2 + (high - low) / 2 * mp.cos(mp.pi * (n - i) / n) for i in range(n + 1)]
    points[0] += (high - low) * mp.mpf(10) ** -9
    grid = [(low + high) / 2 - (high - low) / 2 * mp.cos(mp.pi * (i + mp.mpf(1) / 2) / 1200) for i in range(1200)]
    wanted = [target(x) for x in grid]
    scale = [weight(x) for x in grid]
    table = [[b(x) for b in basis] for x in grid]
    best = None
    for _ in range(rounds):
        coefficients, level = solve(basis, target, weight, points)
        error = [(sum(c * t for c, t in zip(coefficients, row)) - w) * s for row, w, s in zip(table, wanted, scale)]
        largest = max(abs(e) for e in error)
        if best is None or largest < best[1]:
            best = (coefficients, largest)
        if largest < level * mp.mpf("1.01"):
            break
        runs = []
        for i, e in enumerate(error):
            if runs and (error[runs[-1]] > 0) == (e > 0):
                if abs(e) > abs(error[runs[-1]]):
                    runs[-1] = i
            else:
                runs.append(i)
        while len(runs) > n + 1:
            runs.pop(0 if abs(error[runs[0]]) < abs(error[runs[-1]]) else -1)
        if len(runs) < n + 1:
            break
        points = [grid[i] for i in runs]
    return best


def rounded(value, single):
    return mp.mpf(float(np.float32(float(value)))) if single else mp.mpf(float(value))


def fit(name, target, powers, low, high, weight=None, single=True):
    """target ~ sum c_k x^powers[k]; weight None: relative error."""
    low, high = mp.mpf(low), mp.mpf(high)
    scale = weight or (lambda x: 1 / abs(target(x)))
    grid = [low + (high - low) * i / 1500 for i in range(1, 1501)]
    wanted = [(x, target(x), scale(x)) for x in grid]

    def largest_error(terms):
        return max(abs(sum(c * x ** p for c, p in terms) - w) * s for x, w, s in wanted)

    known, first, best = [], None, None
    for step in range(len(powers)):
        basis = [(lambda x, p=p: x ** p) for p in powers[step:]]
        coefficients, error = exchange(basis, lambda x: target(x) - sum(c * x ** p for c, p in known), scale, low, high)
        first = first or error
        candidate = known + [(rounded(c, single), p) for c, p in zip(coefficients, powers[step:])]
        error = largest_error(candidate)
        if best is None or error < best[1]:
            best = (candidate, error)
        known.append(best[0][step])
    print(f"/* {name}: error {mp.nstr(first, 3)} fitted, {mp.nstr(best[1], 3)} rounded, "
          f"on [{mp.nstr(low, 6)}, {mp.nstr(high, 6)}] */")
    own = sorted(best[0], key=lambda item: -item[1])
    print("   ", ", ".join(mp.nstr(c, 10 if single else 18, min_fixed=1, max_fixed=0) for c, _ in own), "\n")


half = mp.mpf(1) / 2
GELU = mp.mpf("5.5")
GELU_TERMS = 16
TINY = mp.mpf(10) ** -12


def exp_rest(r):
    return (mp.expm1(r) - r) / r ** 2 if abs(r) > TINY else half


def exp2m1(x):
    return mp.expm1(x * mp.log(2)) / x if x != 0 else mp.log(2)


def atanh_ratio(t, factor):
    """factor * atanh(s) / s at t = s^2."""
    s = mp.sqrt(t)
    return factor * (mp.atanh(s) / s if t != 0 else 1)


FITS = {
    "exp": lambda: fit("exp: (exp(r) - 1 - r) / r^2", exp_rest, range(5), "-0.3467", "0.3467",
                       weight=lambda r: abs(r) + TINY),
    "exp64": lambda: fit("exp, f64: (2^f - 1) / f", exp2m1, range(8), -half, half, single=False),
    "log": lambda: fit("log: (log(1 + f) - f + f^2 / 2) / f^3",
                       lambda f: (mp.log1p(f) - f + f * f / 2) / f ** 3 if abs(f) > TINY else mp.mpf(1) / 3,
                       range(9), mp.sqrt(half) - 1, mp.sqrt(2) - 1,
                       weight=lambda f: abs(f ** 3 / mp.log1p(f)) if abs(f) > TINY else mp.mpf(0) + TINY),
    "log64": lambda: fit("log2, f64: log2((1 + s) / (1 - s)) / s over s^2", lambda t: atanh_ratio(t, 2 / mp.log(2)),
                         range(8), 0, mp.mpf("0.02944"), single=False),
    "log1p": lambda: fit("log1p: (2 atanh(s) - 2 s) / s^3 over s^2",
                         lambda t: (atanh_ratio(t, 2) - 2) / t if t > TINY else 2 / mp.mpf(3), range(6), 0, mp.mpf(1) / 9,
                         weight=lambda t: (t + TINY) / 2),
    "sin": lambda: fit("sin: (sin(x) - x) / x^3 over x^2",
                       lambda t: (mp.sin(mp.sqrt(t)) / mp.sqrt(t) - 1) / t if t > TINY else -1 / mp.mpf(6), range(4), 0,
                       (mp.pi / 4) ** 2 * mp.mpf("1.001"), weight=lambda t: t + TINY),
    "cos": lambda: fit("cos: (cos(x) - 1 + x^2 / 2) / x^4 over x^2",
                       lambda t: (mp.cos(mp.sqrt(t)) - 1 + t / 2) / t ** 2 if t > mp.mpf(10) ** -8 else 1 / mp.mpf(24),
                       range(4), 0, (mp.pi / 4) ** 2 * mp.mpf("1.001"), weight=lambda t: t * t + TINY),
    "asin": lambda: fit("asin: (asin(x) - x) / x^3 over x^2",
                        lambda t: (mp.asin(mp.sqrt(t)) / mp.sqrt(t) - 1) / t if t > TINY else 1 / mp.mpf(6), range(6), 0,
                        mp.mpf("0.2501"), weight=lambda t: t + TINY),
    "atan": lambda: fit("atan: (atan(x) - x) / x^3 over x^2",
                        lambda t: (mp.atan(mp.sqrt(t)) / mp.sqrt(t) - 1) / t if t > TINY else -1 / mp.mpf(3), range(9), 0, 1,
                        weight=lambda t: t + TINY),
    "erf": lambda: fit("erf: erf(x) / x - 1 over x^2",
                       lambda t: mp.erf(mp.sqrt(t)) / mp.sqrt(t) - 1 if t > 0 else 2 / mp.sqrt(mp.pi) - 1, range(7), 0, 1,
                       weight=lambda t: mp.mpf(1)),
    "erfc": lambda: fit("erf: log(erfc(x))", lambda x: mp.log(mp.erfc(x)), range(9), "0.99", "4.0",
                        weight=lambda x: mp.erfc(x)),
    "gelu": lambda: fit("gelu: (Phi(x) - 1/2) / x over u = 2 (x / 5.5)^2 - 1",
                        lambda u: (mp.erf(GELU * mp.sqrt((u + 1) / 4)) / 2 / (GELU * mp.sqrt((u + 1) / 2)) if u > -1
                                   else 1 / mp.sqrt(2 * mp.pi)), range(GELU_TERMS), -1, 1,
                        weight=lambda u: (u + 1) * GELU ** 2 / 2 + mp.mpf(1) / 4),
}

for wanted_name in sys.argv[1:] or FITS:
    FITS[wanted_name]()
