/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a graph computes: from the outputs, which the user names or which nobody reads, back to what
 * is fed. Nodes beside that, leftovers of the training, are not looked at.
 */
#include "tensorflow_import.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

const char *hmlc_tf_tensor_name(hmlc_arena *scratch, const char *node, uint32_t output)
{
    return output == 0 ? node : hmlc_arena_printf(scratch, "%s:%" PRIu32, node, output);
}

bool hmlc_tf_parse_ref(hmlc_arena *scratch, const char *text, hmlc_tf_ref *ref)
{
    *ref = (hmlc_tf_ref){.control = text[0] == '^'};
    text += ref->control ? 1 : 0;
    const char *colon = strrchr(text, ':');
    ref->node = colon != NULL ? hmlc_arena_string_n(scratch, text, (size_t)(colon - text)) : text;
    if (colon != NULL) {
        char *end;
        unsigned long number = strtoul(colon + 1, &end, 10);
        if (end == colon + 1 || *end != '\0' || number >= HMLC_TF_MOST_OUTPUTS) {
            return false;
        }
        ref->output = (uint32_t)number;
    }
    ref->key = ref->node != NULL ? hmlc_tf_tensor_name(scratch, ref->node, ref->output) : NULL;
    return ref->key != NULL;
}

const hmlc_location *hmlc_tf_locate(const hmlc_tf_importer *importer,
                                    const Tensorflow__NodeDef *def)
{
    return hmlc_location_create(importer->base->module->arena, importer->base->file, def->name,
                                def->op != NULL ? def->op : "");
}

static hmlc_status undefined(const hmlc_tf_importer *importer, const hmlc_location *where,
                             const char *name, const char *problem)
{
    return hmlc_scope_report(importer->base, where, name, problem);
}

/* -- what the user feeds ----------------------------------------------------------------------- */

static hmlc_status add_feed(hmlc_tf_importer *importer, const char *text)
{
    hmlc_arena *scratch = importer->base->scratch;
    const char *equals = strchr(text, '=');
    const char *name =
        equals != NULL ? hmlc_arena_string_n(scratch, text, (size_t)(equals - text)) : text;
    hmlc_tf_ref ref;
    HMLC_TRY_MEMORY(name);
    hmlc_tf_entry *entry =
        hmlc_tf_parse_ref(scratch, name, &ref) ? hmlc_names_find(&importer->nodes, ref.node) : NULL;
    if (entry == NULL || hmlc_names_find(&importer->feeds, ref.key) != NULL) {
        return hmlc_error_add(importer->base->module->diagnostics, HMLC_ERROR_usage,
                              importer->base->where, "name a node of the graph, or node:1",
                              "--inputs %s: %s", text,
                              entry == NULL ? "the graph has no such tensor" : "it is given twice");
    }
    hmlc_tf_feed *feed = &importer->feed_list[importer->feed_count++];
    *feed = (hmlc_tf_feed){.name = ref.key,
                           .shape = equals != NULL ? equals + 1 : NULL,
                           .from = entry,
                           .placeholder = strcmp(entry->def->op, "Placeholder") == 0};
    return hmlc_names_set(&importer->feeds, ref.key, feed);
}

/*
 * Names are separated by commas, as are the dims of one: a comma ends a name's dims where what
 * follows it has an equals sign of its own.
 */
static size_t feed_length(const char *text)
{
    size_t length = strcspn(text, ",");
    if (memchr(text, '=', length) == NULL) {
        return length;
    }
    while (text[length] == ',') {
        size_t next = strcspn(text + length + 1, ",");
        if (memchr(text + length + 1, '=', next) != NULL) {
            break;
        }
        length += 1 + next;
    }
    return length;
}

static hmlc_status add_feeds(hmlc_tf_importer *importer)
{
    const char *text = importer->base->options->inputs;
    size_t most = (text != NULL ? strlen(text) : 0) + importer->graph->n_node;
    importer->feeds = hmlc_names_create(importer->base->scratch);
    importer->feed_list = HMLC_NEW_ARRAY(importer->base->scratch, hmlc_tf_feed, most);
    HMLC_TRY_MEMORY(importer->feed_list);
    while (text != NULL && *text != '\0') {
        size_t length = feed_length(text);
        const char *feed = hmlc_arena_string_n(importer->base->scratch, text, length);
        HMLC_TRY_MEMORY(feed);
        HMLC_TRY(add_feed(importer, feed));
        text += length + (text[length] == ',' ? 1 : 0);
    }
    return HMLC_OK;
}

/* -- what is kept ------------------------------------------------------------------------------ */

typedef struct keep_stack {
    hmlc_tf_entry **entries;
    uint32_t depth;
} keep_stack;

/* A tensor is needed: its node is kept, unless it is fed. */
static hmlc_status keep_tensor(hmlc_tf_importer *importer, keep_stack *stack, const char *text,
                               const hmlc_location *where)
{
    hmlc_tf_ref ref;
    if (!hmlc_tf_parse_ref(importer->base->scratch, text, &ref)) {
        return undefined(importer, where, text, "is no name of a tensor");
    }
    if (ref.control || hmlc_names_find(&importer->feeds, ref.key) != NULL) {
        return HMLC_OK;
    }
    hmlc_tf_entry *entry = hmlc_names_find(&importer->nodes, ref.node);
    if (entry == NULL) {
        return undefined(importer, where, text, "is produced by no node");
    }
    entry->read |= UINT64_C(1) << ref.output;
    if (!entry->kept) {
        entry->kept = true;
        stack->entries[stack->depth++] = entry;
    }
    return HMLC_OK;
}

/* Random numbers in [0, 1), perhaps scaled and shifted, as the functions around them write it. */
static bool is_random(const hmlc_tf_importer *importer, const char *text, uint32_t depth)
{
    static const char *const ways[] = {"Add", "AddV2", "Mul", "Identity"};
    enum { MOST_DEPTH = 5 };
    hmlc_tf_ref ref;
    const hmlc_tf_entry *entry = hmlc_tf_parse_ref(importer->base->scratch, text, &ref)
                                     ? hmlc_names_find(&importer->nodes, ref.node)
                                     : NULL;
    if (entry == NULL || depth > MOST_DEPTH) {
        return false;
    }
    if (strcmp(entry->def->op, "RandomUniform") == 0) {
        return true;
    }
    bool passes = false, found = false;
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        passes = passes || strcmp(entry->def->op, ways[i]) == 0;
    }
    for (size_t i = 0; passes && i < entry->def->n_input && i < 2; i++) {
        found = found || is_random(importer, entry->def->input[i], depth + 1);
    }
    return found;
}

/* floor(keep_prob + random), or random >= rate: which elements dropout keeps. */
static bool is_dropout(const hmlc_tf_importer *importer, const hmlc_tf_entry *entry)
{
    bool asks = strcmp(entry->def->op, "Floor") == 0 || strcmp(entry->def->op, "GreaterEqual") == 0;
    return asks && entry->def->n_input > 0 && is_random(importer, entry->def->input[0], 0);
}

static hmlc_status keep_all(hmlc_tf_importer *importer)
{
    keep_stack stack = {.entries = HMLC_NEW_ARRAY(importer->base->scratch, hmlc_tf_entry *,
                                                  importer->graph->n_node)};
    HMLC_TRY_MEMORY(stack.entries);
    for (uint32_t i = 0; i < importer->output_count; i++) {
        hmlc_status status =
            keep_tensor(importer, &stack, importer->outputs[i], importer->base->where);
        if (status == HMLC_RESOURCE) {
            return status;
        }
    }
    while (stack.depth > 0) {
        hmlc_tf_entry *entry = stack.entries[--stack.depth];
        const hmlc_location *where = NULL;
        entry->dropout = is_dropout(importer, entry);
        for (size_t i = 0; i < entry->def->n_input && !entry->dropout; i++) {
            where = where == NULL ? hmlc_tf_locate(importer, entry->def) : where;
            HMLC_TRY_MEMORY(where);
            hmlc_status status = keep_tensor(importer, &stack, entry->def->input[i], where);
            if (status == HMLC_RESOURCE) {
                return status;
            }
        }
    }
    return HMLC_OK;
}

/* -- outputs ----------------------------------------------------------------------------------- */

/* Nodes without a result, and those whose result nobody needs to see. */
static bool is_result(const hmlc_tf_entry *entry)
{
    static const char *const others[] = {"NoOp",   "Assert",      "Print",
                                         "Const",  "Placeholder", "PlaceholderWithDefault",
                                         "SaveV2", "RestoreV2"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (strcmp(entry->def->op, others[i]) == 0) {
            return false;
        }
    }
    return true;
}

/* Outputs are the nodes that nobody reads. */
static hmlc_status find_outputs(hmlc_tf_importer *importer)
{
    hmlc_arena *scratch = importer->base->scratch;
    bool *read = HMLC_NEW_ARRAY(scratch, bool, importer->graph->n_node);
    importer->outputs = HMLC_NEW_ARRAY(scratch, const char *, importer->graph->n_node);
    HMLC_TRY_MEMORY(read);
    HMLC_TRY_MEMORY(importer->outputs);
    for (size_t i = 0; i < importer->graph->n_node; i++) {
        const Tensorflow__NodeDef *def = importer->graph->node[i];
        for (size_t k = 0; k < def->n_input; k++) {
            hmlc_tf_ref ref;
            const hmlc_tf_entry *from = hmlc_tf_parse_ref(scratch, def->input[k], &ref)
                                            ? hmlc_names_find(&importer->nodes, ref.node)
                                            : NULL;
            if (from != NULL) {
                read[from - importer->entries] = true;
            }
        }
    }
    for (size_t i = 0; i < importer->graph->n_node; i++) {
        if (!read[i] && is_result(&importer->entries[i])) {
            importer->outputs[importer->output_count++] = importer->entries[i].def->name;
        }
    }
    return HMLC_OK;
}

hmlc_status hmlc_tf_prune(hmlc_tf_importer *importer)
{
    const char *outputs = importer->base->options->outputs;
    size_t nodes = importer->graph->n_node;
    importer->kept = HMLC_NEW_ARRAY(importer->base->scratch, hmlc_tf_entry *, nodes);
    HMLC_TRY_MEMORY(importer->kept);
    HMLC_TRY(add_feeds(importer));
    HMLC_TRY(outputs != NULL ? hmlc_importer_split(importer->base, outputs, &importer->outputs,
                                                   &importer->output_count)
                             : find_outputs(importer));
    HMLC_TRY(keep_all(importer));
    for (size_t i = 0; i < nodes; i++) {
        if (importer->entries[i].kept) {
            importer->entries[i].number = importer->kept_count;
            importer->kept[importer->kept_count++] = &importer->entries[i];
        }
    }
    return HMLC_OK;
}
