/* SPDX-License-Identifier: Apache-2.0 */
/* The nodes that are kept, one after the other. */
#include "importer/order.h"
#include "tensorflow_handle.h"
#include "tensorflow_state.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* -- order ------------------------------------------------------------------------------------- */

/* A scope whose nodes are put in order. */
typedef struct scope_order {
    hmlc_tf_importer *importer;
    hmlc_tf_scope *scope;
} scope_order;

static hmlc_status visit_needs(void *context, uint32_t node, hmlc_needs *needs)
{
    const scope_order *order = context;
    hmlc_tf_needs own;
    HMLC_TRY(hmlc_tf_needs_of(order->importer, order->scope, order->scope->kept[node], &own));
    for (size_t i = 0; i < own.count; i++) {
        hmlc_tf_ref ref;
        if (hmlc_tf_find(order->importer, order->scope->graph, own.texts[i], &ref) == NULL ||
            ref.control || hmlc_tf_is_bound(order->scope, ref.key)) {
            continue;
        }
        const hmlc_tf_state *state = hmlc_tf_find_state(order->scope, ref.node);
        if (state != NULL) {
            HMLC_TRY(hmlc_needs_add(needs, state->number));
        }
    }
    return order->scope->writes ? hmlc_tf_waits_of(order->importer, order->scope, node, needs)
                                : HMLC_OK;
}

static const hmlc_location *locate(void *context, uint32_t node)
{
    const scope_order *order = context;
    return hmlc_tf_locate(order->importer, order->scope, order->scope->kept[node]->entry->def);
}

/* -- what a node is asked ---------------------------------------------------------------------- */

static void write_title(const hmlc_node *node, char *text, size_t size)
{
    (void)snprintf(text, size, "%s", ((const hmlc_tf_node *)node)->def->op);
}

static const char *input_name(const hmlc_node *node, uint32_t index)
{
    const Tensorflow__NodeDef *def = ((const hmlc_tf_node *)node)->def;
    return index < def->n_input ? def->input[index] : "";
}

static const char *output_name(const hmlc_node *node, uint32_t index)
{
    const hmlc_tf_node *own = (const hmlc_tf_node *)node;
    bool read = index < HMLC_TF_MOST_OUTPUTS && (own->state->read >> index & 1) != 0;
    return read ? own->def->name : "";
}

const Tensorflow__AttrValue *hmlc_tf_attr_among(const hmlc_tf_attrs *attrs, const char *name)
{
    for (size_t i = 0; i < attrs->count; i++) {
        if (attrs->list[i]->key != NULL && strcmp(attrs->list[i]->key, name) == 0) {
            return attrs->list[i]->value;
        }
    }
    return NULL;
}

const Tensorflow__AttrValue *hmlc_tf_attr(const Tensorflow__NodeDef *def, const char *name)
{
    return hmlc_tf_attr_among(&(hmlc_tf_attrs){def->attr, def->n_attr}, name);
}

const Tensorflow__AttrValue *hmlc_tf_attr_in(const hmlc_tf_scope *scope,
                                             const Tensorflow__NodeDef *def, const char *name)
{
    const Tensorflow__AttrValue *value = hmlc_tf_attr(def, name);
    while (value != NULL && value->placeholder != NULL && scope != NULL) {
        value = hmlc_tf_attr_among(&scope->attrs, value->placeholder);
        scope = scope->caller;
    }
    return value;
}

static bool find_attr(const hmlc_node *node, const char *name, hmlc_node_attr *attr)
{
    const hmlc_tf_node *own = (const hmlc_tf_node *)node;
    const Tensorflow__AttrValue *value = hmlc_tf_attr_in(own->scope, own->def, name);
    if (value == NULL) {
        return false;
    }
    *attr = (hmlc_node_attr){.number = value->has_i      ? value->i
                                       : value->has_b    ? value->b
                                       : value->has_type ? value->type
                                                         : 0,
                             .real = value->has_f ? (double)value->f : 0};
    attr->kinds = (value->has_i || value->has_b || value->has_type ? HMLC_NODE_WHOLE : 0U) |
                  (value->has_f ? HMLC_NODE_REAL : 0U) | (value->has_s ? HMLC_NODE_TEXT : 0U) |
                  (value->list != NULL ? HMLC_NODE_LIST : 0U);
    if (value->has_s) {
        attr->text = (const char *)value->s.data;
        attr->length = value->s.len;
    }
    if (value->list != NULL) {
        attr->ints = value->list->i;
        attr->count = (uint32_t)value->list->n_i;
    }
    return true;
}

static const hmlc_node_format node_format = {
    .write_title = write_title,
    .input_name = input_name,
    .output_name = output_name,
    .find_attr = find_attr,
    .constant_hint = "make it a Const, or fix the dims that it is computed from",
    .length_hint = "give its length with --dim NAME=SIZE",
};

hmlc_dtype hmlc_tf_dtype_attr(hmlc_tf_node *node, const char *name, hmlc_dtype otherwise)
{
    const Tensorflow__AttrValue *value = hmlc_tf_attr_in(node->scope, node->def, name);
    hmlc_dtype dtype = otherwise;
    if (value == NULL || !value->has_type) {
        return otherwise;
    }
    if (!hmlc_tf_dtype(node->importer->base, value->type, node->node.emit.builder.location,
                       &dtype)) {
        node->node.emit.status = HMLC_REFUSED;
    }
    return dtype;
}

int64_t hmlc_tf_layout(hmlc_tf_node *node)
{
    static const int64_t layouts[] = {HMLC_LAYOUT_CHANNELS_LAST, HMLC_LAYOUT_CHANNELS_FIRST};
    int32_t word = hmlc_node_choice(&node->node, "data_format", "NHWC|NCHW|NDHWC|NCDHW|NWC|NCW", 0);
    return layouts[word % 2];
}

/* What dropout multiplies by: 1. */
static hmlc_status import_dropout(hmlc_tf_node *node)
{
    hmlc_emitter *emit = &node->node.emit;
    hmlc_dtype dtype = strcmp(node->def->op, "Floor") == 0
                           ? hmlc_tf_dtype_attr(node, "T", HMLC_DTYPE_f32)
                           : HMLC_DTYPE_bool;
    if (!node->importer->said_dropout) {
        node->importer->said_dropout = true;
        hmlc_warning_add(node->importer->base->module->diagnostics, HMLC_ERROR_path_assumed,
                         emit->builder.location,
                         "freeze the graph of inference, which has no dropout",
                         "random numbers decide what is dropped: nothing is");
    }
    node->node.outputs[0] = hmlc_emit_scalar(emit, dtype, 1);
    return emit->status;
}

/* -- a node against its row -------------------------------------------------------------------- */

/* Names of operators for "did you mean". */
static const char *next_name(void *context)
{
    uint32_t *next = context;
    const hmlc_tf_op *op = hmlc_tf_op_at((*next)++);
    return op != NULL ? op->name : NULL;
}

/* Where the graph could be cut: behind the node, or before it. */
static const char *where_to_cut(const hmlc_tf_node *node)
{
    const char *before = node->def->n_input > 0 ? node->def->input[0] : NULL;
    if (node->scope != node->importer->scope) {
        return NULL; /* a function's tensors have no name outside */
    }
    return hmlc_arena_printf(
        node->importer->base->scratch, "feed its result, --inputs %s=DIM,DIM%s%s", node->def->name,
        before != NULL ? ", or end before it, --outputs " : "", before != NULL ? before : "");
}

static bool refuse(hmlc_tf_node *node)
{
    const hmlc_tf_op *op = node->state->entry->op;
    uint32_t next = 0;
    if (op == NULL) {
        const char *similar = hmlc_names_similar(node->def->op, next_name, &next);
        hmlc_tf_fail(node, HMLC_ERROR_op_unknown,
                     similar != NULL ? hmlc_arena_printf(node->importer->base->scratch,
                                                         "did you mean '%s'?", similar)
                                     : where_to_cut(node),
                     "is not known");
    } else {
        hmlc_tf_fail(node, HMLC_ERROR_op_unsupported, where_to_cut(node), "%s",
                     op->reason != NULL ? op->reason : "is not supported");
    }
    return false;
}

static bool check_row(hmlc_tf_node *node)
{
    const hmlc_tf_op *op = node->state->entry->op;
    if (op == NULL && node->state->entry->function != NULL) {
        return true;
    }
    if (op == NULL || op->import == NULL) {
        return refuse(node);
    }
    int64_t count = node->node.input_count;
    if (count < op->least_inputs || (op->most_inputs >= 0 && count > op->most_inputs)) {
        hmlc_tf_fail(node, HMLC_ERROR_graph_invalid, NULL, "has %" PRId64 " inputs", count);
    }
    for (size_t i = 0; i < node->def->n_attr; i++) {
        const Tensorflow__AttrEntry *attr = node->def->attr[i];
        const char *key = attr->key != NULL ? attr->key : "";
        bool is_type =
            attr->value != NULL &&
            (attr->value->has_type || (attr->value->list != NULL && attr->value->list->n_type > 0));
        bool placeholder = attr->value != NULL && attr->value->placeholder != NULL;
        if (placeholder && key[0] != '_' && hmlc_tf_attr_in(node->scope, node->def, key) == NULL) {
            hmlc_tf_fail(node, HMLC_ERROR_attribute_invalid, NULL,
                         "takes the attribute '%s' from its call, which gives no '%s'", key,
                         attr->value->placeholder);
        }
        if (key[0] != '_' && !is_type && !placeholder && !hmlc_names_listed(op->attributes, key)) {
            hmlc_tf_fail(node, HMLC_ERROR_not_implemented, NULL,
                         "has the attribute '%s', which is not known here", key);
        }
    }
    return hmlc_tf_ok(node);
}

/* -- one node ---------------------------------------------------------------------------------- */

hmlc_value *hmlc_tf_resolve(hmlc_tf_importer *importer, hmlc_tf_scope *scope, const char *text,
                            const hmlc_location *where)
{
    hmlc_tf_ref ref;
    (void)hmlc_tf_find(importer, scope->graph, text, &ref);
    if (ref.key == NULL) {
        return NULL; /* which has been reported */
    }
    if (!hmlc_tf_is_bound(scope, ref.key)) {
        const hmlc_tf_state *state = hmlc_tf_find_state(scope, ref.node);
        bool gives_one = state != NULL && strcmp(state->entry->def->op, "Placeholder") == 0;
        if (state == NULL || state->poisoned || (!state->done && !(gives_one && ref.output > 0))) {
            return NULL; /* likewise, a circle too */
        }
    }
    return hmlc_scope_resolve(importer->base, &scope->names, ref.key, where);
}

/* False where an input is poisoned, or not there. */
static bool resolve_inputs(hmlc_tf_node *node, char *const *texts)
{
    bool complete = true;
    for (uint32_t i = 0; i < node->node.input_count; i++) {
        node->node.inputs[i] = hmlc_tf_resolve(node->importer, node->scope, texts[i],
                                               node->node.emit.builder.location);
        complete = complete && node->node.inputs[i] != NULL;
    }
    return complete && node->importer->base->fatal == HMLC_OK;
}

/* What is no tensor comes to rows alone that know it. */
static bool check_handles(hmlc_tf_node *node)
{
    const hmlc_tf_entry *entry = node->state->entry;
    bool takes = entry->function != NULL ||
                 (entry->op != NULL &&
                  (entry->op->handles || (entry->op->complex != NULL && hmlc_tf_is_complex(node))));
    for (uint32_t i = 0; i < node->node.input_count && !takes; i++) {
        node->node.inputs[i] = hmlc_tf_read_reference(node, node->node.inputs[i]);
        if (node->node.inputs[i] == NULL) {
            return false; /* which has been said */
        }
        if (hmlc_tf_is_handle(node->node.inputs[i])) {
            hmlc_tf_fail(node, HMLC_ERROR_graph_invalid, NULL,
                         "takes tensors, but input %" PRIu32 " ('%s') is %s", i,
                         node->def->input[i],
                         hmlc_tf_handle_of(node->node.inputs[i], HMLC_TF_TEXT) != NULL
                             ? "a string"
                             : "a variable or a list");
            return false;
        }
    }
    return true;
}

static void import_row(hmlc_node *node)
{
    hmlc_tf_node *own = (hmlc_tf_node *)node;
    const hmlc_tf_entry *entry = own->state->entry;
    bool complex = entry->op != NULL && entry->op->complex != NULL && hmlc_tf_is_complex(own);
    (entry->op == NULL ? hmlc_tf_import_call
     : complex         ? entry->op->complex
                       : entry->op->import)(own);
}

static hmlc_status publish(hmlc_tf_node *node)
{
    hmlc_importer *base = node->importer->base;
    for (uint32_t i = 0; i < HMLC_TF_MOST_OUTPUTS; i++) {
        hmlc_value *value = node->node.outputs[i];
        const char *key =
            value != NULL ? hmlc_tf_tensor_name(base->scratch, node->def->name, i) : NULL;
        if (value == NULL || hmlc_scope_find(&node->scope->names, key) != NULL) {
            continue; /* fed */
        }
        HMLC_TRY_MEMORY(key);
        hmlc_binding *binding = hmlc_scope_bind(base, &node->scope->names, key);
        HMLC_TRY_MEMORY(binding);
        if (hmlc_tf_is_handle(value)) {
            binding->value = value;
            binding->state = HMLC_BINDING_READY;
            continue;
        }
        hmlc_scope_publish(base, &node->scope->names, binding, value,
                           node->node.emit.builder.location);
    }
    return base->fatal;
}

/* Inputs that are values; what comes behind them is order alone. */
static uint32_t count_inputs(const hmlc_tf_needs *needs)
{
    uint32_t count = 0;
    while (count < needs->count && needs->texts[count][0] != '^') {
        count++;
    }
    return count;
}

static hmlc_status import_node(hmlc_tf_importer *importer, hmlc_tf_scope *scope,
                               hmlc_tf_state *state)
{
    hmlc_value *outputs[HMLC_TF_MOST_OUTPUTS] = {NULL};
    const hmlc_tf_entry *entry = state->entry;
    hmlc_tf_node node = {.importer = importer, .scope = scope, .state = state, .def = entry->def};
    hmlc_tf_needs needs;
    HMLC_TRY(hmlc_tf_needs_of(importer, scope, state, &needs));
    node.node.format = &node_format;
    node.node.opcode = entry->op != NULL ? entry->op->opcode : HMLC_OP_COUNT;
    node.node.input_count = count_inputs(&needs);
    node.node.output_count = HMLC_TF_MOST_OUTPUTS;
    node.node.inputs =
        HMLC_NEW_ARRAY(importer->base->scratch, hmlc_value *, node.node.input_count + 1);
    node.node.outputs = outputs;
    HMLC_TRY_MEMORY(node.node.inputs);
    node.node.emit.builder = hmlc_builder_at_end(scope->names.body->region);
    node.node.emit.builder.location = hmlc_tf_locate(importer, scope, entry->def);
    HMLC_TRY_MEMORY(node.node.emit.builder.location);
    if (state->dropout) {
        state->done = true;
        HMLC_TRY(import_dropout(&node));
        return publish(&node);
    }
    bool good = check_row(&node);
    good = resolve_inputs(&node, needs.texts) && good && check_handles(&node);
    state->done = true;
    state->poisoned = !good || !hmlc_node_run(importer->base, &node.node, import_row);
    return state->poisoned ? importer->base->fatal : publish(&node);
}

/* A constant is a value at its first use. */
static hmlc_status bind_constant(hmlc_tf_importer *importer, hmlc_tf_scope *scope,
                                 hmlc_tf_state *state)
{
    state->done = true;
    if (hmlc_scope_find(&scope->names, state->entry->def->name) != NULL) {
        return HMLC_OK; /* fed */
    }
    hmlc_binding *binding = hmlc_scope_bind(importer->base, &scope->names, state->entry->def->name);
    HMLC_TRY_MEMORY(binding);
    binding->stored = state->entry->def;
    return HMLC_OK;
}

hmlc_status hmlc_tf_import_nodes(hmlc_tf_importer *importer, hmlc_tf_scope *scope)
{
    HMLC_TRY(hmlc_tf_keep_writes(importer, scope));
    scope_order context = {importer, scope};
    const hmlc_ordered_graph graph = {.node_count = scope->kept_count,
                                      .context = &context,
                                      .visit = visit_needs,
                                      .locate = locate};
    uint32_t *order = HMLC_NEW_ARRAY(importer->base->scratch, uint32_t, scope->kept_count + 1);
    HMLC_TRY_MEMORY(order);
    HMLC_TRY(hmlc_order_nodes(importer->base, &graph, order));
    for (uint32_t i = 0; i < scope->kept_count && importer->base->fatal == HMLC_OK; i++) {
        hmlc_tf_state *state = scope->kept[order[i]];
        const char *op = state->entry->def->op;
        if (strcmp(op, "Placeholder") == 0 && scope == importer->scope) {
            continue; /* an input, or reported as none */
        }
        bool constant = strcmp(op, "Const") == 0 && !hmlc_tf_is_complex_constant(state->entry->def);
        HMLC_TRY(constant ? bind_constant(importer, scope, state)
                          : import_node(importer, scope, state));
    }
    return importer->base->fatal;
}
