#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Accuracy and size of quantized models, hmlc beside other quantizers. See README.md."""
import argparse
import importlib.util
import json
import logging
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import onnxruntime

import yardstick_quantizers
import yardstick_rows


def outputs_of(path, samples):
    """First outputs by ONNX Runtime without optimisation: what the file says."""
    settings = onnxruntime.SessionOptions()
    settings.log_severity_level = 4
    settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(str(path), settings, providers=["CPUExecutionProvider"])
    return np.stack([session.run(None, sample)[0].ravel() for sample in samples])


def artifact_outputs(options, path, samples):
    """The same by hmlc's own artifact, for some samples."""
    artifact = pathlib.Path(options.work) / "judged.hml"
    subprocess.run([options.hmlc, "compile", str(path), "-o", str(artifact), "--target", "native", "-q"], check=True,
                   stderr=subprocess.DEVNULL)
    results = []
    for sample in samples:
        with tempfile.TemporaryDirectory() as folder:
            np.savez(pathlib.Path(folder) / "in.npz", **sample)
            subprocess.run([options.hmlc, "run", str(artifact), "--input", f"{folder}/in.npz", "--output", folder, "-q"],
                           check=True, stdout=subprocess.DEVNULL)
            results.append(np.load(f"{folder}/output_0.npy").ravel())
    return np.stack(results)


def judge(row, expected, found):
    result = {"agreement": 100 * float((found.argmax(1) == expected.argmax(1)).mean())}
    noise = ((found - expected) ** 2).sum()
    result["sqnr_db"] = float(10 * np.log10((expected ** 2).sum() / noise)) if noise > 0 else None
    if row.labels is not None:
        result["top1"] = 100 * float((found.argmax(1) == row.labels).mean())
    return result


def run_row(options, row):
    expected = outputs_of(row.model, row.judged)
    base = judge(row, expected, expected)
    yield {"row": row.name, "by": "float", "bytes": os.path.getsize(row.model), **base}
    for name in options.quantizers:
        entry = {"row": row.name, "by": name}
        try:
            path, seconds = yardstick_quantizers.make(name, options, row)
            entry.update(judge(row, expected, outputs_of(path, row.judged)), bytes=os.path.getsize(path),
                         seconds=round(seconds, 1))
            if "top1" in base:
                entry["points_lost"] = base["top1"] - entry["top1"]
            if name == "hmlc":
                some = row.judged[:8]
                difference = np.abs(artifact_outputs(options, path, some) - outputs_of(path, some)).max()
                entry["artifact_difference"] = float(difference)
        except Exception as error:  # a peer that cannot is a row of the table, too
            entry["failed"] = f"{type(error).__name__}: {error}".splitlines()[0][:120]
        yield entry


def show(entries):
    def number(entry, key, form):
        return form % entry[key] if entry.get(key) is not None else "-"
    print("| row | by | top-1 | points lost | agreement | SQNR dB | bytes | s |\n|---|---|---|---|---|---|---|---|")
    for e in entries:
        if "failed" in e:
            print(f"| {e['row']} | {e['by']} | {e['failed']} | | | | | |")
            continue
        print("| %s | %s | %s | %s | %s | %s | %d | %s |" % (
            e["row"], e["by"], number(e, "top1", "%.2f"), number(e, "points_lost", "%.2f"), number(e, "agreement", "%.2f"),
            number(e, "sqnr_db", "%.1f"), e["bytes"], number(e, "seconds", "%.1f")))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="+", choices=sorted(yardstick_rows.ROWS))
    parser.add_argument("--hmlc", required=True)
    parser.add_argument("--zoo", required=True, type=pathlib.Path)
    parser.add_argument("--data", type=pathlib.Path, default=pathlib.Path("../shared/yardstick"))
    parser.add_argument("--work", type=pathlib.Path, help="folder that keeps what is made; default: a temporary one")
    parser.add_argument("--by", help="quantizers, with commas; default: all that are installed")
    parser.add_argument("--json", type=pathlib.Path, help="file for the numbers")
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    installed = [name for name in yardstick_quantizers.QUANTIZERS if name != "nncf" or importlib.util.find_spec("nncf")]
    options.quantizers = options.by.split(",") if options.by else installed
    place = tempfile.TemporaryDirectory()
    options.work = options.work or pathlib.Path(place.name)
    options.work.mkdir(parents=True, exist_ok=True)
    entries = []
    for word in options.rows:
        for row in yardstick_rows.ROWS[word](options):
            entries += run_row(options, row)
    show(entries)
    if options.json:
        options.json.write_text(json.dumps(entries, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
