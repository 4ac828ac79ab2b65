/* SPDX-License-Identifier: Apache-2.0 */
/* The importer's entry: the file, its names, inputs and outputs. */
#include "common/proto_wire.h"
#include "importer/input_dims.h"
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

static hmlc_status open_graph(hmlc_tf_importer *importer)
{
    static const hmlc_wire_format format = {.root = &tensorflow__graph_def__descriptor,
                                            .tensor = &tensorflow__tensor__descriptor,
                                            .weights = "tensor_content"};
    hmlc_importer *base = importer->base;
    const ProtobufCMessage *message;
    HMLC_TRY(hmlc_wire_unpack(&format, base->data, base->size, &base->budget,
                              base->module->diagnostics, base->where, &message));
    importer->graph = (const Tensorflow__GraphDef *)message;
    if (importer->graph->n_node == 0 || importer->graph->n_node > UINT32_MAX / 2) {
        return hmlc_error_add(base->module->diagnostics, HMLC_ERROR_format_unknown, base->where,
                              NULL, "the file is no TensorFlow graph: it has no nodes");
    }
    return HMLC_OK;
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

static hmlc_status index_nodes(hmlc_tf_importer *importer)
{
    hmlc_importer *base = importer->base;
    importer->nodes = hmlc_names_create(base->scratch);
    importer->entries = HMLC_NEW_ARRAY(base->scratch, hmlc_tf_entry, importer->graph->n_node);
    HMLC_TRY_MEMORY(importer->entries);
    for (size_t i = 0; i < importer->graph->n_node; i++) {
        const Tensorflow__NodeDef *def = importer->graph->node[i];
        hmlc_tf_entry *entry = &importer->entries[i];
        if (def->name == NULL || def->name[0] == '\0' || def->op == NULL) {
            return hmlc_error_add(base->module->diagnostics, HMLC_ERROR_file_damaged, base->where,
                                  "check that it is a frozen TensorFlow graph",
                                  "node %zu of the graph has no name or no operator", i);
        }
        if (hmlc_names_find(&importer->nodes, def->name) != NULL) {
            return hmlc_scope_report(base, hmlc_tf_locate(importer, def), def->name,
                                     "is the name of two nodes");
        }
        *entry = (hmlc_tf_entry){.def = def, .op = hmlc_names_find(&importer->operators, def->op)};
        HMLC_TRY(hmlc_names_set(&importer->nodes, def->name, entry));
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
    if (!feed->placeholder || declared == NULL || declared->unknown_rank ||
        declared->n_dim > HMLC_MAX_RANK) {
        return false;
    }
    for (; shape->rank < declared->n_dim; shape->rank++) {
        int64_t size = declared->dim[shape->rank]->size;
        shape->dims[shape->rank] = size < 0 ? -1 : size;
    }
    return true;
}

static hmlc_status find_shape(hmlc_tf_importer *importer, const hmlc_tf_feed *feed,
                              input_shape *shape)
{
    hmlc_diagnostics *diagnostics = importer->base->module->diagnostics;
    if (feed->shape != NULL && !parse_shape(importer->base->scratch, feed->shape, shape)) {
        return hmlc_error_add(diagnostics, HMLC_ERROR_usage, importer->base->where,
                              "write --inputs NAME=?,49,10 or NAME=batch,49,10",
                              "--inputs %s=%s: these are no dims", feed->name, feed->shape);
    }
    if (feed->shape != NULL || declared_shape(feed, shape)) {
        return HMLC_OK;
    }
    const char *hint = hmlc_arena_printf(importer->base->scratch,
                                         "give its dims: --inputs %s=?,DIM,DIM, or none for a "
                                         "scalar: --inputs %s=",
                                         feed->name, feed->name);
    return hmlc_error_add(diagnostics, HMLC_ERROR_rank_unknown,
                          hmlc_tf_locate(importer, feed->from->def), hint,
                          "the graph does not say how many dims the input '%s' has", feed->name);
}

/* The element type of a tensor that is fed: a placeholder's, or the node's. */
static hmlc_status find_dtype(hmlc_tf_importer *importer, const hmlc_tf_feed *feed,
                              hmlc_dtype *dtype)
{
    static const char *const names[] = {"dtype", "DstT", "out_type", "T"};
    const hmlc_location *where = hmlc_tf_locate(importer, feed->from->def);
    *dtype = HMLC_DTYPE_f32;
    HMLC_TRY_MEMORY(where);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const Tensorflow__AttrValue *attr = hmlc_tf_attr(feed->from->def, names[i]);
        if (attr != NULL && attr->has_type) {
            return hmlc_tf_dtype(importer->base, attr->type, where, dtype) ? HMLC_OK : HMLC_REFUSED;
        }
    }
    return HMLC_OK;
}

/* A poisoned binding, so that its readers are skipped, where the input is refused. */
static hmlc_status add_input(hmlc_tf_importer *importer, const hmlc_tf_feed *feed,
                             const input_shape *shape)
{
    hmlc_importer *base = importer->base;
    hmlc_dtype dtype;
    hmlc_dim dims[HMLC_MAX_RANK];
    hmlc_binding *binding = hmlc_scope_bind(base, importer->scope, feed->name);
    HMLC_TRY_MEMORY(binding);
    binding->state = HMLC_BINDING_POISONED;
    HMLC_TRY(find_dtype(importer, feed, &dtype));
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
    hmlc_scope_add_input(base, importer->scope, binding, type);
    return base->fatal;
}

/* The placeholders that are kept, in the order of the graph, behind what the user feeds. */
static hmlc_status collect_placeholders(hmlc_tf_importer *importer)
{
    for (uint32_t i = 0; i < importer->kept_count; i++) {
        hmlc_tf_entry *entry = importer->kept[i];
        if (strcmp(entry->def->op, "Placeholder") == 0) {
            hmlc_tf_feed *feed = &importer->feed_list[importer->feed_count++];
            *feed = (hmlc_tf_feed){.name = entry->def->name, .from = entry, .placeholder = true};
            HMLC_TRY(hmlc_names_set(&importer->feeds, feed->name, feed));
        }
    }
    return HMLC_OK;
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
        for (uint32_t k = 0; k < shapes[i].rank; k++) {
            texts[named] = shapes[i].names[k];
            named += shapes[i].names[k] != NULL ? 1 : 0;
        }
    }
    HMLC_TRY(hmlc_input_dims_prepare(importer->base, texts, named));
    for (uint32_t i = 0; i < count; i++) {
        if (!known[i]) {
            hmlc_binding *binding =
                hmlc_scope_bind(importer->base, importer->scope, importer->feed_list[i].name);
            HMLC_TRY_MEMORY(binding);
            binding->state = HMLC_BINDING_POISONED;
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
    const Tensorflow__AttrValue *value = hmlc_tf_attr(stored, "value");
    if (value == NULL || value->tensor == NULL) {
        return hmlc_error_add(base->module->diagnostics, HMLC_ERROR_attribute_invalid, where, NULL,
                              "Const has no value");
    }
    return hmlc_tf_tensor(base, value->tensor, where, tensor);
}

/* Outputs whose node was refused are silent; the names are the user's, or those of nodes. */
static hmlc_status finish(hmlc_tf_importer *importer)
{
    hmlc_importer *base = importer->base;
    const char **names = HMLC_NEW_ARRAY(base->scratch, const char *, importer->output_count);
    HMLC_TRY_MEMORY(names);
    for (uint32_t i = 0; i < importer->output_count; i++) {
        hmlc_tf_ref ref;
        names[i] = importer->outputs[i];
        if (!hmlc_tf_parse_ref(base->scratch, importer->outputs[i], &ref)) {
            continue;
        }
        names[i] = ref.key;
        const hmlc_tf_entry *entry = hmlc_names_find(&importer->nodes, ref.node);
        bool refused = entry == NULL || entry->poisoned;
        if (refused && hmlc_scope_find(importer->scope, ref.key) == NULL) {
            hmlc_binding *binding = hmlc_scope_bind(base, importer->scope, ref.key);
            HMLC_TRY_MEMORY(binding);
            binding->state = HMLC_BINDING_POISONED;
        }
    }
    return hmlc_scope_finish(base, importer->scope, names, importer->output_count);
}

hmlc_status hmlc_tf_import(hmlc_importer *base)
{
    hmlc_body body = {.region = base->module->main};
    hmlc_scope scope = {.body = &body, .path = ""};
    hmlc_tf_importer importer = {.base = base, .scope = &scope};
    base->took_ends = true;
    base->constants = (hmlc_constant_source){.word = "constant", .read = read_constant};
    HMLC_TRY(open_graph(&importer));
    HMLC_TRY(index_operators(&importer));
    HMLC_TRY(index_nodes(&importer));
    base->module->producer = hmlc_arena_string(base->module->arena, "TensorFlow");
    base->module->source_node_count = (uint32_t)importer.graph->n_node;
    HMLC_TRY(hmlc_tf_prune(&importer));
    HMLC_TRY(add_inputs(&importer));
    HMLC_TRY(hmlc_tf_import_nodes(&importer));
    return finish(&importer);
}
