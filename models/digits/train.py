#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Trains the digit classifier of the quick start, on digits that this script draws itself (numpy only).

usage: train.py            writes digits.onnx, digit_<n>.pgm and test_data_set_0 beside this file

A digit is a list of strokes; each sample bends them by a random affine map, draws them with a random pen and adds
noise. The network: conv 3x3/2 (8), ReLU, conv 3x3/2 (16), ReLU, fully connected (10), softmax; Adam on cross entropy.
Seeds are fixed: the same files on every run of one numpy version.
"""
import os
import struct

import numpy as np

SIZE = 28
HERE = os.path.dirname(os.path.abspath(__file__))


def arc(cx, cy, rx, ry, start, end, steps=10):
    """Points of an ellipse's arc, angles in degrees, y downwards."""
    t = np.radians(np.linspace(start, end, steps))
    return np.stack([cx + rx * np.cos(t), cy + ry * np.sin(t)], axis=1)


def lines(*points):
    return np.array(points, dtype=float)


# In a unit square, x to the right, y down.
STROKES = {
    0: [arc(0.5, 0.5, 0.27, 0.4, 0, 360, 20)],
    1: [lines((0.35, 0.25), (0.55, 0.1), (0.55, 0.9))],
    2: [arc(0.5, 0.32, 0.25, 0.22, 180, 380), lines((0.72, 0.42), (0.25, 0.9), (0.77, 0.9))],
    3: [arc(0.47, 0.3, 0.24, 0.2, 200, 450), arc(0.47, 0.7, 0.27, 0.2, 270, 520)],
    4: [lines((0.6, 0.1), (0.22, 0.62), (0.8, 0.62)), lines((0.62, 0.38), (0.62, 0.9))],
    5: [lines((0.74, 0.1), (0.32, 0.1), (0.29, 0.45)), arc(0.47, 0.65, 0.27, 0.25, 230, 500)],
    6: [arc(0.72, 0.55, 0.47, 0.47, 250, 160), arc(0.5, 0.68, 0.25, 0.22, 0, 360, 16)],
    7: [lines((0.23, 0.1), (0.77, 0.1), (0.42, 0.9))],
    8: [arc(0.5, 0.3, 0.21, 0.2, 0, 360, 16), arc(0.5, 0.7, 0.26, 0.2, 0, 360, 16)],
    9: [arc(0.5, 0.32, 0.25, 0.22, 0, 360, 16), arc(0.28, 0.45, 0.47, 0.47, 340, 430)],
}


def draw(digit, rng):
    """One sample as float32 [28, 28] in 0..1."""
    angle, shear = rng.uniform(-0.2, 0.2), rng.uniform(-0.25, 0.25)
    scale = rng.uniform(0.7, 1.0, 2) * SIZE * 0.85
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = np.diag(scale) @ turn @ np.array([[1, shear], [0, 1]])
    centre = SIZE / 2 + rng.uniform(-2, 2, 2)
    pen = rng.uniform(0.9, 1.8)
    grid = np.stack(np.meshgrid(np.arange(SIZE), np.arange(SIZE)), axis=-1) + 0.5
    nearest = np.full((SIZE, SIZE), 1e9)
    for stroke in STROKES[digit]:
        points = (stroke - 0.5 + rng.normal(0, 0.012, stroke.shape)) @ matrix.T + centre
        for a, b in zip(points[:-1], points[1:]):
            along = np.clip(((grid - a) @ (b - a)) / max(1e-9, (b - a) @ (b - a)), 0, 1)
            nearest = np.minimum(nearest, np.linalg.norm(grid - (a + along[..., None] * (b - a)), axis=-1))
    image = np.clip(pen + 0.5 - nearest, 0, 1) + rng.normal(0, 0.05, (SIZE, SIZE))
    return np.clip(image, 0, 1).astype(np.float32)


def sample(count, rng):
    labels = rng.integers(0, 10, count)
    return np.stack([draw(d, rng) for d in labels])[:, None], labels


# -- the network: NCHW, by im2col -------------------------------------------------------------------------------------


def patches(x):
    """3x3 windows at stride 2 with padding 1: [N, H/2, W/2, C * 9]."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))[:, :, ::2, ::2]
    n, c, h, w = windows.shape[:4]
    return windows.transpose(0, 2, 3, 1, 4, 5).reshape(n, h, w, c * 9)


def fold(gradient, shape):
    """The adjoint of patches."""
    n, c, height, width = shape
    out = np.zeros((n, c, height + 2, width + 2), dtype=np.float32)
    parts = gradient.reshape(n, height // 2, width // 2, c, 3, 3)
    for ky in range(3):
        for kx in range(3):
            out[:, :, ky:ky + height:2, kx:kx + width:2] += parts[..., ky, kx].transpose(0, 3, 1, 2)
    return out[:, :, 1:-1, 1:-1]


def forward(p, x):
    a = patches(x)
    y1 = np.maximum(a @ p["w1"].T + p["b1"], 0).transpose(0, 3, 1, 2)
    b = patches(y1)
    y2 = np.maximum(b @ p["w2"].T + p["b2"], 0).transpose(0, 3, 1, 2)
    flat = y2.reshape(len(x), -1)
    logits = flat @ p["w3"] + p["b3"]
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return a, y1, b, y2, flat, e / e.sum(axis=1, keepdims=True)


def gradients(p, x, labels):
    a, y1, b, y2, flat, out = forward(p, x)
    d = (out - np.eye(10, dtype=np.float32)[labels]) / len(x)
    g = {"w3": flat.T @ d, "b3": d.sum(axis=0)}
    d = ((d @ p["w3"].T).reshape(y2.shape) * (y2 > 0)).transpose(0, 2, 3, 1)
    g["w2"] = np.tensordot(d, b, axes=([0, 1, 2], [0, 1, 2]))
    g["b2"] = d.sum(axis=(0, 1, 2))
    d = (fold(d @ p["w2"], y1.shape) * (y1 > 0)).transpose(0, 2, 3, 1)
    g["w1"] = np.tensordot(d, a, axes=([0, 1, 2], [0, 1, 2]))
    g["b1"] = d.sum(axis=(0, 1, 2))
    return g


def train():
    rng = np.random.default_rng(1)
    shapes = {"w1": (8, 9), "b1": (8,), "w2": (16, 72), "b2": (16,), "w3": (784, 10), "b3": (10,)}
    p = {k: (rng.normal(0, np.sqrt(2 / s[1 if k[1] != "3" else 0]), s) if k[0] == "w" else np.zeros(s))
         .astype(np.float32) for k, s in shapes.items()}
    m = {k: np.zeros_like(v) for k, v in p.items()}
    v = {k: np.zeros_like(x) for k, x in p.items()}
    images, labels = sample(8000, rng)
    step = 0
    for epoch in range(8):
        order = rng.permutation(len(images))
        for batch in np.array_split(order, len(images) // 100):
            step += 1
            for k, g in gradients(p, images[batch], labels[batch]).items():
                m[k] = 0.9 * m[k] + 0.1 * g
                v[k] = 0.999 * v[k] + 0.001 * g * g
                rate = 2e-3 * np.sqrt(1 - 0.999**step) / (1 - 0.9**step)
                p[k] = (p[k] - rate * m[k] / (np.sqrt(v[k]) + 1e-8)).astype(np.float32)
        print(f"epoch {epoch + 1}: ", end="", flush=True)
        test_images, test_labels = sample(1000, np.random.default_rng(2))
        hits = (forward(p, test_images)[-1].argmax(axis=1) == test_labels).mean()
        print(f"{100 * hits:.1f} % of 1000 unseen digits")
    return p


# -- the ONNX file ----------------------------------------------------------------------------------------------------


def varint(n):
    out = bytearray()
    n &= (1 << 64) - 1
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes(out + bytes([n]))


def number(field, n):
    return varint(field << 3) + varint(n)


def text(field, data):
    data = data.encode() if isinstance(data, str) else data
    return varint(field << 3 | 2) + varint(len(data)) + data


def tensor(name, value):
    kind = {"float32": 1, "int64": 7}[str(value.dtype)]
    return b"".join(number(1, d) for d in value.shape) + number(2, kind) + text(8, name) + text(9, value.tobytes())


def attribute(name, value):
    if isinstance(value, int):
        return text(1, name) + number(3, value) + number(20, 2)
    return text(1, name) + b"".join(number(8, n) for n in value) + number(20, 7)


def node(op, inputs, output, **attributes):
    return (b"".join(text(1, i) for i in inputs) + text(2, output) + text(3, output) + text(4, op)
            + b"".join(text(5, attribute(k, v)) for k, v in attributes.items()))


def value_info(name, dims):
    shape = b"".join(text(1, text(2, d) if isinstance(d, str) else number(1, d)) for d in dims)
    return text(1, name) + text(2, text(1, number(1, 1) + text(2, shape)))


def model(p):
    conv = {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}
    nodes = [
        node("Conv", ["image", "w1", "b1"], "conv1", **conv),
        node("Relu", ["conv1"], "relu1"),
        node("Conv", ["relu1", "w2", "b2"], "conv2", **conv),
        node("Relu", ["conv2"], "relu2"),
        node("Flatten", ["relu2"], "flat", axis=1),
        node("Gemm", ["flat", "w3", "b3"], "logits"),
        node("Softmax", ["logits"], "probabilities", axis=1),
    ]
    weights = {"w1": p["w1"].reshape(8, 1, 3, 3), "b1": p["b1"], "w2": p["w2"].reshape(16, 8, 3, 3), "b2": p["b2"],
               "w3": p["w3"], "b3": p["b3"]}
    graph = (b"".join(text(1, n) for n in nodes) + text(2, "digits")
             + b"".join(text(5, tensor(k, v)) for k, v in weights.items())
             + text(11, value_info("image", ["batch", 1, SIZE, SIZE]))
             + text(12, value_info("probabilities", ["batch", 10])))
    return number(1, 8) + text(2, "train.py") + text(7, graph) + text(8, text(1, "") + number(2, 17))


def write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)


def main():
    p = train()
    write(os.path.join(HERE, "digits.onnx"), model(p))
    rng = np.random.default_rng(3)
    images = np.stack([draw(d, rng) for d in range(10)])[:, None]
    images = (np.round(images * 255) / 255).astype(np.float32)  # what the .pgm files hold
    for digit, image in enumerate(images):
        pixels = np.round(image[0] * 255).astype(np.uint8)
        write(os.path.join(HERE, f"digit_{digit}.pgm"), b"P5\n28 28\n255\n" + pixels.tobytes())
    out = forward(p, images)[-1].astype(np.float32)
    assert (out.argmax(axis=1) == np.arange(10)).all()
    write(os.path.join(HERE, "test_data_set_0", "input_0.pb"), tensor("image", images))
    write(os.path.join(HERE, "test_data_set_0", "output_0.pb"), tensor("probabilities", out))


if __name__ == "__main__":
    main()
