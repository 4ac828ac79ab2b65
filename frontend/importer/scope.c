/* SPDX-License-Identifier: Apache-2.0 */
#include "scope.h"

#include "input_dims.h"
#include "kept_state.h"

hmlc_status hmlc_scope_report(hmlc_importer *importer, const hmlc_location *where, const char *name,
                              const char *problem)
{
    return hmlc_error_add(importer->module->diagnostics, HMLC_ERROR_value_undefined, where, NULL,
                          "value '%s' %s", name, problem);
}

hmlc_binding *hmlc_scope_find(const hmlc_scope *scope, const char *name)
{
    return hmlc_names_find(&scope->bindings, name);
}

bool hmlc_scope_hides(const hmlc_scope *scope, const char *name)
{
    for (scope = scope->parent; scope != NULL; scope = scope->parent) {
        if (hmlc_scope_find(scope, name) != NULL) {
            return true;
        }
    }
    return false;
}

hmlc_binding *hmlc_scope_bind(hmlc_importer *importer, hmlc_scope *scope, const char *name)
{
    if (scope->bindings.arena == NULL) {
        scope->bindings = hmlc_names_create(importer->scratch);
    }
    hmlc_binding *binding = HMLC_NEW(importer->scratch, hmlc_binding);
    if (binding == NULL || hmlc_names_set(&scope->bindings, name, binding) != HMLC_OK) {
        importer->fatal = HMLC_RESOURCE;
        return NULL;
    }
    binding->name = name;
    binding->producer = HMLC_NO_PRODUCER;
    return binding;
}

/* Values of the main graph alone are told. */
static void tell(const hmlc_importer *importer, const hmlc_scope *scope, const char *name,
                 const hmlc_type *type)
{
    if (scope->parent == NULL && importer->options->value != NULL) {
        importer->options->value(importer->options->context, name, type);
    }
}

void hmlc_scope_add_input(hmlc_importer *importer, hmlc_scope *scope, hmlc_binding *binding,
                          const hmlc_type *type)
{
    const char *kept = hmlc_arena_string(importer->module->arena, binding->name);
    binding->value =
        kept != NULL ? hmlc_region_add_argument(scope->body->region, type, kept) : NULL;
    binding->state = HMLC_BINDING_READY;
    if (binding->value == NULL) {
        importer->fatal = HMLC_RESOURCE;
    }
    tell(importer, scope, binding->name, type);
}

void hmlc_scope_publish(hmlc_importer *importer, const hmlc_scope *scope, hmlc_binding *binding,
                        hmlc_value *value, const hmlc_location *where)
{
    binding->value = value;
    binding->state = value != NULL ? HMLC_BINDING_READY : HMLC_BINDING_POISONED;
    if (value == NULL) {
        return;
    }
    if (value->name == NULL) {
        value->name = hmlc_arena_string(importer->module->arena, binding->name);
    }
    tell(importer, scope, binding->name, value->type);
    if (!hmlc_importer_check_size(importer, binding->name, value->type, where)) {
        binding->state = HMLC_BINDING_POISONED;
    }
}

/* Makes a stored constant a value, at the front of its region. */
static void load_constant(hmlc_importer *importer, hmlc_scope *scope, hmlc_binding *binding)
{
    hmlc_tensor tensor;
    binding->state = HMLC_BINDING_POISONED;
    const hmlc_location *where = hmlc_location_create(importer->module->arena, importer->file,
                                                      binding->name, importer->constants.word);
    hmlc_status status = where == NULL
                             ? HMLC_RESOURCE
                             : importer->constants.read(importer, binding->stored, where, &tensor);
    if (status != HMLC_OK) {
        importer->fatal = status == HMLC_RESOURCE ? status : HMLC_OK;
        return;
    }
    hmlc_body *body = scope->body;
    hmlc_builder builder = body->last_constant != NULL   ? hmlc_builder_after(body->last_constant)
                           : body->region->first != NULL ? hmlc_builder_before(body->region->first)
                                                         : hmlc_builder_at_end(body->region);
    builder.location = where;
    importer->fatal = hmlc_build_constant(&builder, &tensor, &binding->value);
    if (importer->fatal == HMLC_OK) {
        binding->value->name = where->nodes[0].name;
        body->last_constant = binding->value->producer;
        binding->state = HMLC_BINDING_READY;
    }
}

hmlc_value *hmlc_scope_resolve(hmlc_importer *importer, hmlc_scope *scope, const char *name,
                               const hmlc_location *where)
{
    for (; scope != NULL; scope = scope->parent) {
        hmlc_binding *binding = hmlc_scope_find(scope, name);
        if (binding == NULL) {
            continue;
        }
        if (binding->state == HMLC_BINDING_PENDING && binding->stored != NULL) {
            load_constant(importer, scope, binding);
        }
        return binding->state == HMLC_BINDING_READY ? binding->value : NULL;
    }
    const char *problem = hmlc_arena_printf(
        importer->scratch, "is produced by no node, %s or input", importer->constants.word);
    (void)hmlc_scope_report(importer, where, name,
                            problem != NULL ? problem : "is produced nowhere");
    return NULL;
}

static hmlc_status yield_outputs(hmlc_importer *importer, hmlc_scope *scope,
                                 const char *const *names, uint32_t count)
{
    hmlc_module *module = importer->module;
    uint32_t all = count + module->state_count;
    hmlc_value **values = HMLC_NEW_ARRAY(importer->scratch, hmlc_value *, all);
    module->output_names = HMLC_NEW_ARRAY(module->arena, const char *, all);
    HMLC_TRY_MEMORY(values);
    HMLC_TRY_MEMORY(module->output_names);
    if (count == 0) {
        (void)hmlc_error_add(module->diagnostics, HMLC_ERROR_graph_invalid, importer->where, NULL,
                             "the graph has no output");
    }
    const char *missing = NULL;
    for (uint32_t i = 0; i < count; i++) {
        values[i] = hmlc_scope_resolve(importer, scope, names[i], importer->where);
        missing = values[i] == NULL ? names[i] : missing;
        module->output_names[i] = hmlc_arena_string(module->arena, names[i]);
        HMLC_TRY_MEMORY(module->output_names[i]);
    }
    HMLC_TRY(importer->fatal);
    if (missing != NULL && hmlc_diagnostics_error_count(module->diagnostics) == 0) {
        (void)hmlc_scope_report(importer, importer->where, missing, "is an output without a value");
    }
    if (hmlc_diagnostics_error_count(module->diagnostics) > 0 ||
        !hmlc_kept_states_finish(importer, values, module->output_names, count)) {
        return HMLC_OK;
    }
    hmlc_builder builder = hmlc_builder_at_end(module->main);
    return hmlc_build_yield(&builder, values, all);
}

hmlc_status hmlc_scope_finish(hmlc_importer *importer, hmlc_scope *scope, const char *const *names,
                              uint32_t count)
{
    HMLC_TRY(yield_outputs(importer, scope, names, count));
    hmlc_input_dims_finish(importer);
    return HMLC_OK;
}
