/* SPDX-License-Identifier: Apache-2.0 */
/* The bias of Attention's scores: mask, causality, windows and padded keys. */
#include "onnx_attention.h"

#include <inttypes.h>
#include <math.h>

enum { MASK = 3, KEY_COUNT = 6, PADDING_OPSET = 24 };

typedef struct bias_terms {
    hmlc_node *node;
    const hmlc_onnx_attention *in;
    hmlc_value *kept; /* bool: where a key is seen; NULL: everywhere */
} bias_terms;

static hmlc_value *iota(hmlc_node *node, const hmlc_dim *shape, uint32_t rank, int64_t axis)
{
    return hmlc_emit(&node->emit, HMLC_OP_iota, NULL, 0,
                     HMLC_ATTRS(hmlc_attr_dims(HMLC_ATTR_shape, shape, rank),
                                hmlc_attr_int(HMLC_ATTR_axis, axis),
                                hmlc_attr_dtype(HMLC_ATTR_to, HMLC_DTYPE_i64)));
}

static void keep(bias_terms *terms, hmlc_value *where)
{
    hmlc_emitter *emit = &terms->node->emit;
    terms->kept =
        terms->kept == NULL ? where : hmlc_emit_binary(emit, HMLC_OP_and, terms->kept, where);
}

/* From opset 24 on, a mask that is shorter than the keys hides the rest. */
static hmlc_value *padded_mask(hmlc_node *node, const hmlc_onnx_attention *in)
{
    hmlc_emitter *emit = &node->emit;
    hmlc_dims *table = hmlc_emit_table(emit);
    hmlc_value *mask = node->inputs[MASK];
    int32_t rank = mask->type->rank;
    if (rank == 0) {
        hmlc_dim one = hmlc_emit_number(emit, 1);
        return hmlc_emit_reshape(emit, mask, &one, 1);
    }
    if (hmlc_onnx_self(node)->opset < PADDING_OPSET ||
        hmlc_dim_known_equal(table, mask->type->dims[rank - 1], in->keys)) {
        return mask;
    }
    hmlc_dim pads[2 * HMLC_MAX_RANK];
    for (int32_t i = 0; i < 2 * rank; i++) {
        pads[i] = hmlc_emit_number(emit, 0);
    }
    pads[2 * rank - 1] = hmlc_dim_subtract(table, in->keys, mask->type->dims[rank - 1]);
    bool is_bool = mask->type->dtype == HMLC_DTYPE_bool;
    hmlc_value *fill = hmlc_emit_scalar_like(emit, mask, is_bool ? 0 : -INFINITY);
    return hmlc_emit(emit, HMLC_OP_pad, HMLC_OPERANDS(mask, fill),
                     HMLC_ATTRS(hmlc_attr_dims(HMLC_ATTR_pads, pads, 2 * (uint32_t)rank)));
}

/* Integers are numbers to add, as floats are; they become floats before -inf may pad them. */
static hmlc_value *float_mask(hmlc_node *node, const hmlc_onnx_attention *in)
{
    hmlc_dtype dtype = node->inputs[MASK]->type->dtype;
    if (dtype != HMLC_DTYPE_bool && !hmlc_dtype_is_float(dtype)) {
        node->inputs[MASK] = hmlc_emit_cast(&node->emit, node->inputs[MASK], in->q->type->dtype);
    }
    hmlc_value *mask = hmlc_node_ok(node) ? padded_mask(node, in) : NULL;
    return dtype == HMLC_DTYPE_bool ? mask : hmlc_emit_cast(&node->emit, mask, in->q->type->dtype);
}

/* [batch, 1, 1, 1]: the number of valid keys. NULL when they all are. */
static hmlc_value *key_counts(hmlc_node *node)
{
    if (!hmlc_node_has_input(node, KEY_COUNT)) {
        return NULL;
    }
    if (hmlc_node_rank(node, KEY_COUNT) != 1) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL, "nonpad_kv_seqlen has rank %d",
                       hmlc_node_rank(node, KEY_COUNT));
    } else if (hmlc_node_has_input(node, 4)) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "nonpad_kv_seqlen and past_key exclude each other");
    }
    if (!hmlc_node_ok(node)) {
        return NULL;
    }
    hmlc_dim one = hmlc_emit_number(&node->emit, 1);
    hmlc_dim shape[4] = {hmlc_node_dims(node, KEY_COUNT)[0], one, one, one};
    return hmlc_emit_reshape(&node->emit, node->inputs[KEY_COUNT], shape, 4);
}

/* A window's size, -1 without one. */
static int64_t window(hmlc_node *node, const char *name)
{
    int64_t size = hmlc_node_int(node, name, -1);
    if (size < -1 || size > INT32_MAX) {
        hmlc_node_fail(node, HMLC_ERROR_attribute_invalid, NULL, "'%s' is %" PRId64, name, size);
    }
    return size;
}

/*
 * Query i stands at position i + offset among the keys, the offset being the number of keys before
 * the queries: the past, or what is valid less the queries.
 */
static void keep_near(bias_terms *terms, hmlc_value *counts)
{
    hmlc_node *node = terms->node;
    hmlc_emitter *emit = &node->emit;
    bool causal = hmlc_node_int(node, "is_causal", 0) != 0;
    int64_t left = window(node, "left_window_size"), right = window(node, "right_window_size");
    if (!causal && left < 0 && right < 0) {
        return;
    }
    hmlc_dim grid[2] = {terms->in->queries, terms->in->keys};
    hmlc_value *row = iota(node, grid, 2, 0), *column = iota(node, grid, 2, 1);
    hmlc_value *offset = hmlc_emit_dim(emit, terms->in->past, HMLC_DTYPE_i64);
    if (counts != NULL) {
        hmlc_value *queries = hmlc_emit_dim(emit, terms->in->queries, HMLC_DTYPE_i64);
        offset = hmlc_emit_binary(emit, HMLC_OP_sub, counts, queries);
    }
    hmlc_value *position = hmlc_emit_binary(emit, HMLC_OP_add, row, offset);
    right = causal ? 0 : right; /* the narrower of both */
    if (right >= 0) {
        hmlc_value *ahead = hmlc_emit_scalar(emit, HMLC_DTYPE_i64, (double)right);
        hmlc_value *last = hmlc_emit_binary(emit, HMLC_OP_add, position, ahead);
        keep(terms, hmlc_emit_binary(emit, HMLC_OP_less_equal, column, last));
    }
    if (left >= 0) {
        hmlc_value *behind = hmlc_emit_scalar(emit, HMLC_DTYPE_i64, (double)left);
        hmlc_value *first = hmlc_emit_binary(emit, HMLC_OP_sub, position, behind);
        keep(terms, hmlc_emit_binary(emit, HMLC_OP_less_equal, first, column));
    }
}

hmlc_value *hmlc_onnx_attention_bias(hmlc_node *node, const hmlc_onnx_attention *in)
{
    hmlc_emitter *emit = &node->emit;
    bias_terms terms = {.node = node, .in = in};
    hmlc_value *bias = NULL, *counts = key_counts(node);
    if (hmlc_node_has_input(node, MASK) && hmlc_node_ok(node)) {
        hmlc_value *mask = float_mask(node, in);
        bool is_bool = hmlc_node_ok(node) && mask->type->dtype == HMLC_DTYPE_bool;
        *(is_bool ? &terms.kept : &bias) = mask;
    }
    keep_near(&terms, counts);
    if (counts != NULL) {
        hmlc_value *column = iota(node, &in->keys, 1, 0);
        keep(&terms, hmlc_emit_binary(emit, HMLC_OP_less, column, counts));
    }
    if (terms.kept == NULL || !hmlc_node_ok(node)) {
        return bias;
    }
    hmlc_value *hidden = hmlc_emit_scalar_like(emit, in->q, -INFINITY);
    hmlc_value *seen = hmlc_emit_scalar_like(emit, in->q, 0);
    hidden = hmlc_emit_select(emit, terms.kept, seen, hidden);
    return bias == NULL ? hidden : hmlc_emit_binary(emit, HMLC_OP_add, bias, hidden);
}

bool hmlc_onnx_attention_may_hide_all(hmlc_node *node)
{
    return hmlc_node_has_input(node, MASK) || hmlc_node_has_input(node, KEY_COUNT) ||
           hmlc_node_int(node, "left_window_size", -1) >= 0;
}
