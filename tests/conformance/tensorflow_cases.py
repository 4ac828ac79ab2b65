#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes frozen TensorFlow graphs of some operators each, with the outputs that TensorFlow gives: a bundle of the form of cases.bin.

usage: tensorflow_cases.py FILE   (a virtual environment with tensorflow-cpu)

Outputs of a graph are the nodes that nobody reads, in the order of the graph.
"""
import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
import numpy as np
import tensorflow as tf

from case_bundle import entry

tf1, raw = tf.compat.v1, tf.raw_ops
rng = np.random.default_rng(11)
bundle, used = [b"HMLCASE1"], set()


def case(name, inputs, build):
    """inputs: name -> (declared shape, array), () for one string, whose bytes the array has; build makes the results from the placeholders."""
    graph = tf.Graph()
    with graph.as_default():
        feeds = {tf1.placeholder(tf.string if shape == () else array.dtype, shape, name=label): array for label, (shape, array) in inputs.items()}
        build(*feeds)
        read = {edge.op.name for op in graph.get_operations() for edge in op.inputs}
        results = [op.outputs[0] for op in graph.get_operations()
                   if op.name not in read and op.outputs and op.type not in ("Const", "Placeholder")]
        with tf1.Session(graph=graph) as session:
            values = session.run(results, {key: array.tobytes() if key.dtype == tf.string else array for key, array in feeds.items()})
    used.update(node.op for node in graph.as_graph_def().node)
    assert len(results) <= 16, (name, len(results))
    bundle.append(entry(f"tensorflow {name}", graph.as_graph_def().SerializeToString(), [(key.op.name, array) for key, array in feeds.items()],
                        [(result.op.name, value) for result, value in zip(results, values)]))


def f(*shape, low=-2.0, high=2.0):
    return rng.uniform(low, high, shape).astype("float32")


def i(*shape, low=-9, high=9):
    return rng.integers(low, high, shape).astype("int32")


X = {"x": ([None, 4], f(3, 4))}
FEATURES = ("Relu", "Relu6", "Elu", "Selu", "Softplus", "Softsign")
case("unary", X, lambda x: [getattr(raw, n)(**{"features" if n in FEATURES else "x": x}, name=n) for n in
     "Abs Neg Exp Sigmoid Tanh Relu Relu6 Elu Selu Softplus Softsign Erf Square Sign".split()])
case("unary_more", X, lambda x: [getattr(raw, n)(x=x, name=n) for n in
     "Sin Cos Tan Sinh Cosh Asinh Atan Floor Ceil Rint Round IsNan IsInf Reciprocal".split()])
case("positive", {"x": ([3, 4], f(3, 4, low=0.1, high=0.9))}, lambda x: [getattr(raw, n)(x=x, name=n) for n in
     "Log Sqrt Rsqrt Log1p Asin Acos Atanh Inv".split()] + [raw.Acosh(x=x + 1.5, name="Acosh")])
AB = {"a": ([None, 4], f(3, 4)), "b": ([4], f(4))}
case("binary", AB, lambda a, b: [getattr(raw, n)(x=a, y=b, name=n) for n in
     "Add AddV2 Sub Mul RealDiv Maximum Minimum SquaredDifference Equal NotEqual Less LessEqual Greater GreaterEqual FloorDiv FloorMod".split()])
case("binary_more", {"a": ([3, 4], f(3, 4, low=0.2)), "b": ([4], f(4, low=-1))}, lambda a, b: [
     raw.Pow(x=tf.abs(a), y=b, name="Pow"), raw.DivNoNan(x=a, y=tf.nn.relu(b), name="DivNoNan"), raw.AddN(inputs=[a, a, a], name="AddN"),
     raw.Div(x=a, y=b, name="Div"), raw.BiasAdd(value=a, bias=b, name="BiasAdd"), raw.LeakyRelu(features=a, name="LeakyRelu"),
     raw.LeakyRelu(features=a, alpha=0.05, name="LeakyRelu_small"), raw.ZerosLike(x=a, name="ZerosLike"), raw.OnesLike(x=a, name="OnesLike"),
     raw.Mod(x=a, y=b, name="Mod")])
case("integers", {"a": ([3, 4], i(3, 4)), "b": ([4], np.array([2, -3, 5, -4], "int32"))}, lambda a, b: [getattr(raw, n)(x=a, y=b, name=n) for n in
     "AddV2 Sub Mul Maximum FloorDiv FloorMod TruncateDiv TruncateMod Equal Less".split()] + [raw.Cast(x=a, DstT=tf.float32, name="Cast"),
     raw.Div(x=a, y=b, name="Div")])
case("logic", {"p": ([2, 3], f(2, 3) > 0), "q": ([3], f(3) > 0), "x": ([2, 3], f(2, 3)), "y": ([2, 3], f(2, 3))}, lambda p, q, x, y: [
     raw.LogicalAnd(x=p, y=q, name="LogicalAnd"), raw.LogicalOr(x=p, y=q, name="LogicalOr"), raw.LogicalNot(x=p, name="LogicalNot"),
     raw.Select(condition=p, x=x, y=y, name="Select"), raw.SelectV2(condition=q, t=x, e=y, name="SelectV2"),
     raw.Select(condition=tf.constant([True, False]), x=x, y=y, name="Select_rows"), raw.All(input=p, axis=1, name="All"),
     raw.Any(input=p, axis=[0, 1], keep_dims=True, name="Any"), raw.Cast(x=p, DstT=tf.int32, name="Cast")])
IMAGE = {"x": ([None, 7, 6, 4], f(2, 7, 6, 4))}
k, d = f(3, 2, 4, 5, low=-0.5, high=0.5), f(3, 3, 4, 2, low=-0.5, high=0.5)
case("conv", IMAGE, lambda x: [
     raw.Conv2D(input=x, filter=k, strides=[1, 1, 1, 1], padding="SAME", name="same"), raw.Conv2D(input=x, filter=k, strides=[1, 2, 2, 1], padding="VALID", name="strided"),
     raw.Conv2D(input=x, filter=k, strides=[1, 2, 3, 1], padding="SAME", name="strided_same"),
     raw.Conv2D(input=x, filter=k, strides=[1, 1, 1, 1], padding="SAME", dilations=[1, 2, 2, 1], name="dilated"),
     raw.Conv2D(input=x, filter=k, strides=[1, 1, 1, 1], padding="EXPLICIT", explicit_paddings=[0, 0, 1, 0, 2, 1, 0, 0], name="explicit"),
     raw.DepthwiseConv2dNative(input=x, filter=d, strides=[1, 1, 1, 1], padding="SAME", name="depthwise"),
     raw.DepthwiseConv2dNative(input=x, filter=d, strides=[1, 2, 2, 1], padding="VALID", name="depthwise_strided"),
     raw.MaxPool(input=x, ksize=[1, 3, 3, 1], strides=[1, 2, 2, 1], padding="SAME", name="max"),
     raw.AvgPool(value=x, ksize=[1, 3, 2, 1], strides=[1, 2, 2, 1], padding="SAME", name="average"),
     raw.FusedBatchNorm(x=x, scale=f(4), offset=f(4), mean=f(4), variance=f(4, low=0.5), is_training=False, name="norm").y,
     raw.FusedBatchNormV3(x=x, scale=f(4), offset=f(4), mean=f(4), variance=f(4, low=0.5), is_training=False, epsilon=0.01, name="norm_3").y,
     raw.LRN(input=x, depth_radius=2, bias=1.0, alpha=0.3, beta=0.6, name="lrn"), raw.Softmax(logits=x, name="softmax"),
     raw.DepthToSpace(input=x, block_size=2, name="depth_to_space")])
case("images", {"x": ([2, 6, 4, 3], f(2, 6, 4, 3)), "s": ([2, 3, 2, 5], f(2, 3, 2, 5))}, lambda x, s: [
     raw.Conv2DBackpropInput(input_sizes=[2, 6, 4, 4], filter=f(3, 3, 4, 5), out_backprop=s, strides=[1, 2, 2, 1], padding="SAME", name="transpose"),
     raw.Conv2DBackpropInput(input_sizes=[2, 7, 5, 4], filter=f(3, 3, 4, 5), out_backprop=s, strides=[1, 2, 2, 1], padding="VALID", name="transpose_valid"),
     raw.ResizeBilinear(images=x, size=[9, 7], name="bilinear"), raw.ResizeBilinear(images=x, size=[9, 7], half_pixel_centers=True, name="bilinear_half"),
     raw.ResizeBilinear(images=x, size=[11, 8], align_corners=True, name="bilinear_align"), raw.ResizeNearestNeighbor(images=x, size=[9, 8], name="nearest"),
     raw.ResizeNearestNeighbor(images=x, size=[9, 8], half_pixel_centers=True, name="nearest_half"),
     raw.ResizeNearestNeighbor(images=x, size=[11, 8], align_corners=True, name="nearest_align"), raw.SpaceToDepth(input=x, block_size=2, name="space_to_depth"),
     raw.MirrorPad(input=x, paddings=[[0, 0], [1, 2], [2, 1], [0, 0]], mode="REFLECT", name="mirror")])
case("conv3d", {"x": ([1, 4, 5, 3, 2], f(1, 4, 5, 3, 2))}, lambda x: [
     raw.Conv3D(input=x, filter=f(2, 2, 2, 2, 3), strides=[1, 1, 1, 1, 1], padding="SAME", name="same"),
     raw.Conv3D(input=x, filter=f(2, 2, 2, 2, 3), strides=[1, 2, 2, 2, 1], padding="VALID", name="valid")])
case("products", {"a": ([None, 4], f(3, 4)), "c": ([2, 3, 4], f(2, 3, 4))}, lambda a, c: [
     raw.MatMul(a=a, b=f(4, 5), name="plain"), raw.MatMul(a=a, b=f(5, 4), transpose_b=True, name="right"), raw.MatMul(a=a, b=f(3, 2), transpose_a=True, name="left"),
     raw.BatchMatMulV2(x=c, y=f(2, 4, 5), name="batch"), raw.BatchMatMulV2(x=c, y=f(3, 6), adj_x=True, name="batch_left"), raw.BatchMatMul(x=c, y=f(2, 5, 4), adj_y=True, name="batch_right")])
case("reduce", {"x": ([None, 4, 5], f(3, 4, 5))}, lambda x: [getattr(raw, n)(input=x, axis=axis, keep_dims=keep, name=f"{n}_{index}") for index, (n, axis, keep) in enumerate(
     [("Mean", [1], False), ("Sum", [0, 2], True), ("Max", [-1], False), ("Min", [1, 2], False), ("Prod", [1], False), ("Mean", [0, 1, 2], False)])] +
     [raw.ArgMax(input=x, dimension=1, name="ArgMax"), raw.ArgMin(input=x, dimension=-1, output_type=tf.int32, name="ArgMin"), raw.LogSoftmax(logits=x, name="LogSoftmax"),
      raw.Cumsum(x=x, axis=1, name="Cumsum"), raw.Cumsum(x=x, axis=2, exclusive=True, reverse=True, name="Cumsum_back"), tf.identity(raw.TopKV2(input=x, k=3).values, name="top"),
      tf.identity(raw.TopKV2(input=x, k=2).indices, name="top_indices")])
case("shapes", {"x": ([None, 4, 5], f(3, 4, 5))}, lambda x: [
     raw.Shape(input=x, name="Shape"), raw.Size(input=x, name="Size"), raw.Rank(input=x, name="Rank"), raw.Reshape(tensor=x, shape=[-1, 10], name="Reshape"),
     tf.reshape(x, tf.stack([tf.shape(x)[0], 20]), name="batch_kept"), raw.ExpandDims(input=x, axis=-1, name="ExpandDims"), raw.Squeeze(input=x[:, :1], axis=[1], name="Squeeze"),
     raw.Transpose(x=x, perm=[2, 0, 1], name="Transpose"), raw.BroadcastTo(input=x, shape=[2, 3, 4, 5], name="BroadcastTo"), raw.Fill(dims=tf.shape(x), value=2.5, name="Fill"),
     raw.Range(start=2, limit=11, delta=3, name="Range"), raw.Tile(input=x, multiples=[1, 2, 1], name="Tile"), raw.Pad(input=x, paddings=[[0, 0], [1, 2], [0, 1]], name="Pad"),
     raw.PadV2(input=x, paddings=[[1, 0], [0, 0], [0, 0]], constant_values=7.0, name="PadV2"), raw.ReverseV2(tensor=x, axis=[1], name="ReverseV2")])
case("parts", {"x": ([None, 4, 6], f(3, 4, 6)), "y": ([None, 4, 2], f(3, 4, 2))}, lambda x, y: [
     raw.ConcatV2(values=[x, y], axis=-1, name="ConcatV2"), raw.Concat(concat_dim=2, values=[y, x], name="Concat"), raw.Pack(values=[y, y], axis=1, name="Pack"),
     tf.add(*raw.Split(axis=2, value=x, num_split=2), name="split_sum"), tf.identity(raw.SplitV(value=x, size_splits=[1, -1, 2], axis=2, num_split=3)[1], name="split_v"),
     tf.identity(raw.Unpack(value=y, num=4, axis=1)[2], name="unpacked"), raw.Slice(input=x, begin=[0, 1, 2], size=[-1, 2, 3], name="Slice"),
     tf.identity(x[:, 1:-1:2, ::-1], name="strided"), tf.identity(x[:, 2], name="shrunk"), tf.identity(x[..., tf.newaxis, 1:], name="widened"), tf.identity(x[:, -1, 1:4], name="last")])
case("lookup", {"x": ([5, 3], f(5, 3)), "n": ([2, 2], i(2, 2, low=0, high=5))}, lambda x, n: [
     raw.GatherV2(params=x, indices=n, axis=0, name="GatherV2"), raw.GatherV2(params=x, indices=[2, 0], axis=1, name="GatherV2_1"), raw.Gather(params=x, indices=n, name="Gather"),
     raw.GatherNd(params=x, indices=[[1, 2], [4, 0]], name="GatherNd"), raw.OneHot(indices=n, depth=4, on_value=1.0, off_value=0.0, name="OneHot"),
     raw.OneHot(indices=n, depth=5, on_value=3.0, off_value=-1.0, axis=0, name="OneHot_first")])
case("structure", X, lambda x: [tf.identity(raw.StopGradient(input=raw.CheckNumerics(tensor=raw.Identity(input=x), message="m")), name="through"),
     tf.identity(raw.IdentityN(input=[x, x + 1])[1], name="second"), tf.identity(tf1.placeholder_with_default(np.float32(3.0), [], name="default") * x, name="with_default")])
I8 = {"a": ([3, 4], i(3, 4, low=0, high=7)), "b": ([3, 4], i(3, 4, low=0, high=7))}
case("bits", I8, lambda a, b: [getattr(raw, n)(x=a, y=b, name=n) for n in "BitwiseAnd BitwiseOr BitwiseXor LeftShift RightShift".split()]
     + [raw.Invert(x=a, name="Invert")])
case("math_more", {"x": ([3, 4], f(3, 4)), "y": ([3, 4], f(3, 4, low=0.2))}, lambda x, y: [
    raw.Expm1(x=x, name="expm1"), raw.IsFinite(x=x, name="finite"), raw.Atan2(y=x, x=y, name="atan2"), raw.Xlogy(x=x, y=y, name="xlogy"),
    raw.Xlog1py(x=x, y=y, name="xlog1py"), raw.Xdivy(x=x, y=y, name="xdivy"), raw.MulNoNan(x=x, y=y, name="mul_no_nan"),
    raw.ClipByValue(t=x, clip_value_min=-0.5, clip_value_max=0.7, name="clip"), raw.L2Loss(t=x, name="l2"),
    raw.ApproximateEqual(x=x, y=x + 0.1, tolerance=0.2, name="about"), raw.EuclideanNorm(input=x, axis=[1], name="norm")])
case("zero_times", {"x": ([4], np.array([0, 0, 2, 0], "float32")), "y": ([4], np.array([0, 1, 0.5, -1], "float32"))}, lambda x, y: [
    raw.Xlogy(x=x, y=y, name="xlogy"), raw.Xdivy(x=x, y=y, name="xdivy"), raw.MulNoNan(x=y, y=x, name="mul_no_nan"),
    raw.Atan2(y=y, x=x, name="atan2")])
case("fake_quant", {"x": ([None, 8], f(3, 8, low=-4, high=4))}, lambda x: [
    raw.FakeQuantWithMinMaxVars(inputs=x, min=-1.3, max=2.9, name="vars"),
    raw.FakeQuantWithMinMaxArgs(inputs=x, min=-3.0, max=3.0, num_bits=4, narrow_range=True, name="args")])
case("einsum", {"a": ([None, 3, 4], f(2, 3, 4)), "b": ([4, 2, 5], f(4, 2, 5))}, lambda a, b: [
    raw.Einsum(inputs=[a, b], equation="abc,cde->abde", name="y"), raw.Einsum(inputs=[a], equation="abc->cb", name="z")])
case("scatter", {"x": ([4, 3], f(4, 3)), "u": ([2, 3], f(2, 3))}, lambda x, u: [
    raw.ScatterNd(indices=[[1], [1]], updates=u, shape=[5, 3], name="nd"), raw.TensorScatterUpdate(tensor=x, indices=[[0], [2]], updates=u, name="set"),
    raw.TensorScatterAdd(tensor=x, indices=[[0], [0]], updates=u, name="add"), raw.TensorScatterMax(tensor=x, indices=[[3], [2]], updates=u, name="max"),
    raw.TensorScatterMin(tensor=x, indices=[[3], [2]], updates=u, name="min")])
case("where", {"x": ([None, 4], np.array([[0, 1, 0, 2], [3, 0, 0, 0]], "float32"))}, lambda x: [raw.Where(condition=x, name="y")])
case("matrices", {"x": ([None, 4, 5], f(2, 4, 5)), "v": ([2, 3], f(2, 3))}, lambda x, v: [
    raw.MatrixBandPart(input=x, num_lower=1, num_upper=0, name="lower"), raw.MatrixBandPart(input=x, num_lower=-1, num_upper=2, name="upper"),
    raw.MatrixDiag(diagonal=v, name="diag"), raw.Roll(input=x, shift=[1, -2], axis=[1, 2], name="roll")])
case("sequences", {"x": ([2, 3], f(2, 3))}, lambda x: [
    raw.LinSpace(start=tf.reduce_sum(x), stop=3.0, num=7, name="lin"), raw.Cumprod(x=x, axis=1, exclusive=True, name="prod"),
    *raw.ShapeN(input=[x, x], name="shapes"), raw.BroadcastArgs(s0=[2, 1], s1=[1, 3], name="args"),
    raw.InvertPermutation(x=[2, 0, 1], name="inverse")])
case("blocks_of_batch", {"x": ([1, 4, 6, 3], f(1, 4, 6, 3))}, lambda x: [
    raw.SpaceToBatchND(input=x, block_shape=[2, 2], paddings=[[0, 0], [2, 0]], name="batch"),
    raw.BatchToSpaceND(input=raw.SpaceToBatchND(input=x, block_shape=[2, 3], paddings=[[0, 0], [0, 0]]), block_shape=[2, 3],
                       crops=[[1, 0], [0, 2]], name="space")])
case("pools_3d", {"x": ([1, 4, 6, 6, 2], f(1, 4, 6, 6, 2))}, lambda x: [
    raw.AvgPool3D(input=x, ksize=[1, 2, 2, 2, 1], strides=[1, 2, 2, 2, 1], padding="SAME", name="avg"),
    raw.MaxPool3D(input=x, ksize=[1, 2, 3, 3, 1], strides=[1, 1, 2, 2, 1], padding="VALID", name="max")])
corners = np.sort(f(8, 2, 2, low=0.0, high=1.0), axis=1).reshape(8, 4)
case("boxes", {"b": ([8, 4], corners), "s": ([8], f(8, low=0.0))}, lambda b, s: [
    raw.NonMaxSuppressionV3(boxes=b, scores=s, max_output_size=5, iou_threshold=0.3, score_threshold=0.1, name="v3"),
    raw.NonMaxSuppressionV2(boxes=b, scores=s, max_output_size=3, iou_threshold=0.5, name="v2")])

case("more", {"x": ([3, 3], f(3, 3)), "v": ([3], f(3)), "p": ([1, 4, 4, 3], f(1, 4, 4, 3))}, lambda x, v, p: [
    raw.MatrixSetDiag(input=x, diagonal=v, name="set_diag"), raw.Diag(diagonal=v, name="diag"),
    raw.UnsortedSegmentSum(data=x, segment_ids=[1, 0, 1], num_segments=4, name="segments"),
    raw.TensorScatterSub(tensor=x, indices=[[0], [2]], updates=x[:2], name="less"),
    raw.Empty(shape=[2, 2], dtype=tf.float32, init=True, name="blank"), raw.AdjustContrastv2(images=p, contrast_factor=1.5, name="contrast"),
    raw.ConjugateTranspose(x=x, perm=[1, 0], name="turned"), raw.BiasAddV1(value=x, bias=v, name="biased")])



def wav(samples, channels, rate, before=b"", behind=b"", longer=False):
    """A WAV file of noise, tones and silence, with chunks around its samples."""
    t = np.arange(samples)[:, None] / rate
    sound = 0.3 * np.sin(2 * np.pi * (440 + 700 * np.arange(channels)) * t) + rng.normal(0, 0.05, (samples, channels))
    sound[samples // 2:samples // 2 + 400] = 0
    data = (sound * 32767).astype("<i2").tobytes()
    head = struct.pack("<HHIIHH", 1, channels, rate, 2 * channels * rate, 2 * channels, 16) + (b"\0\0" if longer else b"")
    chunks = b"fmt " + struct.pack("<I", len(head)) + head + before + b"data" + struct.pack("<I", len(data)) + data + behind
    return np.frombuffer(b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks, "uint8")


def front_end(file, samples, channels, window, stride, squared=True, **mel):
    audio, rate = raw.DecodeWav(contents=file, desired_channels=channels, desired_samples=samples)
    power = raw.AudioSpectrogram(input=audio, window_size=window, stride=stride, magnitude_squared=squared)
    return [raw.Mfcc(spectrogram=power, sample_rate=rate, name="mfcc", **mel)]


def decoded(file, **wanted):
    audio, rate = raw.DecodeWav(contents=file, **wanted)
    return [tf.identity(audio, name="audio"), tf.identity(rate, name="rate")]


LIST = b"LIST" + struct.pack("<I", 6) + b"INFOxx"
case("wav", {"wav": ((), wav(1200, 2, 8000, before=LIST))}, lambda x: decoded(x))
case("wav_short", {"wav": ((), wav(300, 1, 16000, behind=LIST, longer=True))}, lambda x: decoded(x, desired_channels=3, desired_samples=500))
case("wav_cut", {"wav": ((), wav(900, 3, 44100))}, lambda x: decoded(x, desired_channels=2, desired_samples=700))
case("audio", {"wav": ((), wav(4000, 1, 8000))}, lambda x: front_end(x, 4000, 1, 400, 160, upper_frequency_limit=3800))
case("audio_open", {"wav": ((), wav(3000, 2, 16000))}, lambda x: front_end(
    x, -1, -1, 512, 512, lower_frequency_limit=80, upper_frequency_limit=7600, filterbank_channel_count=26, dct_coefficient_count=20))
case("spectrogram", {"x": ([None, 2], f(700, 2, low=-1, high=1))}, lambda x: [
    raw.AudioSpectrogram(input=x, window_size=200, stride=77, name="size"),
    raw.AudioSpectrogram(input=x, window_size=256, stride=300, magnitude_squared=True, name="power")])
case("mfcc", {"x": ([1, None, 129], f(1, 4, 129, low=0, high=9))}, lambda x: [
    raw.Mfcc(spectrogram=x, sample_rate=16000, name="fixed")])

with open(sys.argv[1], "wb") as file:
    file.write(b"".join(bundle))
print(len(bundle) - 1, "graphs of", len(used), "operators,", sum(map(len, bundle)), "bytes")
print("operators:", " ".join(sorted(used)))
