/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where channels come from: a value that is made by slicing, joining and shuffling others along its
 * channel axis, as a list of its channels' origins.
 */
#ifndef HMLC_CHANNEL_ORIGIN_H
#define HMLC_CHANNEL_ORIGIN_H

#include "query.h"

typedef struct hmlc_channel {
    hmlc_value *source; /* made by something else than channel movement */
    int64_t index;      /* channel of it */
} hmlc_channel;

typedef struct hmlc_channel_origin {
    int32_t axis;
    bool shuffled; /* some step was more than slicing and joining */
    int64_t count;
    hmlc_channel *channels;
} hmlc_channel_origin;

/*
 * The origins of `value`'s channels along `axis`; NULL where their number is not constant or too
 * large. Lives in `scratch`. hmlc_value.note remembers what was found: clear it before the first
 * call of a pass.
 */
hmlc_status hmlc_channel_origin_find(hmlc_arena *scratch, hmlc_value *value, int32_t axis,
                                     const hmlc_channel_origin **origin) HMLC_MUST_USE;

#endif
