/* SPDX-License-Identifier: Apache-2.0 */
#include "kept_state.h"

#include <string.h>

/* Memory for a state of the type; false with a diagnostic where its size is not known. */
static bool describe(hmlc_importer *importer, const char *name, const hmlc_type *type,
                     const hmlc_location *where, hmlc_tensor *tensor)
{
    bool known = type->kind == HMLC_KIND_TENSOR;
    *tensor = (hmlc_tensor){.dtype = type->dtype, .rank = type->rank};
    for (int32_t i = 0; known && i < type->rank; i++) {
        known = hmlc_dim_is_constant(type->dims[i], &tensor->dims[i]);
    }
    size_t bytes = 0;
    int64_t count = known ? hmlc_tensor_count(tensor) : -1;
    known = count >= 0 && hmlc_size_multiply((size_t)count, hmlc_dtype_bytes(type->dtype), &bytes);
    if (!known) {
        (void)hmlc_error_add(importer->module->diagnostics, HMLC_ERROR_not_implemented, where,
                             "fix its dims: --dim NAME=1",
                             "the state '%s' has a size that only the run knows", name);
    }
    tensor->bytes = bytes;
    return known && hmlc_importer_check_size(importer, name, type, where);
}

/* What it begins with, as a constant in front of all operators. */
static hmlc_value *begin_anew(hmlc_importer *importer, hmlc_tensor tensor,
                              const hmlc_tensor *initial, const hmlc_location *where)
{
    hmlc_region *main = importer->module->main;
    hmlc_builder builder =
        main->first != NULL ? hmlc_builder_before(main->first) : hmlc_builder_at_end(main);
    hmlc_value *value = NULL;
    builder.location = where;
    if (initial != NULL) {
        tensor = *initial;
    } else {
        tensor.data = hmlc_arena_allocate(importer->module->arena, tensor.bytes);
    }
    importer->fatal =
        tensor.data != NULL ? hmlc_build_constant(&builder, &tensor, &value) : HMLC_RESOURCE;
    return value;
}

hmlc_kept_state *hmlc_kept_state_add(hmlc_importer *importer, const char *name,
                                     const hmlc_type *type, const hmlc_tensor *initial,
                                     const hmlc_location *where)
{
    const char *word = importer->options->state;
    bool zero = word != NULL && strcmp(word, "zero") == 0;
    hmlc_tensor tensor;
    if (!describe(importer, name, type, where, &tensor)) {
        return NULL;
    }
    hmlc_kept_state **end = &importer->states;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    hmlc_kept_state *state = HMLC_NEW(importer->scratch, hmlc_kept_state);
    hmlc_value *value = zero ? begin_anew(importer, tensor, initial, where)
                             : hmlc_module_add_state(importer->module, type, name, initial);
    if (state == NULL || value == NULL) {
        importer->fatal = importer->fatal == HMLC_OK ? HMLC_RESOURCE : importer->fatal;
        return NULL;
    }
    if (zero) {
        hmlc_warning_add(importer->module->diagnostics, HMLC_ERROR_path_assumed, where, NULL,
                         "'%s' has its first value at the begin of each run; what the model makes "
                         "of it is not kept",
                         name);
    }
    *state = (hmlc_kept_state){.name = name, .current = value, .where = where};
    *end = state;
    return state;
}

hmlc_kept_state *hmlc_kept_state_begin(hmlc_importer *importer, const char *name,
                                       const hmlc_tensor *initial, const hmlc_location *where)
{
    hmlc_module *module = importer->module;
    hmlc_dim dims[HMLC_MAX_RANK];
    for (int32_t i = 0; i < initial->rank; i++) {
        dims[i] = hmlc_dim_constant(module->dims, initial->dims[i]);
    }
    const hmlc_type *type = hmlc_type_tensor(module->arena, initial->dtype, initial->rank, dims);
    if (type == NULL) {
        importer->fatal = HMLC_RESOURCE;
        return NULL;
    }
    return hmlc_kept_state_add(importer, name, type, initial, where);
}

bool hmlc_kept_states_finish(hmlc_importer *importer, hmlc_value **values, const char **names,
                             uint32_t count)
{
    const hmlc_module *module = importer->module;
    uint32_t index = 0, inputs = hmlc_module_input_count(module);
    for (const hmlc_kept_state *state = importer->states;
         state != NULL && index < module->state_count; state = state->next, index++) {
        const hmlc_value *argument = module->main->arguments[inputs + index];
        values[count + index] = state->current;
        names[count + index] = argument->name;
        if (!hmlc_type_equal(argument->type, state->current->type)) {
            char before[160], after[160];
            hmlc_type_format(argument->type, before, sizeof before);
            hmlc_type_format(state->current->type, after, sizeof after);
            (void)hmlc_error_add(module->diagnostics, HMLC_ERROR_not_implemented, state->where,
                                 "fix the dims of the inputs: --dim batch=1",
                                 "the state '%s' is %s and becomes %s", argument->name, before,
                                 after);
            return false;
        }
    }
    return true;
}
