/* SPDX-License-Identifier: Apache-2.0 */
/* One case of an operator: compiled, run on its inputs between guard pages, compared with the
 * reference interpreter. */
#ifndef OPERATOR_TRIAL_H
#define OPERATOR_TRIAL_H

#include "operator_case.h"

typedef struct operator_tally {
    uint32_t compared, refused_runs; /* runs: same values; both refuse */
    uint32_t refused, unmade, findings;
    uint32_t accepted_types; /* bit per element type of T that compiled */
} operator_tally;

typedef struct operator_trial {
    hmlc_opcode opcode;
    uint64_t seed;
    const char *variant; /* a target's name */
    const char *path;    /* of the temporary artifact */
    uint32_t runs;
    bool verbose;
} operator_trial;

/* Runs the case and adds to the tally; findings go to stderr with module and inputs. */
void operator_trial_run(const operator_trial *trial, operator_tally *tally);

#endif
