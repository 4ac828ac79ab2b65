/* SPDX-License-Identifier: Apache-2.0 */
#include "kernel_graph.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

kernel_graph kernel_graph_create(void)
{
    kernel_graph graph = {.module = hmlc_module_create(NULL)};
    assert_non_null(graph.module);
    graph.region = hmlc_region_create(graph.module, NULL);
    assert_non_null(graph.region);
    graph.builder = hmlc_builder_at_end(graph.region);
    return graph;
}

void kernel_graph_destroy(kernel_graph *graph)
{
    hmlc_module_destroy(graph->module);
}

static uint32_t parse_dims(kernel_graph *graph, const char *text, hmlc_dim *dims)
{
    uint32_t count = 0;
    while (*text != 0) {
        size_t length = strcspn(text, " ");
        if (length > 0) {
            assert_true(count < 64);
            dims[count] = hmlc_dim_parse(graph->module->dims, text, length);
            assert_non_null(dims[count]);
            count++;
        }
        text += length + (text[length] != 0);
    }
    return count;
}

/* A type from text: dims are numbers or symbol names separated by blanks, "" is a scalar: "n 3 8".
 */
static const hmlc_type *type_from_text(kernel_graph *graph, hmlc_dtype dtype, const char *dims)
{
    hmlc_dim list[64];
    uint32_t rank = parse_dims(graph, dims, list);
    const hmlc_type *type = hmlc_type_tensor(graph->module->arena, dtype, (int32_t)rank, list);
    assert_non_null(type);
    return type;
}

hmlc_attr kernel_graph_dims(kernel_graph *graph, hmlc_attr_name name, const char *dims)
{
    hmlc_dim list[64];
    uint32_t count = parse_dims(graph, dims, list);
    hmlc_dim *copy = hmlc_arena_copy(graph->module->arena, list, count * sizeof list[0]);
    assert_non_null(copy);
    return hmlc_attr_dims(name, copy, count);
}

hmlc_value *kernel_graph_input(kernel_graph *graph, hmlc_dtype dtype, const char *dims)
{
    const hmlc_type *type = type_from_text(graph, dtype, dims);
    hmlc_value *outer = hmlc_region_add_argument(graph->module->main, type, "input");
    hmlc_value *inner = hmlc_region_add_argument(graph->region, type, NULL);
    assert_non_null(outer);
    assert_non_null(inner);
    assert_true(graph->outer_count < 64);
    graph->outer[graph->outer_count++] = outer;
    return inner;
}

hmlc_value *kernel_graph_outer_constant(kernel_graph *graph, const hmlc_tensor *tensor)
{
    hmlc_builder builder = hmlc_builder_at_end(graph->module->main);
    hmlc_value *outer = NULL;
    assert_int_equal(hmlc_build_constant(&builder, tensor, &outer), HMLC_OK);
    hmlc_value *inner = hmlc_region_add_argument(graph->region, outer->type, NULL);
    assert_non_null(inner);
    assert_true(graph->outer_count < 64);
    graph->outer[graph->outer_count++] = outer;
    return inner;
}

hmlc_value *kernel_graph_scalar(kernel_graph *graph, hmlc_dtype dtype, double value)
{
    hmlc_value *result = NULL;
    assert_int_equal(hmlc_build_scalar(&graph->builder, dtype, value, &result), HMLC_OK);
    return result;
}

hmlc_value *kernel_graph_op(kernel_graph *graph, hmlc_opcode opcode, hmlc_value *const *operands,
                            uint32_t count, const hmlc_attr *attrs, uint32_t attr_count)
{
    hmlc_value *result = NULL;
    hmlc_status status =
        hmlc_build(&graph->builder, opcode, operands, count, attrs, attr_count, &result);
    if (status != HMLC_OK) {
        const hmlc_diagnostic *first = hmlc_diagnostics_first(graph->module->diagnostics);
        fail_msg("%s: %s", hmlc_op_get_info(opcode)->name, first ? first->message : "failed");
    }
    return result;
}

hmlc_value *kernel_graph_unary(kernel_graph *graph, hmlc_opcode opcode, hmlc_value *a)
{
    return kernel_graph_op(graph, opcode, &a, 1, NULL, 0);
}

hmlc_value *kernel_graph_binary(kernel_graph *graph, hmlc_opcode opcode, hmlc_value *a,
                                hmlc_value *b)
{
    hmlc_value *operands[] = {a, b};
    return kernel_graph_op(graph, opcode, operands, 2, NULL, 0);
}

void kernel_graph_finish(kernel_graph *graph, int64_t form, hmlc_value *const *results,
                         uint32_t count)
{
    assert_int_equal(hmlc_build_yield(&graph->builder, results, count), HMLC_OK);
    hmlc_builder builder = hmlc_builder_at_end(graph->module->main);
    hmlc_attr attr = hmlc_attr_int(HMLC_ATTR_form, form);
    hmlc_op *kernel = NULL;
    assert_int_equal(hmlc_op_create_with_regions(&builder, HMLC_OP_kernel, graph->outer,
                                                 graph->outer_count, &attr, 1, &graph->region, 1,
                                                 &kernel),
                     HMLC_OK);
    assert_int_equal(hmlc_build_yield(&builder, kernel->results, kernel->result_count), HMLC_OK);
    const char **names = HMLC_NEW_ARRAY(graph->module->arena, const char *, count);
    assert_non_null(names);
    for (uint32_t k = 0; k < count; k++) {
        names[k] = hmlc_arena_printf(graph->module->arena, "output%u", k);
    }
    graph->module->output_names = names;
}

/* splitmix64 */
uint64_t kernel_random_next(kernel_random *random)
{
    uint64_t z = random->state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

double kernel_random_real(kernel_random *random, double low, double high)
{
    return low + (high - low) * (double)(kernel_random_next(random) >> 11) * 0x1p-53;
}

hmlc_tensor kernel_random_tensor(kernel_random *random, hmlc_arena *arena, hmlc_dtype dtype,
                                 int32_t rank, const int64_t *dims, double low, double high)
{
    hmlc_tensor tensor = {.dtype = dtype, .rank = rank};
    int64_t count = 1;
    for (int32_t k = 0; k < rank; k++) {
        tensor.dims[k] = dims[k];
        count *= dims[k];
    }
    tensor.bytes = (size_t)count * hmlc_dtype_bytes(dtype);
    void *data = hmlc_arena_allocate(arena, tensor.bytes);
    assert_non_null(data);
    for (int64_t k = 0; k < count; k++) {
        double value = kernel_random_real(random, low, high);
        if (hmlc_dtype_is_float(dtype)) {
            hmlc_element_set_double(dtype, data, k, value);
        } else if (dtype == HMLC_DTYPE_bool) {
            hmlc_element_set_int(dtype, data, k, (int64_t)(kernel_random_next(random) & 1));
        } else {
            hmlc_element_set_int(dtype, data, k, (int64_t)value);
        }
    }
    tensor.data = data;
    return tensor;
}
