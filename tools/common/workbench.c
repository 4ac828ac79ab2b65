#define _GNU_SOURCE /* sched_getaffinity */
#include "workbench.h"

#include "random_tensor.h"

#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

double hml_milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec * 1e-6;
}

/* -- Opening --------------------------------------------------------------------------------------
 */

/* "batch=4" into a name and a value; the text is cut at the '='. */
static hml_status parse_dim(char *text, hml_dim *dim, hml_tool_error *error)
{
    char *equals = strchr(text, '=');
    long long value = 0;
    if (equals == NULL || equals == text || !hml_parse_number(equals + 1, 1LL << 47, &value)) {
        return HML_TOOL_FAIL(error, HML_ERROR_usage, "'--dim %s': expected NAME=N", text);
    }
    *equals = '\0';
    *dim = (hml_dim){text, value};
    return HML_OK;
}

static hml_status parse_dims(hml_workbench *bench, const hml_options *options,
                             hml_tool_error *error)
{
    size_t count = hml_options_count(options, "dim"), bytes = 1;
    if (count > HML_MOST_DIMS) {
        return HML_TOOL_FAIL(error, HML_ERROR_usage, "more than %d dims", HML_MOST_DIMS);
    }
    for (size_t i = 0; i < count; i++) {
        bytes += strlen(hml_options_at(options, "dim", i)) + 1;
    }
    bench->dim_text = calloc(bytes, 1);
    if (bench->dim_text == NULL) {
        return HML_TOOL_FAIL(error, HML_ERROR_out_of_memory, "%zu bytes", bytes);
    }
    char *text = bench->dim_text;
    for (size_t i = 0; i < count; i++) {
        const char *word = hml_options_at(options, "dim", i);
        size_t length = strlen(word) + 1;
        memcpy(text, word, length);
        HML_TOOL_TRY(parse_dim(text, &bench->dims[i], error));
        bench->dim_count++;
        text += length;
    }
    return HML_OK;
}

hml_status hml_workbench_open(hml_workbench *bench, const char *path, uint32_t flags,
                              const hml_options *options, hml_tool_error *error)
{
    *bench = (hml_workbench){0};
    HML_TOOL_TRY(parse_dims(bench, options, error));
    hml_open_options open = {
        .flags = flags, .message = error->text, .message_bytes = sizeof error->text};
    double start = hml_milliseconds();
    HML_TOOL_TRY(hml_model_open(path, &open, &bench->model));
    bench->load_ms = hml_milliseconds() - start;
    hml_model_describe(bench->model, &bench->info);
    return HML_OK;
}

void hml_workbench_release(hml_workbench *bench)
{
    hml_session_destroy(bench->session);
    hml_pool_release(bench->pool);
    hml_model_release(bench->model);
    hml_tensor_list_release(&bench->inputs);
    free(bench->dim_text);
    *bench = (hml_workbench){0};
}

/* -- Inputs
 * ---------------------------------------------------------------------------------------- */

static uint32_t find_input(const hml_workbench *bench, const char *name)
{
    hml_tensor_info info;
    uint32_t i = 0;
    while (i < bench->info.input_count &&
           (hml_model_input(bench->model, i, &info) != HML_OK || strcmp(info.name, name) != 0)) {
        i++;
    }
    return i;
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
    const char *closest = hml_closest_word(name, names, count);
    return HML_TOOL_FAIL(error, HML_ERROR_input_unknown, "'%s'%s%s%s", name,
                         closest != NULL ? "; did you mean '" : "", closest != NULL ? closest : "",
                         closest != NULL ? "'?" : "");
}

/* Moves a tensor to its place; one that was there is released. */
static void place(hml_workbench *bench, uint32_t index, hml_owned_tensor *tensor)
{
    hml_tensor_release(&bench->inputs.tensors[index]);
    bench->inputs.tensors[index] = *tensor;
    *tensor = (hml_owned_tensor){0};
}

/* A file's tensors: a single one goes to the input `name`, which exists; archives go by their
 * entries' names. */
static hml_status place_file(hml_workbench *bench, const char *name, hml_tensor_list *list,
                             hml_tool_error *error)
{
    if (name != NULL) {
        uint32_t index = find_input(bench, name);
        size_t entry = 0;
        while (entry < list->count && strcmp(list->tensors[entry].name, name) != 0) {
            entry++;
        }
        if (entry == list->count && list->count != 1) {
            return HML_TOOL_FAIL(error, HML_ERROR_input_unknown, "the archive has no '%s'", name);
        }
        place(bench, index, &list->tensors[entry == list->count ? 0 : entry]);
        return HML_OK;
    }
    for (size_t i = 0; i < list->count; i++) {
        uint32_t index = find_input(bench, list->tensors[i].name);
        if (index == bench->info.input_count) {
            return unknown_input(bench, list->tensors[i].name, error);
        }
        place(bench, index, &list->tensors[i]);
    }
    return HML_OK;
}

static hml_status load_files(hml_workbench *bench, const hml_options *options,
                             hml_tool_error *error)
{
    for (size_t i = 0; i < hml_options_count(options, "input"); i++) {
        const char *word = hml_options_at(options, "input", i);
        const char *equals = strchr(word, '=');
        char name[256];
        if (equals != NULL && (size_t)(equals - word) >= sizeof name) {
            return HML_TOOL_FAIL(error, HML_ERROR_usage, "'--input %s': the name is too long",
                                 word);
        }
        size_t length = equals != NULL ? (size_t)(equals - word) : 0;
        memcpy(name, word, length);
        name[length] = '\0';
        if (equals != NULL && find_input(bench, name) == bench->info.input_count) {
            return unknown_input(bench, name, error);
        }
        hml_tensor_list list;
        HML_TOOL_TRY(hml_tensor_file_read(equals != NULL ? equals + 1 : word, &list, error));
        hml_status status = place_file(bench, equals != NULL ? name : NULL, &list, error);
        hml_tensor_list_release(&list);
        HML_TOOL_TRY(status);
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
    FILE *file = fopen(path, "rb");
    *found = file != NULL;
    if (file == NULL) {
        return HML_OK;
    }
    fclose(file);
    return hml_tensor_file_read(path, list, error);
}

static hml_status check_folder(const char *folder, hml_tool_error *error)
{
    DIR *directory = opendir(folder);
    if (directory == NULL) {
        return HML_TOOL_FAIL(error, HML_ERROR_tensor_unreadable, "%s: no such folder", folder);
    }
    closedir(directory);
    return HML_OK;
}

static hml_status create_places(hml_workbench *bench, hml_tool_error *error)
{
    hml_tensor_list_release(&bench->inputs);
    size_t count = bench->info.input_count;
    bench->inputs.tensors = calloc(count + 1, sizeof *bench->inputs.tensors);
    if (bench->inputs.tensors == NULL) {
        return HML_TOOL_FAIL(error, HML_ERROR_out_of_memory, "%zu inputs", count);
    }
    bench->inputs.count = count;
    return HML_OK;
}

hml_status hml_workbench_load_folder(hml_workbench *bench, const char *folder,
                                     hml_tool_error *error)
{
    HML_TOOL_TRY(create_places(bench, error));
    HML_TOOL_TRY(check_folder(folder, error));
    for (uint32_t i = 0;; i++) {
        hml_tensor_list list = {0};
        bool found = false;
        HML_TOOL_TRY(read_numbered(folder, "input", i, &found, &list, error));
        if (!found) {
            return HML_OK;
        }
        uint32_t index = list.tensors[0].name[0] != '\0' ? find_input(bench, list.tensors[0].name)
                                                         : bench->info.input_count;
        index = index < bench->info.input_count ? index : i;
        if (index < bench->info.input_count) {
            place(bench, index, &list.tensors[0]);
        }
        hml_tensor_list_release(&list);
    }
}

static hml_status randomize(hml_workbench *bench, const hml_options *options, hml_tool_error *error)
{
    const char *word = hml_options_get(options, "seed");
    long long seed = 0;
    if (word != NULL && !hml_parse_number(word, INT64_MAX, &seed)) {
        return HML_TOOL_FAIL(error, HML_ERROR_usage, "'--seed %s': expected a number", word);
    }
    uint64_t state = (uint64_t)seed;
    for (uint32_t i = 0; i < bench->info.input_count; i++) {
        hml_tensor shape;
        hml_status status =
            hml_model_input_shape(bench->model, i, bench->dims, bench->dim_count, &shape);
        if (status != HML_OK) {
            return HML_TOOL_FAIL(error, status, "--dim; `inspect` lists the dims of the model");
        }
        HML_TOOL_TRY(hml_tensor_create(shape.dtype, shape.rank, shape.dims, NULL, 0,
                                       &bench->inputs.tensors[i], error));
        hml_tensor_randomize(&bench->inputs.tensors[i].tensor, &state);
    }
    return HML_OK;
}

hml_status hml_workbench_load_inputs(hml_workbench *bench, const hml_options *options,
                                     hml_tool_error *error)
{
    const char *folder = hml_options_get(options, "test-data");
    bool files = hml_options_count(options, "input") != 0;
    if (files && folder != NULL) {
        return HML_TOOL_FAIL(error, HML_ERROR_usage, "--input and --test-data exclude each other");
    }
    if (folder != NULL) {
        return hml_workbench_load_folder(bench, folder, error);
    }
    HML_TOOL_TRY(create_places(bench, error));
    return files ? load_files(bench, options, error) : randomize(bench, options, error);
}

/* -- Running
 * --------------------------------------------------------------------------------------- */

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

hml_status hml_workbench_start(hml_workbench *bench, const hml_options *options,
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
    hml_session_options session = {.pool = bench->pool};
    hml_status status = hml_session_create(bench->model, &session, &bench->session);
    if (status != HML_OK) {
        return HML_TOOL_FAIL(error, status, "%s", "");
    }
    return bind_inputs(bench, error);
}

hml_status hml_workbench_run(hml_workbench *bench, hml_tool_error *error)
{
    hml_status status = hml_run(bench->session);
    return status == HML_OK ? HML_OK : session_failed(bench, status, error);
}

static bool find_dim(const hml_tensor_info *info, const hml_tensor *tensor, const char *name,
                     int64_t *value)
{
    for (uint32_t d = 0; d < info->rank; d++) {
        if (strcmp(info->dim_texts[d], name) == 0) {
            *value = tensor->dims[d];
            return true;
        }
    }
    return false;
}

bool hml_workbench_dim(const hml_workbench *bench, const char *name, int64_t *value)
{
    for (uint32_t i = 0; i < bench->info.input_count; i++) {
        hml_tensor_info info;
        if (hml_model_input(bench->model, i, &info) == HML_OK &&
            find_dim(&info, &bench->inputs.tensors[i].tensor, name, value)) {
            return true;
        }
    }
    return false;
}

/* -- Expected outputs
 * ------------------------------------------------------------------------------- */

static uint32_t find_output(const hml_workbench *bench, const char *name, uint32_t otherwise)
{
    for (uint32_t i = 0; i < bench->info.output_count && name[0] != '\0'; i++) {
        hml_tensor_info info;
        if (hml_model_output(bench->model, i, &info) == HML_OK && strcmp(info.name, name) == 0) {
            return i;
        }
    }
    return otherwise;
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
    for (uint32_t i = 0; i < bench->info.output_count; i++) {
        hml_tensor_list list = {0};
        hml_tensor found;
        bool present = false;
        HML_TOOL_TRY(read_numbered(folder, "output", i, &present, &list, error));
        if (!present) {
            continue;
        }
        uint32_t index = find_output(bench, list.tensors[0].name, i);
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
