/* SPDX-License-Identifier: Apache-2.0 */
/* The header beside an object, for C99 and C++. */
#include "object_text.h"

#include <inttypes.h>

#include <hml_format/kernel_abi.h>

typedef struct numbered {
    const char *name;
    int32_t value;
    const char *what;
} numbered;

static const numbered errors[] = {
    {"INDEX", HML_KERNEL_INDEX, "an index is out of range: index, limit"},
    {"SHAPE", HML_KERNEL_SHAPE, "a computed shape does not fit: found, expected"},
    {"VALUE", HML_KERNEL_VALUE, "an input value that an operator forbids: value"},
    {"STEP", HML_KERNEL_STEP, "the step of a slice or the delta of a range is 0"},
    {"LENGTH", HML_KERNEL_LENGTH, "no tensor has this length: length"},
    {"MEMORY", HMLC_OBJECT_ERROR_MEMORY, "arena or weights are not aligned"},
    {"SIZE", HMLC_OBJECT_ERROR_SIZE,
     "a size is out of its range: its place among the sizes, value; or unequal sizes: both"},
    {"STEPS", HMLC_OBJECT_ERROR_STEPS, "there are no such steps"},
};

/* Text of the user's that stands in a comment. */
static hmlc_status print_comment(hmlc_byte_table *text, const char *words)
{
    for (const char *at = words; *at != '\0'; at++) {
        bool ends = at[0] == '*' && at[1] == '/';
        bool plain = (unsigned char)*at >= ' ' && *at != '\\';
        HMLC_TRY(hmlc_object_print(text, "%c%s", plain ? *at : '?', ends ? " " : ""));
    }
    return HMLC_OK;
}

static hmlc_status print_bytes(const hmlc_object_form *form, hmlc_byte_table *text,
                               const char *name, uint64_t value, const char *what)
{
    bool wide = value > UINT32_MAX;
    return hmlc_object_print(text, "#define %s_%s %" PRIu64 "%s /* %s */\n", form->upper, name,
                             value, wide ? "ULL" : "UL", what);
}

static hmlc_status print_memory(const hmlc_object_form *form, hmlc_byte_table *text)
{
    HMLC_TRY(print_bytes(form, text, "ARENA_BYTES", form->arena_bytes,
                         "what a run writes beside its outputs"));
    HMLC_TRY(
        hmlc_object_print(text, "#define %s_ARENA_ALIGN %d\n", form->upper, HMLC_OBJECT_ALIGNMENT));
    HMLC_TRY(print_bytes(form, text, "STACK_BYTES", form->figures.stack_bytes,
                         "upper bound of a run, callees included"));
    HMLC_TRY(
        print_bytes(form, text, "WEIGHT_BYTES", form->weight_bytes, "constant, read in place"));
    return hmlc_object_print(text, "#define %s_STEPS %zu\n", form->upper, form->steps.count - 1);
}

/* The last of them are states: `state` says what they are then. */
static hmlc_status print_tensors(const hmlc_object_form *form, const hmlc_object_arguments *list,
                                 const char *tensor, const char *state, hmlc_byte_table *text)
{
    size_t states = form->program->module->state_count;
    for (size_t k = 0; k < list->count; k++) {
        const hmlc_object_argument *a = &list->data[k];
        const char *what = k + states < list->count ? tensor : state;
        bool known = hmlc_dim_is_constant(a->count, NULL);
        HMLC_TRY(hmlc_object_print(text, "#define %s_%s_ELEMENTS %" PRId64 "%s /* %s '",
                                   form->upper, a->macro, a->elements,
                                   a->elements > INT32_MAX ? "LL" : "L", what));
        HMLC_TRY(print_comment(text, a->source));
        HMLC_TRY(hmlc_object_print(text, "': %s ", hmlc_dtype_name(a->type->dtype)));
        HMLC_TRY(print_comment(text, a->shape));
        HMLC_TRY(hmlc_object_print(text, "%s */\n", known ? "" : ", at most"));
    }
    return HMLC_OK;
}

static hmlc_status print_sizes(const hmlc_object_form *form, hmlc_byte_table *text)
{
    for (size_t k = 0; k < form->sizes.count; k++) {
        const hmlc_object_argument *a = &form->sizes.data[k];
        const hmlc_symbol *s = a->symbol;
        HMLC_TRY(hmlc_object_print(text, "#define %s_%s_LEAST %" PRId64 " /* size '", form->upper,
                                   a->macro, s->minimum));
        HMLC_TRY(print_comment(text, a->source));
        HMLC_TRY(hmlc_object_print(text, "' */\n#define %s_%s_MOST %" PRId64 "\n", form->upper,
                                   a->macro, s->maximum));
        if (s->multiple > 1) {
            HMLC_TRY(hmlc_object_print(text, "#define %s_%s_MULTIPLE %" PRId64 "\n", form->upper,
                                       a->macro, s->multiple));
        }
    }
    return HMLC_OK;
}

static hmlc_status print_errors(const hmlc_object_form *form, hmlc_byte_table *text)
{
    HMLC_TRY(hmlc_object_print(text,
                               "\n/* What a run returns beside 0, and the two numbers that it "
                               "leaves in `detail`. */\n"));
    for (size_t k = 0; k < sizeof errors / sizeof errors[0]; k++) {
        HMLC_TRY(hmlc_object_print(text, "#define %s_ERROR_%s %d /* %s */\n", form->upper,
                                   errors[k].name, errors[k].value, errors[k].what));
    }
    return HMLC_OK;
}

static hmlc_status print_functions(const hmlc_object_form *form, hmlc_byte_table *text)
{
    const char *weights = form->options->weights_apart ? ", const void *weights" : "";
    HMLC_TRY(hmlc_object_print(
        text,
        "\n/*\n"
        " * Computes the outputs from the inputs: 0, or %s_ERROR_*. `arena` is %s_ARENA_BYTES "
        "bytes\n"
        " * aligned to %s_ARENA_ALIGN; between runs nothing in it is kept. Inputs, outputs and "
        "the\n"
        " * arena must not overlap. `detail` may be NULL. Re-entrant: no allocation, no system "
        "call,\n"
        " * no global that is written; each thread runs with an arena of its own.\n"
        " */\n",
        form->upper, form->upper, form->upper));
    HMLC_TRY(hmlc_object_print(text, "int32_t %s_run(void *arena%s", form->prefix, weights));
    HMLC_TRY(hmlc_object_print_parameters(form, text));
    HMLC_TRY(hmlc_object_print(text, ", int64_t *detail);\n"));
    HMLC_TRY(hmlc_object_print(
        text,
        "/*\n"
        " * Steps [first, last) of the %s_STEPS that make a run, for watchdogs and co-operative\n"
        " * schedulers: called for all of them in order, with the same arguments, it does what a "
        "run\n"
        " * does. The arena keeps what later steps need.\n"
        " */\n"
        "int32_t %s_run_steps(void *arena%s, uint32_t first, uint32_t last",
        form->upper, form->prefix, weights));
    HMLC_TRY(hmlc_object_print_parameters(form, text));
    HMLC_TRY(hmlc_object_print(text, ", int64_t *detail);\n"));
    if (form->options->weights_apart || form->weight_bytes == 0) {
        return HMLC_OK;
    }
    return hmlc_object_print(text, "extern const uint8_t %s_weights[%s_WEIGHT_BYTES];\n",
                             form->prefix, form->upper);
}

hmlc_status hmlc_object_header(const hmlc_object_form *form, hmlc_byte_table *text)
{
    const hmlc_object_options *options = form->options;
    HMLC_TRY(hmlc_object_print(text, "/* Made by %s from ", options->compiler));
    HMLC_TRY(print_comment(text, options->model_name));
    HMLC_TRY(hmlc_object_print(text, "\n * (sha256 %s)\n * for %s: %s. */\n", options->model_sha256,
                               form->program->target->name, form->program->target->triple));
    HMLC_TRY(hmlc_object_print(text, "#ifndef %s_H\n#define %s_H\n\n#include <stdint.h>\n\n",
                               form->upper, form->upper));
    HMLC_TRY(print_memory(form, text));
    HMLC_TRY(print_sizes(form, text));
    HMLC_TRY(
        print_tensors(form, &form->inputs, "input",
                      "state, zeros before the first run, then what the last run gave:", text));
    HMLC_TRY(print_tensors(form, &form->outputs, "output", "state behind the run", text));
    HMLC_TRY(print_errors(form, text));
    HMLC_TRY(hmlc_object_print(text, "\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n"));
    HMLC_TRY(print_functions(form, text));
    return hmlc_object_print(text, "\n#ifdef __cplusplus\n}\n#endif\n\n#endif\n");
}
