/* SPDX-License-Identifier: Apache-2.0 */
/* One random module: interpreted, compiled, run, compared. */
#ifndef DIFFERENTIAL_H
#define DIFFERENTIAL_H

#include "maker.h"

typedef enum trial_result {
    TRIAL_PASSED,
    TRIAL_COMPILED, /* for a variant that this machine cannot run */
    TRIAL_REFUSED,
    TRIAL_WRONG,
    TRIAL_BROKEN
} trial_result;

typedef struct trial {
    uint64_t seed;
    uint32_t ops;        /* rules applied */
    int only;            /* -1: all outputs */
    const char *variant; /* a target's name */
    const char *path;    /* of the temporary artifact */
    bool prints;         /* writes what is wrong to stderr */
    char message[600];   /* what is wrong */
    int output;          /* the first wrong output, -1: none in particular */
    uint32_t runs;       /* runs compared, over all trials */
} trial;

trial_result trial_run(trial *t);
/* Cuts a failing trial down: fewest rules, then one output. */
void trial_reduce(trial *t);
/* Writes the module as NAME.hir and NAME.hir.bin. */
bool trial_write(const trial *t, const char *name);

#endif
