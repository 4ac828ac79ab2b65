/* SPDX-License-Identifier: Apache-2.0 */
#include "sliding_window.h"

#include <hmlc/assert.h>

hmlc_dim hmlc_window_extent(const hmlc_emitter *emit, const hmlc_window_spec *window, int32_t i)
{
    return hmlc_window_reach(hmlc_emit_table(emit), window->size[i], window->dilations[i]);
}

void hmlc_window_set_pads(hmlc_window_spec *window, int32_t i, hmlc_pads pads)
{
    window->pads[i] = pads.before;
    window->pads[i + window->spatial] = pads.behind;
}

void hmlc_window_pad_same(const hmlc_emitter *emit, hmlc_window_spec *window, const hmlc_value *x,
                          hmlc_odd_pad odd)
{
    const hmlc_dim *in = x->type->dims + hmlc_window_first_axis(window);
    for (int32_t i = 0; i < window->spatial; i++) {
        hmlc_window_set_pads(window, i,
                             hmlc_window_same(hmlc_emit_table(emit), in[i], window->strides[i],
                                              hmlc_window_extent(emit, window, i), odd));
    }
}

/* An op has the shared ones and at most three of its own. */
enum { SHARED_ATTRS = 4, MOST_ATTRS = SHARED_ATTRS + 3 };

/* The attributes that convolutions and pools share. Returns their number. */
static uint32_t window_attrs(const hmlc_window_spec *window, hmlc_attr *attrs)
{
    uint32_t spatial = (uint32_t)window->spatial, count = 0;
    attrs[count++] = hmlc_attr_ints(HMLC_ATTR_strides, window->strides, spatial);
    attrs[count++] = hmlc_attr_dims(HMLC_ATTR_pads, window->pads, 2 * spatial);
    attrs[count++] = hmlc_attr_ints(HMLC_ATTR_dilations, window->dilations, spatial);
    attrs[count++] = hmlc_attr_int(HMLC_ATTR_layout, window->layout);
    HMLC_ASSERT(count == SHARED_ATTRS);
    return count;
}

hmlc_value *hmlc_emit_conv(hmlc_emitter *emit, hmlc_value *x, hmlc_value *w, hmlc_value *bias,
                           const hmlc_window_spec *window, int64_t groups)
{
    hmlc_attr attrs[MOST_ATTRS];
    uint32_t count = window_attrs(window, attrs);
    attrs[count++] = hmlc_attr_int(HMLC_ATTR_groups, groups);
    hmlc_value *const operands[3] = {x, w, bias};
    return hmlc_emit(emit, HMLC_OP_conv, operands, bias != NULL ? 3 : 2, attrs, count);
}

hmlc_value *hmlc_emit_conv_integer(hmlc_emitter *emit, hmlc_value *x, hmlc_value *w,
                                   hmlc_value *x_zero, hmlc_value *w_zero,
                                   const hmlc_window_spec *window, int64_t groups)
{
    hmlc_attr attrs[MOST_ATTRS];
    uint32_t count = window_attrs(window, attrs);
    attrs[count++] = hmlc_attr_int(HMLC_ATTR_groups, groups);
    hmlc_value *const operands[4] = {x, w, x_zero, w_zero};
    uint32_t used = w_zero != NULL ? 4 : x_zero != NULL ? 3 : 2;
    return hmlc_emit(emit, HMLC_OP_conv_integer, operands, used, attrs, count);
}

/* Where only the run knows whether the result is too large or too small, `cut` and `missing` tell,
 * and the window keeps no pads: `late`. */
typedef struct transposed_fit {
    const hmlc_dim *sizes;
    hmlc_dim cut[HMLC_MOST_SPATIAL], missing[HMLC_MOST_SPATIAL];
    int64_t output_padding[HMLC_MOST_SPATIAL];
    bool late;
} transposed_fit;

static void fit_transposed(const hmlc_emitter *emit, const hmlc_value *x, hmlc_odd_pad odd,
                           hmlc_window_spec *window, transposed_fit *fit)
{
    hmlc_dims *table = hmlc_emit_table(emit);
    hmlc_dim zero = hmlc_emit_number(emit, 0), one = hmlc_emit_number(emit, 1);
    for (int32_t i = 0; i < window->spatial; i++) {
        hmlc_dim stride = hmlc_emit_number(emit, window->strides[i]);
        hmlc_dim in = x->type->dims[i + hmlc_window_first_axis(window)];
        hmlc_dim full = hmlc_dim_multiply(table, hmlc_dim_subtract(table, in, one), stride);
        full = hmlc_dim_add(table, full, hmlc_window_extent(emit, window, i));
        full = hmlc_dim_add(table, full, hmlc_emit_number(emit, fit->output_padding[i]));
        hmlc_dim total = hmlc_dim_subtract(table, full, fit->sizes[i]);
        int64_t excess;
        bool known = hmlc_dim_is_constant(total, &excess);
        fit->late = fit->late || (!known && total->minimum < 0);
        fit->missing[i] = hmlc_dim_maximum(table, hmlc_dim_subtract(table, zero, total), zero);
        fit->output_padding[i] -= known && excess < 0 ? excess : 0;
        total = hmlc_dim_maximum(table, total, zero);
        hmlc_window_set_pads(window, i, hmlc_window_split(table, total, odd));
        fit->cut[i] = window->pads[i];
    }
    for (int32_t i = 0; fit->late && i < window->spatial; i++) {
        int64_t excess;
        bool known = hmlc_dim_is_constant(fit->missing[i], &excess);
        fit->output_padding[i] -= known ? excess : 0;
        window->pads[i] = window->pads[i + window->spatial] = zero;
    }
}

static hmlc_value *add_bias(hmlc_emitter *emit, hmlc_value *y, hmlc_value *bias, int32_t channel)
{
    hmlc_dim shape[HMLC_MAX_RANK];
    uint32_t rank = 0;
    if (emit->status != HMLC_OK) {
        return NULL;
    }
    shape[rank++] = bias->type->dims[0];
    for (int32_t i = channel + 1; i < y->type->rank; i++) {
        shape[rank++] = hmlc_emit_number(emit, 1);
    }
    return hmlc_emit_binary(emit, HMLC_OP_add, y, hmlc_emit_reshape(emit, bias, shape, rank));
}

/* Cuts and pads y, which has no bias yet, to the wanted sizes. */
static hmlc_value *trim_transposed(hmlc_emitter *emit, hmlc_value *y, hmlc_value *bias,
                                   const hmlc_window_spec *window, const transposed_fit *fit)
{
    int32_t first = hmlc_window_first_axis(window);
    hmlc_dim zero = hmlc_emit_number(emit, 0), pads[2 * HMLC_MAX_RANK];
    if (emit->status != HMLC_OK) {
        return NULL;
    }
    int32_t rank = y->type->rank;
    for (int32_t i = 0; i < 2 * rank; i++) {
        pads[i] = zero;
    }
    for (int32_t i = 0; i < window->spatial; i++) {
        hmlc_dim size = hmlc_dim_subtract(hmlc_emit_table(emit), fit->sizes[i], fit->missing[i]);
        pads[i + first + rank] = fit->missing[i];
        y = hmlc_emit_slice_axis(emit, y, i + first, fit->cut[i], size);
    }
    y = hmlc_emit(emit, HMLC_OP_pad, HMLC_OPERANDS(y),
                  HMLC_ATTRS(hmlc_attr_dims(HMLC_ATTR_pads, pads, 2 * (uint32_t)rank)));
    return bias != NULL ? add_bias(emit, y, bias, first == 1 ? rank - 1 : 1) : y;
}

hmlc_value *hmlc_emit_conv_transpose(hmlc_emitter *emit, hmlc_value *const operands[3],
                                     const hmlc_window_spec *window, int64_t groups,
                                     const hmlc_dim *sizes, hmlc_odd_pad odd,
                                     const int64_t *output_padding)
{
    hmlc_attr attrs[MOST_ATTRS];
    hmlc_window_spec fitted = *window;
    transposed_fit fit = {.sizes = sizes};
    for (int32_t i = 0; i < window->spatial; i++) {
        fit.output_padding[i] = output_padding[i];
    }
    if (sizes != NULL) {
        fit_transposed(emit, operands[0], odd, &fitted, &fit);
    }
    uint32_t count = window_attrs(&fitted, attrs);
    attrs[count++] = hmlc_attr_int(HMLC_ATTR_groups, groups);
    attrs[count++] =
        hmlc_attr_ints(HMLC_ATTR_output_padding, fit.output_padding, (uint32_t)window->spatial);
    uint32_t used = operands[2] != NULL && !fit.late ? 3 : 2;
    hmlc_value *y = hmlc_emit(emit, HMLC_OP_conv_transpose, operands, used, attrs, count);
    return fit.late ? trim_transposed(emit, y, operands[2], &fitted, &fit) : y;
}

hmlc_op *hmlc_emit_max_pool(hmlc_emitter *emit, hmlc_value *x, const hmlc_window_spec *window)
{
    hmlc_attr attrs[MOST_ATTRS];
    uint32_t count = window_attrs(window, attrs);
    attrs[count++] = hmlc_attr_ints(HMLC_ATTR_window, window->size, (uint32_t)window->spatial);
    return hmlc_emit_op(emit, HMLC_OP_max_pool, HMLC_OPERANDS(x), attrs, count);
}

/* x with the window's own pads as zeros, after which only the extra is left of them. */
static hmlc_value *pad_input(hmlc_emitter *emit, hmlc_value *x, hmlc_window_spec *window)
{
    hmlc_dims *table = hmlc_emit_table(emit);
    hmlc_dim zero = hmlc_emit_number(emit, 0), pads[2 * HMLC_MAX_RANK];
    uint32_t rank = (uint32_t)window->spatial + 2, first = (uint32_t)hmlc_window_first_axis(window);
    for (uint32_t i = 0; i < rank; i++) {
        pads[i] = pads[i + rank] = zero;
    }
    for (int32_t i = 0; i < window->spatial; i++) {
        hmlc_dim *end = &window->pads[i + window->spatial];
        pads[(uint32_t)i + first] = window->pads[i];
        pads[(uint32_t)i + first + rank] = hmlc_dim_subtract(table, *end, window->extra[i]);
        window->pads[i] = zero;
        *end = window->extra[i];
    }
    return hmlc_emit(emit, HMLC_OP_pad, HMLC_OPERANDS(x),
                     HMLC_ATTRS(hmlc_attr_dims(HMLC_ATTR_pads, pads, 2 * rank)));
}

/* Where the extra is known only at run time, the pads become zeros of the input, and nothing else
 * is counted. */
hmlc_value *hmlc_emit_avg_pool(hmlc_emitter *emit, hmlc_value *x, hmlc_window_spec *window,
                               bool include_pad)
{
    hmlc_attr attrs[MOST_ATTRS];
    int64_t extra[HMLC_MOST_SPATIAL];
    bool any = false, known = true;
    for (int32_t i = 0; i < window->spatial; i++) {
        known = hmlc_dim_is_constant(window->extra[i], &extra[i]) && known;
        any = any || !known || extra[i] > 0;
    }
    if (include_pad && !known) {
        x = pad_input(emit, x, window);
        include_pad = false;
    }
    uint32_t count = window_attrs(window, attrs);
    attrs[count++] = hmlc_attr_ints(HMLC_ATTR_window, window->size, (uint32_t)window->spatial);
    attrs[count++] = hmlc_attr_int(HMLC_ATTR_count_include_pad, include_pad);
    if (include_pad && any) {
        attrs[count++] = hmlc_attr_ints(HMLC_ATTR_output_padding, extra, (uint32_t)window->spatial);
    }
    return hmlc_emit(emit, HMLC_OP_avg_pool, HMLC_OPERANDS(x), attrs, count);
}
