/* SPDX-License-Identifier: Apache-2.0 */
/* Constants into panels, at plan time. */
#include "pack.h"

#include <string.h>

const int64_t hmlc_pack_one_tap[1] = {0};

int64_t hmlc_pack_weights_elements(const hmlc_pack_weights *panels)
{
    int64_t rows = hmlc_pack_rows(panels->layout, panels->depth), elements;
    int64_t count = hmlc_pack_count(panels->layout, panels->columns);
    bool fits = hmlc_int64_multiply(rows, hmlc_pack_row(panels->layout), &rows) &&
                hmlc_int64_multiply(count, rows, &elements);
    return fits ? elements : 0;
}

static int64_t depth_offset(const hmlc_pack_weights *panels, int64_t k)
{
    int64_t steps = panels->depth / panels->tap_count;
    return panels->taps[k / steps] + k % steps * panels->depth_stride;
}

/* One step of a panel: `count` elements that lie column_stride apart. */
static void pack_step(const hmlc_pack_weights *panels, const char *from, char *to, int64_t count)
{
    size_t size = hmlc_dtype_bytes(panels->dtype);
    size_t step = (size_t)panels->layout.group * hmlc_dtype_bytes(panels->packed_dtype);
    for (int64_t j = 0; j < count; j++, to += step) {
        const char *element = from + (size_t)(j * panels->column_stride) * size;
        if (panels->dtype == panels->packed_dtype) {
            memcpy(to, element, size);
            continue;
        }
        if (hmlc_dtype_is_integer(panels->dtype)) { /* of windows of bytes */
            const hmlc_tensor one = {.dtype = panels->dtype, .data = element};
            hmlc_element_set_double(panels->packed_dtype, to, 0, hmlc_tensor_get_double(&one, 0));
            continue;
        }
        uint16_t bits;
        memcpy(&bits, element, sizeof bits);
        float wide =
            panels->dtype == HMLC_DTYPE_f16 ? hmlc_f16_to_f32(bits) : hmlc_bf16_to_f32(bits);
        memcpy(to, &wide, sizeof wide);
    }
}

static void pack_batch(const hmlc_pack_weights *panels, const char *from, char *to)
{
    size_t size = hmlc_dtype_bytes(panels->dtype), packed = hmlc_dtype_bytes(panels->packed_dtype);
    int64_t width = panels->layout.width;
    for (int64_t column = 0; column < panels->columns; column += width) {
        int64_t left = panels->columns - column;
        int64_t count = left < width ? left : width;
        for (int64_t k = 0; k < panels->depth; k++) {
            int64_t offset = depth_offset(panels, k) + column * panels->column_stride;
            int64_t place = hmlc_pack_place(panels->layout, panels->depth, k, column);
            pack_step(panels, from + (size_t)offset * size, to + (size_t)place * packed, count);
        }
    }
}

void hmlc_pack_weights_fill(const hmlc_pack_weights *panels, const hmlc_tensor *constant, void *out)
{
    size_t size = hmlc_dtype_bytes(panels->dtype);
    size_t packed =
        (size_t)hmlc_pack_weights_elements(panels) * hmlc_dtype_bytes(panels->packed_dtype);
    for (int64_t b = 0; b < panels->batches; b++) {
        pack_batch(panels, (const char *)constant->data + (size_t)(b * panels->batch_stride) * size,
                   (char *)out + (size_t)b * packed);
    }
}

bool hmlc_pack_weights_bytes(const hmlc_pack_weights *panels, size_t *bytes)
{
    return hmlc_size_multiply((size_t)hmlc_pack_weights_elements(panels),
                              hmlc_dtype_bytes(panels->packed_dtype), bytes) &&
           hmlc_size_multiply(*bytes, (size_t)panels->batches, bytes);
}

/* Names the order of k where it is not the constant's own. */
static char *taps_text(hmlc_arena *arena, const hmlc_pack_weights *panels)
{
    char *text = hmlc_arena_printf(arena, " taps=%lld", (long long)panels->tap_count);
    for (int64_t k = 0; text != NULL && k < panels->tap_count; k++) {
        text = hmlc_arena_printf(arena, "%s,%lld", text, (long long)panels->taps[k]);
    }
    return text;
}

hmlc_status hmlc_pack_weights_operand(hmlc_arena *arena, const hmlc_pack_weights *panels,
                                      hmlc_kernel_operand *operand)
{
    size_t bytes;
    char *taps = taps_text(arena, panels);
    const char *group = panels->layout.group > 1
                            ? hmlc_arena_printf(arena, "x%lld", (long long)panels->layout.group)
                            : "";
    HMLC_TRY_MEMORY(taps);
    HMLC_TRY_MEMORY(group);
    if (!hmlc_pack_weights_bytes(panels, &bytes)) {
        return HMLC_RESOURCE;
    }
    operand->kind = HMLC_OPERAND_PACKED;
    operand->bytes = bytes;
    operand->packing = hmlc_arena_printf(
        arena, "panels%lld%s %s B=%lld/%lld K=%lld/%lld N=%lld/%lld%s",
        (long long)panels->layout.width, group, hmlc_dtype_name(panels->packed_dtype),
        (long long)panels->batches, (long long)panels->batch_stride, (long long)panels->depth,
        (long long)panels->depth_stride, (long long)panels->columns,
        (long long)panels->column_stride, taps);
    HMLC_TRY_MEMORY(operand->packing);
    return HMLC_OK;
}

static hmlc_status pack_right(const hmlc_kernel_plan *plan, const hmlc_tensor *constant, void *out)
{
    const hmlc_contraction *contraction = plan->state;
    hmlc_pack_weights_fill(contraction->panels, constant, out);
    return HMLC_OK;
}

/* Two neighbouring products of a column fit i16, whatever bytes without sign they meet. */
static bool pair_is_mild(const hmlc_pack_weights *panels, const int8_t *weights, int64_t k)
{
    enum { MOST = 128 }; /* 255 * 128 < 2^15 */
    int64_t first = depth_offset(panels, k);
    int64_t second = k + 1 < panels->depth ? depth_offset(panels, k + 1) : first;
    for (int64_t j = 0; j < panels->columns; j++) {
        int a = (int)weights[first + j * panels->column_stride];
        int b = k + 1 < panels->depth ? (int)weights[second + j * panels->column_stride] : 0;
        if ((a > 0 ? a : 0) + (b > 0 ? b : 0) > MOST || (a < 0 ? a : 0) + (b < 0 ? b : 0) < -MOST) {
            return false;
        }
    }
    return true;
}

/* The products of a step and of that a group behind it fit i16, whatever bytes with a sign they
 * meet: all but two of -128 * -128 do. */
static bool groups_are_mild(const hmlc_pack_weights *panels, const int8_t *weights, int64_t k)
{
    int64_t behind = k + panels->layout.group;
    if (behind >= panels->depth) {
        return true;
    }
    int64_t first = depth_offset(panels, k), second = depth_offset(panels, behind);
    for (int64_t j = 0; j < panels->columns; j++) {
        int64_t column = j * panels->column_stride;
        if (weights[first + column] == INT8_MIN && weights[second + column] == INT8_MIN) {
            return false;
        }
    }
    return true;
}

typedef bool is_mild_at(const hmlc_pack_weights *panels, const int8_t *weights, int64_t k);

static bool is_mild(const hmlc_pack_weights *panels, const hmlc_tensor *constant, is_mild_at *at,
                    int64_t every)
{
    for (int64_t b = 0; b < panels->batches; b++) {
        const int8_t *weights = (const int8_t *)constant->data + b * panels->batch_stride;
        for (int64_t k = 0; k < panels->depth; k += every) {
            if (!at(panels, weights, k)) {
                return false;
            }
        }
    }
    return true;
}

/* Steps that are faster than those of any weights, where these allow it. */
static void choose_step(const hmlc_target *target, hmlc_kernel_plan *plan,
                        hmlc_contraction *contraction, const hmlc_tensor *constant)
{
    static const struct {
        hmlc_byte_step of, to;
        is_mild_at *at;
        int64_t every; /* groups have an even number of steps */
        const char *variant;
    } choices[] = {
        {HMLC_BYTE_STEP_PAIRS, HMLC_BYTE_STEP_HALVES, pair_is_mild, 2, "halves"},
        {HMLC_BYTE_STEP_SPREAD, HMLC_BYTE_STEP_SPREAD_TWO, groups_are_mild, 1, "two groups"}};
    const hmlc_pack_weights *panels = contraction->panels;
    for (size_t k = 0; k < sizeof choices / sizeof choices[0]; k++) {
        if (contraction->step == choices[k].of && panels->dtype == HMLC_DTYPE_i8 &&
            hmlc_bytes_step(target, panels->layout, contraction->left_dtype, panels->dtype,
                            contraction->lanes, true) == choices[k].to &&
            is_mild(panels, constant, choices[k].at, choices[k].every)) {
            contraction->step = choices[k].to;
            plan->variant = choices[k].variant;
            return;
        }
    }
}

hmlc_status hmlc_pack_weights_plan(hmlc_plan_context *context, hmlc_kernel_plan *plan,
                                   uint32_t argument, const hmlc_pack_weights *panels)
{
    hmlc_contraction *contraction = plan->state;
    contraction->panels = hmlc_arena_copy(context->arena, panels, sizeof *panels);
    HMLC_TRY_MEMORY(contraction->panels);
    hmlc_dims *dims = context->module->dims;
    contraction->depth = hmlc_dim_constant(dims, panels->depth);
    contraction->panel_rows =
        hmlc_dim_constant(dims, hmlc_pack_rows(panels->layout, panels->depth));
    const hmlc_tensor *constant = hmlc_kernel_argument_constant(plan->kernel, argument);
    if (constant != NULL) {
        choose_step(context->target, plan, contraction, constant);
        plan->operands[argument].pack = pack_right;
        return hmlc_pack_weights_operand(context->arena, panels, &plan->operands[argument]);
    }
    size_t bytes;
    contraction->packs_weights = true;
    if (!hmlc_pack_weights_bytes(panels, &bytes) || bytes > INT64_MAX) {
        return HMLC_RESOURCE;
    }
    plan->scratch_bytes = hmlc_dim_constant(dims, (int64_t)bytes);
    return HMLC_OK;
}
