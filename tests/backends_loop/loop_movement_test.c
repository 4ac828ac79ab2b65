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

static const harness_tolerance exact = {0, 0};

static void test_transpose(void **state)
{
    (void)state;
    static const int64_t shapes[][3] = {{1, 3, 50},  {2, 50, 3}, {3, 33, 17}, {2, 64, 48},
                                        {1, 16, 16}, {5, 7, 9},  {1, 100, 4}};
    for (size_t k = 0; k < sizeof shapes / sizeof shapes[0]; k++) {
        for (int dynamic = 0; dynamic < 2; dynamic++) {
            kernel_graph graph = kernel_graph_create();
            kernel_random random = {k};
            char dims[64];
            snprintf(dims, sizeof dims, "%lld %lld %lld", (long long)shapes[k][0],
                     (long long)shapes[k][1], (long long)shapes[k][2]);
            hmlc_value *a = kernel_graph_input(&graph, HMLC_DTYPE_f32, dynamic ? "b m n" : dims);
            int64_t permutation[] = {0, 2, 1};
            hmlc_attr attr = hmlc_attr_ints(HMLC_ATTR_permutation, permutation, 3);
            hmlc_value *t = kernel_graph_op(&graph, HMLC_OP_transpose, &a, 1, &attr, 1);
            kernel_graph_finish(&graph, HMLC_FORM_LOOP, &t, 1);
            hmlc_tensor input = kernel_random_tensor(&random, graph.module->arena, HMLC_DTYPE_f32,
                                                     3, shapes[k], -1, 1);
            harness_verify_targets(graph.module, &input, exact);
            kernel_graph_destroy(&graph);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_transpose)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
