/* SPDX-License-Identifier: Apache-2.0 */
#include "contraction_cases.h"

contraction_case case_begin(uint64_t seed)
{
    return (contraction_case){.graph = kernel_graph_create(), .random = {seed}};
}

hmlc_tensor case_tensor(contraction_case *test, hmlc_dtype dtype, const char *sizes)
{
    int64_t dims[HMLC_MAX_RANK] = {0};
    int32_t rank = 0;
    char *end = NULL;
    for (long value = strtol(sizes, &end, 10); end != sizes; value = strtol(sizes, &end, 10)) {
        dims[rank++] = value;
        sizes = end;
    }
    double reach = hmlc_dtype_is_float(dtype) ? 1 : 9;
    return kernel_random_tensor(&test->random, test->graph.module->arena, dtype, rank, dims, -reach,
                                reach);
}

hmlc_value *case_input(contraction_case *test, hmlc_dtype dtype, const char *dims,
                       const char *sizes)
{
    test->inputs[test->input_count++] = case_tensor(test, dtype, sizes != NULL ? sizes : dims);
    return kernel_graph_input(&test->graph, dtype, dims);
}

hmlc_value *case_constant(contraction_case *test, hmlc_dtype dtype, const char *dims)
{
    hmlc_tensor tensor = case_tensor(test, dtype, dims);
    return kernel_graph_outer_constant(&test->graph, &tensor);
}

void case_verify_all(contraction_case *test, int64_t form, hmlc_value *const *results,
                     uint32_t count, harness_tolerance tolerance)
{
    kernel_graph_finish(&test->graph, form, results, count);
    harness_verify_targets(test->graph.module, test->inputs, tolerance);
    kernel_graph_destroy(&test->graph);
}

void case_verify(contraction_case *test, int64_t form, hmlc_value *result)
{
    case_verify_all(test, form, &result, 1, close_enough);
}
