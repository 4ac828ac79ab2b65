/* SPDX-License-Identifier: Apache-2.0 */
/* Rules for reductions and whole-row ops. */
#include <math.h>

#include "maker.h"

/* Random axes, none of them possibly empty; the largest number of elements that they hold. */
static uint32_t choose_axes(maker *m, const hmlc_type *type, int64_t *axes, double *elements)
{
    uint32_t count = 0;
    *elements = 1;
    bool suffix = maker_chance(m, 60);
    uint32_t from = maker_pick(m, (uint32_t)type->rank);
    for (uint32_t i = 0; i < (uint32_t)type->rank; i++) {
        bool chosen = suffix ? i >= from : i == from || maker_chance(m, 35);
        if (chosen && type->dims[i]->minimum > 0) {
            axes[count++] = i;
            *elements *= (double)type->dims[i]->maximum;
        }
    }
    return count;
}

static maker_value sum_facts(const maker_value *x, double elements)
{
    double bound = x->bound * elements;
    bool exact = x->grid >= 0 && bound * ldexp(1, x->grid) < 8e6;
    return maker_facts(bound, x->error * elements + (exact ? 0 : bound * MAKER_EPSILON),
                       exact ? x->grid : -1);
}

static void make_reduce(maker *m)
{
    static const hmlc_opcode opcodes[] = {HMLC_OP_reduce_sum,  HMLC_OP_reduce_sum,
                                          HMLC_OP_reduce_mean, HMLC_OP_reduce_max,
                                          HMLC_OP_reduce_min,  HMLC_OP_reduce_prod};
    const maker_value *x = maker_any(m, maker_is_number);
    if (x == NULL || !maker_is_tensor(x)) {
        return;
    }
    int64_t axes[HMLC_MAX_RANK];
    double elements = 1;
    uint32_t count = choose_axes(m, x->value->type, axes, &elements);
    hmlc_opcode opcode = opcodes[maker_pick(m, 6)];
    bool is_float = maker_is_float(x);
    if (count == 0 || (is_float && opcode == HMLC_OP_reduce_prod) ||
        (!is_float && opcode == HMLC_OP_reduce_mean)) {
        return;
    }
    maker_value facts = maker_facts(x->bound, x->error, x->grid);
    if (opcode == HMLC_OP_reduce_sum) {
        facts = sum_facts(x, elements);
    } else if (opcode == HMLC_OP_reduce_mean) {
        facts = maker_facts(x->bound, x->error + x->bound * MAKER_EPSILON * 4, -1);
    }
    hmlc_attr attrs[] = {hmlc_attr_ints(HMLC_ATTR_axes, axes, count),
                         hmlc_attr_int(HMLC_ATTR_keep_dims, maker_pick(m, 2))};
    hmlc_value *operand = x->value;
    (void)maker_op(m, opcode, &operand, 1, attrs, 2, facts);
}

static void make_arg_reduce(maker *m)
{
    const maker_value *x = maker_any(m, maker_is_number);
    if (x == NULL || !maker_is_tensor(x) || (maker_is_float(x) && x->error != 0)) {
        return;
    }
    const hmlc_type *type = x->value->type;
    uint32_t axis = maker_pick(m, (uint32_t)type->rank);
    if (type->dims[axis]->minimum == 0) {
        return;
    }
    hmlc_attr attrs[] = {hmlc_attr_int(HMLC_ATTR_axis, axis),
                         hmlc_attr_int(HMLC_ATTR_keep_dims, maker_pick(m, 2)),
                         hmlc_attr_int(HMLC_ATTR_select_last, maker_pick(m, 2))};
    hmlc_value *operand = x->value;
    (void)maker_op(m, maker_chance(m, 50) ? HMLC_OP_arg_max : HMLC_OP_arg_min, &operand, 1, attrs,
                   3, MAKER_NO_FACTS);
}

static void make_softmax(maker *m)
{
    const maker_value *x = maker_any(m, maker_is_float);
    x = x == NULL || !maker_is_tensor(x) ? NULL : maker_scaled(m, x, 16);
    if (x == NULL) {
        return;
    }
    int64_t axes[HMLC_MAX_RANK];
    double elements = 1;
    uint32_t count = choose_axes(m, x->value->type, axes, &elements);
    if (count == 0) {
        return;
    }
    bool logarithm = maker_chance(m, 30);
    hmlc_attr attr = hmlc_attr_ints(HMLC_ATTR_axes, axes, count);
    hmlc_value *operand = x->value;
    double bound = logarithm ? 48 : 1;
    (void)maker_op(m, logarithm ? HMLC_OP_log_softmax : HMLC_OP_softmax, &operand, 1, &attr, 1,
                   maker_facts(bound, 2 * x->error + bound * 4 * MAKER_EPSILON, -1));
}

static void make_norm(maker *m)
{
    const maker_value *x = maker_any(m, maker_is_float);
    x = x == NULL || !maker_is_tensor(x) ? NULL : maker_scaled(m, x, 4);
    if (x == NULL) {
        return;
    }
    maker_value kept = *x;
    const hmlc_type *type = kept.value->type;
    int64_t axes[HMLC_MAX_RANK], dims[HMLC_MAX_RANK];
    double elements = 1;
    uint32_t count = choose_axes(m, type, axes, &elements);
    bool layer = maker_chance(m, 65);
    hmlc_value *operands[3] = {kept.value, NULL, NULL};
    uint32_t operand_count = 1;
    int64_t last = maker_static(type->dims[type->rank - 1]);
    dims[0] = last;
    for (uint32_t most = last < 0 ? 1 : 1 + maker_pick(m, layer ? 3 : 2); operand_count < most;) {
        const maker_value *weight = maker_constant(m, HMLC_DTYPE_f32, 1, dims, 0, 0);
        if (weight == NULL) {
            return;
        }
        operands[operand_count++] = weight->value;
    }
    if (count == 0) {
        return;
    }
    hmlc_attr attrs[] = {hmlc_attr_ints(HMLC_ATTR_axes, axes, count),
                         hmlc_attr_float(HMLC_ATTR_epsilon, 0.125)};
    double bound = fmin(sqrt(elements), 2 * kept.bound / sqrt(0.125)) + 1;
    (void)maker_op(m, layer ? HMLC_OP_layer_norm : HMLC_OP_rms_norm, operands, operand_count, attrs,
                   2, maker_facts(bound, 40 * kept.error + 100 * MAKER_EPSILON, -1));
}

static void make_cumsum(maker *m)
{
    const maker_value *x = maker_any(m, maker_is_number);
    if (x == NULL || !maker_is_tensor(x)) {
        return;
    }
    const hmlc_type *type = x->value->type;
    uint32_t axis = maker_pick(m, (uint32_t)type->rank);
    hmlc_attr attrs[] = {hmlc_attr_int(HMLC_ATTR_axis, axis),
                         hmlc_attr_int(HMLC_ATTR_exclusive, maker_pick(m, 2)),
                         hmlc_attr_int(HMLC_ATTR_reverse, maker_pick(m, 2))};
    hmlc_value *operand = x->value;
    (void)maker_op(m, HMLC_OP_cumsum, &operand, 1, attrs, 3,
                   sum_facts(x, (double)type->dims[axis]->maximum));
}

/* The values of a top_k; ties make the indices of its second result worth comparing. */
static void make_top_k(maker *m)
{
    const maker_value *x = maker_any(m, maker_is_number);
    if (x == NULL || !maker_is_tensor(x) || (maker_is_float(x) && x->error != 0) ||
        m->count > MAKER_POOL - 4) {
        return;
    }
    maker_value kept = *x;
    const hmlc_type *type = kept.value->type;
    uint32_t axis = maker_pick(m, (uint32_t)type->rank);
    int64_t room = type->dims[axis]->minimum;
    if (room == 0) {
        return;
    }
    hmlc_dim k = maker_dim(m, 1 + maker_pick(m, (uint32_t)(room < 5 ? room : 5)));
    hmlc_attr attrs[] = {hmlc_attr_int(HMLC_ATTR_axis, axis),
                         hmlc_attr_dims(HMLC_ATTR_count, &k, 1),
                         hmlc_attr_int(HMLC_ATTR_largest, maker_pick(m, 2))};
    const maker_value *values = maker_op(m, HMLC_OP_top_k, &kept.value, 1, attrs, 3,
                                         maker_facts(kept.bound, kept.error, kept.grid));
    if (values != NULL) {
        m->pool[m->count++] = (maker_value){.value = values->value->producer->results[1]};
    }
}

static void make_one_hot(maker *m)
{
    const maker_value *x = maker_any(m, maker_is_integer);
    if (x == NULL || x->value->type->rank > 4) {
        return;
    }
    maker_value kept = *x;
    int64_t two = 2;
    const maker_value *values = maker_constant(m, HMLC_DTYPE_f32, 1, &two, 0, 0);
    if (values != NULL) {
        hmlc_dim depth = maker_dim(m, 1 + maker_pick(m, 9));
        hmlc_attr attrs[] = {
            hmlc_attr_int(HMLC_ATTR_axis, maker_pick(m, (uint32_t)kept.value->type->rank + 1)),
            hmlc_attr_dims(HMLC_ATTR_depth, &depth, 1)};
        hmlc_value *operands[] = {kept.value, values->value};
        (void)maker_op(m, HMLC_OP_one_hot, operands, 2, attrs, 2, maker_facts(1, 0, 3));
    }
}

const maker_rule maker_row_rules[] = {
    {"top_k", 2, make_top_k},     {"one_hot", 2, make_one_hot},
    {"reduce", 12, make_reduce},  {"arg_reduce", 3, make_arg_reduce},
    {"softmax", 6, make_softmax}, {"norm", 6, make_norm},
    {"cumsum", 2, make_cumsum},   {NULL, 0, NULL},
};
