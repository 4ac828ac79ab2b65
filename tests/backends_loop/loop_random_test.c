/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random fused graphs (seeded): elementwise ops, broadcasts, views, movement and gathers on random
 * shapes, static and dynamic, against the reference interpreter.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernel_graph.h"
#include "kernel_harness.h"

enum { MAX_INPUTS = 12, GRAPHS = 60 };

/* A shape as numbers and as expressions that have these values. */
typedef struct extents {
    int32_t rank;
    int64_t sizes[8];
    hmlc_dim dims[8];
} extents;

typedef struct generator {
    kernel_graph graph;
    kernel_random random;
    hmlc_dtype dtype;
    bool dynamic;
    uint32_t input_count;
    hmlc_tensor inputs[MAX_INPUTS + 8];
    uint32_t ops;
} generator;

static uint32_t pick(generator *self, uint32_t count)
{
    return (uint32_t)(kernel_random_next(&self->random) % count);
}

static hmlc_dim number(generator *self, int64_t value)
{
    return hmlc_dim_constant(self->graph.module->dims, value);
}

static hmlc_value *add_input(generator *self, hmlc_dtype dtype, const extents *shape, double low,
                             double high)
{
    const hmlc_type *type =
        hmlc_type_tensor(self->graph.module->arena, dtype, shape->rank, shape->dims);
    hmlc_value *outer = hmlc_region_add_argument(self->graph.module->main, type, "input");
    hmlc_value *inner = hmlc_region_add_argument(self->graph.region, type, NULL);
    assert_non_null(outer);
    assert_non_null(inner);
    self->graph.outer[self->graph.outer_count++] = outer;
    self->inputs[self->input_count++] = kernel_random_tensor(
        &self->random, self->graph.module->arena, dtype, shape->rank, shape->sizes, low, high);
    return inner;
}

static hmlc_value *op(generator *self, hmlc_opcode opcode, hmlc_value *const *operands,
                      uint32_t count, const hmlc_attr *attrs, uint32_t attr_count)
{
    self->ops++;
    return kernel_graph_op(&self->graph, opcode, operands, count, attrs, attr_count);
}

static hmlc_value *generate(generator *self, const extents *wanted, uint32_t depth);

/* The shape with some dims 1, some leading ones dropped. */
static extents broadcast_of(generator *self, const extents *wanted)
{
    extents result = {0};
    int32_t drop = wanted->rank > 0 ? (int32_t)pick(self, (uint32_t)wanted->rank + 1) : 0;
    for (int32_t k = drop; k < wanted->rank; k++) {
        bool one = pick(self, 3) == 0;
        result.sizes[result.rank] = one ? 1 : wanted->sizes[k];
        result.dims[result.rank++] = one ? number(self, 1) : wanted->dims[k];
    }
    return result;
}

static hmlc_value *leaf(generator *self, const extents *wanted)
{
    if (self->input_count < MAX_INPUTS && pick(self, 5) != 0) {
        return add_input(self, self->dtype, wanted, -5, 5);
    }
    hmlc_value *value = kernel_graph_scalar(&self->graph, self->dtype, 1 + pick(self, 4));
    if (self->input_count < MAX_INPUTS) {
        extents small = broadcast_of(self, wanted);
        value = add_input(self, self->dtype, &small, -5, 5);
    }
    hmlc_attr attr = hmlc_attr_dims(HMLC_ATTR_shape, wanted->dims, (uint32_t)wanted->rank);
    return op(self, HMLC_OP_expand, &value, 1, &attr, 1);
}

static hmlc_value *unary(generator *self, const extents *wanted, uint32_t depth)
{
    static const hmlc_opcode opcodes[] = {HMLC_OP_neg, HMLC_OP_abs, HMLC_OP_relu, HMLC_OP_sign};
    hmlc_value *x = generate(self, wanted, depth - 1);
    return op(self, opcodes[pick(self, 4)], &x, 1, NULL, 0);
}

static hmlc_value *binary(generator *self, const extents *wanted, uint32_t depth)
{
    static const hmlc_opcode opcodes[] = {HMLC_OP_add, HMLC_OP_sub, HMLC_OP_max, HMLC_OP_min};
    extents other = broadcast_of(self, wanted);
    hmlc_value *operands[] = {generate(self, wanted, depth - 1),
                              generate(self, &other, depth > 1 ? depth - 2 : 0)};
    return op(self, opcodes[pick(self, 4)], operands, 2, NULL, 0);
}

static hmlc_value *choose(generator *self, const extents *wanted, uint32_t depth)
{
    hmlc_value *sides[] = {generate(self, wanted, depth - 1), generate(self, wanted, 0)};
    hmlc_value *condition = op(self, HMLC_OP_less, sides, 2, NULL, 0);
    hmlc_value *operands[] = {condition, sides[0], sides[1]};
    return op(self, HMLC_OP_select, operands, 3, NULL, 0);
}

static hmlc_value *transpose(generator *self, const extents *wanted, uint32_t depth)
{
    int64_t permutation[8];
    extents from = *wanted;
    for (int32_t k = 0; k < wanted->rank; k++) {
        permutation[k] = k;
    }
    for (int32_t k = wanted->rank - 1; k > 0; k--) {
        uint32_t other = pick(self, (uint32_t)k + 1);
        int64_t swap = permutation[k];
        permutation[k] = permutation[other];
        permutation[other] = swap;
    }
    for (int32_t k = 0; k < wanted->rank; k++) {
        from.sizes[permutation[k]] = wanted->sizes[k];
        from.dims[permutation[k]] = wanted->dims[k];
    }
    hmlc_value *x = generate(self, &from, depth - 1);
    hmlc_attr attr = hmlc_attr_ints(HMLC_ATTR_permutation, permutation, (uint32_t)wanted->rank);
    return op(self, HMLC_OP_transpose, &x, 1, &attr, 1);
}

/* Merges two neighbours, or splits a constant dim by 2 or 3. */
static hmlc_value *reshape(generator *self, const extents *wanted, uint32_t depth)
{
    extents from = *wanted;
    if (wanted->rank == 0) {
        return generate(self, wanted, depth - 1);
    }
    int32_t at = (int32_t)pick(self, (uint32_t)wanted->rank);
    int64_t factor = 2 + (int64_t)pick(self, 2), constant;
    if (pick(self, 2) == 0 && at + 1 < wanted->rank) {
        from.rank--;
        from.sizes[at] = wanted->sizes[at] * wanted->sizes[at + 1];
        from.dims[at] =
            hmlc_dim_multiply(self->graph.module->dims, wanted->dims[at], wanted->dims[at + 1]);
        for (int32_t k = at + 1; k < from.rank; k++) {
            from.sizes[k] = wanted->sizes[k + 1];
            from.dims[k] = wanted->dims[k + 1];
        }
    } else if (wanted->rank < 5 && hmlc_dim_is_constant(wanted->dims[at], &constant) &&
               constant % factor == 0) {
        from.rank++;
        for (int32_t k = from.rank - 1; k > at + 1; k--) {
            from.sizes[k] = wanted->sizes[k - 1];
            from.dims[k] = wanted->dims[k - 1];
        }
        from.sizes[at] = factor;
        from.sizes[at + 1] = constant / factor;
        from.dims[at] = number(self, factor);
        from.dims[at + 1] = number(self, constant / factor);
    }
    hmlc_value *x = generate(self, &from, depth - 1);
    hmlc_attr attr = hmlc_attr_dims(HMLC_ATTR_shape, wanted->dims, (uint32_t)wanted->rank);
    return op(self, HMLC_OP_reshape, &x, 1, &attr, 1);
}

static hmlc_value *slice(generator *self, const extents *wanted, uint32_t depth)
{
    hmlc_dims *dims = self->graph.module->dims;
    hmlc_dim starts[8], steps[8];
    extents from = *wanted;
    for (int32_t k = 0; k < wanted->rank; k++) {
        int64_t step = pick(self, 3) == 0 ? (pick(self, 2) == 0 ? 2 : -1) : 1;
        int64_t before = pick(self, 3), after = pick(self, 2);
        int64_t stride = step < 0 ? -step : step;
        from.sizes[k] = before + wanted->sizes[k] * stride + after;
        hmlc_dim extent = hmlc_dim_multiply(dims, wanted->dims[k], number(self, stride));
        from.dims[k] = hmlc_dim_add(dims, extent, number(self, before + after));
        steps[k] = number(self, step);
        starts[k] =
            step > 0 ? number(self, before) : hmlc_dim_add(dims, extent, number(self, before - 1));
    }
    uint32_t rank = (uint32_t)wanted->rank;
    hmlc_value *x = generate(self, &from, depth - 1);
    hmlc_attr attrs[] = {hmlc_attr_dims(HMLC_ATTR_starts, starts, rank),
                         hmlc_attr_dims(HMLC_ATTR_sizes, wanted->dims, rank),
                         hmlc_attr_dims(HMLC_ATTR_steps, steps, rank)};
    return op(self, HMLC_OP_slice, &x, 1, attrs, 3);
}

/* A first part of one to three elements, then the rest. */
static hmlc_value *concat(generator *self, const extents *wanted, uint32_t depth)
{
    if (wanted->rank == 0) {
        return generate(self, wanted, depth - 1);
    }
    uint32_t axis = pick(self, (uint32_t)wanted->rank);
    int64_t first = 1 + (int64_t)pick(self, 3);
    if (wanted->sizes[axis] <= first) {
        return generate(self, wanted, depth - 1);
    }
    extents parts[2] = {*wanted, *wanted};
    parts[0].sizes[axis] = first;
    parts[0].dims[axis] = number(self, first);
    parts[1].sizes[axis] -= first;
    parts[1].dims[axis] =
        hmlc_dim_subtract(self->graph.module->dims, wanted->dims[axis], number(self, first));
    bool swap = pick(self, 2) == 0;
    hmlc_value *operands[] = {generate(self, &parts[swap], depth - 1),
                              generate(self, &parts[!swap], depth - 1)};
    hmlc_attr attr = hmlc_attr_int(HMLC_ATTR_axis, axis);
    return op(self, HMLC_OP_concat, operands, 2, &attr, 1);
}

static hmlc_value *pad(generator *self, const extents *wanted, uint32_t depth)
{
    hmlc_dims *dims = self->graph.module->dims;
    extents from = *wanted;
    hmlc_dim pads[16];
    for (int32_t k = 0; k < wanted->rank; k++) {
        int64_t before = pick(self, 3) == 0 ? (int64_t)pick(self, 3) : 0;
        int64_t after = pick(self, 3) == 0 ? (int64_t)pick(self, 4) - 1 : 0;
        if (wanted->sizes[k] < before + (after > 0 ? after : 0)) {
            before = after = 0;
        }
        from.sizes[k] = wanted->sizes[k] - before - after;
        from.dims[k] = hmlc_dim_subtract(dims, wanted->dims[k], number(self, before + after));
        pads[k] = number(self, before);
        pads[k + wanted->rank] = number(self, after);
    }
    hmlc_value *operands[] = {generate(self, &from, depth - 1),
                              kernel_graph_scalar(&self->graph, self->dtype, 3)};
    hmlc_attr attr = hmlc_attr_dims(HMLC_ATTR_pads, pads, 2 * (uint32_t)wanted->rank);
    return op(self, HMLC_OP_pad, operands, 2, &attr, 1);
}

static hmlc_value *tile(generator *self, const extents *wanted, uint32_t depth)
{
    extents from = *wanted;
    for (int32_t k = 0; k < wanted->rank; k++) {
        int64_t constant;
        for (int64_t factor = 2; factor < 4; factor++) {
            if (hmlc_dim_is_constant(wanted->dims[k], &constant) && constant > 0 &&
                constant % factor == 0 && pick(self, 2) == 0) {
                from.sizes[k] = constant / factor;
                from.dims[k] = number(self, constant / factor);
            }
        }
    }
    hmlc_value *x = generate(self, &from, depth - 1);
    hmlc_attr attr = hmlc_attr_dims(HMLC_ATTR_shape, wanted->dims, (uint32_t)wanted->rank);
    return op(self, HMLC_OP_tile, &x, 1, &attr, 1);
}

static hmlc_value *gather(generator *self, const extents *wanted, uint32_t depth)
{
    if (wanted->rank == 0 || self->input_count + 2 > MAX_INPUTS) {
        return generate(self, wanted, depth - 1);
    }
    uint32_t axis = pick(self, (uint32_t)wanted->rank);
    bool each = pick(self, 3) == 0;
    int64_t size = 4 + (int64_t)pick(self, 6);
    extents data = *wanted, indices = {.rank = 1};
    data.sizes[axis] = size;
    data.dims[axis] = number(self, size);
    indices.sizes[0] = wanted->sizes[axis];
    indices.dims[0] = wanted->dims[axis];
    hmlc_value *operands[] = {add_input(self, self->dtype, &data, -5, 5),
                              add_input(self, HMLC_DTYPE_i64, each ? wanted : &indices,
                                        (double)-size, (double)size - 0.5)};
    hmlc_attr attr = hmlc_attr_int(HMLC_ATTR_axis, axis);
    return op(self, each ? HMLC_OP_gather_elements : HMLC_OP_gather, operands, 2, &attr, 1);
}

static hmlc_value *triangle(generator *self, const extents *wanted, uint32_t depth)
{
    hmlc_value *x = generate(self, wanted, depth - 1);
    if (wanted->rank < 2) {
        return x;
    }
    hmlc_attr attr = hmlc_attr_int(HMLC_ATTR_upper, pick(self, 2));
    return op(self, HMLC_OP_trilu, &x, 1, &attr, 1);
}

static hmlc_value *counting(generator *self, const extents *wanted, uint32_t depth)
{
    if (wanted->rank == 0) {
        return generate(self, wanted, depth - 1);
    }
    hmlc_attr attrs[] = {hmlc_attr_dims(HMLC_ATTR_shape, wanted->dims, (uint32_t)wanted->rank),
                         hmlc_attr_int(HMLC_ATTR_axis, pick(self, (uint32_t)wanted->rank)),
                         hmlc_attr_dtype(HMLC_ATTR_to, self->dtype)};
    return op(self, HMLC_OP_iota, NULL, 0, attrs, 3);
}

static hmlc_value *generate(generator *self, const extents *wanted, uint32_t depth)
{
    static hmlc_value *(*const rules[])(generator *, const extents *, uint32_t) = {
        unary,  binary, binary, choose, transpose, transpose, reshape,  reshape,  slice,
        concat, concat, pad,    pad,    tile,      gather,    triangle, counting,
    };
    if (depth == 0 || self->ops > 24) {
        return leaf(self, wanted);
    }
    return rules[pick(self, sizeof rules / sizeof rules[0])](self, wanted, depth);
}

/* Symbols are bound by inputs of their own. */
static extents random_shape(generator *self)
{
    static const int64_t sizes[] = {0, 1, 2, 3, 4, 6, 7, 8, 12, 15, 16, 17, 24, 31, 33, 40};
    extents result = {.rank = (int32_t)pick(self, 5)};
    int64_t total = 1;
    for (int32_t k = 0; k < result.rank; k++) {
        int64_t size = sizes[pick(self, sizeof sizes / sizeof sizes[0])];
        size = total * size > 20000 ? 2 : size == 0 && pick(self, 4) != 0 ? 5 : size;
        total *= size;
        result.sizes[k] = size;
        result.dims[k] = number(self, size);
        if (self->dynamic && pick(self, 2) == 0) {
            char name[16];
            snprintf(name, sizeof name, "n%d", k);
            hmlc_symbol *symbol = hmlc_symbol_get(self->graph.module->dims, name);
            assert_non_null(symbol);
            result.dims[k] = hmlc_dim_symbol(self->graph.module->dims, symbol);
            extents one = {1, {size}, {result.dims[k]}};
            add_input(self, HMLC_DTYPE_bool, &one, 0, 1);
        }
    }
    return result;
}

static void check_graph(uint64_t seed)
{
    static const hmlc_dtype dtypes[] = {HMLC_DTYPE_f32, HMLC_DTYPE_f32, HMLC_DTYPE_f32,
                                        HMLC_DTYPE_i32, HMLC_DTYPE_u8,  HMLC_DTYPE_i64,
                                        HMLC_DTYPE_i16};
    generator self = {.graph = kernel_graph_create(), .random = {seed}};
    self.dtype = dtypes[pick(&self, sizeof dtypes / sizeof dtypes[0])];
    self.dynamic = pick(&self, 2) == 0;
    extents full = random_shape(&self);
    hmlc_value *results[2];
    uint32_t count = 1 + (pick(&self, 4) == 0);
    for (uint32_t k = 0; k < count; k++) {
        results[k] = generate(&self, &full, 1 + pick(&self, 5));
    }
    kernel_graph_finish(&self.graph, HMLC_FORM_LOOP, results, count);
    harness_verify_targets(self.graph.module, self.inputs, (harness_tolerance){0, 0});
    kernel_graph_destroy(&self.graph);
}

static uint64_t first_seed = 1, seed_count = GRAPHS;

static void random_graphs(void **state)
{
    (void)state;
    for (uint64_t seed = first_seed; seed < first_seed + seed_count; seed++) {
        if (seed_count != GRAPHS) {
            fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
        }
        check_graph(seed);
    }
}

/* loop_random_test [first seed] [count] */
int main(int argc, char **argv)
{
    first_seed = argc > 1 ? strtoull(argv[1], NULL, 10) : first_seed;
    seed_count = argc > 2 ? strtoull(argv[2], NULL, 10) : seed_count;
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_graphs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
