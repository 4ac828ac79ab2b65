# SPDX-License-Identifier: Apache-2.0
"""Models, samples and labels of the yardstick's rows."""
import gzip
import json
import os
import pathlib
import random
import subprocess

import numpy as np
import onnx

CALIBRATION = 512
MOST_JUDGED = 10000


class Row:
    """A model with samples (dicts of arrays by input) and labels (None: agreement with the float model alone)."""

    def __init__(self, name, model, samples, labels):
        self.name, self.model = name, str(model)
        self.calibration = samples[:CALIBRATION]
        rest = list(range(CALIBRATION, len(samples)))[:MOST_JUDGED]
        self.judged = [samples[k] for k in rest]
        self.labels = None if labels is None else np.array([labels[k] for k in rest])


def input_name(model):
    graph = onnx.load(str(model), load_external_data=False).graph
    constants = {tensor.name for tensor in graph.initializer}
    return next(value.name for value in graph.input if value.name not in constants)


def keywords(options):
    """1: MFCC tensors as the TFLite model takes them; its input scale and zero point give floats. hmlc writes the ONNX that all read."""
    data = np.load(options.data / "kws01" / "kws01.npz")
    model = options.work / "kws_dscnn.onnx"
    source = options.zoo / "keras" / "mlperf_tiny_kws_dscnn" / "kws_model.h5"
    subprocess.run([options.hmlc, "compile", str(source), "--emit", "onnx", "-o", str(model), "-q"], check=True)
    scale, zero = 0.5847029089927673, 83  # of zoo/tflite/mlperf_tiny_kws_dscnn's input
    features = (data["mfcc_int8"].astype(np.float32) - zero) * np.float32(scale)
    name = input_name(model)
    samples = [{name: row.reshape(1, 49, 10, 1)} for row in features]
    yield Row("1 kws DS-CNN", model, samples, data["label"])


def digits(options):
    """2: MNIST's test pictures, scaled as each model was trained."""
    with gzip.open(options.data / "mnist" / "t10k-images-idx3-ubyte.gz") as file:
        pictures = np.frombuffer(file.read()[16:], np.uint8).reshape(-1, 1, 1, 28, 28)
    with gzip.open(options.data / "mnist" / "t10k-labels-idx1-ubyte.gz") as file:
        labels = np.frombuffer(file.read()[8:], np.uint8)
    models = [
        ("2 mnist_cntk_v1", options.zoo / "onnx/mnist_cntk_v1/model.onnx", lambda x: x.astype(np.float32)),
        ("2 cnn_mnist_pytorch", options.zoo / "onnx/cnn_mnist_pytorch/cnn_mnist_pytorch.onnx",
         lambda x: ((x / 255.0 - 0.1307) / 0.3081).astype(np.float32)),
    ]
    for name, model, scaled in models:
        key = input_name(model)
        yield Row(name, model, [{key: scaled(picture)} for picture in pictures], labels)


def file_features(data):
    """What magika 0.5 looks at: 512 bytes from the beginning, the middle and the end, blanks around them dropped; 256 pads."""
    stripped = data.strip()
    size, pad = 512, 256
    begin = list(data[:4096].lstrip()[:size])
    end = list(data[-4096:].rstrip()[-size:])
    start = max(0, (len(stripped) - size) // 2)
    middle = list(stripped[start:start + size])
    missing = size - len(middle)
    middle = [pad] * (missing // 2) + middle + [pad] * (missing - missing // 2)
    return begin + [pad] * (size - len(begin)) + middle + [pad] * (size - len(end)) + end


def machine_files(wanted):
    """Files of this machine, as many of each extension, in an order that does not depend on the file system."""
    found = {extension: [] for extension in wanted}
    for top in ("/usr/share", "/usr/lib", "/usr/include", "/etc"):
        for folder, folders, names in os.walk(top):
            folders.sort()
            for name in sorted(names):
                extension = name.rsplit(".", 1)[-1].lower()
                path = pathlib.Path(folder) / name
                if extension in found and len(found[extension]) < 400 and path.is_file() and path.stat().st_size >= 64:
                    found[extension].append(path)
    return found


def file_types(options):
    """5: what kind of file it is."""
    import magika
    folder = pathlib.Path(magika.__file__).parent / "models" / "standard_v1"
    config = json.loads((folder / "model_config.json").read_text())
    types = config["train_dataset_info"]["target_labels_info"]["target_labels_space"]
    extensions = {"py": "python", "c": "c", "h": "c", "sh": "shell", "xml": "xml", "html": "html", "json": "json", "png": "png",
                  "gz": "gzip", "so": "elf", "pl": "perl", "svg": "svg", "js": "javascript", "css": "css", "md": "markdown",
                  "pyc": "pythonbytecode", "zip": "zip", "java": "java", "pdf": "pdf", "csv": "csv"}
    model = options.zoo / "onnx/magika_standard_v1/model.onnx"
    name = input_name(model)
    pairs = []
    for extension, paths in machine_files(extensions).items():
        if extensions[extension] in types:
            pairs += [(path, types.index(extensions[extension])) for path in paths]
    random.Random(7).shuffle(pairs)
    samples, labels = [], []
    for path, label in pairs[:2500]:
        samples.append({name: np.array([file_features(path.read_bytes())], np.float32)})
        labels.append(label)
    yield Row("5 magika_standard_v1", model, samples, labels)


def small_pictures(options):
    """resnet8: smooth noise with shapes in it, agreement alone."""
    model = options.zoo / "onnx/mlperf_tiny_ic_resnet8/pretrainedResnet.onnx"
    name, generator, samples = input_name(model), np.random.default_rng(3), []
    for _ in range(1500):
        coarse = generator.uniform(0, 255, (3, 5, 5))
        picture = np.kron(coarse, np.ones((7, 7)))[:, :32, :32]
        top, left = generator.integers(0, 20, 2)
        picture[:, top:top + 10, left:left + 8] = generator.uniform(0, 255, (3, 1, 1))
        picture += generator.normal(0, 8, picture.shape)
        samples.append({name: picture.clip(0, 255).astype(np.float32)[None]})
    yield Row("resnet8 (made pictures)", model, samples, None)


ROWS = {"1": keywords, "2": digits, "5": file_types, "resnet8": small_pictures}
