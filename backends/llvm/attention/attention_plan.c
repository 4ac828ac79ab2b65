/* SPDX-License-Identifier: Apache-2.0 */
/* Planning of attention: two products whose row tiles are the same, and strips of these. */
#include <hmlc/attention.h>

#include "attention_class.h"

enum {
    STRIP_ROWS = 64,   /* 28 to 98 take the same time */
    UNITS_WANTED = 16, /* of a small run */
    LINE = 16,         /* elements of a line of the cache */
};

static hmlc_dim integer(hmlc_plan_context *context, int64_t value)
{
    return hmlc_dim_constant(context->module->dims, value);
}

/* An odd number of lines, so that rows meet in no set of the cache. */
static hmlc_dim stride_for(hmlc_plan_context *context, hmlc_dim keys)
{
    hmlc_dims *dims = context->module->dims;
    hmlc_dim two = integer(context, 2), line = integer(context, LINE);
    hmlc_dim pairs = hmlc_dim_floordiv(dims, hmlc_dim_ceildiv(dims, keys, line), two);
    return hmlc_dim_add(dims, hmlc_dim_multiply(dims, pairs, integer(context, 2 * LINE)), line);
}

/* Rows and columns of a strip in scratch memory, for every batch element. */
static hmlc_access strip_access(hmlc_plan_context *context, const hmlc_attention_plan *attention)
{
    const hmlc_contraction *scores = &attention->scores;
    hmlc_access access = {.rank = scores->rank, .offset = integer(context, 0)};
    for (int32_t k = 0; k < scores->rank; k++) {
        access.dims[k] = scores->dims[k];
        access.strides[k] = integer(context, 0);
    }
    access.strides[scores->rank - 2] = attention->row_stride;
    access.strides[scores->rank - 1] = integer(context, 1);
    return access;
}

/* Types, panels and the operations behind each product. */
static hmlc_status plan_products(hmlc_plan_context *context, hmlc_kernel_plan *plan,
                                 hmlc_attention_plan *attention, const hmlc_attention *found)
{
    hmlc_contraction *scores = &attention->scores, *values = &attention->values;
    hmlc_contraction_begin(scores, found->scores);
    hmlc_contraction_begin(values, found->values);
    attention->keys = scores->dims[scores->rank - 1];
    attention->row_stride = stride_for(context, attention->keys);
    scores->root = hmlc_op_operand(found->softmax, 0);
    scores->output = strip_access(context, attention);
    HMLC_TRY(hmlc_contraction_fuse(context, plan, scores));
    HMLC_TRY(hmlc_matmul_begin(context, plan, scores));
    HMLC_TRY(hmlc_matmul_left(context, plan, scores));
    HMLC_TRY(hmlc_matmul_packed(context, plan, scores));
    HMLC_TRY(hmlc_contraction_read_output(context, plan, values));
    HMLC_TRY(hmlc_contraction_fuse(context, plan, values));
    HMLC_TRY(hmlc_matmul_begin(context, plan, values));
    values->left = strip_access(context, attention);
    HMLC_TRY(hmlc_matmul_packed(context, plan, values));
    hmlc_contraction_set_batches(context, scores, scores->rank - 2);
    hmlc_contraction_set_batches(context, values, values->rank - 2);
    return HMLC_OK;
}

static void plan_tiles(hmlc_plan_context *context, hmlc_attention_plan *attention)
{
    hmlc_contraction *both[] = {&attention->scores, &attention->values};
    uint32_t rows = HMLC_TILE_ROWS;
    for (int k = 0; k < 2; k++) {
        bool pointers = hmlc_contraction_needs_pointers(context, both[k]);
        hmlc_contraction_columns(context, both[k], pointers);
        uint32_t least = hmlc_contraction_least_rows(both[k]);
        rows = least < rows ? least : rows;
    }
    for (int k = 0; k < 2; k++) {
        hmlc_contraction_set_rows(context, both[k], rows);
    }
    attention->tile_rows = rows;
    attention->row_tiles =
        hmlc_dim_ceildiv(context->module->dims, attention->scores.rows, integer(context, rows));
}

/* As many row tiles as half of the cache holds the scores of, and no more than leave units for
 * several threads. */
static void plan_strips(hmlc_plan_context *context, hmlc_attention_plan *attention)
{
    hmlc_dims *dims = context->module->dims;
    const hmlc_contraction *scores = &attention->scores;
    int64_t rows = attention->tile_rows;
    int64_t most = STRIP_ROWS / rows, tiles = hmlc_dim_hint(attention->row_tiles);
    int64_t batches = hmlc_dim_few(scores->batches, 1);
    while (most > 2 && batches * ((tiles + most - 1) / most) < UNITS_WANTED) {
        most = (most + 1) / 2;
    }
    int64_t elements = context->target->l2_bytes / 2 / (int64_t)sizeof(float) / rows;
    hmlc_dim cached = hmlc_dim_floordiv(dims, integer(context, elements), attention->row_stride);
    hmlc_dim some = hmlc_dim_minimum(dims, attention->row_tiles, integer(context, most));
    hmlc_dim one = integer(context, 1);
    attention->strip_tiles = hmlc_dim_maximum(dims, hmlc_dim_minimum(dims, cached, some), one);
    attention->strips = hmlc_dim_ceildiv(dims, attention->row_tiles, attention->strip_tiles);
}

static void plan_units(hmlc_plan_context *context, hmlc_kernel_plan *plan,
                       hmlc_attention_plan *attention)
{
    hmlc_dims *dims = context->module->dims;
    const hmlc_contraction *scores = &attention->scores;
    hmlc_dim rows =
        hmlc_dim_multiply(dims, attention->strip_tiles, integer(context, attention->tile_rows));
    attention->factors = hmlc_dim_multiply(dims, rows, attention->row_stride);
    hmlc_dim element = integer(context, (int64_t)sizeof(float));
    plan->scratch_bytes =
        hmlc_dim_multiply(dims, hmlc_dim_add(dims, attention->factors, rows), element);
    plan->units = hmlc_dim_multiply(dims, scores->batches, attention->strips);
    hmlc_dim products = hmlc_dim_add(dims, scores->depth, attention->values.columns);
    hmlc_dim work = hmlc_dim_multiply(dims, scores->batches,
                                      hmlc_dim_multiply(dims, scores->rows, attention->keys));
    plan->work =
        hmlc_dim_multiply(dims, work, hmlc_dim_multiply(dims, products, integer(context, 2)));
    int64_t units = hmlc_dim_hint(plan->units);
    double cost = (double)hmlc_dim_hint(plan->work) / (double)(units < 1 ? 1 : units) /
                  context->target->rates.flops;
    plan->unit_cost = hmlc_kernel_unit_cost(cost);
}

static hmlc_status attention_plan(hmlc_plan_context *context, hmlc_kernel_plan *plan)
{
    hmlc_attention_plan *attention = HMLC_NEW(context->arena, hmlc_attention_plan);
    HMLC_TRY_MEMORY(attention);
    hmlc_attention found;
    if (!hmlc_attention_of_kernel(context->module->dims, plan->kernel, &found)) {
        return hmlc_contraction_refuse(context, plan, "it needs two products and a softmax");
    }
    plan->state = attention;
    attention->hides_nan = found.select != NULL;
    HMLC_TRY(plan_products(context, plan, attention, &found));
    plan_tiles(context, attention);
    plan_strips(context, attention);
    plan_units(context, plan, attention);
    return HMLC_OK;
}

const hmlc_kernel_class hmlc_attention_class = {
    .name = "attention",
    .form = HMLC_FORM_ATTENTION,
    .plan = attention_plan,
    .emit = hmlc_attention_emit,
};
