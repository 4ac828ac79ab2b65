/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One artifact for two families of targets: the passes behind the clean half differ, the weights
 * are stored once, and what two modules of one artifact must agree in is checked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include <hml/hml.h>
#include <hmlc/backends.h>
#include <hmlc/passes.h>

enum { WIDE, NARROW, FAMILIES, ROWS = 5, COLUMNS = 4, INPUTS = 4 };

/* Families of this test alone; a target of NARROW stands in the row of a family to come. */
static const hmlc_family_facts wide = {"wide", 12, 4, HMLC_DTYPE_u8},
                               narrow = {"narrow", 3, 1, HMLC_DTYPE_u8};
static const hmlc_family_facts *const facts[FAMILIES] = {&wide, &narrow};

static const char text[] =
    "hir 1\n"
    "model \"families\"\n"
    "symbol \"n\" [1, 64] hint 8\n"
    "main(%0 \"a\": f32[n, 4], %1 \"b\": f32[n, 4], %2 \"c\": f32[n, 4], %3 \"d\": f32[n, 4])"
    " -> (\"y\") {\n"
    "  %4 = constant() {value = f32[4, 4](1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16)}"
    " : f32[4, 4]\n"
    "  %5 = matmul(%0, %4) : f32[n, 4]\n"
    "  %6 = add(%5, %1) : f32[n, 4]\n"
    "  %7 = mul(%6, %2) : f32[n, 4]\n"
    "  %8 = sub(%7, %3) : f32[n, 4]\n"
    "  %9 = max(%8, %1) : f32[n, 4]\n"
    "  yield(%9)\n"
    "}\n";

typedef struct compiled {
    hmlc_module *modules[FAMILIES]; /* the first owns what the second shares */
    hmlc_target rows[FAMILIES];
    const hmlc_target *targets[FAMILIES];
    hmlc_codegen_summary summary;
} compiled;

static void require_ok(const hmlc_module *module, hmlc_status status)
{
    const hmlc_diagnostic *first = hmlc_diagnostics_first(module->diagnostics);
    if (status != HMLC_OK) {
        fail_msg("status %d: %s", (int)status, first != NULL ? first->message : "no diagnostic");
    }
}

/* Targets of that many families in that order; the passes have run. */
static void lower(compiled *c, const int *families, uint32_t count)
{
    const hmlc_family_facts *wanted[FAMILIES];
    hmlc_module *module = hmlc_module_create(NULL), *modules[FAMILIES];
    assert_non_null(module);
    require_ok(module, hmlc_module_parse(module, text, strlen(text), NULL, 0));
    *c = (compiled){0};
    for (uint32_t k = 0; k < count; k++) {
        c->rows[k] = *hmlc_target_find("native");
        c->rows[k].name = facts[families[k]]->name;
        c->rows[k].family = (hmlc_family)families[k];
        c->targets[k] = &c->rows[k];
        wanted[k] = facts[families[k]];
    }
    const hmlc_pass_options options = {.verify = true};
    require_ok(module, hmlc_run_passes_for(module, &options, wanted, count, modules));
    assert_ptr_equal(modules[0], module);
    for (uint32_t k = 0; k < count; k++) {
        c->modules[families[k]] = modules[k];
    }
}

static hmlc_status write_artifact(compiled *c, const int *families, uint32_t count,
                                  const char *path)
{
    const hmlc_codegen_options options = {
        .targets = c->targets, .target_count = count, .modules = c->modules, .jobs = 1};
    return hmlc_compile(c->modules[families[0]], &options, path, &c->summary);
}

static void release(compiled *c, const int *families, uint32_t count)
{
    for (uint32_t k = count; k-- > 0;) {
        hmlc_module_destroy(c->modules[families[k]]);
    }
}

/* Runs the artifact's last variant, which the loader takes, on small whole numbers. */
static void run(const char *path, const char *variant, float result[ROWS * COLUMNS])
{
    hml_model *model = NULL;
    hml_session *session = NULL;
    hml_model_info info = {.struct_bytes = sizeof info};
    hml_variant_info chosen = {.struct_bytes = sizeof chosen};
    float data[INPUTS][ROWS * COLUMNS];
    assert_int_equal(hml_model_open(path, NULL, &model), HML_OK);
    assert_int_equal(hml_model_describe(model, &info), HML_OK);
    assert_int_equal(hml_model_variant(model, info.variant, &chosen), HML_OK);
    assert_string_equal(chosen.name, variant);
    assert_int_equal(hml_session_create(model, NULL, &session), HML_OK);
    for (uint32_t k = 0; k < INPUTS; k++) {
        for (uint32_t i = 0; i < ROWS * COLUMNS; i++) {
            data[k][i] = (float)((i * 7 + k * 3) % 11) - 5.0F;
        }
        const hml_tensor tensor = {.data = data[k],
                                   .bytes = sizeof data[k],
                                   .dtype = HML_F32,
                                   .rank = 2,
                                   .dims = {ROWS, COLUMNS}};
        assert_int_equal(hml_bind_input(session, k, &tensor), HML_OK);
    }
    hml_tensor output;
    assert_int_equal(hml_run(session), HML_OK);
    assert_int_equal(hml_session_output(session, 0, &output), HML_OK);
    assert_int_equal(output.bytes, ROWS * COLUMNS * sizeof(float));
    memcpy(result, output.data, output.bytes);
    hml_session_destroy(session);
    hml_model_release(model);
}

static hmlc_codegen_summary compile_and_run(const int *families, uint32_t count,
                                            float result[ROWS * COLUMNS])
{
    compiled c;
    char path[] = "families_test.hml";
    lower(&c, families, count);
    require_ok(c.modules[families[0]], write_artifact(&c, families, count, path));
    run(path, facts[families[count - 1]]->name, result);
    assert_int_equal(remove(path), 0);
    release(&c, families, count);
    return c.summary;
}

static uint32_t kernel_count(const hmlc_module *module)
{
    uint32_t count = 0;
    HMLC_FOR_EACH_OP(op, module->main)
    {
        count += op->opcode == HMLC_OP_kernel;
    }
    return count;
}

static void plans_differ(void **state)
{
    (void)state;
    const int both[] = {WIDE, NARROW};
    compiled c;
    lower(&c, both, 2);
    assert_int_equal(kernel_count(c.modules[WIDE]), 1);
    assert_true(kernel_count(c.modules[NARROW]) > 1);
    assert_true(hmlc_dim_is(c.modules[WIDE]->arena_bytes, 0));
    assert_false(hmlc_dim_is(c.modules[NARROW]->arena_bytes, 0));
    HMLC_FOR_EACH_OP(op, c.modules[NARROW]->main)
    {
        assert_true(op->opcode != HMLC_OP_kernel || op->operand_count <= narrow.kernel_arguments);
    }
    release(&c, both, 2);
}

static void weights_are_shared(void **state)
{
    (void)state;
    const int orders[][FAMILIES] = {{WIDE, NARROW}, {NARROW, WIDE}};
    float alone[FAMILIES][ROWS * COLUMNS], together[FAMILIES][ROWS * COLUMNS];
    for (int k = 0; k < FAMILIES; k++) {
        const hmlc_codegen_summary one = compile_and_run(&orders[k][1], 1, alone[k]);
        const hmlc_codegen_summary other = compile_and_run(&orders[k][0], 1, together[k]);
        const hmlc_codegen_summary two = compile_and_run(orders[k], 2, together[k]);
        assert_true(one.weight_bytes > 0);
        assert_int_equal(two.weight_bytes, one.weight_bytes);
        assert_int_equal(two.unique_kernels, one.unique_kernels + other.unique_kernels);
        assert_int_equal(two.arena_bytes,
                         one.arena_bytes > other.arena_bytes ? one.arena_bytes : other.arena_bytes);
        assert_memory_equal(alone[k], together[k], sizeof alone[k]);
    }
    assert_memory_equal(alone[0], alone[1], sizeof alone[0]);
}

static void outputs_are_compared(void **state)
{
    (void)state;
    const int both[] = {WIDE, NARROW};
    static const char *const names[] = {"another"};
    compiled c;
    lower(&c, both, 2);
    c.modules[NARROW]->output_names = (const char **)names;
    assert_int_equal(write_artifact(&c, both, 2, "families_test.hml"), HMLC_INTERNAL);
    const hmlc_diagnostic *first = hmlc_diagnostics_first(c.modules[WIDE]->diagnostics);
    assert_int_equal(first->error, HMLC_ERROR_interface_differs);
    assert_non_null(strstr(first->message, "other outputs for narrow"));
    assert_int_not_equal(remove("families_test.hml"), 0);
    release(&c, both, 2);
}

static void dims_are_compared(void **state)
{
    (void)state;
    const int both[] = {WIDE, NARROW};
    compiled c;
    lower(&c, both, 2);
    assert_non_null(hmlc_symbol_fresh(c.modules[NARROW]->dims, "made"));
    assert_int_equal(write_artifact(&c, both, 2, "families_test.hml"), HMLC_INTERNAL);
    const hmlc_diagnostic *first = hmlc_diagnostics_first(c.modules[WIDE]->diagnostics);
    assert_non_null(strstr(first->message, "other dims for narrow"));
    release(&c, both, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plans_differ), cmocka_unit_test(weights_are_shared),
        cmocka_unit_test(outputs_are_compared), cmocka_unit_test(dims_are_compared)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
