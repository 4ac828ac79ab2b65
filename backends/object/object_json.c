/* SPDX-License-Identifier: Apache-2.0 */
/* What the header says, for programs, and which nodes of the model each step computes. */
#include "object_text.h"

#include <inttypes.h>

static hmlc_status print_string(hmlc_byte_table *text, const char *words)
{
    HMLC_TRY(hmlc_object_print(text, "\""));
    for (const char *at = words; *at != '\0'; at++) {
        unsigned char c = (unsigned char)*at;
        if (c == '"' || c == '\\') {
            HMLC_TRY(hmlc_object_print(text, "\\%c", c));
        } else if (c < ' ' || c == 127) {
            HMLC_TRY(hmlc_object_print(text, "\\u%04x", c));
        } else {
            HMLC_TRY(hmlc_object_print(text, "%c", c));
        }
    }
    return hmlc_object_print(text, "\"");
}

static hmlc_status print_member(hmlc_byte_table *text, const char *key, const char *value)
{
    HMLC_TRY(hmlc_object_print(text, "  \"%s\": ", key));
    HMLC_TRY(print_string(text, value));
    return hmlc_object_print(text, ",\n");
}

static hmlc_status print_dims(hmlc_byte_table *text, const hmlc_type *type)
{
    HMLC_TRY(hmlc_object_print(text, "["));
    for (int32_t d = 0; d < type->rank; d++) {
        char dim[256];
        int64_t value;
        HMLC_TRY(hmlc_object_print(text, "%s", d > 0 ? ", " : ""));
        if (hmlc_dim_is_constant(type->dims[d], &value)) {
            HMLC_TRY(hmlc_object_print(text, "%" PRId64, value));
            continue;
        }
        hmlc_dim_format(type->dims[d], dim, sizeof dim);
        HMLC_TRY(print_string(text, dim));
    }
    return hmlc_object_print(text, "]");
}

static hmlc_status print_tensors(hmlc_byte_table *text, const char *key,
                                 const hmlc_object_arguments *list)
{
    HMLC_TRY(hmlc_object_print(text, "  \"%s\": [", key));
    for (size_t k = 0; k < list->count; k++) {
        const hmlc_object_argument *a = &list->data[k];
        HMLC_TRY(hmlc_object_print(text, "%s\n    {\"name\": ", k > 0 ? "," : ""));
        HMLC_TRY(print_string(text, a->source));
        HMLC_TRY(hmlc_object_print(
            text,
            ", \"parameter\": \"%s\", \"type\": \"%s\", \"elements\": %" PRId64 ", \"shape\": ",
            a->name, hmlc_dtype_name(a->type->dtype), a->elements));
        HMLC_TRY(print_dims(text, a->type));
        HMLC_TRY(hmlc_object_print(text, "}"));
    }
    return hmlc_object_print(text, "],\n");
}

static hmlc_status print_sizes(hmlc_byte_table *text, const hmlc_object_arguments *list)
{
    HMLC_TRY(hmlc_object_print(text, "  \"sizes\": ["));
    for (size_t k = 0; k < list->count; k++) {
        const hmlc_object_argument *a = &list->data[k];
        HMLC_TRY(hmlc_object_print(text, "%s\n    {\"name\": ", k > 0 ? "," : ""));
        HMLC_TRY(print_string(text, a->source));
        HMLC_TRY(hmlc_object_print(text,
                                   ", \"parameter\": \"%s\", \"least\": %" PRId64
                                   ", \"most\": %" PRId64 ", \"multiple\": %" PRId64 "}",
                                   a->name, a->symbol->minimum, a->symbol->maximum,
                                   a->symbol->multiple));
    }
    return hmlc_object_print(text, "],\n");
}

static hmlc_status print_steps(const hmlc_object_form *form, hmlc_byte_table *text)
{
    const hmlc_program *program = form->program;
    HMLC_TRY(hmlc_object_print(text, "  \"steps\": ["));
    for (size_t k = 0; k + 1 < form->steps.count; k++) {
        const hml_step_record *step = &program->steps.data[form->steps.data[k]];
        const char *where = "";
        if (step->location != HML_NONE) {
            where = program->strings.bytes.data + program->locations.data[step->location];
        }
        HMLC_TRY(hmlc_object_print(text, "%s\n    ", k > 0 ? "," : ""));
        HMLC_TRY(print_string(text, where));
    }
    return hmlc_object_print(text, "]\n");
}

hmlc_status hmlc_object_json(const hmlc_object_form *form, hmlc_byte_table *text)
{
    const hmlc_object_options *options = form->options;
    const hmlc_target *target = form->program->target;
    const struct {
        const char *key;
        uint64_t value;
    } numbers[] = {{"arena_bytes", form->arena_bytes},
                   {"arena_align", HMLC_OBJECT_ALIGNMENT},
                   {"stack_bytes", form->figures.stack_bytes},
                   {"weight_bytes", form->weight_bytes},
                   {"code_bytes", form->figures.code_bytes}};
    HMLC_TRY(hmlc_object_print(text, "{\n"));
    HMLC_TRY(print_member(text, "compiler", options->compiler));
    HMLC_TRY(print_member(text, "model", options->model_name));
    HMLC_TRY(print_member(text, "model_sha256", options->model_sha256));
    HMLC_TRY(print_member(text, "target", target->name));
    HMLC_TRY(print_member(text, "triple", target->triple));
    HMLC_TRY(print_member(text, "prefix", form->prefix));
    HMLC_TRY(print_member(text, "weights", options->weights_apart ? "bin" : "object"));
    for (size_t k = 0; k < sizeof numbers / sizeof numbers[0]; k++) {
        HMLC_TRY(
            hmlc_object_print(text, "  \"%s\": %" PRIu64 ",\n", numbers[k].key, numbers[k].value));
    }
    HMLC_TRY(print_sizes(text, &form->sizes));
    HMLC_TRY(print_tensors(text, "inputs", &form->inputs));
    HMLC_TRY(print_tensors(text, "outputs", &form->outputs));
    HMLC_TRY(print_steps(form, text));
    return hmlc_object_print(text, "}\n");
}
