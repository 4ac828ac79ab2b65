#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes SavedModels, each as a tar archive in a bundle of the form of cases.bin, with the outputs that TensorFlow gives: functions,
control flow of both versions, lists, variables, recurrent layers.

usage: saved_model_cases.py FILE [FOLDER]   (a virtual environment with tensorflow-cpu and tf_keras; FOLDER gets them as folders)
"""
import os
import shutil
import sys
import tempfile

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["TF_USE_LEGACY_KERAS"] = "1"
import numpy as np
import tensorflow as tf
import tf_keras as keras

from case_bundle import entry, tensor
from saved_model_archive import archive, trim

tf1 = tf.compat.v1
rng = np.random.default_rng(7)
bundle, only = [b"HMLCASE1"], os.environ.get("ONLY")


def keep(name, folder, inputs, outputs):
    trim(folder)
    outputs = {key: np.asarray(value) for key, value in outputs.items()}
    bundle.append(entry(f"saved_model {name}", archive(folder), sorted(inputs.items()), sorted(outputs.items())))
    if len(sys.argv) > 2:
        place = os.path.join(sys.argv[2], name)
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(folder, place + "/saved_model")
        os.makedirs(place + "/test_data_set_0")
        for kind, tensors in (("input", inputs), ("output", outputs)):
            for i, (key, value) in enumerate(sorted(tensors.items())):
                with open(f"{place}/test_data_set_0/{kind}_{i}.pb", "wb") as stream:
                    stream.write(tensor(key, value))


def save(name, module, function, inputs):
    """A module with one function of named inputs that gives a dict."""
    if only and only not in name:
        return
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(module, folder, signatures={"serving_default": function})
        loaded = tf.saved_model.load(folder).signatures["serving_default"]
        outputs = {key: value.numpy() for key, value in loaded(**{k: tf.constant(v) for k, v in inputs.items()}).items()}
        keep(name, folder, inputs, outputs)


def case(name, shapes, inputs, body, module=None):
    """body(**inputs) in a tf.function; shapes: of the signature."""
    module = module or tf.Module()
    specs = {k: tf.TensorSpec(shapes[k], v.dtype, name=k) for k, v in inputs.items()}
    function = tf.function(lambda **kw: body(**kw))
    save(name, module, function.get_concrete_function(**specs), inputs)


def keras_case(name, model, inputs, function=None):
    if only and only not in name:
        return
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(model, folder)
        loaded = tf.saved_model.load(folder).signatures["serving_default"]
        outputs = {key: value.numpy() for key, value in loaded(**{k: tf.constant(v) for k, v in inputs.items()}).items()}
        keep(name, folder, inputs, outputs)


def v1_case(name, build, inputs):
    """build(placeholders) makes outputs by name in a graph of TensorFlow 1, with control flow spelt out."""
    if only and only not in name:
        return
    tf1.disable_control_flow_v2()
    graph = tf.Graph()
    with graph.as_default(), tf1.Session(graph=graph) as session, tempfile.TemporaryDirectory() as folder:
        feeds = {k: tf1.placeholder(v.dtype, [None] + list(v.shape[1:]) if v.ndim else [], name=k) for k, v in inputs.items()}
        results = build(**feeds)
        session.run(tf1.global_variables_initializer())
        values = session.run(results, {feeds[k]: v for k, v in inputs.items()})
        shutil.rmtree(folder)
        tf1.saved_model.simple_save(session, folder, feeds, results)
        keep(name, folder, inputs, values)
    tf1.enable_control_flow_v2()


def f(*shape, low=-1.0, high=1.0):
    return rng.uniform(low, high, shape).astype("float32")


# -- functions and variables --------------------------------------------------------------------------------------------------------
class Affine(tf.Module):
    def __init__(self):
        super().__init__()
        self.w = tf.Variable(f(4, 3), name="w")
        self.parts = [tf.Variable(f(3), name="b"), tf.Variable(f(3), name="b")]

    @tf.function
    def inner(self, x):
        return tf.matmul(x, self.w) + self.parts[0]

    @tf.function
    def outer(self, x):
        return self.inner(x) * self.parts[1] + self.inner(-x)


affine = Affine()
case("variables_of_one_name", {"x": [None, 4]}, {"x": f(2, 4)}, lambda x: {"y": affine.outer(x)}, affine)
case("several_ends", {"b": [None, 2], "a": [None, 2]}, {"b": f(3, 2), "a": f(3, 2)},
     lambda a, b: {"sum": a + b, "difference": a - b, "a": a * 2.0})

# -- branches -----------------------------------------------------------------------------------------------------------------------
for flag in (True, False):
    case(f"if_{flag}", {"p": [], "x": [2, 3]}, {"p": np.array(flag), "x": f(2, 3)},
         lambda p, x: {"y": tf.cond(p, lambda: tf.exp(x) + 1.0, lambda: x * 2.0), "z": x})
for which in (0, 2, 7):
    case(f"case_{which}", {"i": [], "x": [2, 3]}, {"i": np.array(which, "int32"), "x": f(2, 3)},
         lambda i, x: {"y": tf.switch_case(i, [lambda: x + 1.0, lambda: x * 2.0, lambda: tf.tanh(x)])})


# -- loops --------------------------------------------------------------------------------------------------------------------------
def collatz(n):
    steps, n = tf.while_loop(lambda s, n: n > 1, lambda s, n: (s + 1, tf.where(n % 2 == 0, n // 2, 3 * n + 1)), [0, n])
    return {"steps": steps, "n": n}


for n in (1, 27):
    case(f"while_{n}", {"n": []}, {"n": np.array(n, "int32")}, collatz)


def nested(x):
    def inner(j, y):
        return j + 1, y * 0.5 + tf.cast(j, tf.float32)

    def outer(i, y):
        return i + 1, tf.while_loop(lambda j, y: j < i, inner, [0, y])[1]

    return {"y": tf.while_loop(lambda i, y: i < 4, outer, [0, x])[1]}


case("while_nested", {"x": [2, 3]}, {"x": f(2, 3)}, nested)


def running(x):
    """Writes a list whose elements are known by the first write alone."""
    steps = tf.shape(x)[0]
    array = tf.TensorArray(tf.float32, size=steps)

    def turn(i, total, array):
        total = total + x[i]
        return i + 1, total, array.write(i, total)

    _, total, array = tf.while_loop(lambda i, *_: i < steps, turn, [0, tf.zeros_like(x[0]), array])
    return {"all": array.stack(), "last": total}


case("lists", {"x": [5, 3]}, {"x": f(5, 3)}, running)
case("lists_open", {"x": [None, 3]}, {"x": f(4, 3)}, running)
case("map_fn", {"x": [4, 3]}, {"x": f(4, 3)}, lambda x: {"y": tf.map_fn(lambda row: tf.reduce_sum(row) * row, x)})
case("unstacked", {"x": [4, 3]}, {"x": f(4, 3)},
     lambda x: {"y": tf.TensorArray(tf.float32, 4).unstack(x).gather([2, 0]), "n": tf.TensorArray(tf.float32, 4).unstack(x).size()})
case("complex", {"x": [2, 16]}, {"x": f(2, 16)},
     lambda x: {"abs": tf.abs(tf.signal.rfft(x)), "angle": tf.math.angle(tf.signal.rfft(x)),
                "back": tf.signal.irfft(tf.cast(tf.abs(tf.signal.rfft(x)), tf.complex64) * tf.exp(1j * tf.cast(tf.math.angle(tf.signal.rfft(x)), tf.complex64)))})

# -- Keras --------------------------------------------------------------------------------------------------------------------------
L = keras.layers


def sequential(*layers):
    model = keras.Sequential(layers)
    return model


for name, shape, layers in [
    ("dense", (6,), lambda: [L.Dense(5, "relu"), L.BatchNormalization(), L.Dropout(0.5), L.Dense(2)]),
    ("lstm", (5, 3), lambda: [L.LSTM(4, return_sequences=True, bias_initializer="uniform"), L.LSTM(3)]),
    ("gru", (5, 3), lambda: [L.GRU(4, return_sequences=True, bias_initializer="uniform"), L.GRU(3, reset_after=True)]),
    ("lstm_backwards", (5, 3), lambda: [L.LSTM(4, go_backwards=True, return_sequences=True)]),
    ("bidirectional", (5, 3), lambda: [L.Bidirectional(L.LSTM(4, return_sequences=True)), L.Bidirectional(L.GRU(3))]),
    ("lstm_relu", (5, 3), lambda: [L.LSTM(4, activation="relu", return_sequences=True)]),
    ("gru_before", (5, 3), lambda: [L.GRU(4, reset_after=False)]),
    ("simple_rnn", (5, 3), lambda: [L.SimpleRNN(4, return_sequences=True)]),
    ("lstm_open", (None, 3), lambda: [L.LSTM(4, return_sequences=True)]),
]:
    keras.utils.set_random_seed(5)
    model = sequential(L.Input(shape, name="x"), *layers())
    size = tuple(5 if d is None else d for d in shape)
    keras_case("keras_" + name, model, {"x": f(2, *size)})


# -- TensorFlow 1 -------------------------------------------------------------------------------------------------------------------
def v1_variables(x):
    w = tf1.get_variable("w", [3, 2], tf.float32, tf1.random_uniform_initializer(-1, 1, seed=3))
    v = tf1.get_variable("v", [2], tf.float32, tf1.random_uniform_initializer(-1, 1, seed=4), use_resource=True)
    return {"y": tf.matmul(x, w) + v}


v1_case("v1_variables", v1_variables, {"x": f(2, 3)})
v1_case("v1_while", lambda x: {"y": tf1.while_loop(lambda i, y: i < 5, lambda i, y: (i + 1, y * 0.5 + x), [0, x])[1]}, {"x": f(2, 3)})
v1_case("v1_nested", lambda x: {"y": tf1.while_loop(
    lambda i, y: i < 4, lambda i, y: (i + 1, tf1.while_loop(lambda j, z: j < i, lambda j, z: (j + 1, z * 0.5 + 1.0), [0, y])[1]), [0, x])[1]},
        {"x": f(2, 3)})
for flag in (True, False):
    v1_case(f"v1_cond_{flag}", lambda p, x: {"y": tf1.cond(p, lambda: tf.exp(x) + 1.0, lambda: tf1.cond(
        tf.reduce_sum(x) > 0.0, lambda: x * 2.0, lambda: x - tf.constant(3.0)))}, {"p": np.array(flag), "x": f(2, 3)})


def v1_array(x):
    steps = 4
    array = tf1.TensorArray(tf.float32, size=steps).unstack(tf.transpose(x, [1, 0, 2]))
    out = tf1.TensorArray(tf.float32, size=steps)

    def turn(i, total, out):
        total = total * 0.5 + array.read(i)
        return i + 1, total, out.write(i, total)

    _, total, out = tf1.while_loop(lambda i, *_: i < steps, turn, [0, tf.zeros_like(x[:, 0]), out])
    return {"all": out.stack(), "last": total}


v1_case("v1_array", v1_array, {"x": f(2, 4, 3)})


def v1_rnn(x):
    cell = tf1.nn.rnn_cell.LSTMCell(4, initializer=tf1.random_uniform_initializer(-0.5, 0.5, seed=2))
    out, state = tf1.nn.dynamic_rnn(cell, x, dtype=tf.float32)
    return {"out": out, "c": state.c}


v1_case("v1_dynamic_rnn", v1_rnn, {"x": f(2, 4, 3)})

with open(sys.argv[1], "wb") as stream:
    stream.write(b"".join(bundle))
print(len(bundle) - 1, "cases", sum(map(len, bundle)), "bytes")
