/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The object form: a program as C functions in an object file, with a header, for hosts without
 * files, threads or a runtime. What is known before code is made (names, sizes, steps) is an
 * hmlc_object_form; the child that makes the code adds the figures that only it knows.
 *
 *   object_names.c     identifiers
 *   object_form.c      the description, and what the form refuses
 *   object_program.c   the functions that call the kernels
 *   object_code.c      kernels and functions to one object file
 *   object_stack.c     the stack that a run needs
 *   object_header.c, object_json.c, object_selftest.c   the files beside it
 */
#ifndef HMLC_OBJECT_FORM_H
#define HMLC_OBJECT_FORM_H

#include "program.h"

/* Alignment of the arena and the weights: what kernels expect of both. */
enum { HMLC_OBJECT_ALIGNMENT = HML_DATA_ALIGNMENT };

/* What the functions return beside HML_KERNEL_*. */
enum {
    HMLC_OBJECT_ERROR_MEMORY = 16, /* arena or weights: not aligned */
    HMLC_OBJECT_ERROR_SIZE = 17,   /* a size out of its range */
    HMLC_OBJECT_ERROR_STEPS = 18,  /* no such steps */
};

/* A size, an input or an output. */
typedef struct hmlc_object_argument {
    const char *source;        /* the model's name */
    const char *name, *macro;  /* in C, and in upper case */
    const hmlc_symbol *symbol; /* of a size */
    const hmlc_type *type;     /* of the others */
    const char *shape;         /* "[1, 28, 28]" */
    int64_t elements;          /* most */
    hmlc_dim count;            /* of elements, in this run */
} hmlc_object_argument;

typedef HMLC_TABLE(hmlc_object_argument) hmlc_object_arguments;

/* Known once the code is there. */
typedef struct hmlc_object_figures {
    uint64_t stack_bytes, code_bytes;
} hmlc_object_figures;

typedef struct hmlc_object_form {
    const hmlc_program *program;
    const hmlc_object_options *options;
    const char *prefix, *upper;
    const char *weights_section; /* NULL: the target's objects have no such names */
    hmlc_object_arguments sizes, inputs, outputs;
    uint64_t arena_bytes, scratch_offset; /* scratch is the arena's end */
    uint64_t weight_bytes;
    HMLC_TABLE(uint32_t) steps; /* first record of each step that run_steps knows, and the end */
    hmlc_object_figures figures;
} hmlc_object_form;

/* Describes a built program; what does not fit the form becomes diagnostics. */
hmlc_status hmlc_object_form_create(hmlc_object_form *form, const hmlc_program *program,
                                    const hmlc_object_options *options) HMLC_MUST_USE;
void hmlc_object_form_release(hmlc_object_form *form);

/* Names every argument of the form; names that are not unique become diagnostics. */
hmlc_status hmlc_object_names(hmlc_object_form *form) HMLC_MUST_USE;

/* The C type of a dtype's elements. */
const char *hmlc_object_type(hmlc_dtype dtype);

/*
 * The object's bytes and its figures. Called in a child that makes code: LLVM may end it.
 * *progress: the kernel it is at.
 */
hmlc_status hmlc_object_generate(const hmlc_object_form *form, uint32_t *progress,
                                 hmlc_object_figures *figures,
                                 hmlc_byte_table *bytes) HMLC_MUST_USE;

/* The files beside the object, as text. */
hmlc_status hmlc_object_header(const hmlc_object_form *form, hmlc_byte_table *text) HMLC_MUST_USE;
hmlc_status hmlc_object_json(const hmlc_object_form *form, hmlc_byte_table *text) HMLC_MUST_USE;
hmlc_status hmlc_object_selftest(const hmlc_object_form *form, hmlc_byte_table *text) HMLC_MUST_USE;

#endif
