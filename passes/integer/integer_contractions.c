/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pass `integer-contractions`: conv and matmul of quantized values become sums of integers.
 * With x = sx (qx - zx) and w = sw (qw - zw) the sum of x w is sx sw times an integer, which is
 * exact; a bias in steps of sx sw is one more integer. What quantizes the result takes one product
 * with f32(sx sw / sy), which is computed in f64, and rounds: multiplied, added to and rounded one
 * after the other, so that all targets give equal bits.
 */
#include <float.h>
#include <math.h>

#include "fold/weight_tools.h"
#include "integer.h"

/* What is added to the sums, one number for each output: in their steps, or as it is. */
typedef struct integer_bias {
    bool given, in_steps;
    double *numbers;
    hmlc_value *value; /* a float operand [outputs] that is no constant; NULL: numbers */
} integer_bias;

/* -- what may be done */

static const char *judge_operands(const hmlc_op *op, hmlc_integer_product *of)
{
    if (!hmlc_quantized_read(hmlc_op_operand(op, 0), &of->x)) {
        return "its input is not quantized";
    }
    if (!hmlc_quantized_read(hmlc_op_operand(op, 1), &of->w)) {
        return "its weights are not quantized";
    }
    if (!hmlc_dtype_is_byte(of->x.integers->type->dtype) ||
        !hmlc_dtype_is_byte(of->w.integers->type->dtype)) {
        return "its operands do not have 8 bits";
    }
    if (!of->x.single) {
        return "its input has several scales";
    }
    of->tensor = hmlc_value_constant(of->w.integers);
    if (of->tensor == NULL || !hmlc_is_constant(of->w.scale) ||
        (of->w.zero != NULL && !hmlc_is_constant(of->w.zero))) {
        return "its weights are no constant";
    }
    if (!hmlc_quantized_scale(of->x.scale, &of->x_scale)) {
        return "the scale of its input is no constant, or far from 1";
    }
    return NULL;
}

static const char *judge_conv(const hmlc_op *op, hmlc_integer_product *of)
{
    bool last = hmlc_op_int(op, HMLC_ATTR_layout) == HMLC_LAYOUT_CHANNELS_LAST;
    int64_t groups = hmlc_op_int(op, HMLC_ATTR_groups);
    int64_t inner = of->tensor->dims[last ? of->tensor->rank - 1 : 1];
    of->outputs = of->tensor->dims[0];
    of->output_axis = 0;
    of->result_axis = last ? op->results[0]->type->rank - 1 : 1;
    bool depthwise = groups > 1 && inner == 1 && of->outputs == groups;
    if (groups > 1 && !depthwise && inner % 4 != 0) {
        return "the channels of its groups are no multiple of 4";
    }
    bool centred = of->w.zero == NULL || hmlc_is_splat_of(of->w.zero, 0);
    if (groups > 1 && !centred) {
        return "its weights have groups and a zero point";
    }
    return NULL;
}

static const char *judge_matmul(const hmlc_op *op, hmlc_integer_product *of)
{
    bool swapped = hmlc_op_int(op, HMLC_ATTR_transpose_b) != 0;
    if (of->tensor->rank != 2) {
        return "its weights are more than one matrix";
    }
    of->output_axis = swapped ? 0 : 1;
    of->outputs = of->tensor->dims[of->output_axis];
    of->result_axis = op->results[0]->type->rank - 1;
    return NULL;
}

/* A parameter of the weights: one number, or one for each output. */
static double parameter(const hmlc_value *value, int64_t output)
{
    const hmlc_tensor *tensor = value != NULL ? hmlc_value_constant(value) : NULL;
    if (tensor == NULL) {
        return 0;
    }
    return hmlc_tensor_get_double(tensor, hmlc_tensor_count(tensor) == 1 ? 0 : output);
}

/* The scale of each output's sums, and how large these may become. */
static const char *judge_scales(hmlc_integer_product *of, hmlc_arena *scratch)
{
    int64_t count = hmlc_tensor_count(of->tensor), inner = 1;
    if (!of->w.single && of->w.axis != of->output_axis) {
        return "its weights have scales along another dim than the outputs";
    }
    of->factors = HMLC_NEW_ARRAY(scratch, double, of->outputs + 1);
    of->most = HMLC_NEW_ARRAY(scratch, double, of->outputs + 1);
    if (of->factors == NULL || of->most == NULL) {
        return "memory is short";
    }
    for (int64_t o = 0; o < of->outputs; o++) {
        of->factors[o] = of->x_scale * parameter(of->w.scale, o);
        if (!(of->factors[o] >= 0x1p-100 && of->factors[o] <= 0x1p100)) {
            return "a scale of its weights is not positive, or far from 1";
        }
    }
    for (int32_t k = 0; k < of->tensor->rank; k++) {
        inner *= k > of->output_axis ? of->tensor->dims[k] : 1;
    }
    for (int64_t k = 0; k < count; k++) {
        int64_t o = k / inner % of->outputs;
        of->most[o] +=
            255 * fabs((double)hmlc_tensor_get_int(of->tensor, k) - parameter(of->w.zero, o));
    }
    for (int64_t o = 0; o < of->outputs; o++) {
        if (of->most[o] >= 0x1p31) {
            return "its sums may leave 32 bits";
        }
    }
    return NULL;
}

const char *hmlc_integer_judge(const hmlc_op *op, hmlc_arena *scratch, hmlc_integer_product *of)
{
    *of = (hmlc_integer_product){.op = op};
    const char *reason = judge_operands(op, of);
    if (reason == NULL) {
        reason = op->opcode == HMLC_OP_conv ? judge_conv(op, of) : judge_matmul(op, of);
    }
    return reason == NULL ? judge_scales(of, scratch) : reason;
}

/* -- the bias */

/* The number is a whole one of steps but for its own rounding to f32. */
static bool is_whole(double steps)
{
    return fabs(steps - nearbyint(steps)) <= fabs(steps) * 0x1p-22;
}

static bool fits_sums(const hmlc_integer_product *of, const double *steps)
{
    for (int64_t o = 0; o < of->outputs; o++) {
        if (!(of->most[o] + fabs(steps[o]) < 0x1p31)) {
            return false;
        }
    }
    return true;
}

/* Reads integers in steps of their own: those of the sums but for rounding, or any. */
static void read_quantized_bias(const hmlc_integer_product *of, const hmlc_quantized *quantized,
                                const hmlc_tensor *tensor, integer_bias *bias)
{
    bool same = true;
    bool single = hmlc_tensor_count(tensor) == 1;
    for (int64_t o = 0; o < of->outputs; o++) {
        double scale = parameter(quantized->scale, o);
        same = same && fabs(scale / of->factors[o] - 1) <= 0x1p-22;
        bias->numbers[o] = (double)hmlc_tensor_get_int(tensor, single ? 0 : o);
    }
    bias->in_steps = same && fits_sums(of, bias->numbers);
    for (int64_t o = 0; o < of->outputs && !bias->in_steps; o++) {
        bias->numbers[o] *= parameter(quantized->scale, o);
    }
}

static void read_float_bias(const hmlc_integer_product *of, const hmlc_tensor *tensor,
                            integer_bias *bias)
{
    static const double most_steps =
        1 << 18; /* above, rounding to f32 hides whether steps are whole */
    bool whole = true, single = hmlc_tensor_count(tensor) == 1;
    for (int64_t o = 0; o < of->outputs; o++) {
        bias->numbers[o] = hmlc_tensor_get_double(tensor, single ? 0 : o);
        double steps = bias->numbers[o] / of->factors[o];
        whole = whole && fabs(steps) < most_steps && is_whole(steps);
    }
    for (int64_t o = 0; o < of->outputs && whole; o++) {
        bias->numbers[o] = nearbyint(bias->numbers[o] / of->factors[o]);
    }
    bias->in_steps = whole && fits_sums(of, bias->numbers);
    for (int64_t o = 0; o < of->outputs && whole && !bias->in_steps; o++) {
        bias->numbers[o] = hmlc_tensor_get_double(tensor, single ? 0 : o);
    }
}

/* One number, or one for each output along the last dim that is not 1. */
static bool is_along_outputs(const hmlc_value *value, const hmlc_integer_product *of)
{
    const hmlc_type *type = value->type;
    int32_t last = type->rank - 1;
    return type->rank <= 1 ? hmlc_is_one_element(value) || hmlc_dim_is(type->dims[0], of->outputs)
                           : hmlc_dims_all(type->dims, (uint32_t)last, 1) &&
                                 (hmlc_dim_is(type->dims[last], of->outputs) ||
                                  hmlc_dim_is(type->dims[last], 1));
}

static hmlc_status read_bias(const hmlc_integer_product *of, hmlc_value *value, hmlc_arena *scratch,
                             integer_bias *bias)
{
    *bias = (integer_bias){.given = value != NULL};
    if (value == NULL) {
        return HMLC_OK;
    }
    bias->numbers = HMLC_NEW_ARRAY(scratch, double, of->outputs + 1);
    HMLC_TRY_MEMORY(bias->numbers);
    hmlc_quantized quantized;
    const hmlc_tensor *tensor = hmlc_value_constant(value);
    if (tensor != NULL) {
        read_float_bias(of, tensor, bias);
        return HMLC_OK;
    }
    tensor =
        hmlc_quantized_read(value, &quantized) ? hmlc_value_constant(quantized.integers) : NULL;
    bool plain = tensor != NULL && hmlc_is_constant(quantized.scale) &&
                 (quantized.zero == NULL || hmlc_is_splat_of(quantized.zero, 0));
    if (plain) {
        read_quantized_bias(of, &quantized, tensor, bias);
    } else {
        bias->value = value;
    }
    return HMLC_OK;
}

/* -- what is made */

/* One number for all outputs where they are equal, else one for each, beside the result. */
static hmlc_status build_numbers(hmlc_builder *builder, const hmlc_integer_product *of,
                                 hmlc_dtype dtype, const double *numbers, hmlc_value **result)
{
    bool equal = true;
    for (int64_t o = 1; o < of->outputs; o++) {
        equal = equal && numbers[o] == numbers[0];
    }
    return equal ? hmlc_build_scalar(builder, dtype, numbers[0], result)
                 : hmlc_build_channels(builder, dtype, numbers, of->outputs,
                                       of->op->results[0]->type->rank, of->result_axis, result);
}

static hmlc_status add_numbers(hmlc_builder *builder, const hmlc_integer_product *of,
                               hmlc_opcode opcode, const double *numbers, hmlc_value **value)
{
    hmlc_value *constant = NULL;
    HMLC_TRY(build_numbers(builder, of, (*value)->type->dtype, numbers, &constant));
    return hmlc_build_binary(builder, opcode, *value, constant, value);
}

/* The zero point as the op wants it: rank 0, or beside the weights. */
static hmlc_status build_zero(hmlc_builder *builder, const hmlc_integer_product *of,
                              hmlc_value *zero, bool weights, hmlc_value **result)
{
    *result = zero;
    if (zero == NULL || (weights && !hmlc_is_one_element(zero) && of->op->opcode == HMLC_OP_conv)) {
        return HMLC_OK;
    }
    hmlc_dim shape[2] = {NULL, hmlc_dim_constant(builder->module->dims, 1)};
    bool column = weights && !hmlc_is_one_element(zero) && of->output_axis == 0;
    if (column) {
        shape[0] = zero->type->dims[0];
    } else if (!hmlc_is_one_element(zero)) {
        return HMLC_OK;
    }
    hmlc_attr attr = hmlc_attr_dims(HMLC_ATTR_shape, shape, column ? 2 : 0);
    return zero->type->rank == 0
               ? HMLC_OK
               : hmlc_build_folded(builder, HMLC_OP_reshape, &zero, 1, &attr, 1, result);
}

static hmlc_status build_sums(hmlc_builder *builder, const hmlc_integer_product *of,
                              hmlc_value **result)
{
    bool conv = of->op->opcode == HMLC_OP_conv;
    hmlc_value *operands[] = {of->x.integers, of->w.integers, NULL, NULL};
    HMLC_TRY(build_zero(builder, of, of->x.zero, false, &operands[2]));
    HMLC_TRY(build_zero(builder, of, of->w.zero, true, &operands[3]));
    return hmlc_build(builder, conv ? HMLC_OP_conv_integer : HMLC_OP_matmul_integer, operands, 4,
                      of->op->attrs, of->op->attr_count, result);
}

/* A float operand [outputs] beside the result. */
static hmlc_status add_value(hmlc_builder *builder, const hmlc_integer_product *of,
                             hmlc_value *bias, hmlc_value **value)
{
    hmlc_dim shape[HMLC_MAX_RANK];
    uint32_t rank = (uint32_t)(of->op->results[0]->type->rank - of->result_axis);
    if (of->op->opcode == HMLC_OP_conv) {
        for (uint32_t k = 0; k < rank; k++) {
            shape[k] = k == 0 ? bias->type->dims[0] : hmlc_dim_constant(builder->module->dims, 1);
        }
        HMLC_TRY(hmlc_build_reshaped(builder, bias, shape, rank, &bias));
    }
    return hmlc_build_binary(builder, HMLC_OP_add, *value, bias, value);
}

/* Sums, bias and scale, in steps of `step`. */
static hmlc_status build_scaled(hmlc_builder *builder, const hmlc_integer_product *of,
                                const integer_bias *bias, double step, hmlc_value **value)
{
    bool in_steps = bias->given && bias->in_steps;
    HMLC_TRY(build_sums(builder, of, value));
    if (in_steps) {
        HMLC_TRY(add_numbers(builder, of, HMLC_OP_add, bias->numbers, value));
    }
    hmlc_attr to = hmlc_attr_dtype(HMLC_ATTR_to, HMLC_DTYPE_f32);
    HMLC_TRY(hmlc_build(builder, HMLC_OP_cast, value, 1, &to, 1, value));
    for (int64_t o = 0; o < of->outputs; o++) {
        of->factors[o] /= step;
        if (bias->given && !in_steps) {
            bias->numbers[o] /= step;
        }
    }
    HMLC_TRY(add_numbers(builder, of, HMLC_OP_mul, of->factors, value));
    if (bias->given && bias->value != NULL) {
        return add_value(builder, of, bias->value, value);
    }
    return bias->given && !in_steps ? add_numbers(builder, of, HMLC_OP_add, bias->numbers, value)
                                    : HMLC_OK;
}

/* The only use of the op's result, where that is of such an op. */
static hmlc_op *only_user(const hmlc_op *op, hmlc_opcode opcode)
{
    const hmlc_value *value = op->results[0];
    bool one = hmlc_value_has_one_use(value) && value->uses->op->opcode == opcode &&
               value->uses->op->parent == op->parent;
    return one ? value->uses->op : NULL;
}

/* What a matmul's result is added to, as the bias of a Gemm is; NULL: none. */
static hmlc_value *added_bias(const hmlc_integer_product *of, hmlc_op **last)
{
    hmlc_op *add = of->op->opcode == HMLC_OP_matmul ? only_user(of->op, HMLC_OP_add) : NULL;
    if (add == NULL || !hmlc_type_equal(add->results[0]->type, of->op->results[0]->type)) {
        return NULL;
    }
    hmlc_value *other = hmlc_op_operand(add, hmlc_op_operand(add, 0) == of->op->results[0] ? 1 : 0);
    hmlc_quantized quantized;
    bool constant = hmlc_is_constant(other) || (hmlc_quantized_read(other, &quantized) &&
                                                hmlc_is_constant(quantized.integers));
    if (!constant || !is_along_outputs(other, of)) {
        return NULL;
    }
    *last = add;
    return other;
}

/* The step of what quantizes the result, which then is the last op; 1: nothing does. */
static double quantized_step(hmlc_op **last)
{
    double scale;
    hmlc_op *quantize = only_user(*last, HMLC_OP_quantize);
    const hmlc_value *zero = quantize != NULL ? hmlc_op_operand(quantize, 2) : NULL;
    if (quantize == NULL || !hmlc_quantized_scale(hmlc_op_operand(quantize, 1), &scale) ||
        (zero != NULL && !hmlc_is_one_element(zero))) {
        return 1;
    }
    *last = quantize;
    return scale;
}

/* quantize in steps of 1, as the op does otherwise. */
static hmlc_status quantize_steps(hmlc_builder *builder, const hmlc_op *quantize,
                                  hmlc_value **value)
{
    hmlc_value *operands[] = {*value, NULL, hmlc_op_operand(quantize, 2)};
    HMLC_TRY(hmlc_build_scalar(builder, HMLC_DTYPE_f32, 1, &operands[1]));
    return hmlc_build(builder, HMLC_OP_quantize, operands, quantize->operand_count, quantize->attrs,
                      quantize->attr_count, value);
}

static hmlc_status make_integer(hmlc_rewriter *rewriter, hmlc_integer_product *of, hmlc_op *op,
                                const char **reason)
{
    hmlc_op *last = op;
    integer_bias bias;
    hmlc_value *operand = op->opcode == HMLC_OP_conv ? hmlc_op_operand(op, 2) : NULL;
    operand = operand != NULL ? operand : added_bias(of, &last);
    HMLC_TRY(read_bias(of, operand, hmlc_rewrite_scratch(rewriter), &bias));
    double step = bias.value == NULL ? quantized_step(&last) : 1;
    for (int64_t o = 0; o < of->outputs; o++) {
        float factor = (float)(of->factors[o] / step);
        if (!(factor >= FLT_MIN && factor <= FLT_MAX)) {
            *reason = "a scale of its result is too far from those of its operands";
            return HMLC_OK;
        }
    }
    hmlc_builder builder = hmlc_rewrite_builder(last);
    builder.location = op->location;
    hmlc_value *value = NULL;
    HMLC_TRY(build_scaled(&builder, of, &bias, step, &value));
    if (last->opcode == HMLC_OP_quantize) {
        builder.location = last->location;
        HMLC_TRY(quantize_steps(&builder, last, &value));
    }
    return hmlc_rewrite_replace(rewriter, last, value);
}

static hmlc_status integer_contraction(hmlc_rewriter *rewriter, hmlc_op *op)
{
    hmlc_integer_product of;
    hmlc_arena *scratch = hmlc_rewrite_scratch(rewriter);
    if (hmlc_producer_of(hmlc_op_operand(op, 0), HMLC_OP_dequantize) == NULL &&
        hmlc_producer_of(hmlc_op_operand(op, 1), HMLC_OP_dequantize) == NULL) {
        return HMLC_OK;
    }
    if (hmlc_quantized_weights_only(op)) {
        return HMLC_OK; /* `fold-dequantize` decides */
    }
    hmlc_quantized_node node = {.op = op, .reason = hmlc_integer_judge(op, scratch, &of)};
    const hmlc_pass_options *options = hmlc_rewrite_user(rewriter);
    hmlc_status status =
        node.reason == NULL ? make_integer(rewriter, &of, op, &node.reason) : HMLC_OK;
    node.integer = node.reason == NULL;
    if (options->quantized != NULL) {
        options->quantized(options->context, &node);
    }
    return status;
}

/* What is left of quantize behind arithmetic on integers: a product instead of a division. */
static hmlc_status quantize_by_product(hmlc_rewriter *rewriter, hmlc_op *op)
{
    double scale;
    hmlc_value *x = hmlc_op_operand(op, 0);
    if (!hmlc_quantized_scale(hmlc_op_operand(op, 1), &scale) || scale == 1.0 ||
        x->type->dtype != HMLC_DTYPE_f32 || hmlc_is_constant(x) || !hmlc_quantized_is_finite(x)) {
        return HMLC_OK;
    }
    hmlc_builder builder = hmlc_rewrite_builder(op);
    hmlc_value *factor = NULL, *value = NULL;
    HMLC_TRY(hmlc_build_scalar(&builder, HMLC_DTYPE_f32, 1 / scale, &factor));
    HMLC_TRY(hmlc_build_binary(&builder, HMLC_OP_mul, x, factor, &value));
    HMLC_TRY(quantize_steps(&builder, op, &value));
    return hmlc_rewrite_replace(rewriter, op, value);
}

/* Names what computes on floats between quantized values. */
static void tell_others(const hmlc_pass_options *options, const hmlc_region *region)
{
    HMLC_FOR_EACH_OP(op, region)
    {
        for (uint32_t k = 0; k < op->region_count; k++) {
            tell_others(options, op->regions[k]);
        }
        bool reads = false, product = op->opcode == HMLC_OP_conv || op->opcode == HMLC_OP_matmul;
        for (uint32_t k = 0; k < op->operand_count; k++) {
            reads = reads || hmlc_producer_of(hmlc_op_operand(op, k), HMLC_OP_dequantize) != NULL;
        }
        bool computes = !hmlc_op_has(op, HMLC_TRAIT_TERMINATOR | HMLC_TRAIT_REGIONS) &&
                        op->opcode != HMLC_OP_quantize && op->opcode != HMLC_OP_gather && !product;
        if (reads && computes) {
            hmlc_quantized_node node = {.op = op, .reason = "it has no form on integers"};
            options->quantized(options->context, &node);
        }
    }
}

hmlc_status hmlc_pass_integer_contractions(hmlc_pass_context *context)
{
    static const hmlc_rewrite_rule rules[] = {{HMLC_OP_conv, 0, integer_contraction},
                                              {HMLC_OP_matmul, 0, integer_contraction}};
    static const hmlc_rewrite_rule rest[] = {{HMLC_OP_quantize, 0, quantize_by_product}};
    const hmlc_rewrite_rules sets[] = {HMLC_RULES(rules)}, last[] = {HMLC_RULES(rest)};
    union {
        const hmlc_pass_options *options;
        void *user;
    } user = {.options = context->options};
    if (context->options->exact || !hmlc_quantized_has_ops(context->module->main)) {
        return HMLC_OK;
    }
    HMLC_TRY(hmlc_rewrite_run(context, sets, 1, user.user));
    if (context->options->quantized != NULL) {
        tell_others(context->options, context->module->main);
    }
    return hmlc_rewrite_run(context, last, 1, NULL);
}
