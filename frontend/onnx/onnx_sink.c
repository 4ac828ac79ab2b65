/* SPDX-License-Identifier: Apache-2.0 */
#include "onnx_sink.h"

#include <string.h>

/* Wire types. */
enum { VARINT = 0, LENGTH_DELIMITED = 2, FIXED32 = 5 };

void hmlc_onnx_put_raw(hmlc_onnx_sink *out, const void *data, size_t size)
{
    out->bytes += size;
    if (out->stream != NULL && size > 0) {
        (void)fwrite(data, 1, size, out->stream);
    }
}

void hmlc_onnx_put_varint(hmlc_onnx_sink *out, uint64_t value)
{
    uint8_t bytes[10];
    size_t size = 0;
    for (; value >= 0x80; value >>= 7) {
        bytes[size++] = (uint8_t)(value | 0x80);
    }
    bytes[size++] = (uint8_t)value;
    hmlc_onnx_put_raw(out, bytes, size);
}

static void put_key(hmlc_onnx_sink *out, uint32_t number, uint32_t type)
{
    hmlc_onnx_put_varint(out, (uint64_t)number << 3 | type);
}

void hmlc_onnx_put_length(hmlc_onnx_sink *out, uint32_t number, uint64_t size)
{
    put_key(out, number, LENGTH_DELIMITED);
    hmlc_onnx_put_varint(out, size);
}

void hmlc_onnx_put_bytes(hmlc_onnx_sink *out, uint32_t number, const void *data, size_t size)
{
    hmlc_onnx_put_length(out, number, size);
    hmlc_onnx_put_raw(out, data, size);
}

void hmlc_onnx_put_text(hmlc_onnx_sink *out, uint32_t number, const char *text)
{
    hmlc_onnx_put_bytes(out, number, text, strlen(text));
}

void hmlc_onnx_put_integer(hmlc_onnx_sink *out, uint32_t number, int64_t value)
{
    put_key(out, number, VARINT);
    hmlc_onnx_put_varint(out, (uint64_t)value);
}

void hmlc_onnx_put_float(hmlc_onnx_sink *out, uint32_t number, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint8_t bytes[4] = {(uint8_t)bits, (uint8_t)(bits >> 8), (uint8_t)(bits >> 16),
                        (uint8_t)(bits >> 24)};
    put_key(out, number, FIXED32);
    hmlc_onnx_put_raw(out, bytes, sizeof bytes);
}

void hmlc_onnx_put_message(hmlc_onnx_sink *out, uint32_t number, hmlc_onnx_put_function *put,
                           const void *what)
{
    hmlc_onnx_sink counter = {0};
    put(&counter, what);
    hmlc_onnx_put_length(out, number, counter.bytes);
    if (out->stream != NULL) {
        put(out, what);
    } else {
        out->bytes += counter.bytes;
    }
}
