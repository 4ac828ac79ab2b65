/* SPDX-License-Identifier: Apache-2.0 */
/* hmlc reduce: one try of a model in a child process, and the search for a smaller one. */
#ifndef HMLC_REDUCE_H
#define HMLC_REDUCE_H

#include "hmlc_commands.h"

#include <hmlc/cut.h>

typedef enum reduce_kind {
    REDUCE_SOUND,   /* no failure */
    REDUCE_REFUSED, /* status 3 */
    REDUCE_WRONG,   /* an output is out of tolerance */
    REDUCE_CRASHED, /* a signal, the time limit, or status 70 */
    REDUCE_OTHER,   /* invalid, or it does not run with random inputs */
} reduce_kind;

typedef enum reduce_stage { REDUCE_IMPORT, REDUCE_PASSES, REDUCE_CODE, REDUCE_RUN } reduce_stage;

typedef struct reduce_failure {
    reduce_kind kind;
    reduce_stage stage;
    int status;        /* exit status; 128 + n when signal n ended the child */
    uint32_t code;     /* 0: none */
    char operator[64]; /* "": none is to blame */
    char message[512];
    bool unwritten; /* the place for temporary files did not take the model */
} reduce_failure;

typedef struct reduce_trial {
    const hml_options *options;
    hmlc_request request; /* of the model that is tried */
    const char *name;     /* path of the result, whose last part names what is tried */
    unsigned limit;       /* seconds */
    bool by_code;         /* the code and operator of `wanted` count, not the status */
    reduce_failure wanted;
    reduce_failure *shared; /* what the child knows, in memory that it shares */
    hmlc_cut *cut;          /* NULL: the model of the request as it is */
    const hmlc_cut_state *states;
} reduce_trial;

/* False with `shared` being NULL where there is no memory. */
bool hmlc_reduce_open(reduce_trial *trial);
void hmlc_reduce_close(reduce_trial *trial);

/*
 * Imports, compiles, runs with random inputs and compares, up to the stage of `wanted`; *failure is
 * what went wrong. False with the reason in `failure->message` when it cannot be tried at all.
 */
bool hmlc_reduce_try(reduce_trial *trial, reduce_failure *failure);

/* Is it the failure that is wanted? */
bool hmlc_reduce_same(const reduce_trial *trial, const reduce_failure *failure);

typedef struct reduce_search {
    reduce_trial *trial;
    hmlc_cut *cut;
    const hmlc_request *request; /* of the whole model, with its --dim */
    hmlc_cut_state *states;      /* of the smallest failing model so far */
    uint32_t kept;               /* its nodes */
    uint32_t tried;              /* models */
    reduce_failure failure;      /* of that model */
    reduce_failure broken;       /* `message`: why the search cannot go on; "": it can */
} reduce_search;

/* False when the model of all nodes does not fail in the same way, or no model can be tried. */
bool hmlc_reduce_search(reduce_search *search);

#endif
