/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Patterns over the graph, as text:
 *
 *   mul(0.5, x, add(1, erf(mul(0.70710678, x))))
 *
 * name(...)    an op with exactly these operands; order is free for commutative ops
 * L:name(...)  the same, remembered as op L (one capital letter)
 * x            any value; the same letter is the same value
 * ?e           a constant whose elements are all equal, remembered as number e
 * 0.5          such a constant of about that value
 *
 * mul and add take any number of operands and match trees of products or sums in any association:
 * constants of the tree combine into one, x / c counts as x * (1 / c), -x as x * -1.
 */
#ifndef HMLC_MATCH_H
#define HMLC_MATCH_H

#include "rewrite.h"

typedef struct hmlc_pattern hmlc_pattern;

enum { HMLC_MATCH_MAX_OPS = 48 };

typedef struct hmlc_match {
    hmlc_value *values[26]; /* by letter: values['x' - 'a'] */
    double numbers[26];
    hmlc_op *named[26];               /* by capital letter */
    hmlc_op *ops[HMLC_MATCH_MAX_OPS]; /* all ops of the match, the root first */
    uint32_t op_count;
} hmlc_match;

#define HMLC_MATCHED_VALUE(match, letter)  ((match)->values[(letter) - 'a'])
#define HMLC_MATCHED_NUMBER(match, letter) ((match)->numbers[(letter) - 'a'])
#define HMLC_MATCHED_OP(match, letter)     ((match)->named[(letter) - 'A'])

/* A compiler_defect of the module where the text is not a pattern. Lives in the arena. */
hmlc_status hmlc_pattern_compile(hmlc_module *module, hmlc_arena *arena, const char *text,
                                 const hmlc_pattern **pattern) HMLC_MUST_USE;

/* Could the pattern's root be an op of that opcode? */
bool hmlc_pattern_starts_at(const hmlc_pattern *pattern, hmlc_opcode opcode);

/*
 * Matches with `op` as root. True only where no op of the match but the root is used from outside
 * it, so that replacing the root makes all of it dead.
 */
bool hmlc_pattern_match(const hmlc_pattern *pattern, hmlc_op *op, hmlc_match *match);

/* The joined location of all ops of the match, operands before users. */
const hmlc_location *hmlc_match_location(hmlc_arena *arena, const hmlc_match *match);

#endif
