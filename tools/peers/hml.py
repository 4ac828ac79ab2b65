"""The runtime's C API through ctypes, as far as the comparison scripts need it."""
import ctypes
import os
import subprocess

import numpy as np

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("HMLC_BUILD", os.path.join(ROOT, "build", "release"))
ZOO = os.environ.get("HMLC_ZOO", os.path.join(ROOT, "..", "shared", "zoo"))
MAX_RANK = 12
DTYPES = ["", "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", None,
          "float32", "float64"]


class Tensor(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("bytes", ctypes.c_size_t), ("dtype", ctypes.c_int),
                ("rank", ctypes.c_uint32), ("dims", ctypes.c_int64 * MAX_RANK)]


class TensorInfo(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("dtype", ctypes.c_int), ("rank", ctypes.c_uint32),
                ("dim_texts", ctypes.c_char_p * MAX_RANK)]


class PoolOptions(ctypes.Structure):
    _fields_ = [("threads", ctypes.c_uint32), ("parallel_for", ctypes.c_void_p), ("context", ctypes.c_void_p)]


class SessionOptions(ctypes.Structure):
    _fields_ = [("pool", ctypes.c_void_p), ("dims", ctypes.c_void_p), ("dim_count", ctypes.c_uint32),
                ("fixed", ctypes.c_uint32), ("memory_limit", ctypes.c_uint64), ("memory", ctypes.c_void_p),
                ("memory_bytes", ctypes.c_size_t), ("message", ctypes.c_void_p), ("message_bytes", ctypes.c_size_t)]


LIBRARY = ctypes.CDLL(os.path.join(BUILD, "runtime", "libhml.so"))
LIBRARY.hml_session_error.restype = ctypes.c_char_p


class Session:
    """An artifact with one session; inputs are bound once and may be changed in place."""

    def __init__(self, path, threads=1):
        self.model, self.session, self.pool = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_void_p()
        self.check(LIBRARY.hml_model_open(path.encode(), None, ctypes.byref(self.model)))
        options = SessionOptions()
        if threads > 1:
            pool = PoolOptions(threads=threads)
            self.check(LIBRARY.hml_pool_create(ctypes.byref(pool), ctypes.byref(self.pool)))
            options.pool = self.pool
        self.check(LIBRARY.hml_session_create(self.model, ctypes.byref(options), ctypes.byref(self.session)))
        self.inputs = self.names(LIBRARY.hml_model_input)
        self.outputs = self.names(LIBRARY.hml_model_output)
        self.bound = {}

    def check(self, status):
        if status != 0:
            message = LIBRARY.hml_session_error(self.session).decode() if self.session else ""
            raise RuntimeError(f"HML{status:04d} {message}")

    def names(self, query):
        found, info = [], TensorInfo()
        while query(self.model, len(found), ctypes.byref(info)) == 0:
            found.append(info.name.decode())
        return found

    def bind(self, feeds):
        for name, value in feeds.items():
            value = np.array(value, order="C", copy=True)
            self.bound[name] = value
            dtype = DTYPES.index(str(value.dtype))
            tensor = Tensor(value.ctypes.data, value.nbytes, dtype, value.ndim, (ctypes.c_int64 * MAX_RANK)(*value.shape))
            self.check(LIBRARY.hml_bind_input(self.session, self.inputs.index(name), ctypes.byref(tensor)))
        self.check(LIBRARY.hml_session_prepare(self.session))

    def run(self):
        self.check(LIBRARY.hml_run(self.session))

    def results(self):
        out, tensor = {}, Tensor()
        for index, name in enumerate(self.outputs):
            self.check(LIBRARY.hml_session_output(self.session, index, ctypes.byref(tensor)))
            shape = tuple(tensor.dims[:tensor.rank])
            kind = np.dtype(DTYPES[tensor.dtype])
            count = int(np.prod(shape))
            data = (ctypes.c_char * (count * kind.itemsize)).from_address(tensor.data) if count else b""
            out[name] = np.frombuffer(data, dtype=kind).reshape(shape).copy()
        return out

    def close(self):
        LIBRARY.hml_session_destroy(self.session)
        LIBRARY.hml_model_release(self.model)
        LIBRARY.hml_pool_release(self.pool)


def compile_model(model, out, *options):
    """Compiles when `out` is older than the model or the compiler; returns `out`."""
    compiler = os.path.join(BUILD, "tools", "hmlc", "hmlc")
    newest = max(os.path.getmtime(model), os.path.getmtime(compiler))
    if not os.path.exists(out) or os.path.getmtime(out) < newest:
        os.makedirs(os.path.dirname(out), exist_ok=True)
        subprocess.run([compiler, "compile", model, "-o", out, "--quiet", *options], check=True)
    return out


def cpu_name():
    with open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                return line.split(":")[1].strip()
    return "unknown"
