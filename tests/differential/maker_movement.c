/* SPDX-License-Identifier: Apache-2.0 */
/* Rules for views, movement and indexed ops: all element types. */
#include "maker.h"

static maker_value moved(const maker_value *x)
{
    return maker_facts(x->bound, x->error, x->grid);
}

static const maker_value *unary_op(maker *m, hmlc_opcode opcode, const maker_value *x,
                                   const hmlc_attr *attrs, uint32_t attr_count)
{
    hmlc_value *operand = x->value;
    return maker_op(m, opcode, &operand, 1, attrs, attr_count, moved(x));
}

/* A reshape that merges two neighbours, splits one dim, adds a 1 or drops one. */
static void make_reshape(maker *m)
{
    const maker_value *x = maker_any(m, maker_is_tensor);
    if (x == NULL || x->value->type->rank > 5) {
        return;
    }
    const hmlc_type *type = x->value->type;
    hmlc_dim dims[HMLC_MAX_RANK];
    uint32_t rank = 0, at = maker_pick(m, (uint32_t)type->rank), kind = maker_pick(m, 3);
    for (uint32_t i = 0; i < (uint32_t)type->rank; i++) {
        int64_t size = maker_static(type->dims[i]);
        if (i == at && kind == 0 && i + 1 < (uint32_t)type->rank) {
            dims[rank++] = hmlc_dim_multiply(m->module->dims, type->dims[i], type->dims[i + 1]);
            i++;
        } else if (i == at && kind == 1 && size > 1) {
            int64_t part = size % 4 == 0 ? 4 : size % 3 == 0 ? 3 : size % 2 == 0 ? 2 : 1;
            dims[rank++] = maker_dim(m, size / part);
            dims[rank++] = maker_dim(m, part);
        } else if (i == at && kind == 2 && size == 1) {
            continue;
        } else {
            dims[rank++] = type->dims[i];
            if (i == at && kind == 2) {
                dims[rank++] = maker_dim(m, 1);
            }
        }
    }
    hmlc_attr shape = hmlc_attr_dims(HMLC_ATTR_shape, dims, rank);
    (void)unary_op(m, HMLC_OP_reshape, x, &shape, 1);
}

static void make_transpose(maker *m)
{
    const maker_value *x = maker_any(m, maker_is_tensor);
    if (x == NULL) {
        return;
    }
    int64_t permutation[HMLC_MAX_RANK];
    uint32_t rank = (uint32_t)x->value->type->rank;
    for (uint32_t i = 0; i < rank; i++) {
        permutation[i] = i;
    }
    for (uint32_t i = rank; i > 1; i--) {
        uint32_t k = maker_pick(m, i);
        int64_t swapped = permutation[i - 1];
        permutation[i - 1] = permutation[k];
        permutation[k] = swapped;
    }
    hmlc_attr attr = hmlc_attr_ints(HMLC_ATTR_permutation, permutation, rank);
    (void)unary_op(m, HMLC_OP_transpose, x, &attr, 1);
}

static void make_expand(maker *m)
{
    const maker_value *x = maker_any(m, NULL);
    const hmlc_type *type = x->value->type;
    if (type->rank > 4) {
        return;
    }
    hmlc_dim dims[HMLC_MAX_RANK];
    uint32_t rank = 0;
    if (maker_chance(m, 50)) {
        dims[rank++] = maker_dim(m, 1 + maker_pick(m, 4));
    }
    for (int32_t i = 0; i < type->rank; i++) {
        bool one = hmlc_dim_is(type->dims[i], 1);
        dims[rank++] = one ? maker_dim(m, 1 + maker_pick(m, 9)) : type->dims[i];
    }
    hmlc_attr shape = hmlc_attr_dims(HMLC_ATTR_shape, dims, rank);
    (void)unary_op(m, HMLC_OP_expand, x, &shape, 1);
}

/* One axis of a slice: all of it, reversed, every other, or (static) a part. */
static void slice_axis(maker *m, hmlc_dim dim, hmlc_dim *start, hmlc_dim *size, hmlc_dim *step)
{
    hmlc_dims *dims = m->module->dims;
    int64_t extent = maker_static(dim), by = 1;
    *start = maker_dim(m, 0);
    *size = dim;
    *step = maker_dim(m, 1);
    uint32_t kind = maker_pick(m, 6);
    if (kind == 0 && dim->minimum > 0) {
        *start = hmlc_dim_add(dims, dim, maker_dim(m, -1));
        *step = maker_dim(m, -1);
    } else if (kind == 1) {
        *size = hmlc_dim_ceildiv(dims, dim, maker_dim(m, 2));
        *step = maker_dim(m, 2);
    } else if (kind <= 3 && extent > 1) {
        int64_t first = maker_pick(m, (uint32_t)extent);
        int64_t most = extent - first;
        by = kind == 3 ? 1 + maker_pick(m, 3) : 1;
        int64_t count = 1 + maker_pick(m, (uint32_t)((most + by - 1) / by));
        *start = maker_dim(m, first);
        *size = maker_dim(m, count);
        *step = maker_dim(m, by);
    } else if (kind == 4 && extent < 0 && dim->minimum > 0) {
        *start = hmlc_dim_add(dims, dim, maker_dim(m, -1)); /* the last one alone */
        *size = maker_dim(m, 1);
    }
}

static void make_slice(maker *m)
{
    const maker_value *x = maker_any(m, maker_is_tensor);
    if (x == NULL) {
        return;
    }
    const hmlc_type *type = x->value->type;
    uint32_t rank = (uint32_t)type->rank;
    hmlc_dim starts[HMLC_MAX_RANK], sizes[HMLC_MAX_RANK], steps[HMLC_MAX_RANK];
    for (uint32_t i = 0; i < rank; i++) {
        slice_axis(m, type->dims[i], &starts[i], &sizes[i], &steps[i]);
    }
    hmlc_attr attrs[] = {hmlc_attr_dims(HMLC_ATTR_starts, starts, rank),
                         hmlc_attr_dims(HMLC_ATTR_sizes, sizes, rank),
                         hmlc_attr_dims(HMLC_ATTR_steps, steps, rank)};
    (void)unary_op(m, HMLC_OP_slice, x, attrs, 3);
}

static bool joins(const hmlc_type *a, const hmlc_type *b, uint32_t axis)
{
    bool fits = a->dtype == b->dtype && a->rank == b->rank;
    for (uint32_t i = 0; fits && i < (uint32_t)a->rank; i++) {
        fits = i == axis || a->dims[i] == b->dims[i];
    }
    return fits;
}

static void make_concat(maker *m)
{
    const maker_value *x = maker_any(m, maker_is_tensor);
    if (x == NULL) {
        return;
    }
    uint32_t axis = maker_pick(m, (uint32_t)x->value->type->rank), count = 1;
    hmlc_value *operands[4] = {x->value};
    maker_value facts = moved(x);
    uint32_t wanted = 2 + maker_pick(m, 3);
    for (int tries = 0; tries < 24 && count < wanted; tries++) {
        const maker_value *other = maker_any(m, NULL);
        if (!joins(x->value->type, other->value->type, axis)) {
            continue;
        }
        facts.bound = facts.bound < other->bound ? other->bound : facts.bound;
        facts.error = facts.error < other->error ? other->error : facts.error;
        facts.grid = facts.grid < 0 || other->grid < 0 ? -1
                     : facts.grid < other->grid        ? other->grid
                                                       : facts.grid;
        operands[count++] = other->value;
    }
    hmlc_attr attr = hmlc_attr_int(HMLC_ATTR_axis, axis);
    (void)maker_op(m, HMLC_OP_concat, operands, count, &attr, 1, facts);
}

static void make_pad(maker *m)
{
    const maker_value *x = maker_any(m, maker_is_tensor);
    if (x == NULL) {
        return;
    }
    maker_value kept = *x;
    const hmlc_type *type = kept.value->type;
    uint32_t rank = (uint32_t)type->rank, mode = maker_chance(m, 60) ? 0 : maker_pick(m, 4);
    hmlc_dim pads[2 * HMLC_MAX_RANK];
    for (uint32_t i = 0; i < 2 * rank; i++) {
        int64_t room = type->dims[i % rank]->minimum;
        int64_t most = mode == HMLC_PAD_CONSTANT ? 3 : room > 4 ? 3 : room - 1;
        int64_t pad = most > 0 && maker_chance(m, 40) ? maker_pick(m, (uint32_t)most + 1) : 0;
        bool cut = mode == HMLC_PAD_CONSTANT && room > 2 && maker_chance(m, 8);
        pads[i] = maker_dim(m, cut ? -1 : pad);
    }
    hmlc_attr attrs[] = {hmlc_attr_dims(HMLC_ATTR_pads, pads, 2 * rank),
                         hmlc_attr_int(HMLC_ATTR_pad_mode, mode)};
    hmlc_value *operands[2] = {kept.value, NULL};
    if (mode == HMLC_PAD_CONSTANT && maker_chance(m, 60)) {
        const maker_value *fill = maker_scalar(m, type->dtype, type->dtype == HMLC_DTYPE_bool);
        operands[1] = fill != NULL ? fill->value : NULL;
    }
    (void)maker_op(m, HMLC_OP_pad, operands, operands[1] != NULL ? 2 : 1, attrs, 2, moved(&kept));
}

static void make_tile(maker *m)
{
    const maker_value *x = maker_any(m, maker_is_tensor);
    if (x == NULL) {
        return;
    }
    const hmlc_type *type = x->value->type;
    hmlc_dim dims[HMLC_MAX_RANK];
    for (int32_t i = 0; i < type->rank; i++) {
        dims[i] = hmlc_dim_multiply(m->module->dims, type->dims[i],
                                    maker_dim(m, maker_chance(m, 60) ? 1 : 2 + maker_pick(m, 2)));
    }
    hmlc_attr shape = hmlc_attr_dims(HMLC_ATTR_shape, dims, (uint32_t)type->rank);
    (void)unary_op(m, HMLC_OP_tile, x, &shape, 1);
}

static bool has_elements(const maker_value *value)
{
    bool some = maker_is_tensor(value);
    for (int32_t i = 0; i < value->value->type->rank; i++) {
        some = some && value->value->type->dims[i]->minimum > 0;
    }
    return some;
}

/* Indices in [-extent, extent), constants or computed from any integers: mod(y, 2 * extent) -
 * extent. */
static const maker_value *indices(maker *m, int64_t extent, int32_t rank, const int64_t *dims)
{
    hmlc_dtype dtype = maker_chance(m, 50) ? HMLC_DTYPE_i64 : HMLC_DTYPE_i32;
    const maker_value *y = maker_any(m, maker_is_integer);
    if (rank > 0 || y == NULL || hmlc_dtype_bits(y->value->type->dtype) < 32 ||
        maker_chance(m, 50)) {
        int64_t shape[2] = {1 + maker_pick(m, 6), 1 + maker_pick(m, 4)};
        rank = dims == NULL ? (int32_t)maker_pick(m, 3) : rank;
        return maker_constant(m, dtype, rank, dims == NULL ? shape : dims, -extent, extent - 1);
    }
    dtype = y->value->type->dtype;
    const maker_value *limit = maker_scalar(m, dtype, (double)(2 * extent));
    const maker_value *low = maker_scalar(m, dtype, (double)extent);
    if (limit == NULL || low == NULL || y->value->type->rank > 2) {
        return NULL;
    }
    hmlc_value *operands[] = {y->value, limit->value};
    const maker_value *rest = maker_op(m, HMLC_OP_mod, operands, 2, NULL, 0, MAKER_NO_FACTS);
    if (rest == NULL) {
        return NULL;
    }
    operands[0] = rest->value;
    operands[1] = low->value;
    return maker_op(m, HMLC_OP_sub, operands, 2, NULL, 0, MAKER_NO_FACTS);
}

static void make_gather(maker *m)
{
    const maker_value *x = maker_any(m, has_elements);
    if (x == NULL) {
        return;
    }
    maker_value kept = *x;
    const hmlc_type *type = kept.value->type;
    uint32_t axis = maker_pick(m, (uint32_t)type->rank);
    const maker_value *index = indices(m, type->dims[axis]->minimum, 0, NULL);
    if (index == NULL) {
        return;
    }
    hmlc_value *operands[] = {kept.value, index->value};
    hmlc_attr attr = hmlc_attr_int(HMLC_ATTR_axis, axis);
    (void)maker_op(m, HMLC_OP_gather, operands, 2, &attr, 1, moved(&kept));
}

static bool is_static(const maker_value *value)
{
    return has_elements(value) && hmlc_type_is_static(value->value->type);
}

/* gather_elements and scatter_elements with constant indices; a static shape. */
static void make_elements(maker *m)
{
    const maker_value *x = maker_any(m, is_static);
    if (x == NULL) {
        return;
    }
    maker_value kept = *x;
    const hmlc_type *type = kept.value->type;
    int64_t dims[HMLC_MAX_RANK];
    uint32_t axis = maker_pick(m, (uint32_t)type->rank);
    for (int32_t i = 0; i < type->rank; i++) {
        dims[i] = 1 + maker_pick(m, (uint32_t)maker_static(type->dims[i]));
    }
    int64_t extent = maker_static(type->dims[axis]);
    bool scatter = maker_chance(m, 50) && kept.bound >= 1;
    /* Without reduction equal indices have no defined winner: one row then. */
    dims[axis] = scatter ? 1 : dims[axis];
    const maker_value *index = indices(m, extent, type->rank, dims);
    const maker_value *updates =
        scatter ? maker_constant(m, type->dtype, type->rank, dims, 0, 7) : index;
    if (index == NULL || updates == NULL) {
        return;
    }
    hmlc_value *operands[] = {kept.value, index->value, updates->value};
    hmlc_attr attr = hmlc_attr_int(HMLC_ATTR_axis, axis);
    kept.grid = scatter && kept.grid >= 0 && kept.grid < 3 ? 3 : kept.grid;
    (void)maker_op(m, scatter ? HMLC_OP_scatter_elements : HMLC_OP_gather_elements, operands,
                   scatter ? 3 : 2, &attr, 1, moved(&kept));
}

static bool is_matrix(const maker_value *value)
{
    return value->value->type->rank >= 2;
}

static void make_trilu(maker *m)
{
    const maker_value *x = maker_any(m, is_matrix);
    if (x == NULL) {
        return;
    }
    maker_value kept = *x;
    const maker_value *k = maker_scalar(m, HMLC_DTYPE_i64, (double)maker_pick(m, 5) - 2);
    if (k != NULL) {
        hmlc_value *operands[] = {kept.value, k->value};
        hmlc_attr attr = hmlc_attr_int(HMLC_ATTR_upper, maker_pick(m, 2));
        (void)maker_op(m, HMLC_OP_trilu, operands, 1 + maker_pick(m, 2), &attr, 1, moved(&kept));
    }
}

static void make_generator(maker *m)
{
    const maker_value *x = maker_any(m, maker_is_tensor);
    if (x == NULL) {
        return;
    }
    static const hmlc_dtype dtypes[] = {HMLC_DTYPE_i64, HMLC_DTYPE_i32};
    const hmlc_type *type = x->value->type;
    hmlc_attr attrs[] = {hmlc_attr_dims(HMLC_ATTR_shape, type->dims, (uint32_t)type->rank),
                         hmlc_attr_int(HMLC_ATTR_axis, maker_pick(m, (uint32_t)type->rank)),
                         hmlc_attr_dtype(HMLC_ATTR_to, dtypes[maker_pick(m, 2)])};
    (void)maker_op(m, HMLC_OP_iota, NULL, 0, attrs, 3, MAKER_NO_FACTS);
}

const maker_rule maker_movement_rules[] = {
    {"reshape", 9, make_reshape}, {"transpose", 9, make_transpose}, {"expand", 4, make_expand},
    {"slice", 8, make_slice},     {"concat", 6, make_concat},       {"pad", 4, make_pad},
    {"tile", 3, make_tile},       {"gather", 5, make_gather},       {"elements", 2, make_elements},
    {"trilu", 2, make_trilu},     {"generator", 2, make_generator}, {NULL, 0, NULL},
};
