/* Layout, lowering and kernel formation: same outputs, legal kernels, few steps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "graph_kit.h"
#include "kernel_contract.h"
#include "pass_oracle.h"
#include "plan_checker.h"

/* Runs the passes on the finished graph, checks everything, and returns the number of kernels. */
static uint32_t compile(kit *k, const oracle_dim *dims, uint32_t dim_count)
{
    assert_false(k->failed);
    assert_true(oracle_run_module(k->module, oracle_kernel_passes, dims, dim_count));
    const hmlc_op *offender = NULL;
    const char *broken = kernel_contract_broken(k->module, &offender);
    if (broken != NULL) {
        oracle_print_module(k->module);
        fail_msg("%s: %s", hmlc_op_get_info(offender->opcode)->name, broken);
    }
    plan_report report;
    plan_check(k->module, oracle_symbols(k->module, dims, dim_count), &report);
    assert_string_equal(report.problem, "");
    return kernel_count(k->module->main);
}

static uint32_t count_ops(const hmlc_region *region, hmlc_opcode opcode)
{
    uint32_t count = 0;
    HMLC_FOR_EACH_OP(op, region)
    {
        count += op->opcode == opcode ? 1 : 0;
        for (uint32_t i = 0; i < op->region_count; i++) {
            count += count_ops(op->regions[i], opcode);
        }
    }
    return count;
}

static void expect_kernels(kit *k, const oracle_dim *dims, uint32_t dim_count, uint32_t expected)
{
    uint32_t count = compile(k, dims, dim_count);
    if (count != expected) {
        oracle_print_module(k->module);
    }
    assert_int_equal(count, expected);
}

/* -- convolutional networks
 * ------------------------------------------------------------------------ */

/* conv, pool, a residual block with a projection, global pool, classifier. */
static void residual_network(void **state)
{
    (void)state;
    kit k = kit_open();
    V x = kit_input(&k, "x", HMLC_DTYPE_f32, "batch, 3, 12, 12");
    V stem = kit_conv(&k, x, kit_weight(&k, "8, 3, 3, 3"), kit_weight(&k, "8"), 1, 1, 1);
    V pooled = kit_pool(&k, HMLC_OP_max_pool, kit_unary(&k, HMLC_OP_relu, stem), 3, 2, 1);
    V left = kit_conv(&k, pooled, kit_weight(&k, "8, 8, 3, 3"), kit_weight(&k, "8"), 1, 1, 1);
    V right = kit_conv(&k, kit_unary(&k, HMLC_OP_relu, left), kit_weight(&k, "16, 8, 1, 1"),
                       kit_weight(&k, "16"), 1, 0, 1);
    V side = kit_conv(&k, pooled, kit_weight(&k, "16, 8, 1, 1"), NULL, 1, 0, 1);
    V sum = kit_unary(&k, HMLC_OP_relu, kit_binary(&k, HMLC_OP_add, right, side));
    V mean = kit_reduce(&k, HMLC_OP_reduce_mean, sum, "2, 3", true);
    V flat = kit_reshape(&k, mean, "batch, 16");
    V y = kit_matmul(&k, flat, kit_weight(&k, "16, 10"), false);
    y = kit_binary(&k, HMLC_OP_add, y, kit_weight(&k, "10"));
    kit_yield(&k, KIT_LIST(y));
    /* the input's transpose, 4 convolutions, pool, mean, matmul */
    expect_kernels(&k, (oracle_dim[]){{"batch", 2}}, 1, 8);
    assert_int_equal(count_ops(k.module->main, HMLC_OP_transpose), 1);
    hmlc_module_destroy(k.module);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(residual_network),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
