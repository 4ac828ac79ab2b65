/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rewriting by rules: a worklist visits every op of a module (regions included); each rule that
 * wants the op's opcode may replace it. Whatever a replacement touches is visited again, so a rule
 * only looks at one op and what feeds it. Linear in the number of rewrites.
 */
#ifndef HMLC_REWRITE_H
#define HMLC_REWRITE_H

#include "pass.h"

typedef struct hmlc_rewriter hmlc_rewriter;

/*
 * Looks at `op` and either does nothing, or makes new ops with hmlc_rewrite_builder and ends in one
 * of hmlc_rewrite_replace, hmlc_rewrite_erase or hmlc_rewrite_changed. New ops that end up unused
 * are removed again. Only a failure of the compiler itself is an error.
 */
typedef hmlc_status (*hmlc_rewrite_function)(hmlc_rewriter *rewriter, hmlc_op *op);

/* The rule applies to ops of `opcode`, or, where that is HMLC_OP_COUNT, to ops with one of
 * `traits`. */
typedef struct hmlc_rewrite_rule {
    hmlc_opcode opcode;
    uint32_t traits;
    hmlc_rewrite_function apply;
} hmlc_rewrite_rule;

typedef struct hmlc_rewrite_rules {
    const hmlc_rewrite_rule *rules;
    uint32_t count;
} hmlc_rewrite_rules;

#define HMLC_RULES(array) {(array), sizeof(array) / sizeof((array)[0])}

/* Runs the rule sets, all together, until nothing changes. `user` is what hmlc_rewrite_user gives.
 */
hmlc_status hmlc_rewrite_run(hmlc_pass_context *context, const hmlc_rewrite_rules *sets,
                             uint32_t set_count, void *user) HMLC_MUST_USE;

hmlc_module *hmlc_rewrite_module(const hmlc_rewriter *rewriter);
hmlc_arena *hmlc_rewrite_scratch(const hmlc_rewriter *rewriter); /* lives as long as the pass */
void *hmlc_rewrite_user(const hmlc_rewriter *rewriter);

/* New ops go before `op` and take its location. */
hmlc_builder hmlc_rewrite_builder(const hmlc_op *op);

/*
 * Replaces result 0 of `op` by `value` and erases op with all that only it used. Where the types
 * differ or another result is used nothing happens: a rule need not check that. A nameless value
 * takes the name.
 */
hmlc_status hmlc_rewrite_replace(hmlc_rewriter *rewriter, hmlc_op *op,
                                 hmlc_value *value) HMLC_MUST_USE;
/* As above for all results of an op with several; nothing happens where one type differs. */
hmlc_status hmlc_rewrite_replace_all(hmlc_rewriter *rewriter, hmlc_op *op,
                                     hmlc_value *const *values) HMLC_MUST_USE;
/* Replaces `op` by a new op of that opcode, operands and attributes. */
hmlc_status hmlc_rewrite_replace_op(hmlc_rewriter *rewriter, hmlc_op *op, hmlc_opcode opcode,
                                    hmlc_value *const *operands, uint32_t operand_count,
                                    const hmlc_attr *attrs, uint32_t attr_count) HMLC_MUST_USE;
/* Exchanges one operand in place; the op's result types must not depend on the difference. */
hmlc_status hmlc_rewrite_set_operand(hmlc_rewriter *rewriter, hmlc_op *op, uint32_t index,
                                     hmlc_value *value) HMLC_MUST_USE;
/* The op was changed in place, or lost its last use: visit it and its users again. */
hmlc_status hmlc_rewrite_changed(hmlc_rewriter *rewriter, hmlc_op *op) HMLC_MUST_USE;
/* Erases an op whose results are unused, and all that only it used. */
hmlc_status hmlc_rewrite_erase(hmlc_rewriter *rewriter, hmlc_op *op) HMLC_MUST_USE;
hmlc_status hmlc_rewrite_push(hmlc_rewriter *rewriter, hmlc_op *op) HMLC_MUST_USE;

#endif
