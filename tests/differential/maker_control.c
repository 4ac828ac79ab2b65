/* SPDX-License-Identifier: Apache-2.0 */
/* `if` and `loop` with captured values: branches and bodies make one type in different ways. */
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

static maker_value worst(const maker_value *a, const maker_value *b)
{
    return (maker_value){.bound = a->bound > b->bound ? a->bound : b->bound,
                         .error = a->error > b->error ? a->error : b->error,
                         .grid = a->grid < 0 || b->grid < 0 ? -1
                                 : a->grid > b->grid        ? a->grid
                                                            : b->grid};
}

/* The body hands its second value on to the first, makes the second anew, and a row. */
static hmlc_region *loop_body(maker *m, const maker_value *x, maker_value facts[2])
{
    hmlc_region *region = hmlc_region_create_branch(m->module);
    hmlc_builder outer = m->builder;
    uint32_t visible = m->count;
    const hmlc_type *number = hmlc_type_tensor(m->module->arena, HMLC_DTYPE_i64, 0, NULL);
    const hmlc_type *flag = hmlc_type_tensor(m->module->arena, HMLC_DTYPE_bool, 0, NULL);
    if (region == NULL || number == NULL || flag == NULL) {
        m->broken = true;
        return NULL;
    }
    const hmlc_type *types[] = {number, flag, x->value->type, x->value->type};
    hmlc_value *arguments[4] = {NULL};
    for (int i = 0; i < 4; i++) {
        arguments[i] = hmlc_region_add_argument(region, types[i], NULL);
        m->broken = m->broken || arguments[i] == NULL;
    }
    m->builder = hmlc_builder_at_end(region);
    for (int k = 0; k < 2; k++) {
        facts[k] = *x;
        for (uint32_t i = maker_pick(m, 3); i > 0; i--) {
            const maker_value *next = maker_unary(m, &facts[k]);
            if (next != NULL && hmlc_type_equal(next->value->type, x->value->type)) {
                facts[k] = *next;
            }
        }
    }
    m->count = visible;
    hmlc_value *go = NULL;
    m->broken = m->broken || hmlc_build_scalar(&m->builder, HMLC_DTYPE_bool, 1, &go) != HMLC_OK;
    hmlc_value *yields[] = {go, arguments[3], facts[0].value, facts[1].value};
    m->broken = m->broken || hmlc_build_yield(&m->builder, yields, 4) != HMLC_OK;
    m->builder = outer;
    return region;
}

/* Each result is one of the values before, or of those that the body makes. */
static void make_loop(maker *m)
{
    const maker_value *any = maker_any(m, maker_is_float);
    if (any == NULL || m->count > MAKER_POOL - 20 || any->value->type->rank >= HMLC_MAX_RANK) {
        return;
    }
    maker_value x = *any, facts[2];
    const maker_value *trips = maker_scalar(m, HMLC_DTYPE_i64, (double)(1 + maker_pick(m, 3)));
    if (trips == NULL) {
        return;
    }
    hmlc_value *operands[] = {trips->value, NULL, x.value, x.value};
    hmlc_region *body = loop_body(m, &x, facts);
    hmlc_op *op = NULL;
    if (m->broken || hmlc_op_create_with_regions(&m->builder, HMLC_OP_loop, operands, 4, NULL, 0,
                                                 &body, 1, &op) != HMLC_OK) {
        m->broken = true;
        return;
    }
    for (uint32_t k = 0; k < 3; k++) {
        maker_value result = k < 2 ? worst(&x, &facts[0]) : facts[1];
        result.value = op->results[k];
        m->pool[m->count++] = result;
    }
}

const maker_rule maker_control_rules[] = {
    {"if", 4, make_if}, {"loop", 4, make_loop}, {NULL, 0, NULL}};
