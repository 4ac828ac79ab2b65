/* SPDX-License-Identifier: Apache-2.0 */
/* `if` with captured values: both branches make the same type in different ways. */
#include "maker.h"

/* A bool scalar that inputs decide: less(element 0 of x, constant). */
static hmlc_value *condition(maker *m)
{
    const maker_value *x = maker_any(m, maker_is_float);
    if (x == NULL || x->error != 0 || x->value->type->rank == 0) {
        return NULL;
    }
    int64_t axes[HMLC_MAX_RANK];
    for (int32_t i = 0; i < x->value->type->rank; i++) {
        axes[i] = i;
        if (x->value->type->dims[i]->minimum == 0) {
            return NULL;
        }
    }
    hmlc_attr attrs[] = {hmlc_attr_ints(HMLC_ATTR_axes, axes, (uint32_t)x->value->type->rank),
                         hmlc_attr_int(HMLC_ATTR_keep_dims, 0)};
    hmlc_value *operand = x->value;
    const maker_value *largest =
        maker_op(m, HMLC_OP_reduce_max, &operand, 1, attrs, 2, maker_facts(x->bound, 0, x->grid));
    const maker_value *limit = maker_scalar(m, HMLC_DTYPE_f32, (double)maker_pick(m, 9) / 4);
    if (largest == NULL || limit == NULL) {
        return NULL;
    }
    hmlc_value *operands[] = {largest->value, limit->value};
    const maker_value *less = maker_op(m, HMLC_OP_less, operands, 2, NULL, 0, MAKER_NO_FACTS);
    return less != NULL ? less->value : NULL;
}

/* A branch: some ops on captured values, then a yield of something of x's type. */
static hmlc_region *branch(maker *m, const maker_value *x, maker_value *facts)
{
    hmlc_region *region = hmlc_region_create(m->module, NULL);
    if (region == NULL) {
        m->broken = true;
        return NULL;
    }
    hmlc_builder outer = m->builder;
    uint32_t visible = m->count;
    m->builder = hmlc_builder_at_end(region);
    *facts = *x;
    for (uint32_t i = maker_pick(m, 4); i > 0; i--) {
        const maker_value *next = maker_unary(m, facts);
        if (next != NULL && hmlc_type_equal(next->value->type, x->value->type)) {
            *facts = *next;
        }
    }
    m->count = visible; /* what the branch made is not visible outside */
    if (hmlc_build_yield(&m->builder, &facts->value, 1) != HMLC_OK) {
        m->broken = true;
    }
    m->builder = outer;
    return region;
}

static void make_if(maker *m)
{
    hmlc_value *decides = condition(m);
    const maker_value *x = decides == NULL ? NULL : maker_any(m, maker_is_float);
    if (x == NULL || m->count > MAKER_POOL - 20) {
        return;
    }
    maker_value captured = *x, facts[2];
    hmlc_region *regions[] = {branch(m, &captured, &facts[0]), NULL};
    regions[1] = branch(m, &captured, &facts[1]);
    hmlc_op *op = NULL;
    if (m->broken || hmlc_op_create_with_regions(&m->builder, HMLC_OP_if, &decides, 1, NULL, 0,
                                                 regions, 2, &op) != HMLC_OK) {
        m->broken = true;
        return;
    }
    maker_value result = {
        .value = op->results[0],
        .bound = facts[0].bound > facts[1].bound ? facts[0].bound : facts[1].bound,
        .error = facts[0].error > facts[1].error ? facts[0].error : facts[1].error,
        .grid = facts[0].grid < 0 || facts[1].grid < 0 ? -1
                : facts[0].grid > facts[1].grid        ? facts[0].grid
                                                       : facts[1].grid};
    m->pool[m->count++] = result;
}

const maker_rule maker_control_rules[] = {{"if", 4, make_if}, {NULL, 0, NULL}};
