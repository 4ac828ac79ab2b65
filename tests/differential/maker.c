/* SPDX-License-Identifier: Apache-2.0 */
/* The pool of values and the making of whole modules. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "maker.h"

static const char *const symbol_names[MAKER_SYMBOLS] = {"batch", "seq"};

uint32_t maker_pick(maker *m, uint32_t limit)
{
    return (uint32_t)((maker_next(&m->random) >> 33) % limit);
}

bool maker_chance(maker *m, uint32_t percent)
{
    return maker_pick(m, 100) < percent;
}

bool maker_is_float(const maker_value *value)
{
    return value->value->type->dtype == HMLC_DTYPE_f32;
}

bool maker_is_integer(const maker_value *value)
{
    return hmlc_dtype_is_integer(value->value->type->dtype);
}

bool maker_is_bool(const maker_value *value)
{
    return value->value->type->dtype == HMLC_DTYPE_bool;
}

bool maker_is_number(const maker_value *value)
{
    return !maker_is_bool(value);
}

bool maker_is_tensor(const maker_value *value)
{
    return value->value->type->rank >= 1;
}

const maker_value *maker_any(maker *m, maker_filter *fits)
{
    for (int tries = 0; tries < 30; tries++) {
        uint32_t near = m->count < 6 ? m->count : 6;
        uint32_t back = maker_chance(m, 60) ? maker_pick(m, near) : maker_pick(m, m->count);
        const maker_value *value = &m->pool[m->count - 1 - back];
        if (fits == NULL || fits(value)) {
            return value;
        }
    }
    return NULL;
}

int64_t maker_static(hmlc_dim dim)
{
    int64_t value = 0;
    return hmlc_dim_is_constant(dim, &value) ? value : -1;
}

int64_t maker_largest(const hmlc_type *type)
{
    int64_t product = 1;
    for (int32_t i = 0; i < type->rank; i++) {
        if (!hmlc_int64_multiply(product, type->dims[i]->maximum, &product)) {
            return INT64_MAX;
        }
    }
    return product;
}

hmlc_dim maker_dim(maker *m, int64_t value)
{
    return hmlc_dim_constant(m->module->dims, value);
}

maker_value maker_facts(double bound, double error, int grid)
{
    return (maker_value){.bound = bound, .error = error, .grid = grid};
}

static const maker_value *keep(maker *m, maker_value value)
{
    bool is_float = maker_is_float(&value);
    if (m->count == MAKER_POOL || value.value->type->rank > 6 ||
        maker_largest(value.value->type) > MAKER_ELEMENTS ||
        (is_float && (value.error > 2e-3 || value.bound > 1e6))) {
        return NULL;
    }
    if (is_float && (value.grid > 20 || value.bound * ldexp(1, value.grid) > 8e6)) {
        value.grid = -1;
    }
    m->pool[m->count] = value;
    return &m->pool[m->count++];
}

const maker_value *maker_op(maker *m, hmlc_opcode opcode, hmlc_value *const *operands,
                            uint32_t operand_count, const hmlc_attr *attrs, uint32_t attr_count,
                            maker_value facts)
{
    hmlc_op *op = NULL;
    if (m->count == MAKER_POOL || m->broken) {
        return NULL;
    }
    if (hmlc_op_create(&m->builder, opcode, operands, operand_count, attrs, attr_count, &op) !=
        HMLC_OK) {
        m->broken = true;
        return NULL;
    }
    facts.value = op->results[0];
    /* What is neither on a grid nor already uncertain was rounded here. */
    if (facts.grid < 0 || facts.bound * ldexp(1, facts.grid) > 8e6) {
        facts.grid = -1;
    }
    return keep(m, facts);
}

static void fill(maker *m, hmlc_dtype dtype, void *data, int64_t count, int64_t low, int64_t high)
{
    for (int64_t i = 0; i < count; i++) {
        int64_t value = low + (int64_t)maker_pick(m, (uint32_t)(high - low + 1));
        if (dtype == HMLC_DTYPE_f32) {
            hmlc_element_set_double(dtype, data, i, (double)maker_pick(m, 17) / 8 - 1);
        } else {
            hmlc_element_set_int(dtype, data, i, dtype == HMLC_DTYPE_bool ? value & 1 : value);
        }
    }
}

const maker_value *maker_constant(maker *m, hmlc_dtype dtype, int32_t rank, const int64_t *dims,
                                  int64_t low, int64_t high)
{
    hmlc_tensor tensor = {.dtype = dtype, .rank = rank};
    if (rank > 0) {
        memcpy(tensor.dims, dims, (size_t)rank * sizeof *dims);
    }
    int64_t count = hmlc_tensor_count(&tensor);
    tensor.bytes = (size_t)count * hmlc_dtype_bytes(dtype);
    void *data = hmlc_arena_allocate(m->module->arena, tensor.bytes);
    if (data == NULL) {
        m->broken = true;
        return NULL;
    }
    fill(m, dtype, data, count, low, high);
    tensor.data = data;
    hmlc_attr value = hmlc_attr_tensor(HMLC_ATTR_value, &tensor);
    return maker_op(m, HMLC_OP_constant, NULL, 0, &value, 1, maker_facts(1, 0, 3));
}

const maker_value *maker_scalar(maker *m, hmlc_dtype dtype, double value)
{
    hmlc_value *result = NULL;
    if (m->broken || hmlc_build_scalar(&m->builder, dtype, value, &result) != HMLC_OK) {
        m->broken = true;
        return NULL;
    }
    int grid = 0;
    for (double scaled = fabs(value); grid < 20 && scaled != floor(scaled); grid++) {
        scaled *= 2;
    }
    return keep(m, (maker_value){result, fabs(value), 0, grid});
}

/* Whether y broadcasts to x's shape by identity and ones alone. */
static bool broadcasts_to(const hmlc_type *y, const hmlc_type *x)
{
    bool fits = y->rank <= x->rank;
    for (int32_t i = 0; fits && i < y->rank; i++) {
        hmlc_dim dim = y->dims[i];
        fits = dim == x->dims[x->rank - y->rank + i] || hmlc_dim_is(dim, 1);
    }
    return fits;
}

const maker_value *maker_partner(maker *m, const maker_value *x, hmlc_dtype dtype)
{
    const hmlc_type *type = x->value->type;
    for (int tries = 0; tries < 8; tries++) {
        const maker_value *other = maker_any(m, NULL);
        const hmlc_type *to = other->value->type;
        if (to->dtype == dtype &&
            (broadcasts_to(to, type) || (broadcasts_to(type, to) && maker_chance(m, 50)))) {
            return other;
        }
    }
    int64_t dims[HMLC_MAX_RANK];
    int32_t skipped = type->rank > 0 ? (int32_t)maker_pick(m, (uint32_t)type->rank + 1) : 0;
    for (int32_t i = skipped; i < type->rank; i++) {
        int64_t dim = maker_static(type->dims[i]);
        dims[i - skipped] = dim < 0 || maker_chance(m, 25) ? 1 : dim;
    }
    return maker_constant(m, dtype, type->rank - skipped, dims, -9, 9);
}

const maker_value *maker_scaled(maker *m, const maker_value *x, double limit)
{
    if (x->bound <= limit) {
        return x;
    }
    int shift = (int)ceil(log2(x->bound / limit));
    maker_value from = *x;
    const maker_value *factor = maker_scalar(m, HMLC_DTYPE_f32, ldexp(1, -shift));
    if (factor == NULL) {
        return NULL;
    }
    hmlc_value *operands[] = {from.value, factor->value};
    return maker_op(m, HMLC_OP_mul, operands, 2, NULL, 0,
                    maker_facts(ldexp(from.bound, -shift), ldexp(from.error, -shift),
                                from.grid < 0 ? -1 : from.grid + shift));
}

/* -- Whole modules ------------------------------------------------------------------------- */

typedef struct input_shape {
    int32_t rank;
    int64_t dims[4]; /* -1 batch, -2 seq */
} input_shape;

static const input_shape input_shapes[] = {
    {2, {-1, 8}},       {3, {-1, -2, 16}},   {3, {-1, -2, 7}},   {2, {-2, 24}},
    {1, {13}},          {4, {-1, 3, 9, 8}},  {4, {-1, 8, 6, 7}}, {4, {-1, 16, 5, 5}},
    {4, {1, 7, 7, 12}}, {3, {4, 5, 33}},     {2, {6, 40}},       {3, {-1, 4, -2}},
    {1, {-2}},          {2, {-1, 1}},        {4, {2, 2, -2, 8}}, {0, {0}},
    {3, {2, -2, 17}},   {4, {-1, 20, 4, 4}},
};

static void add_input(maker *m, uint32_t index)
{
    static const hmlc_dtype dtypes[] = {
        HMLC_DTYPE_f32, HMLC_DTYPE_f32, HMLC_DTYPE_f32, HMLC_DTYPE_f32, HMLC_DTYPE_f32,
        HMLC_DTYPE_i32, HMLC_DTYPE_i64, HMLC_DTYPE_i8,  HMLC_DTYPE_u8,  HMLC_DTYPE_bool};
    const input_shape *shape =
        &input_shapes[maker_pick(m, sizeof input_shapes / sizeof *input_shapes)];
    hmlc_dim dims[4];
    for (int32_t i = 0; i < shape->rank; i++) {
        hmlc_symbol *symbol =
            shape->dims[i] < 0
                ? hmlc_symbol_find(m->module->dims, symbol_names[-shape->dims[i] - 1])
                : NULL;
        dims[i] = symbol != NULL ? hmlc_dim_symbol(m->module->dims, symbol)
                                 : maker_dim(m, shape->dims[i]);
    }
    hmlc_dtype dtype = dtypes[index == 0 ? 0 : maker_pick(m, sizeof dtypes / sizeof *dtypes)];
    char name[16];
    (void)snprintf(name, sizeof name, "in%u", index);
    const hmlc_type *type = hmlc_type_tensor(m->module->arena, dtype, shape->rank, dims);
    hmlc_value *value = type == NULL ? NULL : hmlc_region_add_argument(m->module->main, type, name);
    if (value == NULL) {
        m->broken = true;
        return;
    }
    /* Inputs are multiples of 1/8 in [-2, 2]. */
    (void)keep(m, (maker_value){value, 2, 0, 3});
}

static const maker_rule *choose_rule(maker *m)
{
    const maker_rule *const families[] = {maker_elementwise_rules, maker_movement_rules,
                                          maker_row_rules, maker_contraction_rules,
                                          maker_control_rules};
    uint32_t total = 0;
    for (size_t f = 0; f < sizeof families / sizeof *families; f++) {
        for (const maker_rule *rule = families[f]; rule->name != NULL; rule++) {
            total += rule->weight;
        }
    }
    uint32_t at = maker_pick(m, total);
    for (size_t f = 0; f < sizeof families / sizeof *families; f++) {
        for (const maker_rule *rule = families[f]; rule->name != NULL; rule++) {
            if (at < rule->weight) {
                return rule;
            }
            at -= rule->weight;
        }
    }
    return NULL;
}

/* Values that nobody uses, some that somebody does, now and then one twice. */
static void add_outputs(maker *m, int only)
{
    hmlc_value *values[MAKER_OUTPUTS];
    uint32_t count = 0;
    for (uint32_t i = 0; i < m->count; i++) {
        const maker_value *value = &m->pool[i];
        bool leaf = !hmlc_value_has_uses(value->value) &&
                    (value->value->producer == NULL ? maker_chance(m, 20)
                                                    : hmlc_value_constant(value->value) == NULL);
        uint32_t copies = leaf ? 1u + maker_chance(m, 3) : (uint32_t)maker_chance(m, 6);
        for (uint32_t k = 0; k < copies && count < MAKER_OUTPUTS; k++) {
            m->output_error[count] = maker_is_float(value) ? value->error : 0;
            values[count++] = value->value;
        }
    }
    if (only >= 0 && (uint32_t)only < count) {
        values[0] = values[only];
        m->output_error[0] = m->output_error[only];
        count = 1;
    }
    const char **names = HMLC_NEW_ARRAY(m->module->arena, const char *, count + 1);
    for (uint32_t i = 0; names != NULL && i < count; i++) {
        names[i] = hmlc_arena_printf(m->module->arena, "out%u", i);
    }
    m->module->output_names = names;
    if (names == NULL || hmlc_build_yield(&m->builder, values, count) != HMLC_OK) {
        m->broken = true;
    }
}

static bool declare_symbols(maker *m)
{
    bool empty = maker_chance(m, 25);
    for (uint32_t i = 0; i < MAKER_SYMBOLS; i++) {
        hmlc_symbol *symbol = hmlc_symbol_get(m->module->dims, symbol_names[i]);
        if (symbol == NULL) {
            return false;
        }
        symbol->minimum = empty && i == MAKER_BATCH ? 0 : 1;
        symbol->maximum = i == MAKER_BATCH ? 5 : 19;
        symbol->hint = i == MAKER_BATCH ? 3 : 11;
    }
    return true;
}

maker *maker_create(uint64_t seed, uint32_t ops, int only)
{
    maker *m = calloc(1, sizeof *m);
    if (m == NULL || (m->module = hmlc_module_create(NULL)) == NULL) {
        free(m);
        return NULL;
    }
    m->random = seed * 0x2545f4914f6cdd1du + 1;
    m->builder = hmlc_builder_at_end(m->module->main);
    m->broken = !declare_symbols(m);
    uint32_t inputs = 3 + maker_pick(m, 5);
    for (uint32_t i = 0; i < inputs && !m->broken; i++) {
        add_input(m, i);
    }
    for (uint32_t i = 0; i < ops && !m->broken; i++) {
        choose_rule(m)->make(m);
    }
    if (!m->broken) {
        m->random = seed; /* the choice of outputs */
        add_outputs(m, only);
    }
    return m;
}

void maker_destroy(maker *m)
{
    if (m != NULL) {
        hmlc_module_destroy(m->module);
        free(m);
    }
}
