/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The facade of backends/: targets, kernel lowering, code generation and the artifact. A module is
 * used by one thread at a time; targets are constant. What goes wrong becomes a diagnostic of the
 * module; the status says of which kind.
 */
#ifndef HMLC_BACKENDS_H
#define HMLC_BACKENDS_H

#include <hmlc/ir.h>

uint32_t hmlc_target_count(void);
/* `index` is less than the count. */
const hmlc_target *hmlc_target_at(uint32_t index);
/* By the name of a row; "native" is the widest row the compiling machine can run. NULL when
 * unknown.
 */
const hmlc_target *hmlc_target_find(const char *name);

/* A word for rows of the table, or for a device that none of them serves. */
typedef struct hmlc_target_alias {
    const char *name;
    const char *targets; /* names of rows, with commas between them; NULL: refused */
    const char *text;    /* what it is, or why it is refused */
} hmlc_target_alias;

/* NULL behind the last one. A word may be that of a row, too: then it stands for more than it. */
const hmlc_target_alias *hmlc_target_alias_at(uint32_t index);
const hmlc_target_alias *hmlc_target_alias_find(const char *name);

/* The format of object files that a triple's system has in place of ELF and WebAssembly's, the two
 * that are written; NULL: none other. */
const char *hmlc_triple_foreign_format(const char *triple);
/* A target of LLVM's words, for objects: false where no architecture of the table has the triple.
 * `cpu` and `features` may be NULL; *target borrows the texts. */
bool hmlc_target_of_triple(const char *triple, const char *cpu, const char *features,
                           hmlc_target *target);
/* Chooses how functions of 32-bit ARM take floats; *target borrows `triple`, which receives the
 * text. False where its triple has no such choice. */
bool hmlc_target_float_abi(hmlc_target *target, bool hard, char *triple, size_t bytes);

/* Whether objects for it have sections of any name. */
bool hmlc_target_names_sections(const hmlc_target *target);

typedef enum hmlc_emit { HMLC_EMIT_ARTIFACT, HMLC_EMIT_LLVM_IR, HMLC_EMIT_ASM } hmlc_emit;

/* The object form: BASE.o, BASE.h and BASE.json instead of an artifact. */
typedef struct hmlc_object_options {
    const char *base;   /* path of the files, without their endings */
    const char *prefix; /* of all names in C; NULL: from `base` */
    bool weights_apart; /* a file BASE.bin and a parameter, instead of a constant */
    const char *code_section, *weights_section; /* NULL: the usual ones */
    const char *model_name, *model_sha256;      /* for the header */
    const char *compiler;                       /* "hmlc 0.1" */
    /* A recorded run, a tensor per input and output, for BASE_test.c; NULL: no such file. */
    const hmlc_tensor *inputs, *outputs;
} hmlc_object_options;

/* Endings of the files that an object may have, beside `base`; NULL behind the last. */
const char *hmlc_object_ending(uint32_t index);
enum { HMLC_OBJECT_PREFIX = 64 }; /* letters at most */
/* True for what C and C++ take as the beginning of names: an identifier, no reserved word. */
bool hmlc_object_prefix_good(const char *prefix);

typedef struct hmlc_codegen_options {
    const hmlc_target *const *targets;
    uint32_t target_count;
    /* By family of target: the module that its variants are made of. NULL: one module for all. */
    hmlc_module *const *modules;
    uint32_t jobs;         /* child processes that generate code; 0: one per core */
    uint32_t most_kernels; /* distinct ones, over all targets; 0: any number */
    hmlc_emit emit;
    const char *provenance;            /* JSON text stored in the artifact; NULL: none */
    const hmlc_object_options *object; /* not NULL: the object form, of one target */
    /* Progress, on the calling thread; may be NULL. */
    void (*progress)(void *context, const char *phase, uint32_t done, uint32_t total);
    /* Told of each kernel of a target that would be faster in f32 than on integers, by the
     * estimate; `speed` of that, less than 1. May be NULL. */
    void (*slower)(void *context, const hmlc_target *target, const hmlc_location *where,
                   double speed);
    void *context;
} hmlc_codegen_options;

typedef struct hmlc_codegen_summary {
    uint32_t steps, kernels, unique_kernels;
    uint32_t variants;
    uint64_t left_out; /* bit k: the code for targets[k] would be that of a row of fewer features */
    uint64_t
        arena_bytes; /* with every dim as small as it may be, 1 at least; of the largest plan */
    uint64_t weight_bytes, code_bytes, file_bytes;
    uint64_t stack_bytes; /* of an object: the most that a run needs */
} hmlc_codegen_summary;

/*
 * Plans every kernel of a module that went through the default pipeline, without generating code:
 * every unsupported kernel becomes a diagnostic. `hmlc check` uses this, so that it agrees with
 * compile. All modules have the interface (symbols, inputs, outputs) of `module`; where one has
 * another, that is an internal error.
 */
hmlc_status hmlc_plan(hmlc_module *module, const hmlc_codegen_options *options) HMLC_MUST_USE;

/*
 * Compiles and writes `path` atomically (temporary file, fsync, rename). Nothing is left behind on
 * failure. Forks children that generate code, and one at a time ld.lld; while the file is written,
 * signals that end programs wait. *summary holds zeros after a failure.
 */
hmlc_status hmlc_compile(hmlc_module *module, const hmlc_codegen_options *options, const char *path,
                         hmlc_codegen_summary *summary) HMLC_MUST_USE;

#endif
