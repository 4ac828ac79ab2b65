/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every distinct kernel of a lowered model, alone, against the reference interpreter on random
 * inputs and on each target that this machine runs: model_kernels MODEL... Finds which kernel of a
 * model is wrong. Each is checked in a child process; a line names each that fails.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <hmlc/frontend.h>
#include <hmlc/passes.h>

#include "kernel_graph.h"
#include "kernel_harness.h"

enum { MOST_KERNELS = 4096 };

typedef struct sweep {
    hmlc_module *module;
    char *seen[MOST_KERNELS];
    uint32_t seen_count, passed, failed;
} sweep;

/* Small sizes that differ from each other, so that swapped dims show. */
static int64_t symbol_value(const hmlc_symbol *symbol)
{
    int64_t value = 2 + (int64_t)symbol->index % 5;
    value = (value + symbol->multiple - 1) / symbol->multiple * symbol->multiple;
    value = value < symbol->minimum ? symbol->minimum : value;
    return value > symbol->maximum ? symbol->maximum : value;
}

static hmlc_tensor random_input(hmlc_module *module, const hmlc_type *type, kernel_random *random)
{
    int64_t values[1024] = {0}, dims[HMLC_MAX_RANK];
    for (uint32_t k = 0; k < hmlc_symbol_count(module->dims); k++) {
        values[k] = symbol_value(hmlc_symbol_at(module->dims, k));
    }
    for (int32_t k = 0; k < type->rank; k++) {
        assert_true(hmlc_dim_evaluate(type->dims[k], values, &dims[k]));
    }
    double low = hmlc_dtype_is_float(type->dtype) ? -1 : 0;
    return kernel_random_tensor(random, module->arena, type->dtype, type->rank, dims, low, 1.99);
}

/* A module of the same arena and dims whose main graph holds this kernel alone. */
static void check_kernel(hmlc_module *module, const hmlc_op *kernel)
{
    hmlc_module alone = *module;
    kernel_random random = {42};
    hmlc_tensor inputs[128];
    uint32_t input_count = 0;
    alone.main = hmlc_region_create(&alone, NULL);
    hmlc_builder builder = hmlc_builder_at_end(alone.main);
    hmlc_value **map = HMLC_NEW_ARRAY(module->arena, hmlc_value *, module->value_count + 4096);
    for (uint32_t k = 0; k < hmlc_symbol_count(module->dims) && k < 32; k++) {
        /* dims such as batch * seq do not define their symbols: these arguments do */
        hmlc_dim dim = hmlc_dim_symbol(module->dims, hmlc_symbol_at(module->dims, k));
        const hmlc_type *type = hmlc_type_tensor(module->arena, HMLC_DTYPE_u8, 1, &dim);
        hmlc_region_add_argument(alone.main, type, "symbol");
        inputs[input_count++] = random_input(&alone, type, &random);
    }
    for (uint32_t k = 0; k < kernel->operand_count; k++) {
        hmlc_value *value = hmlc_op_operand(kernel, k);
        const hmlc_tensor *constant = hmlc_value_constant(value);
        if (map[value->id] != NULL) {
            continue;
        }
        if (constant != NULL) {
            assert_int_equal(hmlc_build_constant(&builder, constant, &map[value->id]), HMLC_OK);
        } else {
            map[value->id] = hmlc_region_add_argument(alone.main, value->type, "x");
            inputs[input_count++] = random_input(&alone, value->type, &random);
        }
    }
    hmlc_op *copy;
    assert_int_equal(hmlc_op_clone(&builder, kernel, map, &copy), HMLC_OK);
    assert_int_equal(hmlc_build_yield(&builder, copy->results, copy->result_count), HMLC_OK);
    harness_verify_targets(&alone, inputs, (harness_tolerance){3e-5, 1e-3});
}

static sweep *current;
static const hmlc_op *current_kernel;

static void test_current(void **state)
{
    (void)state;
    check_kernel(current->module, current_kernel);
}

static void sweep_kernel(sweep *s, const hmlc_op *kernel)
{
    hmlc_text_buffer text = {0};
    if (hmlc_op_print(kernel, &text) != HMLC_OK) {
        exit(2);
    }
    for (uint32_t k = 0; k < s->seen_count; k++) {
        if (strcmp(s->seen[k], text.data) == 0) {
            hmlc_text_buffer_free(&text);
            return;
        }
    }
    s->seen[s->seen_count++] = text.data;
    current = s;
    current_kernel = kernel;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        const struct CMUnitTest tests[] = {cmocka_unit_test(test_current)};
        FILE *quiet = freopen("/dev/null", "w", stdout);
        _exit(quiet != NULL ? cmocka_run_group_tests(tests, NULL, NULL) : 1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    if (status == 0) {
        s->passed++;
        return;
    }
    char location[512];
    hmlc_location_format(kernel->location, location, sizeof location);
    printf("FAILED %s\n%.6000s\n", location, text.data);
    s->failed++;
}

static void sweep_region(sweep *s, const hmlc_region *region)
{
    HMLC_FOR_EACH_OP(op, region)
    {
        if (op->opcode == HMLC_OP_kernel && s->seen_count < MOST_KERNELS) {
            sweep_kernel(s, op);
        }
        for (uint32_t i = 0; op->opcode != HMLC_OP_kernel && i < op->region_count; i++) {
            sweep_region(s, op->regions[i]);
        }
    }
}

static int sweep_model(const char *path)
{
    static sweep s;
    s = (sweep){.module = hmlc_module_create(NULL)};
    hmlc_mapping *mapping = NULL;
    hmlc_import_options import_options = {0};
    hmlc_pass_options pass_options = {0};
    hmlc_status status = hmlc_import(path, &import_options, s.module, &mapping);
    if (status == HMLC_OK) {
        status = hmlc_run_passes(s.module, &pass_options);
    }
    if (status == HMLC_OK) {
        sweep_region(&s, s.module->main);
    }
    for (uint32_t k = 0; k < s.seen_count; k++) {
        free(s.seen[k]);
    }
    hmlc_module_destroy(s.module);
    hmlc_mapping_release(mapping);
    printf("%s: status %d, %u passed, %u failed\n", path, (int)status, s.passed, s.failed);
    return status == HMLC_OK && s.failed == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    int result = 0;
    for (int k = 1; k < argc; k++) {
        result |= sweep_model(argv[k]);
    }
    return result;
}
