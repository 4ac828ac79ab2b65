/* SPDX-License-Identifier: Apache-2.0 */
#include "tflite_flatbuffer.h"

#include <string.h>

/* Little-endian, as the format has it. */
static uint64_t load(const uint8_t *data, uint32_t bytes)
{
    uint64_t value = 0;
    for (uint32_t i = bytes; i-- > 0;) {
        value = value << 8 | data[i];
    }
    return value;
}

static uint32_t bytes_of(hmlc_flat_kind kind)
{
    static const uint32_t bytes[] = {
        [HMLC_FLAT_I8] = 1,  [HMLC_FLAT_U8] = 1,  [HMLC_FLAT_U16] = 2, [HMLC_FLAT_I32] = 4,
        [HMLC_FLAT_U32] = 4, [HMLC_FLAT_I64] = 8, [HMLC_FLAT_U64] = 8, [HMLC_FLAT_F32] = 4,
    };
    return bytes[kind];
}

hmlc_flat_file hmlc_flat_open(const uint8_t *data, size_t size)
{
    return (hmlc_flat_file){.data = data, .size = size, .most_visits = 4 * (uint64_t)size};
}

void hmlc_flat_fail(hmlc_flat_file *file, size_t at, const char *problem)
{
    if (file->problem == NULL) {
        file->problem = problem;
        file->at = at;
    }
}

/* False where `count` more elements are too many. */
static bool visit(hmlc_flat_file *file, size_t at, uint64_t count)
{
    file->visits += count;
    if (file->visits > file->most_visits) {
        hmlc_flat_fail(file, at, "more parts share bytes than any model has");
    }
    return file->visits <= file->most_visits;
}

static bool lies_inside(hmlc_flat_file *file, size_t at, uint64_t bytes, const char *problem)
{
    if (at > file->size || bytes > file->size - at) {
        hmlc_flat_fail(file, at, problem);
        return false;
    }
    return true;
}

/* The place that the offset at `at` points to; 0 where it points nowhere. */
static size_t follow(hmlc_flat_file *file, size_t at)
{
    if (!lies_inside(file, at, 4, "an offset lies behind the end")) {
        return 0;
    }
    uint64_t offset = load(file->data + at, 4), to = at + offset;
    if (offset == 0 || to % 4 != 0 || to > file->size) {
        hmlc_flat_fail(file, at, "an offset points outside the file or between words");
        return 0;
    }
    return (size_t)to;
}

static hmlc_flat_table table_at(hmlc_flat_file *file, size_t at)
{
    hmlc_flat_table none = {0};
    if (at == 0 || !visit(file, at, 1) || !lies_inside(file, at, 4, "a table ends too early")) {
        return none;
    }
    int64_t vtable = (int64_t)at - (int32_t)load(file->data + at, 4);
    if (vtable < 4 || vtable % 2 != 0 ||
        !lies_inside(file, (size_t)vtable, 4, "a table's fields are described outside the file")) {
        hmlc_flat_fail(file, at, "a table's fields are described outside the file");
        return none;
    }
    size_t from = (size_t)vtable;
    uint32_t size = (uint32_t)load(file->data + from, 2);
    uint32_t bytes = (uint32_t)load(file->data + from + 2, 2);
    static const char misfit[] = "a table's size does not fit the file";
    if (size < 4 || size % 2 != 0 || bytes < 4 || !lies_inside(file, from, size, misfit) ||
        !lies_inside(file, at, bytes, misfit) || (from < at + bytes && at < from + size)) {
        hmlc_flat_fail(file, at, misfit);
        return none;
    }
    return (hmlc_flat_table){file, at, from, (size - 4) / 2, bytes};
}

hmlc_flat_table hmlc_flat_root(hmlc_flat_file *file)
{
    return table_at(file, follow(file, 0));
}

/* The place of a field of `bytes` bytes; 0 where it is absent. */
static size_t place_of(const hmlc_flat_table *table, uint32_t field, uint32_t bytes)
{
    if (table->file == NULL || field >= table->fields) {
        return 0;
    }
    uint32_t offset = (uint32_t)load(table->file->data + table->vtable + 4 + 2 * (size_t)field, 2);
    if (offset != 0 && (offset < 4 || offset + bytes > table->bytes)) {
        hmlc_flat_fail(table->file, table->at, "a field lies outside its table");
        return 0;
    }
    return offset != 0 ? table->at + offset : 0;
}

bool hmlc_flat_has(const hmlc_flat_table *table, uint32_t field)
{
    return place_of(table, field, 1) != 0;
}

uint32_t hmlc_flat_next_field(const hmlc_flat_table *table, uint32_t field, uint32_t none)
{
    for (; table->file != NULL && field < table->fields; field++) {
        if (hmlc_flat_has(table, field)) {
            return field;
        }
    }
    return none;
}

static int64_t number_at(const uint8_t *data, hmlc_flat_kind kind)
{
    uint64_t bits = load(data, bytes_of(kind));
    switch (kind) {
    case HMLC_FLAT_I8:
        return (int8_t)bits;
    case HMLC_FLAT_I32:
        return (int32_t)bits;
    default:
        return (int64_t)bits;
    }
}

static float float_at(const uint8_t *data)
{
    uint32_t bits = (uint32_t)load(data, 4);
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

int64_t hmlc_flat_int(const hmlc_flat_table *table, uint32_t field, hmlc_flat_kind kind,
                      int64_t otherwise)
{
    size_t at = place_of(table, field, bytes_of(kind));
    return at != 0 ? number_at(table->file->data + at, kind) : otherwise;
}

double hmlc_flat_float(const hmlc_flat_table *table, uint32_t field, double otherwise)
{
    size_t at = place_of(table, field, 4);
    return at != 0 ? (double)float_at(table->file->data + at) : otherwise;
}

hmlc_flat_table hmlc_flat_child(const hmlc_flat_table *table, uint32_t field)
{
    size_t at = place_of(table, field, 4);
    return at != 0 ? table_at(table->file, follow(table->file, at)) : (hmlc_flat_table){0};
}

static hmlc_flat_vector vector_of(const hmlc_flat_table *table, uint32_t field, uint32_t bytes)
{
    hmlc_flat_vector vector = {0};
    size_t at = place_of(table, field, 4);
    at = at != 0 ? follow(table->file, at) : 0;
    if (at == 0 || !lies_inside(table->file, at, 4, "a vector lies behind the end")) {
        return vector;
    }
    uint64_t count = load(table->file->data + at, 4);
    if (!lies_inside(table->file, at + 4, count * bytes, "a vector is longer than the file")) {
        return vector;
    }
    vector.given = true;
    vector.count = (uint32_t)count;
    vector.data = count > 0 ? table->file->data + at + 4 : NULL;
    return vector;
}

hmlc_flat_vector hmlc_flat_list(const hmlc_flat_table *table, uint32_t field, hmlc_flat_kind kind)
{
    hmlc_flat_vector vector = vector_of(table, field, bytes_of(kind));
    /* Bytes are taken as a whole. */
    bool bytes = kind == HMLC_FLAT_U8;
    if (vector.given && !visit(table->file, table->at, bytes ? 1 : vector.count)) {
        return (hmlc_flat_vector){0};
    }
    return vector;
}

hmlc_flat_vector hmlc_flat_children(const hmlc_flat_table *table, uint32_t field)
{
    return vector_of(table, field, 4);
}

hmlc_flat_table hmlc_flat_child_at(hmlc_flat_file *file, hmlc_flat_vector vector, uint32_t index)
{
    size_t at = (size_t)(vector.data - file->data) + 4 * (size_t)index;
    return table_at(file, follow(file, at));
}

/* Well-formed UTF-8 without a NUL: Unicode table 3-7, by the number of bytes that follow. */
static bool is_text(const uint8_t *text, size_t size)
{
    for (size_t i = 0; i < size;) {
        uint8_t first = text[i++], low = 0x80, high = 0xbf;
        uint32_t more = first < 0x80 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
        if (first == 0 || (first >= 0x80 && first < 0xc2) || first > 0xf4 || more > size - i) {
            return false;
        }
        low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : low;
        high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : high;
        for (; more > 0; more--, i++) {
            if (text[i] < low || text[i] > high) {
                return false;
            }
            low = 0x80;
            high = 0xbf;
        }
    }
    return true;
}

const char *hmlc_flat_text(const hmlc_flat_table *table, uint32_t field)
{
    hmlc_flat_vector bytes = vector_of(table, field, 1);
    if (bytes.data == NULL || !visit(table->file, table->at, 1 + (uint64_t)bytes.count / 16)) {
        return "";
    }
    size_t end = (size_t)(bytes.data - table->file->data) + bytes.count;
    if (end >= table->file->size || table->file->data[end] != 0) {
        hmlc_flat_fail(table->file, table->at, "a text does not end with a NUL byte");
        return "";
    }
    return is_text(bytes.data, bytes.count) ? (const char *)bytes.data : "";
}

int64_t hmlc_flat_int_at(hmlc_flat_vector vector, hmlc_flat_kind kind, uint32_t index)
{
    return number_at(vector.data + (size_t)bytes_of(kind) * index, kind);
}

float hmlc_flat_float_at(hmlc_flat_vector vector, uint32_t index)
{
    return float_at(vector.data + 4 * (size_t)index);
}
