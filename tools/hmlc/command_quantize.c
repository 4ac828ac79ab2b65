/* SPDX-License-Identifier: Apache-2.0 */
/* hmlc quantize: a model with its contractions on 8 bits, as an ONNX file that any runtime reads.
 */
#include <string.h>

#include "quantize_report.h"
#include "quantizing_weights.h"

static const hml_option quantize_table[] = {
    {"output", 'o', "OUT.onnx", "where the quantized model goes"},
    {"to", 0, "int8|int8-dynamic|weights-int8|weights-int4|f16|bf16",
     "int8; -dynamic: ranges in each run, no samples; others: weights alone"},
    HMLC_QUANTIZE_OPTIONS,
    {"keep", 0, "NODE,...", "nodes or operators that stay in float; may be repeated"},
    HMLC_DIM_OPTION,
    HMLC_JOBS_OPTION,
    HML_COMMON_OPTIONS,
};

static void tell(const hmlc_quantizing *q, const char *path)
{
    if (q->report->json) {
        hml_json_string(&q->report->data, "output", path);
        hmlc_quantize_report_put(q->plan, &q->report->data);
    } else if (!q->report->quiet) {
        hmlc_quantize_report_print(q->plan, path, q->report->verbose);
    }
}

/* Where the budget is missed, the best that was found is written all the same. */
static int quantize(hmlc_quantizing *q, const char *path)
{
    hmlc_module *quantized = NULL;
    const char *report = hml_options_get(q->options, "report");
    int decided = hmlc_quantizing_decide(q, "keep"), status = decided;
    if (decided != HMLC_OK && decided != HMLC_NO) {
        return decided;
    }
    status = (int)hmlc_module_clone(q->job.module, NULL, &quantized);
    status = status == HMLC_OK ? (int)hmlc_quantizing_apply(q, quantized) : status;
    status = status == HMLC_OK ? hmlc_job_write_onnx(&q->job, quantized, path, &q->samples.files)
                               : status;
    status = status == HMLC_OK && report != NULL ? hmlc_quantize_report_write(q, report) : status;
    if (status == HMLC_OK) {
        tell(q, path);
    }
    hmlc_module_destroy(quantized);
    return status != HMLC_OK ? status : decided;
}

static int quantize_with(const hml_options *options, hml_report *report)
{
    static const char *const types[] = {"int8", "int8-dynamic", "f16",
                                        "bf16", "weights-int8", "weights-int4"};
    const char *output = hml_options_get(options, "output"), *to = hml_options_get(options, "to");
    const hmlc_weights_alone *alone = hmlc_weights_alone_find(to);
    char suggestion[96];
    if (output == NULL || output[0] == '\0') {
        return hml_report_usage(report, "expected -o OUT.onnx");
    }
    if (alone != NULL) {
        return hmlc_weights_alone_quantize(options, report, output, alone);
    }
    if (to != NULL && strcmp(to, types[0]) != 0 && strcmp(to, types[1]) != 0) {
        return hml_report_usage(
            report,
            "--to %s: expected int8, int8-dynamic, weights-int8, weights-int4, f16 or bf16%s", to,
            hml_did_you_mean(to, types, sizeof types / sizeof types[0], suggestion,
                             sizeof suggestion));
    }
    hmlc_quantizing q = {.report = report};
    int status = hmlc_quantizing_parse(&q, options, report, to);
    status = status == HMLC_OK ? hmlc_quantizing_open(&q, options, report, output) : status;
    status = status == HMLC_OK ? quantize(&q, output) : status;
    status = hmlc_quantizing_tell(&q, status);
    hmlc_quantizing_release(&q);
    return status;
}

const hml_command hmlc_command_quantize = {
    .name = "quantize",
    .words = "MODEL -o OUT.onnx (--calib DIR | --to weights-int4)",
    .summary = "turn a model in f32 into one that computes on 8 bits",
    .purpose =
        "Chooses ranges of values from samples (--calib) or from statistics of `calibrate`, puts\n"
        "weights on 8 bits, and writes the model with QuantizeLinear and DequantizeLinear around\n"
        "what is quantized, for `compile` and for any other runtime. With --to int8-dynamic, "
        "products\n"
        "take their ranges from each row in each run, without samples. With --to weights-int8 or\n"
        "weights-int4, f16 or bf16, only the weights of products become small; this needs no\n"
        "samples, but integers are better with them.\n",
    .options = quantize_table,
    .option_count = sizeof quantize_table / sizeof quantize_table[0],
    .examples = {"quantize model.onnx --calib samples -o model_int8.onnx",
                 "quantize model.onnx --stats model.hms --keep head -o model_int8.onnx",
                 "quantize model.onnx --to weights-int4 -o model_int4.onnx"},
    .least_words = 1,
    .most_words = 1,
    .expected = "one model file",
    .no = "the accuracy budget is not met",
    .environment = HMLC_COMPILER_ENVIRONMENT,
    .run = quantize_with,
};
