# SPDX-License-Identifier: Apache-2.0
"""hmlc and its peers: each makes a quantized ONNX file of a row's model."""
import pathlib
import subprocess
import time

import numpy as np


class Reader:
    """What ONNX Runtime's calibration reads samples from."""

    def __init__(self, samples):
        self.samples = iter(samples)

    def get_next(self):
        return next(self.samples, None)


def write_samples(row, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for k, sample in enumerate(row.calibration):
        np.savez(folder / f"s{k:04}.npz", **sample)
    return folder


def hmlc(options, row, folder, words=()):
    samples = write_samples(row, folder / "samples")
    output = folder / "hmlc.onnx"
    subprocess.run([options.hmlc, "quantize", row.model, "--calib", str(samples), "-o", str(output), "-q", *words],
                   check=True, stdout=subprocess.DEVNULL)
    return output


def onnxruntime_static(method):
    def quantize(options, row, folder):
        from onnxruntime import quantization
        from onnxruntime.quantization.shape_inference import quant_pre_process
        prepared, output = folder / "prepared.onnx", folder / f"ort_{method}.onnx"
        # Per channel needs opset 13.
        import onnx
        from onnx import version_converter
        model = onnx.load(row.model)
        if model.opset_import[0].version < 13:
            model = version_converter.convert_version(model, 13)
        onnx.save(model, prepared)
        quant_pre_process(str(prepared), str(prepared), skip_symbolic_shape=True)
        for per_channel in (True, False):  # 1.32 fails on some biases per channel
            try:
                quantization.quantize_static(
                    str(prepared), str(output), Reader(row.calibration), quant_format=quantization.QuantFormat.QDQ,
                    per_channel=per_channel, activation_type=quantization.QuantType.QUInt8,
                    weight_type=quantization.QuantType.QInt8,
                    calibrate_method=getattr(quantization.CalibrationMethod, method))
                break
            except ValueError:
                if not per_channel:
                    raise
        return output
    return quantize


def nncf(options, row, folder):
    import nncf as library
    import onnx
    from onnx import version_converter
    model = onnx.load(row.model)
    if model.opset_import[0].version < 13:
        model = version_converter.convert_version(model, 13)
    output = folder / "nncf.onnx"
    data = library.Dataset(row.calibration)
    onnx.save(library.quantize(model, data, subset_size=len(row.calibration)), output)
    return output


QUANTIZERS = {
    "hmlc": hmlc,
    "ort minmax": onnxruntime_static("MinMax"),
    "ort entropy": onnxruntime_static("Entropy"),
    "ort percentile": onnxruntime_static("Percentile"),
    "nncf": nncf,
}


def make(name, options, row):
    folder = pathlib.Path(options.work) / row.name.replace(" ", "_")
    folder.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    return QUANTIZERS[name](options, row, folder), time.monotonic() - start
