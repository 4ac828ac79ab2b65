#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "kernel_graph.h"
#include "kernel_harness.h"

static const harness_tolerance exact = {0, 0};

static void test_add(void **state)
{
    (void)state;
    static const int64_t sizes[] = {0, 1, 3, 7, 8, 15, 16, 17, 31, 33, 100, 5000};
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        for (int dynamic = 0; dynamic < 2; dynamic++) {
            kernel_graph graph = kernel_graph_create();
            kernel_random random = {k};
            char dims[32];
            snprintf(dims, sizeof dims, "%lld", (long long)sizes[k]);
            hmlc_value *a = kernel_graph_input(&graph, HMLC_DTYPE_f32, dynamic ? "n" : dims);
            hmlc_value *b = kernel_graph_input(&graph, HMLC_DTYPE_f32, dynamic ? "n" : dims);
            hmlc_value *sum = kernel_graph_binary(&graph, HMLC_OP_add, a, b);
            kernel_graph_finish(&graph, HMLC_FORM_LOOP, &sum, 1);
            hmlc_tensor inputs[2];
            for (int i = 0; i < 2; i++) {
                inputs[i] = kernel_random_tensor(&random, graph.module->arena, HMLC_DTYPE_f32, 1,
                                                 &sizes[k], -1, 1);
            }
            harness_verify_targets(graph.module, inputs, exact);
            kernel_graph_destroy(&graph);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_add)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
