/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A model that is made once and measures any choice of nodes, ranges and corrections. Each node
 * that is to be quantized stands in it twice, in float and on 8 bits; a flag chooses whose result
 * goes on. Flags, ranges and corrections are inputs, so that thousands of choices need no compiler.
 * Beside the model's outputs it gives, for each node, how far its two results are apart.
 */
#ifndef HMLC_INSTRUMENT_H
#define HMLC_INSTRUMENT_H

#include "quantize_plan.h"

typedef struct hmlc_instrument {
    const hmlc_quantize_plan *plan;
    const hmlc_runner *runner;
    hmlc_arena *arena;
    hmlc_module *module;
    void *model;
    uint32_t *nodes; /* of the plan, those that are measured */
    uint32_t *first; /* place of a node's channels in shifts and means */
    uint32_t node_count, channel_count;
    uint32_t input_count, output_count; /* the model's own */
    /* What it is set to. */
    float *flags;                /* by node: 1 on 8 bits, 0 in float */
    float *steps, *lows, *highs; /* by tensor of the plan: scale, and least and largest level, zero
                                    being 0 */
    float *shifts;               /* by channel, added to results on 8 bits */
    /* What the last run gave. */
    hmlc_tensor *inputs, *outputs;  /* the model's own outputs come first */
    const float *noise, *signal;    /* by node: sums of squares of the difference, of the float
                                       result */
    const float *mean, *float_mean; /* by channel: of what goes on, of the float result */
} hmlc_instrument;

/* Builds and opens it for the nodes that are chosen. */
hmlc_status hmlc_instrument_create(const hmlc_quantize_plan *plan, const hmlc_runner *runner,
                                   hmlc_instrument **instrument) HMLC_MUST_USE;
void hmlc_instrument_release(hmlc_instrument *instrument); /* accepts NULL */
/* Sets all nodes to float, or all to 8 bits. */
void hmlc_instrument_set_all(hmlc_instrument *instrument, bool quantized);
void hmlc_instrument_set_range(hmlc_instrument *instrument, uint32_t tensor,
                               hmlc_quantize_range range);
hmlc_status hmlc_instrument_run(hmlc_instrument *instrument, uint32_t sample) HMLC_MUST_USE;

#endif
