/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The facade of passes/: the pass table and the manager. A module is used by one thread at a time;
 * the table is constant.
 */
#ifndef HMLC_PASSES_H
#define HMLC_PASSES_H

#include <hmlc/ir.h>

typedef struct hmlc_pass_info {
    const char *name;
    const char *summary; /* one line */
    bool for_family;     /* asks for the family: it and what follows run once for each */
} hmlc_pass_info;

uint32_t hmlc_pass_count(void);
/* `index` is less than the count. */
const hmlc_pass_info *hmlc_pass_at(uint32_t index);

/* What was decided for one product of a quantized graph. */
typedef struct hmlc_quantized_node {
    const hmlc_op *op; /* as it was before */
    bool integer;      /* it runs on integers; else in float, for `reason` */
    bool weights_only; /* a product of floats and quantized weights: floats are its definition */
    const char *reason;
} hmlc_quantized_node;

/* What was decided for one product of floats where they are to be rounded to halves. */
typedef struct hmlc_rounded_product {
    const hmlc_op *op;
    const char *kept; /* why it stays in f32; NULL: it is rounded */
} hmlc_rounded_product;

/* What the constant right-hand sides of products are stored in; products and sums are of f32. */
typedef enum hmlc_weight_type {
    HMLC_WEIGHTS_F32,
    HMLC_WEIGHTS_F16, /* rounded */
    HMLC_WEIGHTS_BF16,
    HMLC_WEIGHTS_EXACT, /* in halves where they hold every element, as in models that have them */
} hmlc_weight_type;

/* Puts weights into halves behind casts, as the pass `store-weights` does, in a graph behind the
 * neutral passes. */
hmlc_status hmlc_store_weights(hmlc_module *module, hmlc_weight_type weights) HMLC_MUST_USE;

typedef struct hmlc_pass_options {
    const char *pipeline;    /* "fold-constants,dce,..."; NULL: the default pipeline */
    const char *print_after; /* pass name, "all", or NULL */
    /* Receives the text after `print_after` passes; may be NULL. */
    void (*print)(void *context, const char *pass, const hmlc_module *module);
    /* Progress: called before each pass; may be NULL. */
    void (*progress)(void *context, const char *pass, uint32_t index, uint32_t count);
    void *context;
    bool verify; /* run the verifier after each pass */
    bool exact;  /* quantized graphs are computed in float, as their definition says */
    /* Told of each product whose operand is quantized; may be NULL. */
    void (*quantized)(void *context, const hmlc_quantized_node *node);
    /* Values between kernels that become outputs, for `keep-values`: names, "all" for every one. */
    const char *const *keep;
    uint32_t keep_count;
    bool prefer_size; /* weights are stored once, in their own size, where another form is faster */
    hmlc_weight_type weights;
    hmlc_dtype products; /* f16, bf16: those of f32 by constant weights are rounded to it first */
    /* Told of each product then; may be NULL. */
    void (*rounded)(void *context, const hmlc_rounded_product *product);
    /* Whom the kernels are for; NULL: CPUs. */
    const hmlc_family_facts *family;
} hmlc_pass_options;

/*
 * Runs a pipeline for one family; the first failure ends it. What passes make lives in the module's
 * arena. USAGE with a diagnostic for a pass that does not exist; after any failure of a pass the
 * module may only be destroyed.
 */
hmlc_status hmlc_run_passes(hmlc_module *module, const hmlc_pass_options *options) HMLC_MUST_USE;

/*
 * Runs a pipeline for several families: what comes before the first pass that asks for the family
 * (passes.def) once, the rest for each. modules[0] becomes `module` itself, the others copies of
 * it, so that one family costs no copy, or the same as before where the families differ in nothing
 * that the module has; the caller destroys those that are not NULL once each, also after a failure,
 * before `module`. options->family is not used. family_count is at least 1.
 */
hmlc_status hmlc_run_passes_for(hmlc_module *module, const hmlc_pass_options *options,
                                const hmlc_family_facts *const *families, uint32_t family_count,
                                hmlc_module **modules) HMLC_MUST_USE;

#endif
