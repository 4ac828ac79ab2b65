#define _GNU_SOURCE /* sched_getaffinity */
#include "workbench.h"

#include "input_file.h"
#include "input_path.h"
#include "input_values.h"
#include "printable.h"
#include "random_tensor.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

double hml_milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec * 1e-6;
}

/* -- Opening ----------------------------------------------------------------------------------- */

static hml_status note_input(hml_workbench *bench, const char *path, hml_tool_error *error)
{
    return hml_input_files_add(&bench->files, path)
               ? HML_OK
               : HML_TOOL_FAIL(error, HML_ERROR_out_of_memory, "the list of inputs");
}

hml_status hml_workbench_open(hml_workbench *bench, const char *path, uint32_t flags,
                              const hml_options *options, hml_tool_error *error)
{
    *bench = (hml_workbench){0};
    HML_TOOL_TRY(hml_path_check(path, HML_PATH_ARTIFACT, error));
    HML_TOOL_TRY(note_input(bench, path, error));
    HML_TOOL_TRY(hml_workbench_parse_dims(bench, options, error));
    hml_open_options open = {.flags = flags,
                             .variant = hml_options_get(options, "variant"),
                             .message = error->text,
                             .message_bytes = sizeof error->text};
    double start = hml_milliseconds();
    HML_TOOL_TRY(hml_model_open(path, &open, &bench->model));
    bench->load_ms = hml_milliseconds() - start;
    hml_model_describe(bench->model, &bench->info);
    return hml_workbench_check_dims(bench, error);
}

void hml_workbench_release(hml_workbench *bench)
{
    hml_session_destroy(bench->session);
    hml_pool_release(bench->pool);
    hml_model_release(bench->model);
    hml_tensor_list_release(&bench->inputs);
    hml_input_files_release(&bench->files);
    free(bench->random);
    free(bench->dim_text);
    *bench = (hml_workbench){0};
}

/* -- Inputs ------------------------------------------------------------------------------------ */

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
        hml_tensor_info info;
        if (hml_model_input(bench->model, i, &info) == HML_OK) {
            names[count++] = info.name;
        }
    }
    char suggestion[320];
    return HML_TOOL_FAIL(error, HML_ERROR_input_unknown, "'%s'%s", name,
                         hml_did_you_mean(name, names, count, suggestion, sizeof suggestion));
}

/* Moves a tensor to its place, which is empty. */
static hml_status place(hml_workbench *bench, uint32_t index, hml_owned_tensor *tensor,
                        hml_tool_error *error)
{
    hml_tensor_info info;
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
    hml_tensor_info info;
    char names[256];
    size_t entry = 0;
    HML_TOOL_TRY(hml_model_input(bench->model, index, &info));
    while (entry < list->count && strcmp(list->tensors[entry].name, info.name) != 0) {
        entry++;
    }
    if (entry == list->count && list->count != 1) {
        return HML_TOOL_FAIL(error, HML_ERROR_input_unknown, "%s has no '%s'; it has: %s", path,
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
            hml_tensor_info info;
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
    HML_TOOL_TRY(note_input(bench, path, error));
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

/* Reads <folder>/<stem>_<index>.pb; *found is false when there is no such file. */
static hml_status read_numbered(const char *folder, const char *stem, uint32_t index, bool *found,
                                hml_tensor_list *list, hml_tool_error *error)
{
    char path[4096];
    int length = snprintf(path, sizeof path, "%s/%s_%u.pb", folder, stem, index);
    if (length < 0 || (size_t)length >= sizeof path) {
        return HML_TOOL_FAIL(error, HML_ERROR_usage, "the path of the test data is too long");
    }
    *found = access(path, F_OK) == 0;
    if (!*found) {
        return HML_OK;
    }
    return hml_tensor_file_read(path, list, error);
}

/* All files of the folder are inputs, also those that this run does not need. */
static hml_status check_folder(hml_workbench *bench, const char *folder, hml_tool_error *error)
{
    HML_TOOL_TRY(hml_path_check(folder, HML_PATH_FOLDER, error));
    if (access(folder, R_OK | X_OK) != 0) {
        return HML_TOOL_FAIL(error, HML_ERROR_tensor_unreadable, "%s: %s", folder, strerror(errno));
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
        return HML_TOOL_FAIL(error, HML_ERROR_input_unknown,
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
        HML_TOOL_TRY(read_numbered(folder, "input", i, &found, &list, error));
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

/* -- Running ----------------------------------------------------------------------------------- */

static hml_status session_failed(const hml_workbench *bench, hml_status status,
                                 hml_tool_error *error)
{
    snprintf(error->text, sizeof error->text, "%s", hml_session_error(bench->session));
    return status;
}

static hml_status bind_inputs(hml_workbench *bench, hml_tool_error *error)
{
    for (uint32_t i = 0; i < bench->info.input_count; i++) {
        if (bench->inputs.tensors[i].name == NULL) {
            continue; /* the run names it as missing */
        }
        hml_status status = hml_bind_input(bench->session, i, &bench->inputs.tensors[i].tensor);
        if (status != HML_OK) {
            return session_failed(bench, status, error);
        }
    }
    return HML_OK;
}

/* As many as a pool takes by itself. */
static long long usable_processors(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    int count = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return count < 1 ? 1 : count;
}

static hml_status start_session(hml_workbench *bench, const hml_options *options,
                                hml_tool_error *error)
{
    const char *word = hml_options_get(options, "threads");
    long long threads = 0;
    if (word != NULL && (!hml_parse_number(word, 1024, &threads) || threads == 0)) {
        return HML_TOOL_FAIL(error, HML_ERROR_usage, "'--threads %s': expected 1 to 1024", word);
    }
    threads = threads != 0 ? threads : usable_processors();
    if (threads > 1) {
        hml_pool_options pool = {.threads = (uint32_t)threads};
        hml_status status = hml_pool_create(&pool, &bench->pool);
        if (status != HML_OK) {
            return HML_TOOL_FAIL(error, status, "%s", "");
        }
    }
    bench->threads = (uint32_t)threads;
    hml_session_options session = {
        .pool = bench->pool, .message = error->text, .message_bytes = sizeof error->text};
    HML_TOOL_TRY(hml_session_create(bench->model, &session, &bench->session));
    return bind_inputs(bench, error);
}

hml_status hml_workbench_run(hml_workbench *bench, hml_tool_error *error)
{
    hml_status status = hml_run(bench->session);
    return status == HML_OK ? HML_OK : session_failed(bench, status, error);
}

static void stop(hml_workbench *bench)
{
    hml_session_destroy(bench->session);
    hml_pool_release(bench->pool);
    bench->session = NULL;
    bench->pool = NULL;
}

static hml_status start_and_run(hml_workbench *bench, const hml_options *options,
                                hml_tool_error *error)
{
    double start = hml_milliseconds();
    HML_TOOL_TRY(start_session(bench, options, error));
    HML_TOOL_TRY(hml_workbench_run(bench, error));
    bench->first_run_ms = hml_milliseconds() - start;
    return HML_OK;
}

static void tell_details(const hml_workbench *bench, hml_report *report)
{
    hml_variant_info variant;
    if (hml_model_variant(bench->model, bench->info.variant, &variant) == HML_OK) {
        hml_report_detail(report, "variant %s: %u step%s; %u thread%s", variant.name,
                          HML_COUNTED(variant.step_count), HML_COUNTED(bench->threads));
    }
    hml_report_detail(report, "loaded in %.3g ms, first run in %.3g ms", bench->load_ms,
                      bench->first_run_ms);
}

hml_status hml_workbench_first_run(hml_workbench *bench, const hml_options *options,
                                   hml_report *report, hml_tool_error *error)
{
    hml_status status = start_and_run(bench, options, error);
    if (status != HML_OK && hml_workbench_choose_dims(bench, options, status)) {
        stop(bench);
        HML_TOOL_TRY(hml_workbench_randomize(bench, options, error));
        status = start_and_run(bench, options, error);
    }
    if (status == HML_OK) {
        hml_workbench_tell_dims(bench, report);
        tell_details(bench, report);
    }
    return status;
}

/* -- Expected outputs -------------------------------------------------------------------------- */

static uint32_t find_output(const hml_workbench *bench, const char *name, uint32_t otherwise)
{
    uint32_t index = otherwise;
    return hml_model_find_output(bench->model, name, &index) == HML_OK ? index : otherwise;
}

/* Decoders store some of their outputs only, so numbers may be missing in between. */
hml_status hml_workbench_compare(hml_workbench *bench, const char *folder,
                                 const hml_tolerance *tolerance, hml_output_comparison *results,
                                 size_t *expected, hml_tool_error *error)
{
    *expected = 0;
    for (uint32_t i = 0; i < bench->info.output_count; i++) {
        hml_tensor_info info;
        HML_TOOL_TRY(hml_model_output(bench->model, i, &info));
        results[i] = (hml_output_comparison){.name = info.name};
    }
    for (uint32_t i = 0; i <= bench->info.output_count; i++) {
        hml_tensor_list list = {0};
        hml_tensor found;
        bool present = false;
        HML_TOOL_TRY(read_numbered(folder, "output", i, &present, &list, error));
        if (!present) {
            continue;
        }
        uint32_t index = find_output(bench, list.tensors[0].name, i);
        if (index >= bench->info.output_count) {
            hml_tensor_list_release(&list);
            return HML_TOOL_FAIL(error, HML_ERROR_usage,
                                 "%s/output_%u.pb is there, but the model has %u output%s", folder,
                                 i, HML_COUNTED(bench->info.output_count));
        }
        hml_status status = hml_session_output(bench->session, index, &found);
        if (status == HML_OK) {
            results[index].compared = true;
            hml_tensor_compare(&found, &list.tensors[0].tensor, tolerance,
                               &results[index].comparison);
            (*expected)++;
        }
        hml_tensor_list_release(&list);
        HML_TOOL_TRY(status);
    }
    return HML_OK;
}

void hml_comparison_text(const hml_comparison *comparison, char *text, size_t bytes)
{
    if (!comparison->same_type || !comparison->same_shape) {
        snprintf(text, bytes, "the %s differs", comparison->same_type ? "shape" : "type");
    } else if (comparison->equal) {
        snprintf(text, bytes, "equal, largest difference %.3g", comparison->largest_difference);
    } else {
        snprintf(text, bytes, "%zu of %zu differ; most at element %zu: found %.9g, expected %.9g",
                 comparison->differing, comparison->count, comparison->worst,
                 comparison->worst_found, comparison->worst_expected);
    }
}
