/* SPDX-License-Identifier: Apache-2.0 */
/* The inputs of a workbench: from files, from a folder in the ONNX layout, or left to chance. */
#include "input_file.h"
#include "input_path.h"
#include "input_values.h"
#include "printable.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The number of inputs when the model has none of this name. */
static uint32_t find_input(const hml_workbench *bench, const char *name)
{
    uint32_t index = bench->info.input_count;
    return hml_model_find_input(bench->model, name, &index) == HML_OK ? index
                                                                      : bench->info.input_count;
}

static hml_status unknown_input(const hml_workbench *bench, const char *name, hml_tool_error *error)
{
    const char *names[64];
    size_t count = 0;
    for (uint32_t i = 0; i < bench->info.input_count && count < 64; i++) {
        hml_tensor_info info = {.struct_bytes = sizeof info};
        if (hml_model_input(bench->model, i, &info) == HML_OK) {
            names[count++] = info.name;
        }
    }
    char suggestion[320];
    return HML_TOOL_FAIL(error, HML_ERROR_name_unknown, "'%s'%s", name,
                         hml_did_you_mean(name, names, count, suggestion, sizeof suggestion));
}

/* Moves a tensor to its place, which is empty. */
static hml_status place(hml_workbench *bench, uint32_t index, hml_owned_tensor *tensor,
                        hml_tool_error *error)
{
    hml_tensor_info info = {.struct_bytes = sizeof info};
    HML_TOOL_TRY(hml_model_input(bench->model, index, &info));
    if (bench->inputs.tensors[index].name != NULL) {
        return HML_TOOL_FAIL(error, HML_ERROR_usage, "input '%s' is given twice", info.name);
    }
    if (tensor->tensor.data == NULL) { /* see input_file.c */
        const hml_tensor *shape = &tensor->tensor;
        hml_status status = shape->dtype != info.dtype ? HML_ERROR_input_type
                            : shape->rank != info.rank ? HML_ERROR_input_rank
                                                       : HML_ERROR_input_dim;
        return HML_TOOL_FAIL(error, status,
                             "input '%s' cannot be %s of rank %u, the first dim %lld", info.name,
                             hml_dtype_name(shape->dtype), shape->rank,
                             shape->rank > 0 ? (long long)shape->dims[0] : 1LL);
    }
    bench->inputs.tensors[index] = *tensor;
    *tensor = (hml_owned_tensor){0};
    return HML_OK;
}

/* What an archive holds, for a message. */
static const char *entry_names(const hml_tensor_list *list, char *text, size_t bytes)
{
    text[0] = '\0';
    for (size_t i = 0; i < list->count && strlen(text) + 1 < bytes; i++) {
        size_t used = strlen(text);
        (void)snprintf(text + used, bytes - used, "%s'%s'", i > 0 ? ", " : "",
                       list->tensors[i].name);
    }
    return text;
}

/* The tensor for one input: the only one, or the archive's entry of that name. */
static hml_status place_named(hml_workbench *bench, uint32_t index, const char *path,
                              hml_tensor_list *list, hml_tool_error *error)
{
    hml_tensor_info info = {.struct_bytes = sizeof info};
    char names[256];
    size_t entry = 0;
    HML_TOOL_TRY(hml_model_input(bench->model, index, &info));
    while (entry < list->count && strcmp(list->tensors[entry].name, info.name) != 0) {
        entry++;
    }
    if (entry == list->count && list->count != 1) {
        return HML_TOOL_FAIL(error, HML_ERROR_name_unknown, "%s has no '%s'; it has: %s", path,
                             info.name, entry_names(list, names, sizeof names));
    }
    return place(bench, index, &list->tensors[entry == list->count ? 0 : entry], error);
}

/* Tensors that go by the names in the file; of a model with one input, one without a name too. */
static hml_status place_all(hml_workbench *bench, const char *path, hml_tensor_list *list,
                            hml_tool_error *error)
{
    if (list->count == 1 && list->tensors[0].name[0] == '\0') {
        if (bench->info.input_count == 1) {
            return place(bench, 0, &list->tensors[0], error);
        }
        return HML_TOOL_FAIL(error, HML_ERROR_usage,
                             "'--input %s': expected NAME=FILE, as the file names no tensor", path);
    }
    for (size_t i = 0; i < list->count; i++) {
        uint32_t index = find_input(bench, list->tensors[i].name);
        if (index == bench->info.input_count) {
            return unknown_input(bench, list->tensors[i].name, error);
        }
        HML_TOOL_TRY(place(bench, index, &list->tensors[i], error));
    }
    return HML_OK;
}

/* The input that "NAME=FILE" names; names may hold '=' themselves. *path is the file's. */
static uint32_t split_word(const hml_workbench *bench, const char *word, const char **path)
{
    *path = word;
    for (const char *equals = strchr(word, '='); equals != NULL; equals = strchr(*path, '=')) {
        size_t length = (size_t)(equals - word);
        *path = equals + 1;
        for (uint32_t i = 0; i < bench->info.input_count; i++) {
            hml_tensor_info info = {.struct_bytes = sizeof info};
            if (hml_model_input(bench->model, i, &info) == HML_OK && strlen(info.name) == length &&
                memcmp(info.name, word, length) == 0) {
                return i;
            }
        }
    }
    return bench->info.input_count;
}

static hml_status load_file(hml_workbench *bench, const char *word, const hml_options *options,
                            hml_tool_error *error)
{
    const char *path;
    hml_tensor_list list;
    uint32_t index = split_word(bench, word, &path);
    bool named = path != word;
    if (named && index == bench->info.input_count) {
        char name[256];
        (void)snprintf(name, sizeof name, "%.*s", (int)strcspn(word, "="), word);
        return unknown_input(bench, name, error);
    }
    HML_TOOL_TRY(hml_workbench_note_file(bench, path, error));
    HML_TOOL_TRY(hml_input_file_read(bench, index, path, options, &list, error));
    hml_status status = named ? place_named(bench, index, path, &list, error)
                              : place_all(bench, path, &list, error);
    hml_tensor_list_release(&list);
    return status;
}

static hml_status load_files(hml_workbench *bench, const hml_options *options,
                             hml_tool_error *error)
{
    for (size_t i = 0; i < hml_options_count(options, "input"); i++) {
        HML_TOOL_TRY(load_file(bench, hml_options_at(options, "input", i), options, error));
    }
    return HML_OK;
}

/* All files of the folder are inputs, also those that this run does not need. */
static hml_status check_folder(hml_workbench *bench, const char *folder, hml_tool_error *error)
{
    HML_TOOL_TRY(hml_path_check(folder, HML_PATH_FOLDER, error));
    if (access(folder, R_OK | X_OK) != 0) {
        return HML_TOOL_FAIL(error, HML_ERROR_file_unreadable, "%s: %s", folder, strerror(errno));
    }
    return hml_input_files_add_folder(&bench->files, folder)
               ? HML_OK
               : HML_TOOL_FAIL(error, HML_ERROR_out_of_memory, "the list of inputs");
}

static hml_status create_places(hml_workbench *bench, hml_tool_error *error)
{
    hml_tensor_list_release(&bench->inputs);
    size_t count = bench->info.input_count;
    bench->inputs.tensors = calloc(count + 1, sizeof *bench->inputs.tensors);
    if (bench->inputs.tensors == NULL) {
        return HML_TOOL_FAIL(error, HML_ERROR_out_of_memory, "the list of inputs");
    }
    bench->inputs.count = count;
    bench->random = calloc(count + 1, sizeof *bench->random);
    return bench->random != NULL
               ? HML_OK
               : HML_TOOL_FAIL(error, HML_ERROR_out_of_memory, "the list of inputs");
}

/* By the name inside the file where the model has such an input, else by the file's number. */
static hml_status place_numbered(hml_workbench *bench, const char *folder, uint32_t number,
                                 hml_owned_tensor *tensor, hml_tool_error *error)
{
    uint32_t index =
        tensor->name[0] != '\0' ? find_input(bench, tensor->name) : bench->info.input_count;
    index = index < bench->info.input_count ? index : number;
    if (index >= bench->info.input_count) {
        return HML_TOOL_FAIL(error, HML_ERROR_name_unknown,
                             "%s/input_%u.pb ('%s'), but the model has %u input%s", folder, number,
                             tensor->name, HML_COUNTED(bench->info.input_count));
    }
    return place(bench, index, tensor, error);
}

/* Inputs of a folder in the ONNX layout. */
static hml_status load_folder(hml_workbench *bench, const char *folder, hml_tool_error *error)
{
    HML_TOOL_TRY(check_folder(bench, folder, error));
    for (uint32_t i = 0;; i++) {
        hml_tensor_list list = {0};
        bool found = false;
        HML_TOOL_TRY(hml_numbered_tensor_read(folder, "input", i, &found, &list, error));
        if (!found) {
            return i >= bench->info.input_count
                       ? HML_OK
                       : HML_TOOL_FAIL(error, HML_ERROR_input_missing,
                                       "%s has no input_%u.pb, and the model has %u input%s",
                                       folder, i, HML_COUNTED(bench->info.input_count));
        }
        hml_status status = place_numbered(bench, folder, i, &list.tensors[0], error);
        hml_tensor_list_release(&list);
        HML_TOOL_TRY(status);
    }
}

/* Words of --fill and --range that name no input, or one that comes from a file. */
static hml_status check_values(const hml_workbench *bench, const hml_options *options, bool range,
                               hml_tool_error *error)
{
    const char *word, *option = range ? "range" : "fill";
    size_t length;
    for (size_t n = 0; (word = hml_input_values_name(options, range, n, &length)) != NULL; n++) {
        char name[256];
        (void)snprintf(name, sizeof name, "%.*s", (int)length, word);
        uint32_t index = find_input(bench, name);
        if (length == 0 || length >= sizeof name) {
            return HML_TOOL_FAIL(error, HML_ERROR_usage, "'--%s %s': expected NAME=%s", option,
                                 word, range ? "LOW..HIGH" : "NUMBER");
        }
        if (index == bench->info.input_count) {
            return unknown_input(bench, name, error);
        }
        if (bench->inputs.tensors[index].name != NULL) {
            return HML_TOOL_FAIL(error, HML_ERROR_usage,
                                 "'--%s %s': the input comes from a file already", option, word);
        }
    }
    return HML_OK;
}

hml_status hml_workbench_load_inputs(hml_workbench *bench, const hml_options *options,
                                     hml_tool_error *error)
{
    const char *folder = hml_options_get(options, "test-data");
    if (hml_options_count(options, "input") != 0 && folder != NULL) {
        return HML_TOOL_FAIL(error, HML_ERROR_usage, "--input and --test-data exclude each other");
    }
    HML_TOOL_TRY(hml_input_layout_check(options, error));
    HML_TOOL_TRY(create_places(bench, error));
    HML_TOOL_TRY(folder != NULL ? load_folder(bench, folder, error)
                                : load_files(bench, options, error));
    HML_TOOL_TRY(check_values(bench, options, false, error));
    HML_TOOL_TRY(check_values(bench, options, true, error));
    HML_TOOL_TRY(hml_workbench_check_inputs(bench, error));
    for (uint32_t i = 0; i < bench->info.input_count; i++) {
        bench->random[i] = bench->inputs.tensors[i].name == NULL;
        bench->any_random = bench->any_random || bench->random[i];
    }
    hml_status status = bench->any_random ? hml_workbench_randomize(bench, options, error) : HML_OK;
    if (status != HML_OK && hml_workbench_choose_dims(bench, options, status)) {
        status = hml_workbench_randomize(bench, options, error);
    }
    return status;
}
