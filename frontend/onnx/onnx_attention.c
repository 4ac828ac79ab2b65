/* SPDX-License-Identifier: Apache-2.0 */
/* Attention and RotaryEmbedding, as the primitives that the recognisers know. */
#include "onnx_attention.h"

#include <inttypes.h>
#include <math.h>

#include "common/softmax.h"

/* [B, S, heads * D] as [B, heads, S, D]. */
static hmlc_value *split_heads(hmlc_node *node, hmlc_value *x, int64_t heads)
{
    static const int64_t permutation[] = {0, 2, 1, 3};
    hmlc_emitter *emit = &node->emit;
    if (!hmlc_node_ok(node)) {
        return NULL;
    }
    hmlc_dim count = hmlc_emit_number(emit, heads);
    const hmlc_dim *dims = x->type->dims;
    hmlc_dim shape[4] = {dims[0], dims[1], count,
                         hmlc_dim_floordiv(hmlc_emit_table(emit), dims[2], count)};
    return hmlc_emit_transpose(emit, hmlc_emit_reshape(emit, x, shape, 4), permutation);
}

static int64_t static_dim(hmlc_node *node, const hmlc_value *x, int32_t axis)
{
    int64_t size = 1;
    char text[128];
    hmlc_dim_format(x->type->dims[axis], text, sizeof text);
    if (hmlc_node_ok(node) && (!hmlc_dim_is_constant(x->type->dims[axis], &size) || size < 1)) {
        hmlc_node_fail(node, HMLC_ERROR_not_implemented,
                       "give the dim a value with --dim NAME=SIZE",
                       "heads and head sizes must be static, but one is %s", text);
    }
    return size < 1 ? 1 : size;
}

static bool read_heads(hmlc_node *node, hmlc_onnx_attention *in)
{
    in->q = node->inputs[0];
    in->k = node->inputs[1];
    in->v = node->inputs[2];
    int32_t rank = in->q->type->rank;
    in->flat = rank == 3;
    if ((rank != 3 && rank != 4) || in->k->type->rank != rank || in->v->type->rank != rank) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "Q, K and V have ranks %d, %d and %d, must all be 3 or 4", rank,
                       in->k->type->rank, in->v->type->rank);
        return false;
    }
    if (in->flat) {
        int64_t heads = hmlc_node_int(node, "q_num_heads", 0);
        int64_t kv_heads = hmlc_node_int(node, "kv_num_heads", 0);
        if (heads < 1 || kv_heads < 1) {
            hmlc_node_fail(node, HMLC_ERROR_attribute_invalid, NULL,
                           "inputs of rank 3 need 'q_num_heads' and 'kv_num_heads'");
            return false;
        }
        in->q = split_heads(node, in->q, heads);
        in->k = split_heads(node, in->k, kv_heads);
        in->v = split_heads(node, in->v, kv_heads);
    }
    if (!hmlc_node_ok(node)) {
        return false;
    }
    in->heads = static_dim(node, in->q, 1);
    in->kv_heads = static_dim(node, in->k, 1);
    in->head_size = static_dim(node, in->q, 3);
    if (hmlc_node_ok(node) && in->heads % in->kv_heads != 0) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "%" PRId64 " heads do not share %" PRId64 " key heads", in->heads,
                       in->kv_heads);
    }
    return hmlc_node_ok(node);
}

/* Appends the incoming keys and values to the past ones. */
static bool join_past(hmlc_node *node, hmlc_onnx_attention *in)
{
    hmlc_emitter *emit = &node->emit;
    bool past = hmlc_node_has_input(node, 4);
    if (past != hmlc_node_has_input(node, 5)) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "past_key and past_value come together");
        return false;
    }
    if (past && (hmlc_node_rank(node, 4) != 4 || hmlc_node_rank(node, 5) != 4)) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "past_key and past_value must have rank 4");
        return false;
    }
    in->past = past ? node->inputs[4]->type->dims[2] : hmlc_emit_number(emit, 0);
    if (past) {
        in->k = hmlc_emit_concat(emit, (hmlc_value *const[]){node->inputs[4], in->k}, 2, 2);
        in->v = hmlc_emit_concat(emit, (hmlc_value *const[]){node->inputs[5], in->v}, 2, 2);
    }
    if (!hmlc_node_ok(node)) {
        return false;
    }
    in->queries = in->q->type->dims[2];
    in->keys = in->k->type->dims[2];
    node->outputs[1] = in->k;
    node->outputs[2] = in->v;
    return true;
}

/* Each key head serves heads / kv_heads query heads. */
static hmlc_value *repeat_heads(hmlc_node *node, hmlc_value *x, const hmlc_onnx_attention *in)
{
    hmlc_emitter *emit = &node->emit;
    if (in->heads == in->kv_heads || !hmlc_node_ok(node)) {
        return x;
    }
    const hmlc_dim *dims = x->type->dims;
    hmlc_dim wide[5] = {dims[0], dims[1], hmlc_emit_number(emit, in->heads / in->kv_heads), dims[2],
                        dims[3]};
    hmlc_dim joined[4] = {dims[0], hmlc_emit_number(emit, in->heads), dims[2], dims[3]};
    x = hmlc_emit_unsqueeze(emit, x, 2);
    x = hmlc_emit_expand(emit, x, wide, 5);
    return hmlc_emit_reshape(emit, x, joined, 4);
}

/* The root of the scale, in the steps of the standard's function body. */
static float scale_root(hmlc_node *node, const hmlc_onnx_attention *in)
{
    bool given = hmlc_onnx_attr(node, "scale") != NULL;
    return sqrtf(given ? (float)hmlc_node_float(node, "scale", 1)
                       : 1.0f / sqrtf((float)in->head_size));
}

/*
 * Half floats are scaled before the product, by the root of the scale on both sides, which would
 * overflow behind it, and whose roundings are the standard's. Wider ones are scaled once, behind.
 */
static hmlc_value *scores_of(hmlc_node *node, const hmlc_onnx_attention *in, hmlc_value *k)
{
    static const int64_t swapped[] = {0, 1, 3, 2};
    hmlc_emitter *emit = &node->emit;
    double scale = hmlc_node_float(node, "scale", 1 / sqrt((double)in->head_size));
    hmlc_value *q = in->q, *transposed = hmlc_emit_transpose(emit, k, swapped);
    if (!hmlc_node_ok(node)) {
        return NULL;
    }
    if (hmlc_dtype_is_half(q->type->dtype)) {
        hmlc_value *root = hmlc_emit_scalar_like(emit, q, (double)scale_root(node, in));
        q = hmlc_emit_binary(emit, HMLC_OP_mul, q, root);
        transposed = hmlc_emit_binary(emit, HMLC_OP_mul, transposed, root);
        return hmlc_emit_binary(emit, HMLC_OP_matmul, q, transposed);
    }
    hmlc_value *scores = hmlc_emit_binary(emit, HMLC_OP_matmul, q, transposed);
    return hmlc_emit_binary(emit, HMLC_OP_mul, scores, hmlc_emit_scalar_like(emit, q, scale));
}

static hmlc_value *soft_capped(hmlc_node *node, hmlc_value *scores)
{
    hmlc_emitter *emit = &node->emit;
    double limit = hmlc_node_float(node, "softcap", 0);
    if (limit <= 0 || !hmlc_node_ok(node)) {
        return scores;
    }
    hmlc_value *cap = hmlc_emit_scalar_like(emit, scores, limit);
    hmlc_value *ratio = hmlc_emit_binary(emit, HMLC_OP_div, scores, cap);
    return hmlc_emit_binary(emit, HMLC_OP_mul, hmlc_emit_unary(emit, HMLC_OP_tanh, ratio), cap);
}

/* The bias may broadcast to the scores, never the other way. */
static hmlc_value *biased(hmlc_node *node, hmlc_value *scores, hmlc_value *bias)
{
    hmlc_emitter *emit = &node->emit;
    if (bias == NULL || !hmlc_node_ok(node)) {
        return scores;
    }
    if (bias->type->rank > scores->type->rank) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL, "the mask has rank %d, at most 4",
                       bias->type->rank);
    }
    hmlc_value *sum = hmlc_emit_binary(emit, HMLC_OP_add, scores, bias);
    for (int32_t i = 0; hmlc_node_ok(node) && i < scores->type->rank; i++) {
        hmlc_emit_require_equal(emit, sum->type->dims[i], scores->type->dims[i]);
    }
    return sum;
}

/* Softmax over the keys; a query whose keys are all hidden attends to none: its row is 0. */
static hmlc_value *probabilities(hmlc_node *node, hmlc_value *scores, hmlc_value *bias)
{
    static const int64_t last[] = {3};
    hmlc_emitter *emit = &node->emit;
    if (!hmlc_node_ok(node)) {
        return NULL;
    }
    hmlc_dtype dtype = scores->type->dtype;
    hmlc_dtype precision = hmlc_onnx_dtype_attr(node, "softmax_precision", dtype);
    if (!hmlc_dtype_is_float(precision)) {
        hmlc_node_fail(node, HMLC_ERROR_attribute_invalid, NULL,
                       "'softmax_precision' names %s, which is no float type",
                       hmlc_dtype_name(precision));
    }
    hmlc_value *result = hmlc_emit_cast(emit, scores, precision);
    result = hmlc_emit_softmax(emit, HMLC_OP_softmax, result, last, 1);
    result = hmlc_emit_cast(emit, result, dtype);
    if (bias == NULL || !hmlc_onnx_attention_may_hide_all(node) || !hmlc_node_ok(node)) {
        return result;
    }
    int64_t keys = bias->type->rank - 1;
    hmlc_value *most = hmlc_emit_reduce(emit, HMLC_OP_reduce_max, bias, &keys, 1, true);
    hmlc_value *nothing = hmlc_emit_scalar_like(emit, bias, -INFINITY);
    hmlc_value *hidden = hmlc_emit_binary(emit, HMLC_OP_equal, most, nothing);
    return hmlc_emit_select(emit, hidden, hmlc_emit_scalar_like(emit, result, 0), result);
}

void hmlc_onnx_import_attention(hmlc_node *node)
{
    static const int64_t permutation[] = {0, 2, 1, 3};
    hmlc_emitter *emit = &node->emit;
    hmlc_dims *table = hmlc_emit_table(emit);
    hmlc_onnx_attention in;
    if (!read_heads(node, &in) || !join_past(node, &in)) {
        return;
    }
    for (uint32_t i = 1; i < 3; i++) { /* a batch of 1 is not repeated */
        hmlc_emit_require_equal(emit, hmlc_node_dims(node, 0)[0], hmlc_node_dims(node, i)[0]);
    }
    hmlc_value *k = repeat_heads(node, in.k, &in), *v = repeat_heads(node, in.v, &in);
    hmlc_value *stages[4]; /* what qk_matmul_output_mode chooses from */
    stages[0] = scores_of(node, &in, k);
    stages[1] = soft_capped(node, stages[0]);
    hmlc_value *bias = hmlc_onnx_attention_bias(node, &in);
    stages[2] = biased(node, stages[1], bias);
    stages[3] = probabilities(node, stages[2], bias);
    int64_t mode = hmlc_node_int(node, "qk_matmul_output_mode", 0);
    if (mode < 0 || mode > 3) {
        hmlc_node_fail(node, HMLC_ERROR_attribute_invalid, NULL,
                       "'qk_matmul_output_mode' is %" PRId64, mode);
        return;
    }
    node->outputs[3] = stages[mode];
    hmlc_value *y = hmlc_emit_binary(emit, HMLC_OP_matmul, stages[3], v);
    if (in.flat && hmlc_node_ok(node)) {
        const hmlc_dim *dims = y->type->dims;
        hmlc_dim shape[3] = {dims[0], dims[2], hmlc_dim_multiply(table, dims[1], dims[3])};
        y = hmlc_emit_transpose(emit, y, permutation);
        y = hmlc_emit_reshape(emit, y, shape, 3);
    }
    node->outputs[0] = y;
}

/* Cosines or sines, [B, S, size / 2], with a dim of 1 for the heads. */
static hmlc_value *angles(hmlc_node *node, uint32_t index, int64_t head_axis)
{
    hmlc_value *cache = node->inputs[index];
    if (hmlc_node_has_input(node, 3)) {
        cache = hmlc_emit(&node->emit, HMLC_OP_gather, HMLC_OPERANDS(cache, node->inputs[3]),
                          HMLC_ATTRS(hmlc_attr_int(HMLC_ATTR_axis, 0)));
    }
    if (hmlc_node_ok(node) && cache->type->rank != 3) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "input %" PRIu32 " ('%s') has the wrong rank %d", index,
                       hmlc_node_input_name(node, index), hmlc_node_rank(node, index));
    }
    return hmlc_emit_unsqueeze(&node->emit, cache, head_axis);
}

/* Every second element of the last axis, or one half of it. */
static hmlc_value *part(hmlc_node *node, hmlc_value *x, bool interleaved, int64_t which,
                        int64_t half)
{
    hmlc_emitter *emit = &node->emit;
    if (!interleaved || !hmlc_node_ok(node)) {
        hmlc_dim size = hmlc_emit_number(emit, half);
        return hmlc_emit_slice_axis(emit, x, 3, hmlc_emit_number(emit, which * half), size);
    }
    hmlc_dim starts[4], sizes[4], steps[4];
    for (int32_t i = 0; i < 4; i++) {
        starts[i] = hmlc_emit_number(emit, i == 3 ? which : 0);
        sizes[i] = i == 3 ? hmlc_emit_number(emit, half) : x->type->dims[i];
        steps[i] = hmlc_emit_number(emit, i == 3 ? 2 : 1);
    }
    return hmlc_emit_slice(emit, x, starts, sizes, steps);
}

/* (a, b) turned by the angle: (a cos - b sin, a sin + b cos). */
static hmlc_value *rotate(hmlc_node *node, hmlc_value *x, int64_t size, int64_t head_axis)
{
    hmlc_emitter *emit = &node->emit;
    bool interleaved = hmlc_node_int(node, "interleaved", 0) != 0;
    hmlc_value *cosine = angles(node, 1, head_axis), *sine = angles(node, 2, head_axis);
    hmlc_value *a = part(node, x, interleaved, 0, size / 2);
    hmlc_value *b = part(node, x, interleaved, 1, size / 2);
    hmlc_value *a_cosine = hmlc_emit_binary(emit, HMLC_OP_mul, cosine, a);
    hmlc_value *b_sine = hmlc_emit_binary(emit, HMLC_OP_mul, sine, b);
    hmlc_value *a_sine = hmlc_emit_binary(emit, HMLC_OP_mul, sine, a);
    hmlc_value *b_cosine = hmlc_emit_binary(emit, HMLC_OP_mul, cosine, b);
    hmlc_value *real = hmlc_emit_binary(emit, HMLC_OP_sub, a_cosine, b_sine);
    hmlc_value *imaginary = hmlc_emit_binary(emit, HMLC_OP_add, a_sine, b_cosine);
    if (!interleaved || !hmlc_node_ok(node)) {
        return hmlc_emit_concat(emit, (hmlc_value *const[]){real, imaginary}, 2, 3);
    }
    real = hmlc_emit_unsqueeze(emit, real, 4);
    imaginary = hmlc_emit_unsqueeze(emit, imaginary, 4);
    hmlc_value *pairs = hmlc_emit_concat(emit, (hmlc_value *const[]){real, imaginary}, 2, 4);
    return hmlc_emit_reshape(emit, pairs, x->type->dims, 4);
}

void hmlc_onnx_import_rotary_embedding(hmlc_node *node)
{
    hmlc_emitter *emit = &node->emit;
    hmlc_value *x = node->inputs[0];
    bool flat = hmlc_node_rank(node, 0) == 3;
    int64_t heads = hmlc_node_int(node, "num_heads", 0);
    if ((!flat && hmlc_node_rank(node, 0) != 4) || (flat && heads < 1)) {
        hmlc_node_fail(node, HMLC_ERROR_graph_invalid, NULL,
                       "needs an input of rank 4, or of rank 3 with 'num_heads'");
        return;
    }
    if (flat) {
        hmlc_dim count = hmlc_emit_number(emit, heads);
        const hmlc_dim *dims = x->type->dims;
        hmlc_dim shape[4] = {dims[0], dims[1], count,
                             hmlc_dim_floordiv(hmlc_emit_table(emit), dims[2], count)};
        x = hmlc_emit_reshape(emit, x, shape, 4);
    }
    if (!hmlc_node_ok(node)) {
        return;
    }
    int64_t whole = static_dim(node, x, 3), size = hmlc_node_int(node, "rotary_embedding_dim", 0);
    size = size == 0 ? whole : size;
    if (size < 2 || size > whole || size % 2 != 0) {
        hmlc_node_fail(node, HMLC_ERROR_attribute_invalid, NULL,
                       "%" PRId64 " of %" PRId64 " elements cannot be rotated", size, whole);
        return;
    }
    hmlc_dim turned_size = hmlc_emit_number(emit, size);
    hmlc_value *turned = hmlc_emit_slice_axis(emit, x, 3, hmlc_emit_number(emit, 0), turned_size);
    turned = rotate(node, turned, size, flat ? 2 : 1);
    if (size < whole) {
        hmlc_value *rest =
            hmlc_emit_slice_axis(emit, x, 3, turned_size, hmlc_emit_number(emit, whole - size));
        turned = hmlc_emit_concat(emit, (hmlc_value *const[]){turned, rest}, 2, 3);
    }
    node->outputs[0] =
        hmlc_emit_reshape(emit, turned, hmlc_node_dims(node, 0), (uint32_t)hmlc_node_rank(node, 0));
}
