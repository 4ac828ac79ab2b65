#include "equivalence.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static void print_diagnostics(const hmlc_module *module)
{
    const hmlc_diagnostic *diagnostic = hmlc_diagnostics_first(module->diagnostics);
    for (; diagnostic != NULL; diagnostic = diagnostic->next) {
        print_error("%s\n", diagnostic->message);
    }
}

static void require_ok(const hmlc_module *module, hmlc_status status, const char *what)
{
    if (status != HMLC_OK) {
        print_diagnostics(module);
        fail_msg("%s: status %d", what, (int)status);
    }
}

hmlc_module *test_parse(const char *text)
{
    hmlc_module *module = hmlc_module_create(NULL);
    assert_non_null(module);
    hmlc_status status = hmlc_module_parse(module, text, strlen(text), NULL, 0);
    if (status != HMLC_OK) {
        print_error("%s\n", text);
    }
    require_ok(module, status, "parse");
    require_ok(module, hmlc_verify(module, "parsing"), "verify");
    return module;
}

/* Runs a pipeline with the verifier after each pass; fails the test with the diagnostics. */
static void run_passes(hmlc_module *module, const char *pipeline)
{
    hmlc_pass_options options = {.pipeline = pipeline, .verify = true};
    require_ok(module, hmlc_run_passes(module, &options), pipeline);
}

static uint64_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

/* Small values, the same for the same symbol name in two modules. */
static void choose_symbols(const hmlc_module *module, int64_t *values)
{
    for (uint32_t i = 0; i < hmlc_symbol_count(module->dims); i++) {
        const hmlc_symbol *symbol = hmlc_symbol_at(module->dims, i);
        int64_t value = 2 + (int64_t)(strlen(symbol->name) % 3);
        value *= symbol->multiple;
        value = value < symbol->minimum ? symbol->minimum : value;
        values[i] = value > symbol->maximum ? symbol->maximum : value;
    }
}

static void fill_random(hmlc_tensor *tensor, void *data, uint64_t *state)
{
    int64_t count = hmlc_tensor_count(tensor);
    for (int64_t i = 0; i < count; i++) {
        uint64_t random = next_random(state);
        if (hmlc_dtype_is_float(tensor->dtype)) {
            hmlc_element_set_double(tensor->dtype, data, i, (double)(random % 4001) / 1000.0 - 2.0);
        } else {
            hmlc_element_set_int(tensor->dtype, data, i,
                                 (int64_t)(random % (tensor->dtype == HMLC_DTYPE_bool ? 2 : 3)));
        }
    }
    tensor->data = data;
}

static void make_input(const hmlc_type *type, const int64_t *symbols, hmlc_arena *arena,
                       uint64_t *state, hmlc_tensor *tensor)
{
    *tensor = (hmlc_tensor){.dtype = type->dtype, .rank = type->rank};
    for (int32_t i = 0; i < type->rank; i++) {
        assert_true(hmlc_dim_evaluate(type->dims[i], symbols, &tensor->dims[i]));
    }
    tensor->bytes = (size_t)hmlc_tensor_count(tensor) * hmlc_dtype_bytes(type->dtype);
    void *data = hmlc_arena_allocate(arena, tensor->bytes);
    assert_non_null(data);
    fill_random(tensor, data, state);
}

static uint32_t interpret(hmlc_module *module, uint64_t seed, hmlc_arena *arena,
                          hmlc_tensor **outputs)
{
    uint32_t count = module->main->argument_count;
    uint32_t output_count = module->main->last->operand_count;
    hmlc_tensor *inputs = HMLC_NEW_ARRAY(arena, hmlc_tensor, count);
    int64_t *symbols = HMLC_NEW_ARRAY(arena, int64_t, hmlc_symbol_count(module->dims) + 1);
    *outputs = HMLC_NEW_ARRAY(arena, hmlc_tensor, output_count);
    assert_true(inputs != NULL && symbols != NULL && *outputs != NULL);
    choose_symbols(module, symbols);
    for (uint32_t i = 0; i < count; i++) {
        make_input(module->main->arguments[i]->type, symbols, arena, &seed, &inputs[i]);
    }
    require_ok(module, hmlc_interpret(module, inputs, count, arena, *outputs, output_count),
               "interpret");
    return output_count;
}

static void compare(const hmlc_tensor *before, const hmlc_tensor *after)
{
    assert_int_equal(before->dtype, after->dtype);
    assert_int_equal(before->rank, after->rank);
    assert_memory_equal(before->dims, after->dims, (size_t)before->rank * sizeof(int64_t));
    int64_t count = hmlc_tensor_count(before);
    for (int64_t i = 0; i < count; i++) {
        double a = hmlc_tensor_get_double(before, i), b = hmlc_tensor_get_double(after, i);
        bool close = a == b || (isnan(a) && isnan(b)) || fabs(a - b) <= 1e-5 * fmax(1.0, fabs(a));
        if (!close) {
            fail_msg("element %lld: %.9g before, %.9g after", (long long)i, a, b);
        }
    }
}

/*
 * Parses `text` twice, runs `pipeline` on one of them, and interprets both on the same random
 * inputs (floats in [-2, 2], symbols at small values). Outputs must have equal types and shapes,
 * floats equal within 1e-5 relative. Returns the transformed module, to be destroyed by the caller.
 */
static hmlc_module *check_equivalence(const char *text, const char *pipeline, uint64_t seed)
{
    hmlc_module *plain = test_parse(text);
    hmlc_module *passed = test_parse(text);
    hmlc_arena *arena = hmlc_arena_create(NULL);
    assert_non_null(arena);
    run_passes(passed, pipeline);
    hmlc_tensor *before, *after;
    uint32_t count = interpret(plain, seed, arena, &before);
    assert_int_equal(count, interpret(passed, seed, arena, &after));
    for (uint32_t i = 0; i < count; i++) {
        compare(&before[i], &after[i]);
    }
    hmlc_arena_destroy(arena);
    hmlc_module_destroy(plain);
    return passed;
}

/* Opcodes of the main graph without constants and yield, separated by blanks, in `text`. */
static void write_signature(const hmlc_module *module, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    HMLC_FOR_EACH_OP(op, module->main)
    {
        if (op->opcode == HMLC_OP_constant || op->opcode == HMLC_OP_yield) {
            continue;
        }
        int written = snprintf(text + used, size - used, "%s%s", used > 0 ? " " : "",
                               hmlc_op_get_info(op->opcode)->name);
        assert_true(written > 0 && used + (size_t)written < size);
        used += (size_t)written;
    }
}

void test_cases(const test_case *cases, size_t count, const char *pipeline)
{
    char left[1024];
    for (size_t i = 0; i < count; i++) {
        for (uint64_t seed = 1; seed <= 3; seed++) {
            hmlc_module *module = check_equivalence(cases[i].text, pipeline, seed);
            write_signature(module, left, sizeof left);
            if (strcmp(left, cases[i].left) != 0) {
                print_error("%s:\n", cases[i].name);
            }
            assert_string_equal(left, cases[i].left);
            hmlc_module_destroy(module);
        }
    }
}
