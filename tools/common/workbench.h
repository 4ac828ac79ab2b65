/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What run, bench and test have in common: a model, a session with its inputs bound, and how the
 * inputs were chosen.
 */
#ifndef HML_WORKBENCH_H
#define HML_WORKBENCH_H

#include "compare.h"
#include "options.h"
#include "output_file.h"
#include "report.h"
#include "tensor_file.h"

enum { HML_MOST_DIMS = 32 };

/* The rows of commands that choose inputs. */
#define HML_INPUT_OPTIONS                                                                          \
    {"input", 0, "NAME=FILE",                                                                      \
     "a .npy, .npz, .pb, .png, .ppm, .pgm or .raw file, or - (stdin); may be repeated"},           \
        {"layout", 0, "nchw|nhwc", "of a picture, whose floats are 0..1, integers 0..255"},        \
        {"test-data", 0, "DIR",                                                                    \
         "inputs, and outputs to compare with: input_<i>.pb, output_<i>.pb"},                      \
        {"dim", 0, "NAME=N", "a dim of random inputs; may be repeated"},                           \
        {"seed", 0, "N", "of random inputs; 0"},                                                   \
        {"range", 0, "NAME=LOW..HIGH", "range of a random input; may be repeated"},                \
        {"fill", 0, "NAME=V", "one value for all of an input; may be repeated"},                   \
        {"threads", 0, "N", "threads; default: as many as the process may use"},                   \
        {"variant", 0, "NAME", "code to run instead of the best for this CPU"}

typedef struct hml_workbench {
    hml_model *model;
    hml_pool *pool;
    hml_session *session;
    hml_model_info info;
    uint32_t threads;
    hml_tensor_list inputs;      /* what is bound, by input index */
    hml_dim dims[HML_MOST_DIMS]; /* from --dim; names point into `dim_text` */
    uint32_t dim_count;
    char *dim_text;
    hml_input_files files; /* that are read: no output may replace one */
    bool *random;          /* per input: it was not given */
    bool any_random;
    hml_dim chosen[HML_MOST_DIMS]; /* dims from given inputs, and found by trying */
    uint32_t chosen_count;
    bool searched;       /* the smallest dims did not run: others were tried */
    double first_run_ms; /* with the making of the session */
    double load_ms;      /* opening the model */
} hml_workbench;

/* Opens the model with `flags` and parses --dim. Release in any state. */
hml_status hml_workbench_open(hml_workbench *bench, const char *path, uint32_t flags,
                              const hml_options *options, hml_tool_error *error);
/* Notes a file that is read: no output may replace it. */
hml_status hml_workbench_note_file(hml_workbench *bench, const char *path, hml_tool_error *error);
/* Chooses inputs: --input NAME=FILE or --test-data DIR; what these leave out is random (--dim,
 * --seed,
 * --range, --fill). */
hml_status hml_workbench_load_inputs(hml_workbench *bench, const hml_options *options,
                                     hml_tool_error *error);
/* Starts the pool (--threads), makes the session, binds the inputs and runs once. Where random
 * inputs have dims that do not run, others are tried; which ones is told. */
hml_status hml_workbench_first_run(hml_workbench *bench, const hml_options *options,
                                   hml_report *report, hml_tool_error *error);
hml_status hml_workbench_run(hml_workbench *bench, hml_tool_error *error);
void hml_workbench_release(hml_workbench *bench);

/* --dim: read before the model is open, then held against its dims, then against given inputs. */
hml_status hml_workbench_parse_dims(hml_workbench *bench, const hml_options *options,
                                    hml_tool_error *error);
hml_status hml_workbench_check_dims(const hml_workbench *bench, hml_tool_error *error);
hml_status hml_workbench_check_inputs(const hml_workbench *bench, hml_tool_error *error);

/* Dims and values of inputs that were not given. */
hml_status hml_workbench_randomize(hml_workbench *bench, const hml_options *options,
                                   hml_tool_error *error);
/* Tries other dims after a run with `status`; true when some run, which `chosen` holds then. */
bool hml_workbench_choose_dims(hml_workbench *bench, const hml_options *options, hml_status status);
/* The dims of the inputs, for people and as the member "dims". */
void hml_workbench_tell_dims(const hml_workbench *bench, hml_report *report);
void hml_workbench_put_dims(const hml_workbench *bench, hml_json *json);

/* Value of a named dim in the bound inputs; false when no dim of an input is just that name. */
bool hml_workbench_dim(const hml_workbench *bench, const char *name, int64_t *value);

/* -- Expected outputs -------------------------------------------------------------------------- */

typedef struct hml_output_comparison {
    const char *name; /* the model's */
    bool compared;    /* an expected output was there */
    hml_comparison comparison;
} hml_output_comparison;

/*
 * Compares the session's outputs with the output_<i>.pb files of a folder: by the name inside the
 * file where the model has such an output, else by index. `results` has an entry per output.
 * *expected counts the files. A difference is no failure of this function.
 */
hml_status hml_workbench_compare(hml_workbench *bench, const char *folder,
                                 const hml_tolerance *tolerance, hml_output_comparison *results,
                                 size_t *expected, hml_tool_error *error);

/* One line for people: "12 of 1000 differ; largest at 7: found 1.5, expected 1.4". */
void hml_comparison_text(const hml_comparison *comparison, char *text, size_t bytes);

#endif
