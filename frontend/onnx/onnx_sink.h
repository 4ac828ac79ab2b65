/* SPDX-License-Identifier: Apache-2.0 */
/* Writes protobuf's wire format: into a stream, or counting alone, as lengths stand before their
 * contents. */
#ifndef HMLC_ONNX_SINK_H
#define HMLC_ONNX_SINK_H

#include <stdint.h>
#include <stdio.h>

/* Where bytes go; without a stream they are counted alone. */
typedef struct hmlc_onnx_sink {
    FILE *stream;
    uint64_t bytes;
} hmlc_onnx_sink;

void hmlc_onnx_put_raw(hmlc_onnx_sink *out, const void *data, size_t size);
void hmlc_onnx_put_varint(hmlc_onnx_sink *out, uint64_t value);
/* The field's key, and the length of what comes. */
void hmlc_onnx_put_length(hmlc_onnx_sink *out, uint32_t number, uint64_t size);
void hmlc_onnx_put_bytes(hmlc_onnx_sink *out, uint32_t number, const void *data, size_t size);
void hmlc_onnx_put_text(hmlc_onnx_sink *out, uint32_t number, const char *text);
/* A field of an integer type; negative numbers take ten bytes, as the format has it. */
void hmlc_onnx_put_integer(hmlc_onnx_sink *out, uint32_t number, int64_t value);
void hmlc_onnx_put_float(hmlc_onnx_sink *out, uint32_t number, float value);

/* A nested message: `put` is called to count, then, where there is a stream, to write. */
typedef void hmlc_onnx_put_function(hmlc_onnx_sink *out, const void *what);
void hmlc_onnx_put_message(hmlc_onnx_sink *out, uint32_t number, hmlc_onnx_put_function *put,
                           const void *what);

#endif
