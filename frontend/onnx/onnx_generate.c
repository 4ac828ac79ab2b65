/* SPDX-License-Identifier: Apache-2.0 */
/* Operators that make tensors out of attributes, shapes and scalars. */
#include "onnx_import.h"
#include "onnx_node.h"

#include <inttypes.h>
#include <string.h>

/* A list of numbers as a constant; `store` puts element i. */
static hmlc_value *number_list(hmlc_node *node, hmlc_dtype dtype, int32_t rank, size_t count,
                               const void *numbers, size_t bytes)
{
    hmlc_tensor tensor = {.dtype = dtype, .rank = rank, .dims = {(int64_t)count}, .bytes = bytes};
    tensor.data =
        hmlc_arena_copy(hmlc_onnx_self(node)->importer->base->module->arena, numbers, bytes);
    if (tensor.data == NULL) {
        node->emit.status = HMLC_RESOURCE;
        return NULL;
    }
    return hmlc_emit_constant(&node->emit, &tensor);
}

static hmlc_value *tensor_constant(hmlc_node *node, const Onnx__TensorProto *proto)
{
    hmlc_tensor tensor;
    if (proto != NULL && hmlc_onnx_is_packed(proto)) {
        hmlc_node_fail(node, HMLC_ERROR_op_unsupported_type, "make it an initializer",
                       "its value has integers of four bits");
        return NULL;
    }
    hmlc_status status = hmlc_onnx_tensor(hmlc_onnx_self(node)->importer->base, proto,
                                          node->emit.builder.location, &tensor);
    if (status != HMLC_OK) {
        node->emit.status = status;
        return NULL;
    }
    return hmlc_emit_constant(&node->emit, &tensor);
}

/* Exactly one of the attributes holds the value. */
void hmlc_onnx_import_constant(hmlc_node *node)
{
    const hmlc_onnx_node *self = hmlc_onnx_self(node);
    if (self->proto->n_attribute != 1) {
        hmlc_node_fail(node, HMLC_ERROR_attribute_invalid, NULL,
                       "must have one attribute, but has %zu", self->proto->n_attribute);
        return;
    }
    const Onnx__AttributeProto *value = self->proto->attribute[0];
    if (strcmp(value->name, "value") == 0) {
        node->outputs[0] = tensor_constant(node, value->t);
    } else if (strcmp(value->name, "value_float") == 0) {
        node->outputs[0] = number_list(node, HMLC_DTYPE_f32, 0, 1, &value->f, sizeof value->f);
    } else if (strcmp(value->name, "value_int") == 0) {
        node->outputs[0] = number_list(node, HMLC_DTYPE_i64, 0, 1, &value->i, sizeof value->i);
    } else if (strcmp(value->name, "value_floats") == 0) {
        node->outputs[0] = number_list(node, HMLC_DTYPE_f32, 1, value->n_floats, value->floats,
                                       value->n_floats * sizeof *value->floats);
    } else if (strcmp(value->name, "value_ints") == 0) {
        node->outputs[0] = number_list(node, HMLC_DTYPE_i64, 1, value->n_ints, value->ints,
                                       value->n_ints * sizeof *value->ints);
    } else {
        hmlc_node_fail(node, HMLC_ERROR_not_implemented, NULL,
                       "attribute '%s' is not supported: no strings or sparse tensors",
                       value->name);
    }
}

void hmlc_onnx_import_constant_of_shape(hmlc_node *node)
{
    const Onnx__AttributeProto *value = hmlc_onnx_attr(node, "value");
    uint32_t rank = 0;
    hmlc_value *scalar = value != NULL ? tensor_constant(node, value->t)
                                       : hmlc_emit_scalar(&node->emit, HMLC_DTYPE_f32, 0);
    const hmlc_dim *shape = hmlc_emit_bind(&node->emit, node->inputs[0], "shape", 0,
                                           HMLC_DIM_UNBOUNDED, HMLC_MAX_RANK, &rank);
    if (shape == NULL) {
        return;
    }
    hmlc_dims *dims = hmlc_emit_table(&node->emit);
    if (!hmlc_dim_is(hmlc_type_count(dims, scalar->type), 1)) {
        hmlc_node_fail(node, HMLC_ERROR_attribute_invalid, NULL,
                       "attribute 'value' must hold one element");
        return;
    }
    for (uint32_t i = 0; i < rank; i++) {
        if (shape[i]->maximum < 0) {
            hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL, "dim %u of the shape is negative",
                           i);
            return;
        }
    }
    scalar = hmlc_emit_reshape(&node->emit, scalar, NULL, 0);
    node->outputs[0] = hmlc_emit_expand(&node->emit, scalar, shape, rank);
}

static int64_t clamp(int64_t value, int64_t least, int64_t most)
{
    return value < least ? least : value > most ? most : value;
}

void hmlc_onnx_import_shape(hmlc_node *node)
{
    int64_t rank = hmlc_node_rank(node, 0);
    int64_t start = hmlc_node_int(node, "start", 0), end = hmlc_node_int(node, "end", rank);
    start = clamp(start < 0 ? start + rank : start, 0, rank);
    end = clamp(end < 0 ? end + rank : end, start, rank);
    node->outputs[0] = hmlc_emit_dims(&node->emit, hmlc_node_dims(node, 0) + start,
                                      (uint32_t)(end - start), HMLC_DTYPE_i64);
}

void hmlc_onnx_import_size(hmlc_node *node)
{
    hmlc_dim count = hmlc_type_count(hmlc_emit_table(&node->emit), node->inputs[0]->type);
    node->outputs[0] = hmlc_emit_dim(&node->emit, count, HMLC_DTYPE_i64);
}

/* Scalars may come as [1]. */
static hmlc_value *scalar_input(hmlc_node *node, uint32_t index)
{
    hmlc_dims *dims = hmlc_emit_table(&node->emit);
    if (!hmlc_dim_is(hmlc_type_count(dims, node->inputs[index]->type), 1)) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "input %" PRIu32 " ('%s') must be a scalar", index,
                       hmlc_node_input_name(node, index));
        return NULL;
    }
    return hmlc_emit_reshape(&node->emit, node->inputs[index], NULL, 0);
}

void hmlc_onnx_import_range(hmlc_node *node)
{
    hmlc_value *limits[3];
    for (uint32_t i = 0; i < 3; i++) {
        limits[i] = scalar_input(node, i);
    }
    hmlc_value *length = hmlc_emit(&node->emit, HMLC_OP_range_dims, limits, 3, HMLC_NO_ATTRS);
    uint32_t count = 0;
    const hmlc_dim *dim =
        hmlc_emit_bind(&node->emit, length, "range", 0, HMLC_DIM_UNBOUNDED, 1, &count);
    node->outputs[0] = hmlc_emit(&node->emit, HMLC_OP_range, limits, 3,
                                 HMLC_ATTRS(hmlc_attr_dims(HMLC_ATTR_shape, dim, 1)));
}

/* 1 where column - row = k. */
void hmlc_onnx_import_eye_like(hmlc_node *node)
{
    hmlc_emitter *emit = &node->emit;
    if (hmlc_node_rank(node, 0) != 2) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL, "the input has rank %d, must be 2",
                       hmlc_node_rank(node, 0));
        return;
    }
    hmlc_dtype dtype = hmlc_onnx_dtype_attr(node, "dtype", node->inputs[0]->type->dtype);
    hmlc_value *index[2];
    for (int64_t axis = 0; axis < 2; axis++) {
        index[axis] =
            hmlc_emit(emit, HMLC_OP_iota, NULL, 0,
                      HMLC_ATTRS(hmlc_attr_dims(HMLC_ATTR_shape, hmlc_node_dims(node, 0), 2),
                                 hmlc_attr_int(HMLC_ATTR_axis, axis),
                                 hmlc_attr_dtype(HMLC_ATTR_to, HMLC_DTYPE_i64)));
    }
    double k = (double)hmlc_node_int(node, "k", 0);
    hmlc_value *diagonal = hmlc_emit_scalar(emit, HMLC_DTYPE_i64, k);
    hmlc_value *column = hmlc_emit_binary(emit, HMLC_OP_add, index[0], diagonal);
    hmlc_value *on = hmlc_emit_binary(emit, HMLC_OP_equal, column, index[1]);
    node->outputs[0] = hmlc_emit_cast(emit, on, dtype);
}

void hmlc_onnx_import_one_hot(hmlc_node *node)
{
    hmlc_emitter *emit = &node->emit;
    uint32_t count = 0;
    hmlc_value *depth_scalar = hmlc_emit_cast(emit, scalar_input(node, 1), HMLC_DTYPE_i64);
    const hmlc_dim *depth =
        hmlc_emit_bind(emit, depth_scalar, "depth", 1, HMLC_DIM_UNBOUNDED, 1, &count);
    int64_t axis =
        hmlc_node_axis(node, hmlc_node_int(node, "axis", -1), hmlc_node_rank(node, 0) + 1);
    if (!hmlc_node_ok(node)) {
        return;
    }
    hmlc_value *indices = hmlc_emit_cast(emit, node->inputs[0], HMLC_DTYPE_i64);
    node->outputs[0] = hmlc_emit(
        emit, HMLC_OP_one_hot, HMLC_OPERANDS(indices, node->inputs[2]),
        HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_axis, axis), hmlc_attr_dims(HMLC_ATTR_depth, depth, 1)));
}

/* a0 - a1 cos(2 pi n / N) + a2 cos(4 pi n / N) for n below the size; N is the size, or one less. */
static void cosine_window(hmlc_node *node, double a0, double a1, double a2)
{
    static const double pi = 3.14159265358979323846;
    hmlc_emitter *emit = &node->emit;
    uint32_t count = 0;
    hmlc_dtype dtype = hmlc_onnx_dtype_attr(node, "output_datatype", HMLC_DTYPE_f32);
    hmlc_dtype inner = dtype == HMLC_DTYPE_f64 ? dtype : HMLC_DTYPE_f32;
    hmlc_value *scalar = scalar_input(node, 0);
    const hmlc_dim *size = hmlc_emit_bind(emit, scalar, "window", 0, HMLC_DIM_UNBOUNDED, 1, &count);
    if (size == NULL) {
        return;
    }
    int64_t shorter = hmlc_node_int(node, "periodic", 1) == 0;
    hmlc_dim period =
        hmlc_dim_subtract(hmlc_emit_table(emit), size[0], hmlc_emit_number(emit, shorter));
    hmlc_value *n = hmlc_emit(emit, HMLC_OP_iota, NULL, 0,
                              HMLC_ATTRS(hmlc_attr_dims(HMLC_ATTR_shape, size, 1),
                                         hmlc_attr_int(HMLC_ATTR_axis, 0),
                                         hmlc_attr_dtype(HMLC_ATTR_to, HMLC_DTYPE_i64)));
    n = hmlc_emit_cast(emit, n, inner);
    hmlc_value *length = hmlc_emit_cast(emit, hmlc_emit_dim(emit, period, HMLC_DTYPE_i64), inner);
    hmlc_value *sum = hmlc_emit_scalar(emit, inner, a0);
    const double factors[] = {-a1, a2};
    for (int32_t i = 0; i < 2; i++) {
        hmlc_value *turn = hmlc_emit_scalar(emit, inner, 2 * pi * (i + 1));
        hmlc_value *angle = hmlc_emit_binary(emit, HMLC_OP_mul, n, turn);
        angle = hmlc_emit_binary(emit, HMLC_OP_div, angle, length);
        hmlc_value *wave = hmlc_emit_unary(emit, HMLC_OP_cos, angle);
        hmlc_value *factor = hmlc_emit_scalar(emit, inner, factors[i]);
        wave = hmlc_emit_binary(emit, HMLC_OP_mul, wave, factor);
        sum = hmlc_emit_binary(emit, HMLC_OP_add, wave, sum);
    }
    node->outputs[0] = hmlc_emit_cast(emit, sum, dtype);
}

void hmlc_onnx_import_blackman_window(hmlc_node *node)
{
    cosine_window(node, 0.42, 0.5, 0.08);
}

void hmlc_onnx_import_hamming_window(hmlc_node *node)
{
    cosine_window(node, 25.0 / 46.0, 1 - 25.0 / 46.0, 0);
}

/* sin(x / 2)^2 = 0.5 - 0.5 cos(x) */
void hmlc_onnx_import_hann_window(hmlc_node *node)
{
    cosine_window(node, 0.5, 0.5, 0);
}
