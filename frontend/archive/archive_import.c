/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Archives that hold one model, as SageMaker stores them: model.tar.gz with a SavedModel below
 * "1/" or "export/Servo/1/", or with a single file. Members are used where they lie in memory; what
 * belongs to the model is found among them alone.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <support/inflate.h>

#include "common/tar.h"
#include "importer/format.h"

enum {
    MOST_NESTED = 2,
    GZIP_HEADER = 10,
    GZIP_TRAILER = 8,
    MOST_RATIO = 100,
    FREE_BYTES = 1 << 20
};
enum { LONGEST_LIST = 512 };

/* -- gzip -------------------------------------------------------------------------------------- */

static hmlc_status damaged(const hmlc_importer *importer, const char *what)
{
    return hmlc_error_add(importer->module->diagnostics, HMLC_ERROR_file_damaged, importer->where,
                          "the file may be cut short or altered: fetch or pack it again", "%s",
                          what);
}

/* Behind the header, whose parts the flags tell (RFC 1952); 0: there is none. */
static size_t gzip_start(const uint8_t *data, size_t size)
{
    enum { CHECK = 2, EXTRA = 4, NAME = 8, COMMENT = 16, DEFLATE = 8 };
    size_t at = GZIP_HEADER;
    if (size < GZIP_HEADER + GZIP_TRAILER || data[2] != DEFLATE) {
        return 0;
    }
    if ((data[3] & EXTRA) != 0) {
        at += 2 + (size_t)(data[10] | data[11] << 8);
    }
    for (uint32_t part = NAME; part <= COMMENT; part <<= 1) {
        if ((data[3] & part) != 0) {
            while (at < size && data[at] != 0) {
                at++;
            }
            at++;
        }
    }
    at += (data[3] & CHECK) != 0 ? 2 : 0;
    return at + GZIP_TRAILER <= size ? at : 0;
}

static uint32_t read32(const uint8_t *data)
{
    return (uint32_t)data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16 |
           (uint32_t)data[3] << 24;
}

/* More than may be unpacked, if the last bytes are a length at all: those of a file that is cut
 * short are not, and it is damaged instead. */
static hmlc_status too_large(const hmlc_importer *importer, size_t start, size_t packed,
                             size_t size)
{
    if (!hml_inflate_measure(importer->data + start, packed, size)) {
        return damaged(importer, "the gzip file is cut short or damaged");
    }
    return hmlc_error_add(importer->module->diagnostics, HMLC_ERROR_parser_memory, importer->where,
                          "unpack it first", "the gzip file would become %zu bytes from %zu", size,
                          packed);
}

/* The file's content takes its place. It is as long as the trailer says, or the file is damaged. */
static hmlc_status inflate(hmlc_importer *importer)
{
    const uint8_t *data = importer->data;
    size_t start = gzip_start(data, importer->size);
    if (start == 0) {
        return damaged(importer, "the gzip file has no whole header");
    }
    size_t packed = importer->size - start - GZIP_TRAILER;
    size_t size = read32(data + importer->size - 4);
    if (size > importer->budget.limit || size / MOST_RATIO > packed + FREE_BYTES / MOST_RATIO) {
        return too_large(importer, start, packed, size);
    }
    uint8_t *plain = hmlc_arena_allocate(importer->module->arena, size + 1);
    HMLC_TRY_MEMORY(plain);
    if (!hml_inflate(data + start, packed, plain, size)) {
        return damaged(importer, "the gzip file is cut short or damaged");
    }
    if (hml_crc32(plain, size) != read32(data + importer->size - GZIP_TRAILER)) {
        return damaged(importer, "the gzip file's checksum is wrong");
    }
    importer->data = plain;
    importer->size = size;
    return HMLC_OK;
}

/* -- which member ------------------------------------------------------------------------------ */

static const char model_file[] = "saved_model.pb";

static const char *last_part(const char *name)
{
    const char *slash = strrchr(name, '/');
    return slash != NULL ? slash + 1 : name;
}

/* A folder on the way, or the file itself, that holds no model. */
static bool is_beside(const char *name)
{
    static const char *const folders[] = {"code/", "__MACOSX/", "assets/", "assets.extra/"};
    for (const char *part = name; part != NULL;
         part = strchr(part, '/') != NULL ? strchr(part, '/') + 1 : NULL) {
        for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
            if (strncmp(part, folders[i], strlen(folders[i])) == 0) {
                return true;
            }
        }
        if (part[0] == '.') {
            return true;
        }
    }
    return false;
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), tail = strlen(end);
    return length >= tail && strcasecmp(text + length - tail, end) == 0;
}

/* A file that may be the model. */
static bool may_be_model(const char *name)
{
    static const char *const ends[] = {".pb", ".h5", ".hdf5", ".keras", ".tflite", ".onnx"};
    static const char *const others[] = {"keras_metadata.pb", "fingerprint.pb"};
    bool fits = false;
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        fits = fits || ends_with(name, ends[i]);
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        fits = fits && strcmp(last_part(name), others[i]) != 0;
    }
    return fits && !is_beside(name);
}

/* "export/Servo/17/saved_model.pb": 17, and how long "export/Servo/" is. False without a number. */
static bool read_version(const char *name, uint64_t *version, size_t *front)
{
    size_t folder = (size_t)(last_part(name) - name);
    *version = 0;
    if (folder == 0 || strcmp(name + folder, model_file) != 0) {
        return false;
    }
    size_t start = folder - 1;
    while (start > 0 && name[start - 1] != '/') {
        start--;
    }
    for (size_t i = start; i + 1 < folder; i++) {
        if (name[i] < '0' || name[i] > '9' || folder - start > 16) {
            return false;
        }
        *version = *version * 10 + (uint64_t)(name[i] - '0');
    }
    *front = start;
    return start + 1 < folder;
}

/* The highest version beside the member, its own if there is none yet; NULL: no memory. */
static uint64_t *highest_beside(hmlc_names *highest, const char *name, size_t front,
                                uint64_t version)
{
    const char *folder = hmlc_arena_string_n(highest->arena, name, front);
    uint64_t *found = folder != NULL ? hmlc_names_find(highest, folder) : NULL;
    if (folder == NULL || found != NULL) {
        return found;
    }
    found = HMLC_NEW(highest->arena, uint64_t);
    if (found == NULL || hmlc_names_set(highest, folder, found) != HMLC_OK) {
        return NULL;
    }
    *found = version;
    return found;
}

/* Members that may be the model; of the versions of one the highest alone. */
typedef struct candidates {
    const hmlc_tar_member **list;
    uint32_t count;
} candidates;

static hmlc_status find_candidates(const hmlc_importer *importer, const hmlc_tar *tar,
                                   candidates *found)
{
    hmlc_names highest = hmlc_names_create(importer->scratch);
    uint64_t version, *most;
    size_t front, members = 0;
    for (const hmlc_tar_member *at = tar->members; at != NULL; at = at->next) {
        members++;
        if (read_version(at->name, &version, &front)) {
            most = highest_beside(&highest, at->name, front, version);
            HMLC_TRY_MEMORY(most);
            *most = version > *most ? version : *most;
        }
    }
    *found = (candidates){
        .list = HMLC_NEW_ARRAY(importer->scratch, const hmlc_tar_member *, members + 1)};
    HMLC_TRY_MEMORY(found->list);
    for (const hmlc_tar_member *at = tar->members; at != NULL; at = at->next) {
        most = read_version(at->name, &version, &front)
                   ? highest_beside(&highest, at->name, front, version)
                   : &version;
        HMLC_TRY_MEMORY(most);
        if (may_be_model(at->name) && *most == version) {
            found->list[found->count++] = at;
        }
    }
    return HMLC_OK;
}

/* "a, b" of as many names as there is room for. */
static void write_names(const candidates *found, char *list, size_t size)
{
    size_t used = 0;
    list[0] = '\0';
    for (uint32_t i = 0; i < found->count; i++) {
        const char *name = found->list[i]->name;
        if (used + strlen(name) + 3 < size) {
            used += (size_t)snprintf(list + used, size - used, "%s%s", used > 0 ? ", " : "", name);
        }
    }
}

static hmlc_status list_models(const hmlc_importer *importer, const candidates *found)
{
    char list[LONGEST_LIST];
    uint32_t count = found->count;
    write_names(found, list, sizeof list);
    return hmlc_error_add(importer->module->diagnostics, HMLC_ERROR_usage, importer->where,
                          count > 0
                              ? "choose with --member PATH"
                              : "it should hold saved_model.pb, .pb, .h5, .keras, .tflite or .onnx",
                          count > 0 ? "the archive holds %" PRIu32 " models: %s"
                                    : "the archive holds %" PRIu32 " models%s",
                          count, list);
}

static hmlc_status no_such_member(const hmlc_importer *importer, const hmlc_tar *tar)
{
    char list[LONGEST_LIST];
    candidates found;
    HMLC_TRY(find_candidates(importer, tar, &found));
    write_names(&found, list, sizeof list);
    const char *hint = hmlc_arena_printf(importer->scratch, "its models: %s", list);
    return hmlc_error_add(importer->module->diagnostics, HMLC_ERROR_usage, importer->where,
                          found.count > 0 ? hint : "it holds no model at all",
                          "--member %s: the archive has no such member", importer->options->member);
}

/* The member that the user names: a file, or a folder with a SavedModel. */
static hmlc_status named_member(const hmlc_importer *importer, const hmlc_tar *tar,
                                const hmlc_tar_member **chosen)
{
    const char *path = importer->options->member;
    size_t length = strlen(path);
    const char *inner =
        hmlc_arena_printf(importer->scratch, "%s%s%s", path,
                          length > 0 && path[length - 1] == '/' ? "" : "/", model_file);
    HMLC_TRY_MEMORY(inner);
    *chosen = hmlc_names_find(&tar->names, path);
    *chosen = *chosen != NULL ? *chosen : hmlc_names_find(&tar->names, inner);
    return *chosen != NULL ? HMLC_OK : no_such_member(importer, tar);
}

static hmlc_status choose(const hmlc_importer *importer, const hmlc_tar *tar,
                          const hmlc_tar_member **chosen)
{
    candidates found;
    if (importer->options->member != NULL) {
        return named_member(importer, tar, chosen);
    }
    HMLC_TRY(find_candidates(importer, tar, &found));
    *chosen = found.list[0];
    return found.count == 1 ? HMLC_OK : list_models(importer, &found);
}

/* The member is the model's file, and what lies beside and below it the model's folder. */
static hmlc_status enter(hmlc_importer *importer, const hmlc_tar *tar,
                         const hmlc_tar_member *chosen)
{
    size_t folder = (size_t)(last_part(chosen->name) - chosen->name);
    for (const hmlc_tar_member *at = tar->members; at != NULL; at = at->next) {
        if (at == chosen || strncmp(at->name, chosen->name, folder) != 0) {
            continue;
        }
        hmlc_mapped_file *file = HMLC_NEW(importer->scratch, hmlc_mapped_file);
        HMLC_TRY_MEMORY(file);
        union {
            const uint8_t *readable;
            uint8_t *any;
        } data = {.readable = at->data};
        *file = (hmlc_mapped_file){.data = data.any, .size = at->size};
        HMLC_TRY(hmlc_names_set(&importer->external_files, at->name + folder, file));
    }
    importer->data = chosen->data;
    importer->size = chosen->size;
    importer->mapping = NULL;
    importer->file =
        hmlc_arena_printf(importer->module->arena, "%s/%s", importer->file, chosen->name);
    HMLC_TRY_MEMORY(importer->file);
    importer->where = hmlc_location_create(importer->module->arena, importer->file, "", "");
    return importer->where != NULL ? HMLC_OK : HMLC_RESOURCE;
}

/* What is inside, by its own row. */
static hmlc_status import_inner(hmlc_importer *importer, const char *name)
{
    uint32_t count;
    const hmlc_format *table = hmlc_format_table(&count);
    const hmlc_format *format =
        hmlc_format_find(table, count, importer->data, importer->size, name);
    if (format == NULL || format->import == NULL) {
        return hmlc_error_add(importer->module->diagnostics, HMLC_ERROR_format_unknown,
                              importer->where, format != NULL ? format->hint : NULL,
                              "the archive holds no model: it is %s",
                              format != NULL ? format->description : "of no known format");
    }
    return format->import(importer);
}

hmlc_status hmlc_archive_import(hmlc_importer *importer)
{
    const hmlc_tar_member *chosen = NULL;
    if (++importer->archive_depth > MOST_NESTED) {
        return hmlc_error_add(importer->module->diagnostics, HMLC_ERROR_nesting_too_deep,
                              importer->where, "unpack it first",
                              "archives within archives, more than %d deep", MOST_NESTED);
    }
    if (importer->size > 1 && importer->data[0] == 0x1f) {
        HMLC_TRY(inflate(importer));
    }
    bool is_tar = importer->size > 262 && memcmp(importer->data + 257, "ustar", 5) == 0;
    if (!is_tar) {
        return import_inner(importer, importer->file);
    }
    hmlc_tar tar = {.data = importer->data,
                    .size = importer->size,
                    .arena = importer->scratch,
                    .diagnostics = importer->module->diagnostics,
                    .where = importer->where};
    importer->took_member = true;
    HMLC_TRY(hmlc_tar_open(&tar));
    HMLC_TRY(choose(importer, &tar, &chosen));
    HMLC_TRY(enter(importer, &tar, chosen));
    return import_inner(importer, chosen->name);
}
