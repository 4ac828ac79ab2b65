/* SPDX-License-Identifier: Apache-2.0 */
/* The verifier: walks a module once and reports every broken rule. */
#include <hmlc/verify.h>

#include <stdarg.h>
#include <stdio.h>

#include "graph/graph_internal.h"

/* What is known of a value while the walk is where it may be used. */
typedef struct value_note {
    uint32_t level; /* depth of its region, from 1; 0: not defined here */
    uint32_t uses;  /* operands found that name it */
    bool seen;
} value_note;

typedef struct verifier {
    hmlc_module *module;
    const char *after;
    hmlc_error error; /* of findings */
    hmlc_arena *scratch;
    value_note *values;
    uint32_t value_count;
    uint32_t *symbol_levels; /* as value_note.level, for symbols bound at run */
    uint32_t symbol_count;
    uint32_t level;      /* depth of the region being walked */
    uint32_t base_level; /* of the innermost kernel: nothing below may be used */
    hmlc_status status;
} verifier;

/* Regions nest at most this deep. */
#define MAX_LEVEL 200

#define FINDING(v, op, ...) report((v), (op) != NULL ? (op)->location : NULL, __VA_ARGS__)

static void report(verifier *v, const hmlc_location *location, const char *format, ...)
    HMLC_PRINTF(3, 4);

static void report(verifier *v, const hmlc_location *location, const char *format, ...)
{
    char message[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    v->status = hmlc_error_add(v->module->diagnostics, v->error, location, NULL, "%s%s%s%s",
                               v->after != NULL ? "after " : "", v->after != NULL ? v->after : "",
                               v->after != NULL ? ": " : "", message);
}

static const char *name_of(const hmlc_op *op)
{
    return hmlc_op_get_info(op->opcode)->name;
}

static value_note *note_of(const verifier *v, const hmlc_value *value)
{
    return value->id < v->value_count ? &v->values[value->id] : NULL;
}

static void define_value(verifier *v, const hmlc_value *value, const hmlc_op *op)
{
    value_note *note = note_of(v, value);
    if (note == NULL || note->seen) {
        FINDING(v, op, "value id %u is out of range or taken twice", value->id);
        return;
    }
    note->seen = true;
    note->level = v->level;
    if (value->type == NULL) {
        FINDING(v, op, "value %u has no type", value->id);
    }
}

static void check_operand(verifier *v, const hmlc_op *op, uint32_t index)
{
    const hmlc_use *use = &op->operands[index];
    if (use->op != op || use->index != index) {
        FINDING(v, op, "operand %u of %s does not point back to it", index, name_of(op));
    }
    if (use->value == NULL) {
        return;
    }
    value_note *note = note_of(v, use->value);
    if (note == NULL) {
        FINDING(v, op, "operand %u of %s has an id out of range", index, name_of(op));
        return;
    }
    note->uses++;
    if (note->level == 0) {
        FINDING(v, op, "operand %u of %s (value %u) is not defined before it", index, name_of(op),
                use->value->id);
    } else if (note->level < v->base_level) {
        FINDING(v, op, "operand %u of %s is captured from outside its kernel", index, name_of(op));
    }
}

/* A run-time symbol of a dim that is not bound where the walk is; NULL when all are. */
static const hmlc_symbol *unbound_symbol(const verifier *v, hmlc_dim dim)
{
    if (dim == NULL || !dim->uses_run_symbol) {
        return NULL;
    }
    if (dim->kind == HMLC_DIM_SYMBOL) {
        bool bound =
            dim->symbol->index < v->symbol_count && v->symbol_levels[dim->symbol->index] > 0;
        return bound ? NULL : dim->symbol;
    }
    const hmlc_symbol *found = unbound_symbol(v, dim->a);
    found = found != NULL ? found : unbound_symbol(v, dim->b);
    return found != NULL ? found : unbound_symbol(v, dim->c);
}

static void check_dims(verifier *v, const hmlc_op *op, const hmlc_dim *dims, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const hmlc_symbol *symbol = unbound_symbol(v, dims[i]);
        if (symbol != NULL) {
            FINDING(v, op, "%s uses symbol %s, which is not bound before it", name_of(op),
                    symbol->name);
        }
    }
}

static void bind_symbol(verifier *v, hmlc_dim dim)
{
    if (dim->kind == HMLC_DIM_SYMBOL && dim->symbol->bound_at_run &&
        dim->symbol->index < v->symbol_count && v->symbol_levels[dim->symbol->index] == 0) {
        v->symbol_levels[dim->symbol->index] = v->level;
    }
}

/* bind_dims binds the symbols it names; control flow those that its results have as dims. */
static void bind_symbols(verifier *v, const hmlc_op *op)
{
    const hmlc_attr *symbols =
        hmlc_op_has(op, HMLC_TRAIT_BINDS) ? hmlc_op_attr(op, HMLC_ATTR_symbols) : NULL;
    for (uint32_t i = 0; symbols != NULL && i < symbols->count; i++) {
        bind_symbol(v, symbols->as.dims[i]);
    }
    bool control = hmlc_op_has(op, HMLC_TRAIT_REGIONS) && !hmlc_op_has(op, HMLC_TRAIT_PURE);
    for (uint32_t i = 0; control && i < op->result_count; i++) {
        const hmlc_type *type = op->results[i]->type;
        for (int32_t k = 0; type != NULL && type->kind == HMLC_KIND_TENSOR && k < type->rank; k++) {
            bind_symbol(v, type->dims[k]);
        }
    }
}

static void check_symbols(verifier *v, const hmlc_op *op)
{
    bind_symbols(v, op);
    for (uint32_t i = 0; i < op->attr_count; i++) {
        if (hmlc_attr_kind_of(op->attrs[i].name) == HMLC_ATTR_KIND_DIMS) {
            check_dims(v, op, op->attrs[i].as.dims, op->attrs[i].count);
        }
    }
    for (uint32_t i = 0; i < op->result_count; i++) {
        const hmlc_type *type = op->results[i]->type;
        if (type != NULL && type->kind == HMLC_KIND_TENSOR) {
            check_dims(v, op, type->dims, (uint32_t)type->rank);
        }
    }
}

/* Are the result types what inference gives now? */
static void check_types(verifier *v, hmlc_op *op)
{
    hmlc_infer inferred;
    if (hmlc_infer_run(v->module, op, &inferred) != HMLC_OK) {
        FINDING(v, op, "inference rejects %s", name_of(op));
        return;
    }
    if (inferred.result_count != op->result_count) {
        FINDING(v, op, "%s has %u results, inference gives %u", name_of(op), op->result_count,
                inferred.result_count);
        return;
    }
    for (uint32_t i = 0; i < op->result_count; i++) {
        if (!hmlc_type_equal(op->results[i]->type, inferred.types[i])) {
            char found[160], expected[160];
            hmlc_type_format(op->results[i]->type, found, sizeof found);
            hmlc_type_format(inferred.types[i], expected, sizeof expected);
            FINDING(v, op, "result %u of %s has type %s, inference gives %s", i, name_of(op), found,
                    expected);
        }
    }
}

static bool check_results(verifier *v, const hmlc_op *op)
{
    for (uint32_t i = 0; i < op->result_count; i++) {
        const hmlc_value *value = op->results[i];
        if (value == NULL || value->producer != op || value->index != i) {
            FINDING(v, op, "result %u of %s does not point back to it", i, name_of(op));
            return false;
        }
        if (value->type == NULL) {
            FINDING(v, op, "result %u of %s has no type", i, name_of(op));
            return false;
        }
    }
    return true;
}

static void verify_region(verifier *v, hmlc_region *region, hmlc_op *parent);

static void verify_regions(verifier *v, hmlc_op *op)
{
    uint32_t base = v->base_level;
    if (op->opcode == HMLC_OP_kernel) {
        v->base_level = v->level + 1;
    }
    for (uint32_t i = 0; i < op->region_count; i++) {
        verify_region(v, op->regions[i], op);
    }
    v->base_level = base;
}

static void verify_op(verifier *v, hmlc_op *op)
{
    hmlc_status before = v->status;
    if (hmlc_op_check_form(v->module, op, v->error) != HMLC_OK) {
        FINDING(v, op, "%s does not have the form of its row", name_of(op));
    }
    for (uint32_t i = 0; i < op->operand_count; i++) {
        check_operand(v, op, i);
    }
    verify_regions(v, op);
    bool complete = check_results(v, op);
    if (complete) {
        check_symbols(v, op);
    }
    if (complete && v->status == before) { /* inference may rely on all of the above */
        check_types(v, op);
    }
    for (uint32_t i = 0; complete && i < op->result_count; i++) {
        define_value(v, op->results[i], op);
    }
}

static bool check_links(verifier *v, const hmlc_region *region, const hmlc_op *op)
{
    bool linked = op->parent == region &&
                  (op->next != NULL ? op->next->previous == op : region->last == op) &&
                  (op->previous != NULL ? op->previous->next == op : region->first == op);
    if (!linked) {
        FINDING(v, op, "%s is not linked into its region", name_of(op));
    }
    return linked;
}

/* The use list of a value against the operands found. */
static void check_uses(verifier *v, const hmlc_value *value)
{
    const value_note *note = note_of(v, value);
    uint32_t count = 0;
    for (const hmlc_use *use = value->uses; use != NULL; use = use->next) {
        bool linked = use->value == value && (use->next == NULL || use->next->previous == use);
        if (!linked || ++count > (note == NULL ? 0 : note->uses)) {
            break;
        }
    }
    if (note != NULL && count != note->uses) {
        FINDING(v, value->producer, "the use list of value %u does not hold its uses", value->id);
    }
}

static void leave_region(verifier *v, const hmlc_region *region)
{
    for (uint32_t i = 0; i < region->argument_count; i++) {
        check_uses(v, region->arguments[i]);
        value_note *note = note_of(v, region->arguments[i]);
        if (note != NULL) {
            note->level = 0;
        }
    }
    for (const hmlc_op *op = region->first; op != NULL; op = op->next) {
        for (uint32_t i = 0; i < op->result_count; i++) {
            check_uses(v, op->results[i]);
            value_note *note = note_of(v, op->results[i]);
            if (note != NULL) {
                note->level = 0;
            }
        }
    }
    for (uint32_t i = 0; i < v->symbol_count; i++) {
        if (v->symbol_levels[i] >= v->level) {
            v->symbol_levels[i] = 0;
        }
    }
}

static void check_arguments(verifier *v, const hmlc_region *region, const hmlc_op *parent)
{
    for (uint32_t i = 0; i < region->argument_count; i++) {
        const hmlc_value *value = region->arguments[i];
        if (value->producer != NULL || value->region != region || value->index != i) {
            FINDING(v, parent, "argument %u does not point back to its region", i);
        }
        define_value(v, value, parent);
        /* A loop body's arguments may have dims that each iteration binds anew. */
        bool tensor = value->type != NULL && value->type->kind == HMLC_KIND_TENSOR;
        for (int32_t k = 0;
             tensor && parent != NULL && parent->opcode != HMLC_OP_kernel && k < value->type->rank;
             k++) {
            bind_symbol(v, value->type->dims[k]);
        }
    }
}

static void verify_region(verifier *v, hmlc_region *region, hmlc_op *parent)
{
    if (region->parent != parent || region->module != v->module || v->level == MAX_LEVEL) {
        FINDING(v, parent, "a region does not point back to its op, or nests too deep");
        return;
    }
    v->level++;
    check_arguments(v, region, parent);
    for (hmlc_op *op = region->first; op != NULL; op = op->next) {
        if (!check_links(v, region, op)) {
            break;
        }
        if (hmlc_op_has(op, HMLC_TRAIT_TERMINATOR) != (op == region->last)) {
            FINDING(v, op, "yield must be the last op of its region, and nothing else");
        }
        verify_op(v, op);
    }
    if (region->last == NULL) {
        FINDING(v, parent, "a region is empty");
    }
    leave_region(v, region);
    v->level--;
}

/* What state `index` begins with and what it becomes have its type, whose dims are constant. */
static void check_state(verifier *v, uint32_t index, const hmlc_value *argument,
                        const hmlc_value *becomes)
{
    const hmlc_type *type = argument->type;
    const hmlc_tensor *initial = v->module->initial_states[index];
    bool fits =
        type->kind == HMLC_KIND_TENSOR && becomes != NULL && hmlc_type_equal(type, becomes->type);
    fits =
        fits && (initial == NULL || (initial->dtype == type->dtype && initial->rank == type->rank));
    for (int32_t i = 0; fits && i < type->rank; i++) {
        int64_t size = 0;
        fits = hmlc_dim_is_constant(type->dims[i], &size) &&
               (initial == NULL || initial->dims[i] == size);
    }
    if (!fits) {
        report(v, NULL, "state %u '%s' begins as, or becomes, another type than it has", index,
               argument->name != NULL ? argument->name : "");
    }
}

static void check_states(verifier *v)
{
    const hmlc_region *main = v->module->main;
    uint32_t count = v->module->state_count;
    uint32_t results = main->last != NULL ? main->last->operand_count : 0;
    if (count > main->argument_count || count > results) {
        report(v, NULL, "%u states, %u arguments, %u results", count, main->argument_count,
               results);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        check_state(v, i, main->arguments[main->argument_count - count + i],
                    hmlc_op_operand(main->last, results - count + i));
    }
}

static hmlc_status verify_with_scratch(verifier *v)
{
    v->value_count = v->module->value_count;
    v->symbol_count = hmlc_symbol_count(v->module->dims);
    v->values = HMLC_NEW_ARRAY(v->scratch, value_note, v->value_count);
    v->symbol_levels = HMLC_NEW_ARRAY(v->scratch, uint32_t, v->symbol_count);
    HMLC_TRY_MEMORY(v->values);
    HMLC_TRY_MEMORY(v->symbol_levels);
    verify_region(v, v->module->main, NULL);
    check_states(v);
    return v->status;
}

hmlc_status hmlc_verify_with(hmlc_module *module, const char *after, hmlc_error error)
{
    verifier v = {
        .module = module, .after = after, .error = error, .scratch = hmlc_arena_create(NULL)};
    HMLC_TRY_MEMORY(v.scratch);
    /* What inference makes here is compared and dropped: it need not outlive the walk. */
    hmlc_arena *arena = module->arena;
    module->arena = v.scratch;
    hmlc_status status = verify_with_scratch(&v);
    module->arena = arena;
    hmlc_arena_destroy(v.scratch);
    return status;
}

hmlc_status hmlc_verify(hmlc_module *module, const char *after)
{
    return hmlc_verify_with(module, after, HMLC_ERROR_verify_failed);
}
