/* SPDX-License-Identifier: Apache-2.0 */
/* Elements as text and back, exactly; content hashes. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text_buffer.h"

static double element_double(hmlc_dtype dtype, const void *element)
{
    hmlc_tensor tensor = {.dtype = dtype, .data = element, .bytes = hmlc_dtype_bytes(dtype)};
    return hmlc_tensor_get_double(&tensor, 0);
}

static bool same_bits(hmlc_dtype dtype, const void *left, const void *right)
{
    return memcmp(left, right, hmlc_dtype_bytes(dtype)) == 0;
}

/* "nan" for the NaN that NAN converts to, else its bits. */
static void format_nan(hmlc_dtype dtype, const void *element, char *text)
{
    unsigned char plain[16];
    hmlc_element_set_double(dtype, plain, 0, (double)NAN);
    if (same_bits(dtype, plain, element)) {
        snprintf(text, HMLC_ELEMENT_TEXT, "nan");
        return;
    }
    uint64_t bits = 0;
    memcpy(&bits, element, hmlc_dtype_bytes(dtype)); /* hosts are little-endian */
    snprintf(text, HMLC_ELEMENT_TEXT, "nan:0x%" PRIx64, bits);
}

static void format_float(hmlc_dtype dtype, const void *element, char *text)
{
    double value = element_double(dtype, element);
    if (isnan(value)) {
        format_nan(dtype, element, text);
        return;
    }
    if (isinf(value)) {
        snprintf(text, HMLC_ELEMENT_TEXT, "%s", value < 0 ? "-inf" : "inf");
        return;
    }
    if (value == trunc(value) && fabs(value) < 1e15) {
        snprintf(text, HMLC_ELEMENT_TEXT, "%.0f", value);
        return;
    }
    for (int digits = 1; digits <= 17; digits++) { /* the shortest text that reads back the same */
        unsigned char again[16];
        snprintf(text, HMLC_ELEMENT_TEXT, "%.*g", digits, value);
        hmlc_element_set_double(dtype, again, 0, strtod(text, NULL));
        if (same_bits(dtype, again, element)) {
            return;
        }
    }
}

void hmlc_element_format(hmlc_dtype dtype, const void *element, char *text)
{
    hmlc_tensor tensor = {.dtype = dtype, .data = element, .bytes = hmlc_dtype_bytes(dtype)};
    unsigned char flag;
    switch (hmlc_dtype_class_of(dtype)) {
    case HMLC_CLASS_FLOAT:
        format_float(dtype, element, text);
        break;
    case HMLC_CLASS_BOOL:
        memcpy(&flag, element, 1);
        if (flag > 1) { /* no proper bool, kept as it is */
            snprintf(text, HMLC_ELEMENT_TEXT, "%u", flag);
        } else {
            snprintf(text, HMLC_ELEMENT_TEXT, "%s", flag != 0 ? "true" : "false");
        }
        break;
    case HMLC_CLASS_UINT:
        snprintf(text, HMLC_ELEMENT_TEXT, "%" PRIu64, (uint64_t)hmlc_tensor_get_int(&tensor, 0));
        break;
    default:
        snprintf(text, HMLC_ELEMENT_TEXT, "%" PRId64, hmlc_tensor_get_int(&tensor, 0));
        break;
    }
}

static bool parse_bits(hmlc_dtype dtype, const char *text, void *element)
{
    char *end;
    errno = 0;
    uint64_t bits = strtoull(text, &end, 16);
    size_t bytes = hmlc_dtype_bytes(dtype);
    if (errno != 0 || end == text || *end != '\0' || (bytes < 8 && bits >> (8 * bytes) != 0)) {
        return false;
    }
    memcpy(element, &bits, bytes);
    return isnan(element_double(dtype, element)) != 0;
}

static bool parse_float(hmlc_dtype dtype, const char *text, void *element)
{
    if (strncmp(text, "nan:", 4) == 0) {
        return parse_bits(dtype, text + 4, element);
    }
    if (strcmp(text, "nan") == 0) {
        hmlc_element_set_double(dtype, element, 0, (double)NAN);
        return true;
    }
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end != '\0' || isnan(value)) {
        return false;
    }
    hmlc_element_set_double(dtype, element, 0, value);
    return true;
}

static bool parse_signed(hmlc_dtype dtype, const char *text, void *element)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    uint32_t bits = hmlc_dtype_bits(dtype);
    int64_t limit = INT64_MAX >> (64 - bits);
    if (errno != 0 || end == text || *end != '\0' || value > limit || value < -limit - 1) {
        return false;
    }
    hmlc_element_set_int(dtype, element, 0, value);
    return true;
}

static bool parse_unsigned(hmlc_dtype dtype, const char *text, void *element)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || text[0] == '-' ||
        value > UINT64_MAX >> (64 - hmlc_dtype_bits(dtype))) {
        return false;
    }
    if (hmlc_dtype_class_of(dtype) == HMLC_CLASS_BOOL) {
        unsigned char flag = (unsigned char)value;
        memcpy(element, &flag, 1);
        return true;
    }
    hmlc_element_set_int(dtype, element, 0, (int64_t)value);
    return true;
}

static bool parse_bool(const char *text, void *element)
{
    bool is_true = strcmp(text, "true") == 0;
    if (!is_true && strcmp(text, "false") != 0) {
        return parse_unsigned(HMLC_DTYPE_bool, text, element);
    }
    unsigned char flag = is_true ? 1 : 0;
    memcpy(element, &flag, 1);
    return true;
}

bool hmlc_element_parse(hmlc_dtype dtype, const char *text, size_t length, void *element)
{
    char copy[512]; /* 400 digits are more than any exact double needs before its exponent */
    if (length == 0 || length >= sizeof copy || text[0] == ' ' || text[0] == '+') {
        return false;
    }
    memcpy(copy, text, length);
    copy[length] = '\0';
    switch (hmlc_dtype_class_of(dtype)) {
    case HMLC_CLASS_FLOAT:
        return parse_float(dtype, copy, element);
    case HMLC_CLASS_BOOL:
        return parse_bool(copy, element);
    case HMLC_CLASS_UINT:
        return parse_unsigned(dtype, copy, element);
    default:
        return parse_signed(dtype, copy, element);
    }
}

static uint64_t mix(uint64_t hash, uint64_t word, uint64_t factor)
{
    hash = (hash ^ word) * factor;
    return hash ^ (hash >> 31);
}

hmlc_text_hash hmlc_text_hash_of(const void *data, size_t size)
{
    const unsigned char *bytes = data;
    hmlc_text_hash hash = {UINT64_C(0x243f6a8885a308d3) ^ size, UINT64_C(0x13198a2e03707344)};
    while (size > 0) {
        uint64_t word = 0;
        size_t taken = size < sizeof word ? size : sizeof word;
        memcpy(&word, bytes, taken);
        hash.high = mix(hash.high, word, UINT64_C(0x9e3779b97f4a7c15));
        hash.low = mix(hash.low, word ^ hash.high, UINT64_C(0xc2b2ae3d27d4eb4f));
        bytes += taken;
        size -= taken;
    }
    return hash;
}
