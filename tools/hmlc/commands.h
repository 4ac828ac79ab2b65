/* The commands of hmlc. Each gets the words behind its own and returns the exit status. */
#ifndef HMLC_COMMANDS_H
#define HMLC_COMMANDS_H

#include <hmlc/backends.h>
#include <hmlc/frontend.h>
#include <hmlc/passes.h>

#include "common/commands.h"
#include "common/options.h"

int hmlc_command_check(int argc, char **argv);
int hmlc_command_compile(int argc, char **argv);
int hmlc_command_test(int argc, char **argv);
int hmlc_command_compare(int argc, char **argv);
int hmlc_command_targets(int argc, char **argv);
int hmlc_command_explain(int argc, char **argv);
int hmlc_command_later(int argc, char **argv);

/* -- what several commands share --------------------------------------------------------------- */

enum { HMLC_MOST_TARGETS = 8, HMLC_MOST_DIM_OPTIONS = 64 };

/* How a model is to be compiled, from the command line. */
typedef struct hmlc_request {
    const char *command; /* "compile", for messages */
    const char *model_path;
    hmlc_dim_option dims[HMLC_MOST_DIM_OPTIONS];
    uint32_t dim_count;
    const hmlc_target *targets[HMLC_MOST_TARGETS];
    uint32_t target_count;
    uint32_t jobs;
    hmlc_emit emit;
    bool emit_ir;  /* text IR after the passes */
    bool progress; /* show it on stderr */
    bool verify;   /* run the verifier between passes */
    const char *print_after;
} hmlc_request;

/* Reads --dim, --target, --jobs, --emit of `command`. False after printing what is wrong;
 * *exit_status is set. */
bool hmlc_request_parse(hmlc_request *request, const char *command, const hml_options *options,
                        int *exit_status);
void hmlc_request_release(hmlc_request *request);

/* A model on its way: imported, then lowered. A step that fails leaves a diagnostic, but where
 * there is no memory for a module. Release in any state. */
typedef struct hmlc_job {
    const hmlc_request *request;
    hmlc_module *module;
    hmlc_mapping *mapping;
    uint32_t source_ops, final_ops; /* ops after import, and after the passes */
    double import_seconds, pass_seconds, codegen_seconds;
    const char *phase; /* that shows its progress, since `phase_start` */
    double phase_start;
    hmlc_codegen_summary summary;
} hmlc_job;

hmlc_status hmlc_job_import(hmlc_job *job, const hmlc_request *request) HMLC_MUST_USE;
hmlc_status hmlc_job_lower(hmlc_job *job) HMLC_MUST_USE;
hmlc_status hmlc_job_plan(hmlc_job *job) HMLC_MUST_USE;
hmlc_status hmlc_job_compile(hmlc_job *job, const char *path) HMLC_MUST_USE;
void hmlc_job_release(hmlc_job *job);

/* Prints all diagnostics of a job to stderr, in the style of a compiler. */
void hmlc_job_print(const hmlc_job *job);
/* The same as a JSON array on stdout, without a newline. */
void hmlc_job_print_json(const hmlc_job *job);

double hmlc_seconds(void); /* monotonic */
/* The refusal of a door that exists with nothing behind it yet; returns the exit status. */
int hmlc_refuse_later(const char *what);
int hmlc_usage(const char *command, const char *format, ...) HMLC_PRINTF(2, 3);

#endif
