/* SPDX-License-Identifier: Apache-2.0 */
/* What products and convolutions have in common: their operands in all forms of quantization. */
#ifndef HMLC_TFLITE_CONTRACTION_H
#define HMLC_TFLITE_CONTRACTION_H

#include "common/sliding_window.h"
#include "tflite_node.h"

/*
 * Data, weights and bias (NULL: none) as floats or, where data and weights are of 8 bits, as they
 * are stored with their zero points (NULL: 0); `rescale` then brings their sums to the steps of the
 * result.
 */
typedef struct hmlc_tflite_operands {
    hmlc_value *x, *w, *bias, *x_zero, *w_zero;
    bool rescale;
    bool once; /* rounded once, from f64: FULLY_CONNECTED of LiteRT 2.3 */
    const hmlc_tflite_tensor *x_record, *w_record;
} hmlc_tflite_operands;

/* Numbers of the inputs; bias may lie beyond them. `channels`: the weights' axis of the result's
 * channels, along which scales may differ. False on failure. */
bool hmlc_tflite_read_operands(hmlc_node *node, uint32_t x, uint32_t w, uint32_t bias,
                               int64_t channels, hmlc_tflite_operands *operands);
/* Exact i32 sums of stored integers, or floats; with the bias. */
hmlc_value *hmlc_tflite_emit_conv(hmlc_node *node, const hmlc_tflite_operands *operands,
                                  const hmlc_window_spec *window, int64_t groups);
hmlc_value *hmlc_tflite_emit_matmul(hmlc_node *node, const hmlc_tflite_operands *operands);
/* For an operator without a form for zero points: data and weights as i32 less theirs. */
void hmlc_tflite_widen_operands(hmlc_node *node, hmlc_tflite_operands *operands);
/* The result y, channels in its last dim, with the fused activation and in its type. */
hmlc_value *hmlc_tflite_finish_sums(hmlc_node *node, hmlc_value *y,
                                    const hmlc_tflite_operands *operands);

#endif
