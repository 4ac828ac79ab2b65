/* SPDX-License-Identifier: Apache-2.0 */
/* Layers that rename or move elements. */
#include "common/moving.h"
#include "common/resizing.h"
#include "keras_call.h"

#include <inttypes.h>
#include <string.h>

/* [B, all the rest]; with channels in front they go last before. */
void hmlc_keras_import_flatten(hmlc_keras_call *call)
{
    hmlc_emitter *emit = hmlc_keras_emitter(call);
    hmlc_value *x = call->node.inputs[0];
    int32_t rank = x->type->rank;
    if (rank == 0) {
        hmlc_keras_fail(call, HMLC_ERROR_graph_invalid, NULL, "the input is a scalar");
        return;
    }
    if (hmlc_keras_layout(call) == HMLC_LAYOUT_CHANNELS_FIRST && rank > 2) {
        int64_t permutation[HMLC_MAX_RANK] = {0};
        for (int32_t i = 1; i < rank; i++) {
            permutation[i] = i + 1 < rank ? i + 1 : 1;
        }
        x = hmlc_emit_transpose(emit, x, permutation);
    }
    hmlc_dim shape[2] = {x != NULL ? x->type->dims[0] : NULL, hmlc_emit_number(emit, 1)};
    for (int32_t i = 1; x != NULL && i < rank; i++) {
        shape[1] = hmlc_dim_multiply(hmlc_emit_table(emit), shape[1], x->type->dims[i]);
    }
    call->node.outputs[0] = x != NULL ? hmlc_emit_reshape(emit, x, shape, 2) : NULL;
}

/* target_shape is behind the batch; -1 is what is left. */
void hmlc_keras_import_reshape(hmlc_keras_call *call)
{
    hmlc_emitter *emit = hmlc_keras_emitter(call);
    hmlc_dims *table = hmlc_emit_table(emit);
    hmlc_value *x = call->node.inputs[0];
    const hmlc_json *entry = hmlc_keras_entry(call, "target_shape");
    uint32_t rank = entry != NULL ? entry->count + 1 : 0, open = 0;
    hmlc_dim shape[HMLC_MAX_RANK], rest = hmlc_emit_number(emit, 1);
    if (!hmlc_json_is(entry, HMLC_JSON_ARRAY) || rank > HMLC_MAX_RANK || x->type->rank == 0) {
        hmlc_keras_fail(call, HMLC_ERROR_attribute_invalid, NULL, "'target_shape' is no shape");
        return;
    }
    for (int32_t i = 1; i < x->type->rank; i++) {
        rest = hmlc_dim_multiply(table, rest, x->type->dims[i]);
    }
    shape[0] = x->type->dims[0];
    for (uint32_t i = 1; i < rank; i++) {
        int64_t size;
        if (!hmlc_json_integer(hmlc_json_at(entry, i - 1), &size) || size < -1 ||
            (size == -1 && open != 0)) {
            hmlc_keras_fail(call, HMLC_ERROR_attribute_invalid, NULL, "'target_shape' is no shape");
            return;
        }
        shape[i] = hmlc_emit_number(emit, size);
        open = size == -1 ? i : open;
        rest = size > 0 ? hmlc_dim_floordiv(table, rest, shape[i]) : rest;
    }
    if (open != 0) {
        shape[open] = rest;
    }
    call->node.outputs[0] = hmlc_emit_reshape(emit, x, shape, rank);
}

/* dims count from 1, behind the batch. */
void hmlc_keras_import_permute(hmlc_keras_call *call)
{
    hmlc_value *x = call->node.inputs[0];
    const hmlc_json *entry = hmlc_keras_entry(call, "dims");
    int64_t list[HMLC_MAX_RANK] = {0};
    uint32_t count = hmlc_json_is(entry, HMLC_JSON_ARRAY) ? entry->count + 1 : 0;
    bool good = count == (uint32_t)x->type->rank;
    for (uint32_t i = 1; good && i < count; i++) {
        good = hmlc_json_integer(hmlc_json_at(entry, i - 1), &list[i]) && list[i] > 0;
    }
    if (!good) {
        hmlc_keras_fail(call, HMLC_ERROR_attribute_invalid, NULL,
                        "'dims' is no order of the input's dims");
        return;
    }
    call->node.outputs[0] = hmlc_node_permute(&call->node, x, list, count, "'dims'");
}

/* [B, C] to [B, n, C]. */
void hmlc_keras_import_repeat_vector(hmlc_keras_call *call)
{
    hmlc_emitter *emit = hmlc_keras_emitter(call);
    hmlc_value *x = call->node.inputs[0];
    if (!hmlc_keras_check_rank(call, 2)) {
        return;
    }
    int64_t n = hmlc_keras_int(call, "n", 1);
    const hmlc_dim shape[] = {x->type->dims[0], hmlc_emit_number(emit, n), x->type->dims[1]};
    call->node.outputs[0] = hmlc_emit_expand(emit, hmlc_emit_unsqueeze(emit, x, 1), shape, 3);
}

/* Spatial dims of a layer, by the digit in its class, with a pair of numbers each: n, [n, m] or
 * [[n, m], ...]. False on failure. */
static bool read_pairs(hmlc_keras_call *call, const char *key, int64_t otherwise, int32_t *spatial,
                       int64_t pairs[][2])
{
    const char *digit = strpbrk(call->layer->class_name, "123");
    const hmlc_json *entry = hmlc_keras_entry(call, key);
    *spatial = digit != NULL ? *digit - '0' : 1;
    bool list = hmlc_json_is(entry, HMLC_JSON_ARRAY);
    /* A Cropping1D's [1, 2] is one pair; of others each entry is a dim's. */
    bool single =
        list && *spatial == 1 && entry->count == 2 && hmlc_json_is(entry->first, HMLC_JSON_NUMBER);
    bool good = hmlc_keras_check_rank(call, *spatial + 2);
    for (int32_t i = 0; i < *spatial && good; i++) {
        const hmlc_json *part = list && !single ? hmlc_json_at(entry, (uint32_t)i) : entry;
        for (uint32_t side = 0; side < 2 && good; side++) {
            const hmlc_json *number =
                hmlc_json_is(part, HMLC_JSON_ARRAY) ? hmlc_json_at(part, side) : part;
            pairs[i][side] = otherwise;
            good = entry == NULL || (hmlc_json_integer(number, &pairs[i][side]) &&
                                     pairs[i][side] >= 0 && pairs[i][side] <= INT32_MAX);
        }
    }
    if (!good && hmlc_keras_ok(call)) {
        hmlc_keras_fail(call, HMLC_ERROR_attribute_invalid, NULL,
                        "'%s' does not fit the input's spatial dims", key);
    }
    return good;
}

enum { MOST_PAIRS = 3 };

void hmlc_keras_import_zero_pad(hmlc_keras_call *call)
{
    hmlc_emitter *emit = hmlc_keras_emitter(call);
    hmlc_value *x = call->node.inputs[0];
    int64_t pairs[MOST_PAIRS][2], layout = hmlc_keras_layout(call);
    hmlc_dim pads[2 * HMLC_MAX_RANK];
    int32_t spatial;
    if (!read_pairs(call, "padding", 1, &spatial, pairs)) {
        return;
    }
    int32_t rank = spatial + 2, first = hmlc_keras_first_axis(layout);
    for (int32_t i = 0; i < 2 * rank; i++) {
        pads[i] = hmlc_emit_number(emit, 0);
    }
    for (int32_t i = 0; i < spatial; i++) {
        pads[first + i] = hmlc_emit_number(emit, pairs[i][0]);
        pads[rank + first + i] = hmlc_emit_number(emit, pairs[i][1]);
    }
    call->node.outputs[0] = hmlc_node_pad(&call->node, x, pads, NULL, HMLC_PAD_CONSTANT);
}

void hmlc_keras_import_crop(hmlc_keras_call *call)
{
    hmlc_emitter *emit = hmlc_keras_emitter(call);
    hmlc_dims *table = hmlc_emit_table(emit);
    hmlc_value *x = call->node.inputs[0];
    int64_t pairs[MOST_PAIRS][2], layout = hmlc_keras_layout(call);
    hmlc_dim starts[HMLC_MAX_RANK], sizes[HMLC_MAX_RANK], steps[HMLC_MAX_RANK];
    int32_t spatial;
    if (!read_pairs(call, "cropping", 0, &spatial, pairs)) {
        return;
    }
    for (int32_t i = 0; i < spatial + 2; i++) {
        int32_t dim = i - hmlc_keras_first_axis(layout);
        bool cut = dim >= 0 && dim < spatial;
        starts[i] = hmlc_emit_number(emit, cut ? pairs[dim][0] : 0);
        sizes[i] =
            hmlc_dim_subtract(table, x->type->dims[i],
                              hmlc_emit_number(emit, cut ? pairs[dim][0] + pairs[dim][1] : 0));
        steps[i] = hmlc_emit_number(emit, 1);
        int64_t left;
        if (hmlc_dim_is_constant(sizes[i], &left) && left < 0) {
            hmlc_keras_fail(call, HMLC_ERROR_graph_invalid, NULL,
                            "cuts more off than the input has along dim %d", i);
            return;
        }
    }
    call->node.outputs[0] = hmlc_emit_slice(emit, x, starts, sizes, steps);
}

/* Each element `size` times; bilinear as tf.image.resize, with half pixel centers. */
void hmlc_keras_import_up_sample(hmlc_keras_call *call)
{
    hmlc_emitter *emit = hmlc_keras_emitter(call);
    hmlc_value *x = call->node.inputs[0];
    int64_t pairs[MOST_PAIRS][2], layout = hmlc_keras_layout(call);
    const char *method = hmlc_keras_text(call, "interpolation", "nearest");
    const char *key = hmlc_keras_entry(call, "length") != NULL ? "length" : "size";
    hmlc_resize_spec resizing;
    int32_t spatial;
    if (strcmp(method, "nearest") != 0 && strcmp(method, "bilinear") != 0) {
        hmlc_keras_fail(call, HMLC_ERROR_op_unsupported, NULL,
                        "with interpolation '%s' is not supported", method);
        return;
    }
    if (!read_pairs(call, key, 2, &spatial, pairs)) {
        return;
    }
    hmlc_resize_begin(x, &resizing);
    bool linear = strcmp(method, "bilinear") == 0;
    resizing.mode = linear ? HMLC_RESIZE_LINEAR : HMLC_RESIZE_NEAREST;
    resizing.coordinates = linear ? HMLC_COORDINATES_HALF_PIXEL : HMLC_COORDINATES_ASYMMETRIC;
    resizing.nearest = HMLC_NEAREST_FLOOR;
    for (int32_t i = 0; i < spatial; i++) {
        int32_t axis = hmlc_keras_first_axis(layout) + i;
        resizing.sizes[axis] = hmlc_dim_multiply(hmlc_emit_table(emit), x->type->dims[axis],
                                                 hmlc_emit_number(emit, pairs[i][0]));
    }
    call->node.outputs[0] = hmlc_emit_resize(emit, x, &resizing);
}
