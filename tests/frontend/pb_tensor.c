/* SPDX-License-Identifier: Apache-2.0 */
#include "pb_tensor.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct byte_cursor {
    const uint8_t *at, *end;
} byte_cursor;

static bool varint(byte_cursor *cursor, uint64_t *value)
{
    *value = 0;
    for (uint32_t shift = 0; shift < 64 && cursor->at < cursor->end; shift += 7) {
        uint8_t byte = *cursor->at++;
        *value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            return true;
        }
    }
    return false;
}

static const hmlc_dtype dtypes[] = {
    HMLC_DTYPE_COUNT, HMLC_DTYPE_f32, HMLC_DTYPE_u8,  HMLC_DTYPE_i8,    HMLC_DTYPE_u16,
    HMLC_DTYPE_i16,   HMLC_DTYPE_i32, HMLC_DTYPE_i64, HMLC_DTYPE_COUNT, HMLC_DTYPE_bool,
    HMLC_DTYPE_f16,   HMLC_DTYPE_f64, HMLC_DTYPE_u32, HMLC_DTYPE_u64,   HMLC_DTYPE_COUNT,
    HMLC_DTYPE_COUNT, HMLC_DTYPE_bf16};

/* What a pass over the fields collects. */
typedef struct tensor_fields {
    uint64_t type;
    const uint8_t *raw;
    size_t raw_size;
    uint64_t numbers[65536]; /* int32_data, int64_data, uint64_data, or bits of floats */
    size_t count;
} tensor_fields;

static void add_number(tensor_fields *fields, uint64_t number)
{
    if (fields->count < sizeof fields->numbers / sizeof fields->numbers[0]) {
        fields->numbers[fields->count] = number;
    }
    fields->count++;
}

static bool add_packed(tensor_fields *fields, byte_cursor content, size_t width)
{
    while (content.at < content.end) {
        uint64_t number = 0;
        if (width == 0) {
            if (!varint(&content, &number)) {
                return false;
            }
        } else {
            if ((size_t)(content.end - content.at) < width) {
                return false;
            }
            memcpy(&number, content.at, width);
            content.at += width;
        }
        add_number(fields, number);
    }
    return true;
}

static bool add_dim(hmlc_tensor *tensor, uint64_t dim)
{
    if (tensor->rank == HMLC_MAX_RANK) {
        return false;
    }
    tensor->dims[tensor->rank++] = (int64_t)dim;
    return true;
}

static bool read_bytes(tensor_file *result, tensor_fields *fields, uint64_t number,
                       byte_cursor content)
{
    size_t size = (size_t)(content.end - content.at);
    switch (number) {
    case 1:
        while (content.at < content.end) {
            uint64_t dim;
            if (!varint(&content, &dim) || !add_dim(&result->tensor, dim)) {
                return false;
            }
        }
        return true;
    case 4:
        return add_packed(fields, content, 4);
    case 5:
    case 7:
    case 11:
        return add_packed(fields, content, 0);
    case 10:
        return add_packed(fields, content, 8);
    case 8:
        free(result->name);
        result->name = calloc(1, size + 1);
        if (result->name != NULL) {
            memcpy(result->name, content.at, size);
        }
        return result->name != NULL;
    case 9:
        fields->raw = content.at;
        fields->raw_size = size;
        return true;
    default:
        return true;
    }
}

static bool read_field(tensor_file *result, tensor_fields *fields, byte_cursor *cursor)
{
    uint64_t key, value = 0;
    if (!varint(cursor, &key)) {
        return false;
    }
    uint32_t wire = (uint32_t)(key & 7);
    size_t left = (size_t)(cursor->end - cursor->at);
    if (wire == 0 || wire == 2) {
        if (!varint(cursor, &value)) {
            return false;
        }
        left = (size_t)(cursor->end - cursor->at);
    }
    if (wire == 2) {
        if (value > left) {
            return false;
        }
        byte_cursor content = {cursor->at, cursor->at + value};
        cursor->at += value;
        return read_bytes(result, fields, key >> 3, content);
    }
    size_t width = wire == 5 ? 4 : wire == 1 ? 8 : 0;
    if (width > left || (wire != 0 && width == 0)) {
        return false;
    }
    memcpy(&value, cursor->at, width);
    cursor->at += width;
    if (wire == 0 && key >> 3 == 1) {
        return add_dim(&result->tensor, value);
    }
    if (key >> 3 == 2) {
        fields->type = value;
    } else if ((key >> 3 >= 4 && key >> 3 <= 7) || key >> 3 == 10 || key >> 3 == 11) {
        add_number(fields, value);
    }
    return true;
}

/* The element bytes: raw, or the typed numbers narrowed (little-endian). */
static bool set_data(tensor_file *result, const tensor_fields *fields)
{
    hmlc_tensor *tensor = &result->tensor;
    int64_t count = hmlc_tensor_count(tensor);
    size_t width = hmlc_dtype_bytes(tensor->dtype);
    if (count < 0) {
        return false;
    }
    tensor->bytes = (size_t)count * width;
    if (fields->raw != NULL) {
        tensor->data = fields->raw;
        return fields->raw_size == tensor->bytes;
    }
    if (fields->count != (size_t)count || fields->count > 65536) {
        return false;
    }
    result->typed = calloc(fields->count + 1, width);
    for (size_t i = 0; result->typed != NULL && i < fields->count; i++) {
        memcpy((char *)result->typed + i * width, &fields->numbers[i], width);
    }
    tensor->data = result->typed;
    return result->typed != NULL;
}

static bool parse(tensor_file *result, size_t size)
{
    tensor_fields *found = calloc(1, sizeof *found);
    byte_cursor cursor = {result->file, (const uint8_t *)result->file + size};
    bool good = found != NULL;
    while (good && cursor.at < cursor.end) {
        good = read_field(result, found, &cursor);
    }
    good = good && found->type < sizeof dtypes / sizeof dtypes[0] &&
           dtypes[found->type] != HMLC_DTYPE_COUNT;
    if (good) {
        result->tensor.dtype = dtypes[found->type];
        good = set_data(result, found);
    }
    free(found);
    return good;
}

bool tensor_file_parse(const void *bytes, size_t size, tensor_file *result)
{
    *result = (tensor_file){.file = malloc(size + 1)};
    if (result->file == NULL) {
        return false;
    }
    memcpy(result->file, bytes, size);
    return parse(result, size);
}

bool tensor_file_read(const char *path, tensor_file *result)
{
    *result = (tensor_file){0};
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return false;
    }
    bool good = fseek(file, 0, SEEK_END) == 0;
    long size = good ? ftell(file) : -1;
    good = size >= 0 && fseek(file, 0, SEEK_SET) == 0;
    result->file = good ? malloc((size_t)size + 1) : NULL;
    good = result->file != NULL && fread(result->file, 1, (size_t)size, file) == (size_t)size;
    (void)fclose(file);
    return good && parse(result, (size_t)size);
}

void tensor_file_free(tensor_file *tensor)
{
    free(tensor->name);
    free(tensor->file);
    free(tensor->typed);
    *tensor = (tensor_file){0};
}

tensor_tolerance tensor_tolerance_of(const hmlc_tensor *expected)
{
    double largest = 0;
    for (int64_t i = 0; i < hmlc_tensor_count(expected); i++) {
        double size = fabs(hmlc_tensor_get_double(expected, i));
        largest = isfinite(size) && size > largest ? size : largest;
    }
    double absolute = 2e-5 * largest;
    return (tensor_tolerance){.relative = 1e-3, .absolute = absolute > 1e-5 ? absolute : 1e-5};
}

static bool same_shape(const hmlc_tensor *a, const hmlc_tensor *b)
{
    bool same = a->dtype == b->dtype && a->rank == b->rank;
    for (int32_t i = 0; same && i < a->rank; i++) {
        same = a->dims[i] == b->dims[i];
    }
    return same;
}

static void describe(const hmlc_tensor *tensor, char *text, size_t size)
{
    size_t used = (size_t)snprintf(text, size, "%s[", hmlc_dtype_name(tensor->dtype));
    for (int32_t i = 0; i < tensor->rank && used < size; i++) {
        used += (size_t)snprintf(text + used, size - used, "%s%lld", i > 0 ? "," : "",
                                 (long long)tensor->dims[i]);
    }
    if (used < size) {
        (void)snprintf(text + used, size - used, "]");
    }
}

static bool close_enough(const hmlc_tensor *found, const hmlc_tensor *expected, int64_t i,
                         const tensor_tolerance *tolerance)
{
    if (!hmlc_dtype_is_float(expected->dtype)) {
        int64_t difference = hmlc_tensor_get_int(found, i) - hmlc_tensor_get_int(expected, i);
        return difference >= -tolerance->steps && difference <= tolerance->steps;
    }
    double a = hmlc_tensor_get_double(found, i), b = hmlc_tensor_get_double(expected, i);
    if (isnan(a) || isnan(b)) {
        return isnan(a) && isnan(b);
    }
    return a == b || fabs(a - b) <= tolerance->absolute + tolerance->relative * fabs(b);
}

bool tensor_equal(const hmlc_tensor *found, const hmlc_tensor *expected,
                  const tensor_tolerance *tolerance, char *message, size_t size)
{
    if (!same_shape(found, expected)) {
        char a[128], b[128];
        describe(found, a, sizeof a);
        describe(expected, b, sizeof b);
        (void)snprintf(message, size, "is %s, expected %s", a, b);
        return false;
    }
    int64_t wrong = 0, first = -1;
    for (int64_t i = 0; i < hmlc_tensor_count(expected); i++) {
        if (!close_enough(found, expected, i, tolerance)) {
            first = wrong == 0 ? i : first;
            wrong++;
        }
    }
    if (wrong > 0) {
        (void)snprintf(message, size,
                       "%lld elements differ, first element %lld: %.9g, expected %.9g",
                       (long long)wrong, (long long)first, hmlc_tensor_get_double(found, first),
                       hmlc_tensor_get_double(expected, first));
    }
    return wrong == 0;
}
