/* SPDX-License-Identifier: Apache-2.0 */
#include "model_runner.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tensor_bridge.h"

typedef struct running_model {
    hml_model *model;
    hml_session *session;
    char folder[4096], path[4200];
} running_model;

/* -- signals ----------------------------------------------------------------------------------- */

static volatile sig_atomic_t caught;
static const int ending[] = {SIGINT, SIGTERM, SIGHUP};
static struct sigaction before[sizeof ending / sizeof ending[0]];

static void note_signal(int number)
{
    caught = number;
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = note_signal};
    caught = 0;
    for (size_t i = 0; i < sizeof ending / sizeof ending[0]; i++) {
        (void)sigaction(ending[i], &action, &before[i]);
    }
}

/* -- failures ---------------------------------------------------------------------------------- */

static hmlc_status note_failure(hmlc_model_runner *runner, hml_status status)
{
    if (status != HML_OK && runner->failed == HML_OK) {
        runner->failed = status;
    }
    return (hmlc_status)hml_status_describe(status)->exit_class;
}

int hmlc_model_runner_status(const hmlc_model_runner *runner, hmlc_status status)
{
    return runner->failed != HML_OK
               ? hml_report_status(runner->job->request->report, runner->failed, &runner->error)
               : (int)status;
}

/* -- models ------------------------------------------------------------------------------------ */

hmlc_status hmlc_model_runner_folder(hmlc_model_runner *runner, char *folder, size_t bytes)
{
    const char *place = getenv("TMPDIR");
    place = place != NULL && place[0] != '\0' ? place : "/tmp";
    int length = snprintf(folder, bytes, "%s/hmlc-XXXXXX", place);
    if (length < 0 || (size_t)length >= bytes || mkdtemp(folder) == NULL) {
        folder[0] = '\0';
        return note_failure(runner, hml_output_failed(place, errno, &runner->error));
    }
    return HMLC_OK;
}

/* A copy goes through the passes, so that the module stays as it is. */
static hmlc_status compile(hmlc_model_runner *runner, hmlc_module *module, const char *path)
{
    hmlc_module *copy = NULL;
    const hmlc_target *native = hmlc_target_find("native");
    native = native != NULL ? native : hmlc_target_at(0);
    hmlc_codegen_summary summary;
    hmlc_pass_options passes = {.pipeline = "default"};
    hmlc_codegen_options options = {.targets = &native,
                                    .target_count = 1,
                                    .jobs = runner->job->request->jobs,
                                    .progress = hmlc_job_show_phase,
                                    .context = runner->job};
    HMLC_TRY(hmlc_module_clone(module, NULL, &copy));
    hmlc_status status = hmlc_run_passes(copy, &passes);
    status = status == HMLC_OK ? hmlc_compile(copy, &options, path, &summary) : status;
    hmlc_module_destroy(copy);
    return status;
}

static hmlc_status start(hmlc_model_runner *runner, running_model *running)
{
    hml_open_options open = {.struct_bytes = sizeof open,
                             .flags = HML_OPEN_NO_ENVIRONMENT,
                             .message = runner->error.text,
                             .message_bytes = sizeof runner->error.text};
    hml_session_options session = {.struct_bytes = sizeof session,
                                   .pool = runner->pool,
                                   .message = runner->error.text,
                                   .message_bytes = sizeof runner->error.text};
    hml_status status = hml_model_open(running->path, &open, &running->model);
    if (status == HML_OK) {
        status = hml_session_create(running->model, &session, &running->session);
    }
    return note_failure(runner, status);
}

static void close_model(void *context, void *model)
{
    running_model *running = model;
    (void)context;
    if (running != NULL) {
        hml_session_destroy(running->session);
        hml_model_release(running->model);
        free(running);
    }
}

static hmlc_status open_model(void *context, hmlc_module *module, void **model)
{
    hmlc_model_runner *runner = context;
    running_model *running = calloc(1, sizeof *running);
    *model = running;
    HMLC_TRY_MEMORY(running);
    hmlc_status status = hmlc_model_runner_folder(runner, running->folder, sizeof running->folder);
    (void)snprintf(running->path, sizeof running->path, "%s/model.hml", running->folder);
    status = status == HMLC_OK ? compile(runner, module, running->path) : status;
    status = status == HMLC_OK ? start(runner, running) : status;
    if (running->folder[0] != '\0') {
        (void)unlink(running->path);
        (void)rmdir(running->folder);
    }
    return status;
}

static hmlc_status session_failed(hmlc_model_runner *runner, const running_model *running,
                                  hml_status status)
{
    if (status != HML_OK) {
        (void)snprintf(runner->error.text, sizeof runner->error.text, "%s",
                       hml_session_error(running->session));
    }
    return note_failure(runner, status);
}

static hmlc_status run_model(void *context, void *model, const hmlc_tensor *inputs,
                             uint32_t input_count, hmlc_tensor *outputs, uint32_t output_count)
{
    hmlc_model_runner *runner = context;
    running_model *running = model;
    for (uint32_t i = 0; i < input_count; i++) {
        hml_tensor_info info = {.struct_bytes = sizeof info};
        HMLC_TRY(note_failure(runner, hml_model_input(running->model, i, &info)));
        hml_tensor tensor = hmlc_runtime_tensor_of(&inputs[i], info.dtype);
        HMLC_TRY(session_failed(runner, running, hml_bind_input(running->session, i, &tensor)));
    }
    HMLC_TRY(session_failed(runner, running, hml_run(running->session)));
    for (uint32_t i = 0; i < output_count; i++) {
        hml_tensor tensor;
        HMLC_TRY(session_failed(runner, running, hml_session_output(running->session, i, &tensor)));
        outputs[i] = hmlc_tensor_of(&tensor);
    }
    return HMLC_OK;
}

/* -- samples ----------------------------------------------------------------------------------- */

static hmlc_status read_sample(void *context, uint32_t index, hmlc_tensor *inputs, uint64_t *hash)
{
    hmlc_model_runner *runner = context;
    return note_failure(runner, hmlc_sample_read(runner->samples, index, runner->job->module,
                                                 inputs, hash, &runner->error));
}

static hmlc_status show_progress(void *context, const char *phase, uint32_t done, uint32_t total)
{
    static const double seconds = 20;
    hmlc_model_runner *runner = context;
    double now = hmlc_seconds();
    hmlc_job_show_phase(runner->job, phase, done, total);
    if (caught != 0) {
        return HMLC_NO;
    }
    if (runner->checkpoint != NULL && now - runner->last_checkpoint > seconds) {
        runner->last_checkpoint = now;
        return runner->checkpoint(runner->context, done < total);
    }
    return HMLC_OK;
}

hmlc_runner hmlc_model_runner_begin(hmlc_model_runner *runner)
{
    hml_pool_options pool = {.struct_bytes = sizeof pool};
    if (hml_pool_create(&pool, &runner->pool) != HML_OK) {
        runner->pool = NULL; /* one thread will do */
    }
    runner->last_checkpoint = hmlc_seconds();
    catch_signals();
    return (hmlc_runner){.context = runner,
                         .open = open_model,
                         .run = run_model,
                         .close = close_model,
                         .sample = read_sample,
                         .sample_count = (uint32_t)runner->samples->count,
                         .progress = show_progress};
}

int hmlc_model_runner_end(hmlc_model_runner *runner)
{
    for (size_t i = 0; i < sizeof ending / sizeof ending[0]; i++) {
        (void)sigaction(ending[i], &before[i], NULL);
    }
    hml_pool_release(runner->pool);
    runner->pool = NULL;
    return caught;
}
