/*
 * What an architecture's folder gives: the rows of its targets, and the little that rows cannot
 * say. Each folder defines one hmlc_architecture_<name>.
 */
#ifndef HMLC_ARCHITECTURE_H
#define HMLC_ARCHITECTURE_H

#include <hmlc/target.h>

typedef struct hmlc_architecture {
    uint32_t number;            /* HML_ARCHITECTURE_* */
    const hmlc_target *targets; /* in rising order of features: the loader takes the last that the
                                   CPU can run */
    uint32_t target_count;
    void (*prepare)(void);                        /* makes LLVM's code generator known */
    bool (*runs_here)(const hmlc_target *target); /* on the machine that compiles */
} hmlc_architecture;

/* Of a target. */
const hmlc_architecture *hmlc_architecture_of(const hmlc_target *target);

#endif
