/* SPDX-License-Identifier: Apache-2.0 */
/* Artifacts for these tests, compiled for this machine, one for others, too, through the compiler's
 * facades. */
#ifndef HOSTILE_MODELS_H
#define HOSTILE_MODELS_H

#include <stddef.h>
#include <stdint.h>

typedef enum hostile_model {
    HOSTILE_DIGITS,   /* models/digits: convolutions, dense layers, batch of any size */
    HOSTILE_DYNAMIC,  /* sizes known only while running, an `if`, a gather at given indices */
    HOSTILE_BRANCHES, /* one path of an `if` needs two dims to be equal; see branch_checks_test */
    HOSTILE_MACHINES, /* that again, with a variant for each other architecture */
    HOSTILE_MODEL_COUNT
} hostile_model;

/* The artifact of an ONNX file; as below. */
uint8_t *hostile_artifact_of(const char *onnx, size_t *bytes);

/* The whole file, 64-byte aligned: free(). NULL, with the reason on stderr, when compiling fails.
 */
uint8_t *hostile_artifact(hostile_model model, size_t *bytes);

#endif
