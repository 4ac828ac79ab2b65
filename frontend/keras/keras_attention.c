/* SPDX-License-Identifier: Apache-2.0 */
/* Attention of several heads: four products around softmax(q k^T / sqrt(size)) v. */
#include "common/softmax.h"
#include "keras_call.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

/* An argument that is a tensor: by its place among the inputs, or by name. */
static hmlc_value *argument(hmlc_keras_call *call, uint32_t index, const char *name)
{
    hmlc_value *value = NULL;
    if (index < call->node.input_count) {
        return call->node.inputs[index];
    }
    return hmlc_keras_tensors(call, name, &value, 1) > 0 ? value : NULL;
}

static bool flag(const hmlc_keras_call *call, const char *name)
{
    const hmlc_json *value =
        call->source != NULL ? hmlc_json_get(call->source->arguments, name) : NULL;
    return value != NULL && value->kind != HMLC_JSON_NULL &&
           !(value->kind == HMLC_JSON_BOOL && value->number == 0);
}

static hmlc_value *weight(hmlc_keras_call *call, const char *part, const char *name, int32_t rank)
{
    char text[64];
    (void)snprintf(text, sizeof text, "%s/%s", part, name);
    return hmlc_keras_weight_of(call, text, rank);
}

/* x [B, S, D] by the kernel [D, heads, size], plus the bias, as [B, heads, S, size]. */
static hmlc_value *project(hmlc_keras_call *call, hmlc_value *x, const char *part)
{
    static const int64_t heads_first[] = {0, 2, 1, 3};
    hmlc_emitter *emit = hmlc_keras_emitter(call);
    hmlc_value *kernel = weight(call, part, "kernel", 3), *bias = weight(call, part, "bias", 2);
    if (kernel == NULL || !hmlc_keras_ok(call)) {
        return NULL;
    }
    const hmlc_dim *dims = kernel->type->dims;
    const hmlc_dim flat[] = {dims[0], hmlc_dim_multiply(hmlc_emit_table(emit), dims[1], dims[2])};
    const hmlc_dim split[] = {x->type->dims[0], x->type->dims[1], dims[1], dims[2]};
    kernel = hmlc_emit_reshape(emit, kernel, flat, 2);
    hmlc_value *y = hmlc_emit(emit, HMLC_OP_matmul, HMLC_OPERANDS(x, kernel), HMLC_NO_ATTRS);
    if (bias != NULL && y != NULL) {
        y = hmlc_emit_binary(emit, HMLC_OP_add, y, hmlc_emit_reshape(emit, bias, flat + 1, 1));
    }
    y = y != NULL ? hmlc_emit_reshape(emit, y, split, 4) : NULL;
    return y != NULL ? hmlc_emit_transpose(emit, y, heads_first) : NULL;
}

/* Steps after a query's own are hidden from it. */
static hmlc_value *hide_later(hmlc_emitter *emit, hmlc_value *scores)
{
    const hmlc_dim *shape = scores->type->dims + 2;
    hmlc_value *places[2];
    for (int64_t i = 0; i < 2; i++) {
        places[i] = hmlc_emit(emit, HMLC_OP_iota, NULL, 0,
                              HMLC_ATTRS(hmlc_attr_dims(HMLC_ATTR_shape, shape, 2),
                                         hmlc_attr_int(HMLC_ATTR_axis, i),
                                         hmlc_attr_dtype(HMLC_ATTR_to, HMLC_DTYPE_i64)));
    }
    hmlc_value *later = hmlc_emit_binary(emit, HMLC_OP_less, places[0], places[1]);
    return hmlc_emit_select(emit, later, hmlc_emit_scalar(emit, HMLC_DTYPE_f32, -(double)INFINITY),
                            scores);
}

/* Of inputs of rank 3 the steps are the only axis to attend to. */
static bool usual_axes(const hmlc_keras_call *call)
{
    const hmlc_json *axes = hmlc_keras_entry(call, "attention_axes");
    int64_t axis;
    return axes == NULL || (axes->kind == HMLC_JSON_ARRAY && axes->count == 1 &&
                            hmlc_json_integer(axes->first, &axis) && axis == 1);
}

static bool check_attention(hmlc_keras_call *call, const hmlc_value *query, const hmlc_value *value,
                            const hmlc_value *key)
{
    if (value == NULL || query->type->rank != 3 || value->type->rank != 3 || key->type->rank != 3) {
        hmlc_keras_fail(call, HMLC_ERROR_not_implemented, NULL,
                        "of other inputs than query, value and key of rank 3 is not supported");
    } else if (flag(call, "attention_mask") || flag(call, "query_mask") ||
               flag(call, "value_mask") || flag(call, "key_mask") ||
               flag(call, "return_attention_scores") || !usual_axes(call)) {
        hmlc_keras_fail(call, HMLC_ERROR_not_implemented, NULL,
                        "with a mask, axes of its own or scores as a result is not supported");
    }
    return hmlc_keras_ok(call);
}

void hmlc_keras_import_multi_head_attention(hmlc_keras_call *call)
{
    static const int64_t steps_first[] = {0, 2, 1, 3}, last = 3;
    hmlc_emitter *emit = hmlc_keras_emitter(call);
    hmlc_value *query = call->node.inputs[0], *value = argument(call, 1, "value");
    hmlc_value *key = argument(call, 2, "key");
    key = key != NULL ? key : value;
    if (!check_attention(call, query, value, key)) {
        return;
    }
    hmlc_value *q = project(call, query, "query_dense");
    hmlc_value *k = project(call, key, "key_dense");
    hmlc_value *v = project(call, value, "value_dense");
    hmlc_value *kernel = weight(call, "output_dense", "kernel", 3);
    hmlc_value *bias = weight(call, "output_dense", "bias", 1);
    int64_t size = 1;
    if (q == NULL || k == NULL || v == NULL || kernel == NULL || !hmlc_keras_ok(call)) {
        return;
    }
    (void)hmlc_dim_is_constant(q->type->dims[3], &size);
    q = hmlc_emit_binary(emit, HMLC_OP_mul, q,
                         hmlc_emit_scalar(emit, HMLC_DTYPE_f32, 1 / sqrt((double)size)));
    hmlc_value *scores = hmlc_emit(emit, HMLC_OP_matmul, HMLC_OPERANDS(q, k),
                                   HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_transpose_b, 1)));
    if (flag(call, "use_causal_mask") && scores != NULL) {
        scores = hide_later(emit, scores);
    }
    scores = scores != NULL ? hmlc_emit_softmax(emit, HMLC_OP_softmax, scores, &last, 1) : NULL;
    hmlc_value *y = hmlc_emit(emit, HMLC_OP_matmul, HMLC_OPERANDS(scores, v), HMLC_NO_ATTRS);
    y = y != NULL ? hmlc_emit_transpose(emit, y, steps_first) : NULL;
    const hmlc_dim *dims = kernel->type->dims;
    hmlc_dim width = hmlc_dim_multiply(hmlc_emit_table(emit), dims[0], dims[1]);
    const hmlc_dim joined[] = {query->type->dims[0], query->type->dims[1], width};
    const hmlc_dim flat[] = {width, dims[2]};
    y = y != NULL ? hmlc_emit_reshape(emit, y, joined, 3) : NULL;
    kernel = hmlc_emit_reshape(emit, kernel, flat, 2);
    y = hmlc_emit(emit, HMLC_OP_matmul, HMLC_OPERANDS(y, kernel), HMLC_NO_ATTRS);
    call->node.outputs[0] = bias != NULL ? hmlc_emit_binary(emit, HMLC_OP_add, y, bias) : y;
}
