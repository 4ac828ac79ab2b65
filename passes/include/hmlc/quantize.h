/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Post-training quantization: from a graph in f32, statistics of its values and samples to run it
 * on, to the graph in which quantize and dequantize stand around its contractions. The library runs
 * no model itself: it asks a runner, which the tools make of the compiler and the runtime.
 *
 * The graph is a module behind the passes of the pipeline `clean`: batch norms are within the
 * weights then, and what is decided is what is compiled. A module is used by one thread at a time.
 */
#ifndef HMLC_QUANTIZE_H
#define HMLC_QUANTIZE_H

#include <hmlc/statistics.h>

/* -- running models ---------------------------------------------------------------------------- */

typedef struct hmlc_runner {
    void *context;
    /* Makes a module ready to run, and leaves it as it is; close(*model) in the end. */
    hmlc_status (*open)(void *context, hmlc_module *module, void **model);
    /* Outputs stay until the next call with this model. */
    hmlc_status (*run)(void *context, void *model, const hmlc_tensor *inputs, uint32_t input_count,
                       hmlc_tensor *outputs, uint32_t output_count);
    void (*close)(void *context, void *model); /* accepts NULL */
    /* Inputs of sample `index`, one per argument of the module; they stay until the next call.
     * `hash` tells samples apart. HMLC_NO: the sample is to be passed over. */
    hmlc_status (*sample)(void *context, uint32_t index, hmlc_tensor *inputs, uint64_t *hash);
    uint32_t sample_count;
    /* Before each step, and with done == total at the end; may be NULL. HMLC_NO ends the work
     * early, and what is there is kept. */
    hmlc_status (*progress)(void *context, const char *phase, uint32_t done, uint32_t total);
} hmlc_runner;

/* -- the plan ---------------------------------------------------------------------------------- */

/* What becomes of a node: HMLC_QUANTIZE_REASON(identifier, quantized, text). */
#define HMLC_QUANTIZE_REASONS(HMLC_QUANTIZE_REASON)                                                \
    HMLC_QUANTIZE_REASON(integer, "u8 x s8, weights by output channel")                            \
    HMLC_QUANTIZE_REASON(kept, "kept by --keep")                                                   \
    HMLC_QUANTIZE_REASON(budget, "given back to keep --max-drop")                                  \
    HMLC_QUANTIZE_REASON(branch, "in a branch of an If, which calibration does not see")           \
    HMLC_QUANTIZE_REASON(type, "its element type is not f32")                                      \
    HMLC_QUANTIZE_REASON(computed, "both sides are computed")                                      \
    HMLC_QUANTIZE_REASON(batched, "its weights are a batch of matrices")                           \
    HMLC_QUANTIZE_REASON(grouped, "a transposed convolution in groups")                            \
    HMLC_QUANTIZE_REASON(rows, "ranges of each run are for products of rows")                      \
    HMLC_QUANTIZE_REASON(empty, "no sample gave its input an element")                             \
    HMLC_QUANTIZE_REASON(not_finite, "more than 1 % of its input is NaN or infinite")              \
    HMLC_QUANTIZE_REASON(weights_not_finite, "weights hold NaN or infinities")                     \
    HMLC_QUANTIZE_REASON(already, "its input or weights are quantized already")                    \
    HMLC_QUANTIZE_REASON(recurrent, "recurrent cells feed their rounding back")                    \
    HMLC_QUANTIZE_REASON(softmax, "softmax needs its exponents' range")                            \
    HMLC_QUANTIZE_REASON(norm, "a norm divides by small numbers")

typedef enum hmlc_quantize_reason {
#define HMLC_QUANTIZE_REASON(identifier, text) HMLC_QUANTIZE_##identifier,
    HMLC_QUANTIZE_REASONS(HMLC_QUANTIZE_REASON)
#undef HMLC_QUANTIZE_REASON
} hmlc_quantize_reason;

const char *hmlc_quantize_reason_text(hmlc_quantize_reason reason);

/* A range of numbers on 8 bits: q = round(x / scale) + zero, within 0 to 255. */
typedef struct hmlc_quantize_range {
    float scale;
    int32_t zero;
} hmlc_quantize_range;

/* A value that becomes u8. */
typedef struct hmlc_quantize_tensor {
    uint32_t value; /* id in the module */
    const char *name;
    int32_t axis; /* of its channels; -1: none */
    hmlc_quantize_range range;
    const char *range_word; /* how it was chosen */
    bool used;              /* by a node that is quantized */
} hmlc_quantize_tensor;

/* An op that multiplies, or that a reader of the report asks about. */
typedef struct hmlc_quantize_node {
    uint32_t value;   /* id of its result */
    const char *name; /* the user's nodes */
    const char *type; /* "conv" */
    hmlc_quantize_reason reason;
    bool anchor;     /* a contraction with constant weights; else the rest is 0 */
    uint32_t tensor; /* its input: index of hmlc_quantize_plan.tensors */
    const hmlc_tensor *weights;
    int32_t weight_axis; /* of output channels */
    int64_t channels;
    double macs;        /* of a run at typical dims */
    bool channels_last; /* of a convolution */
    bool pairs;         /* neighbours along the depth are multiplied together */
    int8_t *quantized;  /* weights in their own order */
    float *scales;      /* per channel */
    float *shifts;      /* per channel: added to the result, corrects its mean; NULL: none */
    double weight_sqnr; /* dB of the weights; infinite: exact */
    double sqnr;        /* dB of the result, input and weights quantized; NAN: not measured */
    double loss_alone;  /* of the model's outputs, this node alone quantized; NAN likewise */
} hmlc_quantize_node;

/* How far the outputs of a model are from those of its float form. */
typedef struct hmlc_quantize_loss {
    uint32_t samples; /* that were run; 0: not measured */
    double noise;     /* of the signal's power, the mean over the outputs */
    double cosine;    /* likewise */
    uint64_t rows,
        same_rows; /* rows of outputs; those whose largest element is at the same place */
} hmlc_quantize_loss;

typedef struct hmlc_quantize_plan {
    hmlc_module *module;
    hmlc_arena *arena;
    hmlc_quantize_tensor *tensors;
    uint32_t tensor_count;
    hmlc_quantize_node *nodes;
    uint32_t node_count;
    hmlc_quantize_loss loss; /* of what is decided, on samples that did not decide it */
} hmlc_quantize_plan;

/*
 * Lists what can be quantized and what stays float. Values that need a name get one: equal models
 * give equal names. The module outlives the plan; its ids must not change meanwhile.
 */
hmlc_status hmlc_quantize_plan_create(hmlc_module *module, hmlc_quantize_plan **plan) HMLC_MUST_USE;
void hmlc_quantize_plan_release(hmlc_quantize_plan *plan); /* accepts NULL */
/* Keeps the nodes in float that a word names: one of the user's nodes, or an operator ("conv").
 * False where there is none. */
bool hmlc_quantize_keep(hmlc_quantize_plan *plan, const char *word);
/* Nodes that are to be quantized. */
uint32_t hmlc_quantize_count(const hmlc_quantize_plan *plan);

/* -- the steps --------------------------------------------------------------------------------- */

/* Statistics with a row for each tensor of the plan, nothing counted. NULL without memory. */
hmlc_statistics *hmlc_quantize_statistics(const hmlc_quantize_plan *plan, uint64_t model);

/* Runs all samples that the statistics do not hold yet, and counts their values. HMLC_NO: progress
 * ended it. */
hmlc_status hmlc_quantize_calibrate(const hmlc_quantize_plan *plan, const hmlc_runner *runner,
                                    hmlc_statistics *statistics) HMLC_MUST_USE;

typedef enum hmlc_ranges {
    HMLC_RANGES_AUTO, /* of the others, the one with the least error of the results */
    HMLC_RANGES_MINMAX,
    HMLC_RANGES_PERCENTILE,
    HMLC_RANGES_ENTROPY,
    HMLC_RANGES_MSE,
} hmlc_ranges;

/* What a budget is counted in. */
typedef enum hmlc_metric {
    HMLC_METRIC_NONE,
    HMLC_METRIC_TOP1,    /* percent of rows whose largest element moves */
    HMLC_METRIC_COSINE,  /* 1 - cosine */
    HMLC_METRIC_SQNR,    /* dB that the outputs keep at least */
    HMLC_METRIC_COMMAND, /* score of the float model less that of the quantized one */
} hmlc_metric;

typedef struct hmlc_quantize_options {
    hmlc_ranges ranges;
    double percentile; /* 99.99 */
    bool any_pairs;    /* pairs of neighbours need not fit 16 bits: all targets have VNNI */
    hmlc_metric metric;
    double max_drop;
    /* The score of the plan as it stands, for HMLC_METRIC_COMMAND; more is better. */
    hmlc_status (*score)(void *context, const hmlc_quantize_plan *plan, double *score);
    void *context;
} hmlc_quantize_options;

/*
 * Chooses ranges, and weights with their scales. Nodes that statistics speak against go to float.
 * HMLC_USAGE with a diagnostic where the statistics are of another model.
 */
hmlc_status hmlc_quantize_decide(hmlc_quantize_plan *plan, const hmlc_quantize_options *options,
                                 const hmlc_statistics *statistics) HMLC_MUST_USE;

/*
 * Runs samples to choose between ranges (HMLC_RANGES_AUTO), to correct means, and to find what each
 * node costs; then takes nodes back to float until the budget holds. After hmlc_quantize_decide.
 * HMLC_NO: progress ended it, or, with a diagnostic, nothing keeps the budget; the plan then holds
 * the best that was found.
 */
hmlc_status hmlc_quantize_tune(hmlc_quantize_plan *plan, const hmlc_quantize_options *options,
                               const hmlc_statistics *statistics,
                               const hmlc_runner *runner) HMLC_MUST_USE;

/* -- weights alone ----------------------------------------------------------------------------- */

typedef enum hmlc_quantize_bits { HMLC_QUANTIZE_8_BITS, HMLC_QUANTIZE_4_BITS } hmlc_quantize_bits;

typedef struct hmlc_weights_options {
    hmlc_quantize_bits bits;
    const hmlc_runner *runner; /* whose samples are the module's; NULL: weights are all there is */
    bool rows_alone;           /* leaves products as they are */
} hmlc_weights_options;

typedef struct hmlc_weights_result {
    uint32_t count;    /* constants that were quantized */
    uint32_t measured; /* those of which samples say what results lose */
    double error;      /* sum over these: squared error of results, for 1 of nearest integers */
} hmlc_weights_result;

/*
 * Puts the weights of a cleaned graph's products, and rows that it looks up, into so many bits,
 * each behind a dequantize. With samples, scales and integers are those of the least error of the
 * products' results; integers may then be others than the nearest (error feedback). HMLC_NO:
 * progress ended it.
 */
hmlc_status hmlc_quantize_weights_alone(hmlc_module *module, const hmlc_weights_options *options,
                                        hmlc_weights_result *result) HMLC_MUST_USE;

/* Puts quantize and dequantize into a module that is equal to the plan's, or is it. */
hmlc_status hmlc_quantize_apply(const hmlc_quantize_plan *plan, hmlc_module *module) HMLC_MUST_USE;

/*
 * In place of the steps, and without samples: products on 8 bits whose inputs get a range for each
 * row in each run. All else stays float, with its reason; then the rewriting of a module that is
 * equal to the plan's, or is it.
 */
hmlc_status hmlc_quantize_decide_dynamic(hmlc_quantize_plan *plan) HMLC_MUST_USE;
hmlc_status hmlc_quantize_apply_dynamic(const hmlc_quantize_plan *plan,
                                        hmlc_module *module) HMLC_MUST_USE;

#endif
