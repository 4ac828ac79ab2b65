#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes models that keep states from run to run, with what TensorFlow 2.19 gives at each step: the bundle `stream_cases.bin`.

The layout is that of cases.bin (generate.py); inputs and outputs have the steps as their first dim. TFLite's results are those of
its reference kernels. Needs tensorflow in a private environment:

    python3 -m venv build/tf && build/tf/bin/pip install tensorflow-cpu==2.19.0
    build/tf/bin/python tests/conformance/stream_cases.py [OUT.bin]
"""
import os
import pathlib
import struct
import sys
import types

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import numpy as np
import tensorflow as tf
from tensorflow.lite.python import schema_py_generated

# The builder of one-operator models reads the schema and the interpreter of a wheel of their own.
wheel = types.ModuleType("ai_edge_litert")
wheel.schema_py_generated = schema_py_generated
wheel.interpreter = types.ModuleType("ai_edge_litert.interpreter")
wheel.interpreter.Interpreter = tf.lite.Interpreter
wheel.interpreter.OpResolverType = tf.lite.experimental.OpResolverType
sys.modules["ai_edge_litert"] = wheel
sys.modules["ai_edge_litert.schema_py_generated"] = schema_py_generated
sys.modules["ai_edge_litert.interpreter"] = wheel.interpreter
import generate_tflite as g
from generate_tflite import Out, T, const, f, state

HERE = pathlib.Path(__file__).resolve().parent
rng = np.random.default_rng(7)
streams = []


def stream(name, model, steps, draw=None):
    streams.append((name, model, steps, draw))


def draw_input(detail):
    if detail["dtype"] == np.float32:
        return rng.standard_normal(detail["shape"]).astype(np.float32)
    info = np.iinfo(detail["dtype"])
    return rng.integers(info.min, info.max + 1, detail["shape"]).astype(detail["dtype"])


def play(model, steps, draw):
    """The inputs and outputs of a run of steps."""
    interpreter = tf.lite.Interpreter(model_content=model,
                                      experimental_op_resolver_type=tf.lite.experimental.OpResolverType.BUILTIN_REF)
    interpreter.allocate_tensors()
    ins, outs = interpreter.get_input_details(), interpreter.get_output_details()
    given, found = [[] for _ in ins], [[] for _ in outs]
    for _ in range(steps):
        for k, detail in enumerate(ins):
            given[k].append((draw or draw_input)(detail))
            interpreter.set_tensor(detail["index"], given[k][-1])
        interpreter.invoke()
        for k, detail in enumerate(outs):
            found[k].append(interpreter.get_tensor(detail["index"]).copy())
    return [(d["name"], np.stack(x)) for d, x in zip(ins, given)], [(d["name"], np.stack(y)) for d, y in zip(outs, found)]


def lstm_inputs(batch, time, depth, hidden):
    weights = [const(f(hidden, depth) / 4) for _ in range(4)] + [const(f(hidden, hidden) / 8) for _ in range(4)]
    biases = [const(f(hidden) / 4) for _ in range(4)]
    return [T(f(batch, time, depth))] + weights + [None] * 3 + biases + [None] * 2 + [state(batch, hidden), state(batch, hidden)]


def lstms():
    op = "UNIDIRECTIONAL_SEQUENCE_LSTM"
    for label, time, o in (("", 1, {}), ("_batch", 5, {}), ("_clip", 3, dict(cellClip=0.75)), ("_time_major", 2, dict(timeMajor=True))):
        inputs = lstm_inputs(1 if label != "_batch" else 3, time, 3, 4)
        if label == "_time_major":
            inputs[0] = T(f(time, 1, 3))
        stream("sequence_lstm" + label, g.build(op, inputs, [Out()], g.options("UnidirectionalSequenceLSTM", fusedActivationFunction=4, **o)), 200)


def main():
    lstms()
    parts = [b"HMLCASE1"]
    for name, model, steps, draw in streams:
        given, found = play(model, steps, draw)
        parts += [g.pack(name.encode()), g.pack(model), struct.pack("<I", len(given))]
        parts += [g.pack(g.proto(n, x)) for n, x in given]
        parts += [struct.pack("<I", len(found))]
        parts += [g.pack(g.proto(n, x)) for n, x in found]
    out = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "stream_cases.bin"
    out.write_bytes(b"".join(parts))
    print("%d streams, %d bytes" % (len(streams), out.stat().st_size))


if __name__ == "__main__":
    main()
