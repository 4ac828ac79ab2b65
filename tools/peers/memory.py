#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Memory while running: RssAnon + RssShmem of `hml bench` against arena + inputs and outputs + code, plus 2 MB.

usage: memory.py BENCH_DIR [NAME...]        one thread, at the shape of test_data_set_0
"""
import json
import os
import re
import subprocess
import sys
import time

import project


def resident(process):
    with open(f"/proc/{process}/status") as file:
        text = file.read()
    return sum(int(re.search(rf"{key}:\s+(\d+) kB", text).group(1)) for key in ("RssAnon", "RssShmem")) * 1024


def measure(name, folder):
    program = os.path.join(project.BUILD, "tools", "hml", "hml")
    artifact = project.compile_model(os.path.join(folder, "model.onnx"), os.path.join(project.BUILD, "bench", name + ".hml"))
    process = subprocess.Popen([program, "bench", artifact, "--threads", "1", "--seconds", "2", "--json",
                                "--test-data", os.path.join(folder, "test_data_set_0")], stdout=subprocess.PIPE)
    peak = 0
    while process.poll() is None:
        try:
            peak = max(peak, resident(process.pid))
        except (AttributeError, FileNotFoundError):
            break  # it has just ended
        time.sleep(0.02)
    dims = json.loads(process.stdout.read())["dims"]
    words = [word for key, value in dims.items() for word in ("--dim", f"{key}={value}")]
    info = json.loads(subprocess.run([program, "inspect", artifact, "--json", *words], check=True,
                                     capture_output=True).stdout)
    planned = info["arena_bytes"] + info["input_bytes"] + info["output_bytes"] + info["code_bytes"]
    return peak, planned


def main():
    bench = sys.argv[1]
    failed = False
    print(f"{'graph':24} {'resident MB':>12} {'planned MB':>12}")
    for name in sys.argv[2:] or sorted(os.listdir(bench)):
        peak, planned = measure(name, os.path.join(bench, name))
        good = peak <= 1.1 * planned + (2 << 20)
        failed |= not good
        print(f"{name:24} {peak / 1e6:12.2f} {planned / 1e6:12.2f}  {'' if good else 'OVER 1.1x + 2 MB'}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
