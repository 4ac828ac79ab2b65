/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random graphs of what exporters write around layers: neutral constants, chains of views, pads,
 * scales and biases beside contractions. Every pass of the clean pipeline keeps the outputs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "grower.h"
#include "pass_oracle.h"

enum { GRAPHS = 400 };

static const char clean_passes[] =
    "fold-constants,simplify,cse,recognize,simplify,fold-dequantize,fold-weights,simplify,"
    "merge-contractions,dce,simplify,cse";

static V any(grower *g)
{
    return pick_value(g, 3, 3);
}

static int64_t size_of(V x, int32_t axis)
{
    int64_t size = 0;
    hmlc_dim_is_constant(x->type->dims[axis], &size);
    return size;
}

/* A constant that broadcasts to x: a scalar, often a neutral one, a row, or one per channel. */
static V constant_for(grower *g, V x)
{
    static const double scalars[] = {0, 1, -1, 2, 0.5, 3, 4, 0.25};
    char shape[48];
    if (pick(g, 3) == 0 && x->type->rank == 4 && size_of(x, 1) > 0) {
        snprintf(shape, sizeof shape, "%lld, 1, 1", (long long)size_of(x, 1));
        return kit_weight(&g->k, shape);
    }
    if (pick(g, 3) == 0 && x->type->rank > 0 && size_of(x, x->type->rank - 1) > 0) {
        snprintf(shape, sizeof shape, "%lld", (long long)size_of(x, x->type->rank - 1));
        return kit_weight(&g->k, shape);
    }
    return kit_scalar(&g->k, scalars[pick(g, 8)]);
}

static void grow_constant_arithmetic(grower *g)
{
    static const hmlc_opcode opcodes[] = {HMLC_OP_add, HMLC_OP_mul, HMLC_OP_sub, HMLC_OP_mul,
                                          HMLC_OP_add, HMLC_OP_max, HMLC_OP_min};
    V x = any(g);
    V constant = constant_for(g, x);
    bool left = pick(g, 3) == 0;
    keep(g, kit_binary(&g->k, opcodes[pick(g, 7)], left ? constant : x, left ? x : constant));
}

static void grow_arithmetic(grower *g)
{
    static const hmlc_opcode unary[] = {HMLC_OP_relu, HMLC_OP_neg,     HMLC_OP_abs,
                                        HMLC_OP_tanh, HMLC_OP_sigmoid, HMLC_OP_erf};
    static const hmlc_opcode binary[] = {HMLC_OP_add, HMLC_OP_mul, HMLC_OP_sub};
    V x = any(g), y = any(g);
    if (same_shape(x, y) && pick(g, 2) == 0) {
        keep(g, kit_binary(&g->k, binary[pick(g, 3)], x, y));
    } else {
        keep(g, kit_unary(&g->k, unary[pick(g, 6)], x));
    }
}

static void grow_transpose(grower *g)
{
    static const char *const orders3[] = {"0, 2, 1", "1, 0, 2", "2, 0, 1", "0, 1, 2"};
    static const char *const orders4[] = {"0, 2, 3, 1", "0, 3, 1, 2", "0, 2, 1, 3", "0, 1, 3, 2"};
    V x = any(g);
    if (x->type->rank == 3 || x->type->rank == 4) {
        keep(g, kit_transpose(&g->k, x, (x->type->rank == 3 ? orders3 : orders4)[pick(g, 4)]));
    }
}

static void append(char *text, size_t size, hmlc_dim dim)
{
    size_t used = 0;
    while (text[used] != '\0') {
        used++;
    }
    used += (size_t)snprintf(text + used, size - used, used > 0 ? ", " : "");
    hmlc_dim_format(dim, text + used, size - used);
}

/* Joins two dims, splits an even one, adds or drops a 1. */
static void grow_reshape(grower *g)
{
    V x = any(g);
    hmlc_dims *dims = g->k.module->dims;
    uint32_t rank = (uint32_t)x->type->rank, at = pick(g, rank + 1), way = pick(g, 4);
    char shape[256] = "";
    for (uint32_t i = 0; i < rank; i++) {
        hmlc_dim dim = x->type->dims[i];
        int64_t size = size_of(x, (int32_t)i);
        if (i != at) {
            append(shape, sizeof shape, dim);
        } else if (way == 0 && i + 1 < rank) {
            append(shape, sizeof shape, hmlc_dim_multiply(dims, dim, x->type->dims[++i]));
        } else if (way == 1 && rank < 5 && size > 0 && size % 2 == 0) {
            append(shape, sizeof shape, hmlc_dim_constant(dims, size / 2));
            append(shape, sizeof shape, hmlc_dim_constant(dims, 2));
        } else if (way == 2 && rank < 5) {
            append(shape, sizeof shape, hmlc_dim_constant(dims, 1));
            append(shape, sizeof shape, dim);
        } else if (size != 1) {
            append(shape, sizeof shape, dim);
        }
    }
    keep(g, kit_reshape(&g->k, x, shape));
}

/* Cuts x in two along an axis, and perhaps joins the parts, in or out of order. */
static void grow_parts(grower *g)
{
    V x = any(g), parts[2];
    hmlc_dims *dims = g->k.module->dims;
    if (x->type->rank == 0) {
        return;
    }
    int32_t axis = (int32_t)pick(g, (uint32_t)x->type->rank);
    int64_t size = size_of(x, axis);
    if (size < 2) {
        return;
    }
    int64_t cut = 1 + (int64_t)pick(g, (uint32_t)size - 1);
    for (int part = 0; part < 2; part++) {
        char starts[128] = "", sizes[256] = "";
        for (int32_t i = 0; i < x->type->rank; i++) {
            int64_t start = i == axis && part == 1 ? cut : 0;
            append(starts, sizeof starts, hmlc_dim_constant(dims, start));
            append(sizes, sizeof sizes,
                   i == axis ? hmlc_dim_constant(dims, part == 0 ? cut : size - cut)
                             : x->type->dims[i]);
        }
        parts[part] = kit_slice(&g->k, x, starts, sizes);
    }
    bool swap = pick(g, 2) == 0;
    V joined[] = {parts[swap ? 1 : 0], parts[swap ? 0 : 1]};
    keep(g, pick(g, 3) == 0 ? parts[0] : kit_concat(&g->k, axis, 2, joined));
}

static void grow_reduction(grower *g)
{
    static const hmlc_opcode opcodes[] = {HMLC_OP_reduce_mean, HMLC_OP_reduce_max,
                                          HMLC_OP_reduce_sum};
    V x = any(g);
    if (x->type->rank == 0) {
        return;
    }
    char axis[8];
    snprintf(axis, sizeof axis, "%u", pick(g, (uint32_t)x->type->rank));
    keep(g, kit_reduce(&g->k, opcodes[pick(g, 3)], x, axis, pick(g, 2) == 0));
}

static void grow_matmul(grower *g)
{
    V x = any(g), y = any(g);
    int32_t rank = x->type->rank;
    int64_t last = rank > 1 ? size_of(x, rank - 1) : 0;
    if (last == 0) {
        return;
    }
    if (same_shape(x, y) && pick(g, 2) == 0) {
        keep(g, kit_matmul(&g->k, x, y, true));
        return;
    }
    char shape[48];
    snprintf(shape, sizeof shape, "%lld, %u", (long long)last, 2 + 2 * pick(g, 3));
    V product = kit_matmul(&g->k, x, kit_weight(&g->k, shape), false);
    keep(g, product);
    if (pick(g, 2) == 0 && product != NULL) {
        keep(g, kit_binary(&g->k, HMLC_OP_add, product, constant_for(g, product)));
    }
    if (pick(g, 2) == 0) {
        keep(g, kit_matmul(&g->k, x, kit_weight(&g->k, shape), false));
    }
}

static V padded(grower *g, V x)
{
    return pick(g, 3) == 0 ? kit_pad(&g->k, x, "0, 0, 1, 0, 0, 0, 1, 2") : x;
}

static void grow_window(grower *g)
{
    V x = any(g);
    int64_t channels = x->type->rank == 4 ? size_of(x, 1) : 0;
    if (channels == 0 || size_of(x, 2) < 2 || size_of(x, 3) < 2 || size_of(x, 2) > 40 ||
        size_of(x, 3) > 40) {
        return;
    }
    x = padded(g, x);
    if (pick(g, 4) == 0) {
        keep(g, kit_pool(&g->k, pick(g, 2) == 0 ? HMLC_OP_max_pool : HMLC_OP_avg_pool, x, 2, 1,
                         (int64_t)pick(g, 2)));
        return;
    }
    bool depthwise = pick(g, 3) == 0;
    int64_t outputs = depthwise ? channels : 2 + 2 * (int64_t)pick(g, 2);
    char shape[64], bias[16];
    snprintf(shape, sizeof shape, "%lld, %lld, 2, 2", (long long)outputs,
             (long long)(depthwise ? 1 : channels));
    snprintf(bias, sizeof bias, "%lld", (long long)outputs);
    V with = pick(g, 2) == 0 ? kit_weight(&g->k, bias) : NULL;
    keep(g, kit_conv(&g->k, x, kit_weight(&g->k, shape), with, 1, (int64_t)pick(g, 2),
                     depthwise ? channels : 1));
}

static kit grow_graph(uint32_t seed)
{
    static void (*const growers[])(grower *) = {grow_constant_arithmetic,
                                                grow_constant_arithmetic,
                                                grow_constant_arithmetic,
                                                grow_arithmetic,
                                                grow_transpose,
                                                grow_reshape,
                                                grow_parts,
                                                grow_reduction,
                                                grow_matmul,
                                                grow_window,
                                                grow_window};
    grower g = {.k = kit_open(), .random = seed};
    keep(&g, kit_input(&g.k, "x", HMLC_DTYPE_f32, "n, 4, 6"));
    keep(&g, kit_input(&g.k, "y", HMLC_DTYPE_f32, "2, 1, 4"));
    keep(&g, kit_input(&g.k, "z", HMLC_DTYPE_f32, "1, 4, 5, 6"));
    uint32_t steps = 12 + pick(&g, 40);
    for (uint32_t i = 0; i < steps && !g.k.failed; i++) {
        growers[pick(&g, sizeof growers / sizeof growers[0])](&g);
    }
    V outputs[POOL];
    uint32_t count = 0;
    for (uint32_t i = 0; i < g.count; i++) {
        if (!hmlc_value_has_uses(g.pool[i]) || pick(&g, 12) == 0) {
            outputs[count++] = g.pool[i];
        }
    }
    kit_yield(&g.k, count, outputs);
    return g.k;
}

static void random_graphs(void **state)
{
    (void)state;
    const oracle_dim dims[] = {{"n", 3}};
    for (uint32_t seed = 1; seed <= GRAPHS; seed++) {
        kit k = grow_graph(seed);
        assert_false(k.failed);
        if (!oracle_run_module(k.module, clean_passes, dims, 1)) {
            fail_msg("graph %u", seed);
        }
        hmlc_module_destroy(k.module);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_graphs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
