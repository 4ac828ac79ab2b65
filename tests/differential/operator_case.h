/* SPDX-License-Identifier: Apache-2.0 */
/* One case of an operator: its module, and inputs for its runs. The same for the same seed. */
#ifndef OPERATOR_CASE_H
#define OPERATOR_CASE_H

#include "operator_row.h"

enum { OPERATOR_INPUTS = 12, OPERATOR_OUTPUTS = 4 };

typedef struct operator_case {
    hmlc_opcode opcode;
    uint64_t seed, random;
    hmlc_dtype types[3]; /* T, S and N */
    operator_text text;
    hmlc_module *module;
    uint32_t op_arguments; /* arguments of main that are operands; the others are parameters */
    char letters[OPERATOR_INPUTS]; /* type letter of each argument */
} operator_case;

/* False where 60 choices gave nothing that inference accepts. */
bool operator_case_make(hmlc_opcode opcode, uint64_t seed, operator_case *made);
void operator_case_destroy(operator_case *made);

/*
 * Inputs of run `run`: dims of one letter are equal or not, 0 and 1 among them; elements tame or
 * adverse. Data lies in `arena`. False where memory ends.
 */
bool operator_case_inputs(const operator_case *made, uint32_t run, hmlc_arena *arena,
                          hmlc_tensor *inputs);

/* The module and the inputs as text, to stderr. inputs may be NULL. */
void operator_case_print(const operator_case *made, const hmlc_tensor *inputs);

#endif
