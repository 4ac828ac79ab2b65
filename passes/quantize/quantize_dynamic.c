/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Products on 8 bits whose inputs get their range in each run, for each row: what the other rows
 * hold, as those of batch mates or of padding, changes nothing. With the least and the largest of a
 * row and 0 as limits
 *
 *     scale = (most - least) / 255, zero = round(-least / scale), q = round(x / scale) + zero
 *
 * which is what DynamicQuantizeLinear does with a whole tensor. The result is
 *
 *     (sum(q w) - zero * sum(w)) * scale * (scale of the output)
 *
 * the difference in i32.
 */
#include <math.h>
#include <string.h>

#include "quantize_plan.h"

/* A value on 8 bits. */
typedef struct dynamic_input {
    hmlc_value *integers, *scale, *zero; /* the latter f32, of each row; NULL: not yet */
} dynamic_input;

typedef struct dynamic {
    const hmlc_quantize_plan *plan;
    hmlc_module *module;
    hmlc_arena *scratch;
    hmlc_value **values;   /* by id */
    dynamic_input *inputs; /* by tensor of the plan */
} dynamic;

/* -- decisions --------------------------------------------------------------------------------- */

hmlc_status hmlc_quantize_decide_dynamic(hmlc_quantize_plan *plan)
{
    hmlc_arena *scratch = hmlc_arena_create(NULL);
    hmlc_value **values = scratch != NULL ? hmlc_quantize_values(plan->module, scratch) : NULL;
    hmlc_status status = values != NULL ? HMLC_OK : HMLC_RESOURCE;
    for (uint32_t i = 0; status == HMLC_OK && i < plan->node_count; i++) {
        hmlc_quantize_node *node = &plan->nodes[i];
        if (!hmlc_quantize_is_chosen(node)) {
            continue;
        }
        const hmlc_op *op = values[node->value]->producer;
        bool rows = op->opcode == HMLC_OP_matmul && hmlc_op_int(op, HMLC_ATTR_transpose_a) == 0;
        if (!rows) {
            node->reason = HMLC_QUANTIZE_rows;
            continue;
        }
        status = hmlc_weights_quantize(plan->arena, node, true);
        node->reason = status == HMLC_NO ? HMLC_QUANTIZE_weights_not_finite : node->reason;
        status = status == HMLC_NO ? HMLC_OK : status;
        plan->tensors[node->tensor].range_word = "of each row in each run";
    }
    hmlc_arena_destroy(scratch);
    return status;
}

/* -- inputs ------------------------------------------------------------------------------------ */

/* The least or the largest number of each row, or 0. */
static hmlc_status row_limit(hmlc_builder *builder, bool least, hmlc_value *x, hmlc_value *nothing,
                             hmlc_value **result)
{
    int64_t axis = x->type->rank - 1;
    hmlc_attr attrs[] = {hmlc_attr_ints(HMLC_ATTR_axes, &axis, 1),
                         hmlc_attr_int(HMLC_ATTR_keep_dims, 1)};
    HMLC_TRY(hmlc_build(builder, least ? HMLC_OP_reduce_min : HMLC_OP_reduce_max, &x, 1, attrs, 2,
                        result));
    return hmlc_build_binary(builder, least ? HMLC_OP_min : HMLC_OP_max, *result, nothing, result);
}

/* Rows of zeros, or of nearly nothing, which no scale divides well, get a scale of 1. */
static hmlc_status row_scale(hmlc_builder *builder, hmlc_value *least, hmlc_value *most,
                             hmlc_value **result)
{
    hmlc_value *width, *tiny, *flat, *one, *levels;
    HMLC_TRY(hmlc_build_scalar(builder, HMLC_DTYPE_f32, 0x1p-110, &tiny));
    HMLC_TRY(hmlc_build_scalar(builder, HMLC_DTYPE_f32, 1, &one));
    HMLC_TRY(hmlc_build_scalar(builder, HMLC_DTYPE_f32, 255, &levels));
    HMLC_TRY(hmlc_build_binary(builder, HMLC_OP_sub, most, least, &width));
    HMLC_TRY(hmlc_build_binary(builder, HMLC_OP_less, width, tiny, &flat));
    HMLC_TRY(hmlc_build_binary(builder, HMLC_OP_div, width, levels, &width));
    hmlc_value *operands[] = {flat, one, width};
    return hmlc_build(builder, HMLC_OP_select, operands, 3, NULL, 0, result);
}

/* round(x / scale) + zero on 8 bits; a quantize of scale 1 takes care of the limits. */
static hmlc_status row_integers(hmlc_builder *builder, hmlc_value *x, const dynamic_input *input,
                                hmlc_value **result)
{
    static const uint8_t none;
    hmlc_tensor point = {.dtype = HMLC_DTYPE_u8, .data = (void *)(uintptr_t)&none, .bytes = 1};
    hmlc_value *operands[3], *y;
    HMLC_TRY(hmlc_build_binary(builder, HMLC_OP_div, x, input->scale, &y));
    HMLC_TRY(hmlc_build_unary(builder, HMLC_OP_round, y, &y));
    HMLC_TRY(hmlc_build_binary(builder, HMLC_OP_add, y, input->zero, &operands[0]));
    HMLC_TRY(hmlc_build_scalar(builder, HMLC_DTYPE_f32, 1, &operands[1]));
    HMLC_TRY(hmlc_build_constant(builder, &point, &operands[2]));
    hmlc_attr to = hmlc_attr_dtype(HMLC_ATTR_to, HMLC_DTYPE_u8);
    return hmlc_build(builder, HMLC_OP_quantize, operands, 3, &to, 1, result);
}

static hmlc_status build_input(dynamic *d, uint32_t index, const hmlc_op *user)
{
    dynamic_input *input = &d->inputs[index];
    hmlc_value *x = d->values[d->plan->tensors[index].value], *nothing, *least, *most, *zero;
    if (input->integers != NULL) {
        return HMLC_OK;
    }
    hmlc_builder builder = x->producer != NULL ? hmlc_builder_after(x->producer)
                                               : hmlc_builder_before(d->module->main->first);
    builder.location = x->producer != NULL ? x->producer->location : user->location;
    HMLC_TRY(hmlc_build_scalar(&builder, HMLC_DTYPE_f32, 0, &nothing));
    HMLC_TRY(row_limit(&builder, true, x, nothing, &least));
    HMLC_TRY(row_limit(&builder, false, x, nothing, &most));
    HMLC_TRY(row_scale(&builder, least, most, &input->scale));
    HMLC_TRY(hmlc_build_binary(&builder, HMLC_OP_sub, nothing, least, &zero));
    HMLC_TRY(hmlc_build_binary(&builder, HMLC_OP_div, zero, input->scale, &zero));
    HMLC_TRY(hmlc_build_unary(&builder, HMLC_OP_round, zero, &input->zero));
    return row_integers(&builder, x, input, &input->integers);
}

/* -- products ---------------------------------------------------------------------------------- */

/* Weights as [depth, outputs], their scales, and their sums over the depth. */
static hmlc_status build_weights_of(const dynamic *d, hmlc_builder *builder,
                                    const hmlc_quantize_node *node, hmlc_value *results[3])
{
    int64_t outputs = node->channels, count = hmlc_tensor_count(node->weights);
    int64_t depth = count / outputs;
    hmlc_arena *arena = d->module->arena;
    int8_t *integers = hmlc_arena_allocate(arena, (size_t)count);
    int32_t *sums = HMLC_NEW_ARRAY(arena, int32_t, outputs);
    float *scales = hmlc_arena_copy(arena, node->scales, (size_t)outputs * sizeof *node->scales);
    if (integers == NULL || sums == NULL || scales == NULL) {
        return HMLC_RESOURCE;
    }
    hmlc_quantize_matrix(node, integers);
    for (int64_t k = 0; k < count; k++) {
        sums[k % outputs] += integers[k];
    }
    hmlc_tensor tensors[] = {{.dtype = HMLC_DTYPE_i8,
                              .rank = 2,
                              .dims = {depth, outputs},
                              .data = integers,
                              .bytes = (size_t)count},
                             {.dtype = HMLC_DTYPE_f32,
                              .rank = 1,
                              .dims = {outputs},
                              .data = scales,
                              .bytes = (size_t)outputs * sizeof *scales},
                             {.dtype = HMLC_DTYPE_i32,
                              .rank = 1,
                              .dims = {outputs},
                              .data = sums,
                              .bytes = (size_t)outputs * sizeof *sums}};
    for (int i = 0; i < 3; i++) {
        HMLC_TRY(hmlc_build_constant(builder, &tensors[i], &results[i]));
    }
    return HMLC_OK;
}

static hmlc_status replace_product(dynamic *d, const hmlc_quantize_node *node)
{
    hmlc_value *old = d->values[node->value], *weights[3], *sum, *zero, *offset;
    hmlc_op *op = old->producer;
    HMLC_TRY(build_input(d, node->tensor, op));
    const dynamic_input *input = &d->inputs[node->tensor];
    hmlc_builder builder = hmlc_builder_before(op);
    builder.location = op->location;
    HMLC_TRY(build_weights_of(d, &builder, node, weights));
    hmlc_attr attrs[] = {hmlc_attr_int(HMLC_ATTR_transpose_a, 0),
                         hmlc_attr_int(HMLC_ATTR_transpose_b, 0)};
    hmlc_value *operands[] = {input->integers, weights[0]};
    HMLC_TRY(hmlc_build(&builder, HMLC_OP_matmul_integer, operands, 2, attrs, 2, &sum));
    hmlc_attr to_i32 = hmlc_attr_dtype(HMLC_ATTR_to, HMLC_DTYPE_i32);
    hmlc_attr to_f32 = hmlc_attr_dtype(HMLC_ATTR_to, HMLC_DTYPE_f32);
    zero = input->zero;
    HMLC_TRY(hmlc_build(&builder, HMLC_OP_cast, &zero, 1, &to_i32, 1, &zero));
    HMLC_TRY(hmlc_build_binary(&builder, HMLC_OP_mul, zero, weights[2], &offset));
    HMLC_TRY(hmlc_build_binary(&builder, HMLC_OP_sub, sum, offset, &sum));
    HMLC_TRY(hmlc_build(&builder, HMLC_OP_cast, &sum, 1, &to_f32, 1, &sum));
    HMLC_TRY(hmlc_build_binary(&builder, HMLC_OP_mul, sum, input->scale, &sum));
    HMLC_TRY(hmlc_build_binary(&builder, HMLC_OP_mul, sum, weights[1], &sum));
    sum->name = old->name;
    hmlc_value_replace_uses(old, sum);
    d->values[node->value] = sum;
    hmlc_op_erase(op);
    return HMLC_OK;
}

static hmlc_status replace_products(dynamic *d)
{
    d->values = hmlc_quantize_values(d->module, d->scratch);
    d->inputs = HMLC_NEW_ARRAY(d->scratch, dynamic_input, d->plan->tensor_count + 1);
    HMLC_TRY_MEMORY(d->values);
    HMLC_TRY_MEMORY(d->inputs);
    for (uint32_t i = 0; i < d->plan->node_count; i++) {
        if (hmlc_quantize_is_chosen(&d->plan->nodes[i])) {
            HMLC_TRY(replace_product(d, &d->plan->nodes[i]));
        }
    }
    return HMLC_OK;
}

hmlc_status hmlc_quantize_apply_dynamic(const hmlc_quantize_plan *plan, hmlc_module *module)
{
    dynamic d = {.plan = plan, .module = module, .scratch = hmlc_arena_create(NULL)};
    hmlc_status status = d.scratch != NULL ? replace_products(&d) : HMLC_RESOURCE;
    hmlc_arena_destroy(d.scratch);
    return status;
}
