/* SPDX-License-Identifier: Apache-2.0 */
/* What calibrate, quantize and compile --quantize share: a model behind its neutral passes, samples
 * and statistics of it. */
#ifndef HMLC_QUANTIZING_H
#define HMLC_QUANTIZING_H

#include "model_runner.h"

/* The rows of commands that read samples. */
#define HMLC_CALIB_OPTION                                                                          \
    {"calib", 0, "DIR", "folder of samples: .npz, .npy or test_data_set_*; may be repeated"}

typedef struct hmlc_quantizing {
    const hml_options *options;
    hml_report *report;
    hmlc_request request;
    hmlc_job job;
    uint64_t model; /* hash of the graph behind the passes */
    hmlc_quantize_plan *plan;
    hmlc_sample_set samples;
    hmlc_statistics *statistics;
    hmlc_model_runner runner;
    hmlc_quantize_options choices;
    const char *metric; /* the command of --metric */
    bool dynamic;       /* int8-dynamic: no samples, ranges in each run */
    const char *output; /* of calibrate: where statistics go now and then */
    int signal;         /* that ended the work early */
} hmlc_quantizing;

/* The rows of commands that quantize. */
#define HMLC_QUANTIZE_OPTIONS                                                                      \
    HMLC_CALIB_OPTION,                                                                             \
        {"stats", 0, "STATS.hms",                                                                  \
         "statistics of `calibrate`, in place of counting them from --calib"},                     \
        {"ranges", 0, "RULE", "minmax, percentile=P, entropy, mse or auto; default: auto"},        \
        {"max-drop", 0, "D", "give nodes back to float until the loss by --metric is at most D"},  \
        {"metric", 0, "METRIC",                                                                    \
         "top1 (percent), cosine, sqnr (dB kept), or a command that prints a score"},              \
        {"report", 0, "REPORT.json", "write what was decided of each node, and why"},              \
        {"requantize", 0, NULL, "take a model that is quantized in part, and quantize the rest"}

/* One of those rows or `keep`, the command's option that names nodes which stay float, if it is
 * given, but for the row `but` (or NULL); else NULL. */
const char *hmlc_quantizing_word(const hml_options *options, const char *keep, const char *but);
/* Parses the options, imports the model, runs `clean`, plans. The exit status. */
int hmlc_quantizing_open(hmlc_quantizing *q, const hml_options *options, hml_report *report,
                         const char *output);
/* `word` of --to or --quantize, NULL as int8; --ranges, --max-drop and --metric; the exit status.
 */
int hmlc_quantizing_parse(hmlc_quantizing *q, const hml_options *options, hml_report *report,
                          const char *word);
/* Statistics, ranges, weights and the budget, as the options say; `keep` as above. HMLC_NO: the
 * budget is missed, and the plan holds the best. */
int hmlc_quantizing_decide(hmlc_quantizing *q, const char *keep);
/* What was decided, in the module, which is the job's or equal to it. */
hmlc_status hmlc_quantizing_apply(const hmlc_quantizing *q, hmlc_module *module) HMLC_MUST_USE;
/* Reads the folders of --calib. */
int hmlc_quantizing_samples(hmlc_quantizing *q);
/* Statistics of the samples: q->statistics, which --resume may have filled before. */
int hmlc_quantizing_calibrate(hmlc_quantizing *q);
/* The exit status after the runner's end. */
int hmlc_quantizing_end(hmlc_quantizing *q, hmlc_status status);
/* Reads a file of statistics; `other` or NULL. A failure is told. */
int hmlc_statistics_file_read(hml_report *report, const char *path, hmlc_statistics **statistics);
int hmlc_statistics_file_write(hml_report *report, const char *path, const hml_input_files *inputs,
                               const hmlc_statistics *statistics);
/* Tells the module's diagnostics; `status`. */
int hmlc_quantizing_tell(hmlc_quantizing *q, int status);
void hmlc_quantizing_release(hmlc_quantizing *q);

#endif
