/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random graphs of elementwise ops, views, movement, reductions and products: every pass keeps the
 * outputs, every kernel follows the contract, and the memory plan holds at several dims.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "clone_checks.h"
#include "grower.h"
#include "kernel_contract.h"
#include "pass_oracle.h"
#include "plan_checker.h"

enum { GRAPHS = 1500, FORMULAS = 1500 };

static V any(grower *g)
{
    return pick_value(g, 2, 4);
}

/* Another value of the same shape, one broadcast from a constant row, or a scalar. */
static V partner(grower *g, V x)
{
    for (uint32_t tries = 0; tries < 6; tries++) {
        V other = any(g);
        if (same_shape(x, other)) {
            return other;
        }
    }
    int64_t last = 0;
    if (pick(g, 2) == 0 && x->type->rank > 0 &&
        hmlc_dim_is_constant(x->type->dims[x->type->rank - 1], &last)) {
        char shape[24];
        snprintf(shape, sizeof shape, "%lld", (long long)last);
        return kit_weight(&g->k, shape);
    }
    return kit_scalar(&g->k, 0.5);
}

static void grow_elementwise(grower *g)
{
    static const hmlc_opcode unary[] = {HMLC_OP_relu,    HMLC_OP_tanh, HMLC_OP_neg,
                                        HMLC_OP_sigmoid, HMLC_OP_gelu, HMLC_OP_abs};
    static const hmlc_opcode binary[] = {HMLC_OP_add, HMLC_OP_mul, HMLC_OP_sub, HMLC_OP_max};
    V x = any(g);
    if (pick(g, 3) == 0) {
        keep(g, kit_unary(&g->k, unary[pick(g, 6)], x));
    } else {
        keep(g, kit_binary(&g->k, binary[pick(g, 4)], x, partner(g, x)));
    }
}

static void grow_transpose(grower *g)
{
    V x = any(g);
    if (x->type->rank == 3) {
        static const char *const orders[] = {"0, 2, 1", "1, 0, 2", "2, 1, 0", "1, 2, 0"};
        keep(g, kit_transpose(&g->k, x, orders[pick(g, 4)]));
    } else if (x->type->rank == 4) {
        static const char *const orders[] = {"0, 2, 1, 3", "0, 2, 3, 1", "0, 3, 1, 2",
                                             "3, 2, 1, 0"};
        keep(g, kit_transpose(&g->k, x, orders[pick(g, 4)]));
    }
}

static void append(char *text, size_t size, hmlc_dim dim)
{
    size_t used = 0;
    while (text[used] != '\0') {
        used++;
    }
    if (used > 0) {
        used += (size_t)snprintf(text + used, size - used, ", ");
    }
    hmlc_dim_format(dim, text + used, size - used);
}

/* Merges two neighbouring dims, or splits an even one. */
static void grow_reshape(grower *g)
{
    V x = any(g);
    hmlc_dims *dims = g->k.module->dims;
    int32_t rank = x->type->rank, at = rank > 0 ? (int32_t)pick(g, (uint32_t)rank) : 0;
    bool merge = rank > 2 && (rank > 4 || pick(g, 2) == 0) && at + 1 < rank;
    char shape[256] = "";
    for (int32_t i = 0; i < rank; i++) {
        int64_t size = 0;
        hmlc_dim dim = x->type->dims[i];
        if (i == at && merge) {
            append(shape, sizeof shape, hmlc_dim_multiply(dims, dim, x->type->dims[++i]));
        } else if (i == at && rank < 5 && hmlc_dim_is_constant(dim, &size) && size % 2 == 0) {
            append(shape, sizeof shape, hmlc_dim_constant(dims, 2));
            append(shape, sizeof shape, hmlc_dim_constant(dims, size / 2));
        } else {
            append(shape, sizeof shape, dim);
        }
    }
    keep(g, kit_reshape(&g->k, x, shape));
}

static void grow_slice_or_concat(grower *g)
{
    V x = any(g);
    int32_t rank = x->type->rank;
    int64_t size = 0;
    uint32_t axis = rank > 0 ? pick(g, (uint32_t)rank) : 0;
    if (rank == 0 || !hmlc_dim_is_constant(x->type->dims[axis], &size) || size > 16) {
        return;
    }
    if (size < 4) {
        V parts[] = {x, partner(g, x), x};
        keep(g, kit_concat(&g->k, axis, same_shape(x, parts[1]) ? 3 : 1, parts));
        return;
    }
    char starts[64] = "", sizes[256] = "";
    for (int32_t i = 0; i < rank; i++) {
        bool cut = i == (int32_t)axis;
        append(starts, sizeof starts, hmlc_dim_constant(g->k.module->dims, cut ? 1 : 0));
        append(sizes, sizeof sizes,
               cut ? hmlc_dim_constant(g->k.module->dims, size - 2) : x->type->dims[i]);
    }
    keep(g, kit_slice(&g->k, x, starts, sizes));
}

static void grow_rows(grower *g)
{
    static const hmlc_opcode reductions[] = {HMLC_OP_reduce_mean, HMLC_OP_reduce_max,
                                             HMLC_OP_reduce_sum};
    V x = any(g);
    if (x->type->rank == 0) {
        return;
    }
    char axis[8];
    snprintf(axis, sizeof axis, "%u", pick(g, (uint32_t)x->type->rank));
    switch (pick(g, 3)) {
    case 0:
        keep(g, kit_reduce(&g->k, reductions[pick(g, 3)], x, axis, pick(g, 2) == 0));
        break;
    case 1:
        keep(g, kit_rows(&g->k, HMLC_OP_softmax, x, NULL, NULL, axis));
        break;
    default:
        keep(g, kit_rows(&g->k, HMLC_OP_layer_norm, x, NULL, NULL, axis));
    }
}

static void grow_product(grower *g)
{
    V x = any(g);
    int64_t last = 0;
    if (x->type->rank < 2 || !hmlc_dim_is_constant(x->type->dims[x->type->rank - 1], &last)) {
        return;
    }
    V y = partner(g, x);
    if (pick(g, 2) == 0 && same_shape(x, y)) {
        keep(g, kit_matmul(&g->k, x, y, true));
        return;
    }
    char shape[48];
    snprintf(shape, sizeof shape, "%lld, %u", (long long)last, 4 + 4 * pick(g, 2));
    keep(g, kit_matmul(&g->k, x, kit_weight(&g->k, shape), false));
}

/* Convolutions and pools on what looks like an image. */
static void grow_window(grower *g)
{
    V x = any(g);
    int64_t channels = 0, height = 0, width = 0;
    if (x->type->rank != 4 || !hmlc_dim_is_constant(x->type->dims[1], &channels) ||
        !hmlc_dim_is_constant(x->type->dims[2], &height) ||
        !hmlc_dim_is_constant(x->type->dims[3], &width) || channels > 16 || height < 2 ||
        width < 2) {
        return;
    }
    char shape[64];
    switch (pick(g, 5)) {
    case 0:
        keep(g, kit_pool(&g->k, HMLC_OP_max_pool, x, 2, 1, 0));
        break;
    case 1:
        keep(g, kit_pool(&g->k, HMLC_OP_avg_pool, x, 3, 1, 1));
        break;
    case 2:
        snprintf(shape, sizeof shape, "%lld, 1, 3, 3", (long long)channels);
        keep(g, kit_conv(&g->k, x, kit_weight(&g->k, shape), NULL, 1, 1, channels));
        break;
    case 3:
        snprintf(shape, sizeof shape, "%lld, 4, 2, 2", (long long)channels);
        keep(g, kit_conv_transpose(&g->k, x, kit_weight(&g->k, shape), NULL, 1));
        break;
    default:
        snprintf(shape, sizeof shape, "%d, %lld, 3, 3", pick(g, 2) == 0 ? 8 : 4,
                 (long long)channels);
        keep(g, kit_conv(&g->k, x, kit_weight(&g->k, shape), NULL, 1, 1, 1));
    }
}

static kit grow_graph(uint32_t seed)
{
    grower g = {.k = kit_open(), .random = seed};
    keep(&g, kit_input(&g.k, "x", HMLC_DTYPE_f32, "n, 6, 8"));
    keep(&g, kit_input(&g.k, "y", HMLC_DTYPE_f32, "n, 6, 8"));
    keep(&g, kit_input(&g.k, "z", HMLC_DTYPE_f32, "2, 4, 4, 6"));
    keep(&g, kit_input(&g.k, "image", HMLC_DTYPE_f32, "n, 4, 6, 5"));
    uint32_t steps = 6 + pick(&g, 22);
    for (uint32_t i = 0; i < steps && !g.k.failed; i++) {
        static void (*const growers[])(grower *) = {
            grow_elementwise,     grow_elementwise, grow_elementwise, grow_transpose, grow_reshape,
            grow_slice_or_concat, grow_rows,        grow_product,     grow_window,    grow_window};
        growers[pick(&g, 10)](&g);
    }
    V outputs[4];
    uint32_t count = 1 + pick(&g, 3);
    for (uint32_t i = 0; i < count; i++) {
        outputs[i] = i == 0 ? g.pool[g.count - 1] : any(&g);
    }
    kit_yield(&g.k, count, outputs);
    return g.k;
}

/*
 * Rows of products and sums that share factors, joined in the end: groups with several results all
 * over each other, which must not come to need one another.
 */
static kit grow_formulas(uint32_t seed)
{
    enum { INPUTS = 14, PARTS = 9 };
    grower g = {.k = kit_open(), .random = seed};
    for (uint32_t i = 0; i < INPUTS; i++) {
        char name[16];
        snprintf(name, sizeof name, "x%u", i);
        const char *shape = i % 7 == 6 ? "n, 14" : i % 3 == 2 ? "20" : "n, 20";
        keep(&g, kit_input(&g.k, name, HMLC_DTYPE_f32, shape));
    }
    uint32_t steps = 12 + pick(&g, 28);
    for (uint32_t i = 0; i < steps; i++) {
        static const hmlc_opcode opcodes[] = {HMLC_OP_mul, HMLC_OP_mul, HMLC_OP_add, HMLC_OP_sub};
        V x = pick_value(&g, 2, 8), y = pick_value(&g, 2, 8);
        int32_t last = x->type->rank - 1, other = y->type->rank - 1;
        bool fits = x->type->dims[last] == y->type->dims[other];
        keep(&g,
             fits ? kit_binary(&g.k, opcodes[pick(&g, 4)], x, y) : kit_unary(&g.k, HMLC_OP_neg, x));
    }
    V parts[PARTS];
    uint32_t count = 0;
    for (uint32_t tries = 0; tries < 200 && count < PARTS; tries++) {
        V part = pick_value(&g, 2, 24);
        if (part->type->rank == 2) {
            parts[count++] = part;
        }
    }
    V joined = kit_concat(&g.k, 1, count, parts);
    kit_yield(&g.k, 1, &joined);
    return g.k;
}

static void check_graph(kit (*grow)(uint32_t), uint32_t seed)
{
    kit k = grow(seed);
    assert_false(k.failed);
    const oracle_dim dims[] = {{"n", 3}};
    const hmlc_op *offender = NULL;
    const char *broken = clone_broken(k.module, oracle_kernel_passes);
    if (broken != NULL) {
        fail_msg("graph %u: %s", seed, broken);
    }
    if (!oracle_run_module(k.module, oracle_kernel_passes, dims, 1)) {
        fail_msg("graph %u", seed);
    }
    broken = kernel_contract_broken(k.module, &offender);
    if (broken != NULL) {
        oracle_print_module(k.module);
        fail_msg("graph %u, %s: %s", seed, hmlc_op_get_info(offender->opcode)->name, broken);
    }
    for (int64_t n = 0; n < 200; n = 3 * n + 1) {
        const oracle_dim other[] = {{"n", n}};
        plan_report report;
        plan_check(k.module, oracle_symbols(k.module, other, 1), &report);
        if (report.problem[0] != '\0') {
            oracle_print_module(k.module);
            fail_msg("graph %u at n = %lld: %s", seed, (long long)n, report.problem);
        }
    }
    plan_report report;
    plan_check_at_hint(k.module, &report);
    if (report.arena_bytes > report.live_bytes + report.live_bytes / 4 + 256) {
        fail_msg("graph %u: arena of %lld bytes for %lld live ones", seed,
                 (long long)report.arena_bytes, (long long)report.live_bytes);
    }
    hmlc_module_destroy(k.module);
}

static void random_graphs(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= GRAPHS; seed++) {
        check_graph(grow_graph, seed);
    }
}

static void random_formulas(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= FORMULAS; seed++) {
        check_graph(grow_formulas, seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_graphs),
                                       cmocka_unit_test(random_formulas)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
