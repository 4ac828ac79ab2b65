# SPDX-License-Identifier: Apache-2.0
"""Other runtimes behind one interface: peer(folder, threads, feeds), then run().

Each loads FOLDER/model.onnx at full f32 precision and keeps its inputs, so that run() is one inference.
"""
import os
import subprocess
import sysconfig

import numpy as np


def ort_session(model, threads, optimise=True):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    if not optimise:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


class OnnxRuntime:
    name = "ort"

    def __init__(self, folder, threads, feeds):
        self.session = ort_session(os.path.join(folder, "model.onnx"), threads)
        self.feeds = feeds

    def run(self):
        return self.session.run(None, self.feeds)


class OpenVino:
    name = "openvino"

    def __init__(self, folder, threads, feeds):
        import openvino
        core = openvino.Core()
        model = core.read_model(os.path.join(folder, "model.onnx"))
        model.reshape({name: list(value.shape) for name, value in feeds.items()})
        compiled = core.compile_model(model, "CPU", {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32",
                                                     "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1})
        self.request = compiled.create_infer_request()
        self.feeds = feeds

    def run(self):
        return self.request.infer(self.feeds, share_inputs=True, share_outputs=True)


class Mnn:
    name = "mnn"

    def __init__(self, folder, threads, feeds):
        import MNN
        import MNN.expr
        import MNN.nn
        import onnx
        model = os.path.join(folder, "model.onnx")
        converted = os.path.join(os.environ.get("TMPDIR", "/tmp"), f"peer_{os.path.basename(folder)}.mnn")
        if not os.path.exists(converted):
            program = os.path.join(sysconfig.get_path("scripts"), "mnnconvert")
            subprocess.run([program, "-f", "ONNX", "--modelFile", model, "--MNNModel", converted, "--bizCode", "peer"],
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        if not os.path.exists(converted):
            raise RuntimeError("mnnconvert refuses the graph")
        outputs = [output.name for output in onnx.load(model, load_external_data=False).graph.output]
        manager = MNN.nn.create_runtime_manager(({"backend": "CPU", "numThread": threads, "precision": "high"},))
        self.module = MNN.nn.load_module_from_file(converted, list(feeds), outputs, runtime_manager=manager)
        self.inputs = []
        for value in feeds.values():
            value = value.astype(np.int32) if value.dtype.kind in "iub" else value
            kind = MNN.expr.int if value.dtype.kind == "i" else MNN.expr.float
            tensor = MNN.expr.placeholder(list(value.shape), MNN.expr.NCHW, kind)
            tensor.write(value)
            self.inputs.append(tensor)

    def run(self):
        return [output.read() for output in self.module.forward(self.inputs)]


PEERS = {peer.name: peer for peer in (OnnxRuntime, OpenVino, Mnn)}
