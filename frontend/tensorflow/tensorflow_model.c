/* SPDX-License-Identifier: Apache-2.0 */
/* The importer's entry: the file, its names, inputs and outputs. */
#include "common/proto_wire.h"
#include "importer/input_dims.h"
#include "tensorflow_handle.h"
#include "tensorflow_import.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A graph as text begins with a node, or with a comment before one. */
bool hmlc_looks_like_graph_text(const uint8_t *bytes, size_t size)
{
    static const char *const words[] = {"node {", "node: {", "graph_def {", "saved_model_schema"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (size > strlen(words[i]) && memcmp(bytes, words[i], strlen(words[i])) == 0) {
            return true;
        }
    }
    return false;
}

/* Rows of the table by name. */
static hmlc_status index_operators(hmlc_tf_importer *importer)
{
    importer->operators = hmlc_names_create(importer->base->scratch);
    const hmlc_tf_op *op;
    for (uint32_t i = 0; (op = hmlc_tf_op_at(i)) != NULL; i++) {
        union {
            const hmlc_tf_op *row;
            void *any;
        } entry = {.row = op};
        HMLC_TRY(hmlc_names_set(&importer->operators, op->name, entry.any));
    }
    return HMLC_OK;
}

/* -- inputs ------------------------------------------------------------------------------------ */

/* Dims of an input: -1 where they are open. */
typedef struct input_shape {
    uint32_t rank;
    int64_t dims[HMLC_MAX_RANK];
    const char *names[HMLC_MAX_RANK]; /* of --inputs; NULL: none */
} input_shape;

/* "?,49,10" or "batch,28": a name, a number or a question mark each. */
static bool parse_shape(hmlc_arena *scratch, const char *text, input_shape *shape)
{
    *shape = (input_shape){0};
    while (*text != '\0') {
        size_t length = strcspn(text, ",");
        const char *part = hmlc_arena_string_n(scratch, text, length);
        char *end;
        if (part == NULL || length == 0 || shape->rank == HMLC_MAX_RANK) {
            return false;
        }
        long long size = strtoll(part, &end, 10);
        bool number = *end == '\0', open = strcmp(part, "?") == 0 || (number && size == -1);
        if (number && !open && (size < 0 || size > HMLC_DIM_UNBOUNDED)) {
            return false;
        }
        shape->dims[shape->rank] = number && !open ? size : -1;
        shape->names[shape->rank++] = number || open ? NULL : part;
        text += length + (text[length] == ',' ? 1 : 0);
    }
    return true;
}

static bool declared_shape(const hmlc_tf_feed *feed, input_shape *shape)
{
    const Tensorflow__AttrValue *attr = hmlc_tf_attr(feed->from->def, "shape");
    const Tensorflow__TensorShape *declared = attr != NULL ? attr->shape : NULL;
    *shape = (input_shape){0};
    if (feed->info != NULL && (declared == NULL || declared->unknown_rank)) {
        declared = feed->info->tensor_shape;
    }
    if ((!feed->placeholder && feed->info == NULL) || declared == NULL || declared->unknown_rank ||
        declared->n_dim > HMLC_MAX_RANK) {
        return false;
    }
    for (; shape->rank < declared->n_dim; shape->rank++) {
        int64_t size = declared->dim[shape->rank]->size;
        shape->dims[shape->rank] = size < 0 ? -1 : size;
    }
    return true;
}

/* Is the input one string? A string's bytes are u8[n]. */
static bool is_text(const hmlc_tf_feed *feed, const input_shape *shape)
{
    enum { STRING = 7 };
    const Tensorflow__AttrValue *attr = hmlc_tf_attr(feed->from->def, "dtype");
    bool string = feed->info != NULL && feed->info->has_dtype
                      ? feed->info->dtype == STRING
                      : attr != NULL && attr->has_type && attr->type == STRING;
    return string && shape->rank == 0 && feed->placeholder;
}

static hmlc_status find_shape(hmlc_tf_importer *importer, hmlc_tf_feed *feed, input_shape *shape)
{
    hmlc_diagnostics *diagnostics = importer->base->module->diagnostics;
    if (feed->shape != NULL && !parse_shape(importer->base->scratch, feed->shape, shape)) {
        return hmlc_error_add(diagnostics, HMLC_ERROR_usage, importer->base->where,
                              "write --inputs NAME=?,49,10 or NAME=batch,49,10",
                              "--inputs %s=%s: these are no dims", feed->name, feed->shape);
    }
    if (feed->shape != NULL || declared_shape(feed, shape)) {
        feed->text = is_text(feed, shape);
        if (feed->text) {
            *shape = (input_shape){.rank = 1, .dims = {-1}};
            shape->names[0] = hmlc_arena_printf(importer->base->scratch, "%s_bytes", feed->name);
        }
        return feed->text && shape->names[0] == NULL ? HMLC_RESOURCE : HMLC_OK;
    }
    const char *hint = hmlc_arena_printf(importer->base->scratch,
                                         "give its dims: --inputs %s=?,DIM,DIM, or none for a "
                                         "scalar: --inputs %s=",
                                         feed->name, feed->name);
    return hmlc_error_add(diagnostics, HMLC_ERROR_rank_unknown,
                          hmlc_tf_locate(importer, importer->scope, feed->from->def), hint,
                          "the graph does not say how many dims the input '%s' has", feed->name);
}

/* The element type of a tensor that is fed: a placeholder's, or the node's. */
static hmlc_status find_dtype(hmlc_tf_importer *importer, const hmlc_tf_feed *feed,
                              hmlc_dtype *dtype)
{
    static const char *const names[] = {"dtype", "DstT", "out_type", "T"};
    const hmlc_location *where = hmlc_tf_locate(importer, importer->scope, feed->from->def);
    *dtype = HMLC_DTYPE_f32;
    HMLC_TRY_MEMORY(where);
    if (feed->info != NULL && feed->info->has_dtype) {
        return hmlc_tf_dtype(importer->base, feed->info->dtype, where, dtype) ? HMLC_OK
                                                                              : HMLC_REFUSED;
    }
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const Tensorflow__AttrValue *attr = hmlc_tf_attr(feed->from->def, names[i]);
        if (attr != NULL && attr->has_type) {
            return hmlc_tf_dtype(importer->base, attr->type, where, dtype) ? HMLC_OK : HMLC_REFUSED;
        }
    }
    return HMLC_OK;
}

/* A poisoned binding, so that its readers are skipped, where the input is refused. */
static hmlc_binding *bind_feed(hmlc_tf_importer *importer, const hmlc_tf_feed *feed)
{
    hmlc_scope *names = &importer->scope->names;
    hmlc_binding *binding = hmlc_scope_bind(importer->base, names, feed->key);
    if (binding != NULL) {
        binding->name = feed->name;
        binding->state = HMLC_BINDING_POISONED;
    }
    return binding;
}

static hmlc_status add_input(hmlc_tf_importer *importer, const hmlc_tf_feed *feed,
                             const input_shape *shape)
{
    hmlc_importer *base = importer->base;
    hmlc_dtype dtype;
    hmlc_dim dims[HMLC_MAX_RANK];
    hmlc_binding *binding = bind_feed(importer, feed);
    HMLC_TRY_MEMORY(binding);
    if (feed->text) {
        dtype = HMLC_DTYPE_u8;
    } else {
        HMLC_TRY(find_dtype(importer, feed, &dtype));
    }
    for (uint32_t i = 0; i < shape->rank; i++) {
        dims[i] = shape->dims[i] >= 0 ? hmlc_dim_constant(base->module->dims, shape->dims[i])
                  : shape->names[i] != NULL
                      ? hmlc_input_dim_named(base, shape->names[i], feed->name, i)
                      : hmlc_input_dim_unnamed(base, feed->name, i);
        HMLC_TRY_MEMORY(dims[i]);
    }
    const hmlc_type *type =
        hmlc_type_tensor(base->module->arena, dtype, (int32_t)shape->rank, dims);
    HMLC_TRY_MEMORY(type);
    if (!hmlc_importer_check_size(base, feed->name, type, base->where)) {
        return HMLC_DAMAGED;
    }
    hmlc_scope_add_input(base, &importer->scope->names, binding, type);
    if (feed->text && binding->value != NULL) {
        binding->value = hmlc_tf_text_create(base->scratch, binding->value);
        HMLC_TRY_MEMORY(binding->value);
    }
    return base->fatal;
}

/* The placeholders that are kept, in the order of the graph, behind what the user feeds. */
static hmlc_status collect_placeholders(hmlc_tf_importer *importer)
{
    const hmlc_tf_graph *graph = &importer->graph;
    for (size_t i = 0; i < graph->node_count; i++) {
        const hmlc_tf_entry *entry = &graph->entries[i];
        if (strcmp(entry->def->op, "Placeholder") == 0 &&
            hmlc_tf_find_state(importer->scope, entry->def->name) != NULL) {
            hmlc_tf_feed *feed = &importer->feed_list[importer->feed_count++];
            *feed = (hmlc_tf_feed){.name = entry->def->name,
                                   .key = entry->def->name,
                                   .from = entry,
                                   .placeholder = true};
            HMLC_TRY(hmlc_names_set(&importer->feeds, feed->key, feed));
        }
    }
    return HMLC_OK;
}

/* A signature whose inputs all begin with an open dim has a batch. */
static void name_batch(const hmlc_tf_importer *importer, input_shape *shapes, const bool *known)
{
    bool all = importer->batch;
    for (uint32_t i = 0; i < importer->feed_count; i++) {
        all = all && known[i] && shapes[i].rank > 0 && shapes[i].dims[0] < 0 &&
              shapes[i].names[0] == NULL && importer->feed_list[i].shape == NULL;
    }
    for (uint32_t i = 0; i < importer->feed_count && all; i++) {
        shapes[i].names[0] = "batch";
    }
}

static hmlc_status add_inputs(hmlc_tf_importer *importer)
{
    hmlc_arena *scratch = importer->base->scratch;
    HMLC_TRY(collect_placeholders(importer));
    uint32_t count = importer->feed_count, named = 0;
    input_shape *shapes = HMLC_NEW_ARRAY(scratch, input_shape, count);
    bool *known = HMLC_NEW_ARRAY(scratch, bool, count);
    const char **texts = HMLC_NEW_ARRAY(scratch, const char *, (size_t)count *HMLC_MAX_RANK);
    HMLC_TRY_MEMORY(shapes);
    HMLC_TRY_MEMORY(known);
    HMLC_TRY_MEMORY(texts);
    for (uint32_t i = 0; i < count; i++) {
        hmlc_status status = find_shape(importer, &importer->feed_list[i], &shapes[i]);
        if (status == HMLC_RESOURCE) {
            return status;
        }
        known[i] = status == HMLC_OK;
    }
    name_batch(importer, shapes, known);
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t k = 0; k < shapes[i].rank; k++) {
            texts[named] = shapes[i].names[k];
            named += shapes[i].names[k] != NULL ? 1 : 0;
        }
    }
    HMLC_TRY(hmlc_input_dims_prepare(importer->base, texts, named));
    for (uint32_t i = 0; i < count; i++) {
        if (!known[i]) {
            HMLC_TRY_MEMORY(bind_feed(importer, &importer->feed_list[i]));
        }
        hmlc_status status =
            known[i] ? add_input(importer, &importer->feed_list[i], &shapes[i]) : HMLC_OK;
        if (status == HMLC_RESOURCE) {
            return status;
        }
    }
    return HMLC_OK;
}

/* -------------------------------------------------------------------------------------------------
 */

static hmlc_status read_constant(hmlc_importer *base, const void *stored,
                                 const hmlc_location *where, hmlc_tensor *tensor)
{
    const Tensorflow__NodeDef *def = stored;
    if (strcmp(def->op, "Const") != 0) {
        return hmlc_tf_read_variable(base->constants.context, def, where, tensor);
    }
    const Tensorflow__AttrValue *value = hmlc_tf_attr(def, "value");
    if (value == NULL || value->tensor == NULL) {
        return hmlc_error_add(base->module->diagnostics, HMLC_ERROR_attribute_invalid, where, NULL,
                              "Const has no value");
    }
    return hmlc_tf_tensor(base, value->tensor, where, tensor);
}

/* Outputs whose node was refused are silent; the names are the signature's, the user's, or those of
 * nodes. */
static hmlc_status finish(hmlc_tf_importer *importer)
{
    hmlc_importer *base = importer->base;
    hmlc_scope *names = &importer->scope->names;
    uint32_t count = importer->result_count;
    const char **shown = HMLC_NEW_ARRAY(base->scratch, const char *, count + 1);
    hmlc_binding **bindings = HMLC_NEW_ARRAY(base->scratch, hmlc_binding *, count + 1);
    HMLC_TRY_MEMORY(shown);
    HMLC_TRY_MEMORY(bindings);
    for (uint32_t i = 0; i < count; i++) {
        hmlc_tf_ref ref;
        shown[i] = importer->results[i].name;
        (void)hmlc_tf_find(importer, &importer->graph, importer->results[i].tensor, &ref);
        if (ref.key == NULL) {
            continue;
        }
        bool own = strcmp(shown[i], importer->results[i].tensor) == 0;
        shown[i] = own ? ref.key : shown[i];
        bindings[i] = hmlc_scope_find(names, ref.key);
        const hmlc_tf_state *state = hmlc_tf_find_state(importer->scope, ref.node);
        if (bindings[i] == NULL && (state == NULL || state->poisoned)) {
            bindings[i] = hmlc_scope_bind(base, names, ref.key);
            HMLC_TRY_MEMORY(bindings[i]);
            bindings[i]->state = HMLC_BINDING_POISONED;
        }
        if (bindings[i] != NULL && hmlc_tf_is_handle(bindings[i]->value)) {
            bindings[i]->state = HMLC_BINDING_POISONED;
            (void)hmlc_error_add(base->module->diagnostics, HMLC_ERROR_not_implemented, base->where,
                                 NULL, "output '%s' is a variable, a list or a string, no tensor",
                                 shown[i]);
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        if (bindings[i] != NULL) {
            HMLC_TRY(hmlc_names_set(&names->bindings, shown[i], bindings[i]));
        }
    }
    return hmlc_scope_finish(base, names, shown, count);
}

static hmlc_status import_graph(hmlc_tf_importer *importer)
{
    hmlc_importer *base = importer->base;
    const char *inputs = base->options->inputs;
    size_t most = (inputs != NULL ? strlen(inputs) : 0) + importer->graph.node_count;
    importer->feeds = hmlc_names_create(base->scratch);
    importer->feed_room = most + 1;
    importer->feed_list = HMLC_NEW_ARRAY(base->scratch, hmlc_tf_feed, importer->feed_room);
    HMLC_TRY_MEMORY(importer->feed_list);
    base->took_ends = base->took_state = true;
    base->constants =
        (hmlc_constant_source){.word = "constant", .read = read_constant, .context = importer};
    HMLC_TRY(index_operators(importer));
    HMLC_TRY(hmlc_tf_index_functions(importer));
    HMLC_TRY(hmlc_tf_open_graph(importer, &importer->graph));
    base->module->producer = hmlc_arena_string(base->module->arena, "TensorFlow");
    base->module->source_node_count = (uint32_t)importer->graph.node_count;
    HMLC_TRY(hmlc_tf_map_variables(importer));
    HMLC_TRY(hmlc_tf_choose_signature(importer));
    HMLC_TRY(hmlc_tf_prune(importer));
    HMLC_TRY(add_inputs(importer));
    HMLC_TRY(hmlc_tf_import_nodes(importer, importer->scope));
    return finish(importer);
}

hmlc_status hmlc_tf_import(hmlc_importer *base)
{
    static const hmlc_wire_format format = {.root = &tensorflow__graph_def__descriptor,
                                            .tensor = &tensorflow__tensor__descriptor,
                                            .weights = "tensor_content"};
    const ProtobufCMessage *message;
    HMLC_TRY(hmlc_wire_unpack(&format, base->data, base->size, &base->budget,
                              base->module->diagnostics, base->where, &message));
    return hmlc_tf_run(base, (const Tensorflow__GraphDef *)message, NULL);
}

hmlc_status hmlc_tf_run(hmlc_importer *base, const Tensorflow__GraphDef *graph,
                        const Tensorflow__MetaGraph *meta)
{
    hmlc_body body = {.region = base->module->main};
    hmlc_tf_importer importer = {.base = base,
                                 .graph_def = graph,
                                 .meta = meta,
                                 .graph = {.nodes = graph->node, .node_count = graph->n_node},
                                 .variable_values = {.body = &body, .path = ""},
                                 .nowhere = {.body = &body, .path = ""}};
    hmlc_tf_scope scope = {.names = {.body = &body, .path = ""}, .graph = &importer.graph};
    importer.scope = &scope;
    if (graph->n_node == 0 || graph->n_node > UINT32_MAX / 2) {
        return hmlc_error_add(base->module->diagnostics, HMLC_ERROR_format_unknown, base->where,
                              NULL, "the file is no TensorFlow graph: it has no nodes");
    }
    return import_graph(&importer);
}
