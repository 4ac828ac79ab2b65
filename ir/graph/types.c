/* SPDX-License-Identifier: Apache-2.0 */
/* Value types: creation, comparison and text. */
#include <hmlc/types.h>

#include <stdio.h>
#include <string.h>

const hmlc_type *hmlc_type_tensor(hmlc_arena *arena, hmlc_dtype dtype, int32_t rank,
                                  const hmlc_dim *dims)
{
    if (rank < 0 || rank > HMLC_MAX_RANK) {
        return NULL;
    }
    hmlc_type *type = HMLC_NEW(arena, hmlc_type);
    hmlc_dim *copy = HMLC_NEW_ARRAY(arena, hmlc_dim, rank);
    if (type == NULL || copy == NULL) {
        return NULL;
    }
    for (int32_t i = 0; i < rank; i++) {
        copy[i] = dims[i];
    }
    *type = (hmlc_type){.kind = HMLC_KIND_TENSOR, .dtype = dtype, .rank = rank, .dims = copy};
    return type;
}

static bool tensor_equal(const hmlc_type *left, const hmlc_type *right)
{
    if (left->dtype != right->dtype || left->rank != right->rank) {
        return false;
    }
    for (int32_t i = 0; i < left->rank; i++) {
        if (left->dims[i] != right->dims[i]) {
            return false;
        }
    }
    return true;
}

bool hmlc_type_equal(const hmlc_type *left, const hmlc_type *right)
{
    while (left != right) {
        if (left == NULL || right == NULL || left->kind != right->kind) {
            return false;
        }
        if (left->kind == HMLC_KIND_TENSOR) {
            return tensor_equal(left, right);
        }
        if (left->kind == HMLC_KIND_MAP && left->dtype != right->dtype) {
            return false;
        }
        left = left->element;
        right = right->element;
    }
    return true;
}

bool hmlc_type_same_shape(hmlc_dims *dims, const hmlc_type *left, const hmlc_type *right)
{
    if (left->kind != HMLC_KIND_TENSOR || right->kind != HMLC_KIND_TENSOR ||
        left->rank != right->rank) {
        return false;
    }
    for (int32_t i = 0; i < left->rank; i++) {
        if (!hmlc_dim_known_equal(dims, left->dims[i], right->dims[i])) {
            return false;
        }
    }
    return true;
}

bool hmlc_type_is_static(const hmlc_type *type)
{
    if (type->kind != HMLC_KIND_TENSOR) {
        return false;
    }
    for (int32_t i = 0; i < type->rank; i++) {
        if (!hmlc_dim_is_constant(type->dims[i], NULL)) {
            return false;
        }
    }
    return true;
}

bool hmlc_type_static_dims(const hmlc_type *type, int64_t dims[HMLC_MAX_RANK])
{
    for (int32_t i = 0; i < type->rank; ++i) {
        if (!hmlc_dim_is_constant(type->dims[i], &dims[i])) {
            return false;
        }
    }
    return true;
}

hmlc_dim hmlc_type_count(hmlc_dims *dims, const hmlc_type *type)
{
    hmlc_dim count = hmlc_dim_constant(dims, 1);
    for (int32_t i = 0; i < type->rank; i++) {
        count = hmlc_dim_multiply(dims, count, type->dims[i]);
    }
    return count;
}

/* Text of at most `size` bytes that counts what it would need, as snprintf does. */
typedef struct text_sink {
    char *text;
    size_t size, length;
} text_sink;

static void put(text_sink *sink, const char *text)
{
    size_t length = strlen(text);
    if (sink->length < sink->size) {
        size_t room = sink->size - sink->length;
        snprintf(sink->text + sink->length, room, "%s", text);
    }
    sink->length += length;
}

static void put_dim(text_sink *sink, hmlc_dim dim)
{
    bool fits = sink->length < sink->size;
    int length = hmlc_dim_format(dim, fits ? sink->text + sink->length : NULL,
                                 fits ? sink->size - sink->length : 0);
    sink->length += length > 0 ? (size_t)length : 0;
}

static void put_tensor(text_sink *sink, const hmlc_type *type)
{
    put(sink, hmlc_dtype_name(type->dtype));
    put(sink, "[");
    for (int32_t i = 0; i < type->rank; i++) {
        put(sink, i > 0 ? ", " : "");
        put_dim(sink, type->dims[i]);
    }
    put(sink, "]");
}

int hmlc_type_format(const hmlc_type *type, char *text, size_t size)
{
    text_sink sink = {text, size, 0};
    if (size > 0) {
        text[0] = '\0';
    }
    size_t closing = 0;
    for (; type->kind != HMLC_KIND_TENSOR; type = type->element) {
        if (type->kind == HMLC_KIND_MAP) {
            put(&sink, "map<");
            put(&sink, hmlc_dtype_name(type->dtype));
            put(&sink, ", ");
        } else {
            put(&sink, type->kind == HMLC_KIND_SEQUENCE ? "sequence<" : "optional<");
        }
        closing++;
    }
    put_tensor(&sink, type);
    for (; closing > 0; closing--) {
        put(&sink, ">");
    }
    return (int)sink.length;
}
