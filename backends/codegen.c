/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* memfd_create */
#include "codegen.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "llvm/frame/frame.h"
#include "llvm/frame/object.h"
#include "llvm/portable/portable_class.h"

/*
 * Kernels per task: small enough to spread over the cores, large enough that the set-up of a module
 * does not show. The split depends on the program alone, so that the bytes do not depend on the
 * number of jobs.
 */
enum { TASK_KERNELS = 8 };

/* A running task holds two files, a finished one that waits for an earlier one holds one: bounded,
 * so that the usual 1024 descriptors suffice. */
enum { MOST_WAITING = 16, MOST_JOBS = 256 };

typedef struct task {
    const hmlc_program *program;
    hmlc_objects *objects; /* of the program */
    uint32_t first, last;  /* unique kernels [first, last); empty: the support module */
    bool portable;
    hmlc_object_form *object; /* not NULL: all of the program, as an object */
    int file;
    int messages;  /* what LLVM prints */
    pid_t process; /* 0: not started */
    bool done;
} task;

/* With the children. */
typedef struct shared {
    hmlc_object_figures figures; /* of an object */
    uint32_t progress[];         /* the kernel each task is at */
} shared;

typedef struct codegen {
    const hmlc_codegen_options *options;
    hmlc_arena *arena;
    task *tasks;
    uint32_t task_count, started, finished, running;
    uint32_t collected; /* tasks whose code is in its archive: a prefix of all */
    struct shared *shared;
    hmlc_object_form *object; /* NULL: kernels for an image */
    hmlc_module *module;
} codegen;

/* -- the child --------------------------------------------------------------------------------- */

static bool write_all(int file, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t written = write(file, data, size);
        if (written <= 0 && errno != EINTR) {
            return false;
        }
        data += written > 0 ? written : 0;
        size -= written > 0 ? (size_t)written : 0;
    }
    return true;
}

/* What a child's file begins with where it failed; behind it stand the hint, which may be empty,
 * and the message, each ended by a zero. */
typedef struct failure {
    hmlc_error error;
    bool has_location; /* that of the kernel it was at */
} failure;

/* The last error stands for the child's failure. */
static const hmlc_diagnostic *last_error(const hmlc_module *module)
{
    const hmlc_diagnostic *last = NULL;
    for (const hmlc_diagnostic *d = hmlc_diagnostics_first(module->diagnostics); d != NULL;
         d = d->next) {
        last = d->severity == HMLC_SEVERITY_ERROR ? d : last;
    }
    return last;
}

static bool write_failure(int file, const hmlc_module *module)
{
    const hmlc_diagnostic *last = last_error(module);
    failure begin = {HMLC_ERROR_codegen_failed, true};
    const char *hint = "", *message = "";
    if (last != NULL) {
        begin = (failure){last->error, last->location != NULL};
        hint = last->hint != NULL ? last->hint : "";
        message = last->message;
    }
    return ftruncate(file, 0) == 0 && lseek(file, 0, SEEK_SET) == 0 &&
           write_all(file, (const char *)&begin, sizeof begin) &&
           write_all(file, hint, strlen(hint) + 1) && write_all(file, message, strlen(message) + 1);
}

static hmlc_status task_emit_kernels(const task *t, LLVMModuleRef module, uint32_t *progress,
                                     hmlc_arena *arena)
{
    const hmlc_unique_kernel *unique = t->program->unique.data;
    if (t->portable || t->first == t->last) {
        HMLC_TRY(hmlc_portable_link(module, t->program->target, t->portable,
                                    t->program->module->diagnostics));
    }
    for (uint32_t k = t->first; k < t->last; k++) {
        *progress = k;
        bool portable = unique[k].plan->class_ == &hmlc_portable_class;
        if (portable == t->portable) {
            HMLC_TRY(hmlc_kernel_emit(module, t->program->module, unique[k].plan, unique[k].name,
                                      arena));
        }
    }
    return HMLC_OK;
}

static hmlc_status task_generate(const task *t, uint32_t *progress, hmlc_emit emit)
{
    hmlc_arena *arena = hmlc_arena_create(NULL);
    LLVMContextRef context = LLVMContextCreate();
    LLVMModuleRef module = hmlc_object_module(context, t->program->target, "hmlc");
    HMLC_TRY_MEMORY(arena);
    HMLC_TRY_MEMORY(module);
    HMLC_TRY(task_emit_kernels(t, module, progress, arena));
    hmlc_portable_internalise(module, t->program->target, t->first == t->last);
    char *message = NULL;
    if (emit == HMLC_EMIT_LLVM_IR) {
        char *text = LLVMPrintModuleToString(module);
        return write_all(t->file, text, strlen(text)) ? HMLC_OK : HMLC_RESOURCE;
    }
    bool cleaned = !t->portable && t->first != t->last;
    LLVMMemoryBufferRef object = hmlc_object_emit(
        module, t->program->target, cleaned ? HMLC_OBJECT_KERNELS : HMLC_OBJECT_PORTABLE,
        emit == HMLC_EMIT_ASM, &message);
    if (object == NULL) {
        return hmlc_error_add(t->program->module->diagnostics, HMLC_ERROR_codegen_failed, NULL,
                              NULL, "LLVM: %s", message);
    }
    return write_all(t->file, LLVMGetBufferStart(object), LLVMGetBufferSize(object))
               ? HMLC_OK
               : HMLC_RESOURCE;
}

static hmlc_status task_object(const task *t, uint32_t *progress, hmlc_object_figures *figures)
{
    hmlc_byte_table bytes = {0};
    HMLC_TRY(hmlc_object_generate(t->object, progress, figures, &bytes));
    return write_all(t->file, bytes.data, bytes.count) ? HMLC_OK : HMLC_RESOURCE;
}

/* Never returns. Memory is left to the system: the process ends. */
static void task_child(const codegen *c, const task *t, pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) {
        _exit(HMLC_NO); /* it died before the line above: nobody reads this */
    }
    if (getenv("HMLC_DEBUG") == NULL) {
        dup2(t->messages, STDERR_FILENO);
    }
    uint32_t *progress = &c->shared->progress[t - c->tasks];
    hmlc_status status = t->object != NULL ? task_object(t, progress, &c->shared->figures)
                                           : task_generate(t, progress, c->options->emit);
    if (status != HMLC_OK) {
        if (!write_failure(t->file, t->program->module)) {
            _exit(HMLC_RESOURCE); /* the file is memory */
        }
    }
    _exit((int)status);
}

/* -- the parent -------------------------------------------------------------------------------- */

static hmlc_status task_start(codegen *c, task *t)
{
    hmlc_diagnostics *diagnostics = c->module->diagnostics;
    t->file = memfd_create("hmlc-object", 0);
    t->messages = memfd_create("hmlc-messages", 0);
    if (t->file < 0 || t->messages < 0) {
        return hmlc_error_add(diagnostics, HMLC_ERROR_out_of_memory, NULL, NULL,
                              "no file for generated code: %s", strerror(errno));
    }
    fflush(NULL);
    pid_t parent = getpid(), process = fork();
    if (process < 0) {
        return hmlc_error_add(diagnostics, HMLC_ERROR_out_of_memory, NULL, NULL,
                              "no process for code generation: %s", strerror(errno));
    }
    if (process == 0) {
        task_child(c, t, parent);
    }
    t->process = process;
    c->started++;
    c->running++;
    return HMLC_OK;
}

static const hmlc_location *task_location(const codegen *c, const task *t)
{
    const hmlc_unique_kernel *unique = t->program->unique.data;
    uint32_t at = c->shared->progress[t - c->tasks];
    return at < t->program->unique.count ? unique[at].plan->kernel->location : NULL;
}

static void file_close(int *file)
{
    if (*file >= 0) {
        close(*file);
    }
    *file = -1;
}

/* The beginning of what a file holds. */
static const char *file_text(int file, char *text, size_t bytes)
{
    ssize_t size = pread(file, text, bytes - 1, 0);
    text[size > 0 ? size : 0] = '\0';
    return text;
}

/* LLVM and the C++ library abort when an allocation fails; they say so first. */
static bool was_out_of_memory(const char *said)
{
    return strstr(said, "out of memory") != NULL || strstr(said, "bad_alloc") != NULL;
}

/* LLVM only warns of processors and features that it does not know, and does without. */
static hmlc_status check_words(const codegen *c, const task *t)
{
    char text[512];
    const char *said = file_text(t->messages, text, sizeof text);
    const char *found = strstr(said, " is not a recognized ");
    if (found == NULL) {
        return HMLC_OK;
    }
    while (found > said && found[-1] != '\n') {
        found--;
    }
    return hmlc_error_add(c->module->diagnostics, HMLC_ERROR_target_unknown_part, NULL, NULL,
                          "LLVM: %.*s", (int)strcspn(found, "\n"), found);
}

/* What the child said of itself: the same error, with its hint. */
static hmlc_status task_refused(const codegen *c, const task *t, bool memory)
{
    char text[2048] = "";
    failure begin = {HMLC_ERROR_codegen_failed, true};
    ssize_t size = pread(t->file, text, sizeof text - 1, 0);
    const char *hint = "", *message = "";
    if (size > (ssize_t)sizeof begin) {
        text[size] = '\0';
        memcpy(&begin, text, sizeof begin);
        hint = text + sizeof begin;
        const char *end = hint + strlen(hint);
        message = end < text + size ? end + 1 : "";
    }
    const hmlc_location *location = begin.has_location ? task_location(c, t) : NULL;
    if (!memory && begin.error != HMLC_ERROR_codegen_failed) {
        return hmlc_error_add(c->module->diagnostics, begin.error, location,
                              hint[0] != '\0' ? hint : NULL, "%s", message);
    }
    return hmlc_error_add(c->module->diagnostics,
                          memory ? HMLC_ERROR_out_of_memory : HMLC_ERROR_codegen_failed, location,
                          memory ? "compile with fewer --jobs" : NULL,
                          "code generation for %s failed: %s", t->program->target->name,
                          message[0] != '\0' ? message
                          : memory           ? "out of memory"
                                             : "no message");
}

static hmlc_status task_failed(const codegen *c, const task *t, int wait_status)
{
    const hmlc_location *location = task_location(c, t);
    const char *target = t->program->target->name;
    char text[512];
    HMLC_TRY(check_words(c, t));
    if (WIFSIGNALED(wait_status)) {
        const char *said = file_text(t->messages, text, sizeof text);
        bool memory = was_out_of_memory(said);
        return hmlc_error_add(
            c->module->diagnostics, memory ? HMLC_ERROR_out_of_memory : HMLC_ERROR_codegen_died,
            location, "compile with fewer --jobs if memory was short",
            "code generation for %s ended by signal %d%s%.*s", target, WTERMSIG(wait_status),
            said[0] != '\0' ? ": " : "", (int)strcspn(said, "\n"), said);
    }
    return task_refused(c, t, WEXITSTATUS(wait_status) == HMLC_RESOURCE);
}

/* Takes over the code of the tasks that are done, in their order. */
static hmlc_status tasks_collect(codegen *c)
{
    for (; c->collected < c->started && c->tasks[c->collected].done; c->collected++) {
        task *t = &c->tasks[c->collected];
        if (hmlc_objects_add(t->objects, t->file) != HMLC_OK) {
            return hmlc_error_add(c->module->diagnostics, HMLC_ERROR_out_of_memory, NULL, NULL,
                                  "no room for generated code: %s", strerror(errno));
        }
        file_close(&t->file);
    }
    return HMLC_OK;
}

/* Waits for one of our children; the program around us may have others. */
static hmlc_status task_finish(codegen *c)
{
    for (uint32_t k = c->collected; k < c->started; k++) {
        task *t = &c->tasks[k];
        int wait_status;
        if (t->done || t->process == 0) {
            continue;
        }
        pid_t process = waitpid(t->process, &wait_status, c->running > 1 ? WNOHANG : 0);
        if (process != t->process) {
            continue;
        }
        t->done = true;
        c->running--;
        c->finished++;
        if (c->options->progress != NULL) {
            c->options->progress(c->options->context, "generating code", c->finished,
                                 c->task_count);
        }
        bool good = WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0;
        if (!good) {
            return task_failed(c, t, wait_status);
        }
        HMLC_TRY(check_words(c, t));
        file_close(&t->messages);
        return tasks_collect(c);
    }
    struct timespec pause = {.tv_nsec = 1000000};
    nanosleep(&pause, NULL);
    return HMLC_OK;
}

static void stop_all(codegen *c)
{
    for (uint32_t k = 0; k < c->task_count; k++) {
        if (c->tasks[k].process != 0 && !c->tasks[k].done) {
            kill(c->tasks[k].process, SIGKILL);
            waitpid(c->tasks[k].process, NULL, 0);
        }
    }
}

static bool has_kernels(const hmlc_program *program, uint32_t first, uint32_t last, bool portable)
{
    const hmlc_unique_kernel *unique = program->unique.data;
    for (uint32_t k = first; k < last; k++) {
        if ((unique[k].plan->class_ == &hmlc_portable_class) == portable) {
            return true;
        }
    }
    return false;
}

static void tasks_add(codegen *c, const hmlc_program *program, hmlc_objects *objects,
                      uint32_t first, uint32_t last, bool portable)
{
    if (first == last || has_kernels(program, first, last, portable)) {
        c->tasks[c->task_count++] = (task){.program = program,
                                           .objects = objects,
                                           .first = first,
                                           .last = last,
                                           .portable = portable,
                                           .file = -1,
                                           .messages = -1};
    }
}

static size_t shared_bytes(const codegen *c)
{
    return sizeof(shared) + (c->task_count + 1) * sizeof(uint32_t);
}

/* Per program: generated kernels in small groups, portable ones in one, and the support functions.
 */
static hmlc_status tasks_create(codegen *c, const hmlc_program *programs, uint32_t program_count,
                                hmlc_objects *objects)
{
    size_t most = 0;
    for (uint32_t p = 0; p < program_count; p++) {
        most += programs[p].unique.count / TASK_KERNELS + 4;
    }
    c->tasks = HMLC_NEW_ARRAY(c->arena, task, most);
    HMLC_TRY_MEMORY(c->tasks);
    if (c->object != NULL) {
        c->tasks[c->task_count++] = (task){.program = programs,
                                           .objects = objects,
                                           .object = c->object,
                                           .file = -1,
                                           .messages = -1};
    }
    for (uint32_t p = 0; p < program_count && c->object == NULL; p++) {
        uint32_t count = (uint32_t)programs[p].unique.count;
        for (uint32_t k = 0; k < count; k += TASK_KERNELS) {
            uint32_t last = k + TASK_KERNELS < count ? k + TASK_KERNELS : count;
            tasks_add(c, &programs[p], &objects[p], k, last, false);
        }
        if (count > 0) {
            tasks_add(c, &programs[p], &objects[p], 0, count, true);
        }
        tasks_add(c, &programs[p], &objects[p], count, count, false);
    }
    size_t bytes = shared_bytes(c);
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    c->shared = memory != MAP_FAILED ? memory : NULL;
    return c->shared != NULL ? HMLC_OK : HMLC_RESOURCE;
}

static uint32_t job_count(const hmlc_codegen_options *options)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    uint32_t jobs = options->jobs != 0 ? options->jobs : (uint32_t)(cores > 0 ? cores : 1);
    return jobs < MOST_JOBS ? jobs : MOST_JOBS;
}

static hmlc_status tasks_run(codegen *c)
{
    uint32_t jobs = job_count(c->options);
    while (c->finished < c->task_count) {
        while (c->running < jobs && c->started < c->task_count &&
               c->started - c->collected < jobs + MOST_WAITING) {
            HMLC_TRY(task_start(c, &c->tasks[c->started]));
        }
        HMLC_TRY(task_finish(c));
    }
    return HMLC_OK;
}

/* Here, so that the children share it. */
static hmlc_status load_llvm(hmlc_diagnostics *diagnostics)
{
    const char *missing = hmlc_llvm_load();
    if (missing == NULL) {
        return HMLC_OK;
    }
    /* The C library's words; it gives no number. */
    bool scarce = strstr(missing, "failed to map segment") != NULL ||
                  strstr(missing, "annot allocate memory") != NULL;
    return hmlc_error_add(diagnostics, scarce ? HMLC_ERROR_out_of_memory : HMLC_ERROR_llvm_missing,
                          NULL, NULL, "%s", missing);
}

hmlc_status hmlc_codegen_run(hmlc_program *programs, uint32_t program_count,
                             const hmlc_codegen_options *options, hmlc_arena *arena,
                             hmlc_objects *objects, hmlc_object_form *object)
{
    codegen c = {
        .options = options, .arena = arena, .module = programs[0].module, .object = object};
    HMLC_TRY(load_llvm(c.module->diagnostics));
    HMLC_TRY(tasks_create(&c, programs, program_count, objects));
    hmlc_status status = tasks_run(&c);
    stop_all(&c);
    for (uint32_t k = 0; k < c.task_count; k++) {
        file_close(&c.tasks[k].file);
        file_close(&c.tasks[k].messages);
    }
    if (object != NULL && status == HMLC_OK) {
        object->figures = c.shared->figures;
    }
    munmap(c.shared, shared_bytes(&c));
    return status;
}
