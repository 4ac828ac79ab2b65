/* SPDX-License-Identifier: Apache-2.0 */
/* Growing text buffers. */
#include "text_buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void hmlc_text_buffer_free(hmlc_text_buffer *buffer)
{
    free(buffer->data);
    *buffer = (hmlc_text_buffer){NULL, 0, 0};
}

static bool reserve(hmlc_text_buffer *buffer, size_t length)
{
    size_t needed, capacity;
    if (!hmlc_size_add(buffer->size, length, &needed) || !hmlc_size_add(needed, 1, &needed)) {
        return false;
    }
    if (needed <= buffer->capacity) {
        return true;
    }
    capacity = buffer->capacity > SIZE_MAX / 2 ? needed : buffer->capacity * 2;
    capacity = capacity < needed ? needed : capacity;
    capacity = capacity < 256 ? 256 : capacity;
    char *data = realloc(buffer->data, capacity);
    if (data == NULL) {
        return false;
    }
    buffer->data = data;
    buffer->capacity = capacity;
    return true;
}

void hmlc_write_n(hmlc_text_writer *writer, const void *data, size_t length)
{
    if (writer->failed || !reserve(writer->buffer, length)) {
        writer->failed = true;
        return;
    }
    hmlc_text_buffer *buffer = writer->buffer;
    if (length > 0) {
        memcpy(buffer->data + buffer->size, data, length);
    }
    buffer->size += length;
    buffer->data[buffer->size] = '\0';
}

void hmlc_write(hmlc_text_writer *writer, const char *text)
{
    hmlc_write_n(writer, text, strlen(text));
}

void hmlc_write_format(hmlc_text_writer *writer, const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= sizeof text) {
        writer->failed = true; /* only numbers and short words are written this way */
        return;
    }
    hmlc_write_n(writer, text, (size_t)length);
}

void hmlc_write_spaces(hmlc_text_writer *writer, uint32_t count)
{
    for (; count > 0; count--) {
        hmlc_write_n(writer, " ", 1);
    }
}

void hmlc_write_quoted(hmlc_text_writer *writer, const char *text)
{
    hmlc_write_n(writer, "\"", 1);
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\') {
            hmlc_write_format(writer, "\\%c", c);
        } else if (c < 0x20 || c == 0x7f) {
            hmlc_write_format(writer, "\\x%02x", c);
        } else {
            hmlc_write_n(writer, text, 1);
        }
    }
    hmlc_write_n(writer, "\"", 1);
}

/* Writes what a function in the manner of snprintf gives. */
static void write_sized(hmlc_text_writer *writer, int length, hmlc_dim dim, const hmlc_type *type)
{
    if (writer->failed || length < 0 || !reserve(writer->buffer, (size_t)length)) {
        writer->failed = true;
        return;
    }
    hmlc_text_buffer *buffer = writer->buffer;
    char *end = buffer->data + buffer->size;
    if (dim != NULL) {
        hmlc_dim_format(dim, end, (size_t)length + 1);
    } else {
        hmlc_type_format(type, end, (size_t)length + 1);
    }
    buffer->size += (size_t)length;
}

void hmlc_write_dim(hmlc_text_writer *writer, hmlc_dim dim)
{
    write_sized(writer, hmlc_dim_format(dim, NULL, 0), dim, NULL);
}

void hmlc_write_type(hmlc_text_writer *writer, const hmlc_type *type)
{
    write_sized(writer, hmlc_type_format(type, NULL, 0), NULL, type);
}
