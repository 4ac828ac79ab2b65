#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes models of Keras layers with the outputs that Keras itself gives: bundles of the form of cases.bin.

usage: keras_cases.py 3 FILE    Keras 3 on numpy   (a virtual environment with keras and h5py)
       keras_cases.py 2 FILE    Keras 2            (one with tf_keras and tensorflow-cpu)

A model applies several layers to one input, so that a file serves many; its outputs are called after the layers. Weights are
random, seeded. The tests read the bundles alone.
"""
import os
import sys
import tempfile

VERSION, TARGET = int(sys.argv[1]), sys.argv[2]
os.environ["KERAS_BACKEND"] = "numpy"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np

from case_bundle import entry

if VERSION == 3:
    import keras
else:
    import tf_keras as keras
L = keras.layers
rng = np.random.default_rng(7)
bundle = [b"HMLCASE1"]


def weights_of(array, name):
    values = rng.uniform(-0.5, 0.5, array.shape)
    return np.abs(values) + 0.5 if "variance" in name else values


def add(name, model, feeds, ends):
    for layer in model.weights:
        if "seed" not in layer.name:
            layer.assign(weights_of(np.asarray(layer), layer.name).astype(np.asarray(layer).dtype))
    results = model(feeds if len(feeds) > 1 else feeds[0], training=False)
    results = results if isinstance(results, (list, tuple)) else [results]
    names = [tensor.name.split("/")[0].split(":")[0] for tensor in model.inputs]
    for end in ends:
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "model" + end)
            model.save(path)
            data = open(path, "rb").read()
        outputs = zip(getattr(model, "output_names", [model.layers[-1].name]), results)
        bundle.append(entry(f"keras{VERSION} {name} {end}", data, zip(names, feeds), [(label, np.asarray(result)) for label, result in outputs]))
        print(f"{name}{end}: {len(data)} bytes, {len(results)} outputs")


def layers(name, shape, *chosen, dtype="float32", batch=2, ends=(".keras", ".h5"), values=None):
    """Each of the layers on one input."""
    x = keras.Input(shape, dtype=dtype, name="x")
    model = keras.Model(x, [layer(x) for layer in chosen])
    sizes = [batch] + [size or 5 for size in shape]
    data = values if values is not None else rng.uniform(-2, 2, sizes)
    add(name, model, [data.astype(dtype)], ends)


layers("conv2d", (9, 8, 4), L.Conv2D(3, 3, name="plain"), L.Conv2D(4, (3, 2), strides=2, padding="same", name="strided"),
       L.Conv2D(2, 3, dilation_rate=2, padding="same", activation="relu", name="dilated"),
       L.Conv2D(4, 3, groups=2, use_bias=False, name="grouped"), L.DepthwiseConv2D(3, depth_multiplier=2, name="depthwise"),
       L.DepthwiseConv2D((3, 2), strides=2, padding="same", name="depthwise_strided"),
       L.SeparableConv2D(5, 3, padding="same", name="separable"), L.Conv2DTranspose(3, 3, name="transpose"),
       L.Conv2DTranspose(2, 3, strides=2, padding="same", name="transpose_same"),
       L.Conv2DTranspose(2, 2, strides=3, name="transpose_gap"), L.Conv2D(2, 2, padding="same", strides=3, name="even"))
FIRST = {"data_format": "channels_first"}
if VERSION == 3:  # TensorFlow has no such convolutions on CPUs
    layers("channels_first", (4, 9, 8), L.Conv2D(3, 3, strides=2, padding="same", name="conv", **FIRST), L.DepthwiseConv2D(3, name="depthwise", **FIRST),
           L.SeparableConv2D(3, 2, name="separable", **FIRST), L.Conv2DTranspose(2, 3, strides=2, name="transpose", **FIRST),
           L.MaxPooling2D(2, name="max", **FIRST), L.AveragePooling2D(3, padding="same", name="average", **FIRST), L.GlobalAveragePooling2D(name="global", **FIRST),
           L.ZeroPadding2D(1, name="pad", **FIRST), L.UpSampling2D(2, name="up", **FIRST), L.Cropping2D(1, name="crop", **FIRST), L.Flatten(name="flat", **FIRST))
layers("conv1d", (None, 3), L.Conv1D(4, 3, name="plain"), L.Conv1D(4, 3, padding="causal", dilation_rate=2, name="causal"),
       L.Conv1D(2, 2, strides=2, padding="same", name="strided"), L.SeparableConv1D(3, 2, name="separable"),
       L.Conv1DTranspose(2, 3, strides=2, padding="same", name="transpose"), L.DepthwiseConv1D(2, name="depthwise"),
       L.MaxPooling1D(2, name="max"), L.AveragePooling1D(2, strides=1, padding="same", name="average"),
       L.GlobalMaxPooling1D(name="global_max"), L.ZeroPadding1D((1, 2), name="pad"), L.Cropping1D((1, 1), name="crop"),
       L.UpSampling1D(3, name="up"))
layers("conv3d", (5, 4, 6, 2), L.Conv3D(2, 2, name="plain"), L.Conv3DTranspose(1, 2, strides=2, name="transpose"),
       L.MaxPooling3D(2, name="max"), L.AveragePooling3D(2, padding="same", name="average"),
       L.GlobalAveragePooling3D(name="global"), L.ZeroPadding3D(((1, 0), (0, 1), (2, 1)), name="pad"),
       L.Cropping3D(1, name="crop"), L.UpSampling3D((2, 1, 2), name="up"))
layers("pool2d", (7, 6, 3), L.MaxPooling2D(name="max"), L.MaxPooling2D(3, strides=2, padding="same", name="max_same"),
       L.AveragePooling2D((2, 3), name="average"), L.AveragePooling2D(3, strides=2, padding="same", name="average_same"),
       L.GlobalMaxPooling2D(name="global_max"), L.GlobalAveragePooling2D(keepdims=True, name="global_average"),
       L.ZeroPadding2D(((1, 2), (0, 3)), name="pad"), L.Cropping2D(((1, 0), (2, 1)), name="crop"),
       L.UpSampling2D((2, 3), name="up"), L.UpSampling2D(2, interpolation="bilinear", name="bilinear"))
layers("norm", (5, 4, 6), L.BatchNormalization(name="batch"), L.BatchNormalization(scale=False, epsilon=0.1, name="unscaled"),
       L.BatchNormalization(center=False, name="uncentered"), L.BatchNormalization(axis=1, name="first"),
       L.LayerNormalization(name="layer"), L.LayerNormalization(axis=[1, 2], epsilon=0.01, name="axes"),
       L.LayerNormalization(axis=[2, 3], center=False, name="last_two"), L.GroupNormalization(3, name="group"),
       L.UnitNormalization(name="unit"), *([L.RMSNormalization(name="rms")] if VERSION == 3 else []), L.Rescaling(0.5, offset=1.0, name="rescaling"))
layers("activation", (3, 5), *[L.Activation(name, name=name) for name in (
       "relu", "sigmoid", "tanh", "hard_sigmoid", "softmax", "softplus", "softsign", "elu", "selu", "gelu", "swish",
       "exponential", "linear")])
layers("activation_layers", (3, 5), L.ReLU(name="relu"), L.ReLU(max_value=1.5, negative_slope=0.1, threshold=0.5, name="relu_all"),
       L.ReLU(6.0, name="relu_6"), L.LeakyReLU(name="leaky"), L.LeakyReLU(0.05, name="leaky_small"), L.ELU(0.7, name="elu"),
       L.PReLU(name="prelu"), L.PReLU(shared_axes=[1], name="prelu_shared"), L.Softmax(name="softmax"),
       L.Softmax(axis=1, name="softmax_1"), L.Dropout(0.5, name="dropout"), L.GaussianNoise(0.3, name="noise"),
       L.SpatialDropout1D(0.2, name="spatial"))
layers("dense", (4, 6), L.Dense(3, name="plain"), L.Dense(5, activation="relu", use_bias=False, name="relu"),
       L.Dense(2, activation="leaky_relu" if VERSION == 3 else "softmax", name="softmax"), L.Flatten(name="flatten"), L.Reshape((3, -1), name="reshape"),
       L.Permute((2, 1), name="permute"), L.TimeDistributed(L.Dense(2, activation="tanh"), name="distributed"),
       L.Dense(3, activation=L.LeakyReLU(0.1) if VERSION == 3 else "elu", name="layer_inside"))
layers("repeat", (4,), L.RepeatVector(3, name="repeat"), L.Dense(2, name="dense"))
layers("embedding", (6,), L.Embedding(11, 3, name="embedding"), dtype="int32", values=rng.integers(0, 11, (2, 6)))
layers("lstm", (5, 3), L.LSTM(4, name="last"), L.LSTM(4, return_sequences=True, name="sequence"),
       L.LSTM(3, activation="relu", recurrent_activation="hard_sigmoid", return_sequences=True, name="activations"),
       L.LSTM(4, go_backwards=True, return_sequences=True, name="backwards"), L.LSTM(2, use_bias=False, name="unbiased"),
       L.Bidirectional(L.LSTM(3, return_sequences=True), name="both"), L.Bidirectional(L.LSTM(3), merge_mode="sum", name="sum"),
       L.Bidirectional(L.LSTM(2, return_sequences=True), merge_mode="ave", name="average"))
layers("gru", (5, 3), L.GRU(4, name="last"), L.GRU(4, return_sequences=True, name="sequence"),
       L.GRU(3, reset_after=False, return_sequences=True, name="before"), L.GRU(3, reset_after=False, use_bias=False, name="unbiased_before"),
       L.GRU(3, use_bias=False, name="unbiased"), L.GRU(3, activation="relu", recurrent_activation="hard_sigmoid", name="activations"),
       L.GRU(2, go_backwards=True, return_sequences=True, name="backwards"), L.Bidirectional(L.GRU(2, return_sequences=True), name="both"),
       L.SimpleRNN(4, name="simple"), L.SimpleRNN(3, activation="relu", use_bias=False, return_sequences=True, name="simple_relu"))


def merges():
    a, b, c = (keras.Input(shape, name=name) for name, shape in (("a", (4, 3)), ("b", (4, 3)), ("c", (3,))))
    outputs = [L.Add(name="add")([a, b, a]), L.Subtract(name="subtract")([a, b]), L.Multiply(name="multiply")([a, b]),
               L.Average(name="average")([a, b]), L.Maximum(name="maximum")([a, b]), L.Minimum(name="minimum")([a, b]),
               L.Concatenate(name="concatenate")([a, b]), L.Concatenate(axis=1, name="concatenate_1")([a, b]),
               L.Dot(axes=2, name="dot")([a, b]), L.Dot(axes=(1, 1), name="dot_1")([a, b])]
    add("merge", keras.Model([a, b, c], outputs + [L.Dot(axes=1, name="vectors")([c, c])]),
        [rng.uniform(-1, 1, shape).astype("float32") for shape in ((2, 4, 3), (2, 4, 3), (2, 3))], (".keras", ".h5"))


def shared():
    """A layer called twice, a model called twice, a model within a model, states between layers."""
    a, b = keras.Input((6,), name="a"), keras.Input((6,), name="b")
    dense = L.Dense(4, activation="tanh", name="twice")
    inner_in = keras.Input((4,), name="inner_in")
    inner = keras.Model(inner_in, L.Dense(3, name="inner_dense")(L.BatchNormalization(name="inner_norm")(inner_in)), name="inner")
    tail = keras.Sequential([L.Dense(5, activation="relu", name="tail_dense"), L.Dense(2, name="tail_last")], name="tail")
    outer_in = keras.Input((4,), name="outer_in")
    deep = keras.Sequential([L.InputLayer((4,)), L.Dense(3, name="deep_dense")], name="deep")
    outer = keras.Model(outer_in, L.Dense(2, name="outer_dense")(deep(outer_in)), name="outer")
    x, y = dense(a), dense(b)
    add("shared", keras.Model([a, b], [L.Add(name="sum")([inner(x), inner(y)]), outer(x), tail(L.Add(name="third")([inner(y), inner(x)]))]),
        [rng.uniform(-1, 1, (2, 6)).astype("float32") for _ in range(2)], (".keras", ".h5"))


def states():
    a, b = keras.Input((4, 3), name="a"), keras.Input((5, 3), name="b")
    _, h, c = L.LSTM(4, return_state=True, name="encoder")(a)
    y = L.LSTM(4, return_sequences=True, name="decoder")(b, initial_state=[h, c])
    add("states", keras.Model([a, b], [y, c]), [rng.uniform(-1, 1, shape).astype("float32") for shape in ((2, 4, 3), (2, 5, 3))],
        (".keras", ".h5"))


def functions():
    """TensorFlow's functions between layers: TFOpLambda."""
    import tensorflow as tf
    a, b = keras.Input((4, 3), name="a"), keras.Input((4, 3), name="b")
    outputs = [a + 2.0, a + b, tf.math.subtract(a, b), a * b, tf.math.divide(a, 4.0), tf.maximum(a, b), tf.nn.relu(a), tf.reduce_mean(a, axis=1),
               tf.reduce_sum(a, axis=[1, 2], keepdims=True), tf.concat([a, b], axis=-1), tf.expand_dims(a, 1), tf.abs(a), tf.sigmoid(a),
               tf.exp(a), tf.reduce_max(b, -1)]
    add("functions", keras.Model([a, b], outputs), [rng.uniform(-1, 1, (2, 4, 3)).astype("float32") for _ in range(2)], (".h5",))


def attention():
    a, b = keras.Input((5, 6), name="a"), keras.Input((4, 6), name="b")
    outputs = [L.MultiHeadAttention(2, 3, name="self")(a, a), L.MultiHeadAttention(3, 2, value_dim=4, name="cross")(a, b),
               L.MultiHeadAttention(2, 4, use_bias=False, name="three")(a, b, b), L.MultiHeadAttention(2, 3, name="causal")(a, a, use_causal_mask=True)]
    add("attention", keras.Model([a, b], outputs), [rng.uniform(-1, 1, shape).astype("float32") for shape in ((2, 5, 6), (2, 4, 6))], (".keras", ".h5"))


def sequential():
    model = keras.Sequential([L.InputLayer((8, 8, 1), name="image"), L.Conv2D(3, 3, name="conv"), L.MaxPooling2D(name="pool"),
                              keras.Sequential([L.InputLayer((3, 3, 3)), L.Flatten(name="flat"), L.Dense(4, name="inner_dense")], name="head"),
                              L.Dense(2, activation="softmax", name="last")], name="whole")
    model(np.zeros((1, 8, 8, 1), "float32"))
    add("sequential", model, [rng.uniform(-1, 1, (2, 8, 8, 1)).astype("float32")], (".keras", ".h5"))


def first_version(name, layers, model, data, weights, transposed=False):
    """A file as Keras 1 wrote it, around the weights of a model of Keras 2: `layers` are (class, config), weights their arrays."""
    import h5py
    import json
    expected = np.asarray(model(np.transpose(data, (0, 2, 3, 1)) if transposed else data, training=False))
    config = [{"class_name": kind, "config": dict(entries, name=f"{kind.lower()}_{index}")} for index, (kind, entries) in enumerate(layers)]
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.h5")
        with h5py.File(path, "w") as file:
            file.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": config}).encode()
            group = file.create_group("model_weights")
            group.attrs["layer_names"] = [layer["config"]["name"].encode() for layer in config]
            for layer, arrays in zip(config, weights):
                own = group.create_group(layer["config"]["name"])
                names = [f"{layer['config']['name']}_{label}" for label, _ in arrays]
                own.attrs["weight_names"] = np.array([label.encode() for label in names])
                for label, (_, array) in zip(names, arrays):
                    own.create_dataset(label, data=array)
        content = open(path, "rb").read()
    bundle.append(entry(f"keras1 {name}", content, [(config[0]["config"]["name"] + "_input", data)], [(config[-1]["config"]["name"], expected)]))
    print(f"{name}: Keras 1, {len(content)} bytes")


def randomised(model):
    for weight in model.weights:
        weight.assign(weights_of(np.asarray(weight), weight.name).astype("float32"))
    return model


def images_of_keras_1(theano):
    model = randomised(keras.Sequential([L.InputLayer((7, 6, 2)), L.Conv2D(3, (3, 2), strides=(2, 1), padding="same", activation="relu"),
                                         L.BatchNormalization(epsilon=1e-5), L.MaxPooling2D((2, 2), strides=(1, 2)), L.GlobalAveragePooling2D(),
                                         L.Dense(4, activation="hard_sigmoid")]))
    conv, norm, _, _, dense = [[np.asarray(weight) for weight in layer.weights] for layer in model.layers]
    order = "th" if theano else "tf"
    kernel = np.ascontiguousarray(np.transpose(conv[0], (3, 2, 0, 1))[:, :, ::-1, ::-1]) if theano else conv[0]
    shape = [None, 2, 7, 6] if theano else [None, 7, 6, 2]
    data = rng.uniform(-1, 1, [2] + shape[1:]).astype("float32")
    first_version("theano" if theano else "images", [
        ("Convolution2D", {"nb_filter": 3, "nb_row": 3, "nb_col": 2, "subsample": [2, 1], "border_mode": "same", "dim_ordering": order,
                           "activation": "relu", "bias": True, "batch_input_shape": shape, "input_dtype": "float32", "init": "glorot_uniform"}),
        ("BatchNormalization", {"epsilon": 1e-5, "mode": 0, "axis": 1 if theano else -1, "momentum": 0.99}),
        ("MaxPooling2D", {"pool_size": [2, 2], "strides": [1, 2], "border_mode": "valid", "dim_ordering": order}),
        ("GlobalAveragePooling2D", {"dim_ordering": order}),
        ("Dense", {"output_dim": 4, "activation": "hard_sigmoid", "bias": True, "input_dim": None})], model, data,
        [list(zip("Wb", [kernel, conv[1]])), list(zip(("gamma", "beta", "running_mean", "running_std"), norm)), [], [], list(zip("Wb", dense))],
        transposed=theano)


def cells_of_keras_1():
    model = randomised(keras.Sequential([L.InputLayer((5, 3)), L.LSTM(4, recurrent_activation="hard_sigmoid", return_sequences=True),
                                         L.GRU(3, recurrent_activation="hard_sigmoid", reset_after=False)]))
    (w, u, b), (v, r, a) = [[np.asarray(weight) for weight in layer.weights] for layer in model.layers]
    gates = {gate: slice(4 * k, 4 * k + 4) for k, gate in enumerate("ifco")}
    lstm = [(f"{letter}_{gate}", array[..., gates[gate]]) for gate in "icfo" for letter, array in zip("WUb", (w, u, b))]
    gru = [(f"{letter}_{gate}", array[..., 3 * k:3 * k + 3]) for k, gate in enumerate("zrh") for letter, array in zip("WUb", (v, r, a))]
    common = {"activation": "tanh", "inner_activation": "hard_sigmoid", "go_backwards": False, "stateful": False, "unroll": False}
    first_version("cells", [("LSTM", dict(common, output_dim=4, return_sequences=True, batch_input_shape=[None, 5, 3], consume_less="cpu")),
                            ("GRU", dict(common, output_dim=3, return_sequences=False))], model,
                  rng.uniform(-1, 1, (2, 5, 3)).astype("float32"), [lstm, gru])


merges()
shared()
states()
attention()
sequential()
if VERSION == 2:
    functions()
    layers("older", (6, 4), L.ThresholdedReLU(0.5, name="thresholded"), L.GlobalAveragePooling1D(name="average"), L.AlphaDropout(0.2, name="alpha"),
           L.GaussianDropout(0.2, name="gaussian"), L.ActivityRegularization(name="regularized"))
    layers("older_3d", (3, 4, 2, 2), L.GlobalMaxPooling3D(name="max"), L.SpatialDropout3D(0.2, name="dropout"))
    images_of_keras_1(False)
    images_of_keras_1(True)
    cells_of_keras_1()
with open(TARGET, "wb") as file:
    file.write(b"".join(bundle))
print(len(bundle) - 1, "models,", sum(map(len, bundle)), "bytes")
