/* SPDX-License-Identifier: Apache-2.0 */
#include "growing_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static bool reserve(hml_growing_text *text, size_t bytes)
{
    if (text->capacity - text->used >= bytes) {
        return true;
    }
    size_t capacity = text->capacity * 2 + bytes + 128;
    char *grown = realloc(text->data, capacity);
    if (grown == NULL) {
        return false;
    }
    text->data = grown;
    text->capacity = capacity;
    return true;
}

void hml_growing_text_add(hml_growing_text *text, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (!text->failed && length >= 0 && reserve(text, (size_t)length + 1)) {
        (void)vsnprintf(text->data + text->used, (size_t)length + 1, format, arguments);
        text->used += (size_t)length;
    } else {
        text->failed = true;
    }
    va_end(arguments);
}

const char *hml_growing_text_get(const hml_growing_text *text)
{
    return text->failed         ? "(too little memory for this text)"
           : text->data == NULL ? ""
                                : text->data;
}

void hml_growing_text_release(hml_growing_text *text)
{
    free(text->data);
    *text = (hml_growing_text){0};
}
