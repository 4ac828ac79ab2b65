/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hmlc test: for each model of a folder in the ONNX layout, compile, run on each test_data_set_*,
 * compare. Of several models each has its sets, <name>.test_data_set_*. Each model is done in a
 * child process with a time limit (test_child.c), so that one model's crash or hang is a row of the
 * table.
 */
#define _GNU_SOURCE /* MAP_ANONYMOUS */
#include <dirent.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/compare.h"
#include "common/input_path.h"
#include "common/printable.h"
#include "common/tool_program.h"
#include "hmlc_commands.h"
#include "test_child.h"

enum { MOST_PATH = 4096, DEFAULT_LIMIT = 600, NAME_WIDTH = 36 };

static const hml_option test_table[] = {
    {"rtol", 0, "R", "relative tolerance; default 1e-3, bf16 2^-6"},
    {"atol", 0, "A", "absolute tolerance; default max(1e-5, 2e-5 x largest |reference|)"},
    HMLC_DIM_OPTION,
    HMLC_PART_OPTIONS,
    {"target", 0, "T,...", "targets; default: native"},
    HMLC_JOBS_OPTION,
    {"threads", 0, "N", "threads of each run; default 1"},
    {"limit", 0, "SECONDS", "time limit per folder; default 600"},
    HML_COMMON_OPTIONS,
};

typedef enum outcome { PASSED, FAILED, REFUSED } outcome;

/* What the child found, in memory that it shares with the parent. */
typedef struct test_finding {
    uint32_t code;
    char message[512];
    char set[256], output[256]; /* where; "": before any data set, or no output */
} test_finding;

typedef struct test_run {
    const hml_options *options;
    hml_report *report;
    test_finding *finding;
    hmlc_request request;
    uint32_t counts[3];
    unsigned limit;
} test_run;

/* One model of a folder, and its data sets. */
typedef struct test_folder {
    char model[MOST_PATH];
    uint32_t set_count;
    char **sets;
} test_folder;

/* The names of a folder's models, sorted. */
typedef struct model_names {
    char **names;
    uint32_t count;
} model_names;

/* -- what is in a folder ----------------------------------------------------------------------- */

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), tail = strlen(end);
    return length > tail && strcmp(text + length - tail, end) == 0;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* A model that `hmlc test` looks for. */
static bool is_model(const char *name)
{
    static const char *const ends[] = {".onnx", ".tflite", ".h5", ".hdf5", ".keras", ".pb"};
    bool found = false;
    for (size_t k = 0; k < sizeof ends / sizeof ends[0]; k++) {
        found = found || ends_with(name, ends[k]);
    }
    return found;
}

/* Adds "path/name", or the name alone where path is NULL. */
static bool add_text(char ***list, uint32_t *count, const char *path, const char *name)
{
    size_t bytes = (path != NULL ? strlen(path) : 0) + strlen(name) + 2;
    char **longer = realloc(*list, (*count + 1) * sizeof *longer);
    *list = longer != NULL ? longer : *list;
    char *text = longer != NULL ? malloc(bytes) : NULL;
    if (text != NULL) {
        snprintf(text, bytes, "%s%s%s", path != NULL ? path : "", path != NULL ? "/" : "", name);
        (*list)[(*count)++] = text;
    }
    return text != NULL;
}

static void free_texts(char **list, uint32_t count)
{
    for (uint32_t k = 0; k < count; k++) {
        free(list[k]);
    }
    free(list);
}

/* A folder that is a model as a whole. */
static bool is_model_folder(const char *path, const char *name)
{
    char inner[PATH_MAX];
    int length = snprintf(inner, sizeof inner, "%s/%s", path, name);
    return name[0] != '.' && length > 0 && (size_t)length < sizeof inner &&
           hmlc_import_takes_folder(inner);
}

/* False when the folder cannot be read. */
static bool find_models(const char *path, model_names *models)
{
    bool good = true;
    *models = (model_names){0};
    DIR *stream = opendir(path);
    for (const struct dirent *entry; stream != NULL && good && (entry = readdir(stream)) != NULL;) {
        good = !(is_model(entry->d_name) || is_model_folder(path, entry->d_name)) ||
               add_text(&models->names, &models->count, NULL, entry->d_name);
    }
    if (stream != NULL) {
        closedir(stream);
    }
    if (models->count > 0) {
        qsort(models->names, models->count, sizeof models->names[0], compare_names);
    }
    return stream != NULL && good;
}

/* Is `name` a data set of the model? A model that is alone may leave its name out. */
static bool is_set_of(const char *name, const char *model, bool alone)
{
    const char *end = strrchr(model, '.');
    size_t stem = end != NULL ? (size_t)(end - model) : strlen(model);
    bool own = strncmp(name, model, stem) == 0 && strncmp(name + stem, ".test_data_set_", 15) == 0;
    return own || (alone && strncmp(name, "test_data_set_", 14) == 0);
}

static bool folder_read(test_folder *folder, const char *path, const char *model, bool alone)
{
    int length = snprintf(folder->model, sizeof folder->model, "%s/%s", path, model);
    bool good = length > 0 && (size_t)length < sizeof folder->model;
    DIR *stream = opendir(path);
    for (const struct dirent *entry; stream != NULL && good && (entry = readdir(stream)) != NULL;) {
        good = !is_set_of(entry->d_name, model, alone) ||
               add_text(&folder->sets, &folder->set_count, path, entry->d_name);
    }
    if (stream != NULL) {
        closedir(stream);
    }
    if (folder->set_count > 0) {
        qsort(folder->sets, folder->set_count, sizeof folder->sets[0], compare_names);
    }
    return stream != NULL && good;
}

static void folder_release(test_folder *folder)
{
    free_texts(folder->sets, folder->set_count);
}

/* Without an expected output a set proves nothing. */
static bool set_expects(const char *set)
{
    bool found = false;
    DIR *stream = opendir(set);
    for (const struct dirent *entry; stream != NULL && (entry = readdir(stream)) != NULL;) {
        found =
            found || (strncmp(entry->d_name, "output_", 7) == 0 && ends_with(entry->d_name, ".pb"));
    }
    if (stream != NULL) {
        closedir(stream);
    }
    return found;
}

/* -- the child --------------------------------------------------------------------------------- */

static void keep_finding(const test_run *run, const hml_report *report)
{
    test_finding *finding = run->finding;
    finding->code = report->code;
    snprintf(finding->message, sizeof finding->message, "%s", report->first);
    snprintf(finding->output, sizeof finding->output, "%s", report->differing);
}

static int compile_artifact(const test_run *run, const char *model, const char *artifact)
{
    hmlc_request request = run->request;
    hml_report report = {
        .program = run->report->program, .command = "compile", .schema = "compile", .path = model};
    hml_report_open(&report);
    request.report = &report;
    request.model_path = model;
    hmlc_job job = {0};
    hmlc_status status = hmlc_job_import(&job, &request);
    if (status == HMLC_OK) {
        status = hmlc_job_lower(&job);
    }
    if (status == HMLC_OK) {
        status = hmlc_job_compile(&job, artifact);
    }
    hmlc_job_report(&job, &report);
    hmlc_job_release(&job);
    keep_finding(run, &report);
    return hml_report_close(&report, (int)status);
}

static int run_set(const test_run *run, char *artifact, char *set)
{
    char option[] = "--test-data", names[][16] = {"--rtol", "--atol", "--threads"}, one[] = "1";
    char *words[12] = {artifact, option, set};
    int count = 3;
    for (size_t k = 0; k < sizeof names / sizeof names[0]; k++) {
        const char *value = hml_options_get(run->options, names[k] + 2);
        if (value != NULL || k == 2) {
            words[count++] = names[k];
            words[count++] = value != NULL ? strdup(value) : one; /* the process ends soon */
        }
    }
    hml_report report = {.program = run->report->program};
    int status = hml_command_call(&hml_command_run, count, words, &report);
    keep_finding(run, &report);
    return status;
}

typedef struct child_work {
    const test_run *run;
    const test_folder *folder;
} child_work;

/* Everything a folder asks for; the exit status is that of the first thing that went wrong. */
static int folder_test(void *context, char *artifact)
{
    const child_work *work = context;
    const test_folder *folder = work->folder;
    int status = compile_artifact(work->run, folder->model, artifact);
    for (uint32_t k = 0; k < folder->set_count && status == 0; k++) {
        const char *name = strrchr(folder->sets[k], '/') + 1;
        snprintf(work->run->finding->set, sizeof work->run->finding->set, "%s", name);
        status = run_set(work->run, artifact, folder->sets[k]);
    }
    return status;
}

/* -- the parent -------------------------------------------------------------------------------- */

/* A line of the table: how a folder ended. */
typedef struct test_row {
    outcome outcome;
    int status; /* exit status; 128 + n when signal n ended the child */
    char text[320];
    double seconds;
} test_row;

static const char *outcome_name(outcome result)
{
    static const char *const names[] = {"passed", "failed", "refused"};
    return names[result];
}

static void classify(int wait_status, test_row *row)
{
    static const struct {
        int status;
        outcome outcome;
        const char *text;
    } rows[] = {
        {HMLC_OK, PASSED, "passed"},
        {HMLC_NO, FAILED, "wrong: out of tolerance"},
        {HMLC_USAGE, FAILED, "failed: inputs do not fit"},
        {HMLC_REFUSED, REFUSED, "refused"},
        {HMLC_DAMAGED, FAILED, "failed: invalid model or data"},
        {HMLC_RESOURCE, FAILED, "failed: out of a resource"},
    };
    row->outcome = FAILED;
    if (WIFSIGNALED(wait_status)) {
        int number = WTERMSIG(wait_status);
        row->status = 128 + number;
        snprintf(row->text, sizeof row->text,
                 number == SIGALRM ? "hung: over the time limit" : "crashed: signal %d", number);
        return;
    }
    row->status = WEXITSTATUS(wait_status);
    snprintf(row->text, sizeof row->text, "failed: status %d", row->status);
    for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        if (rows[k].status == row->status) {
            snprintf(row->text, sizeof row->text, "%s", rows[k].text);
            row->outcome = rows[k].outcome;
        }
    }
}

static void put_row(const test_run *run, const char *path, const test_folder *folder,
                    const test_row *row)
{
    const test_finding *finding = run->finding;
    hml_json *json = &run->report->data;
    char code[16];
    snprintf(code, sizeof code, "HML%04u", finding->code);
    hml_json_object(json, NULL);
    hml_json_string(json, "folder", path);
    hml_json_string(json, "path", folder->model[0] != '\0' ? folder->model : NULL);
    hml_json_unsigned(json, "sets", folder->set_count);
    hml_json_string(json, "outcome", outcome_name(row->outcome));
    hml_json_integer(json, "status", row->status);
    hml_json_string(json, "result", row->text);
    if (row->outcome != PASSED) {
        hml_json_string(json, "code", finding->code != 0 ? code : NULL);
        hml_json_string(json, "message", finding->message[0] != '\0' ? finding->message : NULL);
        hml_json_string(json, "data_set", finding->set[0] != '\0' ? finding->set : NULL);
        hml_json_string(json, "output", finding->output[0] != '\0' ? finding->output : NULL);
    }
    hml_json_real(json, "seconds", row->seconds);
    hml_json_end(json);
}

static void print_row(const test_run *run, const char *path, const test_folder *folder,
                      const test_row *row)
{
    const test_finding *finding = run->finding;
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL && slash[1] != '\0' ? slash + 1 : path;
    hml_print_text(stdout, name);
    printf("%*s %2u set%-1s  %6.2f s  %s",
           strlen(name) < NAME_WIDTH ? (int)(NAME_WIDTH - strlen(name)) : 0, "",
           HML_COUNTED(folder->set_count), row->seconds, row->text);
    if (row->outcome != PASSED && finding->code != 0) {
        printf(" (HML%04u%s%s%s", finding->code, finding->set[0] != '\0' ? ", " : "", finding->set,
               finding->output[0] != '\0' ? ", " : "");
        hml_print_text(stdout, finding->output);
        printf(")");
    }
    printf("\n");
    fflush(stdout);
}

static void test_in_child(const test_run *run, const test_folder *folder, test_row *row)
{
    child_work work = {run, folder};
    test_child child = {.body = folder_test, .context = &work, .limit = run->limit};
    int wait_status = 0;
    if (!hmlc_test_child_run(&child, &wait_status, row->text, sizeof row->text)) {
        row->status = HMLC_RESOURCE;
        return;
    }
    classify(wait_status, row);
    hmlc_test_child_end(&child, row->outcome != PASSED);
}

static const char *find_silent_set(const test_folder *folder)
{
    for (uint32_t k = 0; k < folder->set_count; k++) {
        if (!set_expects(folder->sets[k])) {
            return strrchr(folder->sets[k], '/') + 1;
        }
    }
    return NULL;
}

/* What is wrong with a model's data before anything is run. */
static bool data_is_sound(const test_folder *folder, test_row *row)
{
    size_t bytes = sizeof row->text;
    if (folder->set_count == 0) {
        snprintf(row->text, bytes, "failed: no test_data_set_* folder");
    } else if (find_silent_set(folder) != NULL) {
        snprintf(row->text, bytes, "failed: no output_*.pb in %s", find_silent_set(folder));
    } else {
        return true;
    }
    return false;
}

static void test_model(test_run *run, const char *path, const char *model, bool alone)
{
    test_folder folder = {0};
    test_row row = {.outcome = FAILED, .status = HMLC_USAGE};
    double start = hmlc_seconds();
    *run->finding = (test_finding){0};
    bool sound = false;
    if (model == NULL) {
        snprintf(row.text, sizeof row.text, "failed: %s",
                 alone ? "no model in it" : "cannot be read");
    } else if (!folder_read(&folder, path, model, alone)) {
        snprintf(row.text, sizeof row.text, "failed: cannot be read");
    } else {
        sound = data_is_sound(&folder, &row);
    }
    if (sound) {
        test_in_child(run, &folder, &row);
    } else {
        run->finding->code = HML_ERROR_path_wrong;
        snprintf(run->finding->message, sizeof run->finding->message, "%s", row.text);
    }
    if (row.outcome != PASSED && run->report->code == 0) {
        run->report->code = run->finding->code;
    }
    row.seconds = hmlc_seconds() - start;
    run->counts[row.outcome]++;
    if (run->report->json) {
        put_row(run, path, &folder, &row);
    } else {
        print_row(run, alone ? path : folder.model, &folder, &row);
    }
    folder_release(&folder);
}

static void test_one(test_run *run, const char *path)
{
    model_names models;
    bool readable = find_models(path, &models);
    if (models.count == 0) {
        test_model(run, path, NULL, readable);
    }
    for (uint32_t k = 0; k < models.count; k++) {
        test_model(run, path, models.names[k], models.count == 1);
    }
    free_texts(models.names, models.count);
}

static void test_folders(test_run *run)
{
    hml_json *json = &run->report->data;
    if (run->report->json) {
        hml_json_array(json, "cases");
    }
    for (size_t k = 0; k < hml_options_count(run->options, NULL); k++) {
        test_one(run, hml_options_at(run->options, NULL, k));
    }
    if (!run->report->json) {
        printf("%u passed, %u failed, %u refused\n", run->counts[PASSED], run->counts[FAILED],
               run->counts[REFUSED]);
        return;
    }
    hml_json_end(json);
    hml_json_unsigned(json, "passed", run->counts[PASSED]);
    hml_json_unsigned(json, "failed", run->counts[FAILED]);
    hml_json_unsigned(json, "refused", run->counts[REFUSED]);
}

/* Every word is a folder that is there, before hours are spent on the first. */
static int check_folders(const test_run *run)
{
    int status = HMLC_OK;
    for (size_t k = 0; k < hml_options_count(run->options, NULL); k++) {
        hml_tool_error error = {0};
        const char *path = hml_options_at(run->options, NULL, k);
        run->report->path = path;
        int found =
            hml_report_status(run->report, hml_path_check(path, HML_PATH_FOLDER, &error), &error);
        status = found != HMLC_OK ? found : status;
    }
    run->report->path = hml_options_at(run->options, NULL, 0);
    return status;
}

static int test_parse(test_run *run)
{
    long long limit = DEFAULT_LIMIT;
    hml_tolerance tolerance;
    const char *text = hml_options_get(run->options, "limit");
    const char *bad = hml_tolerance_from_options(run->options, &tolerance);
    if (text != NULL && (!hml_parse_number(text, 86400, &limit) || limit == 0)) {
        return hml_report_usage(run->report, "--limit %s: expected seconds", text);
    }
    if (bad != NULL) {
        return hml_report_usage(run->report, "--%s: expected a number that is not negative", bad);
    }
    run->limit = (unsigned)limit;
    int status = hmlc_request_parse(&run->request, run->report, run->options);
    if (hml_options_get(run->options, "target") == NULL) {
        hmlc_request_native(&run->request);
    }
    return status != HMLC_OK ? status : check_folders(run);
}

static int test_with(const hml_options *options, hml_report *report)
{
    test_run run = {.options = options, .report = report};
    int status = test_parse(&run);
    run.finding =
        mmap(NULL, sizeof *run.finding, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (status == HMLC_OK && run.finding == MAP_FAILED) {
        status = hml_report_status(report, HML_ERROR_out_of_memory, &(hml_tool_error){0});
    } else if (status == HMLC_OK) {
        test_folders(&run);
        status = run.counts[REFUSED] > 0 ? HMLC_REFUSED : HMLC_OK;
        status = run.counts[FAILED] > 0 ? HMLC_NO : status;
    }
    if (run.finding != MAP_FAILED) {
        munmap(run.finding, sizeof *run.finding);
    }
    hmlc_request_release(&run.request);
    return status;
}

const hml_command hmlc_command_test = {
    .name = "test",
    .words = "DIR...",
    .summary = "compile, run and compare model folders in the ONNX layout",
    .purpose =
        "For each folder (a model file and test_data_set_* folders with input_<i>.pb, "
        "output_<i>.pb):\n"
        "compiles the model, runs each data set and compares the outputs, in a process of its own\n"
        "with a time limit. Exit status 3 when nothing failed, but something was refused.\n",
    .options = test_table,
    .option_count = sizeof test_table / sizeof test_table[0],
    .examples = {"test models/*/", "test model --target x86-64-v3 --rtol 1e-4 --json"},
    .least_words = 1,
    .most_words = HML_MOST_WORDS,
    .expected = "model folders",
    .no = "a folder failed",
    .environment = HMLC_COMPILER_ENVIRONMENT HML_RUNTIME_ENVIRONMENT,
    .run = test_with,
};
