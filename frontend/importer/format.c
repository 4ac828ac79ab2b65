/* SPDX-License-Identifier: Apache-2.0 */
#include "format.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

enum { LONGEST_PATH = 4096 };

#define AT(offset, text) {offset, sizeof(text) - 1, text}
#define MARKS(...)       .marks = (const hmlc_format_mark[]){__VA_ARGS__, {0, 0, NULL}},
#define EXTENSION(text)  .extension = (text),
#define FOLDER(text)     .folder = (text),

static const hmlc_format formats[] = {
#define HMLC_FORMAT(row, shown, says, function, like, ...)                                         \
    {.name = #row,                                                                                 \
     .title = (shown),                                                                             \
     .description = (says),                                                                        \
     .import = (function),                                                                         \
     .looks = hmlc_looks_like_##like,                                                              \
     __VA_ARGS__},
#define HMLC_FORMAT_REFUSED(row, says, advice, like, ...)                                          \
    {.name = #row,                                                                                 \
     .description = (says),                                                                        \
     .hint = (advice),                                                                             \
     .looks = hmlc_looks_like_##like,                                                              \
     __VA_ARGS__},
#include "formats.def"
#undef HMLC_FORMAT
#undef HMLC_FORMAT_REFUSED
};

const hmlc_format *hmlc_format_table(uint32_t *count)
{
    *count = sizeof formats / sizeof formats[0];
    return formats;
}

static bool has_mark(const hmlc_format_mark *mark, const uint8_t *bytes, size_t size)
{
    for (; mark->text != NULL; mark++) {
        if (size >= mark->offset + mark->length &&
            memcmp(bytes + mark->offset, mark->text, mark->length) == 0) {
            return true;
        }
    }
    return false;
}

static bool has_extension(const char *path, const char *extension)
{
    size_t length = strlen(extension), whole = path != NULL ? strlen(path) : 0;
    return whole > length && strcasecmp(path + whole - length, extension) == 0;
}

const hmlc_format *hmlc_format_find(const hmlc_format *table, uint32_t count, const void *bytes,
                                    size_t size, const char *path)
{
    for (uint32_t i = 0; i < count; i++) {
        const hmlc_format *row = &table[i];
        if (row->folder == NULL && (row->marks == NULL || has_mark(row->marks, bytes, size)) &&
            (row->extension == NULL || has_extension(path, row->extension)) &&
            (row->looks == NULL || row->looks(bytes, size))) {
            return row;
        }
    }
    return NULL;
}

/* The folder itself, or that of the highest version of a model below it: "3" or "export/Servo/3"
 * (TensorFlow Serving's and SageMaker's places). False where there is none. */
static bool place_of(const char *path, const char *below, const char *name, char *file, size_t size)
{
    char folder[LONGEST_PATH];
    struct stat info;
    int length = snprintf(folder, sizeof folder, "%s%s", path, below);
    DIR *stream = length > 0 && (size_t)length < sizeof folder ? opendir(folder) : NULL;
    unsigned long highest = 0;
    bool found = false;
    for (const struct dirent *entry; stream != NULL && (entry = readdir(stream)) != NULL;) {
        char *end;
        unsigned long version = strtoul(entry->d_name, &end, 10);
        if (entry->d_name[0] < '0' || entry->d_name[0] > '9' || *end != '\0' ||
            (found && version <= highest)) {
            continue;
        }
        char inner[LONGEST_PATH];
        length = snprintf(inner, sizeof inner, "%s/%s/%s", folder, entry->d_name, name);
        bool whole = length > 0 && (size_t)length < sizeof inner && (size_t)length < size;
        if (whole && stat(inner, &info) == 0 && S_ISREG(info.st_mode)) {
            memcpy(file, inner, (size_t)length + 1);
            highest = version;
            found = true;
        }
    }
    if (stream != NULL) {
        (void)closedir(stream);
    }
    return found;
}

const hmlc_format *hmlc_format_find_folder(const hmlc_format *table, uint32_t count,
                                           const char *path, char *file, size_t size)
{
    struct stat info;
    if (stat(path, &info) != 0 || !S_ISDIR(info.st_mode)) {
        return NULL;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (table[i].folder == NULL) {
            continue;
        }
        int length = snprintf(file, size, "%s/%s", path, table[i].folder);
        bool whole = length > 0 && (size_t)length < size;
        if ((whole && stat(file, &info) == 0 && S_ISREG(info.st_mode)) ||
            place_of(path, "", table[i].folder, file, size) ||
            place_of(path, "/export/Servo", table[i].folder, file, size)) {
            return &table[i];
        }
    }
    return NULL;
}

/* A format may have several rows, a file's each. */
static bool is_first_of_title(const hmlc_format *table, uint32_t row)
{
    bool first = table[row].title != NULL;
    for (uint32_t i = 0; i < row && first; i++) {
        first = table[i].title == NULL || strcmp(table[i].title, table[row].title) != 0;
    }
    return first;
}

void hmlc_format_titles(const hmlc_format *table, uint32_t count, char *text, size_t size)
{
    uint32_t left = 0;
    size_t used = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < count; i++) {
        left += is_first_of_title(table, i) ? 1 : 0;
    }
    for (uint32_t i = 0; i < count && used < size; i++) {
        if (is_first_of_title(table, i)) {
            const char *after = left > 2 ? ", " : left == 2 ? " or " : "";
            int written = snprintf(text + used, size - used, "%s%s", table[i].title, after);
            used += written > 0 ? (size_t)written : 0;
            left--;
        }
    }
}
