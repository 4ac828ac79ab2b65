/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of hmlc, and what several of them share. */
#ifndef HMLC_COMMANDS_H
#define HMLC_COMMANDS_H

#include <hmlc/backends.h>
#include <hmlc/frontend.h>
#include <hmlc/passes.h>

#include "common/commands.h"
#include "common/options.h"
#include "common/output_file.h"

#define HMLC_COMMAND(description) extern const hml_command description;
#include "commands.def"
#undef HMLC_COMMAND

/* -- what several commands share --------------------------------------------------------------- */

enum { HMLC_MOST_DIM_OPTIONS = 64, HMLC_MOST_KEPT = 64 };

/* How a model is to be compiled, from the command line. */
typedef struct hmlc_request {
    hml_report *report;
    const char *model_path;
    hmlc_dim_option dims[HMLC_MOST_DIM_OPTIONS];
    uint32_t dim_count;
    const hmlc_target **targets; /* room for every row of the table, in its order */
    uint32_t target_count;
    bool default_targets; /* none was named */
    uint32_t jobs, most_kernels;
    hmlc_emit emit;
    bool emit_object;
    hmlc_target own_target; /* of a triple, or with another way of passing floats */
    char own_triple[96];
    bool emit_onnx;             /* the graph behind the neutral passes */
    hmlc_object_options object; /* what the options say of it */
    char *section_words;        /* behind the sections' names */
    bool selftest;
    bool emit_ir; /* text IR after the passes */
    bool verify;  /* run the verifier between passes */
    const char *print_after;
    const char *keep[HMLC_MOST_KEPT]; /* values that become outputs */
    uint32_t keep_count;
    bool prefer_size;          /* small weights rather than speed */
    hmlc_weight_type weights;  /* of products */
    hmlc_dtype products;       /* f16, bf16: what they are computed in */
    bool weights_named;        /* by an option; else they stay as the model holds them */
    const char *weights_place; /* of an object: the word; NULL: none */
    const char *pipeline;      /* NULL: the default */
    /* Of hmlc_import_options. */
    const char *signature, *tags, *member, *state, *inputs, *outputs, *tflite_rounding;
    bool exact;        /* quantized graphs are computed in float */
    bool quantization; /* tell of each quantized node what it became */
} hmlc_request;

/* A node of a quantized graph, and what it became. */
typedef struct hmlc_job_node {
    const hmlc_location *location;
    hmlc_opcode opcode;
    bool integer, weights_only;
    const char *reason; /* why not */
} hmlc_job_node;

/* A product where products are to be rounded, and why it is not; NULL: it is. */
typedef struct hmlc_job_product {
    const hmlc_location *location;
    const char *kept;
} hmlc_job_product;

/* A kernel of a target that would be faster in f32. */
typedef struct hmlc_job_slower {
    const hmlc_target *target;
    const hmlc_location *location;
    double speed; /* of that in f32, by the estimate */
} hmlc_job_slower;

/* Reads --dim, --target, --tune, --quantized, --jobs, --emit, --keep. The exit status; not 0 after
 * telling what is wrong. */
int hmlc_request_parse(hmlc_request *request, hml_report *report, const hml_options *options);
/* Its part for --target and --tune. */
int hmlc_request_targets(hmlc_request *request, const hml_options *options);
/* Takes a word for --target as a triple: true with the request's own target. */
bool hmlc_request_triple(hmlc_request *request, const hml_options *options, const char *word);
/* The options of an object; refuses them, and targets that have nothing else, where none is made.
 */
int hmlc_request_parse_object(hmlc_request *request, const hml_options *options);
/* Compiles for the machine that compiles alone, where the table knows it. */
void hmlc_request_native(hmlc_request *request);
void hmlc_request_release(hmlc_request *request);

/* A model on its way: imported, then lowered. A step that fails leaves a diagnostic, but where
 * there is no memory for a module. Release in any state. */
typedef struct hmlc_job {
    const hmlc_request *request;
    hmlc_module *module;
    /* Once lowered: by family, that of its targets; NULL: no target. One of them is `module`. */
    hmlc_module *modules[HMLC_FAMILY_COUNT];
    hmlc_mapping *mapping;
    /* Once lowered: the request's, less those of the default set that the model has no use for. */
    const hmlc_target **targets;
    uint32_t target_count;
    uint32_t source_ops, final_ops; /* ops after import, and after the passes */
    bool holds_halves;              /* as imported: constants in f16 or bf16 */
    double import_seconds, pass_seconds, codegen_seconds;
    hmlc_job_node *nodes; /* of a quantized graph */
    uint32_t node_count, node_capacity;
    hmlc_job_product *products;
    uint32_t product_count, product_capacity;
    hmlc_job_slower *slower; /* once planned: of all targets, one after the other */
    uint32_t slower_count, slower_capacity;
    const char *phase; /* that shows its progress, since `phase_start` */
    double phase_start;
    hmlc_tensor *recorded_inputs, *recorded_outputs; /* where the request asks for a self-test */
    hmlc_codegen_summary summary;
} hmlc_job;

hmlc_status hmlc_job_import(hmlc_job *job, const hmlc_request *request) HMLC_MUST_USE;
hmlc_status hmlc_job_lower(hmlc_job *job) HMLC_MUST_USE;
hmlc_status hmlc_job_plan(hmlc_job *job) HMLC_MUST_USE;
hmlc_status hmlc_job_compile(hmlc_job *job, const char *path) HMLC_MUST_USE;
/* Writes a module behind the neutral passes as ONNX; the exit status. */
int hmlc_job_write_onnx(const hmlc_job *job, hmlc_module *module, const char *path,
                        const hml_input_files *inputs);
void hmlc_job_release(hmlc_job *job);
/* Progress of a phase with the time that is left; `job` is one whose request has a report. */
void hmlc_job_show_phase(void *job, const char *phase, uint32_t done, uint32_t total);
/* How many quantized nodes run on integers, or in float. */
uint32_t hmlc_job_node_count(const hmlc_job *job, bool integer);

/* Whether `model` may be read and `output` (NULL: none) written; the exit status. */
int hmlc_path_check(hml_report *report, const char *model, const char *output);

/* Whether `output` is none of the files that the imported model came from; the exit status. */
int hmlc_job_guard(const hmlc_job *job, const char *output);

/* Runs the imported module in the reference interpreter on seeded inputs; the tensors are the
 * module's. */
hmlc_status hmlc_record_run(hmlc_module *module, hmlc_tensor **inputs,
                            hmlc_tensor **outputs) HMLC_MUST_USE;

/* Tells all diagnostics of a job. */
void hmlc_job_report(const hmlc_job *job, hml_report *report);

double hmlc_seconds(void); /* monotonic */

/* "HML0203", "hml203" or "203"; false when it is no such word. */
bool hmlc_parse_code(const char *word, long long *number);

/* What the compiler asks the environment for. */
#define HMLC_COMPILER_ENVIRONMENT                                                                  \
    "  TMPDIR                   folder of temporary files; /tmp without it\n"

/* The rows of commands that compile. */
#define HMLC_DIM_OPTION                                                                            \
    {"dim", 0, "NAME=N|LOW..HIGH|EXPR", "fix, bound or relate (past=seq+1) a dim; may be repeated"}
#define HMLC_PART_OPTIONS                                                                          \
    {"signature", 0, "NAME", "the signature that is meant, with its names (TFLite)"},              \
        {"tags", 0, "TAG,...", "graph of a SavedModel with these tags; default: serve"},           \
        {"member", 0, "PATH", "model within an archive (.tar, .tar.gz)"},                          \
        {"state", 0, "zero", "what the model keeps begins anew in each run"},                      \
        {"inputs", 0, "NAME[=DIM,...],...",                                                        \
         "values that are fed, in place of the model's inputs"},                                   \
        {"outputs", 0, "NAME,...", "values that are wanted, in place of its outputs"},             \
        {"tflite-rounding", 0, "RELEASE",                                                          \
         "integers as of tf2.19 (the default) or litert2.3 of TFLite"}
#define HMLC_JOBS_OPTION {"jobs", 'j', "N", "processes that generate code; default: one per core"}

#endif
