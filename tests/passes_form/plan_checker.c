/* SPDX-License-Identifier: Apache-2.0 */
#include "plan_checker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A value outside kernels, with the bytes and the time it occupies. */
typedef struct span {
    const hmlc_value *value;
    const hmlc_op *maker;
    int64_t begin, end;
    uint32_t first, last;
} span;

typedef struct checker {
    hmlc_module *module;
    const int64_t *symbols;
    plan_report *report;
    span *spans;
    uint32_t *span_of; /* by value id; 0: none, else index + 1 */
    uint32_t count, position;
} checker;

static int64_t evaluate(checker *check, hmlc_dim dim)
{
    int64_t result = 0;
    if (!hmlc_dim_evaluate(dim, check->symbols, &result)) {
        snprintf(check->report->problem, sizeof check->report->problem, "a dim does not evaluate");
    }
    return result;
}

static void complain(checker *check, const span *left, const span *right, const char *text)
{
    char type[96];
    hmlc_type_format(left->value->type, type, sizeof type);
    snprintf(check->report->problem, sizeof check->report->problem,
             "%s: value %u %s [%lld, %lld) at %u..%u and value %u [%lld, %lld) at %u..%u", text,
             left->value->id, type, (long long)left->begin, (long long)left->end, left->first,
             left->last, right->value->id, (long long)right->begin, (long long)right->end,
             right->first, right->last);
}

static void add_value(checker *check, const hmlc_value *value, const hmlc_op *maker)
{
    if (value->storage.kind == HMLC_STORAGE_NONE) {
        span none = {.value = value};
        complain(check, &none, &none, "a value without storage");
        return;
    }
    int64_t bytes = evaluate(check, hmlc_type_count(check->module->dims, value->type)) *
                    (int64_t)hmlc_dtype_bytes(value->type->dtype);
    int64_t begin = evaluate(check, value->storage.offset);
    check->spans[check->count] = (span){.value = value,
                                        .maker = maker,
                                        .begin = begin,
                                        .end = begin + bytes,
                                        .first = check->position,
                                        .last = check->position};
    check->span_of[value->id] = ++check->count;
}

static void walk(checker *check, const hmlc_region *region)
{
    HMLC_FOR_EACH_OP(op, region)
    {
        check->position++;
        for (uint32_t i = 0; i < op->operand_count; i++) {
            const hmlc_value *value = hmlc_op_operand(op, i);
            if (value != NULL && check->span_of[value->id] != 0) {
                check->spans[check->span_of[value->id] - 1].last = check->position;
            }
        }
        for (uint32_t i = 0; i < op->result_count; i++) {
            add_value(check, op->results[i], op);
        }
        for (uint32_t i = 0; op->opcode == HMLC_OP_if && i < op->region_count; i++) {
            walk(check, op->regions[i]);
        }
    }
}

/* Every use of `value` is elementwise over its shape, down to the yield. */
static bool only_elementwise(hmlc_dims *dims, const hmlc_value *value)
{
    for (const hmlc_use *use = value->uses; use != NULL; use = use->next) {
        if (use->op->opcode == HMLC_OP_yield) {
            continue;
        }
        const hmlc_type *type = use->op->results[0]->type;
        bool same = type->rank == value->type->rank;
        for (int32_t i = 0; same && i < type->rank; i++) {
            same = hmlc_dim_known_equal(dims, type->dims[i], value->type->dims[i]);
        }
        if (!same || !hmlc_op_has(use->op, HMLC_TRAIT_ELEMENTWISE) ||
            !only_elementwise(dims, use->op->results[0])) {
            return false;
        }
    }
    return true;
}

/* `result` may lie on `argument`: the only result of a kernel that reads it element by element, for
 * the last time. */
static bool legal_in_place(checker *check, const span *argument, const span *result)
{
    const hmlc_op *kernel = result->maker;
    if (kernel == NULL || kernel->opcode != HMLC_OP_kernel || kernel->result_count != 1 ||
        argument->last != result->first || argument->begin != result->begin ||
        argument->end != result->end || hmlc_op_int(kernel, HMLC_ATTR_form) == HMLC_FORM_PORTABLE ||
        hmlc_op_int(kernel, HMLC_ATTR_form) == HMLC_FORM_RECURRENT) {
        return false;
    }
    HMLC_FOR_EACH_OP(op, kernel->regions[0])
    {
        if (hmlc_op_has(op, HMLC_TRAIT_REDUCTION | HMLC_TRAIT_ROWWISE)) {
            return false;
        }
    }
    bool found = false;
    for (uint32_t i = 0; i < kernel->operand_count; i++) {
        const hmlc_value *value = hmlc_op_operand(kernel, i);
        if (value == argument->value) {
            found = only_elementwise(check->module->dims, kernel->regions[0]->arguments[i]);
        }
    }
    return found;
}

static bool same_place(const hmlc_storage *left, const hmlc_storage *right)
{
    return left->kind == right->kind &&
           (left->kind == HMLC_STORAGE_ARENA || left->index == right->index) &&
           left->kind != HMLC_STORAGE_CONSTANT;
}

static void check_pair(checker *check, const span *left, const span *right)
{
    if (!same_place(&left->value->storage, &right->value->storage) ||
        left->value->storage.root == right->value->storage.root || left->end <= right->begin ||
        right->end <= left->begin || left->last < right->first || right->last < left->first) {
        return;
    }
    if (legal_in_place(check, left, right) || legal_in_place(check, right, left)) {
        check->report->in_place++;
        return;
    }
    complain(check, left, right, "two live values overlap");
}

static void check_bounds(checker *check, const span *one)
{
    if (one->value->storage.kind != HMLC_STORAGE_ARENA) {
        return;
    }
    if (one->begin < 0 || one->end > check->report->arena_bytes) {
        complain(check, one, one, "outside the arena");
    }
    if (one->value->storage.root == one->value && one->begin % 64 != 0) {
        complain(check, one, one, "not aligned");
    }
}

static int by_begin(const void *left, const void *right)
{
    const span *a = *(const span *const *)left, *b = *(const span *const *)right;
    return (a->begin > b->begin) - (a->begin < b->begin);
}

/* Bytes of the union of all arena spans live at `position`. */
static int64_t live_at(const checker *check, uint32_t position, const span **live)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < check->count; i++) {
        const span *one = &check->spans[i];
        if (one->value->storage.kind == HMLC_STORAGE_ARENA && one->first <= position &&
            one->last >= position) {
            live[count++] = one;
        }
    }
    qsort(live, count, sizeof live[0], by_begin);
    int64_t bytes = 0, covered = 0;
    for (uint32_t i = 0; i < count; i++) {
        int64_t begin = live[i]->begin > covered ? live[i]->begin : covered;
        if (live[i]->end > begin) {
            bytes += live[i]->end - begin;
            covered = live[i]->end;
        }
    }
    return bytes;
}

static void check_all(checker *check)
{
    const hmlc_region *main = check->module->main;
    for (uint32_t i = 0; i < main->argument_count; i++) {
        add_value(check, main->arguments[i], NULL);
    }
    walk(check, main);
    check->report->arena_bytes = evaluate(check, check->module->arena_bytes);
    for (uint32_t i = 0; i < check->count; i++) {
        check_bounds(check, &check->spans[i]);
        for (uint32_t k = 0; k < i; k++) {
            check_pair(check, &check->spans[k], &check->spans[i]);
        }
    }
    const span **live = calloc(check->count + 1, sizeof *live);
    for (uint32_t position = 0; live != NULL && position <= check->position; position++) {
        int64_t bytes = live_at(check, position, live);
        check->report->live_bytes =
            bytes > check->report->live_bytes ? bytes : check->report->live_bytes;
    }
    free(live);
}

void plan_check(hmlc_module *module, const int64_t *symbols, plan_report *report)
{
    checker check = {.module = module, .symbols = symbols, .report = report};
    memset(report, 0, sizeof *report);
    check.spans = calloc(module->value_count + 1, sizeof *check.spans);
    check.span_of = calloc(module->value_count + 1, sizeof *check.span_of);
    if (check.spans == NULL || check.span_of == NULL || module->arena_bytes == NULL) {
        snprintf(report->problem, sizeof report->problem, "no plan, or no memory to check it");
    } else {
        check_all(&check);
    }
    free(check.spans);
    free(check.span_of);
}

void plan_check_at_hint(hmlc_module *module, plan_report *report)
{
    uint32_t count = hmlc_symbol_count(module->dims);
    int64_t *symbols = calloc(count + 1, sizeof *symbols);
    for (uint32_t i = 0; symbols != NULL && i < count; i++) {
        symbols[i] = hmlc_dim_hint(hmlc_dim_symbol(module->dims, hmlc_symbol_at(module->dims, i)));
    }
    plan_check(module, symbols, report);
    free(symbols);
}
