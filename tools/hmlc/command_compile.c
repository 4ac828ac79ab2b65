/* hmlc compile and hmlc check: the same way of the model, the latter without making code. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands.h"
#include "common/json.h"

#define MODEL_OPTIONS                                                                              \
    {"dim", 0, "NAME=N|LOW..HIGH|NAME", "fix, bound or unify a symbolic dim; may be repeated"},    \
        {"target", 0, "T,...", "targets; default: x86-64-v2, -v3 and -v4 in one file"},            \
        {"json", 0, NULL, "the result as JSON on standard output"},                                \
        {"print-after", 0, "PASS", "print the IR after a pass, or after all"},                     \
        {"verify-passes", 0, NULL, "check the IR after each pass"},                                \
        {"quiet", 0, NULL, "no summary"}, {"help", 'h', NULL, "this list"}

static const hml_option check_table[] = {MODEL_OPTIONS};
static const hml_option compile_table[] = {
    {"output", 'o', "OUT.hml", "where the artifact goes"},
    {"jobs", 'j', "N", "processes that generate code; default: one per core"},
    {"emit", 0, "WORD", "artifact, llvm-ir, asm or ir"},
    {"quantize", 0, "TYPE", "not implemented yet"},
    {"calib", 0, "DIR", "not implemented yet"},
    {"provider", 0, "NAME", "not implemented yet"},
    MODEL_OPTIONS,
};

/* -- results ----------------------------------------------------------------------------------- */

static void print_size(const char *label, uint64_t bytes)
{
    if (bytes >= (UINT64_C(1) << 20)) {
        fprintf(stderr, "  %-16s %.1f MiB\n", label, (double)bytes / (1 << 20));
    } else {
        fprintf(stderr, "  %-16s %.1f KiB\n", label, (double)bytes / (1 << 10));
    }
}

static void print_summary(const hmlc_job *job, const char *path)
{
    const hmlc_codegen_summary *s = &job->summary;
    fprintf(stderr, "%s -> %s\n", job->request->model_path, path);
    fprintf(stderr, "  %-16s %u nodes -> %u steps (%u kernels, %u distinct over %u targets)\n",
            "graph", job->source_ops, s->steps, s->kernels, s->unique_kernels,
            job->request->target_count);
    print_size("weights", s->weight_bytes);
    print_size("code", s->code_bytes);
    print_size("arena (typical)", s->arena_bytes_at_hint);
    print_size("file", s->file_bytes);
    fprintf(stderr, "  %-16s %.2f s (import %.2f, passes %.2f, code %.2f)\n", "time",
            job->import_seconds + job->pass_seconds + job->codegen_seconds, job->import_seconds,
            job->pass_seconds, job->codegen_seconds);
}

static void print_json(const hmlc_job *job, hmlc_status status, const char *path)
{
    const hmlc_codegen_summary *s = &job->summary;
    printf("{\"status\":%d,\"model\":", (int)status);
    hml_json_string(stdout, job->request->model_path);
    if (path != NULL && status == HMLC_OK) {
        printf(",\"output\":");
        hml_json_string(stdout, path);
        printf(",\"steps\":%u,\"kernels\":%u,\"weight_bytes\":%llu,\"code_bytes\":%llu,"
               "\"arena_bytes\":%llu,\"file_bytes\":%llu,\"seconds\":%.3f",
               s->steps, s->kernels, (unsigned long long)s->weight_bytes,
               (unsigned long long)s->code_bytes, (unsigned long long)s->arena_bytes_at_hint,
               (unsigned long long)s->file_bytes,
               job->import_seconds + job->pass_seconds + job->codegen_seconds);
    }
    printf(",\"diagnostics\":");
    hmlc_job_print_json(job);
    printf("}\n");
}

static void report(const hmlc_job *job, hmlc_status status, const hml_options *options,
                   const char *path)
{
    hmlc_job_print(job);
    if (hml_options_get(options, "json") != NULL) {
        print_json(job, status, path);
    } else if (status == HMLC_OK && path != NULL && !job->request->emit_ir &&
               job->request->emit == HMLC_EMIT_ARTIFACT &&
               hml_options_get(options, "quiet") == NULL) {
        print_summary(job, path);
    } else if (status == HMLC_OK && path == NULL && hml_options_get(options, "quiet") == NULL) {
        printf("%s: supported\n", job->request->model_path);
    }
}

/* -- the commands ------------------------------------------------------------------------------ */

static hmlc_status job_run(hmlc_job *job, const hmlc_request *request, const char *path)
{
    HMLC_TRY(hmlc_job_import(job, request));
    HMLC_TRY(hmlc_job_lower(job));
    return path != NULL ? hmlc_job_compile(job, path) : hmlc_job_plan(job);
}

static bool same_file(const char *a, const char *b)
{
    struct stat left, right;
    return stat(a, &left) == 0 && stat(b, &right) == 0 && left.st_dev == right.st_dev &&
           left.st_ino == right.st_ino;
}

static int run_request(const char *command, const hml_options *options, bool compile)
{
    hmlc_request request;
    int exit_status = HMLC_OK;
    const char *path = compile ? hml_options_get(options, "output") : NULL;
    if (hml_options_count(options, NULL) != 1) {
        return hmlc_usage(command, "expected one model file");
    }
    if (compile && (path == NULL || path[0] == '\0')) {
        return hmlc_usage(command, "expected -o OUT.hml");
    }
    if (compile && same_file(hml_options_at(options, NULL, 0), path)) {
        return hmlc_usage(command, "-o %s is the model itself, which would be overwritten", path);
    }
    if (!hmlc_request_parse(&request, command, options, &exit_status)) {
        hmlc_request_release(&request);
        return exit_status;
    }
    request.model_path = hml_options_at(options, NULL, 0);
    request.progress = isatty(STDERR_FILENO) && hml_options_get(options, "quiet") == NULL;
    hmlc_job job = {0};
    hmlc_status status = job_run(&job, &request, path);
    report(&job, status, options, path);
    hmlc_job_release(&job);
    hmlc_request_release(&request);
    return (int)status;
}

static int command_with_options(const char *command, const hml_option *table, size_t count,
                                bool compile, int argc, char **argv)
{
    hml_options options;
    char message[256];
    int status;
    if (!hml_options_parse(&options, table, count, argc, argv, message, sizeof message)) {
        status = hmlc_usage(command, "%s", message);
    } else if (hml_options_get(&options, "help") != NULL) {
        printf("usage: hmlc %s MODEL%s [options]\n", command, compile ? " -o OUT.hml" : "");
        hml_options_print(table, count);
        status = HMLC_OK;
    } else {
        status = run_request(command, &options, compile);
    }
    hml_options_release(&options);
    return status;
}

int hmlc_command_compile(int argc, char **argv)
{
    return command_with_options("compile", compile_table,
                                sizeof compile_table / sizeof compile_table[0], true, argc, argv);
}

int hmlc_command_check(int argc, char **argv)
{
    return command_with_options("check", check_table, sizeof check_table / sizeof check_table[0],
                                false, argc, argv);
}
