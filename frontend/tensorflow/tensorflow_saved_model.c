/* SPDX-License-Identifier: Apache-2.0 */
/* SavedModel: which of its graphs, by tags; which inputs and outputs, by a signature. */
#include "common/proto_wire.h"
#include "tensorflow_import.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LONGEST_LIST = 512 };

/* The file begins with its version, 1, and a graph with its description. */
bool hmlc_looks_like_saved_model(const uint8_t *bytes, size_t size)
{
    size_t at = 3;
    if (size < 8 || memcmp(bytes, "\x08\x01\x12", 3) != 0) {
        return false;
    }
    while (at < 8 && (bytes[at] & 0x80) != 0) {
        at++;
    }
    return at + 1 < size && bytes[at + 1] == 0x0a;
}

/* "a, b" at the end of a text. */
static void append(char *list, size_t size, const char *word)
{
    size_t used = strlen(list), length = strlen(word);
    if (used + length + 3 < size) {
        (void)snprintf(list + used, size - used, "%s%s", used > 0 ? ", " : "", word);
    }
}

static bool has_tag(const Tensorflow__MetaGraph *graph, const char *tag)
{
    const Tensorflow__MetaInfo *info = graph->meta_info_def;
    for (size_t i = 0; info != NULL && i < info->n_tags; i++) {
        if (strcmp(info->tags[i], tag) == 0) {
            return true;
        }
    }
    return false;
}

/* All of these tags, and no other where `exact`. */
static bool has_tags(const Tensorflow__MetaGraph *graph, const char *const *tags, uint32_t count,
                     bool exact)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!has_tag(graph, tags[i])) {
            return false;
        }
    }
    const Tensorflow__MetaInfo *info = graph->meta_info_def;
    return !exact || (info != NULL && info->n_tags == count);
}

static hmlc_status no_graph(hmlc_importer *base, const Tensorflow__SavedModel *model)
{
    char sets[LONGEST_LIST] = "";
    for (size_t i = 0; i < model->n_meta_graphs; i++) {
        const Tensorflow__MetaInfo *info = model->meta_graphs[i]->meta_info_def;
        for (size_t k = 0; info != NULL && k < info->n_tags; k++) {
            append(sets, sizeof sets, info->tags[k]);
        }
    }
    const char *hint = hmlc_arena_printf(base->scratch, "its tags are: %s", sets);
    return hmlc_error_add(base->module->diagnostics, HMLC_ERROR_usage, base->where,
                          sets[0] != '\0' ? hint : "the model's graphs have no tags",
                          base->options->tags != NULL ? "--tags %s: no graph of the model has them"
                                                      : "no graph of the model has the tag '%s'",
                          base->options->tags != NULL ? base->options->tags : "serve");
}

/* The graph whose tags are those asked for, or the first that has them all. */
static hmlc_status choose_graph(hmlc_importer *base, const Tensorflow__SavedModel *model,
                                const Tensorflow__MetaGraph **chosen)
{
    const char **tags;
    uint32_t count;
    base->took_tags = true;
    *chosen = NULL;
    HMLC_TRY(hmlc_importer_split(base, base->options->tags != NULL ? base->options->tags : "serve",
                                 &tags, &count));
    for (uint32_t pass = 0; pass < 2 && *chosen == NULL; pass++) {
        for (size_t i = 0; i < model->n_meta_graphs && *chosen == NULL; i++) {
            bool fits = has_tags(model->meta_graphs[i], tags, count, pass == 0);
            *chosen = fits ? model->meta_graphs[i] : NULL;
        }
    }
    return *chosen != NULL ? HMLC_OK : no_graph(base, model);
}

hmlc_status hmlc_tf_import_saved_model(hmlc_importer *base)
{
    static const hmlc_wire_format format = {.root = &tensorflow__saved_model__descriptor,
                                            .tensor = &tensorflow__tensor__descriptor,
                                            .weights = "tensor_content"};
    const ProtobufCMessage *message;
    const Tensorflow__MetaGraph *chosen;
    HMLC_TRY(hmlc_wire_unpack(&format, base->data, base->size, &base->budget,
                              base->module->diagnostics, base->where, &message));
    const Tensorflow__SavedModel *model = (const Tensorflow__SavedModel *)message;
    HMLC_TRY(choose_graph(base, model, &chosen));
    if (chosen->graph_def == NULL) {
        return hmlc_error_add(base->module->diagnostics, HMLC_ERROR_file_damaged, base->where, NULL,
                              "the SavedModel's graph is missing");
    }
    return hmlc_tf_run(base, chosen->graph_def, chosen);
}

/* -- signatures -------------------------------------------------------------------------------- */

/* What restores or trains is no signature to serve. */
static bool is_served(const Tensorflow__SignatureEntry *entry)
{
    return entry->key != NULL && entry->value != NULL && entry->value->n_outputs > 0 &&
           strncmp(entry->key, "__saved_model_", 14) != 0;
}

static hmlc_status find_signature(hmlc_tf_importer *importer, const Tensorflow__Signature **found)
{
    static const char usual[] = "serving_default";
    const Tensorflow__MetaGraph *meta = importer->meta;
    const char *asked = importer->base->options->signature;
    const Tensorflow__Signature *any = NULL;
    char names[LONGEST_LIST] = "";
    uint32_t count = 0;
    *found = NULL;
    for (size_t i = 0; i < meta->n_signature_def; i++) {
        const Tensorflow__SignatureEntry *entry = meta->signature_def[i];
        if (is_served(entry)) {
            count++;
            any = entry->value;
            append(names, sizeof names, entry->key);
            bool wanted = strcmp(entry->key, asked != NULL ? asked : usual) == 0;
            *found = wanted ? entry->value : *found;
        }
    }
    hmlc_diagnostics *diagnostics = importer->base->module->diagnostics;
    if (*found == NULL && asked != NULL) {
        const char *hint = hmlc_arena_printf(importer->base->scratch, "it has: %s", names);
        return hmlc_error_add(diagnostics, HMLC_ERROR_usage, importer->base->where,
                              count > 0 ? hint : "the model has none; leave the option out",
                              "--signature: the model has no signature '%s'", asked);
    }
    *found = *found == NULL && count == 1 ? any : *found;
    if (*found == NULL && count > 1) {
        return hmlc_error_add(diagnostics, HMLC_ERROR_usage, importer->base->where,
                              "choose with --signature NAME", "%u signatures: %s", count, names);
    }
    return HMLC_OK;
}

/* By name, whatever the order in the file. */
static int compare_entries(const void *a, const void *b)
{
    const Tensorflow__TensorEntry *const *left = a, *const *right = b;
    const char *first = (*left)->key != NULL ? (*left)->key : "";
    return strcmp(first, (*right)->key != NULL ? (*right)->key : "");
}

static hmlc_status bad_end(const hmlc_tf_importer *importer, const Tensorflow__TensorEntry *entry,
                           const char *what)
{
    const char *tensor =
        entry->value != NULL && entry->value->name != NULL ? entry->value->name : "";
    return hmlc_error_add(importer->base->module->diagnostics, HMLC_ERROR_value_undefined,
                          importer->base->where, NULL,
                          tensor[0] != '\0' ? "the signature's %s '%s' is '%s', which no node gives"
                                            : "the signature's %s '%s' has no tensor%s",
                          what, entry->key != NULL ? entry->key : "", tensor);
}

static hmlc_status add_input(hmlc_tf_importer *importer, const Tensorflow__TensorEntry *entry)
{
    hmlc_tf_ref ref;
    const Tensorflow__TensorInfo *info = entry->value;
    const hmlc_tf_entry *from = entry->key != NULL && info != NULL && info->name != NULL
                                    ? hmlc_tf_find(importer, &importer->graph, info->name, &ref)
                                    : NULL;
    if (from == NULL) {
        return bad_end(importer, entry, "input");
    }
    if (hmlc_names_find(&importer->feeds, ref.key) != NULL) {
        return hmlc_error_add(importer->base->module->diagnostics, HMLC_ERROR_value_undefined,
                              importer->base->where, NULL,
                              "the signature's input '%s' is '%s', which another one is, too",
                              entry->key, ref.key);
    }
    hmlc_tf_feed *feed = &importer->feed_list[importer->feed_count++];
    *feed = (hmlc_tf_feed){.name = entry->key,
                           .key = ref.key,
                           .from = from,
                           .info = info,
                           .placeholder = strcmp(from->def->op, "Placeholder") == 0};
    return hmlc_names_set(&importer->feeds, ref.key, feed);
}

static hmlc_status add_output(hmlc_tf_importer *importer, const Tensorflow__TensorEntry *entry)
{
    hmlc_tf_ref ref;
    const Tensorflow__TensorInfo *info = entry->value;
    bool found = entry->key != NULL && info != NULL && info->name != NULL &&
                 hmlc_tf_find(importer, &importer->graph, info->name, &ref) != NULL;
    if (!found) {
        return bad_end(importer, entry, "output");
    }
    importer->results[importer->result_count++] = (hmlc_tf_result){entry->key, info->name};
    return HMLC_OK;
}

hmlc_status hmlc_tf_choose_signature(hmlc_tf_importer *importer)
{
    const Tensorflow__Signature *signature = NULL;
    if (importer->meta == NULL) {
        return HMLC_OK;
    }
    importer->base->took_signature = true;
    HMLC_TRY(find_signature(importer, &signature));
    if (signature == NULL) {
        return HMLC_OK;
    }
    importer->batch = true;
    importer->results =
        HMLC_NEW_ARRAY(importer->base->scratch, hmlc_tf_result, signature->n_outputs + 1);
    hmlc_tf_feed *room = HMLC_NEW_ARRAY(importer->base->scratch, hmlc_tf_feed,
                                        importer->feed_room + signature->n_inputs);
    HMLC_TRY_MEMORY(importer->results);
    HMLC_TRY_MEMORY(room);
    importer->feed_list = room;
    if (signature->n_inputs > 0) {
        qsort(signature->inputs, signature->n_inputs, sizeof *signature->inputs, compare_entries);
    }
    qsort(signature->outputs, signature->n_outputs, sizeof *signature->outputs, compare_entries);
    for (size_t i = 0; i < signature->n_inputs; i++) {
        HMLC_TRY(add_input(importer, signature->inputs[i]));
    }
    for (size_t i = 0; i < signature->n_outputs; i++) {
        HMLC_TRY(add_output(importer, signature->outputs[i]));
    }
    return HMLC_OK;
}
