/* SPDX-License-Identifier: Apache-2.0 */
/* Products, lookups, and layers applied at each step. */
#include "keras_call.h"

void hmlc_keras_import_dense(hmlc_keras_call *call)
{
    hmlc_emitter *emit = hmlc_keras_emitter(call);
    hmlc_value *x = call->node.inputs[0];
    hmlc_value *kernel = hmlc_keras_weight_of(call, "kernel", 2);
    hmlc_value *bias = hmlc_keras_weight_of(call, "bias", 1);
    if (x->type->rank < 2) {
        hmlc_keras_fail(call, HMLC_ERROR_graph_invalid, NULL, "the input has rank %d, below 2",
                        x->type->rank);
    }
    hmlc_keras_check_dim(call, kernel, 1, (const char *const[2]){"units", "output_dim"}, 1);
    if (kernel == NULL || !hmlc_keras_ok(call)) {
        return;
    }
    hmlc_value *y = hmlc_emit(emit, HMLC_OP_matmul, HMLC_OPERANDS(x, kernel), HMLC_NO_ATTRS);
    y = bias != NULL ? hmlc_emit_binary(emit, HMLC_OP_add, y, bias) : y;
    call->node.outputs[0] = hmlc_keras_activate(call, "activation", y);
}

/* Indices come in any type of number. */
void hmlc_keras_import_embedding(hmlc_keras_call *call)
{
    hmlc_emitter *emit = hmlc_keras_emitter(call);
    hmlc_value *table = hmlc_keras_weight_of(call, "embeddings", 2);
    hmlc_value *indices = call->node.inputs[0];
    hmlc_keras_check_dim(call, table, 0, (const char *const[2]){"input_dim", NULL}, 1);
    hmlc_keras_check_dim(call, table, 1, (const char *const[2]){"output_dim", NULL}, 1);
    if (table == NULL || !hmlc_keras_ok(call)) {
        return;
    }
    if (indices->type->dtype != HMLC_DTYPE_i64) {
        indices = hmlc_emit_cast(emit, indices, HMLC_DTYPE_i32);
    }
    call->node.outputs[0] = hmlc_emit(emit, HMLC_OP_gather, HMLC_OPERANDS(table, indices),
                                      HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_axis, 0)));
}

/* The layer at each step: batch and steps are one dim meanwhile. */
void hmlc_keras_import_time_distributed(hmlc_keras_call *call)
{
    hmlc_emitter *emit = hmlc_keras_emitter(call);
    hmlc_value *x = call->node.inputs[0];
    int32_t rank = x->type->rank;
    if (rank < 3 || call->layer->wrapped[0] == NULL) {
        hmlc_keras_fail(call, HMLC_ERROR_graph_invalid, NULL,
                        "has no layer inside, or an input of rank %d", rank);
        return;
    }
    hmlc_dim shape[HMLC_MAX_RANK];
    shape[0] = hmlc_dim_multiply(hmlc_emit_table(emit), x->type->dims[0], x->type->dims[1]);
    for (int32_t i = 2; i < rank; i++) {
        shape[i - 1] = x->type->dims[i];
    }
    hmlc_value *flat = hmlc_emit_reshape(emit, x, shape, (uint32_t)rank - 1);
    hmlc_value *y =
        flat != NULL ? hmlc_keras_call_layer(call, call->layer->wrapped[0], flat) : NULL;
    if (y == NULL) {
        return;
    }
    if (y->type->rank < 1 || y->type->rank >= HMLC_MAX_RANK) {
        hmlc_keras_fail(call, HMLC_ERROR_not_implemented, NULL,
                        "around a layer whose result has rank %d is not supported", y->type->rank);
        return;
    }
    shape[0] = x->type->dims[0];
    shape[1] = x->type->dims[1];
    for (int32_t i = 1; i < y->type->rank; i++) {
        shape[i + 1] = y->type->dims[i];
    }
    call->node.outputs[0] = hmlc_emit_reshape(emit, y, shape, (uint32_t)y->type->rank + 1);
}
