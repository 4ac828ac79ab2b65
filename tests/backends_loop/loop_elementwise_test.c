/* Every elementwise operator on every element type that the backend takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kernel_graph.h"
#include "kernel_harness.h"
#include "llvm/elementwise.h"

static const hmlc_dtype all_types[] = {
    HMLC_DTYPE_bool, HMLC_DTYPE_i8,  HMLC_DTYPE_i16, HMLC_DTYPE_i32, HMLC_DTYPE_i64,
    HMLC_DTYPE_u8,   HMLC_DTYPE_u16, HMLC_DTYPE_u32, HMLC_DTYPE_u64, HMLC_DTYPE_f16,
    HMLC_DTYPE_bf16, HMLC_DTYPE_f32, HMLC_DTYPE_f64,
};
enum { TYPE_COUNT = sizeof all_types / sizeof all_types[0], ELEMENTS = 77 };

/* Values where most ops are defined, with the corners of integers among them. */
static hmlc_tensor sample(kernel_random *random, hmlc_arena *arena, hmlc_dtype dtype,
                          const int64_t *dims, int32_t rank)
{
    hmlc_tensor tensor = kernel_random_tensor(random, arena, dtype, rank, dims, -9, 9);
    if (!hmlc_dtype_is_integer(dtype)) {
        return tensor;
    }
    union {
        const void *from;
        void *to;
    } data = {.from = tensor.data};
    int64_t count = hmlc_tensor_count(&tensor);
    for (int64_t k = 0; k < count; k += 3) { /* any bits */
        hmlc_element_set_int(dtype, data.to, k, (int64_t)kernel_random_next(random));
    }
    return tensor;
}

static harness_tolerance tolerance_of(hmlc_dtype dtype)
{
    switch (dtype) {
    case HMLC_DTYPE_f16:
        return (harness_tolerance){1e-6, 2e-3};
    case HMLC_DTYPE_bf16:
        return (harness_tolerance){1e-6, 1.6e-2};
    case HMLC_DTYPE_f64:
        return (harness_tolerance){1e-15, 1e-14};
    default:
        return (harness_tolerance){1e-6, 1e-6};
    }
}

/* Operator with operands of one type; false where inference does not take it. */
static bool build(kernel_graph *graph, hmlc_opcode opcode, hmlc_dtype dtype, const char *dims,
                  hmlc_value **result, uint32_t *operand_count)
{
    const hmlc_op_info *info = hmlc_op_get_info(opcode);
    hmlc_value *operands[3] = {NULL, NULL, NULL};
    *operand_count = (uint32_t)info->least_operands;
    for (uint32_t k = 0; k < *operand_count; k++) {
        bool condition = opcode == HMLC_OP_select && k == 0;
        operands[k] = kernel_graph_input(graph, condition ? HMLC_DTYPE_bool : dtype, dims);
    }
    hmlc_op *op = NULL;
    if (hmlc_op_create(&graph->builder, opcode, operands, *operand_count, NULL, 0, &op) !=
        HMLC_OK) {
        return false;
    }
    *result = op->results[0];
    return true;
}

static bool is_plain(hmlc_opcode opcode)
{
    return hmlc_opcode_has(opcode, HMLC_TRAIT_ELEMENTWISE) && opcode != HMLC_OP_cast &&
           opcode != HMLC_OP_quantize && opcode != HMLC_OP_dequantize;
}

static uint32_t tested;

static void check_one(hmlc_opcode opcode, hmlc_dtype dtype)
{
    kernel_graph graph = kernel_graph_create();
    kernel_random random = {(uint64_t)opcode * 100 + dtype};
    hmlc_value *result;
    uint32_t count;
    const char *reason = NULL;
    if (build(&graph, opcode, dtype, "77", &result, &count)) {
        kernel_graph_finish(&graph, HMLC_FORM_LOOP, &result, 1);
        if (hmlc_elementwise_supported(result->producer, &reason)) {
            hmlc_tensor inputs[3];
            int64_t dims[] = {ELEMENTS};
            for (uint32_t k = 0; k < count; k++) {
                hmlc_dtype type = graph.module->main->arguments[k]->type->dtype;
                inputs[k] = sample(&random, graph.module->arena, type, dims, 1);
            }
            harness_verify_targets(graph.module, inputs, tolerance_of(dtype));
            tested++;
        } else {
            assert_non_null(reason);
        }
    }
    kernel_graph_destroy(&graph);
}

static void every_operator_and_type(void **state)
{
    (void)state;
    for (hmlc_opcode opcode = 0; opcode < HMLC_OP_COUNT; opcode++) {
        for (int k = 0; is_plain(opcode) && k < TYPE_COUNT; k++) {
            check_one(opcode, all_types[k]);
        }
    }
    print_message("%u operator and type pairs\n", tested);
    assert_true(tested > 370);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_operator_and_type)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
