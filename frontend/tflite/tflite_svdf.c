/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SVDF: a fully connected layer of rank 1 or more over the last steps. Each filter is a product
 * with the step's input; its last results are the state, which a second weight sums over time.
 * Integers by the reference kernel's rule (svdf.h, EvalIntegerSVDF): a state of 16 bits, both sums
 * rounded twice.
 */
#include <inttypes.h>
#include <math.h>

#include "tflite_fixed.h"
#include "tflite_import.h"

enum { INPUT, FEATURE, TIME, BIAS, STATE, INPUTS };

typedef struct svdf {
    int64_t filters, memory, rank;
    bool integer;
} svdf;

static bool is_matrix(hmlc_node *node, uint32_t index, int64_t *rows, int64_t *columns)
{
    const hmlc_type *type = node->inputs[index]->type;
    bool valid = type->rank == 2 && hmlc_dim_is_constant(type->dims[0], rows) &&
                 hmlc_dim_is_constant(type->dims[1], columns);
    if (!valid) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL, "'%s' is no matrix of known size",
                       hmlc_node_input_name(node, index));
    }
    return valid;
}

static bool is_scaled(const hmlc_tflite_tensor *tensor, hmlc_dtype dtype)
{
    return tensor->dtype == dtype && tensor->quantization.count == 1 &&
           tensor->quantization.scales[0] > 0;
}

/* The forms that the reference kernel has: floats, integer weights for floats, and one of integers.
 */
static bool check_form(hmlc_node *node, svdf *self)
{
    const hmlc_tflite_tensor *x = hmlc_tflite_input(node, INPUT);
    self->integer = x->dtype == HMLC_DTYPE_i8;
    bool integers = is_scaled(x, HMLC_DTYPE_i8) &&
                    is_scaled(hmlc_tflite_input(node, FEATURE), HMLC_DTYPE_i8) &&
                    is_scaled(hmlc_tflite_input(node, TIME), HMLC_DTYPE_i16) &&
                    is_scaled(hmlc_tflite_input(node, STATE), HMLC_DTYPE_i16) &&
                    is_scaled(hmlc_tflite_output(node, 0), HMLC_DTYPE_i8);
    if (!integers &&
        (x->dtype != HMLC_DTYPE_f32 || hmlc_tflite_input(node, STATE)->dtype != HMLC_DTYPE_f32)) {
        hmlc_node_fail(
            node, HMLC_ERROR_op_unsupported_type, NULL,
            "takes %s and keeps %s; supported are floats, and INT8 with a state of INT16", x->type,
            hmlc_tflite_input(node, STATE)->type);
    }
    /* The kernel's bounds are those of the type: it takes no other activation. */
    if (integers && hmlc_node_int(node, "fused_activation_function", 0) != 1) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "of integers has another activation than RELU");
    }
    return hmlc_node_ok(node);
}

static bool read_svdf(hmlc_node *node, svdf *self)
{
    int64_t depth = 0, filters = 0;
    for (uint32_t i = 0; i < INPUTS; i++) {
        if (i != BIAS && !hmlc_node_has_input(node, i)) {
            hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL, "input %" PRIu32 " is missing", i);
            return false;
        }
    }
    self->rank = hmlc_node_int(node, "rank", 0);
    if (!hmlc_tflite_input(node, STATE)->is_variable) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL, "has a state that is no variable");
    }
    if (!hmlc_node_ok(node) || !is_matrix(node, FEATURE, &self->filters, &depth) ||
        !is_matrix(node, TIME, &filters, &self->memory) || !check_form(node, self)) {
        return false;
    }
    if (hmlc_node_rank(node, INPUT) != 2 || hmlc_node_rank(node, STATE) != 2 ||
        filters != self->filters || self->rank < 1 || self->filters % self->rank != 0 ||
        self->memory < 1) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "its rank is %" PRId64 ", with weights of %" PRId64 " and %" PRId64
                       " filters and a memory of %" PRId64,
                       self->rank, self->filters, filters, self->memory);
    }
    return hmlc_node_ok(node);
}

static hmlc_value *reshape(hmlc_node *node, hmlc_value *x, int64_t a, int64_t b)
{
    hmlc_emitter *emit = &node->emit;
    const hmlc_dim shape[] = {hmlc_node_dims(node, INPUT)[0], hmlc_emit_number(emit, a),
                              hmlc_emit_number(emit, b)};
    return hmlc_emit_reshape(emit, x, shape, 3);
}

/* The state [batch, filters, memory]: the oldest results go, `newest` [batch, filters] comes. */
static hmlc_value *shift_in(hmlc_node *node, const svdf *self, hmlc_value *newest)
{
    hmlc_emitter *emit = &node->emit;
    hmlc_value *state = reshape(node, node->inputs[STATE], self->filters, self->memory);
    if (!hmlc_node_ok(node)) {
        return NULL;
    }
    hmlc_value *kept = hmlc_emit_slice_axis(emit, state, 2, hmlc_emit_number(emit, 1),
                                            hmlc_emit_number(emit, self->memory - 1));
    hmlc_value *const parts[] = {kept, reshape(node, newest, self->filters, 1)};
    state = hmlc_emit_concat(emit, parts, 2, 2);
    if (hmlc_node_ok(node)) {
        hmlc_tflite_keep(node, STATE,
                         hmlc_emit_reshape(emit, state, hmlc_node_dims(node, STATE), 2));
    }
    return state;
}

/* Over time, then over the filters of each unit, with the bias: [batch, units]. */
static hmlc_value *sum_up(hmlc_node *node, const svdf *self, hmlc_value *state, hmlc_value *time)
{
    static const int64_t last[] = {2};
    hmlc_emitter *emit = &node->emit;
    hmlc_value *y = hmlc_emit_binary(emit, HMLC_OP_mul, state, time);
    y = hmlc_emit_reduce(emit, HMLC_OP_reduce_sum, y, last, 1, false);
    if (self->rank > 1 && hmlc_node_ok(node)) {
        y = reshape(node, y, self->filters / self->rank, self->rank);
        y = hmlc_emit_reduce(emit, HMLC_OP_reduce_sum, y, last, 1, false);
    }
    return hmlc_node_has_input(node, BIAS)
               ? hmlc_emit_binary(emit, HMLC_OP_add, y, node->inputs[BIAS])
               : y;
}

/* Integer weights stand for floats. */
static hmlc_value *weight(hmlc_node *node, uint32_t index)
{
    const hmlc_tflite_tensor *tensor = hmlc_tflite_input(node, index);
    return hmlc_tflite_is_quantized(tensor)
               ? hmlc_tflite_dequantize(node, node->inputs[index], tensor)
               : node->inputs[index];
}

static void import_float(hmlc_node *node, const svdf *self)
{
    const hmlc_attr turned = hmlc_attr_int(HMLC_ATTR_transpose_b, 1);
    hmlc_value *newest =
        hmlc_emit(&node->emit, HMLC_OP_matmul,
                  HMLC_OPERANDS(node->inputs[INPUT], weight(node, FEATURE)), &turned, 1);
    hmlc_value *state = hmlc_node_ok(node) ? shift_in(node, self, newest) : NULL;
    hmlc_value *y = hmlc_node_ok(node) ? sum_up(node, self, state, weight(node, TIME)) : NULL;
    node->outputs[0] = hmlc_node_ok(node) ? hmlc_tflite_activate(node, y) : NULL;
}

static float scale_of(const hmlc_node *node, uint32_t index)
{
    return hmlc_tflite_input(node, index)->quantization.scales[0];
}

/* The scales are multiplied and divided in f32 (svdf.cc, Prepare). */
static void import_integer(hmlc_node *node, const svdf *self)
{
    hmlc_emitter *emit = &node->emit;
    const hmlc_attr turned = hmlc_attr_int(HMLC_ATTR_transpose_b, 1);
    const hmlc_tflite_tensor *x = hmlc_tflite_input(node, INPUT);
    const hmlc_tflite_tensor *result = hmlc_tflite_output(node, 0);
    float first = scale_of(node, INPUT) * scale_of(node, FEATURE) / scale_of(node, STATE);
    float second = scale_of(node, STATE) * scale_of(node, TIME) / result->quantization.scales[0];
    int64_t zero = x->quantization.zeros[0];
    hmlc_value *zero_point = zero != 0 ? hmlc_emit_scalar(emit, HMLC_DTYPE_i8, (double)zero) : NULL;
    hmlc_value *newest = hmlc_emit(
        emit, HMLC_OP_matmul_integer,
        HMLC_OPERANDS(node->inputs[INPUT], node->inputs[FEATURE], zero_point, NULL), &turned, 1);
    newest = hmlc_tflite_times_real(node, newest, (double)first);
    if (!hmlc_node_ok(node)) {
        return;
    }
    newest = hmlc_tflite_clip(emit, newest, INT16_MIN, INT16_MAX);
    newest = hmlc_emit_cast(emit, newest, HMLC_DTYPE_i16);
    hmlc_value *state = hmlc_node_ok(node) ? shift_in(node, self, newest) : NULL;
    hmlc_value *time = hmlc_emit_cast(emit, node->inputs[TIME], HMLC_DTYPE_i32);
    state = hmlc_emit_cast(emit, state, HMLC_DTYPE_i32);
    hmlc_value *y = hmlc_node_ok(node) ? sum_up(node, self, state, time) : NULL;
    y = hmlc_tflite_times_real(node, y, (double)second);
    if (!hmlc_node_ok(node)) {
        return;
    }
    y = hmlc_tflite_less(node, y, -result->quantization.zeros[0]);
    y = hmlc_tflite_clip(emit, y, INT8_MIN, INT8_MAX);
    node->outputs[0] = hmlc_emit_cast(emit, y, HMLC_DTYPE_i8);
}

void hmlc_tflite_import_svdf(hmlc_node *node)
{
    svdf self;
    if (read_svdf(node, &self)) {
        (self.integer ? import_integer : import_float)(node, &self);
    }
}
