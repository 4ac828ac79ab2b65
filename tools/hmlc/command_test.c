/*
 * hmlc test: for each model folder in the ONNX layout, compile, run on each test_data_set_*,
 * compare. Each folder is done in a child process with a time limit (test_child.c), so that one
 * model's crash or hang is a row of the table.
 */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "commands.h"
#include "common/compare.h"
#include "common/json.h"
#include "common/printable.h"
#include "test_child.h"

enum { MOST_PATH = 4096, DEFAULT_LIMIT = 600, NAME_WIDTH = 36 };

static const hml_option test_table[] = {
    {"rtol", 0, "R", "relative tolerance; default 1e-3"},
    {"atol", 0, "A", "absolute tolerance; default max(1e-5, 2e-5 x largest |reference|)"},
    {"dim", 0, "NAME=N|LOW..HIGH|NAME", "fix, bound or unify a symbolic dim; may be repeated"},
    {"target", 0, "T,...", "targets; default: native"},
    {"jobs", 'j', "N", "processes that generate code; default: one per core"},
    {"threads", 0, "N", "threads of each run; default 1"},
    {"limit", 0, "SECONDS", "time limit per folder; default 600"},
    {"json", 0, NULL, "a JSON line per folder"},
    {"help", 'h', NULL, "this list"},
};
enum { TEST_OPTIONS = sizeof test_table / sizeof test_table[0] };

typedef enum outcome { PASSED, FAILED, REFUSED } outcome;

typedef struct test_run {
    const hml_options *options;
    hmlc_request request;
    uint32_t counts[3];
    unsigned limit;
} test_run;

/* The files of one folder: its model and data sets. */
typedef struct test_folder {
    char model[MOST_PATH];
    uint32_t model_count, set_count;
    char **sets;
} test_folder;

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

static bool add_set(test_folder *folder, const char *path, const char *name)
{
    size_t bytes = strlen(path) + strlen(name) + 2;
    char **sets = realloc(folder->sets, (folder->set_count + 1) * sizeof *sets);
    folder->sets = sets != NULL ? sets : folder->sets;
    char *set = sets != NULL ? malloc(bytes) : NULL;
    if (set != NULL) {
        snprintf(set, bytes, "%s/%s", path, name);
        folder->sets[folder->set_count++] = set;
    }
    return set != NULL;
}

static bool folder_read(test_folder *folder, const char *path)
{
    bool good = true;
    *folder = (test_folder){0};
    DIR *stream = opendir(path);
    if (stream == NULL) {
        return false;
    }
    for (const struct dirent *entry; good && (entry = readdir(stream)) != NULL;) {
        if (ends_with(entry->d_name, ".onnx")) {
            int length =
                snprintf(folder->model, sizeof folder->model, "%s/%s", path, entry->d_name);
            good = (size_t)length < sizeof folder->model;
            folder->model_count++;
        } else if (strncmp(entry->d_name, "test_data_set_", 14) == 0) {
            good = add_set(folder, path, entry->d_name);
        }
    }
    closedir(stream);
    if (folder->set_count > 0) {
        qsort(folder->sets, folder->set_count, sizeof folder->sets[0], compare_names);
    }
    return good;
}

static void folder_release(test_folder *folder)
{
    for (uint32_t k = 0; k < folder->set_count; k++) {
        free(folder->sets[k]);
    }
    free(folder->sets);
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

static int compile_artifact(const test_run *run, const char *model, const char *artifact)
{
    hmlc_request request = run->request;
    request.model_path = model;
    hmlc_job job = {0};
    hmlc_status status = hmlc_job_import(&job, &request);
    if (status == HMLC_OK) {
        status = hmlc_job_lower(&job);
    }
    if (status == HMLC_OK) {
        status = hmlc_job_compile(&job, artifact);
    }
    hmlc_job_print(&job);
    hmlc_job_release(&job);
    return (int)status;
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
    return hml_command_run(count, words);
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
        status = run_set(work->run, artifact, folder->sets[k]);
    }
    return status;
}

/* -- the parent -------------------------------------------------------------------------------- */

static outcome classify(int wait_status, char *text, size_t size)
{
    if (WIFSIGNALED(wait_status)) {
        bool hung = WTERMSIG(wait_status) == SIGALRM;
        snprintf(text, size, hung ? "hung: over the time limit" : "crashed: signal %d",
                 WTERMSIG(wait_status));
        return FAILED;
    }
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
    for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        if (rows[k].status == WEXITSTATUS(wait_status)) {
            snprintf(text, size, "%s", rows[k].text);
            return rows[k].outcome;
        }
    }
    snprintf(text, size, "failed: status %d", WEXITSTATUS(wait_status));
    return FAILED;
}

static void print_row(const test_run *run, const char *path, const test_folder *folder,
                      const char *text, double seconds)
{
    if (hml_options_get(run->options, "json") != NULL) {
        printf("{\"folder\":");
        hml_json_string(stdout, path);
        printf(",\"sets\":%u,\"result\":", folder->set_count);
        hml_json_string(stdout, text);
        printf(",\"seconds\":%.2f}\n", seconds);
    } else {
        const char *slash = strrchr(path, '/');
        const char *name = slash != NULL && slash[1] != '\0' ? slash + 1 : path;
        hml_print_text(stdout, name);
        printf("%*s %2u sets  %6.2f s  %s\n",
               strlen(name) < NAME_WIDTH ? (int)(NAME_WIDTH - strlen(name)) : 0, "",
               folder->set_count, seconds, text);
    }
    fflush(stdout);
}

static outcome folder_in_child(const test_run *run, const test_folder *folder, char *text,
                               size_t size)
{
    child_work work = {run, folder};
    test_child child = {.body = folder_test, .context = &work, .limit = run->limit};
    int wait_status = 0;
    if (!hmlc_test_child_run(&child, &wait_status, text, size)) {
        return FAILED;
    }
    outcome result = classify(wait_status, text, size);
    hmlc_test_child_end(&child, result != PASSED);
    return result;
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

static void test_one(test_run *run, const char *path)
{
    test_folder folder;
    char text[320];
    double start = hmlc_seconds();
    outcome result = FAILED;
    if (!folder_read(&folder, path)) {
        snprintf(text, sizeof text, "failed: cannot be read");
    } else if (folder.model_count != 1) {
        snprintf(text, sizeof text, "failed: %u .onnx files, expected one", folder.model_count);
    } else if (folder.set_count == 0) {
        snprintf(text, sizeof text, "failed: no test_data_set_* folder");
    } else if (find_silent_set(&folder) != NULL) {
        snprintf(text, sizeof text, "failed: no output_*.pb in %s", find_silent_set(&folder));
    } else {
        result = folder_in_child(run, &folder, text, sizeof text);
    }
    run->counts[result]++;
    print_row(run, path, &folder, text, hmlc_seconds() - start);
    folder_release(&folder);
}

static int test_all(const hml_options *options)
{
    int exit_status = HMLC_OK;
    long long limit = DEFAULT_LIMIT;
    test_run run = {.options = options};
    const char *text = hml_options_get(options, "limit");
    if (text != NULL && (!hml_parse_number(text, 86400, &limit) || limit == 0)) {
        return hmlc_usage("test", "--limit %s: expected seconds", text);
    }
    hml_tolerance tolerance;
    const char *bad = hml_tolerance_from_options(options, &tolerance);
    if (bad != NULL) {
        return hmlc_usage("test", "--%s: expected a number that is not negative", bad);
    }
    if (!hmlc_request_parse(&run.request, "test", options, &exit_status)) {
        hmlc_request_release(&run.request);
        return exit_status;
    }
    if (hml_options_get(options, "target") == NULL && hmlc_target_find("native") != NULL) {
        run.request.targets[0] = hmlc_target_find("native");
        run.request.target_count = 1;
    }
    run.limit = (unsigned)limit;
    size_t count = hml_options_count(options, NULL);
    for (size_t k = 0; k < count; k++) {
        test_one(&run, hml_options_at(options, NULL, k));
    }
    hmlc_request_release(&run.request);
    printf(hml_options_get(options, "json") != NULL
               ? "{\"passed\":%u,\"failed\":%u,\"refused\":%u}\n"
               : "%u passed, %u failed, %u refused\n",
           run.counts[PASSED], run.counts[FAILED], run.counts[REFUSED]);
    if (run.counts[FAILED] > 0) {
        return HMLC_NO;
    }
    return run.counts[REFUSED] > 0 ? HMLC_REFUSED : HMLC_OK;
}

int hmlc_command_test(int argc, char **argv)
{
    hml_options options;
    char message[256];
    int status;
    if (!hml_options_parse(&options, test_table, TEST_OPTIONS, argc, argv, message,
                           sizeof message)) {
        status = hmlc_usage("test", "%s", message);
    } else if (hml_options_get(&options, "help") != NULL) {
        printf("usage: hmlc test DIR... [options]\n");
        hml_options_print(test_table, TEST_OPTIONS);
        status = HMLC_OK;
    } else if (hml_options_count(&options, NULL) == 0) {
        status = hmlc_usage("test", "expected model folders");
    } else {
        status = test_all(&options);
    }
    hml_options_release(&options);
    return status;
}
