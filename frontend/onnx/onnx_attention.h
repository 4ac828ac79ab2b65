/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of Attention share. */
#ifndef HMLC_ONNX_ATTENTION_H
#define HMLC_ONNX_ATTENTION_H

#include "onnx_node.h"

/* Dims of the attention problem; heads first: [batch, heads, sequence, size]. */
typedef struct hmlc_onnx_attention {
    hmlc_value *q, *k, *v;
    bool flat;              /* the inputs were [batch, sequence, heads * size] */
    hmlc_dim queries, keys; /* sequence lengths, the past included for keys */
    hmlc_dim past;          /* 0 without past */
    int64_t heads, kv_heads, head_size;
} hmlc_onnx_attention;

/*
 * onnx_attention_bias.c: what is added to the scores, in their element type, broadcasting to
 * [batch, heads, queries, keys]: the mask, and -inf where causality, windows or the number of valid
 * keys hide a key. NULL where nothing is hidden, and on failure.
 */
hmlc_value *hmlc_onnx_attention_bias(hmlc_node *node, const hmlc_onnx_attention *in);
/* True where a row of that bias may be -inf throughout. */
bool hmlc_onnx_attention_may_hide_all(hmlc_node *node);

#endif
