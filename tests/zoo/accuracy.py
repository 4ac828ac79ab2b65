#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How far the zoo's ONNX models are from a run in float64, here and in ONNX Runtime.

usage: accuracy.py HMLC ZOO [--target TARGET] [--slow] [MODEL...]

The float64 run: the model with every float made a double, by onnx's reference evaluator. A distance is the root mean square
of an output's differences over that of its values. Here it may be 1.5 times ONNX Runtime's, or that of results rounded a few
times. Quantized graphs flip whole steps, and half-precision ones round at other places by design: both are left out by name.
Without --slow, only models that the evaluator runs in seconds. Status 77: the zoo or a Python package is missing.
"""
import argparse, pathlib, subprocess, sys, tempfile

try:
    import numpy as np
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper
    from onnx.reference import ReferenceEvaluator
    from onnx.reference.op_run import OpRun
except ImportError as missing:
    print(f"skipped: {missing}; tools/peers/setup.sh makes an environment")
    sys.exit(77)

RATIO = 1.5
ROUNDED = 4 * 2.0**-24  # of results that are right but for the last roundings
SAMPLES = (3, 24)  # the recorded input, and others near it: more where there are few outputs, which decide nothing
FEW_OUTPUTS = 1000
HALVES = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16)
LEFT_OUT = {
    "bert_tf2onnx_joint_intent_tag": "an invalid model",
    "bert_toy_optimized": "operators of ONNX Runtime's own domain",
    "gpt2_past_tiny": "the evaluator cannot run it",
    "magika_standard_v1": "the evaluator cannot run it",
    "mobilenet_edgetpu_qdq_excerpt": "quantized",
    "mobilenet_v2_qdq_int8": "quantized",
    "silero_vad_v6_half": "half precision",
    "sklearn_treeensemble": "not supported",
    "tract_deconv_group": "the evaluator cannot run it",
    "tract_lgbm_classifier_tensor": "trees",
}
SLOW = {"deeplab_mnv2_dm05_513", "sinet_softmax_portrait_seg", "basic_pitch_nmp"}


class Conv(OpRun):
    """The evaluator's own takes minutes: a matrix product per tap instead."""

    def _run(self, x, w, b=None, auto_pad=None, dilations=None, group=None, kernel_shape=None, pads=None, strides=None):
        n = x.ndim - 2
        dilations, strides, group = dilations or [1] * n, strides or [1] * n, group or 1
        reach = [(w.shape[2 + i] - 1) * dilations[i] + 1 for i in range(n)]
        pads = list(pads or [0] * 2 * n)
        if auto_pad in ("SAME_UPPER", "SAME_LOWER"):
            for i in range(n):
                total = max((-(-x.shape[2 + i] // strides[i]) - 1) * strides[i] + reach[i] - x.shape[2 + i], 0)
                first = total // 2 if auto_pad == "SAME_UPPER" else total - total // 2
                pads[i], pads[n + i] = first, total - first
        x = np.pad(x, [(0, 0), (0, 0)] + [(pads[i], pads[n + i]) for i in range(n)])
        size = [(x.shape[2 + i] - reach[i]) // strides[i] + 1 for i in range(n)]
        outputs, channels = w.shape[0] // group, w.shape[1]
        y = np.zeros((x.shape[0], group, outputs, int(np.prod(size))), x.dtype)
        for tap in np.ndindex(*w.shape[2:]):
            window = tuple(slice(tap[i] * dilations[i], tap[i] * dilations[i] + (size[i] - 1) * strides[i] + 1, strides[i])
                           for i in range(n))
            part = x[(slice(None), slice(None)) + window].reshape(x.shape[0], group, channels, -1)
            y += w[(slice(None), slice(None)) + tap].reshape(group, outputs, channels) @ part
        y = y.reshape(x.shape[0], -1, *size)
        return (y if b is None else y + b.reshape(1, -1, *[1] * n),)


def widen(tensor):
    if tensor.data_type in HALVES:
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float64), tensor.name))


def widen_graph(graph):
    for tensor in graph.initializer:
        widen(tensor)
    for value in list(graph.input) + list(graph.output):
        if value.type.tensor_type.elem_type in HALVES:
            value.type.tensor_type.elem_type = TensorProto.DOUBLE
    del graph.value_info[:]
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.TENSOR:
                widen(attribute.t)
            elif attribute.type == onnx.AttributeProto.GRAPH:
                widen_graph(attribute.g)
            elif attribute.name in ("to", "dtype") and attribute.i in HALVES:
                attribute.i = TensorProto.DOUBLE
            elif attribute.name in ("value_float", "value_floats"):
                numbers = attribute.f if attribute.name == "value_float" else list(attribute.floats)
                attribute.CopyFrom(helper.make_attribute("value", numpy_helper.from_array(np.float64(numbers))))


def read(path, like=None):
    tensor = onnx.TensorProto()
    tensor.ParseFromString(path.read_bytes())
    return tensor.name, numpy_helper.to_array(tensor)


def distance(found, exact):
    """Of all floating outputs together, each in units of its own size."""
    squares = [np.mean((np.float64(a) - b) ** 2) / max(np.mean(b ** 2), 1e-300)
               for a, b in zip(found, exact) if b.dtype == np.float64 and b.size]
    return float(np.sqrt(np.mean(squares))) if squares else None


def run_here(hmlc, artifact, names, feeds, place):
    out = place / "out"
    words = []
    for name, value in feeds.items():
        file = place / f"in{len(words)}.npy"
        np.save(file, value)
        words += ["--input", f"{name}={file}"]
    subprocess.run([hmlc, "run", artifact, "--output", out, *words], check=True, stdout=subprocess.DEVNULL)
    return [np.load(out / f"output_{k}.npy") for k in range(len(names))]


def check(hmlc, folder, target):
    path = next(folder.glob("*.onnx"))
    model = onnx.load(path)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 4
    peer = onnxruntime.InferenceSession(str(path), options)
    names = [value.name for value in peer.get_outputs()]
    files = sorted(folder.glob("test_data_set_0/input_*.pb"), key=lambda f: int(f.stem[6:]))
    feeds = {value.name: read(file)[1] for value, file in zip(peer.get_inputs(), files)}
    widen_graph(model.graph)
    exact = ReferenceEvaluator(model, new_ops=[Conv])
    random = np.random.default_rng(1)
    distances = []
    with tempfile.TemporaryDirectory() as place:
        place = pathlib.Path(place)
        subprocess.run([hmlc, "compile", path, "-o", place / "m.hml", "--quiet", "--target", target], check=True,
                       stderr=subprocess.DEVNULL)
        sample, samples = 0, 1
        while sample < samples:
            near = {name: vary(random, value) if sample > 0 else value for name, value in feeds.items()}
            right = exact.run(None, {k: v.astype(np.float64) if v.dtype == np.float32 else v for k, v in near.items()})
            distances.append((distance(run_here(hmlc, place / "m.hml", names, near, place), right),
                              distance(peer.run(None, near), right)))
            sample, samples = sample + 1, SAMPLES[sum(np.size(output) for output in right) < FEW_OUTPUTS]
    return [None if None in row else float(np.sqrt(np.mean(np.square(row)))) for row in zip(*distances)]


def vary(random, value):
    noise = 1 + 0.05 * random.standard_normal(value.shape)
    return (value * noise).astype(value.dtype) if value.dtype == np.float32 else value


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("hmlc")
    parser.add_argument("zoo", type=pathlib.Path)
    parser.add_argument("models", nargs="*")
    parser.add_argument("--target", default="native")
    parser.add_argument("--slow", action="store_true")
    options = parser.parse_args()
    if not (options.zoo / "onnx").is_dir():
        print(f"skipped: no models at {options.zoo}")
        return 77
    failed = 0
    for folder in sorted((options.zoo / "onnx").iterdir()):
        name = folder.name
        if options.models and name not in options.models:
            continue
        if not options.models and (LEFT_OUT.get(name) or (name in SLOW and not options.slow)):
            print(f"{name}: left out, {LEFT_OUT.get(name) or 'slow'}")
            continue
        try:
            ours, theirs = check(options.hmlc, folder, options.target)
        except Exception as error:
            print(f"{name}: no answer: {type(error).__name__} {str(error)[:300]}")
            failed += 1
            continue
        if ours is None:
            print(f"{name}: no floating outputs")
            continue
        good = ours <= max(RATIO * theirs, ROUNDED)
        failed += not good
        print(f"{name}: {ours:.2e}, ONNX Runtime {theirs:.2e}, ratio {ours / max(theirs, 1e-300):.2f}"
              + ("" if good else "  TOO FAR"))
    return 1 if failed else 0


sys.exit(main())
