/* SPDX-License-Identifier: Apache-2.0 */
/* Ops without a shape of their own: elementwise, quantization, reductions, rows. */
#include "onnx_save.h"

#include <stdio.h>
#include <string.h>

#define ONE(type, result, ...)                                                                     \
    hmlc_save_node1(saver, type, result, HMLC_SAVE_NAMES(__VA_ARGS__), NULL, 0)

enum { MOST_OPERANDS = 8 };

/* The op's own operands and results, with attributes. */
static void save_as(hmlc_saver *saver, const char *type, const hmlc_save_attr *attrs,
                    size_t attr_count)
{
    const hmlc_op *op = saver->op;
    const char **inputs =
        hmlc_arena_allocate_array(saver->arena, op->operand_count + 1, sizeof *inputs);
    const char *outputs[MOST_OPERANDS];
    uint32_t results = op->result_count < MOST_OPERANDS ? op->result_count : MOST_OPERANDS;
    if (inputs == NULL) {
        saver->status = HMLC_RESOURCE;
        return;
    }
    for (uint32_t i = 0; i < op->operand_count; i++) {
        inputs[i] = hmlc_save_operand(saver, i);
    }
    for (uint32_t i = 0; i < results; i++) {
        bool unused = i > 0 && !hmlc_value_has_uses(op->results[i]);
        outputs[i] = unused ? "" : hmlc_save_result(saver, i);
    }
    hmlc_save_node_full(saver, type, inputs, op->operand_count, outputs, results, attrs,
                        attr_count);
}

static hmlc_dtype dtype_of(const hmlc_saver *saver)
{
    return hmlc_op_operand(saver->op, 0)->type->dtype;
}

/* -- elementwise ------------------------------------------------------------------------------- */

/* Where ONNX calls alpha and beta otherwise. */
static const struct parameter_names {
    hmlc_opcode opcode;
    const char *alpha, *beta;
} parameter_rows[] = {
    {HMLC_OP_leaky_relu, "alpha", NULL},       {HMLC_OP_elu, "alpha", NULL},
    {HMLC_OP_selu, "alpha", "gamma"},          {HMLC_OP_celu, "alpha", NULL},
    {HMLC_OP_thresholded_relu, "alpha", NULL}, {HMLC_OP_shrink, "lambd", "bias"},
    {HMLC_OP_hard_sigmoid, "alpha", "beta"},
};

/* Operators that take fewer element types than the IR's. */
static bool takes_type(hmlc_saver *saver)
{
    hmlc_dtype dtype = dtype_of(saver);
    bool taken = true;
    switch (saver->op->opcode) {
    case HMLC_OP_celu:
        taken = dtype == HMLC_DTYPE_f32;
        break;
    case HMLC_OP_mod:
        taken = !hmlc_dtype_is_float(dtype) || hmlc_op_int(saver->op, HMLC_ATTR_fmod) != 0;
        break;
    case HMLC_OP_shift_left:
    case HMLC_OP_shift_right:
        taken = hmlc_dtype_class_of(dtype) == HMLC_CLASS_UINT;
        break;
    case HMLC_OP_dequantize:
        taken = hmlc_op_operand(saver->op, 1)->type->dtype == saver->op->results[0]->type->dtype;
        break;
    default:
        break;
    }
    if (!taken) {
        hmlc_save_refuse(saver, "its element type");
    }
    return taken;
}

void hmlc_save_op_plain(hmlc_saver *saver, const char *type)
{
    hmlc_save_attr attrs[2];
    size_t count = 0;
    if (!takes_type(saver)) {
        return;
    }
    for (size_t i = 0; i < sizeof parameter_rows / sizeof parameter_rows[0]; i++) {
        const struct parameter_names *row = &parameter_rows[i];
        if (row->opcode == saver->op->opcode) {
            attrs[count++] =
                hmlc_save_float_attr(row->alpha, hmlc_op_float(saver->op, HMLC_ATTR_alpha));
            if (row->beta != NULL) {
                attrs[count++] =
                    hmlc_save_float_attr(row->beta, hmlc_op_float(saver->op, HMLC_ATTR_beta));
            }
        }
    }
    save_as(saver, type, attrs, count);
}

void hmlc_save_op_rsqrt(hmlc_saver *saver, const char *type)
{
    const char *root = ONE(type, NULL, hmlc_save_operand(saver, 0));
    (void)ONE("Reciprocal", hmlc_save_result(saver, 0), root);
}

/* x * sigmoid(alpha x): Swish is younger than the opset. */
void hmlc_save_op_silu(hmlc_saver *saver, const char *type)
{
    double alpha = hmlc_op_float(saver->op, HMLC_ATTR_alpha);
    const char *x = hmlc_save_operand(saver, 0), *scaled = x;
    if (alpha != 1) {
        scaled = ONE("Mul", NULL, x, hmlc_save_scalar(saver, dtype_of(saver), alpha));
    }
    const char *gate = ONE(type, NULL, scaled);
    (void)ONE("Mul", hmlc_save_result(saver, 0), x, gate);
}

void hmlc_save_op_gelu(hmlc_saver *saver, const char *type)
{
    bool tanh = hmlc_op_int(saver->op, HMLC_ATTR_approximate) == HMLC_GELU_TANH;
    hmlc_save_attr attr = hmlc_save_text_attr("approximate", tanh ? "tanh" : "none");
    save_as(saver, type, &attr, 1);
}

void hmlc_save_op_is_inf(hmlc_saver *saver, const char *type)
{
    hmlc_save_attr attrs[] = {
        hmlc_save_int_attr("detect_negative", hmlc_op_int(saver->op, HMLC_ATTR_detect_negative)),
        hmlc_save_int_attr("detect_positive", hmlc_op_int(saver->op, HMLC_ATTR_detect_positive))};
    save_as(saver, type, attrs, 2);
}

void hmlc_save_op_cast(hmlc_saver *saver, const char *type)
{
    hmlc_save_attr attr =
        hmlc_save_int_attr("to", hmlc_save_dtype(saver->op->results[0]->type->dtype));
    save_as(saver, type, &attr, 1);
}

void hmlc_save_op_mod(hmlc_saver *saver, const char *type)
{
    hmlc_save_attr attr = hmlc_save_int_attr("fmod", hmlc_op_int(saver->op, HMLC_ATTR_fmod));
    if (takes_type(saver)) {
        save_as(saver, type, &attr, 1);
    }
}

void hmlc_save_op_shift(hmlc_saver *saver, const char *type)
{
    bool left = saver->op->opcode == HMLC_OP_shift_left;
    hmlc_save_attr attr = hmlc_save_text_attr("direction", left ? "LEFT" : "RIGHT");
    if (takes_type(saver)) {
        save_as(saver, type, &attr, 1);
    }
}

/* Without a zero point the result's type is in the attribute output_dtype, from opset 21 on. */
void hmlc_save_op_quantization(hmlc_saver *saver, const char *type)
{
    hmlc_save_attr attrs[2] = {hmlc_save_int_attr("axis", hmlc_op_int(saver->op, HMLC_ATTR_axis))};
    size_t count = 1;
    if (saver->op->opcode == HMLC_OP_dequantize && hmlc_op_int(saver->op, HMLC_ATTR_block) > 0) {
        attrs[count++] = hmlc_save_int_attr("block_size", hmlc_op_int(saver->op, HMLC_ATTR_block));
    }
    if (saver->op->opcode == HMLC_OP_quantize && hmlc_op_operand(saver->op, 2) == NULL) {
        attrs[count++] =
            hmlc_save_int_attr("output_dtype", hmlc_save_dtype(saver->op->results[0]->type->dtype));
    }
    bool constant = hmlc_value_constant(hmlc_op_operand(saver->op, 0)) != NULL;
    if (takes_type(saver) && !(constant && hmlc_save_is_moved(saver->op->results[0]))) {
        save_as(saver, type, attrs, count);
    }
}

/* What is gathered by a negative index is counted from the end, as bytes below 0 are. */
void hmlc_save_op_lookup(hmlc_saver *saver, const char *type)
{
    hmlc_save_attr to = hmlc_save_int_attr("to", hmlc_save_dtype(HMLC_DTYPE_i32));
    hmlc_save_attr axis = hmlc_save_int_attr("axis", 0);
    const hmlc_tensor *bytes = hmlc_op_attr(saver->op, HMLC_ATTR_table)->as.tensor;
    const char *table = hmlc_save_tensor(saver, hmlc_save_fresh(saver, "table"), bytes);
    const char *index =
        hmlc_save_node1(saver, "Cast", NULL, HMLC_SAVE_NAMES(hmlc_save_operand(saver, 0)), &to, 1);
    (void)hmlc_save_node1(saver, type, hmlc_save_result(saver, 0), HMLC_SAVE_NAMES(table, index),
                          &axis, 1);
}

void hmlc_save_op_constant(hmlc_saver *saver, const char *type)
{
    (void)type;
    const hmlc_value *value = saver->op->results[0];
    if (hmlc_save_dtype(value->type->dtype) == 0) {
        hmlc_save_refuse(saver, "its element type");
    } else if (hmlc_value_has_uses(value) && !hmlc_save_is_moved(value) &&
               !hmlc_save_blocks(saver, value)) {
        (void)hmlc_save_tensor(saver, hmlc_save_name(saver, value), hmlc_value_constant(value));
    }
}

/* -- reductions and rows ----------------------------------------------------------------------- */

void hmlc_save_op_reduce(hmlc_saver *saver, const char *type)
{
    const hmlc_attr *axes = hmlc_op_attr(saver->op, HMLC_ATTR_axes);
    hmlc_save_attr attrs[] = {
        hmlc_save_int_attr("keepdims", hmlc_op_int(saver->op, HMLC_ATTR_keep_dims)),
        hmlc_save_int_attr("noop_with_empty_axes", 1)};
    const char *list = hmlc_save_ints(saver, axes->as.integers, axes->count);
    (void)hmlc_save_node1(saver, type, hmlc_save_result(saver, 0),
                          HMLC_SAVE_NAMES(hmlc_save_operand(saver, 0), list), attrs, 2);
}

void hmlc_save_op_arg_reduce(hmlc_saver *saver, const char *type)
{
    hmlc_save_attr attrs[] = {
        hmlc_save_int_attr("axis", hmlc_op_int(saver->op, HMLC_ATTR_axis)),
        hmlc_save_int_attr("keepdims", hmlc_op_int(saver->op, HMLC_ATTR_keep_dims)),
        hmlc_save_int_attr("select_last_index", hmlc_op_int(saver->op, HMLC_ATTR_select_last))};
    save_as(saver, type, attrs, 3);
}

/* A reduction over the op's axes, which stay as 1. */
static const char *save_reduced(hmlc_saver *saver, const char *type, const char *x)
{
    const hmlc_attr *axes = hmlc_op_attr(saver->op, HMLC_ATTR_axes);
    hmlc_save_attr keep = hmlc_save_int_attr("keepdims", 1);
    const char *list = hmlc_save_ints(saver, axes->as.integers, axes->count);
    return hmlc_save_node1(saver, type, NULL, HMLC_SAVE_NAMES(x, list), &keep, 1);
}

/* exp(x - max) / sum of it, or x - max - log(sum of exp): ONNX's own has one axis. */
static void save_softmax_parts(hmlc_saver *saver)
{
    const char *x = hmlc_save_operand(saver, 0), *y = hmlc_save_result(saver, 0);
    const char *shifted = ONE("Sub", NULL, x, save_reduced(saver, "ReduceMax", x));
    const char *powers = ONE("Exp", NULL, shifted);
    const char *sum = save_reduced(saver, "ReduceSum", powers);
    if (saver->op->opcode == HMLC_OP_softmax) {
        (void)ONE("Div", y, powers, sum);
    } else {
        (void)ONE("Sub", y, shifted, ONE("Log", NULL, sum));
    }
}

void hmlc_save_op_softmax(hmlc_saver *saver, const char *type)
{
    const hmlc_attr *axes = hmlc_op_attr(saver->op, HMLC_ATTR_axes);
    if (axes->count != 1) {
        save_softmax_parts(saver);
        return;
    }
    hmlc_save_attr attr = hmlc_save_int_attr("axis", axes->as.integers[0]);
    save_as(saver, type, &attr, 1);
}

/* The axes are the last ones, as ONNX's norms have them. */
static bool axes_are_last(const hmlc_op *op)
{
    const hmlc_attr *axes = hmlc_op_attr(op, HMLC_ATTR_axes);
    int32_t rank = hmlc_op_operand(op, 0)->type->rank;
    for (uint32_t i = 0; i < axes->count; i++) {
        if (axes->as.integers[i] != rank - (int32_t)axes->count + (int32_t)i) {
            return false;
        }
    }
    return axes->count > 0;
}

/* x / sqrt(mean(x^2) + epsilon), then scale and bias where they are given. */
static void save_normalised(hmlc_saver *saver, const char *x)
{
    const char *scale = hmlc_save_operand(saver, 1), *bias = hmlc_save_operand(saver, 2);
    const char *y = hmlc_save_result(saver, 0);
    double epsilon = hmlc_op_float(saver->op, HMLC_ATTR_epsilon);
    const char *mean = save_reduced(saver, "ReduceMean", ONE("Mul", NULL, x, x));
    mean = ONE("Add", NULL, mean, hmlc_save_scalar(saver, dtype_of(saver), epsilon));
    const char *root = ONE("Sqrt", NULL, mean);
    bool scaled = scale[0] != '\0', biased = bias[0] != '\0';
    const char *value = ONE("Div", scaled || biased ? NULL : y, x, root);
    if (scaled) {
        value = ONE("Mul", biased ? NULL : y, value, scale);
    }
    if (biased) {
        (void)ONE("Add", y, value, bias);
    }
}

void hmlc_save_op_layer_norm(hmlc_saver *saver, const char *type)
{
    const hmlc_op *op = saver->op;
    const char *x = hmlc_save_operand(saver, 0), *scale = hmlc_save_operand(saver, 1);
    if (!axes_are_last(op)) {
        save_normalised(saver, ONE("Sub", NULL, x, save_reduced(saver, "ReduceMean", x)));
        return;
    }
    hmlc_save_attr attrs[] = {
        hmlc_save_int_attr("axis", hmlc_op_attr(op, HMLC_ATTR_axes)->as.integers[0]),
        hmlc_save_float_attr("epsilon", hmlc_op_float(op, HMLC_ATTR_epsilon))};
    scale = scale[0] != '\0' ? scale : hmlc_save_scalar(saver, dtype_of(saver), 1);
    (void)hmlc_save_node1(saver, type, hmlc_save_result(saver, 0),
                          HMLC_SAVE_NAMES(x, scale, hmlc_save_operand(saver, 2)), attrs, 2);
}

/* RMSNormalization is younger than the opset. */
void hmlc_save_op_rms_norm(hmlc_saver *saver, const char *type)
{
    (void)type;
    save_normalised(saver, hmlc_save_operand(saver, 0));
}

/* -- one attribute ----------------------------------------------------------------------------- */

void hmlc_save_op_axis(hmlc_saver *saver, const char *type)
{
    hmlc_save_attr attr = hmlc_save_int_attr("axis", hmlc_op_int(saver->op, HMLC_ATTR_axis));
    save_as(saver, type, &attr, 1);
}

void hmlc_save_op_gather_nd(hmlc_saver *saver, const char *type)
{
    hmlc_save_attr attr =
        hmlc_save_int_attr("batch_dims", hmlc_op_int(saver->op, HMLC_ATTR_batch_dims));
    save_as(saver, type, &attr, 1);
}

void hmlc_save_op_scatter(hmlc_saver *saver, const char *type)
{
    size_t length = 0;
    const char *word = hmlc_attr_enum_word(HMLC_ATTR_reduction,
                                           hmlc_op_int(saver->op, HMLC_ATTR_reduction), &length);
    hmlc_save_attr attrs[2] = {
        hmlc_save_text_attr("reduction", hmlc_arena_string_n(saver->arena, word, length))};
    size_t count = 1;
    if (saver->op->opcode == HMLC_OP_scatter_elements) {
        attrs[count++] = hmlc_save_int_attr("axis", hmlc_op_int(saver->op, HMLC_ATTR_axis));
    }
    save_as(saver, type, attrs, count);
}

void hmlc_save_op_trilu(hmlc_saver *saver, const char *type)
{
    hmlc_save_attr attr = hmlc_save_int_attr("upper", hmlc_op_int(saver->op, HMLC_ATTR_upper));
    save_as(saver, type, &attr, 1);
}

void hmlc_save_op_batch_norm(hmlc_saver *saver, const char *type)
{
    hmlc_save_attr attr =
        hmlc_save_float_attr("epsilon", hmlc_op_float(saver->op, HMLC_ATTR_epsilon));
    if (hmlc_op_int(saver->op, HMLC_ATTR_layout) != HMLC_LAYOUT_CHANNELS_FIRST) {
        hmlc_save_refuse(saver, "channels are last");
        return;
    }
    save_as(saver, type, &attr, 1);
}

void hmlc_save_op_if(hmlc_saver *saver, const char *type)
{
    const hmlc_op *op = saver->op;
    hmlc_save_attr attrs[] = {
        {.name = "then_branch",
         .kind = HMLC_SAVE_GRAPH,
         .as.graph = hmlc_save_branch(saver, op->regions[0], "then")},
        {.name = "else_branch",
         .kind = HMLC_SAVE_GRAPH,
         .as.graph = hmlc_save_branch(saver, op->regions[1], "else")},
    };
    if (attrs[0].as.graph != NULL && attrs[1].as.graph != NULL) {
        save_as(saver, type, attrs, 2);
    }
}
