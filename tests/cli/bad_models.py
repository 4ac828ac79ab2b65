#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Models of TensorFlow, TFLite and Keras that are damaged or mean nothing, and archives of such: each must end within 5 s and
64 MiB + 4 times the file, with the status, the code and the words of its row.

usage: bad_models.py HMLC WEIGHTS.h5 [FOLDER]   (FOLDER: where the files are left; a temporary one otherwise)
"""
import gzip
import io
import json
import os
import re
import struct
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
import zlib

hmlc, weights_file = sys.argv[1:3]
weights = open(weights_file, "rb").read()
rows = []


def row(name, content, status, code, words, *options):
    """content: the file's bytes, or a folder's as a dict of them."""
    rows.append((name, content, status, code, words, options))


# -- TFLite: FlatBuffers, children behind their parents --------------------------------------------------------------------

class Ref:
    """A number in place of an offset: what the file says, not what is so."""

    def __init__(self, value):
        self.value = value


def flat(root):
    out = bytearray(8)

    def pad(to):
        while len(out) % to:
            out.append(0)

    def put(node):
        if isinstance(node, (bytes, str)):
            data = node.encode() if isinstance(node, str) else node
            pad(4)
            at = len(out)
            out.extend(struct.pack("<I", len(data)) + data + b"\0")
            return at
        if isinstance(node, tuple):  # (format, numbers)
            kind, numbers = node
            pad(8)
            out.extend(b"\0" * 4)
            at = len(out)
            out.extend(struct.pack("<I", len(numbers)) + struct.pack("<%d%s" % (len(numbers), kind), *numbers))
            return at
        if isinstance(node, list):
            pad(4)
            at = len(out)
            out.extend(struct.pack("<I", len(node)) + b"\0" * 4 * len(node))
            for k, child in enumerate(node):
                place = at + 4 + 4 * k
                struct.pack_into("<I", out, place, put(child) - place)
            return at
        count = max(node, default=-1) + 1
        pad(8)
        vtable = len(out)
        out.extend(struct.pack("<HH", 4 + 2 * count, 4 + 8 * count) + b"\0" * 2 * count)
        pad(8)
        out.extend(b"\0" * 4)
        at = len(out)
        out.extend(struct.pack("<i", at - vtable) + b"\0" * 8 * count)
        for field, value in node.items():
            place = at + 4 + 8 * field
            struct.pack_into("<H", out, vtable + 4 + 2 * field, place - at)
            if isinstance(value, int):
                struct.pack_into("<q", out, place, value)
            elif isinstance(value, float):
                struct.pack_into("<f", out, place, value)
            elif isinstance(value, Ref):
                struct.pack_into("<I", out, place, value.value)
            else:
                struct.pack_into("<I", out, place, put(value) - place)
        return at

    position = put(root)
    struct.pack_into("<I", out, 0, position)
    out[4:8] = b"TFL3"
    return bytes(out)


def tensor(name, buffer=0, shape=(2, 3), kind=0, **more):
    """more: _4=, fields by their numbers."""
    return {0: ("i", shape), 1: kind, 2: buffer, 3: name, **{int(k[1:]): v for k, v in more.items()}}


def node(code=0, inputs=(0, 1), outputs=(2,), options=(11, {})):
    return {0: code, 1: ("i", inputs), 2: ("i", outputs), 3: options[0], 4: options[1]}


def lite(tensors=None, nodes=None, codes=None, buffers=None, inputs=(0,), outputs=(2,), **more):
    """y = x + w, with what is given in other places."""
    tensors = tensors or [tensor("x"), tensor("w", 1), tensor("y")]
    graph = {0: tensors, 1: ("i", inputs), 2: ("i", outputs), 3: nodes if nodes is not None else [node()], 4: "main"}
    buffers = buffers or [{}, {0: ("B", struct.pack("<6f", *range(6)))}]
    model = {0: 3, 1: codes or [{0: 0, 2: 1, 3: 0}], 2: [graph], 3: "a model", 4: buffers}
    model.update({int(k[1:]): v for k, v in more.items()})
    return flat({k: v for k, v in model.items() if v is not None})


def quantized(scales, zeros=(0,), axis=0):
    return {2: ("f", scales), 3: ("q", zeros), 6: axis}


def xyw(**more):
    return [tensor("x"), tensor("w", 1), tensor("y", **more)]


good = lite()
damage = ("4", "HML0201")
row("root.tflite", struct.pack("<I", 1 << 30) + good[4:], *damage, "root")
row("cut.tflite", good[:60], *damage, "")
at = struct.unpack("<I", good[:4])[0]
row("vtable_outside.tflite", good[:at] + struct.pack("<i", -(1 << 30)) + good[at + 4:], *damage, "table")
row("vtable_odd.tflite", good[:at] + struct.pack("<i", struct.unpack("<i", good[at:at + 4])[0] - 1) + good[at + 4:], *damage, "table")
row("vector.tflite", good.replace(struct.pack("<I6f", 24, *range(6))[:4] + struct.pack("<f", 0), struct.pack("<If", 1 << 31, 0)), *damage, "")
row("no_subgraphs.tflite", lite(_2=None), "4", "HML02", "subgraph")
row("no_codes.tflite", lite(_1=None), "4", "HML02", "operator")
row("version_99.tflite", lite(codes=[{0: 0, 2: 99, 3: 0}]), "3", "HML0204", "version 99")
row("index_negative.tflite", lite(nodes=[node(inputs=(0, -2))]), "4", "HML0201", "tensor -2 of 3")
row("index_n.tflite", lite(nodes=[node(inputs=(0, 3))]), "4", "HML0201", "tensor 3 of 3")
row("buffer_n.tflite", lite(tensors=[tensor("x"), tensor("w", 9), tensor("y")]), "4", "HML0201", "buffer is out of range")
row("buffer_short.tflite", lite(buffers=[{}, {0: ("B", b"\0" * 20)}]), "4", "HML0209", "20 bytes.*need 24.*'w")
row("buffer_wraps.tflite", lite(buffers=[{}, {1: (1 << 62) + 8, 2: (1 << 62) + ((1 << 62) - 1)}]), "4", "HML02", "")
row("external.tflite", lite(tensors=[tensor("x"), tensor("w", 0, _10=1), tensor("y")]), "4", "HML0210", "another file.*'w' ")
for word, scale in (("nan", float("nan")), ("negative", -1.0)):
    row("scale_%s.tflite" % word, lite(tensors=[tensor("x", kind=9, _4=quantized((scale,))), tensor("w", 1, kind=9, _4=quantized((0.5,))),
                                                tensor("y", kind=9, _4=quantized((0.5,)))], buffers=[{}, {0: ("B", b"\1" * 6)}]), "4", "HML02", "scale")
row("scale_zero.tflite", lite(tensors=xyw(kind=9, _4=quantized((0.0,)))), "3", "HML0304", "'y' is INT8 with scales that results cannot have")
row("scales_count.tflite", lite(tensors=[tensor("x"), tensor("w", 1, kind=9, _4=quantized((0.1, 0.2), (0, 0), 1)), tensor("y")],
                                buffers=[{}, {0: ("B", b"\1" * 6)}]), "4", "HML0207", "2 scales for 3 channels.*'w' ")
row("zero_point.tflite", lite(tensors=[tensor("x", kind=9, _4=quantized((0.1,), (300,))), tensor("w", 1), tensor("y")]), "4", "HML02", "zero point")
row("axis.tflite", lite(tensors=[tensor("x"), tensor("w", 1, kind=9, _4=quantized((0.1, 0.2), (0, 0), 7)), tensor("y")],
                        buffers=[{}, {0: ("B", b"\1" * 6)}]), "4", "HML02", "'w'")
row("blocks.tflite", lite(tensors=[tensor("x"), tensor("w", 1, kind=9, _4={2: ("f", (0.1,)), 3: ("q", (0,)), 4: 2, 5: {}}), tensor("y")],
                          buffers=[{}, {0: ("B", b"\1" * 6)}]), "3", "HML0304", "'w'")
row("string.tflite", lite(tensors=[tensor("x", kind=5), tensor("w", 1), tensor("y")]), "3", "HML0302", "STRING")
row("edgetpu.tflite", lite(codes=[{0: 32, 1: "edgetpu-custom-op", 2: 1, 3: 32}]), "3", "HML0206", "edgetpu-custom-op")
row("flex.tflite", lite(codes=[{0: 32, 1: "FlexErf", 2: 1, 3: 32}]), "3", "HML0206", "FlexErf")
row("twice.tflite", lite(nodes=[node(), node()]), "4", "HML0208", "'y'")
row("shape_product.tflite", lite(tensors=[tensor("x", shape=(1 << 30, 1 << 30, 1 << 30)), tensor("w", 1), tensor("y")]), "4", "HML0[23]", "'x'|elements|shape")
archive = io.BytesIO()
with zipfile.ZipFile(archive, "w") as z:
    z.writestr("model.tflite", good)
row("inside.zip", archive.getvalue(), "4", "HML0104", "zip")

# -- TensorFlow: protocol buffers --------------------------------------------------------------------------------------------


def number(value):
    value &= (1 << 64) - 1
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def field(key, value):
    if isinstance(value, int):
        return number(key << 3) + number(value)
    value = value.encode() if isinstance(value, str) else value
    return number(key << 3 | 2) + number(len(value)) + value


def shape(*dims):
    return b"".join(field(2, field(1, dim)) for dim in dims)


def attr(name, value):
    return field(5, field(1, name) + field(2, value))


def op(name, kind, *inputs, attrs=b""):
    return field(1, field(1, name) + field(2, kind) + b"".join(field(3, edge) for edge in inputs) + attrs)


def holder(name="x", *dims):
    return op(name, "Placeholder", attrs=attr("dtype", field(6, 1)) + attr("shape", field(7, shape(*(dims or (2, 3))))))


def const(name, dtype, dims, content):
    return op(name, "Const", attrs=attr("dtype", field(6, dtype)) + attr("value", field(8, field(1, dtype) + field(2, shape(*dims)) + content)))


FLOATS = attr("T", field(6, 1))
x = holder()
row("cycle.pb", x + op("a", "AddV2", "x", "b", attrs=FLOATS) + op("b", "Relu", "a", attrs=FLOATS) + op("y", "Neg", "b", attrs=FLOATS), "4", "HML0208", "circle|'a'|'b'")
yes = const("p", 10, (), field(11, b"\1"))
row("merge_of_three.pb", x + op("m", "Merge", "x", "x", "x", attrs=FLOATS + attr("N", field(3, 3))) + op("y", "Neg", "m", attrs=FLOATS), "4", "HML0", "Merge|'m'")
enter = op("e", "Enter", "x", attrs=FLOATS + attr("frame_name", field(2, "f")) + attr("is_constant", field(5, 0)))
row("no_exit.pb", x + yes + enter + op("m", "Merge", "e", "n", attrs=FLOATS + attr("N", field(3, 2))) + op("l", "LoopCond", "p")
    + op("s", "Switch", "m", "l", attrs=FLOATS) + op("n", "NextIteration", "s:1", attrs=FLOATS) + op("y", "Neg", "s:1", attrs=FLOATS), "4", "HML0", "loop|'y'|'s'|frame|Exit")
row("no_condition.pb", x + yes + enter + op("m", "Merge", "e", "n", attrs=FLOATS + attr("N", field(3, 2)))
    + op("s", "Switch", "m", "p", attrs=FLOATS) + op("n", "NextIteration", "s:1", attrs=FLOATS) + op("y", "Exit", "s", attrs=FLOATS), "4", "HML0", "LoopCond|loop")
row("switch_alone.pb", x + yes + op("s", "Switch", "x", "p", attrs=FLOATS) + op("y", "Neg", "s:0", attrs=FLOATS), "4", "HML0", "'s'|Switch|'y'")
row("output_9.pb", x + op("y", "Neg", "x:9", attrs=FLOATS), "4", "HML0208", "x:9")
row("named_twice.pb", x + op("y", "Neg", "x", attrs=FLOATS) + op("y", "Abs", "x", attrs=FLOATS), "4", "HML0208", "'y'")
row("no_type.pb", x + op("y", "Cast", "x", attrs=attr("SrcT", field(6, 1)) + attr("DstT", field(9, "T"))), "4", "HML0", "'y'")
row("unknown.pb", x + op("y", "Frobnicate", "x", attrs=FLOATS), "3", "HML0205", "Frobnicate")
row("strings.pb", x + const("s", 7, (1,), field(8, b"abc")) + op("y", "StringLower", "s"), "3", "HML0[23]0", "'[sy]'")
row("content_short.pb", x + const("c", 1, (2, 3), field(4, b"\0" * 20)) + op("y", "AddV2", "x", "c", attrs=FLOATS), "4", "HML0209", "'c'")
row("values_more.pb", x + const("c", 1, (2,), field(5, struct.pack("<4f", *range(4)))) + op("y", "AddV2", "x", "c", attrs=FLOATS), "4", "HML0209", "'c'")
row("rank_unknown.pb", op("x", "Placeholder", attrs=attr("dtype", field(6, 1)) + attr("shape", field(7, field(3, 1)))) + op("y", "Neg", "x", attrs=FLOATS), "3", "HML0303", "'x'")
row("text.pbtxt", b'node {\n  name: "x"\n  op: "Placeholder"\n}\n', "4", "HML0104", "binary")


def function(name, calls):
    """name(x): calls `calls` in a row."""
    body, last = b"", "x"
    for k, callee in enumerate(calls):
        body += field(3, field(1, "c%d" % k) + field(2, callee) + field(3, last))
        last = "c%d:y:0" % k
    argument = field(1, "x") + field(3, 1)
    return field(1, field(1, field(1, name) + field(2, argument) + field(3, field(1, "y") + field(3, 1))) + body + field(4, field(1, "y") + field(2, last)))


row("recursive.pb", x + op("y", "f", "x") + field(2, function("f", ["f"])), "4", "HML0", "'?f'?|itself|recurs")
tree = b"".join(function("f%d" % k, ["f%d" % (k - 1)] * 2) for k in range(1, 31)) + function("f0", [])
row("calls.pb", x + op("y", "f30", "x") + field(2, tree), "4", "HML0203", "'f[0-9]+': calls within calls come to more than 500[0-9][0-9] nodes")


def saved(graph, tags=("serve",), output="y:0"):
    info = lambda name: field(1, name) + field(2, 1) + field(3, shape(2, 3))
    signature = (field(1, field(1, "in") + field(2, info("x:0"))) + field(2, field(1, "out") + field(2, info(output))) + field(3, "tensorflow/serving/predict"))
    meta = field(1, b"".join(field(4, tag) for tag in tags)) + field(2, graph) + field(5, field(1, "serving_default") + field(2, signature))
    return field(1, 1) + field(2, meta)


read = x + op("v", "VarHandleOp", attrs=attr("dtype", field(6, 1)) + attr("shape", field(7, shape(2, 3))) + attr("shared_name", field(2, "v"))) \
    + op("r", "ReadVariableOp", "v", attrs=attr("dtype", field(6, 1))) + op("y", "AddV2", "x", "r", attrs=FLOATS)
plain = x + op("y", "Neg", "x", attrs=FLOATS)
row("tag", {"saved_model.pb": saved(plain, ("train",))}, "2", "HML1100", "serve")
row("signature", {"saved_model.pb": saved(plain, output="z:0")}, "4", "HML0208", "'z'|z:0")
row("no_variables", {"saved_model.pb": saved(read)}, "4", "HML02", "variables/variables.index")
row("no_index", {"saved_model.pb": saved(read), "variables/variables.data-00000-of-00001": b"\0" * 24}, "4", "HML02", "'v'.*variables/variables.index")
row("index_text", {"saved_model.pb": saved(read), "variables/variables.index": b"no index" * 20}, "4", "HML0201", "footer")
row("no_model", {"notes.txt": b"x"}, "2", "HML1107", "holds no model.*|saved_model.pb")

# -- Keras ---------------------------------------------------------------------------------------------------------------------


def keras(layers, **members):
    """Sequential layers behind an input of 4, or a config as it stands."""
    if isinstance(layers, list):
        first = {"class_name": "InputLayer", "config": {"batch_shape": [None, 4], "name": "x"}}
        layers = json.dumps({"class_name": "Sequential", "config": {"layers": [first] + layers}})
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as z:
        z.writestr("config.json", layers)
        z.writestr("model.weights.h5", members.get("weights", weights))
    return packed.getvalue()


def layer(kind, name, **config):
    return {"class_name": kind, "config": {"name": name, **config}}


dense = layer("Dense", "dense", units=3)
row("no_json.keras", keras("{'a'"), "4", "HML0201", "config.json is no JSON")
row("deep.keras", keras('{"a":' * 10000), "4", "HML0203", "nested deeper")
row("keys.keras", keras('{"class_name": "Sequential", "class_name": "Model"}'), "4", "HML0201", "twice")
row("layer_twice.keras", keras([dense, dense]), "4", "HML0201", "'dense'")
row("weights_missing.keras", keras([dense, layer("BatchNormalization", "norm")]), "4", "HML0209", "'norm'")
row("weights_shape.keras", keras([layer("Dense", "dense", units=5)]), "4", "HML0209", "'units' 5, but the weight 'dense/kernel' has 3")
row("weights_surplus.keras", keras([layer("Dense", "dense", units=3, use_bias=False)]), "4", "HML0209", "2 weights for the layer, which needs 1.*'dense' ")
row("lambda.keras", keras([layer("Lambda", "f", function={"class_name": "__lambda__", "config": {"code": "4wEAAA=="}})]), "3", "HML0206", "'f'.*|Python code")
row("pickled.keras", keras([{"class_name": "Mystery", "module": "builtins", "registered_name": "evil>Mystery", "config": {"name": "m", "pickle": "gASV"}}]), "3", "HML0205", "Mystery")
row("policy.keras", keras([layer("Dense", "dense", units=3, dtype={"class_name": "DTypePolicy", "config": {"name": "mixed_float16"}})]), "3", "HML030[24]", "'dense'")
row("superblock.keras", keras([dense], weights=weights[:8] + b"\x09" + weights[9:]), "3", "HML0", "superblock version 9")
row("weights_cut.keras", keras([dense], weights=weights[:400]), "4", "HML0201", "")
relu = lambda name, source: {"class_name": "Activation", "name": name, "config": {"name": name, "activation": "relu"}, "inbound_nodes": [[[source, 0, 0, {}]]]}
graph = lambda *layers, out: json.dumps({"class_name": "Functional", "config": {"name": "f", "layers": [
    {"class_name": "InputLayer", "name": "x", "config": {"batch_shape": [None, 4], "name": "x"}, "inbound_nodes": []}, *layers],
    "input_layers": [["x", 0, 0]], "output_layers": [[out, 0, 0]]}})
row("circle.keras", keras(graph(relu("a", "b"), relu("b", "a"), out="a")), "4", "HML0208", "circle")
row("nobody.keras", keras(graph(relu("a", "z"), out="a")), "4", "HML0208", "'z'")
row("weights_only.h5", weights, "3", "HML0206", "weights alone")

# -- archives --------------------------------------------------------------------------------------------------------------------


def tar(*members):
    """(name, content), or (name, kind) of what is no file."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as t:
        for name, content in members:
            info = tarfile.TarInfo(name)
            if len(content) > 1:
                info.size = len(content)
                t.addfile(info, io.BytesIO(content))
            else:
                info.type, info.linkname = content, "/etc/passwd"
                t.addfile(info)
    return packed.getvalue()


model = ("m.tflite", good)
for name, member, words in (("up", ("../m.tflite", good), "leads out"), ("absolute", ("/m.tflite", good), "leads out"),
                            ("symlink", ("l", tarfile.SYMTYPE), "is a link"), ("hard", ("l", tarfile.LNKTYPE), "is a link"),
                            ("device", ("d", tarfile.CHRTYPE), "no regular file"), ("member_twice", model, "'m.tflite' twice")):
    row(name + ".tar", tar(model, member), "4", "HML0201", words)
row("two.tar", tar(model, ("n.tflite", good)), "2", "HML1100", "2 models: m.tflite, n.tflite")
row("none.tar", tar(("notes.txt", b"x")), "2", "HML1100", "0 models")
row("no_such.tar", tar(model, ("n.tflite", good)), "2", "HML1100", "no such member.*|m.tflite, n.tflite", "--member", "o.tflite")
noise = b"".join(zlib.compress(struct.pack("<I", k)) for k in range(20000))
packed = gzip.compress(tar(("saved_model/saved_model.pb", saved(plain)), ("noise.bin", noise)))
for part in (0.1, 0.5, 0.9, 0.999):
    row("cut_%d.tar.gz" % (1000 * part), packed[:int(len(packed) * part)], "4", "HML0201", "cut short or damaged")
row("cut_within.tar", tar(model)[:700], "4", "HML0201", "cut short|no end")
row("bomb.tar.gz", gzip.compress(bytes(1 << 28)), "5", "HML0202", "would become 268435456 bytes")
row("altered.tar.gz", packed[:2000] + bytes([packed[2000] ^ 85]) + packed[2001:], "4", "HML0201", "gzip")
row("nul.tar", tar(model).replace(b"m.tflite", b"m.\0flite"), "4", "HML0201", "header")


# -- the run -----------------------------------------------------------------------------------------------------------------------


def write(folder, name, content):
    path = os.path.join(folder, name)
    for inner, data in content.items() if isinstance(content, dict) else ((None, content),):
        target = os.path.join(path, inner) if inner else path
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "wb") as file:
            file.write(data)
    return path, sum(map(len, content.values())) if isinstance(content, dict) else len(content)


def measure(command):
    """Status, output, seconds, KiB at most."""
    begin = time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    output = child.stdout.read().decode(errors="replace")
    status, usage = os.wait4(child.pid, 0)[1:]
    child.returncode = os.waitstatus_to_exitcode(status)
    return child.returncode, output, min(time.monotonic() - begin, usage.ru_utime + usage.ru_stime + 0.1), usage.ru_maxrss


def main(folder):
    failed = 0
    for name, content, status, code, words, options in rows:
        path, size = write(folder, name, content)
        found, output, seconds, kib = measure([hmlc, "check", path, *options])
        missing = [] if str(found) == status else ["status %s, not %d" % (status, found)]
        missing += [] if re.search(r"error\[%s" % code, output) else ["the code " + code]
        missing += [] if re.search(words, output, re.S) else ["the words " + words]
        missing += [] if (name if isinstance(content, bytes) else "saved_model.pb") in output else ["the file's name"]
        missing += [] if seconds < 5 else ["no more than 5 s, not %.1f" % seconds]
        missing += [] if kib << 10 <= (64 << 20) + 4 * size else ["64 MiB and 4 x %d bytes, not %d KiB" % (size, kib)]
        if missing:
            failed += 1
            print("FAILED: %s: expected %s\n%s" % (name, "; ".join(missing), output[:700]))
    print("%d of %d bad models are told" % (len(rows) - failed, len(rows)))
    return 1 if failed else 0


if len(sys.argv) > 3:
    sys.exit(main(sys.argv[3]))
with tempfile.TemporaryDirectory() as place:
    sys.exit(main(place))
