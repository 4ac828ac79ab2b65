/* SPDX-License-Identifier: Apache-2.0 */
#include "graph_kit.h"

#include <string.h>

#include "pass_oracle.h"

enum { MAX_LIST = 32 };

kit kit_open(void)
{
    kit k = {.module = hmlc_module_create(NULL), .seed = 7};
    k.failed = k.module == NULL;
    if (!k.failed) {
        k.builder = hmlc_builder_at_end(k.module->main);
    }
    return k;
}

static void check(kit *k, hmlc_status status)
{
    if (status != HMLC_OK && !k->failed) {
        k->failed = true;
        oracle_print_diagnostics(k->module);
    }
}

static uint32_t parse_dims(kit *k, const char *text, hmlc_dim *dims)
{
    uint32_t count = 0;
    while (*text != '\0' && count < MAX_LIST) {
        size_t length = strcspn(text, ",");
        dims[count] = hmlc_dim_parse(k->module->dims, text, length);
        k->failed = k->failed || dims[count] == NULL;
        count++;
        text += length + (text[length] == ',' ? 1 : 0);
    }
    return count;
}

static uint32_t parse_integers(kit *k, const char *text, int64_t *values)
{
    hmlc_dim dims[MAX_LIST];
    uint32_t count = parse_dims(k, text, dims);
    for (uint32_t i = 0; i < count && !k->failed; i++) {
        k->failed = !hmlc_dim_is_constant(dims[i], &values[i]);
    }
    return count;
}

V kit_input(kit *k, const char *name, hmlc_dtype dtype, const char *shape)
{
    hmlc_dim dims[MAX_LIST];
    uint32_t rank = parse_dims(k, shape, dims);
    const hmlc_type *type =
        k->failed ? NULL : hmlc_type_tensor(k->module->arena, dtype, (int32_t)rank, dims);
    V value = type != NULL ? hmlc_region_add_argument(k->module->main, type, name) : NULL;
    k->failed = k->failed || value == NULL;
    return value;
}

V kit_weight(kit *k, const char *shape)
{
    hmlc_tensor tensor = {.dtype = HMLC_DTYPE_f32};
    tensor.rank = (int32_t)parse_integers(k, shape, tensor.dims);
    if (k->failed) {
        return NULL;
    }
    int64_t count = hmlc_tensor_count(&tensor);
    float *data = HMLC_NEW_ARRAY(k->module->arena, float, count);
    for (int64_t i = 0; data != NULL && i < count; i++) {
        k->seed = k->seed * 1664525u + 1013904223u;
        data[i] = (float)(k->seed >> 8 & 0xfff) / 2048.0F - 1.0F;
    }
    tensor.data = data;
    tensor.bytes = (size_t)count * sizeof *data;
    V value = NULL;
    check(k, data != NULL ? hmlc_build_constant(&k->builder, &tensor, &value) : HMLC_RESOURCE);
    return value;
}

V kit_scalar(kit *k, double value)
{
    V result = NULL;
    if (!k->failed) {
        check(k, hmlc_build_scalar(&k->builder, HMLC_DTYPE_f32, value, &result));
    }
    return result;
}

static V kit_op(kit *k, hmlc_opcode opcode, uint32_t count, V const *operands, uint32_t attr_count,
                const hmlc_attr *attrs)
{
    V result = NULL;
    if (!k->failed) {
        check(k, hmlc_build(&k->builder, opcode, operands, count, attrs, attr_count, &result));
    }
    return result;
}

V kit_unary(kit *k, hmlc_opcode opcode, V x)
{
    return kit_op(k, opcode, 1, &x, 0, NULL);
}

V kit_binary(kit *k, hmlc_opcode opcode, V a, V b)
{
    return kit_op(k, opcode, 2, (V[]){a, b}, 0, NULL);
}

V kit_matmul(kit *k, V a, V b, bool transpose_b)
{
    hmlc_attr attr = hmlc_attr_int(HMLC_ATTR_transpose_b, transpose_b ? 1 : 0);
    return kit_op(k, HMLC_OP_matmul, 2, (V[]){a, b}, 1, &attr);
}

V kit_reshape(kit *k, V x, const char *shape)
{
    hmlc_dim dims[MAX_LIST];
    hmlc_attr attr = hmlc_attr_dims(HMLC_ATTR_shape, dims, parse_dims(k, shape, dims));
    return kit_op(k, HMLC_OP_reshape, 1, &x, 1, &attr);
}

V kit_transpose(kit *k, V x, const char *permutation)
{
    int64_t axes[MAX_LIST];
    hmlc_attr attr =
        hmlc_attr_ints(HMLC_ATTR_permutation, axes, parse_integers(k, permutation, axes));
    return kit_op(k, HMLC_OP_transpose, 1, &x, 1, &attr);
}

V kit_slice(kit *k, V x, const char *starts, const char *sizes)
{
    hmlc_dim first[MAX_LIST], size[MAX_LIST], step[MAX_LIST];
    uint32_t count = parse_dims(k, starts, first);
    parse_dims(k, sizes, size);
    for (uint32_t i = 0; i < count; i++) {
        step[i] = hmlc_dim_constant(k->module->dims, 1);
    }
    hmlc_attr attrs[] = {hmlc_attr_dims(HMLC_ATTR_starts, first, count),
                         hmlc_attr_dims(HMLC_ATTR_sizes, size, count),
                         hmlc_attr_dims(HMLC_ATTR_steps, step, count)};
    return kit_op(k, HMLC_OP_slice, 1, &x, 3, attrs);
}

V kit_concat(kit *k, int64_t axis, uint32_t count, V const *operands)
{
    hmlc_attr attr = hmlc_attr_int(HMLC_ATTR_axis, axis);
    return kit_op(k, HMLC_OP_concat, count, operands, 1, &attr);
}

V kit_pad(kit *k, V x, const char *pads)
{
    hmlc_dim dims[MAX_LIST];
    hmlc_attr attr = hmlc_attr_dims(HMLC_ATTR_pads, dims, parse_dims(k, pads, dims));
    return kit_op(k, HMLC_OP_pad, 1, &x, 1, &attr);
}

V kit_reduce(kit *k, hmlc_opcode opcode, V x, const char *axes, bool keep)
{
    int64_t list[MAX_LIST];
    hmlc_attr attrs[] = {hmlc_attr_ints(HMLC_ATTR_axes, list, parse_integers(k, axes, list)),
                         hmlc_attr_int(HMLC_ATTR_keep_dims, keep ? 1 : 0)};
    return kit_op(k, opcode, 1, &x, 2, attrs);
}

V kit_rows(kit *k, hmlc_opcode opcode, V x, V scale, V bias, const char *axes)
{
    int64_t list[MAX_LIST];
    hmlc_attr attr = hmlc_attr_ints(HMLC_ATTR_axes, list, parse_integers(k, axes, list));
    uint32_t count = bias != NULL ? 3 : scale != NULL ? 2 : 1;
    return kit_op(k, opcode, count, (V[]){x, scale, bias}, 1, &attr);
}

typedef struct window_attrs {
    int64_t strides[3], ones[3], zeros[3], window[3];
    hmlc_dim pads[6];
    uint32_t spatial;
} window_attrs;

static void fill_window(kit *k, V x, window_attrs *w, int64_t window, int64_t stride, int64_t pad)
{
    *w = (window_attrs){.spatial = k->failed ? 0 : (uint32_t)x->type->rank - 2};
    for (uint32_t i = 0; i < w->spatial; i++) {
        w->strides[i] = stride;
        w->ones[i] = 1;
        w->window[i] = window;
        w->pads[i] = w->pads[i + w->spatial] =
            k->failed ? NULL : hmlc_dim_constant(k->module->dims, pad);
    }
}

V kit_conv(kit *k, V x, V w, V bias, int64_t stride, int64_t pad, int64_t groups)
{
    window_attrs a;
    fill_window(k, x, &a, 1, stride, pad);
    hmlc_attr attrs[] = {hmlc_attr_ints(HMLC_ATTR_strides, a.strides, a.spatial),
                         hmlc_attr_dims(HMLC_ATTR_pads, a.pads, 2 * a.spatial),
                         hmlc_attr_ints(HMLC_ATTR_dilations, a.ones, a.spatial),
                         hmlc_attr_int(HMLC_ATTR_groups, groups),
                         hmlc_attr_int(HMLC_ATTR_layout, HMLC_LAYOUT_CHANNELS_FIRST)};
    return kit_op(k, HMLC_OP_conv, bias != NULL ? 3 : 2, (V[]){x, w, bias}, 5, attrs);
}

V kit_conv_transpose(kit *k, V x, V w, V bias, int64_t stride)
{
    window_attrs a;
    fill_window(k, x, &a, 1, stride, 0);
    hmlc_attr attrs[] = {hmlc_attr_ints(HMLC_ATTR_strides, a.strides, a.spatial),
                         hmlc_attr_dims(HMLC_ATTR_pads, a.pads, 2 * a.spatial),
                         hmlc_attr_ints(HMLC_ATTR_dilations, a.ones, a.spatial),
                         hmlc_attr_int(HMLC_ATTR_groups, 1),
                         hmlc_attr_int(HMLC_ATTR_layout, HMLC_LAYOUT_CHANNELS_FIRST),
                         hmlc_attr_ints(HMLC_ATTR_output_padding, a.zeros, a.spatial)};
    return kit_op(k, HMLC_OP_conv_transpose, bias != NULL ? 3 : 2, (V[]){x, w, bias}, 6, attrs);
}

V kit_pool(kit *k, hmlc_opcode opcode, V x, int64_t window, int64_t stride, int64_t pad)
{
    window_attrs a;
    fill_window(k, x, &a, window, stride, pad);
    hmlc_attr attrs[] = {hmlc_attr_ints(HMLC_ATTR_window, a.window, a.spatial),
                         hmlc_attr_ints(HMLC_ATTR_strides, a.strides, a.spatial),
                         hmlc_attr_dims(HMLC_ATTR_pads, a.pads, 2 * a.spatial),
                         hmlc_attr_ints(HMLC_ATTR_dilations, a.ones, a.spatial),
                         hmlc_attr_int(HMLC_ATTR_layout, HMLC_LAYOUT_CHANNELS_FIRST),
                         hmlc_attr_int(HMLC_ATTR_count_include_pad, 0)};
    return kit_op(k, opcode, 1, &x, opcode == HMLC_OP_avg_pool ? 6 : 5, attrs);
}

void kit_yield(kit *k, uint32_t count, V const *values)
{
    if (!k->failed) {
        check(k, hmlc_build_yield(&k->builder, values, count));
    }
}
