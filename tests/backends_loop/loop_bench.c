/* SPDX-License-Identifier: Apache-2.0 */
/* Nanoseconds per element of typical loop kernels; run by hand: loop_bench [target]. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "kernel_graph.h"
#include "kernel_harness.h"

static const char *target = "x86-64-v3";

static hmlc_tensor random_of(kernel_graph *graph, const hmlc_value *argument)
{
    kernel_random random = {1};
    int64_t dims[HMLC_MAX_RANK];
    const hmlc_type *type = argument->type;
    for (int32_t k = 0; k < type->rank; k++) {
        hmlc_dim_is_constant(type->dims[k], &dims[k]);
    }
    return kernel_random_tensor(&random, graph->module->arena, type->dtype, type->rank, dims, -4,
                                4);
}

static void report(const char *name, kernel_graph *graph, hmlc_value *result)
{
    hmlc_tensor inputs[16];
    kernel_graph_finish(graph, HMLC_FORM_LOOP, &result, 1);
    const hmlc_region *main_region = graph->module->main;
    double bytes = 0;
    for (uint32_t k = 0; k < main_region->argument_count; k++) {
        inputs[k] = random_of(graph, main_region->arguments[k]);
        bytes += (double)inputs[k].bytes;
    }
    int64_t count = 1, dim;
    for (int32_t k = 0; k < result->type->rank; k++) {
        hmlc_dim_is_constant(result->type->dims[k], &dim);
        count *= dim;
    }
    bytes += (double)count * (double)hmlc_dtype_bytes(result->type->dtype);
    harness_kernel *kernel = harness_compile(graph->module, target);
    double time = harness_time(kernel, inputs);
    printf("%-34s %10.1f us %7.3f ns/element %7.1f GB/s\n", name, time * 1e-3, time / (double)count,
           bytes / time);
    harness_free(kernel);
    kernel_graph_destroy(graph);
}

static void bench_unary(hmlc_opcode opcode, const char *dims)
{
    char name[64];
    kernel_graph graph = kernel_graph_create();
    hmlc_value *x = kernel_graph_input(&graph, HMLC_DTYPE_f32, dims);
    snprintf(name, sizeof name, "%s %s", hmlc_op_get_info(opcode)->name, dims);
    report(name, &graph, kernel_graph_unary(&graph, opcode, x));
}

static void bench_row(hmlc_opcode opcode, const char *dims, int64_t axis, int64_t last)
{
    char name[64];
    kernel_graph graph = kernel_graph_create();
    int64_t axes[4];
    uint32_t count = 0;
    for (int64_t k = axis; k <= last; k++) {
        axes[count++] = k;
    }
    hmlc_attr attrs[] = {hmlc_attr_ints(HMLC_ATTR_axes, axes, count),
                         hmlc_attr_int(HMLC_ATTR_keep_dims, 1)};
    hmlc_value *operands[3] = {kernel_graph_input(&graph, HMLC_DTYPE_f32, dims)};
    snprintf(name, sizeof name, "%s %s axis %d", hmlc_op_get_info(opcode)->name, dims, (int)axis);
    bool rowwise = hmlc_opcode_has(opcode, HMLC_TRAIT_ROWWISE);
    report(name, &graph, kernel_graph_op(&graph, opcode, operands, 1, attrs, rowwise ? 1 : 2));
}

static void bench_transpose(const char *dims)
{
    char name[64];
    kernel_graph graph = kernel_graph_create();
    hmlc_value *x = kernel_graph_input(&graph, HMLC_DTYPE_f32, dims);
    int64_t permutation[] = {1, 0};
    hmlc_attr attr = hmlc_attr_ints(HMLC_ATTR_permutation, permutation, 2);
    snprintf(name, sizeof name, "transpose %s", dims);
    report(name, &graph, kernel_graph_op(&graph, HMLC_OP_transpose, &x, 1, &attr, 1));
}

static void bench_add_relu(const char *dims)
{
    char name[64];
    kernel_graph graph = kernel_graph_create();
    hmlc_value *a = kernel_graph_input(&graph, HMLC_DTYPE_f32, dims);
    hmlc_value *b = kernel_graph_input(&graph, HMLC_DTYPE_f32, dims);
    hmlc_value *sum = kernel_graph_binary(&graph, HMLC_OP_add, a, b);
    snprintf(name, sizeof name, "add+relu %s", dims);
    report(name, &graph, kernel_graph_unary(&graph, HMLC_OP_relu, sum));
}

static void bench_concat(const char *dims)
{
    kernel_graph graph = kernel_graph_create();
    hmlc_value *operands[] = {kernel_graph_input(&graph, HMLC_DTYPE_f32, dims),
                              kernel_graph_input(&graph, HMLC_DTYPE_f32, dims)};
    hmlc_attr attr = hmlc_attr_int(HMLC_ATTR_axis, 1);
    report("concat 2x", &graph, kernel_graph_op(&graph, HMLC_OP_concat, operands, 2, &attr, 1));
}

int main(int argc, char **argv)
{
    target = argc > 1 ? argv[1] : target;
    static const hmlc_opcode unary[] = {
        HMLC_OP_abs,      HMLC_OP_exp, HMLC_OP_sigmoid, HMLC_OP_silu, HMLC_OP_tanh,
        HMLC_OP_gelu,     HMLC_OP_erf, HMLC_OP_log,     HMLC_OP_mish, HMLC_OP_elu,
        HMLC_OP_softplus, HMLC_OP_sin, HMLC_OP_atan,    HMLC_OP_sqrt, HMLC_OP_hard_swish,
    };
    for (size_t k = 0; k < sizeof unary / sizeof unary[0]; k++) {
        bench_unary(unary[k], "3072");
    }
    bench_unary(HMLC_OP_gelu, "128 3072");
    bench_row(HMLC_OP_softmax, "1536 128", 1, 1);
    bench_row(HMLC_OP_softmax, "1182 197", 1, 1);
    bench_row(HMLC_OP_softmax, "4704 49", 1, 1);
    bench_row(HMLC_OP_softmax, "96 1500", 1, 1);
    bench_row(HMLC_OP_softmax, "4 50257", 1, 1);
    bench_row(HMLC_OP_layer_norm, "128 768", 1, 1);
    bench_row(HMLC_OP_layer_norm, "3136 96", 1, 1);
    bench_row(HMLC_OP_rms_norm, "128 768", 1, 1);
    bench_row(HMLC_OP_reduce_mean, "49 1280", 0, 0);
    bench_row(HMLC_OP_reduce_mean, "3136 128", 0, 0);
    bench_row(HMLC_OP_reduce_mean, "128 3136", 1, 1);
    bench_transpose("3 50176");
    bench_transpose("50176 3");
    bench_transpose("64 3136");
    bench_transpose("3136 64");
    bench_transpose("197 768");
    bench_add_relu("3136 64");
    bench_add_relu("3136 256");
    bench_concat("784 128");
    bench_concat("6400 64");
    return 0;
}
