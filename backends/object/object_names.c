/* SPDX-License-Identifier: Apache-2.0 */
/* C identifiers for what a model names as it likes. */
#include "object_form.h"

#include <ctype.h>

/* Reserved words of C and C++, and names of both that no object may take. */
static const char *const keywords[] = {
#define HMLC_KEYWORD(word) #word,
#include "keywords.def"
#undef HMLC_KEYWORD
};

static bool is_keyword(const char *name)
{
    for (size_t k = 0; k < sizeof keywords / sizeof keywords[0]; k++) {
        if (strcmp(keywords[k], name) == 0) {
            return true;
        }
    }
    return false;
}

bool hmlc_object_prefix_good(const char *prefix)
{
    size_t length = strlen(prefix);
    size_t letters =
        strspn(prefix, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");
    return length > 0 && length <= HMLC_OBJECT_PREFIX && letters == length &&
           !isdigit((unsigned char)prefix[0]) && prefix[0] != '_' && !is_keyword(prefix);
}

/* Parameters and words of the functions themselves. */
static const char *const own[] = {"arena", "weights", "detail", "first", "last"};

static bool is_own(const char *name)
{
    for (size_t k = 0; k < sizeof own / sizeof own[0]; k++) {
        if (strcmp(own[k], name) == 0) {
            return true;
        }
    }
    return false;
}

static const char *upper_case(hmlc_arena *arena, const char *text)
{
    char *upper = hmlc_arena_string(arena, text);
    for (char *at = upper; at != NULL && *at != '\0'; at++) {
        *at = (char)toupper((unsigned char)*at);
    }
    return upper;
}

/* "a.b" is a_b, "495" is x495, "float" is float_. */
static const char *identifier_of(hmlc_arena *arena, const char *source)
{
    bool digit = isdigit((unsigned char)source[0]) != 0;
    char *name = hmlc_arena_printf(arena, "%s%s", digit || source[0] == '\0' ? "x" : "", source);
    for (char *at = name; at != NULL && *at != '\0'; at++) {
        *at = isalnum((unsigned char)*at) && (unsigned char)*at < 128 ? *at : '_';
    }
    if (name != NULL && (is_own(name) || is_keyword(name))) {
        name = hmlc_arena_printf(arena, "%s_", name);
    }
    return name;
}

/* The first argument with that macro, which decides: names that differ in case alone clash there.
 */
static const hmlc_object_argument *find_macro(const hmlc_object_arguments *list, size_t count,
                                              const char *macro)
{
    for (size_t k = 0; k < count; k++) {
        if (strcmp(list->data[k].macro, macro) == 0) {
            return &list->data[k];
        }
    }
    return NULL;
}

static hmlc_status name_argument(hmlc_object_form *form, const hmlc_object_arguments *list,
                                 size_t index)
{
    hmlc_module *module = form->program->module;
    hmlc_object_argument *argument = &list->data[index];
    argument->name = identifier_of(module->arena, argument->source);
    HMLC_TRY_MEMORY(argument->name);
    argument->macro = upper_case(module->arena, argument->name);
    HMLC_TRY_MEMORY(argument->macro);
    const hmlc_object_arguments *lists[] = {&form->sizes, &form->inputs, &form->outputs};
    const hmlc_object_argument *other = NULL;
    for (size_t l = 0; l < 3 && other == NULL; l++) {
        bool here = lists[l] == list;
        other = find_macro(lists[l], here ? index : lists[l]->count, argument->macro);
        if (here) {
            break; /* later lists have no names yet */
        }
    }
    return other == NULL
               ? HMLC_OK
               : hmlc_error_add(module->diagnostics, HMLC_ERROR_object_names, NULL,
                                "rename one of them in the model",
                                "'%s' and '%s' would have one name in C: %s, %s", other->source,
                                argument->source, other->name, argument->name);
}

hmlc_status hmlc_object_names(hmlc_object_form *form)
{
    form->prefix = form->options->prefix;
    if (form->prefix == NULL) {
        const char *slash = strrchr(form->options->base, '/');
        form->prefix = identifier_of(form->program->module->arena,
                                     slash != NULL ? slash + 1 : form->options->base);
        HMLC_TRY_MEMORY(form->prefix);
    }
    form->upper = upper_case(form->program->module->arena, form->prefix);
    HMLC_TRY_MEMORY(form->upper);
    hmlc_status status = HMLC_OK;
    const hmlc_object_arguments *lists[] = {&form->sizes, &form->inputs, &form->outputs};
    for (size_t l = 0; l < 3; l++) {
        for (size_t k = 0; k < lists[l]->count; k++) {
            hmlc_status one = name_argument(form, lists[l], k);
            status = status == HMLC_OK ? one : status;
        }
    }
    return status;
}

const char *hmlc_object_type(hmlc_dtype dtype)
{
    switch (dtype) {
    case HMLC_DTYPE_f32:
        return "float";
    case HMLC_DTYPE_f64:
        return "double";
    case HMLC_DTYPE_i8:
        return "int8_t";
    case HMLC_DTYPE_i16:
        return "int16_t";
    case HMLC_DTYPE_i32:
        return "int32_t";
    case HMLC_DTYPE_i64:
        return "int64_t";
    case HMLC_DTYPE_u32:
        return "uint32_t";
    case HMLC_DTYPE_u64:
        return "uint64_t";
    default: /* halves are bit patterns, bools bytes */
        return hmlc_dtype_bytes(dtype) == 2 ? "uint16_t" : "uint8_t";
    }
}
