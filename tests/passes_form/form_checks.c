#include "form_checks.h"

static void check_plan(kit *k, const oracle_dim *dims, uint32_t dim_count, int64_t factor)
{
    oracle_dim scaled[8];
    for (uint32_t i = 0; i < dim_count && i < 8; i++) {
        scaled[i] = (oracle_dim){dims[i].symbol, dims[i].value * factor};
    }
    plan_report report;
    plan_check(k->module, oracle_symbols(k->module, scaled, dim_count), &report);
    if (report.problem[0] != '\0') {
        oracle_print_module(k->module);
    }
    assert_string_equal(report.problem, "");
}

uint32_t form_compile(kit *k, const oracle_dim *dims, uint32_t dim_count)
{
    assert_false(k->failed);
    assert_true(oracle_run_module(k->module, oracle_kernel_passes, dims, dim_count));
    const hmlc_op *offender = NULL;
    const char *broken = kernel_contract_broken(k->module, &offender);
    if (broken != NULL) {
        oracle_print_module(k->module);
        fail_msg("%s: %s", hmlc_op_get_info(offender->opcode)->name, broken);
    }
    for (int64_t factor = 0; factor < 40; factor = 3 * factor + 1) {
        check_plan(k, dims, dim_count, factor);
    }
    return kernel_count(k->module->main);
}

void form_expect(kit *k, const oracle_dim *dims, uint32_t dim_count, uint32_t expected)
{
    uint32_t count = form_compile(k, dims, dim_count);
    if (count != expected) {
        oracle_print_module(k->module);
    }
    assert_int_equal(count, expected);
    hmlc_module_destroy(k->module);
    k->module = NULL;
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

uint32_t form_count(const kit *k, hmlc_opcode opcode)
{
    return count_ops(k->module->main, opcode);
}

uint32_t form_count_form(const kit *k, int64_t form)
{
    uint32_t count = 0;
    HMLC_FOR_EACH_OP(op, k->module->main)
    {
        bool kernel = op->opcode == HMLC_OP_kernel;
        count += kernel && hmlc_op_int(op, HMLC_ATTR_form) == form ? 1 : 0;
    }
    return count;
}
