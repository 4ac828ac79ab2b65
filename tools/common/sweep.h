/* SPDX-License-Identifier: Apache-2.0 */
/* Options that name several values, "--threads 1,2,4 --dim batch=1,8": a command run for each. */
#ifndef HML_SWEEP_H
#define HML_SWEEP_H

#include "options.h"

enum { HML_MOST_SWEPT = 8, HML_MOST_SWEEP_VALUES = 64 };

typedef struct hml_swept_word {
    size_t word; /* of the options */
    char *values[HML_MOST_SWEEP_VALUES];
    size_t count, at;
} hml_swept_word;

typedef struct hml_sweep {
    hml_options options; /* of the combination at hand */
    hml_swept_word words[HML_MOST_SWEPT];
    size_t word_count;
} hml_sweep;

/* The first combination; false when memory ran out or there are more values than above. Release in
 * either case. */
bool hml_sweep_begin(hml_sweep *sweep, const hml_options *options);
/* The next one, the last word's values first; false behind the last. */
bool hml_sweep_next(hml_sweep *sweep);
void hml_sweep_release(hml_sweep *sweep);

#endif
