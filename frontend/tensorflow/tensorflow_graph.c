/* SPDX-License-Identifier: Apache-2.0 */
/* The nodes that are kept, one after the other. */
#include "importer/order.h"
#include "tensorflow_import.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* -- order ------------------------------------------------------------------------------------- */

static hmlc_status visit_needs(void *context, uint32_t node, hmlc_needs *needs)
{
    const hmlc_tf_importer *importer = context;
    const Tensorflow__NodeDef *def = importer->kept[node]->def;
    for (size_t i = 0; i < def->n_input && !importer->kept[node]->dropout; i++) {
        hmlc_tf_ref ref;
        if (!hmlc_tf_parse_ref(importer->base->scratch, def->input[i], &ref) || ref.control ||
            hmlc_names_find(&importer->feeds, ref.key) != NULL) {
            continue;
        }
        const hmlc_tf_entry *entry = hmlc_names_find(&importer->nodes, ref.node);
        /* The way back of a loop is no need, else every loop would be a circle. */
        if (entry != NULL && strcmp(entry->def->op, "NextIteration") != 0) {
            HMLC_TRY(hmlc_needs_add(needs, entry->number));
        }
    }
    return HMLC_OK;
}

static const hmlc_location *locate(void *context, uint32_t node)
{
    const hmlc_tf_importer *importer = context;
    return hmlc_tf_locate(importer, importer->kept[node]->def);
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
    bool read = index < HMLC_TF_MOST_OUTPUTS && (own->entry->read >> index & 1) != 0;
    return read ? own->def->name : "";
}

const Tensorflow__AttrValue *hmlc_tf_attr(const Tensorflow__NodeDef *def, const char *name)
{
    for (size_t i = 0; i < def->n_attr; i++) {
        if (def->attr[i]->key != NULL && strcmp(def->attr[i]->key, name) == 0) {
            return def->attr[i]->value;
        }
    }
    return NULL;
}

static bool find_attr(const hmlc_node *node, const char *name, hmlc_node_attr *attr)
{
    const Tensorflow__AttrValue *value = hmlc_tf_attr(((const hmlc_tf_node *)node)->def, name);
    if (value == NULL) {
        return false;
    }
    *attr = (hmlc_node_attr){.number = value->has_i      ? value->i
                                       : value->has_b    ? value->b
                                       : value->has_type ? value->type
                                                         : 0,
                             .real = value->has_f ? (double)value->f : 0};
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
    const Tensorflow__AttrValue *value = hmlc_tf_attr(node->def, name);
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
    return hmlc_arena_printf(
        node->importer->base->scratch, "feed its result, --inputs %s=DIM,DIM%s%s", node->def->name,
        before != NULL ? ", or end before it, --outputs " : "", before != NULL ? before : "");
}

static bool refuse(hmlc_tf_node *node)
{
    const hmlc_tf_op *op = node->entry->op;
    uint32_t next = 0;
    if (op == NULL) {
        const char *similar = hmlc_names_similar(node->def->op, next_name, &next);
        hmlc_tf_fail(node, HMLC_ERROR_op_unknown,
                     similar != NULL ? hmlc_arena_printf(node->importer->base->scratch,
                                                         "did you mean '%s'?", similar)
                                     : where_to_cut(node),
                     "is not known");
    } else if (op->reason == hmlc_tf_control && node->importer->said_control) {
        node->node.emit.status = HMLC_REFUSED; /* one part of it has spoken for all */
    } else {
        node->importer->said_control =
            node->importer->said_control || op->reason == hmlc_tf_control;
        hmlc_tf_fail(node, HMLC_ERROR_op_unsupported, where_to_cut(node), "%s",
                     op->reason != NULL ? op->reason : "is not supported");
    }
    return false;
}

static bool check_row(hmlc_tf_node *node)
{
    const hmlc_tf_op *op = node->entry->op;
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
        if (key[0] != '_' && !is_type && !hmlc_names_listed(op->attributes, key)) {
            hmlc_tf_fail(node, HMLC_ERROR_not_implemented, NULL,
                         "has the attribute '%s', which is not known here", key);
        }
    }
    return hmlc_tf_ok(node);
}

/* -- one node ---------------------------------------------------------------------------------- */

/* False where an input is poisoned, or not there. */
static bool resolve_inputs(hmlc_tf_node *node)
{
    hmlc_tf_importer *importer = node->importer;
    bool complete = true;
    for (uint32_t i = 0; i < node->node.input_count; i++) {
        hmlc_tf_ref ref;
        const hmlc_tf_entry *from =
            hmlc_tf_parse_ref(importer->base->scratch, node->def->input[i], &ref)
                ? hmlc_names_find(&importer->nodes, ref.node)
                : NULL;
        bool fed = from != NULL && hmlc_names_find(&importer->feeds, ref.key) != NULL;
        bool there = from != NULL && (fed || (from->done && !from->poisoned));
        if (!there) { /* which has been reported, a circle too */
            complete = false;
            continue;
        }
        node->node.inputs[i] = hmlc_scope_resolve(importer->base, importer->scope, ref.key,
                                                  node->node.emit.builder.location);
        complete = complete && node->node.inputs[i] != NULL;
    }
    return complete && importer->base->fatal == HMLC_OK;
}

static void import_row(hmlc_node *node)
{
    ((hmlc_tf_node *)node)->entry->op->import((hmlc_tf_node *)node);
}

static hmlc_status publish(hmlc_tf_node *node)
{
    hmlc_importer *base = node->importer->base;
    for (uint32_t i = 0; i < HMLC_TF_MOST_OUTPUTS; i++) {
        hmlc_value *value = node->node.outputs[i];
        const char *key =
            value != NULL ? hmlc_tf_tensor_name(base->scratch, node->def->name, i) : NULL;
        if (value == NULL || hmlc_scope_find(node->importer->scope, key) != NULL) {
            continue; /* fed */
        }
        HMLC_TRY_MEMORY(key);
        hmlc_binding *binding = hmlc_scope_bind(base, node->importer->scope, key);
        HMLC_TRY_MEMORY(binding);
        hmlc_scope_publish(base, node->importer->scope, binding, value,
                           node->node.emit.builder.location);
    }
    return base->fatal;
}

/* Inputs that are values; what comes behind them is order alone. */
static uint32_t count_inputs(const Tensorflow__NodeDef *def)
{
    uint32_t count = 0;
    while (count < def->n_input && def->input[count][0] != '^') {
        count++;
    }
    return count;
}

static hmlc_status import_node(hmlc_tf_importer *importer, hmlc_tf_entry *entry)
{
    hmlc_arena *scratch = importer->base->scratch;
    hmlc_tf_node node = {.importer = importer, .entry = entry, .def = entry->def};
    node.node.format = &node_format;
    node.node.opcode = entry->op != NULL ? entry->op->opcode : HMLC_OP_COUNT;
    node.node.input_count = count_inputs(entry->def);
    node.node.output_count = HMLC_TF_MOST_OUTPUTS;
    node.node.inputs = HMLC_NEW_ARRAY(scratch, hmlc_value *, node.node.input_count + 1);
    node.node.outputs = HMLC_NEW_ARRAY(scratch, hmlc_value *, HMLC_TF_MOST_OUTPUTS);
    HMLC_TRY_MEMORY(node.node.inputs);
    HMLC_TRY_MEMORY(node.node.outputs);
    node.node.emit.builder = hmlc_builder_at_end(importer->scope->body->region);
    node.node.emit.builder.location = hmlc_tf_locate(importer, entry->def);
    HMLC_TRY_MEMORY(node.node.emit.builder.location);
    if (entry->dropout) {
        entry->done = true;
        HMLC_TRY(import_dropout(&node));
        return publish(&node);
    }
    bool good = check_row(&node);
    good = resolve_inputs(&node) && good;
    entry->done = true;
    entry->poisoned = !good || !hmlc_node_run(importer->base, &node.node, import_row);
    return entry->poisoned ? importer->base->fatal : publish(&node);
}

/* A constant is a value at its first use. */
static hmlc_status bind_constant(hmlc_tf_importer *importer, hmlc_tf_entry *entry)
{
    if (hmlc_scope_find(importer->scope, entry->def->name) != NULL) {
        entry->done = true;
        return HMLC_OK; /* fed */
    }
    hmlc_binding *binding = hmlc_scope_bind(importer->base, importer->scope, entry->def->name);
    HMLC_TRY_MEMORY(binding);
    binding->stored = entry->def;
    entry->done = true;
    return HMLC_OK;
}

hmlc_status hmlc_tf_import_nodes(hmlc_tf_importer *importer)
{
    const hmlc_ordered_graph graph = {.node_count = importer->kept_count,
                                      .context = importer,
                                      .visit = visit_needs,
                                      .locate = locate};
    uint32_t *order = HMLC_NEW_ARRAY(importer->base->scratch, uint32_t, importer->kept_count);
    HMLC_TRY_MEMORY(order);
    HMLC_TRY(hmlc_order_nodes(importer->base, &graph, order));
    for (uint32_t i = 0; i < importer->kept_count && importer->base->fatal == HMLC_OK; i++) {
        hmlc_tf_entry *entry = importer->kept[order[i]];
        if (strcmp(entry->def->op, "Placeholder") == 0) {
            continue; /* an input, or reported as none */
        }
        bool constant = strcmp(entry->def->op, "Const") == 0;
        HMLC_TRY(constant ? bind_constant(importer, entry) : import_node(importer, entry));
    }
    return importer->base->fatal;
}
