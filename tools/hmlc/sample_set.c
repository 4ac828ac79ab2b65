/* SPDX-License-Identifier: Apache-2.0 */
#include "sample_set.h"

#include "common/printable.h"
#include "tensor_bridge.h"

#define XXH_INLINE_ALL
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <xxhash.h>

/* -- the list ---------------------------------------------------------------------------------- */

static bool add_path(hmlc_sample_set *set, char *path)
{
    if (path != NULL && set->count == set->capacity) {
        size_t capacity = set->capacity * 2 + 64;
        char **grown = realloc(set->paths, capacity * sizeof *grown);
        set->paths = grown != NULL ? grown : set->paths;
        set->capacity = grown != NULL ? capacity : set->capacity;
    }
    if (path == NULL || set->count == set->capacity) {
        free(path);
        return false;
    }
    set->paths[set->count++] = path;
    return true;
}

static char *join(const char *folder, const char *name)
{
    size_t length = strlen(folder) + strlen(name) + 2;
    char *path = malloc(length);
    if (path != NULL) {
        (void)snprintf(path, length, "%s/%s", folder, name);
    }
    return path;
}

static bool ends_with(const char *name, const char *ending)
{
    size_t length = strlen(name), end = strlen(ending);
    return length > end && strcmp(name + length - end, ending) == 0;
}

static bool exists(const char *folder, const char *name)
{
    struct stat state;
    char *path = join(folder, name);
    bool there = path != NULL && stat(path, &state) == 0;
    free(path);
    return there;
}

static bool is_sample(const char *name)
{
    return strncmp(name, "test_data_set_", 14) == 0 || ends_with(name, ".npz") ||
           ends_with(name, ".npy");
}

static int compare_paths(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

static hml_status list_folder(hmlc_sample_set *set, const char *folder, hml_tool_error *error)
{
    HML_TOOL_TRY(hml_path_check(folder, HML_PATH_FOLDER, error));
    if (exists(folder, "input_0.pb")) {
        return add_path(set, strdup(folder)) ? HML_OK : HML_ERROR_out_of_memory;
    }
    DIR *stream = opendir(folder);
    if (stream == NULL) {
        return HML_TOOL_FAIL(error, HML_ERROR_file_unreadable, "%s: %s", folder, strerror(errno));
    }
    size_t first = set->count;
    bool room = true;
    for (struct dirent *entry; room && (entry = readdir(stream)) != NULL;) {
        if (is_sample(entry->d_name)) {
            room = add_path(set, join(folder, entry->d_name));
        }
    }
    (void)closedir(stream);
    if (set->count > first) {
        qsort(set->paths + first, set->count - first, sizeof *set->paths, compare_paths);
    }
    return room ? HML_OK : HML_TOOL_FAIL(error, HML_ERROR_out_of_memory, "the list of samples");
}

int hmlc_samples_add(hmlc_sample_set *set, hml_report *report, const char *folder)
{
    hml_tool_error error = {0};
    size_t before = set->count;
    hml_status status = list_folder(set, folder, &error);
    for (size_t i = before; status == HML_OK && i < set->count; i++) {
        struct stat state;
        bool is_folder = stat(set->paths[i], &state) == 0 && S_ISDIR(state.st_mode);
        bool noted = is_folder ? hml_input_files_add_folder(&set->files, set->paths[i])
                               : hml_input_files_add(&set->files, set->paths[i]);
        status = noted ? HML_OK : HML_ERROR_out_of_memory;
    }
    if (status == HML_OK && set->count == before) {
        char message[512];
        (void)snprintf(message, sizeof message, "%s holds no sample", folder);
        hml_report_add(
            report, &(hml_finding){HML_ERROR,
                                   hmlc_error_get_info(HMLC_ERROR_samples_missing)->number, message,
                                   "a folder of .npz files, one a sample, or of "
                                   "test_data_set_*/input_<i>.pb",
                                   ""});
        return HMLC_USAGE;
    }
    return hml_report_status(report, status, &error);
}

int hmlc_samples_check(const hmlc_sample_set *set, hml_report *report, size_t besides)
{
    const hmlc_error_info *info = hmlc_error_get_info(HMLC_ERROR_samples_missing);
    size_t count = set->count + besides;
    if (count == 0) {
        hml_report_add(report, &(hml_finding){HML_ERROR, info->number, "no folder with samples",
                                              "give one by --calib DIR", ""});
        return HMLC_USAGE;
    }
    if (count == 1) {
        info = hmlc_error_get_info(HMLC_ERROR_samples_few);
        hml_report_add(report, &(hml_finding){HML_WARNING, info->number, "one sample alone",
                                              info->explanation, ""});
    }
    return HMLC_OK;
}

void hmlc_samples_release(hmlc_sample_set *set)
{
    for (size_t i = 0; i < set->count; i++) {
        free(set->paths[i]);
    }
    free(set->paths);
    hml_input_files_release(&set->files);
    hml_tensor_list_release(&set->held);
    *set = (hmlc_sample_set){0};
}

/* -- one sample -------------------------------------------------------------------------------- */

/* All input_<i>.pb of a folder, in the order of their numbers. */
static hml_status read_folder(const char *folder, hml_tensor_list *list, hml_tool_error *error)
{
    for (uint32_t i = 0;; i++) {
        hml_tensor_list one = {0};
        bool found = false;
        HML_TOOL_TRY(hml_numbered_tensor_read(folder, "input", i, &found, &one, error));
        if (!found) {
            return HML_OK;
        }
        hml_owned_tensor *grown = realloc(list->tensors, (list->count + 1) * sizeof *list->tensors);
        if (grown == NULL) {
            hml_tensor_list_release(&one);
            return HML_TOOL_FAIL(error, HML_ERROR_out_of_memory, "the inputs of %s", folder);
        }
        list->tensors = grown;
        list->tensors[list->count++] = one.tensors[0];
        one.tensors[0] = (hml_owned_tensor){0};
        hml_tensor_list_release(&one);
    }
}

/* The tensor for argument `index`: by its name, else the only one, else, from a folder, by number.
 */
static const hml_owned_tensor *find_tensor(const hml_tensor_list *list, const hmlc_region *main,
                                           uint32_t index, bool numbered)
{
    const char *name = main->arguments[index]->name != NULL ? main->arguments[index]->name : "";
    for (size_t i = 0; i < list->count; i++) {
        if (list->tensors[i].name[0] != '\0' && strcmp(list->tensors[i].name, name) == 0) {
            return &list->tensors[i];
        }
    }
    if (main->argument_count == 1 && list->count == 1) {
        return &list->tensors[0];
    }
    return numbered && index < list->count ? &list->tensors[index] : NULL;
}

static hml_status check_tensor(const char *path, const hmlc_value *argument,
                               const hml_tensor *tensor, hml_tool_error *error)
{
    const hmlc_type *type = argument->type;
    const char *name = argument->name != NULL ? argument->name : "";
    if (hmlc_dtype_of(tensor->dtype) != type->dtype) {
        return HML_TOOL_FAIL(error, HML_ERROR_input_type, "%s: input '%s' is %s, the model's %s",
                             path, name, hml_dtype_name(tensor->dtype),
                             hmlc_dtype_name(type->dtype));
    }
    if (tensor->rank != (uint32_t)type->rank) {
        return HML_TOOL_FAIL(error, HML_ERROR_input_rank,
                             "%s: input '%s' has rank %u, the model's %d", path, name, tensor->rank,
                             type->rank);
    }
    for (int32_t i = 0; i < type->rank; i++) {
        int64_t wanted;
        if (hmlc_dim_is_constant(type->dims[i], &wanted) && wanted != tensor->dims[i]) {
            return HML_TOOL_FAIL(error, HML_ERROR_input_dim,
                                 "%s: dim %d of input '%s' is %lld, the model's %lld", path, i,
                                 name, (long long)tensor->dims[i], (long long)wanted);
        }
    }
    return HML_OK;
}

static hml_status place_inputs(const char *path, bool numbered, const hml_tensor_list *list,
                               const hmlc_module *module, hmlc_tensor *inputs, uint64_t *hash,
                               hml_tool_error *error)
{
    const hmlc_region *main = module->main;
    uint64_t parts[3] = {0};
    for (uint32_t i = 0; i < main->argument_count; i++) {
        const hml_owned_tensor *found = find_tensor(list, main, i, numbered);
        if (found == NULL) {
            return HML_TOOL_FAIL(error, HML_ERROR_input_missing, "%s has no input '%s'", path,
                                 main->arguments[i]->name != NULL ? main->arguments[i]->name : "");
        }
        HML_TOOL_TRY(check_tensor(path, main->arguments[i], &found->tensor, error));
        inputs[i] = hmlc_tensor_of(&found->tensor);
        parts[1] = XXH3_64bits(inputs[i].dims, sizeof inputs[i].dims[0] * found->tensor.rank);
        parts[2] = XXH3_64bits(inputs[i].data, inputs[i].bytes);
        parts[0] = XXH3_64bits(parts, sizeof parts);
    }
    *hash = parts[0];
    return HML_OK;
}

hml_status hmlc_sample_read(hmlc_sample_set *set, size_t index, const hmlc_module *module,
                            hmlc_tensor *inputs, uint64_t *hash, hml_tool_error *error)
{
    const char *path = set->paths[index];
    struct stat state;
    hml_tensor_list_release(&set->held);
    bool folder = stat(path, &state) == 0 && S_ISDIR(state.st_mode);
    HML_TOOL_TRY(folder ? read_folder(path, &set->held, error)
                        : hml_tensor_file_read(path, &set->held, error));
    return place_inputs(path, folder, &set->held, module, inputs, hash, error);
}
