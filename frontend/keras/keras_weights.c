/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which dataset is which weight. In .h5 files a group per layer lists its weights by name and in
 * order, that of a nested model those of all its layers, trained ones first. Names are matched
 * where they are those of the table, else the order counts, as Keras itself does. In .keras files
 * the place of a layer among the model's parts is its name.
 */
#include "keras_import.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

enum { MOST_WEIGHTS = 16 };

/* The weights that a layer has by its row and config. */
typedef struct expected_weights {
    uint32_t count;
    struct {
        const char *name;
        size_t length;
        bool trained;
    } list[MOST_WEIGHTS];
} expected_weights;

/* A weight of a group. */
typedef struct stored_weight {
    const char *path; /* "conv2d/kernel:0" */
    bool taken;
} stored_weight;

typedef struct weight_search {
    hmlc_keras_importer *importer;
    hmlc_hdf5_object *group;
    stored_weight *stored;
    uint32_t count;
} weight_search;

/* An entry of the config that decides whether there is a weight; absent ones are true. */
static bool is_on(const hmlc_keras_layer *layer, const char *key, size_t length)
{
    char name[32];
    if (length >= sizeof name) {
        return true;
    }
    memcpy(name, key, length);
    name[length] = '\0';
    const hmlc_json *entry = hmlc_json_get(layer->config, name);
    if (entry == NULL && strcmp(name, "use_bias") == 0) {
        entry = hmlc_json_get(layer->config, "bias"); /* Keras 1 */
    }
    return !hmlc_json_is(entry, HMLC_JSON_BOOL) || entry->number != 0;
}

/* Set `set` of the row's weights; false where it has no such set. */
static bool expect(const hmlc_keras_layer *layer, uint32_t set, expected_weights *expected)
{
    const char *at = layer->row != NULL ? layer->row->weights : "";
    *expected = (expected_weights){0};
    for (; set > 0 && at != NULL; set--) {
        at = strchr(at, '|');
        at = at != NULL ? at + 1 : NULL;
    }
    if (at == NULL) {
        return false;
    }
    while (*at != '\0' && *at != '|' && expected->count < MOST_WEIGHTS) {
        bool trained = *at != '~';
        at += trained ? 0 : 1;
        size_t length = strcspn(at, " =|"), whole = strcspn(at, " |");
        if (at[length] != '=' || is_on(layer, at + length + 1, whole - length - 1)) {
            expected->list[expected->count].name = at;
            expected->list[expected->count].length = length;
            expected->list[expected->count++].trained = trained;
        }
        at += whole;
        at += strspn(at, " ");
    }
    return true;
}

/* The layer is broken; the search goes on, to find what else is missing. */
static hmlc_status report(const hmlc_keras_importer *importer, hmlc_keras_layer *layer,
                          uint32_t found, uint32_t wanted)
{
    layer->broken = true;
    (void)hmlc_error_add(importer->base->module->diagnostics, HMLC_ERROR_tensor_data_invalid,
                         hmlc_keras_locate(importer, layer),
                         "give the file that the model was saved to, with all weights",
                         "the file has %" PRIu32 " weights for the layer, which needs %" PRIu32,
                         found, wanted);
    return HMLC_OK;
}

/* The dataset, under the row's name where the set is known. */
static hmlc_status bind_weight(const weight_search *search, hmlc_keras_layer *layer,
                               const char *name, size_t length, stored_weight *stored)
{
    hmlc_keras_importer *importer = search->importer;
    hmlc_keras_weight *weight = &layer->weights[layer->weight_count];
    stored->taken = true;
    weight->name = hmlc_arena_string_n(importer->base->scratch, name, length);
    HMLC_TRY_MEMORY(weight->name);
    HMLC_TRY(hmlc_hdf5_find(&importer->file, search->group, stored->path, &weight->dataset));
    if (weight->dataset == NULL) {
        layer->broken = true;
        (void)hmlc_error_add(importer->base->module->diagnostics, HMLC_ERROR_tensor_data_invalid,
                             hmlc_keras_locate(importer, layer), NULL,
                             "the weight '%s' is listed, and not in the file", stored->path);
    }
    layer->weight_count++;
    return HMLC_OK;
}

/* -- by name ----------------------------------------------------------------------------------- */

/* Is the last part of the path, without ":0", that name? Keras 3 calls the depthwise kernel
 * "kernel". */
static bool ends_in(const char *path, const char *name, size_t length)
{
    const char *slash = strrchr(path, '/'), *last = slash != NULL ? slash + 1 : path;
    size_t bytes = strcspn(last, ":");
    return (bytes == length && strncmp(last, name, length) == 0) ||
           (bytes == 6 && length == 16 && strncmp(last, "kernel", 6) == 0 &&
            strncmp(name, "depthwise_kernel", 16) == 0);
}

/* Is one of the path's parts before the last the layer's name? */
static bool goes_through(const char *path, const char *layer)
{
    size_t length = strlen(layer);
    for (const char *at = path; length > 0 && (at = strstr(at, layer)) != NULL; at++) {
        if ((at == path || at[-1] == '/') && at[length] == '/') {
            return true;
        }
    }
    return false;
}

/* The one weight of that name that is left; NULL: none or several. */
static stored_weight *find_named(const weight_search *search, const char *layer, const char *name,
                                 size_t length)
{
    stored_weight *found = NULL;
    for (uint32_t i = 0; i < search->count; i++) {
        stored_weight *stored = &search->stored[i];
        if (!stored->taken && ends_in(stored->path, name, length) &&
            (layer == NULL || goes_through(stored->path, layer))) {
            if (found != NULL) {
                return NULL;
            }
            found = stored;
        }
    }
    return found;
}

static hmlc_status room_for_weights(const weight_search *search, hmlc_keras_layer *layer,
                                    uint32_t count)
{
    layer->weights =
        HMLC_NEW_ARRAY(search->importer->base->scratch, hmlc_keras_weight, (size_t)count);
    layer->weight_count = 0;
    HMLC_TRY_MEMORY(layer->weights);
    return HMLC_OK;
}

/* All weights of the layer by their names, of which `layer_name` (NULL: none) is a part. */
static hmlc_status bind_by_name(const weight_search *search, hmlc_keras_layer *layer,
                                const char *layer_name, const expected_weights *expected,
                                bool *done)
{
    stored_weight *found[MOST_WEIGHTS];
    *done = false;
    for (uint32_t i = 0; i < expected->count; i++) {
        found[i] = find_named(search, layer_name, expected->list[i].name, expected->list[i].length);
        if (found[i] == NULL) {
            return HMLC_OK;
        }
    }
    *done = true;
    HMLC_TRY(room_for_weights(search, layer, expected->count));
    for (uint32_t i = 0; i < expected->count; i++) {
        HMLC_TRY(
            bind_weight(search, layer, expected->list[i].name, expected->list[i].length, found[i]));
    }
    return HMLC_OK;
}

/* -- by order ---------------------------------------------------------------------------------- */

static stored_weight *next_stored(const weight_search *search)
{
    for (uint32_t i = 0; i < search->count; i++) {
        if (!search->stored[i].taken) {
            return &search->stored[i];
        }
    }
    return NULL;
}

/* The layers below a layer that have weights of their own, in the order of the model; `visit` gets
 * each of them. */
typedef hmlc_status leaf_visit(weight_search *search, hmlc_keras_layer *layer, void *context);

static hmlc_status visit_leaves(weight_search *search, hmlc_keras_layer *layer, leaf_visit *visit,
                                void *context)
{
    for (uint32_t i = 0; layer->model != NULL && i < layer->model->layer_count; i++) {
        HMLC_TRY(visit_leaves(search, layer->model->layers[i], visit, context));
    }
    for (uint32_t i = 0; i < HMLC_KERAS_WRAPPED && layer->wrapped[i] != NULL; i++) {
        HMLC_TRY(visit_leaves(search, layer->wrapped[i], visit, context));
    }
    return layer->model == NULL && layer->wrapped[0] == NULL ? visit(search, layer, context)
                                                             : HMLC_OK;
}

/* One pass over the leaves takes the trained weights, another one the others. */
static hmlc_status take_in_order(weight_search *search, hmlc_keras_layer *layer, void *context)
{
    const bool *trained = context;
    expected_weights expected;
    (void)expect(layer, 0, &expected);
    if (*trained) {
        HMLC_TRY(room_for_weights(search, layer, expected.count));
    }
    for (uint32_t i = 0; i < expected.count; i++) {
        stored_weight *stored = expected.list[i].trained == *trained ? next_stored(search) : NULL;
        if (stored != NULL) {
            HMLC_TRY(
                bind_weight(search, layer, expected.list[i].name, expected.list[i].length, stored));
        }
    }
    return HMLC_OK;
}

static hmlc_status take_by_name(weight_search *search, hmlc_keras_layer *layer, void *context)
{
    bool *all = context, done = false;
    expected_weights expected;
    (void)expect(layer, 0, &expected);
    if (*all) {
        HMLC_TRY(bind_by_name(search, layer, layer->name, &expected, &done));
    }
    *all = *all && done;
    return HMLC_OK;
}

static hmlc_status count_expected(weight_search *search, hmlc_keras_layer *layer, void *context)
{
    expected_weights expected;
    (void)search;
    (void)expect(layer, 0, &expected);
    *(uint32_t *)context += expected.count;
    return HMLC_OK;
}

/* A Bidirectional layer's second part may be left out of the config: it is the first one again. */
static hmlc_status complete_wrapper(const hmlc_keras_importer *importer, hmlc_keras_layer *layer)
{
    if (strcmp(layer->class_name, "Bidirectional") != 0 || layer->wrapped[0] == NULL ||
        layer->wrapped[1] != NULL) {
        return HMLC_OK;
    }
    layer->wrapped[1] =
        hmlc_arena_copy(importer->base->scratch, layer->wrapped[0], sizeof *layer->wrapped[0]);
    HMLC_TRY_MEMORY(layer->wrapped[1]);
    return HMLC_OK;
}

/* The layers in a group that holds several ones' weights. */
static hmlc_status bind_leaves(weight_search *search, hmlc_keras_layer *layer)
{
    uint32_t wanted = 0;
    bool named = layer->model != NULL, trained = true;
    HMLC_TRY(visit_leaves(search, layer, count_expected, &wanted));
    if (wanted != search->count) {
        return report(search->importer, layer, search->count, wanted);
    }
    if (named) {
        HMLC_TRY(visit_leaves(search, layer, take_by_name, &named));
    }
    if (named) {
        return HMLC_OK;
    }
    for (uint32_t i = 0; i < search->count; i++) {
        search->stored[i].taken = false;
    }
    HMLC_TRY(visit_leaves(search, layer, take_in_order, &trained));
    trained = false;
    return visit_leaves(search, layer, take_in_order, &trained);
}

/* -- groups of one layer ----------------------------------------------------------------------- */

static hmlc_status bind_layer(weight_search *search, hmlc_keras_layer *layer)
{
    expected_weights expected;
    uint32_t first = 0;
    for (uint32_t set = 0; expect(layer, set, &expected); set++) {
        bool done = false;
        first = set == 0 ? expected.count : first;
        if (expected.count != search->count) {
            continue;
        }
        HMLC_TRY(bind_by_name(search, layer, NULL, &expected, &done));
        if (done) {
            return HMLC_OK;
        }
        HMLC_TRY(room_for_weights(search, layer, expected.count));
        for (uint32_t i = 0; i < expected.count; i++) {
            HMLC_TRY(bind_weight(search, layer, expected.list[i].name, expected.list[i].length,
                                 &search->stored[i]));
        }
        return HMLC_OK;
    }
    /* What is refused by name needs no weights. */
    return layer->row == NULL || layer->row->import == NULL
               ? HMLC_OK
               : report(search->importer, layer, search->count, first);
}

static hmlc_status bind_group(weight_search *search, hmlc_keras_layer *layer)
{
    return layer->model != NULL || layer->wrapped[0] != NULL ? bind_leaves(search, layer)
                                                             : bind_layer(search, layer);
}

/* Has the layer, or one below it, weights? */
static hmlc_status find_by_name(hmlc_keras_importer *importer, hmlc_keras_layer *layer)
{
    weight_search search = {.importer = importer};
    hmlc_hdf5_texts names = {0};
    bool found = false;
    HMLC_TRY(hmlc_hdf5_find(&importer->file, importer->weights, layer->name, &search.group));
    if (search.group != NULL) {
        HMLC_TRY(hmlc_hdf5_texts_of(&importer->file, search.group, "weight_names", &names, &found));
    }
    search.count = names.count;
    search.stored = HMLC_NEW_ARRAY(importer->base->scratch, stored_weight, names.count);
    HMLC_TRY_MEMORY(search.stored);
    for (uint32_t i = 0; i < names.count; i++) {
        search.stored[i].path = names.list[i];
    }
    return bind_group(&search, layer);
}

/* -- by part ----------------------------------------------------------------------------------- */

/* One of two passes of Keras' to_snake_case: an underscore where `splits` says so. */
static size_t split_words(const char *from, char *to, size_t room,
                          bool (*splits)(const char *text, const char *at))
{
    size_t used = 0;
    for (const char *at = from; *at != '\0' && used + 2 < room; at++) {
        if (at > from && splits(from, at)) {
            to[used++] = '_';
        }
        to[used++] = *at;
    }
    to[used] = '\0';
    return used;
}

/* "(.)([A-Z][a-z]+)" */
static bool before_word(const char *text, const char *at)
{
    (void)text;
    return isupper((unsigned char)at[0]) && islower((unsigned char)at[1]) && at[-1] != '_';
}

/* "([a-z])([A-Z])" */
static bool between_cases(const char *text, const char *at)
{
    (void)text;
    return isupper((unsigned char)at[0]) && islower((unsigned char)at[-1]);
}

enum { LONGEST_CLASS = 96 };

/* The part's name of a class: "conv2d_transpose", "re_lu". */
static void snake_case(const char *class_name, char name[LONGEST_CLASS])
{
    char plain[LONGEST_CLASS / 2], words[LONGEST_CLASS];
    size_t used = 0;
    for (const char *at = class_name; *at != '\0' && used + 1 < sizeof plain; at++) {
        if (isalnum((unsigned char)*at) || *at == '_') {
            plain[used++] = *at;
        }
    }
    plain[used] = '\0';
    (void)split_words(plain, words, sizeof words, before_word);
    (void)split_words(words, name, LONGEST_CLASS, between_cases);
    for (char *at = name; *at != '\0'; at++) {
        *at = (char)tolower((unsigned char)*at);
    }
}

static hmlc_status find_by_part(hmlc_keras_importer *importer, hmlc_keras_layer *layer,
                                hmlc_hdf5_object *part);

/* Weights of parts within the layer: query_dense/vars/0, query_dense/vars/1, key_dense/vars/0 ...
 */
static hmlc_status bind_inner_parts(hmlc_keras_importer *importer, hmlc_keras_layer *layer,
                                    hmlc_hdf5_object *part)
{
    weight_search search = {.importer = importer, .group = part};
    expected_weights expected;
    uint32_t number = 0;
    (void)expect(layer, 0, &expected);
    search.stored = HMLC_NEW_ARRAY(importer->base->scratch, stored_weight, expected.count);
    HMLC_TRY_MEMORY(search.stored);
    hmlc_hdf5_object *private_part = NULL; /* Keras 2 hides the parts' names */
    if (part != NULL) {
        HMLC_TRY(hmlc_hdf5_find(&importer->file, part, "_query_dense", &private_part));
    }
    for (; part != NULL && search.count < expected.count; search.count++) {
        const char *name = expected.list[search.count].name;
        const char *before = search.count > 0 ? expected.list[search.count - 1].name : "";
        size_t length = strcspn(name, "/");
        number = strncmp(name, before, length) == 0 ? number + 1 : 0;
        char *path = hmlc_arena_printf(importer->base->scratch, "%s%.*s/vars/%" PRIu32,
                                       private_part != NULL ? "_" : "", (int)length, name, number);
        HMLC_TRY_MEMORY(path);
        search.stored[search.count].path = path;
    }
    return bind_layer(&search, layer);
}

/* The weights of a part: vars/0, vars/1 ... */
static hmlc_status bind_vars(hmlc_keras_importer *importer, hmlc_keras_layer *layer,
                             hmlc_hdf5_object *part)
{
    weight_search search = {.importer = importer};
    const hmlc_hdf5_link *links;
    uint32_t count = 0;
    if (layer->row != NULL && layer->row->place != NULL && strcmp(layer->row->place, "*") == 0) {
        return bind_inner_parts(importer, layer, part);
    }
    if (part != NULL && layer->row != NULL && layer->row->place != NULL &&
        layer->row->place[0] != '\0') {
        HMLC_TRY(hmlc_hdf5_find(&importer->file, part, layer->row->place, &part));
    }
    if (part != NULL) {
        HMLC_TRY(hmlc_hdf5_find(&importer->file, part, "vars", &search.group));
    }
    if (search.group != NULL) {
        HMLC_TRY(hmlc_hdf5_links(&importer->file, search.group, &links, &count));
    }
    search.stored = HMLC_NEW_ARRAY(importer->base->scratch, stored_weight, count);
    HMLC_TRY_MEMORY(search.stored);
    for (search.count = 0; search.count < count; search.count++) {
        char *name = hmlc_arena_printf(importer->base->scratch, "%" PRIu32, search.count);
        HMLC_TRY_MEMORY(name);
        search.stored[search.count].path = name;
    }
    return bind_layer(&search, layer);
}

static hmlc_status find_parts(hmlc_keras_importer *importer, hmlc_keras_model *model,
                              hmlc_hdf5_object *group)
{
    hmlc_arena *scratch = importer->base->scratch;
    hmlc_names used = hmlc_names_create(scratch);
    hmlc_hdf5_object *layers = NULL;
    if (group != NULL) {
        HMLC_TRY(hmlc_hdf5_find(&importer->file, group, "layers", &layers));
    }
    if (group != NULL && layers == NULL) { /* Keras 2.12 */
        HMLC_TRY(hmlc_hdf5_find(&importer->file, group, "_layer_checkpoint_dependencies", &layers));
    }
    for (uint32_t i = 0; i < model->layer_count; i++) {
        hmlc_keras_layer *layer = model->layers[i];
        char plain[LONGEST_CLASS];
        snake_case(layer->class_name, plain);
        const char *name = hmlc_arena_string(scratch, plain);
        HMLC_TRY_MEMORY(name);
        uint32_t *count = hmlc_names_find(&used, name);
        if (count == NULL) {
            count = HMLC_NEW(scratch, uint32_t);
            HMLC_TRY_MEMORY(count);
            HMLC_TRY(hmlc_names_set(&used, name, count));
        } else {
            name = hmlc_arena_printf(scratch, "%s_%" PRIu32, name, ++*count);
            HMLC_TRY_MEMORY(name);
        }
        hmlc_hdf5_object *part = NULL;
        if (layers != NULL) {
            HMLC_TRY(hmlc_hdf5_find(&importer->file, layers, name, &part));
        }
        HMLC_TRY(find_by_part(importer, layer, part));
    }
    return HMLC_OK;
}

static hmlc_status find_by_part(hmlc_keras_importer *importer, hmlc_keras_layer *layer,
                                hmlc_hdf5_object *part)
{
    static const char *const forward[] = {"forward_layer", "backward_layer"};
    if (layer->model != NULL) {
        return find_parts(importer, layer->model, part);
    }
    for (uint32_t i = 0; i < HMLC_KERAS_WRAPPED && layer->wrapped[i] != NULL; i++) {
        hmlc_hdf5_object *inner = NULL;
        if (part != NULL) {
            const char *name = layer->wrapped[1] != NULL ? forward[i] : "layer";
            HMLC_TRY(hmlc_hdf5_find(&importer->file, part, name, &inner));
        }
        HMLC_TRY(find_by_part(importer, layer->wrapped[i], inner));
    }
    return layer->wrapped[0] != NULL ? HMLC_OK : bind_vars(importer, layer, part);
}

/* -------------------------------------------------------------------------------------------------
 */

static hmlc_status complete_wrappers(hmlc_keras_importer *importer, hmlc_keras_model *model)
{
    for (uint32_t i = 0; i < model->layer_count; i++) {
        HMLC_TRY(complete_wrapper(importer, model->layers[i]));
        if (model->layers[i]->model != NULL) {
            HMLC_TRY(complete_wrappers(importer, model->layers[i]->model));
        }
    }
    return HMLC_OK;
}

hmlc_status hmlc_keras_find_weights(hmlc_keras_importer *importer, hmlc_keras_model *model)
{
    HMLC_TRY(complete_wrappers(importer, model));
    if (importer->filing == HMLC_KERAS_BY_PART) {
        return find_parts(importer, model, importer->weights);
    }
    for (uint32_t i = 0; i < model->layer_count && importer->filing == HMLC_KERAS_BY_NAME; i++) {
        HMLC_TRY(find_by_name(importer, model->layers[i]));
    }
    return HMLC_OK;
}
