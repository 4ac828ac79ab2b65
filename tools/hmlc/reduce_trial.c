/* SPDX-License-Identifier: Apache-2.0 */
/* One try of a model, in a child process: import, compile, run, compare. */
#define _GNU_SOURCE /* MAP_ANONYMOUS */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "common/tool_program.h"
#include "reduce.h"
#include "test_child.h"

enum { MOST_PATH = 8192 };

/* -- the child --------------------------------------------------------------------------------- */

static const char *operator_of(const hmlc_diagnostic *d)
{
    return d->location != NULL && d->location->node_count > 0 ? d->location->nodes[0].op_type : "";
}

static bool is_wanted(const reduce_trial *trial, const hmlc_diagnostic *d)
{
    const reduce_failure *wanted = &trial->wanted;
    return d->severity == HMLC_SEVERITY_ERROR &&
           hmlc_error_get_info(d->error)->number == wanted->code &&
           (wanted->operator[0] == '\0' || strcmp(operator_of(d), wanted->operator) == 0);
}

/* The wanted error among the job's, else the first that has the job's status. */
static void note_diagnostic(const reduce_trial *trial, const hmlc_job *job, hmlc_status status)
{
    reduce_failure *shared = trial->shared;
    const hmlc_diagnostic *found = NULL, *wanted = NULL;
    const hmlc_diagnostic *d =
        job->module != NULL ? hmlc_diagnostics_first(job->module->diagnostics) : NULL;
    for (; d != NULL && wanted == NULL; d = d->next) {
        bool fits =
            d->severity == HMLC_SEVERITY_ERROR && hmlc_error_get_info(d->error)->status == status;
        found = found == NULL && fits ? d : found;
        wanted = is_wanted(trial, d) ? d : NULL;
    }
    found = wanted != NULL ? wanted : found;
    if (found != NULL) {
        const hmlc_location *where = found->location;
        bool node = where != NULL && where->node_count > 0 && where->nodes[0].name[0] != '\0';
        shared->code = hmlc_error_get_info(found->error)->number;
        snprintf(shared->operator, sizeof shared->operator, "%s", operator_of(found));
        snprintf(shared->message, sizeof shared->message, node ? "node '%s' (%s): %s" : "%s%s%s",
                 node ? where->nodes[0].name : "", node ? where->nodes[0].op_type : "",
                 found->message);
    }
}

static hmlc_status compile(const reduce_trial *trial, hmlc_job *job, const hmlc_request *request,
                           const char *artifact)
{
    reduce_failure *shared = trial->shared;
    HMLC_TRY(hmlc_job_import(job, request));
    shared->stage = REDUCE_PASSES;
    if (trial->wanted.stage < REDUCE_PASSES) {
        return HMLC_OK;
    }
    HMLC_TRY(hmlc_job_lower(job));
    shared->stage = REDUCE_CODE;
    if (trial->wanted.stage < REDUCE_CODE) {
        return HMLC_OK;
    }
    HMLC_TRY(hmlc_job_compile(job, artifact));
    shared->stage = REDUCE_RUN;
    return HMLC_OK;
}

/* The options of `compare` that were given, with its own words before them. */
static int compare(const reduce_trial *trial, char *model, char *artifact)
{
    static const char *const names[] = {"rtol", "atol", "seed"};
    char threads[] = "--threads=1", given[3][64], *words[8] = {model, artifact, threads};
    int count = 3;
    for (size_t k = 0; k < sizeof names / sizeof names[0]; k++) {
        const char *value = hml_options_get(trial->options, names[k]);
        if (value != NULL) {
            snprintf(given[k], sizeof given[k], "--%s=%s", names[k], value);
            words[count++] = given[k];
        }
    }
    hml_report report = {.program = trial->request.report->program};
    int status = hml_command_call(&hmlc_command_compare, count, words, &report);
    trial->shared->code = report.code;
    snprintf(trial->shared->message, sizeof trial->shared->message, "%s", report.first);
    return status;
}

/* Writes the selection beside the artifact; false after noting why not. */
static bool write_candidate(const reduce_trial *trial, const char *path)
{
    FILE *stream = fopen(path, "wb");
    hmlc_status status =
        stream != NULL ? hmlc_cut_write(trial->cut, trial->states, stream) : HMLC_OK;
    bool failed = stream == NULL || ferror(stream) != 0;
    failed = stream != NULL && fclose(stream) != 0 ? true : failed;
    trial->shared->unwritten = failed;
    return status == HMLC_OK && !failed;
}

/* Beside the artifact, under the name that the result will have: messages name it. */
static void name_candidate(const reduce_trial *trial, const char *artifact, char *path,
                           size_t bytes)
{
    const char *slash = strrchr(trial->name, '/'), *place = strrchr(artifact, '/');
    const char *name = slash != NULL ? slash + 1 : trial->name;
    size_t length = strlen(name);
    bool as_artifact = length > 4 && strcmp(name + length - 4, ".hml") == 0;
    snprintf(path, bytes, "%.*s/%s%s", (int)(place - artifact), artifact, name,
             as_artifact ? ".onnx" : "");
}

static int trial_body(void *context, char *artifact)
{
    const reduce_trial *trial = context;
    char model[MOST_PATH];
    hml_report report = {.program = trial->request.report->program,
                         .command = "compile",
                         .schema = "compile",
                         .quiet = true};
    hmlc_request request = trial->request;
    snprintf(model, sizeof model, "%s", request.model_path);
    if (trial->cut != NULL) {
        name_candidate(trial, artifact, model, sizeof model);
        if (!write_candidate(trial, model)) {
            return HMLC_OK; /* it is no model at all: nothing fails */
        }
    }
    hml_report_open(&report);
    request.report = &report;
    request.model_path = report.path = model;
    hmlc_job job = {0};
    hmlc_status status = compile(trial, &job, &request, artifact);
    if (status != HMLC_OK) {
        note_diagnostic(trial, &job, status);
    }
    hmlc_job_release(&job);
    (void)hml_report_close(&report, (int)status);
    bool runs = status == HMLC_OK && trial->wanted.stage == REDUCE_RUN;
    return runs ? compare(trial, model, artifact) : (int)status;
}

/* -- the parent -------------------------------------------------------------------------------- */

bool hmlc_reduce_open(reduce_trial *trial)
{
    void *memory = mmap(NULL, sizeof *trial->shared, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    trial->shared = memory != MAP_FAILED ? memory : NULL;
    return trial->shared != NULL;
}

void hmlc_reduce_close(reduce_trial *trial)
{
    if (trial->shared != NULL) {
        munmap(trial->shared, sizeof *trial->shared);
    }
}

static void classify(const reduce_trial *trial, int wait_status, reduce_failure *failure)
{
    if (WIFSIGNALED(wait_status)) {
        int number = WTERMSIG(wait_status);
        *failure = (reduce_failure){
            .kind = REDUCE_CRASHED, .stage = failure->stage, .status = 128 + number};
        if (number == SIGALRM) {
            snprintf(failure->message, sizeof failure->message, "no end within %u s", trial->limit);
        } else {
            snprintf(failure->message, sizeof failure->message, "signal %d", number);
        }
        return;
    }
    failure->status = WEXITSTATUS(wait_status);
    failure->kind = failure->status == HMLC_OK                      ? REDUCE_SOUND
                    : failure->status == HMLC_REFUSED               ? REDUCE_REFUSED
                    : failure->status == HMLC_INTERNAL              ? REDUCE_CRASHED
                    : failure->code == HML_ERROR_tolerance_exceeded ? REDUCE_WRONG
                                                                    : REDUCE_OTHER;
}

bool hmlc_reduce_try(reduce_trial *trial, reduce_failure *failure)
{
    test_child child = {.body = trial_body, .context = trial, .limit = trial->limit};
    int wait_status = 0;
    *trial->shared = *failure = (reduce_failure){0};
    if (!hmlc_test_child_run(&child, &wait_status, failure->message, sizeof failure->message)) {
        return false;
    }
    hmlc_test_child_end(&child, false);
    *failure = *trial->shared;
    classify(trial, wait_status, failure);
    if (failure->unwritten) {
        snprintf(failure->message, sizeof failure->message,
                 "the folder of temporary files does not take the model");
    }
    return !failure->unwritten;
}

bool hmlc_reduce_same(const reduce_trial *trial, const reduce_failure *failure)
{
    const reduce_failure *wanted = &trial->wanted;
    bool same_end =
        trial->by_code || (failure->kind == wanted->kind && failure->status == wanted->status);
    return same_end && failure->kind != REDUCE_SOUND && failure->code == wanted->code &&
           strcmp(failure->operator, wanted->operator) == 0;
}
