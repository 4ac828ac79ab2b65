/* SPDX-License-Identifier: Apache-2.0 */
#include "seen_inputs.h"

#include <string.h>

enum {
    MOST_DEPTH = 8 << 10,
    MOST_ROWS = 8 << 10, /* of all samples: more do not change the sums' directions */
    FEW = 8              /* samples that are not divided into those to choose by and to judge by */
};

static const double MOST_BYTES = 1 << 30;

/* -- groups ------------------------------------------------------------------------------------ */

/* The values that products with the constant read; false where one cannot be seen. */
static bool inputs_of(const hmlc_value *constant, uint32_t *ids, uint32_t *count)
{
    *count = 0;
    for (const hmlc_use *use = constant->uses; use != NULL; use = use->next) {
        const hmlc_op *op = use->op;
        if (op->opcode != HMLC_OP_matmul || op->parent->parent != NULL ||
            hmlc_op_int(op, HMLC_ATTR_transpose_a) != 0) {
            return false;
        }
        ids[(*count)++] = hmlc_op_operand(op, 0)->id;
    }
    return *count > 0;
}

static uint32_t use_count(const hmlc_value *value)
{
    uint32_t count = 0;
    for (const hmlc_use *use = value->uses; use != NULL; use = use->next) {
        count++;
    }
    return count;
}

typedef struct listing {
    hmlc_seen_inputs *seen;
    uint32_t *ids; /* of the collector */
    uint32_t id_count;
} listing;

static uint32_t place_of_id(listing *l, uint32_t id)
{
    for (uint32_t i = 0; i < l->id_count; i++) {
        if (l->ids[i] == id) {
            return i;
        }
    }
    l->ids[l->id_count] = id;
    return l->id_count++;
}

static hmlc_seen_group *group_with(const hmlc_seen_inputs *seen, const uint32_t *values,
                                   uint32_t count)
{
    for (uint32_t i = 0; i < seen->group_count; i++) {
        hmlc_seen_group *group = &seen->groups[i];
        if (group->value_count == count &&
            memcmp(group->values, values, count * sizeof *values) == 0) {
            return group;
        }
    }
    return NULL;
}

static int64_t depth_of(const hmlc_value *constant)
{
    const hmlc_op *op = constant->uses->op;
    int32_t axis = hmlc_op_int(op, HMLC_ATTR_transpose_b) != 0 ? 1 : 0;
    return hmlc_value_constant(constant)->dims[axis];
}

static hmlc_status list_constant(listing *l, hmlc_value *constant, uint32_t most)
{
    hmlc_seen_inputs *seen = l->seen;
    uint32_t count = 0;
    uint32_t *values = HMLC_NEW_ARRAY(seen->arena, uint32_t, use_count(constant) + 1);
    HMLC_TRY_MEMORY(values);
    if (!inputs_of(constant, values, &count) || depth_of(constant) > MOST_DEPTH) {
        return HMLC_OK;
    }
    for (uint32_t i = 0; i < count; i++) {
        values[i] = place_of_id(l, values[i]);
    }
    hmlc_seen_group *group = group_with(seen, values, count);
    if (group == NULL) {
        group = &seen->groups[seen->group_count++];
        *group = (hmlc_seen_group){.values = values,
                                   .value_count = count,
                                   .depth = depth_of(constant),
                                   .constants = HMLC_NEW_ARRAY(seen->arena, hmlc_value *, most)};
        HMLC_TRY_MEMORY(group->constants);
    }
    group->constants[group->constant_count++] = constant;
    return HMLC_OK;
}

hmlc_status hmlc_seen_create(const hmlc_module *module, const hmlc_runner *runner,
                             hmlc_value **constants, uint32_t count, hmlc_seen_inputs *seen)
{
    *seen = (hmlc_seen_inputs){.runner = runner, .arena = hmlc_arena_create(NULL)};
    HMLC_TRY_MEMORY(seen->arena);
    listing l = {.seen = seen,
                 .ids = HMLC_NEW_ARRAY(seen->arena, uint32_t, module->value_count + 1)};
    seen->groups = HMLC_NEW_ARRAY(seen->arena, hmlc_seen_group, count + 1);
    HMLC_TRY_MEMORY(l.ids);
    HMLC_TRY_MEMORY(seen->groups);
    for (uint32_t i = 0; i < count; i++) {
        HMLC_TRY(list_constant(&l, constants[i], count));
    }
    return hmlc_collector_create(module, runner, l.ids, l.id_count, &seen->collector);
}

void hmlc_seen_drop(hmlc_seen_group *group)
{
    hmlc_moments_release(&group->fit);
    hmlc_moments_release(&group->held);
}

void hmlc_seen_release(hmlc_seen_inputs *seen)
{
    for (uint32_t i = 0; i < seen->group_count; i++) {
        hmlc_seen_drop(&seen->groups[i]);
    }
    hmlc_collector_release(&seen->collector);
    hmlc_arena_destroy(seen->arena);
}

/* -- samples ----------------------------------------------------------------------------------- */

/* Rows of a value, as many as a sample may give, spread over it. */
static void add_value(hmlc_moments *moments, const hmlc_tensor *value, int64_t most)
{
    const float *rows = value->data;
    int64_t count = moments->depth > 0 ? hmlc_tensor_count(value) / moments->depth : 0;
    if (count <= most) {
        hmlc_moments_add(moments, rows, count);
        return;
    }
    for (int64_t i = 0; i < most; i++) {
        hmlc_moments_add(moments, rows + i * count / most * moments->depth, 1);
    }
}

static void add_sample(hmlc_seen_inputs *seen, uint32_t first, uint32_t last, uint32_t sample)
{
    uint32_t count = seen->runner->sample_count;
    bool divided = count >= FEW;
    int64_t most = (MOST_ROWS + count - 1) / count;
    for (uint32_t i = first; i < last; i++) {
        hmlc_seen_group *group = &seen->groups[i];
        for (uint32_t k = 0; k < group->value_count; k++) {
            const hmlc_tensor *value = hmlc_collector_value(&seen->collector, group->values[k]);
            if (!divided || sample % 2 == 0) {
                add_value(&group->fit, value, most);
            }
            if (!divided || sample % 2 == 1) {
                add_value(&group->held, value, most);
            }
        }
    }
}

hmlc_status hmlc_seen_fill(hmlc_seen_inputs *seen, uint32_t first, uint32_t *last)
{
    const hmlc_runner *runner = seen->runner;
    double bytes = 0;
    for (*last = first; *last < seen->group_count; (*last)++) {
        hmlc_seen_group *group = &seen->groups[*last];
        bytes += 2.0 * sizeof(double) * (double)group->depth * (double)group->depth;
        if (*last > first && bytes > MOST_BYTES) {
            break;
        }
        HMLC_TRY(hmlc_moments_create(group->depth, &group->fit));
        HMLC_TRY(hmlc_moments_create(group->depth, &group->held));
    }
    for (uint32_t i = 0; i < runner->sample_count; i++) {
        HMLC_TRY(runner->progress != NULL
                     ? runner->progress(runner->context, "inputs", i, runner->sample_count)
                     : HMLC_OK);
        uint64_t hash;
        HMLC_TRY(hmlc_collector_read(&seen->collector, i, &hash));
        HMLC_TRY(hmlc_collector_run(&seen->collector));
        add_sample(seen, first, *last, i);
    }
    return runner->progress != NULL ? runner->progress(runner->context, "inputs",
                                                       runner->sample_count, runner->sample_count)
                                    : HMLC_OK;
}
