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

static const int64_t shapes[][3] = {{1, 3, 50}, {2, 50, 3}, {3, 33, 17}, {2, 5, 128},
                                    {1, 1, 1},  {5, 7, 9},  {4, 6, 1000}};

static void check(hmlc_opcode opcode, hmlc_dtype dtype, const int64_t *shape, uint32_t mask,
                  bool dynamic)
{
    kernel_graph graph = kernel_graph_create();
    kernel_random random = {opcode};
    char dims[64];
    snprintf(dims, sizeof dims, "%lld %lld %lld", (long long)shape[0], (long long)shape[1],
             (long long)shape[2]);
    hmlc_value *a = kernel_graph_input(&graph, dtype, dynamic ? "b m n" : dims);
    int64_t axes[3];
    uint32_t count = 0;
    for (int k = 0; k < 3; k++) {
        if (mask >> k & 1) {
            axes[count++] = k;
        }
    }
    hmlc_attr attrs[2] = {hmlc_attr_ints(HMLC_ATTR_axes, axes, count),
                          hmlc_attr_int(HMLC_ATTR_keep_dims, dynamic)};
    bool rowwise = hmlc_opcode_has(opcode, HMLC_TRAIT_ROWWISE);
    if (opcode == HMLC_OP_arg_max || opcode == HMLC_OP_arg_min) {
        attrs[0] = hmlc_attr_int(HMLC_ATTR_axis, axes[0]);
    }
    hmlc_value *t = kernel_graph_op(&graph, opcode, &a, 1, attrs, rowwise ? 1 : 2);
    kernel_graph_finish(&graph, HMLC_FORM_LOOP, &t, 1);
    hmlc_tensor input = kernel_random_tensor(&random, graph.module->arena, dtype, 3, shape, -3, 3);
    double n = 1;
    for (uint32_t k = 0; k < count; k++) {
        n *= (double)shape[axes[k]];
    }
    harness_verify_targets(
        graph.module, &input,
        (harness_tolerance){(opcode == HMLC_OP_layer_norm ? 3e-5 : 3e-6) + 1e-7 * n, 3e-6});
    kernel_graph_destroy(&graph);
}

static void test_rows(void **state)
{
    (void)state;
    static const hmlc_opcode ops[] = {HMLC_OP_reduce_sum, HMLC_OP_reduce_mean, HMLC_OP_reduce_max,
                                      HMLC_OP_reduce_min, HMLC_OP_arg_max,     HMLC_OP_arg_min,
                                      HMLC_OP_softmax,    HMLC_OP_log_softmax, HMLC_OP_layer_norm,
                                      HMLC_OP_rms_norm};
    for (size_t o = 0; o < sizeof ops / sizeof ops[0]; o++) {
        for (size_t k = 0; k < sizeof shapes / sizeof shapes[0]; k++) {
            for (uint32_t mask = 1; mask < 8; mask++) {
                bool arg = ops[o] == HMLC_OP_arg_max || ops[o] == HMLC_OP_arg_min;
                if (arg && (mask & (mask - 1))) {
                    continue;
                }
                check(ops[o], HMLC_DTYPE_f32, shapes[k], mask, k & 1);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
