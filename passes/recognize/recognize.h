/* SPDX-License-Identifier: Apache-2.0 */
/* Recognisers: rows of a pattern and what it becomes, one table per file recognize_<subject>.c. */
#ifndef HMLC_RECOGNIZE_H
#define HMLC_RECOGNIZE_H

#include "match.h"

/*
 * Builds the op that stands for the match. *result stays NULL where the match is refused after all.
 * The builder has the joined location.
 */
typedef hmlc_status (*hmlc_recognizer)(hmlc_builder *builder, const hmlc_match *match,
                                       hmlc_value **result);

typedef struct hmlc_recognition {
    const char *pattern;
    hmlc_recognizer build;
} hmlc_recognition;

typedef struct hmlc_recognitions {
    const hmlc_recognition *rows;
    uint32_t count;
} hmlc_recognitions;

extern const hmlc_recognitions hmlc_recognize_activations;
extern const hmlc_recognitions hmlc_recognize_norms;
extern const hmlc_recognitions hmlc_recognize_softmax;

#endif
