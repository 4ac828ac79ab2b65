/* SPDX-License-Identifier: Apache-2.0 */
/* Reductions and rowwise operators, alone on every element type and axis, and fused at random. */
#include <math.h>
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

static const hmlc_opcode row_ops[] = {
    HMLC_OP_reduce_sum,  HMLC_OP_reduce_mean, HMLC_OP_reduce_max, HMLC_OP_reduce_min,
    HMLC_OP_reduce_prod, HMLC_OP_arg_max,     HMLC_OP_arg_min,    HMLC_OP_softmax,
    HMLC_OP_log_softmax, HMLC_OP_layer_norm,  HMLC_OP_rms_norm,
};
enum { ROW_OPS = sizeof row_ops / sizeof row_ops[0] };

static bool is_argument(hmlc_opcode opcode)
{
    return opcode == HMLC_OP_arg_max || opcode == HMLC_OP_arg_min;
}

/* Applies a row operator over the dims in `mask`. */
static hmlc_value *apply(kernel_graph *graph, hmlc_opcode opcode, hmlc_value *x, uint32_t mask,
                         bool keep, bool last)
{
    int64_t axes[HMLC_MAX_RANK];
    uint32_t count = 0;
    for (int32_t k = 0; k < x->type->rank; k++) {
        if ((mask >> k & 1) != 0) {
            axes[count++] = k;
        }
    }
    hmlc_attr attrs[3] = {hmlc_attr_ints(HMLC_ATTR_axes, axes, count),
                          hmlc_attr_int(HMLC_ATTR_keep_dims, keep),
                          hmlc_attr_int(HMLC_ATTR_select_last, last)};
    uint32_t attr_count = hmlc_opcode_has(opcode, HMLC_TRAIT_ROWWISE) ? 1 : 2;
    if (is_argument(opcode)) {
        attrs[0] = hmlc_attr_int(HMLC_ATTR_axis, axes[0]);
        attr_count = 3;
    }
    return kernel_graph_op(graph, opcode, &x, 1, attrs, attr_count);
}

static bool accepts(hmlc_opcode opcode, hmlc_dtype dtype)
{
    bool order = opcode == HMLC_OP_reduce_max || opcode == HMLC_OP_reduce_min;
    if (dtype == HMLC_DTYPE_bool) {
        return order;
    }
    if (hmlc_opcode_has(opcode, HMLC_TRAIT_ROWWISE)) {
        return hmlc_dtype_is_float(dtype);
    }
    return true;
}

static harness_tolerance tolerance_of(hmlc_dtype dtype, double elements)
{
    double eps = dtype == HMLC_DTYPE_f16    ? 1e-3
                 : dtype == HMLC_DTYPE_bf16 ? 8e-3
                 : dtype == HMLC_DTYPE_f64  ? 1e-14
                                            : 5e-6;
    return (harness_tolerance){6 * eps + eps * 0.1 * elements, 6 * eps};
}

typedef struct row_case {
    hmlc_opcode opcode;
    hmlc_dtype dtype;
    int64_t shape[3];
    uint32_t mask;
    bool dynamic;
} row_case;

static void check_case(const row_case *row)
{
    kernel_graph graph = kernel_graph_create();
    kernel_random random = {row->opcode + 31 * row->mask};
    const int64_t *shape = row->shape;
    char dims[64];
    snprintf(dims, sizeof dims, "%d %d %d", (int)shape[0], (int)shape[1], (int)shape[2]);
    hmlc_value *x = kernel_graph_input(&graph, row->dtype, row->dynamic ? "b m n" : dims);
    hmlc_value *y = apply(&graph, row->opcode, x, row->mask, row->dynamic, (row->mask & 1) != 0);
    kernel_graph_finish(&graph, HMLC_FORM_LOOP, &y, 1);
    double elements = 1;
    for (int k = 0; k < 3; k++) {
        elements *= (row->mask >> k & 1) != 0 ? (double)shape[k] : 1;
    }
    double range = row->opcode == HMLC_OP_reduce_prod ? 1.5 : 3;
    hmlc_tensor input =
        kernel_random_tensor(&random, graph.module->arena, row->dtype, 3, shape, -range, range);
    harness_verify_targets(graph.module, &input, tolerance_of(row->dtype, elements));
    kernel_graph_destroy(&graph);
}

static void every_operator_over_every_axis(void **state)
{
    (void)state;
    static const int64_t shapes[][3] = {{2, 5, 33}, {3, 20, 3}, {1, 17, 1}, {2, 3, 200}};
    for (int o = 0; o < ROW_OPS; o++) {
        for (uint32_t mask = 0; mask < 8; mask++) {
            bool single = mask != 0 && (mask & (mask - 1)) == 0;
            if (is_argument(row_ops[o]) && !single) {
                continue;
            }
            uint32_t k = (mask + (uint32_t)o) % 4;
            row_case row = {
                row_ops[o], HMLC_DTYPE_f32, {0, 0, 0}, mask, (mask + (uint32_t)o) % 3 == 0};
            memcpy(row.shape, shapes[k], sizeof row.shape);
            check_case(&row);
        }
    }
}

static void every_operator_on_every_type(void **state)
{
    (void)state;
    static const hmlc_dtype types[] = {
        HMLC_DTYPE_bool, HMLC_DTYPE_i8,  HMLC_DTYPE_i16,  HMLC_DTYPE_i32,
        HMLC_DTYPE_i64,  HMLC_DTYPE_u8,  HMLC_DTYPE_u16,  HMLC_DTYPE_u32,
        HMLC_DTYPE_u64,  HMLC_DTYPE_f16, HMLC_DTYPE_bf16, HMLC_DTYPE_f64,
    };
    for (int o = 0; o < ROW_OPS; o++) {
        for (size_t k = 0; k < sizeof types / sizeof types[0]; k++) {
            if (accepts(row_ops[o], types[k])) {
                row_case row = {row_ops[o], types[k], {2, 3, 37}, k % 2 == 0 ? 4 : 2, k % 3 == 0};
                check_case(&row);
            }
        }
    }
}

/* Lengths around the lane counts, and none at all. */
static void every_length(void **state)
{
    (void)state;
    static const int64_t sizes[] = {0, 1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 63, 100, 300};
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        for (int dynamic = 0; dynamic < 2; dynamic++) {
            row_case sum = {HMLC_OP_reduce_sum, HMLC_DTYPE_f32, {1, 3, sizes[k]}, 4, dynamic == 1};
            row_case across = {
                HMLC_OP_reduce_max, HMLC_DTYPE_f32, {1, 3, sizes[k]}, 2, dynamic == 1};
            row_case soft = {HMLC_OP_softmax, HMLC_DTYPE_f32, {1, 3, sizes[k]}, 4, dynamic == 1};
            row_case none = {
                HMLC_OP_reduce_mean, HMLC_DTYPE_f32, {1, sizes[k], 3}, 2, dynamic == 1};
            check_case(&sum);
            check_case(&across);
            check_case(&soft);
            check_case(&none);
        }
    }
}

/* Ties, NaN and infinities, in each position of a row. */
static void special_values(void **state)
{
    (void)state;
    for (int o = 0; o < ROW_OPS; o++) {
        for (int last = 0; last < 2; last++) {
            kernel_graph graph = kernel_graph_create();
            hmlc_value *x = kernel_graph_input(&graph, HMLC_DTYPE_f32, "4 37");
            hmlc_value *y = apply(&graph, row_ops[o], x, 2, true, last == 1);
            kernel_graph_finish(&graph, HMLC_FORM_LOOP, &y, 1);
            float values[4][37];
            for (int i = 0; i < 37; i++) {
                values[0][i] = (float)(i * 7 % 5);
                values[1][i] = i == 20 ? NAN : (float)(i % 3);
                values[2][i] = i % 4 == 0 ? -INFINITY : 1.0f;
                values[3][i] = i == 0 ? NAN : -2.0f;
            }
            hmlc_tensor input = {HMLC_DTYPE_f32, 2, {4, 37}, values, sizeof values};
            harness_verify_targets(graph.module, &input, tolerance_of(HMLC_DTYPE_f32, 37));
            kernel_graph_destroy(&graph);
        }
    }
}

static void the_largest_of_nothing_is_an_error(void **state)
{
    (void)state;
    kernel_graph graph = kernel_graph_create();
    hmlc_value *x = kernel_graph_input(&graph, HMLC_DTYPE_f32, "2 n");
    hmlc_value *y = apply(&graph, HMLC_OP_arg_max, x, 2, false, false);
    kernel_graph_finish(&graph, HMLC_FORM_LOOP, &y, 1);
    harness_kernel *kernel = harness_compile(graph.module, "x86-64-v2");
    hmlc_tensor input = {HMLC_DTYPE_f32, 2, {2, 0}, "", 0}, output;
    assert_int_equal(harness_run(kernel, &input, graph.module->arena, &output, 1),
                     HML_KERNEL_SHAPE);
    harness_free(kernel);
    kernel_graph_destroy(&graph);
}

/* -- random fusions -- */

enum { POOL = 24, FUSIONS = 30 };

typedef struct fusion {
    kernel_graph graph;
    kernel_random random;
    char full_dims[64];
    uint32_t mask, full_count, kept_count;
    hmlc_value *full[POOL], *kept[POOL];
} fusion;

static uint32_t pick(fusion *self, uint32_t count)
{
    return (uint32_t)(kernel_random_next(&self->random) % count);
}

static hmlc_value *any_full(fusion *self)
{
    return self->full[pick(self, self->full_count)];
}

static hmlc_value *any_kept(fusion *self)
{
    return self->kept[pick(self, self->kept_count)];
}

static void add_full(fusion *self, hmlc_value *value)
{
    self->full[self->full_count++] = value;
}

static void add_kept(fusion *self, hmlc_value *value)
{
    self->kept[self->kept_count++] = value;
}

static void add_step(fusion *self)
{
    static const hmlc_opcode unary[] = {HMLC_OP_tanh, HMLC_OP_sigmoid, HMLC_OP_abs, HMLC_OP_gelu};
    static const hmlc_opcode binary[] = {HMLC_OP_add, HMLC_OP_sub, HMLC_OP_max, HMLC_OP_min};
    static const hmlc_opcode reductions[] = {HMLC_OP_reduce_mean, HMLC_OP_reduce_max,
                                             HMLC_OP_reduce_min};
    static const hmlc_opcode rowwise[] = {HMLC_OP_softmax, HMLC_OP_log_softmax, HMLC_OP_layer_norm,
                                          HMLC_OP_rms_norm};
    kernel_graph *graph = &self->graph;
    hmlc_opcode one = unary[pick(self, 4)], two = binary[pick(self, 4)];
    hmlc_value *x = any_full(self), *y = any_full(self);
    uint32_t kind = pick(self, self->kept_count > 0 ? 6 : 4);
    if (kind == 0) {
        add_full(self, kernel_graph_unary(graph, one, x));
    } else if (kind == 1) {
        add_full(self, kernel_graph_binary(graph, two, x, y));
    } else if (kind == 2) {
        add_kept(self, apply(graph, reductions[pick(self, 3)], x, self->mask, true, false));
    } else if (kind == 3) {
        add_full(self, apply(graph, rowwise[pick(self, 4)], x, self->mask, true, false));
    } else if (kind == 4) {
        add_full(self, kernel_graph_binary(graph, two, x, any_kept(self)));
    } else {
        add_kept(self, kernel_graph_unary(graph, one, any_kept(self)));
    }
}

static void check_fusion(uint64_t seed)
{
    static const int64_t sizes[] = {1, 2, 3, 5, 8, 17, 40, 70};
    fusion self = {.graph = kernel_graph_create(), .random = {seed}};
    int64_t shape[3];
    for (int k = 0; k < 3; k++) {
        shape[k] = sizes[pick(&self, 8)];
    }
    bool dynamic = pick(&self, 2) == 0;
    self.mask = 1 + pick(&self, 7);
    snprintf(self.full_dims, sizeof self.full_dims, "%d %d %d", (int)shape[0], (int)shape[1],
             (int)shape[2]);
    const char *full = dynamic ? "b m n" : self.full_dims;
    self.full[self.full_count++] = kernel_graph_input(&self.graph, HMLC_DTYPE_f32, full);
    hmlc_value *other = kernel_graph_input(&self.graph, HMLC_DTYPE_f32, dynamic ? "m n" : full);
    self.full[self.full_count] = kernel_graph_binary(&self.graph, HMLC_OP_add, self.full[0], other);
    self.full_count++;
    for (uint32_t k = 0; k < 8; k++) {
        add_step(&self);
    }
    if (self.kept_count == 0) { /* at least one reduction makes it a row kernel */
        add_kept(&self,
                 apply(&self.graph, HMLC_OP_reduce_mean, any_full(&self), self.mask, true, false));
    }
    hmlc_value *results[3] = {self.full[self.full_count - 1], self.kept[self.kept_count - 1],
                              self.full[1 + pick(&self, self.full_count - 1)]};
    kernel_graph_finish(&self.graph, HMLC_FORM_LOOP, results, 1 + pick(&self, 3));
    hmlc_tensor inputs[2];
    inputs[0] = kernel_random_tensor(&self.random, self.graph.module->arena, HMLC_DTYPE_f32, 3,
                                     shape, -2, 2);
    inputs[1] = kernel_random_tensor(&self.random, self.graph.module->arena, HMLC_DTYPE_f32,
                                     dynamic ? 2 : 3, dynamic ? shape + 1 : shape, -2, 2);
    harness_verify_targets(self.graph.module, inputs, (harness_tolerance){2e-3, 2e-3});
    kernel_graph_destroy(&self.graph);
}

/* Its exponentials lie where it is stored; phases behind must find the quotients there. */
static void a_softmax_stored_and_read_again(void **state)
{
    (void)state;
    static const hmlc_opcode behind[] = {HMLC_OP_layer_norm, HMLC_OP_softmax, HMLC_OP_log_softmax};
    static const int64_t shape[] = {2, 3, 5};
    for (size_t k = 0; k < sizeof behind / sizeof behind[0]; k++) {
        for (uint32_t mask = 1; mask < 8; mask++) {
            kernel_graph graph = kernel_graph_create();
            kernel_random random = {mask};
            hmlc_value *x = kernel_graph_input(&graph, HMLC_DTYPE_f32, "2 3 5"), *results[2];
            results[0] = apply(&graph, HMLC_OP_softmax, x, mask, true, false);
            results[1] = apply(&graph, behind[k], results[0], mask, true, false);
            kernel_graph_finish(&graph, HMLC_FORM_LOOP, results, 2);
            hmlc_tensor input =
                kernel_random_tensor(&random, graph.module->arena, HMLC_DTYPE_f32, 3, shape, -2, 2);
            harness_verify_targets(graph.module, &input, tolerance_of(HMLC_DTYPE_f32, 30));
            kernel_graph_destroy(&graph);
        }
    }
}

/* Scores kept where a mask says so: no half-width type of LLVM's own may move them. */
static void masked_halves(void **state)
{
    (void)state;
    static const hmlc_dtype types[] = {HMLC_DTYPE_bf16, HMLC_DTYPE_f16};
    static const int64_t shape[] = {2, 3, 21};
    for (size_t k = 0; k < sizeof types / sizeof types[0]; k++) {
        kernel_graph graph = kernel_graph_create();
        kernel_random random = {k};
        hmlc_value *x = kernel_graph_input(&graph, types[k], "b m n"), *kept[3];
        kept[0] =
            kernel_graph_binary(&graph, HMLC_OP_less, x, kernel_graph_scalar(&graph, types[k], 1));
        kept[1] = x;
        kept[2] = kernel_graph_scalar(&graph, types[k], -INFINITY);
        hmlc_value *y = kernel_graph_op(&graph, HMLC_OP_select, kept, 3, NULL, 0);
        y = apply(&graph, HMLC_OP_softmax, y, 4, true, false);
        kernel_graph_finish(&graph, HMLC_FORM_LOOP, &y, 1);
        hmlc_tensor input =
            kernel_random_tensor(&random, graph.module->arena, types[k], 3, shape, -2, 2);
        harness_verify_targets(graph.module, &input, tolerance_of(types[k], 21));
        kernel_graph_destroy(&graph);
    }
}

static uint64_t first_seed = 1, seed_count = FUSIONS;

static void random_fusions(void **state)
{
    (void)state;
    for (uint64_t seed = first_seed; seed < first_seed + seed_count; seed++) {
        if (seed_count != FUSIONS) {
            fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
        }
        check_fusion(seed);
    }
}

/* loop_row_test [first seed] [count] */
int main(int argc, char **argv)
{
    first_seed = argc > 1 ? strtoull(argv[1], NULL, 10) : first_seed;
    seed_count = argc > 2 ? strtoull(argv[2], NULL, 10) : seed_count;
    const struct CMUnitTest all[] = {
        cmocka_unit_test(every_operator_over_every_axis),
        cmocka_unit_test(every_operator_on_every_type),
        cmocka_unit_test(every_length),
        cmocka_unit_test(special_values),
        cmocka_unit_test(the_largest_of_nothing_is_an_error),
        cmocka_unit_test(a_softmax_stored_and_read_again),
        cmocka_unit_test(masked_halves),
        cmocka_unit_test(random_fusions),
    };
    const struct CMUnitTest some[] = {cmocka_unit_test(random_fusions)};
    return argc > 1 ? cmocka_run_group_tests(some, NULL, NULL)
                    : cmocka_run_group_tests(all, NULL, NULL);
}
