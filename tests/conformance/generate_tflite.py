#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes one-operator TFLite models with the outputs of TFLite's reference kernels: the bundle `tflite_cases.bin`.

For every row of frontend/tflite/tflite_ops.def with an import function at least one case. The layout is that of cases.bin
(generate.py). Needs the wheel ai-edge-litert and numpy, in a private environment:

    python3 -m venv build/litert && build/litert/bin/pip install ai-edge-litert==2.3.0 numpy
    build/litert/bin/python tests/conformance/generate_tflite.py
"""
import pathlib
import re
import struct
import sys

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType

HERE = pathlib.Path(__file__).resolve().parent
TABLE = HERE.parent.parent / "frontend" / "tflite" / "tflite_ops.def"
CODES = {name: code for name, code in vars(schema.BuiltinOperator).items() if not name.startswith("_")}
OPTIONS = {name: number for name, number in vars(schema.BuiltinOptions).items() if not name.startswith("_")}
TYPES = {np.dtype(np.float32): 0, np.dtype(np.float16): 1, np.dtype(np.int32): 2, np.dtype(np.uint8): 3,
         np.dtype(np.int64): 4, np.dtype(np.bool_): 6, np.dtype(np.int16): 7, np.dtype(np.int8): 9}
ONNX = {"float32": 1, "uint8": 2, "int8": 3, "int16": 5, "int32": 6, "int64": 7, "bool": 9, "float16": 10}
rng = np.random.default_rng(11)


def f(*shape):
    return (rng.integers(-256, 257, shape) / 64).astype(np.float32)


def positive(*shape):
    return (np.abs(f(*shape)) + np.float32(0.5)).astype(np.float32)


def ints(low, high, *shape, dtype=np.int32):
    return rng.integers(low, high, shape).astype(dtype)


def i32(*values):
    return np.array(values, np.int32)


class T:
    """A tensor: fed (array), constant, or a result (dtype alone); with scales it is quantized."""

    def __init__(self, data, scale=None, zero=0, axis=0, constant=False, signature=None):
        self.data, self.constant, self.axis, self.signature = data, constant, axis, signature
        self.variable = False
        self.dtype = np.dtype(data) if isinstance(data, type) else data.dtype
        self.scale = None if scale is None else np.atleast_1d(np.array(scale, np.float32))
        self.zero = np.atleast_1d(np.array(zero, np.int64))


def const(data, **more):
    return T(data, constant=True, **more)


def state(*shape, dtype=np.float32, **more):
    """A tensor that the interpreter keeps, zeros at first."""
    t = T(np.zeros(shape, dtype), **more)
    t.variable = True
    return t


class Out:
    def __init__(self, dtype=np.float32, shape=(), scale=None, zero=0):
        self.dtype, self.shape, self.scale, self.zero = np.dtype(dtype), shape, scale, zero


def tensor(name, dtype, shape, buffer, t, signature=None, known=True):
    record = schema.TensorT()
    record.name, record.type, record.buffer = name.encode(), TYPES[dtype], buffer
    record.shape, record.hasRank = list(shape), known
    if signature is not None:
        record.shapeSignature = list(signature)
    if t.scale is not None:
        record.quantization = schema.QuantizationParametersT()
        record.quantization.scale = [float(s) for s in np.atleast_1d(t.scale)]
        zeros = [int(z) for z in np.atleast_1d(t.zero)]
        record.quantization.zeroPoint = zeros * (len(record.quantization.scale) // len(zeros))
        record.quantization.quantizedDimension = getattr(t, "axis", 0)
    return record


def build(op, inputs, outputs, options=None, version=1, symbolic=False):
    model, graph = schema.ModelT(), schema.SubGraphT()
    model.version, model.description = 3, "one operator"
    model.buffers, graph.tensors = [schema.BufferT()], []
    numbers, fed = [], []
    for k, t in enumerate(inputs):
        if t is None:
            numbers.append(-1)
            continue
        buffer = 0
        if t.constant:
            content = schema.BufferT()
            content.data = np.frombuffer(np.ascontiguousarray(t.data).tobytes(), np.uint8)
            model.buffers.append(content)
            buffer = len(model.buffers) - 1
        signature = None
        if symbolic and not t.constant and t.data.ndim > 0:
            signature = [-1] + list(t.data.shape[1:])
        numbers.append(len(graph.tensors))
        graph.tensors.append(tensor("in%d" % k, t.dtype, t.data.shape, buffer, t, signature))
        graph.tensors[-1].isVariable = t.variable
        if not t.constant and not t.variable:
            fed.append(numbers[-1])
    results = []
    for k, o in enumerate(outputs):
        results.append(len(graph.tensors))
        graph.tensors.append(tensor("out%d" % k, o.dtype, o.shape, 0, o, known=bool(o.shape)))
    code = schema.OperatorCodeT()
    code.builtinCode, code.version = CODES[op], version
    code.deprecatedBuiltinCode = min(CODES[op], 127)
    node = schema.OperatorT()
    node.opcodeIndex, node.inputs, node.outputs = 0, numbers, results
    if options is not None:
        node.builtinOptionsType = OPTIONS[type(options).__name__[:-1]]
        node.builtinOptions = options
    graph.inputs, graph.outputs, graph.operators, graph.name = fed, results, [node], b"main"
    model.operatorCodes, model.subgraphs = [code], [graph]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def run(model, feeds):
    for resolver in (OpResolverType.BUILTIN_REF, OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES):
        try:
            interpreter = Interpreter(model_content=model, experimental_op_resolver_type=resolver, num_threads=1)
        except ValueError as error:  # the reference resolver lacks some kernels
            if "Didn't find op" not in str(error):
                raise
            continue
        interpreter.allocate_tensors()
        for detail, data in zip(interpreter.get_input_details(), feeds):
            interpreter.set_tensor(detail["index"], data)
        interpreter.invoke()
        return [interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()]
    raise RuntimeError("no kernel")


def options(name, **fields):
    record = getattr(schema, name + "OptionsT")()
    for field, value in fields.items():
        assert hasattr(record, field), (name, field)
        setattr(record, field, value)
    return record


cases = []


def case(name, op, inputs, outputs, opts=None, version=1, symbolic=False):
    cases.append((name, op, inputs, outputs, opts, version, symbolic))


def windows():
    for padding in (0, 1):
        for stride, dilation in ((1, 1), (2, 1), (1, 2)):
            label = "%s_s%d_d%d" % ("same" if padding == 0 else "valid", stride, dilation)
            o = dict(padding=padding, strideW=stride, strideH=stride, dilationWFactor=dilation, dilationHFactor=dilation)
            case("conv_" + label, "CONV_2D", [T(f(2, 7, 8, 3)), const(f(4, 3, 2, 3)), const(f(4))], [Out()],
                 options("Conv2D", fusedActivationFunction=1 + 2 * padding, **o))
            case("depthwise_" + label, "DEPTHWISE_CONV_2D", [T(f(1, 7, 8, 3)), const(f(1, 3, 2, 6)), const(f(6))], [Out()],
                 options("DepthwiseConv2D", depthMultiplier=2, **o))
        p = dict(padding=padding, strideW=2, strideH=1, filterWidth=3, filterHeight=2)
        for op in ("AVERAGE_POOL_2D", "MAX_POOL_2D", "L2_POOL_2D"):
            case("%s_%d" % (op.lower(), padding), op, [T(f(2, 5, 6, 3))], [Out()], options("Pool2D", **p))
        case("transpose_conv_%d" % padding, "TRANSPOSE_CONV",
             [const(i32(1, 8 if padding == 0 else 9, 6 if padding == 0 else 7, 4)), const(f(4, 3, 3, 2)), T(f(1, 4, 3, 2))], [Out()],
             options("TransposeConv", padding=padding, strideW=2, strideH=2), 1)
    case("conv_groups", "CONV_2D", [T(f(1, 5, 5, 4)), const(f(6, 3, 3, 2)), const(f(6))], [Out()],
         options("Conv2D", padding=0, strideW=1, strideH=1), 6)
    case("conv_symbolic", "CONV_2D", [T(f(2, 5, 5, 4)), const(f(6, 3, 3, 4)), const(f(6))], [Out()],
         options("Conv2D", padding=0, strideW=2, strideH=2), 1, True)
    case("transpose_conv_bias", "TRANSPOSE_CONV", [const(i32(1, 7, 7, 2)), const(f(2, 3, 3, 3)), T(f(1, 3, 3, 3)), const(f(2))], [Out()],
         options("TransposeConv", padding=1, strideW=2, strideH=2), 3)
    case("conv_3d", "CONV_3D", [T(f(1, 4, 5, 6, 2)), const(f(2, 2, 3, 2, 3)), const(f(3))], [Out()],
         options("Conv3D", padding=0, strideD=1, strideW=2, strideH=1, dilationDFactor=1, dilationWFactor=1, dilationHFactor=1))


def elementwise():
    unary = {"ABS": f, "CEIL": f, "COS": f, "ELU": f, "EXP": f, "FLOOR": f, "HARD_SWISH": f, "LOG": positive, "LOGISTIC": f,
             "NEG": f, "RELU": f, "RELU6": f, "RELU_N1_TO_1": f, "RELU_0_TO_1": f, "ROUND": f, "RSQRT": positive, "SIN": f,
             "SQRT": positive, "SQUARE": f, "TANH": f, "ZEROS_LIKE": f, "SIGN": f}
    for op, make in unary.items():
        case(op.lower(), op, [T(make(3, 5))], [Out()])
    case("gelu", "GELU", [T(f(3, 5))], [Out()], options("Gelu", approximate=False))
    case("gelu_tanh", "GELU", [T(f(3, 5))], [Out()], options("Gelu", approximate=True))
    case("leaky_relu", "LEAKY_RELU", [T(f(3, 5))], [Out()], options("LeakyRelu", alpha=0.125))
    case("logical_not", "LOGICAL_NOT", [T(ints(0, 2, 4, 3, dtype=np.bool_))], [Out(np.bool_)])
    for op, o in (("ADD", "Add"), ("SUB", "Sub"), ("MUL", "Mul"), ("DIV", "Div")):
        for act in (0, 1, 2, 3):
            case("%s_act%d" % (op.lower(), act), op, [T(f(2, 3, 4)), T(positive(3, 1))], [Out()],
                 options(o, fusedActivationFunction=act))
        case("%s_i32" % op.lower(), op, [T(ints(-50, 50, 3, 4)), T(ints(1, 9, 3, 4))], [Out(np.int32)], options(o))
    case("add_symbolic", "ADD", [T(f(3, 4)), const(f(1, 4))], [Out()], options("Add"), 1, True)
    for op in ("MAXIMUM", "MINIMUM"):
        case(op.lower(), op, [T(f(2, 3)), T(f(1, 3))], [Out()])
    for op in ("SQUARED_DIFFERENCE", "FLOOR_DIV", "FLOOR_MOD", "PRELU"):
        case(op.lower(), op, [T(f(2, 3)), T(positive(1, 3) if op != "PRELU" else f(1, 3))], [Out()], None, 2 if op == "FLOOR_DIV" else 1)
    for op in ("FLOOR_DIV", "FLOOR_MOD"):
        case(op.lower() + "_i32", op, [T(ints(-20, 20, 30)), T(np.where(np.arange(30) % 2, 3, -4).astype(np.int32))], [Out(np.int32)])
    case("pow", "POW", [T(positive(2, 3)), T(f(2, 3))], [Out()])
    case("pow_i32", "POW", [T(ints(-3, 4, 2, 3)), T(ints(0, 4, 2, 3))], [Out(np.int32)])
    for op in ("LESS", "LESS_EQUAL", "GREATER", "GREATER_EQUAL", "EQUAL", "NOT_EQUAL"):
        case(op.lower(), op, [T(ints(0, 3, 4, 3)), T(ints(0, 3, 1, 3))], [Out(np.bool_)])
        case(op.lower() + "_f32", op, [T(f(4, 3)), T(f(4, 3))], [Out(np.bool_)])
    for op in ("LOGICAL_AND", "LOGICAL_OR"):
        case(op.lower(), op, [T(ints(0, 2, 4, 3, dtype=np.bool_)), T(ints(0, 2, 4, 3, dtype=np.bool_))], [Out(np.bool_)])
    case("bitwise_xor", "BITWISE_XOR", [T(ints(-99, 99, 7)), T(ints(-99, 99, 7))], [Out(np.int32)])
    case("right_shift", "RIGHT_SHIFT", [T(ints(-99, 99, 7)), T(ints(0, 8, 7))], [Out(np.int32)])
    case("select", "SELECT", [T(ints(0, 2, 3, 2, dtype=np.bool_)), T(f(3, 2)), T(f(3, 2))], [Out()])
    case("select_rows", "SELECT", [T(ints(0, 2, 3, dtype=np.bool_)), T(f(3, 2)), T(f(3, 2))], [Out()])
    case("select_v2", "SELECT_V2", [T(ints(0, 2, 2, dtype=np.bool_)), T(f(3, 2)), T(f(3, 1))], [Out()])
    case("add_n", "ADD_N", [T(f(2, 3)), T(f(2, 3)), T(f(2, 3))], [Out()])
    case("cast", "CAST", [T(f(4, 3))], [Out(np.int32)], options("Cast", inDataType=0, outDataType=2))
    case("cast_bool", "CAST", [T(ints(-1, 2, 4, 3))], [Out(np.bool_)])
    case("dequantize_f16", "DEQUANTIZE", [const(f(4, 3).astype(np.float16))], [Out()], None, 3)
    case("fake_quant", "FAKE_QUANT", [T(f(4, 3))], [Out()], options("FakeQuant", min=-2.5, max=3.0, numBits=8))


def moves():
    case("reshape_input", "RESHAPE", [T(f(2, 3, 4)), const(i32(4, -1))], [Out()])
    case("reshape_option", "RESHAPE", [T(f(2, 3, 4))], [Out()], options("Reshape", newShape=[6, 4]))
    case("reshape_symbolic", "RESHAPE", [T(f(2, 3, 4)), const(i32(-1, 12))], [Out()], None, 1, True)
    case("transpose", "TRANSPOSE", [T(f(2, 3, 4)), const(i32(2, 0, 1))], [Out()])
    case("squeeze", "SQUEEZE", [T(f(2, 1, 4, 1))], [Out()], options("Squeeze", squeezeDims=[1]))
    case("squeeze_all", "SQUEEZE", [T(f(2, 1, 4, 1))], [Out()], options("Squeeze", squeezeDims=[]))
    case("expand_dims", "EXPAND_DIMS", [T(f(2, 3)), const(i32(-1))], [Out()])
    for axis in (1, -1):
        case("concatenation_%d" % axis, "CONCATENATION", [T(f(2, 3, 2)), T(f(2, 3, 2) if axis == -1 else f(2, 1, 2))], [Out()],
             options("Concatenation", axis=axis))
    case("pack", "PACK", [T(f(2, 3)), T(f(2, 3))], [Out()], options("Pack", valuesCount=2, axis=1))
    case("unpack", "UNPACK", [T(f(2, 3))], [Out(), Out(), Out()], options("Unpack", num=3, axis=1))
    case("split", "SPLIT", [const(np.int32(1)), T(f(2, 6))], [Out(), Out(), Out()], options("Split", numSplits=3))
    case("split_v", "SPLIT_V", [T(f(2, 6)), const(i32(1, -1, 2)), const(np.int32(1))], [Out(), Out(), Out()], options("SplitV", numSplits=3))
    case("pad", "PAD", [T(f(2, 3)), const(np.array([[1, 0], [2, 1]], np.int32))], [Out()])
    case("pad_v2", "PADV2", [T(f(2, 3)), const(np.array([[1, 0], [2, 1]], np.int32)), const(np.float32(7))], [Out()])
    for mode in (0, 1):
        case("mirror_pad_%d" % mode, "MIRROR_PAD", [T(f(3, 4)), const(np.array([[1, 2], [2, 1]], np.int32))], [Out()], options("MirrorPad", mode=mode))
    case("tile", "TILE", [T(f(2, 3)), const(i32(2, 3))], [Out()])
    case("broadcast_to", "BROADCAST_TO", [T(f(2, 1)), const(i32(3, 2, 4))], [Out()], None, 2)
    case("broadcast_args", "BROADCAST_ARGS", [const(i32(3, 1)), const(i32(2, 1, 4))], [Out(np.int32)])
    case("fill", "FILL", [const(i32(2, 3)), T(np.float32(2.5))], [Out()])
    case("slice", "SLICE", [T(f(3, 5)), const(i32(1, 2)), const(i32(2, -1))], [Out()])
    strided = [("plain", (1, 0), (3, 4), (1, 2), {}), ("masks", (1, 1), (2, 2), (1, 1), dict(beginMask=1, endMask=2)),
               ("shrink", (1, -2), (2, 5), (1, 1), dict(shrinkAxisMask=1)), ("back", (-1, 4), (-9, 0), (-1, -2), {}),
               ("back_masks", (0, 0), (0, 0), (-1, -1), dict(beginMask=3, endMask=3))]
    for label, b, e, s, masks in strided:
        case("strided_slice_" + label, "STRIDED_SLICE", [T(f(4, 5)), const(i32(*b)), const(i32(*e)), const(i32(*s))], [Out()],
             options("StridedSlice", **masks))
    case("strided_slice_ellipsis", "STRIDED_SLICE", [T(f(2, 3, 4)), const(i32(0, 1)), const(i32(0, 3)), const(i32(1, 1))], [Out()],
         options("StridedSlice", ellipsisMask=1))
    case("strided_slice_new", "STRIDED_SLICE", [T(f(2, 3)), const(i32(0, 0, 1)), const(i32(2, 0, 3)), const(i32(1, 1, 1))], [Out()],
         options("StridedSlice", newAxisMask=2))
    case("strided_slice_offset", "STRIDED_SLICE", [T(f(4, 5)), const(i32(1, 1)), const(i32(2, 3)), const(i32(1, 2))], [Out()],
         options("StridedSlice", offset=True), 4)
    case("reverse", "REVERSE_V2", [T(f(2, 3)), const(i32(1))], [Out()])
    case("space_to_depth", "SPACE_TO_DEPTH", [T(f(1, 4, 6, 3))], [Out()], options("SpaceToDepth", blockSize=2))
    case("depth_to_space", "DEPTH_TO_SPACE", [T(f(1, 2, 3, 12))], [Out()], options("DepthToSpace", blockSize=2))
    case("space_to_batch", "SPACE_TO_BATCH_ND", [T(f(2, 3, 4, 2)), const(i32(2, 3)), const(np.array([[0, 1], [1, 1]], np.int32))], [Out()])
    case("batch_to_space", "BATCH_TO_SPACE_ND", [T(f(12, 3, 4, 2)), const(i32(2, 3)), const(np.array([[0, 1], [1, 1]], np.int32))], [Out()])


def others():
    case("gather", "GATHER", [T(f(4, 3)), T(i32(2, 0))], [Out()], options("Gather", axis=0))
    case("gather_batch", "GATHER", [T(f(2, 4, 3)), T(np.array([[1, 0], [3, 3]], np.int32))], [Out()], options("Gather", axis=1, batchDims=1), 5)
    case("gather_nd", "GATHER_ND", [T(f(2, 3, 2)), T(np.array([[1, 2], [0, 0]], np.int32))], [Out()])
    case("embedding_lookup", "EMBEDDING_LOOKUP", [T(i32(2, 0)), const(f(4, 3))], [Out()])
    case("scatter_nd", "SCATTER_ND", [T(np.array([[1], [3], [1]], np.int32)), T(f(3, 2)), const(i32(5, 2))], [Out()])
    case("one_hot", "ONE_HOT", [T(i32(1, 0, 2)), const(np.int32(4)), const(np.float32(3)), const(np.float32(-1))], [Out()], options("OneHot", axis=-1))
    case("top_k", "TOPK_V2", [T(rng.permutation(12).reshape(2, 6).astype(np.float32)), const(np.int32(3))], [Out(), Out(np.int32)])
    case("cumsum", "CUMSUM", [T(f(3, 4)), const(np.int32(1))], [Out()], options("Cumsum", exclusive=True, reverse=True))
    case("where", "WHERE", [T(ints(0, 2, 3, 4, dtype=np.bool_))], [Out(np.int64)])
    case("shape", "SHAPE", [T(f(3, 4))], [Out(np.int32)], options("Shape", outType=2))
    case("rank", "RANK", [T(f(3, 4))], [Out(np.int32)])
    case("range", "RANGE", [T(np.int32(2)), T(np.int32(11)), T(np.int32(3))], [Out(np.int32)])
    for op in ("ARG_MAX", "ARG_MIN"):
        name = {"ARG_MAX": "ArgMax", "ARG_MIN": "ArgMin"}[op]
        case(op.lower(), op, [T(f(3, 4)), const(np.int32(1))], [Out(np.int32)], options(name, outputType=2))
        case(op.lower() + "_i64", op, [T(f(3, 4)), const(np.int32(0))], [Out(np.int64)], options(name, outputType=4))
    for op in ("MEAN", "SUM", "REDUCE_PROD", "REDUCE_MAX", "REDUCE_MIN"):
        for keep in (False, True):
            case("%s_%d" % (op.lower(), keep), op, [T(f(2, 3, 4)), const(i32(-1, 0))], [Out()], options("Reducer", keepDims=keep))
    for op in ("REDUCE_ANY", "REDUCE_ALL"):
        case(op.lower(), op, [T(ints(0, 2, 3, 4, dtype=np.bool_)), const(i32(1))], [Out(np.bool_)], options("Reducer", keepDims=False))
    case("softmax", "SOFTMAX", [T(f(3, 5))], [Out()], options("Softmax", beta=1.0))
    case("softmax_beta", "SOFTMAX", [T(f(3, 5))], [Out()], options("Softmax", beta=0.5))
    case("log_softmax", "LOG_SOFTMAX", [T(f(3, 5))], [Out()])
    case("l2_normalization", "L2_NORMALIZATION", [T(f(3, 5))], [Out()], options("L2Norm"))
    case("local_response", "LOCAL_RESPONSE_NORMALIZATION", [T(f(1, 2, 2, 6))], [Out()],
         options("LocalResponseNormalization", radius=2, bias=1.5, alpha=0.25, beta=0.75))
    case("fully_connected", "FULLY_CONNECTED", [T(f(3, 5)), const(f(4, 5)), const(f(4))], [Out()], options("FullyConnected", fusedActivationFunction=1))
    case("fully_connected_flat", "FULLY_CONNECTED", [T(f(3, 2, 5)), const(f(4, 10)), None], [Out()], options("FullyConnected"))
    case("fully_connected_keep", "FULLY_CONNECTED", [T(f(3, 2, 5)), const(f(4, 5)), const(f(4))], [Out()], options("FullyConnected", keepNumDims=True), 5)
    case("fully_connected_symbolic", "FULLY_CONNECTED", [T(f(3, 5)), const(f(4, 5)), const(f(4))], [Out()], options("FullyConnected"), 1, True)
    for x, y in ((False, False), (True, True)):
        case("batch_matmul_%d" % x, "BATCH_MATMUL", [T(f(2, 4, 3) if x else f(2, 3, 4)), T(f(2, 5, 4) if y else f(2, 4, 5))], [Out()],
             options("BatchMatMul", adjX=x, adjY=y))
    for op, name in (("RESIZE_BILINEAR", "ResizeBilinear"), ("RESIZE_NEAREST_NEIGHBOR", "ResizeNearestNeighbor")):
        for label, o in (("plain", {}), ("corners", dict(alignCorners=True)), ("centers", dict(halfPixelCenters=True))):
            for size in ((7, 9), (2, 3)):
                case("%s_%s_%d" % (op.lower(), label, size[0]), op, [T(f(1, 4, 5, 2)), const(i32(*size))], [Out()], options(name, **o), 3)
    lstm = [T(f(2, 5, 3))] + [const(f(4, 3) / 4) for _ in range(4)] + [const(f(4, 4) / 4) for _ in range(4)] + [None] * 3
    lstm += [const(f(4)) for _ in range(4)] + [None] * 2 + [state(2, 4), state(2, 4)]
    case("sequence_lstm", "UNIDIRECTIONAL_SEQUENCE_LSTM", lstm, [Out()],
         options("UnidirectionalSequenceLSTM", fusedActivationFunction=4))


def quantized():
    q8 = lambda *shape: ints(-128, 128, *shape, dtype=np.int8)
    u8 = lambda *shape: ints(0, 256, *shape, dtype=np.uint8)
    for act in (0, 1, 3):
        case("conv_i8_act%d" % act, "CONV_2D",
             [T(q8(1, 6, 6, 3), scale=0.05, zero=-7), const(ints(-127, 128, 5, 3, 3, 3, dtype=np.int8), scale=rng.uniform(0.001, 0.02, 5), zero=0),
              const(ints(-2000, 2000, 5), scale=[0.001] * 5)], [Out(np.int8, scale=0.11, zero=5)],
             options("Conv2D", padding=0, strideW=1, strideH=1, fusedActivationFunction=act), 3)
        case("depthwise_i8_act%d" % act, "DEPTHWISE_CONV_2D",
             [T(q8(1, 6, 6, 3), scale=0.05, zero=9), const(ints(-127, 128, 1, 3, 3, 6, dtype=np.int8), scale=rng.uniform(0.001, 0.02, 6), zero=0, axis=3),
              const(ints(-2000, 2000, 6), scale=[0.001] * 6)], [Out(np.int8, scale=0.04, zero=-5)],
             options("DepthwiseConv2D", padding=0, strideW=2, strideH=2, depthMultiplier=2, fusedActivationFunction=act), 3)
    case("conv_u8", "CONV_2D", [T(u8(1, 6, 6, 3), scale=0.05, zero=120), const(u8(5, 3, 3, 3), scale=0.01, zero=131),
                                const(ints(-2000, 2000, 5), scale=0.0005)], [Out(np.uint8, scale=0.21, zero=101)],
         options("Conv2D", padding=0, strideW=1, strideH=1, fusedActivationFunction=3))
    case("depthwise_u8", "DEPTHWISE_CONV_2D", [T(u8(1, 6, 6, 4), scale=0.05, zero=120), const(u8(1, 3, 3, 4), scale=0.01, zero=131),
                                               const(ints(-2000, 2000, 4), scale=0.0005)], [Out(np.uint8, scale=0.11, zero=101)],
         options("DepthwiseConv2D", padding=1, strideW=1, strideH=1, depthMultiplier=1))
    case("fully_connected_u8", "FULLY_CONNECTED", [T(u8(3, 16), scale=0.05, zero=120), const(u8(7, 16), scale=0.01, zero=131),
                                                   const(ints(-2000, 2000, 7), scale=0.0005)], [Out(np.uint8, scale=0.11, zero=101)],
         options("FullyConnected"))
    for op, o in (("ADD", "Add"), ("SUB", "Sub"), ("MUL", "Mul")):
        for kind, make, z in (("i8", q8, 0), ("u8", u8, 128)):
            dtype = np.int8 if kind == "i8" else np.uint8
            case("%s_%s" % (op.lower(), kind), op, [T(make(4, 8), scale=0.031, zero=z + 3), T(make(4, 8), scale=0.053, zero=z - 11)],
                 [Out(dtype, scale=0.071 if op != "MUL" else 0.12, zero=z + 1)], options(o, fusedActivationFunction=1 if kind == "u8" else 0), 2)
    for padding in (0, 1):
        case("average_pool_i8_%d" % padding, "AVERAGE_POOL_2D", [T(q8(1, 7, 7, 4), scale=0.1, zero=4)], [Out(np.int8, scale=0.1, zero=4)],
             options("Pool2D", padding=padding, strideW=2, strideH=2, filterWidth=4, filterHeight=4), 2)
        case("max_pool_i8_%d" % padding, "MAX_POOL_2D", [T(q8(1, 7, 7, 4), scale=0.1, zero=4)], [Out(np.int8, scale=0.1, zero=4)],
             options("Pool2D", padding=padding, strideW=2, strideH=2, filterWidth=3, filterHeight=2, fusedActivationFunction=1), 2)
    for shape, axes in (((1, 7, 7, 5), (1, 2)), ((2, 6, 5), (2,)), ((1, 4, 4, 3), (1, 2))):
        case("mean_i8_%d" % len(axes) + "_%d" % shape[1], "MEAN", [T(q8(*shape), scale=0.1, zero=4), const(i32(*axes))], [Out(np.int8, scale=0.07, zero=-3)],
             options("Reducer", keepDims=len(axes) == 1), 2)
    for op in ("LOGISTIC", "TANH"):
        scale, zero = (1 / 256, -128) if op == "LOGISTIC" else (1 / 128, 0)
        case(op.lower() + "_i8", op, [T(np.arange(-128, 128).astype(np.int8).reshape(4, 64), scale=0.06, zero=5)], [Out(np.int8, scale=scale, zero=zero)], None, 2)
        case(op.lower() + "_u8", op, [T(np.arange(256).astype(np.uint8).reshape(4, 64), scale=0.06, zero=133)],
             [Out(np.uint8, scale=scale, zero=zero + 128)])
    case("relu_i8", "RELU", [T(q8(4, 16), scale=0.06, zero=5)], [Out(np.int8, scale=0.05, zero=-9)], None, 2)
    case("relu6_i8", "RELU6", [T(q8(4, 16), scale=0.06, zero=5)], [Out(np.int8, scale=0.025, zero=-128)], None, 2)
    case("quantize_i8", "QUANTIZE", [T((rng.integers(-900, 900, (5, 40)) / 32).astype(np.float32))], [Out(np.int8, scale=0.125, zero=3)])
    case("quantize_u8", "QUANTIZE", [T((rng.integers(-900, 900, (5, 40)) / 32).astype(np.float32))], [Out(np.uint8, scale=0.125, zero=130)])
    case("requantize", "QUANTIZE", [T(q8(5, 40), scale=0.11, zero=4)], [Out(np.int8, scale=0.17, zero=-6)], None, 2)
    case("requantize_u8_i8", "QUANTIZE", [T(u8(5, 40), scale=0.11, zero=120)], [Out(np.int8, scale=0.11, zero=-8)], None, 2)
    case("dequantize_i8", "DEQUANTIZE", [T(q8(5, 7), scale=0.11, zero=4)], [Out()], None, 2)
    case("softmax_i8", "SOFTMAX", [T(q8(6, 12), scale=0.09, zero=4)], [Out(np.int8, scale=1 / 256, zero=-128)], options("Softmax", beta=1.0), 2)
    case("softmax_u8", "SOFTMAX", [T(u8(6, 12), scale=0.09, zero=14)], [Out(np.uint8, scale=1 / 256, zero=0)], options("Softmax", beta=1.0))
    same = dict(scale=0.1, zero=-4)
    case("pad_i8", "PAD", [T(q8(2, 3), **same), const(np.array([[1, 0], [2, 1]], np.int32))], [Out(np.int8, **same)], None, 2)
    case("concatenation_i8", "CONCATENATION", [T(q8(2, 3), **same), T(q8(2, 2), **same)], [Out(np.int8, **same)], options("Concatenation", axis=1), 2)
    case("reshape_i8", "RESHAPE", [T(q8(2, 6), **same), const(i32(3, 4))], [Out(np.int8, **same)])
    case("resize_nearest_i8", "RESIZE_NEAREST_NEIGHBOR", [T(q8(1, 3, 3, 2), **same), const(i32(6, 5))], [Out(np.int8, **same)], options("ResizeNearestNeighbor"), 2)
    case("maximum_i8", "MAXIMUM", [T(q8(4, 4), **same), T(q8(4, 4), **same)], [Out(np.int8, **same)], None, 2)
    case("arg_max_i8", "ARG_MAX", [T(q8(3, 9), **same), const(np.int32(1))], [Out(np.int32)], options("ArgMax", outputType=2))
    case("less_i8", "LESS", [T(q8(3, 9), scale=0.1, zero=2), T(q8(3, 9), scale=0.2, zero=-3)], [Out(np.bool_)], None, 2)


def program(subgraphs):
    """A model of several subgraphs: each (tensors (dtype, shape, constant), inputs, outputs, [(op, inputs, outputs, options)])."""
    model = schema.ModelT()
    model.version, model.description, model.buffers = 3, "subgraphs", [schema.BufferT()]
    model.operatorCodes, model.subgraphs = [], []
    for number, (tensors, inputs, outputs, nodes) in enumerate(subgraphs):
        graph = schema.SubGraphT()
        graph.inputs, graph.outputs, graph.operators, graph.name, graph.tensors = inputs, outputs, [], b"g%d" % number, []
        for k, (dtype, shape, data) in enumerate(tensors):
            buffer = 0
            if data is not None:
                content = schema.BufferT()
                content.data = np.frombuffer(np.asarray(data, dtype).tobytes(), np.uint8)
                model.buffers.append(content)
                buffer = len(model.buffers) - 1
            graph.tensors.append(tensor("t%d_%d" % (number, k), np.dtype(dtype), shape, buffer, Out(dtype)))
        for op, ins, outs, opts in nodes:
            code = schema.OperatorCodeT()
            code.builtinCode, code.version, code.deprecatedBuiltinCode = CODES[op], 1, min(CODES[op], 127)
            node = schema.OperatorT()
            node.opcodeIndex, node.inputs, node.outputs = len(model.operatorCodes), ins, outs
            model.operatorCodes.append(code)
            if opts is not None:
                node.builtinOptionsType, node.builtinOptions = OPTIONS[type(opts).__name__[:-1]], opts
            graph.operators.append(node)
        model.subgraphs.append(graph)
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def controls():
    i, x, yes = (np.int32, (1,), None), (np.float32, (2, 3), None), (np.bool_, (1,), None)
    number = lambda n: (np.int32, (1,), [n])
    loop = program([
        ([i, x, i, x], [0, 1], [2, 3], [("WHILE", [0, 1], [2, 3], options("While", condSubgraphIndex=1, bodySubgraphIndex=2))]),
        ([i, x, number(5), yes], [0, 1], [3], [("LESS", [0, 2], [3], None)]),
        ([i, x, number(1), i, x], [0, 1], [3, 4], [("ADD", [0, 2], [3], options("Add")), ("ADD", [1, 1], [4], options("Add"))])])
    yield "while", "WHILE", loop, [i32(2), f(2, 3)]
    yield "while_never", "WHILE", loop, [i32(9), f(2, 3)]
    choice = program([
        ([yes, x, x], [0, 1], [2], [("IF", [0, 1], [2], options("If", thenSubgraphIndex=1, elseSubgraphIndex=2))]),
        ([x, x], [0], [1], [("RELU", [0], [1], None)]),
        ([x, x], [0], [1], [("TANH", [0], [1], None)])])
    yield "if_then", "IF", choice, [np.array([True]), f(2, 3)]
    yield "if_else", "IF", choice, [np.array([False]), f(2, 3)]


def varint(n):
    out = b""
    while n >= 128:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def proto(name, array):
    array = np.asarray(array)
    out = b"".join(b"\x08" + varint(d) for d in array.shape) + b"\x10" + varint(ONNX[array.dtype.name])
    raw = array.tobytes()
    return out + b"\x42" + varint(len(name)) + name.encode() + b"\x4a" + varint(len(raw)) + raw


def pack(data):
    return struct.pack("<I", len(data)) + data


def main():
    for make in (windows, elementwise, moves, others, quantized):
        make()
    parts, done = [b"HMLCASE1"], set()
    for name, op, inputs, outputs, opts, version, symbolic in cases:
        model = build(op, inputs, outputs, opts, version, symbolic)
        feeds = [(k, t.data) for k, t in enumerate(inputs) if t is not None and not t.constant and not t.variable]
        try:
            results = run(model, [data for _, data in feeds])
        except Exception as error:
            print("no result:", name, str(error).splitlines()[0][:150])
            continue
        done.add(op)
        parts += [pack(name.encode()), pack(model), struct.pack("<I", len(feeds))]
        parts += [pack(proto("in%d" % k, data)) for k, data in feeds]
        parts += [struct.pack("<I", len(results))]
        parts += [pack(proto("out%d" % k, data)) for k, data in enumerate(results)]
    for name, op, model, feeds in controls():
        results = run(model, feeds)
        done.add(op)
        parts += [pack(name.encode()), pack(model), struct.pack("<I", len(feeds))]
        parts += [pack(proto("in%d" % k, data)) for k, data in enumerate(feeds)]
        parts += [struct.pack("<I", len(results))]
        parts += [pack(proto("out%d" % k, data)) for k, data in enumerate(results)]
    out = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "tflite_cases.bin"
    out.write_bytes(b"".join(parts))
    rows = re.findall(r"^TFLITE_OP\((\w+),", TABLE.read_text(), re.M)
    print("%d cases, %d bytes; rows without one: %s" % (len(cases), out.stat().st_size, " ".join(r for r in rows if r not in done)))


if __name__ == "__main__":
    main()
