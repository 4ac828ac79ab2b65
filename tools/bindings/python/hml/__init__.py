# SPDX-License-Identifier: Apache-2.0
"""Runs compiled models (artifacts, model.hml): numpy arrays in and out, through libhml.

    import hml
    scores = hml.Session("model.hml")(image)

A session is used by one thread at a time; many sessions run in parallel on one Model, whose weights they share. Calls
release the interpreter's lock while a model runs.
"""
import ctypes
import os
from typing import NamedTuple

import numpy as np

from . import _library
from ._library import DTYPES, NUMBERS, Error, check, library

__all__ = ["Error", "Model", "Session", "TensorInfo", "version"]


def version():
    """Version of the library, "0.1.0"."""
    return library.hml_version().decode()


class TensorInfo(NamedTuple):
    """An input or output: `shape` holds numbers, and texts ("batch", "2*seq + 1") for dims that differ from run to run."""
    name: str
    dtype: np.dtype
    shape: tuple


def _typed(value, info):
    """Numbers without a type of their own in the input's: rounded to floats, refused where they are not what it holds."""
    given = np.asarray(value)
    if given.dtype == info.dtype:
        return given
    if given.dtype.kind in "biuf" and info.dtype.type is not np.void:
        with np.errstate(all="ignore"):
            typed = given.astype(info.dtype)
        exact = info.dtype.kind in "biu"
        if np.array_equal(typed, given) if exact else np.array_equal(np.isinf(typed), np.isinf(given)):
            return typed
    raise TypeError(f"input '{info.name}' is {info.dtype}, which does not hold these values")


def _dense(value, info):
    """The value as an array that can be read where it is: itself where it is dense and aligned."""
    array = value if isinstance(value, np.ndarray) else _typed(value, info)
    return np.require(array, requirements=("C", "A", "E")).reshape(array.shape)


def _tensor_infos(query, model):
    found, info = [], _library.TensorInfo()
    while query(model, ctypes.c_uint32(len(found)), ctypes.byref(info)) == 0:
        texts = [text.decode() for text in info.dim_texts[:info.rank]]
        shape = tuple(int(text) if text.isdigit() else text for text in texts)
        found.append(TensorInfo(info.name.decode(), DTYPES[info.dtype], shape))
    return tuple(found)


class Model:
    """An open artifact: immutable, usable from any thread. `source` is a path, or bytes, which are kept.

    `variant` asks for code by name ("x86-64-v2") instead of the best for this CPU. Raises Error.
    """

    def __init__(self, source, variant=None):
        self._handle = ctypes.c_void_p()
        message = ctypes.create_string_buffer(_library.MESSAGE_BYTES)
        options = _library.OpenOptions(variant=variant.encode() if variant else None,
                                       message=ctypes.addressof(message), message_bytes=len(message))
        if isinstance(source, (bytes, bytearray, memoryview)):
            self._bytes = np.frombuffer(source, np.uint8)
            status = library.hml_model_open_memory(ctypes.c_void_p(self._bytes.ctypes.data),
                                                   ctypes.c_size_t(self._bytes.nbytes), ctypes.byref(options),
                                                   ctypes.byref(self._handle))
        else:
            status = library.hml_model_open(os.fsencode(source), ctypes.byref(options), ctypes.byref(self._handle))
        check(status, lambda: message.value.decode(errors="replace"))
        self.inputs = _tensor_infos(library.hml_model_input, self._handle)
        self.outputs = _tensor_infos(library.hml_model_output, self._handle)

    def __del__(self):
        library.hml_model_release(self._handle)


class Session:
    """A model with memory to run it: `session(x)` or `session.run({"image": x})`.

    `source`: a Model, or what Model takes. `threads`: with the calling one; 0: as many as the process may use.
    `memory_limit`: most bytes that runs may take, 0: no limit. Raises Error.
    """

    def __init__(self, source, threads=1, variant=None, memory_limit=0):
        self._handle, self._pool = ctypes.c_void_p(), ctypes.c_void_p()
        self.model = source if isinstance(source, Model) else Model(source, variant)
        if threads != 1:
            pool = _library.PoolOptions(threads=threads)
            check(library.hml_pool_create(ctypes.byref(pool), ctypes.byref(self._pool)))
        message = ctypes.create_string_buffer(_library.MESSAGE_BYTES)
        options = _library.SessionOptions(pool=self._pool, memory_limit=memory_limit, message=ctypes.addressof(message),
                                          message_bytes=len(message))
        status = library.hml_session_create(self.model._handle, ctypes.byref(options), ctypes.byref(self._handle))
        check(status, lambda: message.value.decode(errors="replace"))
        self._bound = [None] * len(self.model.inputs)
        self._shapes = None  # of the inputs for which _output_shapes holds
        self._output_shapes = []

    def __del__(self):
        library.hml_session_destroy(self._handle)
        library.hml_pool_release(self._pool)

    @property
    def inputs(self):
        """A TensorInfo per input."""
        return self.model.inputs

    @property
    def outputs(self):
        """A TensorInfo per output."""
        return self.model.outputs

    def __call__(self, *arrays, **named):
        """Runs once, on all inputs, by position or name; returns the output, a tuple where the model has several."""
        if len(arrays) > len(self.inputs):
            raise TypeError(f"{len(arrays)} inputs are given; the model's are {', '.join(i.name for i in self.inputs)}")
        feeds = {info.name: array for info, array in zip(self.inputs, arrays)}
        twice = feeds.keys() & named.keys()
        if twice:
            raise TypeError(f"input '{min(twice)}' is given twice")
        results = self._run({**feeds, **named})
        return results[0] if len(results) == 1 else tuple(results)

    def run(self, feeds):
        """Runs once on a dict of inputs; returns a dict of outputs."""
        return dict(zip((info.name for info in self.outputs), self._run(feeds)))

    def stop(self, seconds=0.0):
        """Ends the run in progress, or the next, with Error 1065, now or after `seconds`. From any thread."""
        most = 2**64 - 1
        nanoseconds = most if seconds * 1e9 >= most else max(0, int(seconds * 1e9))
        check(library.hml_session_stop(self._handle, ctypes.c_uint64(nanoseconds)))

    def _check(self, status):
        check(status, lambda: library.hml_session_error(self._handle).decode(errors="replace"))

    def _run(self, feeds):
        names = [info.name for info in self.inputs]
        for name in feeds:
            if name not in names:
                raise TypeError(f"the model has no input '{name}'; its inputs are {', '.join(names)}")
        missing = [name for name in names if name not in feeds]
        if missing:
            raise TypeError(f"not given: {', '.join(missing)}")
        for index, name in enumerate(names):
            self._bind(index, feeds[name])
        shapes = tuple(None if array is None else array.shape for array in self._bound)
        if shapes != self._shapes:
            self._measure()
        results = [self._reserve(index) for index in range(len(self.outputs))]
        try:
            self._check(library.hml_run(self._handle))
        except Error:
            self._shapes = None
            self._unbind_outputs()
            raise
        self._shapes = shapes
        return [self._copy(index) if result is None else result for index, result in enumerate(results)]

    def _bind(self, index, value):
        info = self.inputs[index]
        array = _dense(value, info)
        if array.dtype not in NUMBERS:
            raise TypeError(f"input '{info.name}' is {info.dtype}, {array.dtype} is given")
        if array.ndim > _library.MAX_RANK:
            raise TypeError(f"input '{info.name}' has {len(info.shape)} dims, {array.ndim} are given")
        tensor = _library.Tensor(array.ctypes.data, array.nbytes, NUMBERS[array.dtype], array.ndim,
                                 (ctypes.c_int64 * _library.MAX_RANK)(*array.shape))
        self._check(library.hml_bind_input(self._handle, ctypes.c_uint32(index), ctypes.byref(tensor)))
        self._bound[index] = array  # alive as long as it is bound

    def _output(self, index):
        tensor = _library.Tensor()
        self._check(library.hml_session_output(self._handle, ctypes.c_uint32(index), ctypes.byref(tensor)))
        return tensor, tuple(tensor.dims[:tensor.rank])

    def _measure(self):
        """Shapes of the outputs for the bound inputs; None where one follows only from the inputs' values."""
        self._shapes = None
        self._unbind_outputs()
        self._check(library.hml_session_prepare(self._handle))
        shapes = [self._output(index)[1] for index in range(len(self.outputs))]
        self._output_shapes = [None if min(shape, default=0) < 0 else shape for shape in shapes]

    def _reserve(self, index):
        """An array that the run writes to, where its shape is known."""
        shape = self._output_shapes[index]
        if shape is None:
            return None
        array = np.empty(shape, self.outputs[index].dtype)
        self._bind_output(index, array.ctypes.data, array.nbytes)
        return array

    def _unbind_outputs(self):
        for index in range(len(self.outputs)):
            self._bind_output(index, None, 0)

    def _bind_output(self, index, data, size):
        self._check(library.hml_bind_output(self._handle, ctypes.c_uint32(index), ctypes.c_void_p(data),
                                            ctypes.c_size_t(size)))

    def _copy(self, index):
        tensor, shape = self._output(index)
        array = np.empty(shape, DTYPES[tensor.dtype])
        ctypes.memmove(array.ctypes.data, tensor.data, array.nbytes)
        return array
