/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the operator harness knows of operators: for each a few rows of text that say which operands
 * and attributes it may get. Elementwise ops, reductions and ops over whole rows need no row: their
 * traits and attributes say it.
 */
#ifndef OPERATOR_ROW_H
#define OPERATOR_ROW_H

#include <hmlc/ir.h>

/*
 * operands: types separated by ';', those behind '/' are arguments that no op takes (their dims are
 * parameters). A type is a letter and dims: T the case's element type, S a second one, N any
 * integer type, I indices, L i64, F f32 or f64, B bool, W i8, U is T without NaN and infinities;
 * '=' before it: a constant; '_': none. A dim is a number or a letter: letter x of operand 2 is the
 * symbol x2, and runs give symbols of one letter mostly the same value. attrs: the text of .hir
 * files. $T, $S and $N are the chosen element types. Everywhere {one|another|} chooses at random.
 */
typedef enum operator_flags {
    OPERATOR_BROADCASTS = 1, /* dims may also be 1 */
    OPERATOR_SUMS = 2,       /* floats add up: no magnitudes whose order of addition matters */
    OPERATOR_REAL = 8,       /* 64-bit integers are weighed as f64: only small ones */
    OPERATOR_MOVES = 4,      /* results are operands' elements: every bit counts */
} operator_flags;

typedef struct operator_row {
    hmlc_opcode opcode;
    const char *operands, *attrs;
    unsigned flags;
} operator_row;

/* Ops without rows and traits that say enough, and who tests them instead. */
typedef struct operator_exception {
    hmlc_opcode opcode;
    const char *reason;
} operator_exception;

extern const operator_row operator_rows[]; /* ends with operands NULL */
extern const operator_exception operator_exceptions[];
extern const uint32_t operator_exception_count;

/* The text of one case, choices made. */
typedef struct operator_text {
    char operands[256], attrs[1024];
    unsigned flags;
} operator_text;

/* One of the op's rows, or what its traits say. False: there is neither. */
bool operator_text_make(hmlc_opcode opcode, uint64_t *random, operator_text *text);
/* Whether the op has rows, or traits that say enough. */
bool operator_is_covered(hmlc_opcode opcode);
const char *operator_exception_reason(hmlc_opcode opcode); /* NULL: none */

#endif
