/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The facade of frontend/: detects a model file's format and imports it into a module. Calls with
 * different modules may run in different threads.
 */
#ifndef HMLC_FRONTEND_H
#define HMLC_FRONTEND_H

#include <hmlc/ir.h>

/* A user's word on one dim: --dim batch=1..8, --dim batch=4, --dim s86=s10, --dim past=seq+1. */
typedef struct hmlc_dim_option {
    const char *name;
    const char *same_as; /* not NULL: unify with that symbol, or put that expression of symbols in
                       the dim's place; minimum and maximum are unused */
    int64_t minimum, maximum; /* equal: the dim is fixed */
} hmlc_dim_option;

typedef struct hmlc_import_options {
    const hmlc_dim_option *dims;
    uint32_t dim_count;
    /* Which part of the model is meant, in its own words; NULL: the whole. A format that has no
     * such words refuses them. Names of values are separated by commas. */
    const char *signature, *inputs, *outputs;
    const char *tags;   /* of a SavedModel's graph, separated by commas; NULL: "serve" */
    const char *member; /* path of the model in an archive; NULL: the only one */
    const char *state; /* "zero": what a model writes to its variables is not kept; NULL: refused */
    const char *tflite_rounding; /* which release's integers are met: "tf2.19" or "litert2.3"; NULL:
                                    the first */
    size_t memory_limit;         /* parser memory beyond the file; 0: 64 MiB + 4x the file's size */
    /* Told each input and node output of the main graph when its type is known; may be NULL. */
    void (*value)(void *context, const char *name, const hmlc_type *type);
    void *context;
} hmlc_import_options;

/*
 * Imports the model at `path`, a file or a folder, into the empty `module`. The file is read once
 * and held, and constants may point into it, until *mapping is released after the module is
 * destroyed. Every problem of the model becomes a diagnostic; the status is that of the whole list
 * (hmlc_diagnostics_status). `options` may be NULL. *mapping is set in any case, to NULL when there
 * is no memory.
 */
typedef struct hmlc_mapping hmlc_mapping;
hmlc_status hmlc_import(const char *path, const hmlc_import_options *options, hmlc_module *module,
                        hmlc_mapping **mapping) HMLC_MUST_USE;
/* Is it a folder that is a model as a whole, such as a SavedModel? */
bool hmlc_import_takes_folder(const char *path);
/* Imports from memory (fuzzing, tests): external data is refused. `data` must outlive the module.
 */
hmlc_status hmlc_import_memory(const void *data, size_t size, const hmlc_import_options *options,
                               hmlc_module *module) HMLC_MUST_USE;
/* Each file that the model's bytes came from: itself and its external data. */
void hmlc_mapping_visit(const hmlc_mapping *mapping,
                        void (*visit)(void *context, uint64_t device, uint64_t inode),
                        void *context);
void hmlc_mapping_release(hmlc_mapping *mapping); /* accepts NULL */

/* One definition of an operator: a range of ONNX's opsets, or of TFLite's versions. */
typedef struct hmlc_operator_info {
    const char *name;
    int32_t since, until; /* opsets or versions, inclusive */
    bool supported;       /* false: known, and refused by name */
} hmlc_operator_info;

/* The tables of operators by the names of their formats, "onnx" first; NULL behind the last. */
const char *hmlc_operator_format(uint32_t index);
/* The definitions of a format, those of one operator together; false behind the last one, and where
 * there is no such format. Any thread. */
bool hmlc_operator_at(const char *format, uint32_t index, hmlc_operator_info *info);
/* Names of the element types ("f32") that type variable `variable` of a definition may be, at most
 * `most` of them; returns their number, 0 when there is no such variable. */
uint32_t hmlc_operator_types(const char *format, uint32_t index, uint32_t variable,
                             const char **names, uint32_t most);

#endif
