/* Planning: which kernels a variant needs, equal ones shared. The tables are built in
 * program_build.c. */
#include "program.h"

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

static hmlc_status find_unique(planner *p, const hmlc_kernel_plan *plan, uint32_t *unique)
{
    hmlc_program *program = p->program;
    const char *key = hmlc_kernel_key(plan, program->arena);
    HMLC_TRY_MEMORY(key);
    uint64_t hash = XXH3_64bits(key, strlen(key));
    uint32_t at = (uint32_t)(hash & (p->capacity - 1));
    for (; p->table[at].unique != 0; at = (at + 1) & (p->capacity - 1)) {
        const hmlc_unique_kernel *known = program->unique.data;
        if (p->table[at].hash == hash && strcmp(known[p->table[at].unique - 1].key, key) == 0) {
            *unique = p->table[at].unique - 1;
            return HMLC_OK;
        }
    }
    *unique = (uint32_t)program->unique.count;
    hmlc_kernel_plan *kept = hmlc_arena_copy(program->arena, plan, sizeof *plan);
    HMLC_TRY_MEMORY(kept);
    hmlc_unique_kernel added = {.key = key, .plan = kept};
    snprintf(added.name, sizeof added.name, "k%u", *unique);
    p->table[at] = (key_entry){hash, *unique + 1};
    return HMLC_APPEND(&program->unique, &added);
}

static hmlc_status plan_kernel(planner *p, const hmlc_op *op)
{
    hmlc_planned_kernel planned = {.op = op};
    hmlc_status status = hmlc_kernel_plan_create(&p->context, op, &planned.plan);
    if (status == HMLC_REFUSED) {
        return HMLC_OK; /* recorded as a diagnostic: the other kernels are still looked at */
    }
    HMLC_TRY(status);
    HMLC_TRY(find_unique(p, &planned.plan, &planned.unique));
    return HMLC_APPEND(&p->program->planned, &planned);
}

static hmlc_status plan_region(planner *p, const hmlc_region *region)
{
    HMLC_FOR_EACH_OP(op, region)
    {
        if (op->opcode == HMLC_OP_kernel) {
            HMLC_TRY(plan_kernel(p, op));
        } else if (op->opcode == HMLC_OP_if) {
            HMLC_TRY(plan_region(p, op->regions[0]));
            HMLC_TRY(plan_region(p, op->regions[1]));
        } else if (op->opcode == HMLC_OP_loop || op->opcode == HMLC_OP_scan) {
            (void)hmlc_error_add(p->program->module->diagnostics, HMLC_ERROR_kernel_unsupported,
                                 op->location, "unroll the loop when the model is exported",
                                 "loops are not compiled yet");
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
    while (p.capacity < 2 * hmlc_region_op_count(module->main, true)) {
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

void hmlc_program_release(hmlc_program *program)
{
    hmlc_growable *tables[] = {&program->planned,   &program->unique,  &program->dims,
                               &program->checks,    &program->buffers, &program->operands,
                               &program->indices,   &program->kernels, &program->steps,
                               &program->locations, &program->strings, &program->output_dims};
    for (size_t k = 0; k < sizeof tables / sizeof tables[0]; k++) {
        hmlc_growable_free(tables[k]);
    }
}
