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
import tempfile
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
from saved_model_archive import archive, trim
from generate_tflite import Out, T, const, f, i32, state

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
    """The inputs and outputs of a run of steps of TFLite's reference kernels."""
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


def lstm_forms():
    """What the plain LSTM has not, one by one and together: inputs as the operator numbers them."""
    op, depth, cells = "UNIDIRECTIONAL_SEQUENCE_LSTM", 3, 4

    def weights(units, cifg=False, peepholes=False, projection=False, bias=False):
        w = [None if cifg and g == 0 else const(f(cells, depth) / 4) for g in range(4)]
        w += [None if cifg and g == 0 else const(f(cells, units) / 8) for g in range(4)]
        w += [const(f(cells) / 4) if peepholes and not (cifg and g == 0) else None for g in range(3)]
        w += [None if cifg and g == 0 else const(f(cells) / 4) for g in range(4)]
        return w + [const(f(units, cells) / 4) if projection else None, const(f(units) / 4) if bias else None]

    for label, units, more, norms, o in (("cifg", 4, dict(cifg=True), False, {}), ("peepholes", 4, dict(peepholes=True), False, {}),
                                         ("projection", 2, dict(projection=True), False, dict(projClip=0.5)),
                                         ("projection_bias", 5, dict(projection=True, bias=True), False, {}), ("norms", 4, {}, True, {}),
                                         ("all", 3, dict(cifg=True, peepholes=True, projection=True, bias=True), True, dict(cellClip=2.0, timeMajor=True))):
        shape = (2, 3, depth) if o.get("timeMajor") else (3, 2, depth)
        inputs = [T(f(*shape))] + weights(units, **more) + [state(3, units), state(3, cells)]
        inputs += [None if more.get("cifg") and g == 0 else const(f(cells) / 4) for g in range(4)] if norms else []
        stream("lstm_" + label, g.build(op, inputs, [Out()], g.options("UnidirectionalSequenceLSTM", fusedActivationFunction=4, **o)), 200)
    for merged in (False, True):
        form = dict(cifg=merged, peepholes=merged)
        batch = 1 if merged else 2  # of several the kernel gives other numbers with these than one by one
        inputs = [T(f(batch, 3, depth))] + weights(4, **form) + weights(4, **form) + [state(batch, 4) for _ in range(4)] + [None] * 9
        o = g.options("BidirectionalSequenceLSTM", fusedActivationFunction=4, mergeOutputs=merged, timeMajor=False)
        stream("both_lstm_%s" % ("merged" if merged else "apart"), g.build("BIDIRECTIONAL_SEQUENCE_LSTM", inputs, [Out()] * (1 if merged else 2), o), 200)


def svdfs():
    for label, batch, rank, memory, bias, act in (("", 1, 1, 4, True, 1), ("_rank2", 2, 2, 3, True, 0), ("_tanh", 1, 3, 1, False, 4)):
        inputs = [T(f(batch, 5)), const(f(4 * rank, 5)), const(f(4 * rank, memory)), const(f(4)) if bias else None, state(batch, 4 * rank * memory)]
        stream("svdf" + label, g.build("SVDF", inputs, [Out()], g.options("SVDF", rank=rank, fusedActivationFunction=act)), 200)
    for label, batch, rank, memory, zero, size in (("", 1, 1, 8, 3, 0.02), ("_rank2", 2, 2, 5, -128, 0.0153), ("_loud", 1, 4, 10, 127, 0.3)):
        q = lambda low, *shape: rng.integers(-low, low, shape)
        inputs = [T(q(128, batch, 6).astype(np.int8), scale=size, zero=zero), const(q(128, 4 * rank, 6).astype(np.int8), scale=0.0071),
                  const(q(32768, 4 * rank, memory).astype(np.int16), scale=0.000031), const(q(9999, 4).astype(np.int32), scale=1e-8),
                  state(batch, 4 * rank * memory, dtype=np.int16, scale=0.0007)]
        stream("svdf_i8" + label, g.build("SVDF", inputs, [Out(np.int8, scale=0.05, zero=-128)],
                                          g.options("SVDF", rank=rank, fusedActivationFunction=1), 3), 200)


def rnns():
    weights = lambda depth, units: [const(f(units, depth) / 4), const(f(units, units) / 8), const(f(units) / 4)]
    inputs = lambda batch, *shape: [T(f(*shape))] + weights(shape[-1], 4) + [state(batch, 4)]
    stream("rnn", g.build("RNN", inputs(2, 2, 3), [Out()], g.options("RNN", fusedActivationFunction=4)), 200)
    for label, batch, shape, major, act in (("", 1, (1, 1, 3), False, 4), ("_batch", 3, (3, 4, 2), False, 3), ("_time_major", 2, (5, 2, 3), True, 4)):
        o = g.options("SequenceRNN", timeMajor=major, fusedActivationFunction=act)
        stream("sequence_rnn" + label, g.build("UNIDIRECTIONAL_SEQUENCE_RNN", inputs(batch, *shape), [Out()], o), 200)
    for merged in (False, True):
        o = g.options("BidirectionalSequenceRNN", timeMajor=False, fusedActivationFunction=4, mergeOutputs=merged)
        both = inputs(2, 2, 3, 3) + weights(3, 4) + [state(2, 4), None, None, None]
        stream("both_rnn_%s" % ("merged" if merged else "apart"), g.build("BIDIRECTIONAL_SEQUENCE_RNN", both, [Out()] * (1 if merged else 2), o), 200)


RESOURCE = (object, (), None)
g.TYPES[np.dtype(object)] = 13


def handle(name):
    return g.options("VarHandle", sharedName=name.encode())


def first_values(*given):
    """The subgraph of CALL_ONCE: variables by name with what they begin with."""
    tensors, nodes = [], []
    for k, (name, value) in enumerate(given):
        tensors += [RESOURCE, (value.dtype, value.shape, value)]
        nodes += [("VAR_HANDLE", [], [2 * k], handle(name)), ("ASSIGN_VARIABLE", [2 * k, 2 * k + 1], [], None)]
    return tensors, [], [], nodes


def once(number):
    return ("CALL_ONCE", [], [], g.options("CallOnce", initSubgraphIndex=number))


def variables():
    x, y = (np.float32, (1, 2, 3), None), (np.float32, (1, 3, 3), None)
    # The last three rows of a stream: what is read, joined with what comes, cut off and assigned.
    ring = ([x, RESOURCE, y, (np.float32, (1, 5, 3), None), y, (np.int32, (3,), [0, 2, 0]), (np.int32, (3,), [1, 3, 3])], [0], [3],
            [once(1), ("VAR_HANDLE", [], [1], handle("ring")), ("READ_VARIABLE", [1], [2], None),
             ("CONCATENATION", [2, 0], [3], g.options("Concatenation", axis=1)), ("SLICE", [3, 5, 6], [4], None), ("ASSIGN_VARIABLE", [1, 4], [], None)])
    stream("variable_ring", g.program([ring, first_values(("ring", f(1, 3, 3)))]), 200)
    # Reads on both sides of an assignment; a second variable that is only written.
    n = (np.int32, (2,), None)
    add = lambda a, b, c: ("ADD", [a, b], [c], g.options("Add"))
    order = ([n, RESOURCE, n, n, n, n, RESOURCE], [0], [5, 2],
             [once(1), ("VAR_HANDLE", [], [1], handle("sum")), ("READ_VARIABLE", [1], [2], None), add(2, 0, 3), ("ASSIGN_VARIABLE", [1, 3], [], None),
              ("READ_VARIABLE", [1], [4], None), add(4, 2, 5), ("VAR_HANDLE", [], [6], handle("last")), ("ASSIGN_VARIABLE", [6, 0], [], None)])
    begin = first_values(("sum", np.array([7, -7], np.int32)), ("last", np.array([1, 2], np.int32)))
    stream("variable_order", g.program([order, begin]), 200, lambda d: rng.integers(-9, 9, d["shape"]).astype(np.int32))
    # A branch that counts, one that assigns, and a read behind them.
    yes = (np.bool_, (1,), None)
    main = ([yes, n, RESOURCE, n, n], [0, 1], [3, 4],
            [once(3), ("IF", [0, 1], [3], g.options("If", thenSubgraphIndex=1, elseSubgraphIndex=2)),
             ("VAR_HANDLE", [], [2], handle("v")), ("READ_VARIABLE", [2], [4], None)])
    counts = ([n, RESOURCE, n, n], [0], [3], [("VAR_HANDLE", [], [1], handle("v")), ("READ_VARIABLE", [1], [2], None), add(0, 2, 3),
                                              ("ASSIGN_VARIABLE", [1, 3], [], None)])
    leaves = ([n, n], [0], [1], [add(0, 0, 1)])
    stream("variable_if", g.program([main, counts, leaves, first_values(("v", np.array([1, -1], np.int32)))]), 200,
           lambda d: rng.integers(0, 2, d["shape"]).astype(np.bool_) if d["dtype"] == np.bool_ else rng.integers(-9, 9, d["shape"]).astype(np.int32))
    # A loop whose body and condition use variables, by a handle that is passed and by name.
    i = (np.int32, (1,), None)
    main = ([i, RESOURCE, i, RESOURCE, i, RESOURCE, i], [0], [2, 4, 6],
            [once(3), ("VAR_HANDLE", [], [1], handle("v")), ("WHILE", [0, 1], [2, 3], g.options("While", condSubgraphIndex=1, bodySubgraphIndex=2)),
             ("READ_VARIABLE", [3], [4], None), ("VAR_HANDLE", [], [5], handle("bound")), ("READ_VARIABLE", [5], [6], None)])
    cond = ([i, RESOURCE, RESOURCE, i, (np.bool_, (1,), None)], [0, 1], [4],
            [("VAR_HANDLE", [], [2], handle("bound")), ("READ_VARIABLE", [2], [3], None), ("LESS", [0, 3], [4], None)])
    body = ([i, RESOURCE, i, i, (np.int32, (1,), [2]), i], [0, 1], [5, 1],
            [("READ_VARIABLE", [1], [2], None), add(2, 0, 3), ("ASSIGN_VARIABLE", [1, 3], [], None), add(0, 4, 5)])
    begin = first_values(("v", i32(5)), ("bound", i32(6)))
    stream("variable_while", g.program([main, cond, body, begin]), 200, lambda d: rng.integers(-3, 9, d["shape"]).astype(np.int32))


class Delay(tf.Module):
    """A causal convolution, as the converter writes it."""

    def __init__(self):
        self.past = tf.Variable(tf.zeros([1, 4, 8]), trainable=False)
        self.count = tf.Variable(0, trainable=False)
        self.kernel = tf.constant(f(5, 8, 8) / 4)

    @tf.function(input_signature=[tf.TensorSpec([1, 1, 8])])
    def step(self, x):
        seen = tf.concat([self.past, x], 1)
        self.past.assign(seen[:, 1:])
        self.count.assign_add(1)
        return {"y": tf.nn.relu(tf.nn.conv1d(seen, self.kernel, 1, "VALID")), "count": self.count.read_value()}


def converted():
    module = Delay()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([module.step.get_concrete_function()], module)
    converter.experimental_enable_resource_variables = True
    stream("converted_delay", converter.convert(), 200)


class Nested(tf.Module):
    """A function that writes, called twice in a step, between reads; variables of three types."""

    def __init__(self):
        self.total = tf.Variable([1.0, -2.0, 0.5], trainable=False, name="total")
        self.count = tf.Variable(3, dtype=tf.int64, trainable=False, name="count")
        self.seen = tf.Variable([[0, 7]], dtype=tf.int32, trainable=False, name="seen")
        self.weight = tf.Variable([2.0, 0.25, -1.0], name="weight")

    @tf.function
    def add(self, x):
        before = self.total.read_value()
        self.total.assign_add(x * self.weight)
        self.count.assign_sub(1)
        return before * self.total

    @tf.function(input_signature=[tf.TensorSpec([3], name="x"), tf.TensorSpec([1, 2], tf.int32, name="n")])
    def step(self, x, n):
        a = self.add(x)
        self.total.assign(self.total * 0.5)
        b = self.add(-x)
        old = self.seen.read_value()
        self.seen.assign(n)
        return {"a": a, "b": b, "count": self.count.read_value(), "old": old, "total": self.total + 0.0}


def stream_saved(name, folder, steps):
    """TensorFlow's own results, one call of the signature after the other."""
    loaded = tf.saved_model.load(folder).signatures["serving_default"]
    given, found = {}, {}
    for _ in range(steps):
        feeds = {}
        for key, spec in loaded.structured_input_signature[1].items():
            shape = [1 if d is None else d for d in spec.shape]
            x = f(*shape) / 4 if spec.dtype == tf.float32 else rng.integers(-9, 9, shape)
            feeds[key] = tf.constant(x, spec.dtype)
            given.setdefault(key, []).append(feeds[key].numpy())
        for key, value in loaded(**feeds).items():
            found.setdefault(key, []).append(value.numpy())
    trim(folder)
    tensors = lambda all: [(k, np.stack(v)) for k, v in sorted(all.items())]
    ready.append((name, archive(folder), tensors(given), tensors(found)))


ready = []


def saved():
    for name, module in (("saved_delay", Delay()), ("saved_nested", Nested())):
        with tempfile.TemporaryDirectory() as folder:
            tf.saved_model.save(module, folder, signatures=module.step)
            stream_saved(name, folder, 200)
    with tempfile.TemporaryDirectory() as folder:
        save_references(os.path.join(folder, "model"))
        stream_saved("saved_references", os.path.join(folder, "model"), 200)


def save_references(folder):
    """TensorFlow 1: references that are read before and behind an assignment, and a resource."""
    tf1 = tf.compat.v1
    with tf.Graph().as_default(), tf1.Session() as session:
        x = tf1.placeholder(tf.float32, [2, 3], name="x")
        v = tf1.Variable(f(2, 3), use_resource=False, name="v")
        w = tf1.Variable(f(2, 3), use_resource=True, name="w")
        before = v.read_value() * 1.0  # a reading alone would share the variable's memory
        with tf.control_dependencies([before]):
            changed = tf1.assign(v, before * 0.5 + x)
        with tf.control_dependencies([changed]):
            again = tf1.assign_add(v, tf.ones([2, 3]))
            w_before = w.read_value() + 0.0
        with tf.control_dependencies([again, w_before]):
            after = v.read_value() * 1.0
            with tf.control_dependencies([w.assign_sub(x)]):
                results = {"before": tf.identity(before), "after": tf.identity(after), "w": tf.identity(w_before)}
        session.run(tf1.global_variables_initializer())
        tf1.saved_model.simple_save(session, folder, {"x": x}, results)


def main():
    lstms()
    lstm_forms()
    svdfs()
    rnns()
    variables()
    converted()
    saved()
    parts = [b"HMLCASE1"]
    played = [(name, model, *play(model, steps, draw)) for name, model, steps, draw in streams]
    for name, model, given, found in played + ready:
        parts += [g.pack(name.encode()), g.pack(model), struct.pack("<I", len(given))]
        parts += [g.pack(g.proto(n, x)) for n, x in given]
        parts += [struct.pack("<I", len(found))]
        parts += [g.pack(g.proto(n, x)) for n, x in found]
    out = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "stream_cases.bin"
    out.write_bytes(b"".join(parts))
    print("%d streams, %d bytes" % (len(played + ready), out.stat().st_size))


if __name__ == "__main__":
    main()
