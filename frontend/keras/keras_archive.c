/* SPDX-License-Identifier: Apache-2.0 */
/* The files that Keras writes: .keras archives, .h5 of Keras 1 to 3, and model.json with weights.
 */
#include "common/zip.h"
#include "keras_import.h"

#include <stdio.h>
#include <string.h>

#define WHOLE_MODEL "save the whole model: model.save(\"model.keras\")"

/* The archive's first member is one of Keras'. */
bool hmlc_looks_like_keras_archive(const uint8_t *bytes, size_t size)
{
    static const char *const names[] = {"metadata.json", "config.json"};
    enum { LOCAL_HEADER = 30 };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        size_t length = strlen(names[i]);
        if (size > LOCAL_HEADER + length && memcmp(bytes, "PK\3\4", 4) == 0 &&
            memcmp(bytes + LOCAL_HEADER, names[i], length) == 0) {
            return true;
        }
    }
    return false;
}

/* An object whose first members are those of a model's description. */
bool hmlc_looks_like_keras_json(const uint8_t *bytes, size_t size)
{
    enum { LOOKED_AT = 1 << 14 };
    static const char word[] = "\"class_name\"";
    size_t most = size < LOOKED_AT ? size : LOOKED_AT, first = 0;
    while (first < most && bytes[first] != '\0' && strchr(" \t\r\n", bytes[first]) != NULL) {
        first++;
    }
    if (first == most || bytes[first] != '{') {
        return false;
    }
    for (size_t i = first; i + sizeof word - 1 <= most; i++) {
        if (memcmp(bytes + i, word, sizeof word - 1) == 0) {
            return true;
        }
    }
    return false;
}

static hmlc_status refuse(const hmlc_keras_importer *importer, const char *hint, const char *what)
{
    return hmlc_error_add(importer->base->module->diagnostics, HMLC_ERROR_op_unsupported,
                          importer->base->where, hint, "%s", what);
}

/* "2.4.0": the first number; Keras 1 did not write any. */
static int32_t version_of(const char *text, int32_t otherwise)
{
    return text != NULL && text[0] >= '1' && text[0] <= '9' ? text[0] - '0' : otherwise;
}

static void keep_producer(hmlc_keras_importer *importer, const char *version)
{
    importer->base->module->producer =
        hmlc_arena_printf(importer->base->module->arena, "Keras%s%s", version != NULL ? " " : "",
                          version != NULL ? version : "");
}

static hmlc_status read_json(hmlc_keras_importer *importer, const char *text, size_t size,
                             const char *what, const hmlc_json **value)
{
    return hmlc_json_read(importer->base->scratch, text, size, what,
                          importer->base->module->diagnostics, importer->base->where, value);
}

static hmlc_status open_hdf5(hmlc_keras_importer *importer, const uint8_t *data, size_t size)
{
    importer->file = (hmlc_hdf5){.data = data,
                                 .size = size,
                                 .arena = importer->base->scratch,
                                 .diagnostics = importer->base->module->diagnostics,
                                 .where = importer->base->where};
    return hmlc_hdf5_open(&importer->file);
}

/* Which of the three ways the weights are filed in the open file. */
static hmlc_status find_filing(hmlc_keras_importer *importer)
{
    hmlc_hdf5 *file = &importer->file;
    hmlc_hdf5_object *group;
    hmlc_hdf5_texts names;
    bool found;
    importer->weights = file->root;
    importer->filing = HMLC_KERAS_BY_NAME;
    HMLC_TRY(hmlc_hdf5_find(file, file->root, "model_weights", &group));
    if (group != NULL) {
        importer->weights = group;
        return HMLC_OK;
    }
    HMLC_TRY(hmlc_hdf5_texts_of(file, file->root, "layer_names", &names, &found));
    importer->filing = found ? HMLC_KERAS_BY_NAME : HMLC_KERAS_BY_PART;
    return HMLC_OK;
}

/* -- .h5 --------------------------------------------------------------------------------------- */

static hmlc_status open_h5(hmlc_keras_importer *importer)
{
    const hmlc_importer *base = importer->base;
    const char *text = NULL;
    hmlc_hdf5_texts version;
    size_t length = 0;
    bool found;
    HMLC_TRY(open_hdf5(importer, base->data, base->size));
    HMLC_TRY(hmlc_hdf5_texts_of(&importer->file, importer->file.root, "keras_version", &version,
                                &found));
    const char *written = found && version.count > 0 ? version.list[0] : NULL;
    importer->version = version_of(written, 1);
    keep_producer(importer, written);
    HMLC_TRY(hmlc_hdf5_text_of(&importer->file, importer->file.root, "model_config", &text, &length,
                               &found));
    if (!found) {
        return refuse(importer,
                      "give the .keras file or the whole model: " WHOLE_MODEL
                      "; or the model.json beside the weights",
                      "the file has no model_config: it holds weights alone");
    }
    HMLC_TRY(read_json(importer, text, length, "model_config", &importer->config));
    return find_filing(importer);
}

/* -- .keras ------------------------------------------------------------------------------------ */

static hmlc_status read_member(const hmlc_zip *zip, const char *name, hmlc_arena *arena,
                               const uint8_t **data, size_t *size)
{
    const hmlc_zip_member *member = hmlc_zip_find(zip, name);
    *data = NULL;
    *size = 0;
    if (member == NULL) {
        return HMLC_OK;
    }
    *size = (size_t)member->size;
    return hmlc_zip_read(zip, member, arena, data);
}

static hmlc_status read_member_json(hmlc_keras_importer *importer, const hmlc_zip *zip,
                                    const char *name, const hmlc_json **value)
{
    const uint8_t *data;
    size_t size;
    *value = NULL;
    HMLC_TRY(read_member(zip, name, importer->base->scratch, &data, &size));
    return data != NULL ? read_json(importer, (const char *)data, size, name, value) : HMLC_OK;
}

static hmlc_status open_archive(hmlc_keras_importer *importer)
{
    hmlc_importer *base = importer->base;
    const hmlc_json *metadata;
    const uint8_t *weights;
    size_t size;
    hmlc_zip zip = {.data = base->data,
                    .size = base->size,
                    .arena = base->scratch,
                    .diagnostics = base->module->diagnostics,
                    .where = base->where};
    HMLC_TRY(hmlc_zip_open(&zip));
    HMLC_TRY(read_member_json(importer, &zip, "metadata.json", &metadata));
    const char *written = hmlc_json_text(hmlc_json_get(metadata, "keras_version"));
    importer->version = version_of(written, 3);
    keep_producer(importer, written);
    HMLC_TRY(read_member_json(importer, &zip, "config.json", &importer->config));
    if (importer->config == NULL) {
        return hmlc_error_add(base->module->diagnostics, HMLC_ERROR_file_damaged, base->where,
                              WHOLE_MODEL, "the archive has no config.json");
    }
    HMLC_TRY(read_member(&zip, "model.weights.h5", base->module->arena, &weights, &size));
    if (weights == NULL) {
        return refuse(importer, WHOLE_MODEL, "the archive has no model.weights.h5");
    }
    HMLC_TRY(open_hdf5(importer, weights, size));
    return find_filing(importer);
}

/* -- model.json -------------------------------------------------------------------------------- */

/* The weights beside a description: under its own name, or under usual ones. */
static const char *find_beside(const hmlc_keras_importer *importer)
{
    static const char *const ends[] = {".h5", ".weights.h5", "_weights.h5", ".hdf5"};
    static const char *const usual[] = {"model.h5", "model.weights.h5", "model_weights.h5",
                                        "weights.h5"};
    const char *file = importer->base->file, *dot = strrchr(file, '.');
    int length = dot != NULL && dot != file ? (int)(dot - file) : (int)strlen(file);
    for (size_t i = 0; i < 2 * sizeof ends / sizeof ends[0]; i++) {
        size_t row = i % (sizeof ends / sizeof ends[0]);
        const char *name =
            i < sizeof ends / sizeof ends[0]
                ? hmlc_arena_printf(importer->base->scratch, "%.*s%s", length, file, ends[row])
                : usual[row];
        if (name != NULL && hmlc_mapping_has(importer->base->mapping, name)) {
            return name;
        }
    }
    return NULL;
}

static hmlc_status open_json(hmlc_keras_importer *importer)
{
    hmlc_importer *base = importer->base;
    const hmlc_mapped_file *weights;
    HMLC_TRY(
        read_json(importer, (const char *)base->data, base->size, "the file", &importer->config));
    const char *written = hmlc_json_text(hmlc_json_get(importer->config, "keras_version"));
    importer->version = version_of(written, hmlc_json_get(importer->config, "module") ? 3 : 1);
    keep_producer(importer, written);
    const char *name = base->mapping != NULL ? find_beside(importer) : NULL;
    if (name == NULL) {
        return refuse(importer,
                      "put the weights beside it, under its name with .h5 or .weights.h5 at the "
                      "end, or " WHOLE_MODEL,
                      "the file describes a model, and no weights are beside it");
    }
    HMLC_TRY(hmlc_importer_external(base, name, base->where, &weights));
    HMLC_TRY(open_hdf5(importer, weights->data, weights->size));
    return find_filing(importer);
}

hmlc_status hmlc_keras_open(hmlc_keras_importer *importer)
{
    const hmlc_importer *base = importer->base;
    if (base->size > 4 && memcmp(base->data, "PK\3\4", 4) == 0) {
        return open_archive(importer);
    }
    return base->data[0] == 0x89 ? open_h5(importer) : open_json(importer);
}
