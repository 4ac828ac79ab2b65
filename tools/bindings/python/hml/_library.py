# SPDX-License-Identifier: Apache-2.0
"""libhml through ctypes: where the library is, its structures, and its statuses as exceptions. Mirrors hml/hml.h."""
import ctypes
import ctypes.util
import os

import numpy as np

MAX_RANK = 12
MESSAGE_BYTES = 512

try:  # numpy has no bfloat16 of its own
    from ml_dtypes import bfloat16 as _bfloat16
except ImportError:
    _bfloat16 = "V2"

# By hml_dtype, from 1 on.
DTYPES = dict(enumerate((np.dtype(name) for name in (
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", _bfloat16, "float32",
    "float64")), start=1))
NUMBERS = {dtype: number for number, dtype in DTYPES.items()}


class Tensor(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("bytes", ctypes.c_size_t), ("dtype", ctypes.c_int),
                ("rank", ctypes.c_uint32), ("dims", ctypes.c_int64 * MAX_RANK), ("memory_kind", ctypes.c_uint32),
                ("device", ctypes.c_uint32), ("reserved", ctypes.c_uint64 * 3)]


class Dim(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("value", ctypes.c_int64)]


class Sized(ctypes.Structure):
    """A structure that begins with its size, by which libraries of other versions know it."""

    def __init__(self, **fields):
        super().__init__(struct_bytes=ctypes.sizeof(self), **fields)


class OpenOptions(Sized):
    _fields_ = [("struct_bytes", ctypes.c_uint32), ("flags", ctypes.c_uint32), ("variant", ctypes.c_char_p),
                ("allocator", ctypes.c_void_p), ("message", ctypes.c_void_p), ("message_bytes", ctypes.c_size_t),
                ("part", ctypes.c_void_p)]


class TensorInfo(Sized):
    _fields_ = [("struct_bytes", ctypes.c_uint32), ("dtype", ctypes.c_int), ("rank", ctypes.c_uint32),
                ("kind", ctypes.c_uint32), ("name", ctypes.c_char_p), ("dim_texts", ctypes.c_char_p * MAX_RANK)]


class PoolOptions(Sized):
    _fields_ = [("struct_bytes", ctypes.c_uint32), ("threads", ctypes.c_uint32), ("parallel_for", ctypes.c_void_p),
                ("context", ctypes.c_void_p), ("allocator", ctypes.c_void_p)]


class SessionOptions(Sized):
    _fields_ = [("struct_bytes", ctypes.c_uint32), ("fixed", ctypes.c_uint32), ("pool", ctypes.c_void_p),
                ("dims", ctypes.POINTER(Dim)), ("dim_count", ctypes.c_uint32), ("reserved", ctypes.c_uint32),
                ("memory_limit", ctypes.c_uint64), ("memory", ctypes.c_void_p), ("memory_bytes", ctypes.c_size_t),
                ("message", ctypes.c_void_p), ("message_bytes", ctypes.c_size_t)]


class StatusText(ctypes.Structure):
    _fields_ = [("number", ctypes.c_uint32), ("exit_class", ctypes.c_uint32), ("name", ctypes.c_char_p),
                ("title", ctypes.c_char_p), ("explanation", ctypes.c_char_p)]


def _candidates():
    """HML_LIBRARY; beside this package; the prefix it is installed in, PREFIX/lib/python3/dist-packages/hml; the system's."""
    if os.environ.get("HML_LIBRARY"):
        yield os.environ["HML_LIBRARY"]
        return
    here = os.path.dirname(os.path.abspath(__file__))
    yield os.path.join(here, "libhml.so")
    prefix_library = os.path.abspath(os.path.join(here, "..", "..", ".."))
    yield os.path.join(prefix_library, "libhml.so")
    for folder in sorted(os.listdir(prefix_library)) if os.path.isdir(prefix_library) else []:
        yield os.path.join(prefix_library, folder, "libhml.so")  # lib/x86_64-linux-gnu
    yield ctypes.util.find_library("hml") or "libhml.so.0"


def _load():
    tried = []
    for path in _candidates():
        if os.path.isabs(path) and not os.path.exists(path) and "HML_LIBRARY" not in os.environ:
            continue
        try:
            return ctypes.CDLL(path)
        except OSError as problem:
            tried.append(str(problem))
    raise ImportError(f"libhml.so is not found ({'; '.join(tried)}); set HML_LIBRARY to its path")


library = _load()
library.hml_version.restype = ctypes.c_char_p
library.hml_session_error.restype = ctypes.c_char_p
library.hml_session_error.argtypes = [ctypes.c_void_p]
library.hml_status_describe.restype = ctypes.POINTER(StatusText)
library.hml_model_release.restype = None
library.hml_pool_release.restype = None
library.hml_session_destroy.restype = None


class Error(RuntimeError):
    """What libhml refused. `code` is the number of `hmlc explain` (1044), `exit_class` the status the command line would
    end with."""

    def __init__(self, code, message):
        text = library.hml_status_describe(code).contents
        self.code, self.exit_class = code, text.exit_class
        super().__init__(message or f"HML{code:04d}: {text.title.decode()}")


def check(status, message=""):
    """Raises Error unless `status` is HML_OK; `message` is text or a function that gives it."""
    if status != 0:
        raise Error(status, message() if callable(message) else message)
