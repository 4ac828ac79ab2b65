# SPDX-License-Identifier: Apache-2.0
"""What the comparison scripts share: where the project's programs are, compiling, and a session that is bound once."""
import os
import subprocess
import sys

import numpy as np

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("HMLC_BUILD", os.path.join(ROOT, "build", "release"))
ZOO = os.environ.get("HMLC_ZOO", os.path.join(ROOT, "..", "shared", "zoo"))

os.environ.setdefault("HML_LIBRARY", os.path.join(BUILD, "runtime", "libhml.so"))
sys.path.insert(0, os.path.join(ROOT, "tools", "bindings", "python"))
import hml  # noqa: E402 - found through the lines above
from hml._library import library  # noqa: E402


class Session(hml.Session):
    """Inputs are bound once and may be changed in place; run() is the library's call alone."""

    def bind(self, feeds):
        names = [info.name for info in self.inputs]
        for name, value in feeds.items():
            self._bind(names.index(name), np.array(value, order="C", copy=True))
        self._measure()

    def run(self):
        self._check(library.hml_run(self._handle))

    def results(self):
        return {info.name: self._copy(index) for index, info in enumerate(self.outputs)}


def compile_model(model, out, *options):
    """Compiles when `out` is older than the model or the compiler; returns `out`."""
    compiler = os.path.join(BUILD, "tools", "hmlc", "hmlc")
    newest = max(os.path.getmtime(model), os.path.getmtime(compiler))
    if not os.path.exists(out) or os.path.getmtime(out) < newest:
        os.makedirs(os.path.dirname(out), exist_ok=True)
        subprocess.run([compiler, "compile", model, "-o", out, "--quiet", *options], check=True)
    return out


def cpu_name():
    with open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                return line.split(":")[1].strip()
    return "unknown"
