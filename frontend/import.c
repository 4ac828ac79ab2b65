/* SPDX-License-Identifier: Apache-2.0 */
/* The facade's entry: opens the file, finds the format's row, runs its importer. */
#include <hmlc/frontend.h>

#include <string.h>

#include "importer/format.h"
#include "importer/operator_list.h"

/* A format that is known by sight alone. */
static hmlc_status refuse(const hmlc_importer *importer, const hmlc_format *format)
{
    uint32_t count;
    const hmlc_format *table = hmlc_format_table(&count);
    char titles[256];
    hmlc_format_titles(table, count, titles, sizeof titles);
    return hmlc_error_add(importer->module->diagnostics, HMLC_ERROR_format_unknown, importer->where,
                          format->hint, "the %s is no %s model: it is %s",
                          format->folder != NULL ? "folder" : "file", titles, format->description);
}

enum { LONGEST_PATH = 4096 };

/* The row of a folder that is a model, and its file. */
static const hmlc_format *find_folder(const char *path, char *file)
{
    uint32_t count;
    const hmlc_format *table = hmlc_format_table(&count);
    return hmlc_format_find_folder(table, count, path, file, LONGEST_PATH);
}

bool hmlc_import_takes_folder(const char *path)
{
    char file[LONGEST_PATH];
    return find_folder(path, file) != NULL;
}

/* `format` is NULL where the file's content decides. */
static hmlc_status run(hmlc_importer *importer, const hmlc_format *format, const char *path)
{
    uint32_t count;
    const hmlc_format *table = hmlc_format_table(&count);
    if (format == NULL) {
        format = hmlc_format_find(table, count, importer->data, importer->size, path);
    }
    return format->import != NULL ? format->import(importer) : refuse(importer, format);
}

static hmlc_status conclude(hmlc_importer *importer, hmlc_status status)
{
    status = hmlc_importer_conclude(importer, status);
    hmlc_importer_close(importer);
    return status;
}

hmlc_status hmlc_import(const char *path, const hmlc_import_options *options, hmlc_module *module,
                        hmlc_mapping **mapping)
{
    char inner[LONGEST_PATH];
    const hmlc_format *format = find_folder(path, inner);
    const char *file = format != NULL ? inner : path;
    hmlc_importer importer;
    *mapping = hmlc_mapping_create();
    if (*mapping == NULL) {
        return hmlc_error_add(module->diagnostics, HMLC_ERROR_out_of_memory, NULL, NULL,
                              "the model cannot be opened");
    }
    hmlc_status status = hmlc_importer_open(&importer, file, options, module, *mapping);
    return conclude(&importer, status == HMLC_OK ? run(&importer, format, file) : status);
}

hmlc_status hmlc_import_memory(const void *data, size_t size, const hmlc_import_options *options,
                               hmlc_module *module)
{
    hmlc_importer importer;
    hmlc_status status = hmlc_importer_open_memory(&importer, data, size, options, module);
    return conclude(&importer, status == HMLC_OK ? run(&importer, NULL, NULL) : status);
}

static const struct {
    const char *format;
    bool (*at)(uint32_t index, hmlc_operator_info *info);
    uint32_t (*types)(uint32_t index, uint32_t variable, const char **names, uint32_t most);
} operator_lists[] = {
#define ROW(format) {#format, hmlc_##format##_operator_at, hmlc_##format##_operator_types},
    HMLC_OPERATOR_LISTS(ROW)
#undef ROW
};

enum { LIST_COUNT = sizeof operator_lists / sizeof operator_lists[0] };

const char *hmlc_operator_format(uint32_t index)
{
    return index < LIST_COUNT ? operator_lists[index].format : NULL;
}

/* LIST_COUNT where there is none. */
static uint32_t find_list(const char *format)
{
    uint32_t index = 0;
    while (index < LIST_COUNT && strcmp(operator_lists[index].format, format) != 0) {
        index++;
    }
    return index;
}

bool hmlc_operator_at(const char *format, uint32_t index, hmlc_operator_info *info)
{
    uint32_t list = find_list(format);
    return list < LIST_COUNT && operator_lists[list].at(index, info);
}

uint32_t hmlc_operator_types(const char *format, uint32_t index, uint32_t variable,
                             const char **names, uint32_t most)
{
    uint32_t list = find_list(format);
    return list < LIST_COUNT ? operator_lists[list].types(index, variable, names, most) : 0;
}
