/* SPDX-License-Identifier: Apache-2.0 */
/* The recognize pass: tries each row's pattern at each op, operands before users. */
#include "recognize.h"

typedef struct compiled_row {
    const hmlc_pattern *pattern;
    hmlc_recognizer build;
} compiled_row;

typedef struct compiled_rows {
    compiled_row *rows;
    uint32_t count;
} compiled_rows;

static hmlc_status recognize_op(hmlc_rewriter *rewriter, hmlc_op *op)
{
    const compiled_rows *table = hmlc_rewrite_user(rewriter);
    hmlc_dtype dtype = op->results[0]->type->dtype;
    if (dtype != HMLC_DTYPE_f32 && dtype != HMLC_DTYPE_f64) {
        /* integers write max(x, a * x), too; half-width floats round after each step, which one op
         * would not */
        return HMLC_OK;
    }
    hmlc_match match;
    for (uint32_t i = 0; i < table->count; i++) {
        const compiled_row *row = &table->rows[i];
        if (!hmlc_pattern_starts_at(row->pattern, op->opcode) ||
            !hmlc_pattern_match(row->pattern, op, &match)) {
            continue;
        }
        hmlc_builder builder = hmlc_rewrite_builder(op);
        builder.location = hmlc_match_location(builder.module->arena, &match);
        hmlc_value *result = NULL;
        HMLC_TRY(row->build(&builder, &match, &result));
        if (result != NULL) {
            return hmlc_rewrite_replace(rewriter, op, result);
        }
    }
    return HMLC_OK;
}

static hmlc_status compile(hmlc_module *module, hmlc_arena *arena, const hmlc_recognitions *set,
                           compiled_row *rows)
{
    for (uint32_t i = 0; i < set->count; i++) {
        rows[i].build = set->rows[i].build;
        HMLC_TRY(hmlc_pattern_compile(module, arena, set->rows[i].pattern, &rows[i].pattern));
    }
    return HMLC_OK;
}

hmlc_status hmlc_pass_recognize(hmlc_pass_context *context)
{
    static const hmlc_rewrite_rule rules[] = {
        {HMLC_OP_COUNT, HMLC_TRAIT_ELEMENTWISE, recognize_op},
        {HMLC_OP_COUNT, HMLC_TRAIT_REDUCTION, recognize_op},
    };
    const hmlc_recognitions *sets[] = {&hmlc_recognize_activations, &hmlc_recognize_norms,
                                       &hmlc_recognize_softmax};
    enum { SETS = sizeof(sets) / sizeof(sets[0]) };
    compiled_rows table = {0};
    uint32_t capacity = 0;
    for (uint32_t i = 0; i < SETS; i++) {
        capacity += sets[i]->count;
    }
    table.rows = HMLC_NEW_ARRAY(context->scratch, compiled_row, capacity);
    HMLC_TRY_MEMORY(table.rows);
    for (uint32_t i = 0; i < SETS; i++) {
        HMLC_TRY(compile(context->module, context->scratch, sets[i], table.rows + table.count));
        table.count += sets[i]->count;
    }
    const hmlc_rewrite_rules rule_sets[] = {HMLC_RULES(rules)};
    return hmlc_rewrite_run(context, rule_sets, 1, &table);
}
