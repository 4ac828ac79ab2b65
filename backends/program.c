/* SPDX-License-Identifier: Apache-2.0 */
/* Planning: which kernels a variant needs, equal ones shared. The tables are built in
 * program_build.c. */
#include "program.h"

#include "kernel_classes.h"

#include <stdio.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

typedef struct key_entry {
    uint64_t hash;
    uint32_t unique; /* + 1 */
} key_entry;

typedef struct planner {
    hmlc_program *program;
    hmlc_plan_context context;
    key_entry *table; /* open addressing, capacity a power of two above twice the op count */
    uint32_t capacity;
} planner;

/* The table's entry of that key, or the free one where it belongs. */
static key_entry *find_key(const planner *p, const char *key)
{
    const hmlc_unique_kernel *known = p->program->unique.data;
    uint64_t hash = XXH3_64bits(key, strlen(key));
    uint32_t at = (uint32_t)(hash & (p->capacity - 1));
    while (p->table[at].unique != 0 &&
           (p->table[at].hash != hash || strcmp(known[p->table[at].unique - 1].key, key) != 0)) {
        at = (at + 1) & (p->capacity - 1);
    }
    p->table[at].hash = hash;
    return &p->table[at];
}

static hmlc_status add_unique(planner *p, const hmlc_kernel_plan *plan, const char *key,
                              uint32_t unique)
{
    hmlc_unique_kernel added = {.key = hmlc_arena_string(p->program->arena, key),
                                .plan = hmlc_arena_copy(p->program->arena, plan, sizeof *plan)};
    HMLC_TRY_MEMORY(added.key);
    HMLC_TRY_MEMORY(added.plan);
    snprintf(added.name, sizeof added.name, "k%u", unique);
    return HMLC_APPEND(&p->program->unique, &added);
}

/*
 * A kernel with the key of an earlier one keeps nothing of its own: everything that its plan says
 * follows from the key, so that the earlier plan says it too.
 */
static hmlc_status share_plan(planner *p, hmlc_planned_kernel *planned, hmlc_arena_mark mark,
                              const char *key)
{
    HMLC_TRY_MEMORY(key);
    key_entry *entry = find_key(p, key);
    if (entry->unique == 0) {
        entry->unique = (uint32_t)p->program->unique.count + 1;
        planned->unique = entry->unique - 1;
        return add_unique(p, &planned->plan, key, planned->unique);
    }
    const hmlc_unique_kernel *known = p->program->unique.data;
    hmlc_arena_rewind(p->program->arena, mark);
    planned->unique = entry->unique - 1;
    planned->plan = *known[planned->unique].plan;
    planned->plan.kernel = planned->op;
    return HMLC_OK;
}

static hmlc_status plan_kernel(planner *p, const hmlc_op *op)
{
    hmlc_planned_kernel planned = {.op = op};
    hmlc_arena_mark mark = hmlc_arena_get_mark(p->program->arena);
    hmlc_status status = hmlc_kernel_plan_create(&p->context, op, &planned.plan);
    if (status == HMLC_REFUSED) {
        hmlc_arena_rewind(p->program->arena, mark);
        return HMLC_OK; /* recorded as a diagnostic: the other kernels are still looked at */
    }
    HMLC_TRY(status);
    hmlc_arena *scratch = hmlc_arena_create(NULL);
    HMLC_TRY_MEMORY(scratch);
    status = share_plan(p, &planned, mark, hmlc_kernel_key(&planned.plan, scratch));
    hmlc_arena_destroy(scratch);
    HMLC_TRY(status);
    return HMLC_APPEND(&p->program->planned, &planned);
}

static hmlc_status plan_region(planner *p, const hmlc_region *region)
{
    HMLC_FOR_EACH_OP(op, region)
    {
        if (op->opcode == HMLC_OP_kernel) {
            HMLC_TRY(plan_kernel(p, op));
            continue;
        }
        for (uint32_t i = 0; i < op->region_count; i++) {
            HMLC_TRY(plan_region(p, op->regions[i]));
        }
    }
    return HMLC_OK;
}

hmlc_status hmlc_program_plan(hmlc_program *program, hmlc_module *module, const hmlc_target *target,
                              hmlc_arena *arena)
{
    *program = (hmlc_program){.module = module, .arena = arena, .target = target};
    planner p = {.program = program, .context = {module, arena, target}, .capacity = 64};
    uint32_t errors = hmlc_diagnostics_error_count(module->diagnostics);
    uint32_t op_count = hmlc_region_op_count(module->main, true);
    while (p.capacity < 2 * op_count) {
        p.capacity *= 2;
    }
    p.table = HMLC_NEW_ARRAY(arena, key_entry, p.capacity);
    HMLC_TRY_MEMORY(p.table);
    HMLC_TRY(plan_region(&p, module->main));
    if (hmlc_diagnostics_error_count(module->diagnostics) > errors) {
        return hmlc_diagnostics_status(module->diagnostics);
    }
    return hmlc_dims_status(module->dims);
}

/* A key begins with the target's name. */
static const char *key_behind_target(const hmlc_unique_kernel *kernel)
{
    return strchr(kernel->key, '|');
}

bool hmlc_program_is_like(const hmlc_program *a, const hmlc_program *b)
{
    bool like = a->module == b->module && a->unique.count == b->unique.count &&
                a->planned.count == b->planned.count;
    for (size_t k = 0; like && k < a->unique.count; k++) {
        like = strcmp(key_behind_target(&a->unique.data[k]),
                      key_behind_target(&b->unique.data[k])) == 0;
    }
    for (size_t k = 0; like && k < a->planned.count; k++) {
        like = a->planned.data[k].unique == b->planned.data[k].unique;
    }
    return like;
}

void hmlc_program_release(hmlc_program *program)
{
    HMLC_TABLE_FREE(&program->planned);
    HMLC_TABLE_FREE(&program->unique);
    HMLC_TABLE_FREE(&program->dims);
    HMLC_TABLE_FREE(&program->checks);
    HMLC_TABLE_FREE(&program->buffers);
    HMLC_TABLE_FREE(&program->operands);
    HMLC_TABLE_FREE(&program->indices);
    HMLC_TABLE_FREE(&program->kernels);
    HMLC_TABLE_FREE(&program->steps);
    HMLC_TABLE_FREE(&program->locations);
    HMLC_TABLE_FREE(&program->output_dims);
    hmlc_string_table_free(&program->strings);
    hmlc_slots_release(program);
}
