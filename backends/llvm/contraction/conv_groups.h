/* SPDX-License-Identifier: Apache-2.0 */
/* Groups of output indices with the same valid taps, along one spatial dim. */
#ifndef HMLC_CONV_GROUPS_H
#define HMLC_CONV_GROUPS_H

#include "conv.h"

/* Indices first, first + step, ... `count` of them; the valid taps are those whose input is not
 * negative. */
typedef struct hmlc_axis_class {
    int64_t first, step, count;
    int64_t input;      /* input index of the first valid tap at `first`; 0 without taps */
    int64_t input_step; /* to the next index of the class */
    int64_t tap_count;
    const int64_t *taps;   /* valid taps, ascending */
    const int64_t *deltas; /* input index of each, relative to `input` */
} hmlc_axis_class;

typedef struct hmlc_axis_classes {
    int64_t count;
    hmlc_axis_class *classes;
} hmlc_axis_classes;

hmlc_status hmlc_axis_classify(hmlc_arena *arena, const hmlc_conv_axis *axis,
                               hmlc_axis_classes *classes) HMLC_MUST_USE;

#endif
