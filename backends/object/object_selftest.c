/* SPDX-License-Identifier: Apache-2.0 */
/* A C file that runs the object on recorded inputs and compares its outputs. It needs no library.
 */
#include "object_text.h"

#include <inttypes.h>
#include <math.h>

/* As `run --test-data` compares. */
static const double relative = 1e-3, least_absolute = 1e-5, absolute_of_largest = 2e-5;

static double absolute_tolerance(const hmlc_tensor *expected)
{
    double largest = 0;
    for (int64_t k = 0; k < hmlc_tensor_count(expected); k++) {
        double value = fabs(hmlc_tensor_get_double(expected, k));
        largest = isfinite(value) && value > largest ? value : largest;
    }
    return fmax(least_absolute, absolute_of_largest * largest);
}

static hmlc_status print_real(hmlc_byte_table *text, double value, bool wide)
{
    const char *suffix = wide ? "" : "F";
    if (isnan(value)) {
        return hmlc_object_print(text, "(0.0%s / 0.0%s)", suffix, suffix);
    }
    if (isinf(value)) {
        return hmlc_object_print(text, "(%s1.0%s / 0.0%s)", value < 0 ? "-" : "", suffix, suffix);
    }
    return hmlc_object_print(text, wide ? "%.16e" : "%.8eF", value);
}

static hmlc_status print_element(hmlc_byte_table *text, const hmlc_tensor *tensor, int64_t index)
{
    if (tensor->dtype == HMLC_DTYPE_f32 || tensor->dtype == HMLC_DTYPE_f64) {
        return print_real(text, hmlc_tensor_get_double(tensor, index),
                          tensor->dtype == HMLC_DTYPE_f64);
    }
    if (hmlc_dtype_is_half(tensor->dtype)) {
        uint16_t bits;
        memcpy(&bits, (const char *)tensor->data + 2 * index, sizeof bits);
        return hmlc_object_print(text, "%u", bits);
    }
    int64_t value = hmlc_tensor_get_int(tensor, index);
    if (tensor->dtype == HMLC_DTYPE_u64) {
        return hmlc_object_print(text, "%" PRIu64 "ULL", (uint64_t)value);
    }
    return value == INT64_MIN ? hmlc_object_print(text, "(-%" PRId64 "LL - 1)", INT64_MAX)
                              : hmlc_object_print(text, "%" PRId64 "LL", value);
}

static hmlc_status print_array(hmlc_byte_table *text, const hmlc_object_argument *argument,
                               const char *role, const hmlc_tensor *tensor)
{
    int64_t count = hmlc_tensor_count(tensor);
    HMLC_TRY(hmlc_object_print(text, "static const %s %s_%s[%" PRId64 "] = {",
                               hmlc_object_type(tensor->dtype), role, argument->name,
                               count > 0 ? count : 1));
    for (int64_t k = 0; k < count; k++) {
        HMLC_TRY(hmlc_object_print(text, "%s", k % 6 == 0 ? "\n    " : " "));
        HMLC_TRY(print_element(text, tensor, k));
        HMLC_TRY(hmlc_object_print(text, ","));
    }
    return hmlc_object_print(text, "%s};\n", count > 0 ? "\n" : "0");
}

static hmlc_status print_data(const hmlc_object_form *form, hmlc_byte_table *text)
{
    for (size_t k = 0; k < form->inputs.count; k++) {
        HMLC_TRY(print_array(text, &form->inputs.data[k], "given", &form->options->inputs[k]));
    }
    for (size_t k = 0; k < form->outputs.count; k++) {
        const hmlc_object_argument *output = &form->outputs.data[k];
        HMLC_TRY(print_array(text, output, "expected", &form->options->outputs[k]));
        HMLC_TRY(hmlc_object_print(text, "static %s found_%s[%" PRId64 "];\n",
                                   hmlc_object_type(output->type->dtype), output->name,
                                   output->elements > 0 ? output->elements : 1));
    }
    return hmlc_object_print(text, "static uint8_t memory[%s_ARENA_BYTES + %s_ARENA_ALIGN];\n\n",
                             form->upper, form->upper);
}

/* How one element of the output compares, as an expression of k. */
static hmlc_status print_difference(hmlc_byte_table *text, const hmlc_object_argument *output,
                                    const hmlc_tensor *expected)
{
    const char *name = output->name;
    if (expected->dtype == HMLC_DTYPE_f32 || expected->dtype == HMLC_DTYPE_f64) {
        bool wide = expected->dtype == HMLC_DTYPE_f64;
        HMLC_TRY(hmlc_object_print(text, "differ_%s(found_%s[k], expected_%s[k], ",
                                   hmlc_object_type(expected->dtype), name, name));
        HMLC_TRY(print_real(text, absolute_tolerance(expected), wide));
        return hmlc_object_print(text, ")");
    }
    if (hmlc_dtype_is_half(expected->dtype)) { /* by 2 units of the last place */
        return hmlc_object_print(text, "found_%s[k] - expected_%s[k] + 2U > 4U", name, name);
    }
    return hmlc_object_print(text, "found_%s[k] != expected_%s[k]", name, name);
}

static hmlc_status print_compare(hmlc_byte_table *text, const char *type, const char *suffix)
{
    HMLC_TRY(hmlc_object_print(
        text,
        "static int differ_%s(%s found, %s expected, %s absolute)\n"
        "{\n"
        "    %s distance = found < expected ? expected - found : found - expected;\n"
        "    %s size = expected < 0 ? -expected : expected;\n"
        "    if (found == expected || (found != found && expected != expected)) {\n"
        "        return 0;\n"
        "    }\n",
        type, type, type, type, type, type));
    return hmlc_object_print(text, "    return !(distance <= absolute + %g%s * size);\n}\n\n",
                             relative, suffix);
}

static hmlc_status print_compares(const hmlc_object_form *form, hmlc_byte_table *text)
{
    bool narrow = false, wide = false;
    for (size_t k = 0; k < form->outputs.count; k++) {
        narrow |= form->outputs.data[k].type->dtype == HMLC_DTYPE_f32;
        wide |= form->outputs.data[k].type->dtype == HMLC_DTYPE_f64;
    }
    if (narrow) {
        HMLC_TRY(print_compare(text, "float", "F"));
    }
    return wide ? print_compare(text, "double", "") : HMLC_OK;
}

/* The values of the sizes in the recorded run. */
static hmlc_status print_arguments(const hmlc_object_form *form, hmlc_byte_table *text)
{
    hmlc_module *module = form->program->module;
    int64_t *symbols = HMLC_NEW_ARRAY(module->arena, int64_t, hmlc_symbol_count(module->dims) + 1);
    HMLC_TRY_MEMORY(symbols);
    HMLC_TRY(
        hmlc_bind_inputs(module, form->options->inputs, (uint32_t)form->inputs.count, symbols));
    for (size_t k = 0; k < form->sizes.count; k++) {
        HMLC_TRY(hmlc_object_print(text, ", %" PRId64, symbols[form->sizes.data[k].symbol->index]));
    }
    for (size_t k = 0; k < form->inputs.count; k++) {
        HMLC_TRY(hmlc_object_print(text, ", given_%s", form->inputs.data[k].name));
    }
    for (size_t k = 0; k < form->outputs.count; k++) {
        HMLC_TRY(hmlc_object_print(text, ", found_%s", form->outputs.data[k].name));
    }
    return HMLC_OK;
}

static hmlc_status print_test(const hmlc_object_form *form, hmlc_byte_table *text)
{
    bool apart = form->options->weights_apart;
    HMLC_TRY(hmlc_object_print(
        text,
        "/* 0: the outputs are those of the recorded run; 1 + k: output k differs; 100 + status: "
        "the\n"
        " * run failed. */\n"
        "int %s_selftest(%s);\n"
        "int %s_selftest(%s)\n"
        "{\n"
        "    uintptr_t from = ((uintptr_t)memory + %s_ARENA_ALIGN - 1) / %s_ARENA_ALIGN;\n"
        "    int32_t status = %s_run((void *)(from * %s_ARENA_ALIGN)%s",
        form->prefix, apart ? "const void *weights" : "void", form->prefix,
        apart ? "const void *weights" : "void", form->upper, form->upper, form->prefix, form->upper,
        apart ? ", weights" : ""));
    HMLC_TRY(print_arguments(form, text));
    HMLC_TRY(hmlc_object_print(text, ", 0);\n"
                                     "    int32_t k;\n"
                                     "    if (status != 0) {\n"
                                     "        return 100 + (int)status;\n"
                                     "    }\n"));
    for (size_t k = 0; k < form->outputs.count; k++) {
        const hmlc_tensor *expected = &form->options->outputs[k];
        HMLC_TRY(hmlc_object_print(text, "    for (k = 0; k < %" PRId64 "; k++) {\n        if (",
                                   hmlc_tensor_count(expected)));
        HMLC_TRY(print_difference(text, &form->outputs.data[k], expected));
        HMLC_TRY(
            hmlc_object_print(text, ") {\n            return %zu;\n        }\n    }\n", k + 1));
    }
    return hmlc_object_print(text, "    return 0;\n}\n");
}

hmlc_status hmlc_object_selftest(const hmlc_object_form *form, hmlc_byte_table *text)
{
    const char *base = form->options->base, *slash = strrchr(base, '/');
    HMLC_TRY(hmlc_object_print(text,
                               "/* Made by %s: runs %s on recorded inputs. %s_NO_MAIN leaves "
                               "main out. */\n#include \"%s.h\"\n\n",
                               form->options->compiler, form->prefix, form->upper,
                               slash != NULL ? slash + 1 : base));
    HMLC_TRY(print_data(form, text));
    HMLC_TRY(print_compares(form, text));
    HMLC_TRY(print_test(form, text));
    return form->options->weights_apart
               ? HMLC_OK
               : hmlc_object_print(text,
                                   "\n#ifndef %s_NO_MAIN\nint main(void)\n{\n    return "
                                   "%s_selftest();\n}\n#endif\n",
                                   form->upper, form->prefix);
}
