/* SPDX-License-Identifier: Apache-2.0 */
/* Runs modules for the quantizer: compiled for this machine, in files that are gone once open. */
#ifndef HMLC_MODEL_RUNNER_H
#define HMLC_MODEL_RUNNER_H

#include <hmlc/quantize.h>

#include "sample_set.h"

typedef struct hmlc_model_runner {
    hmlc_job *job; /* whose module, behind `clean`, the samples are for */
    hmlc_sample_set *samples;
    hml_pool *pool;
    hmlc_status (*checkpoint)(void *context, bool due); /* now and then while samples run; may be
                                                           NULL */
    void *context;                                      /* of checkpoint */
    double last_checkpoint;
    /* The first failure of runtime or files, to be told by hml_report_status. */
    hml_status failed;
    hml_tool_error error;
} hmlc_model_runner;

/* The library's view of it. From here on signals that end programs are noted, not heeded, until
 * hmlc_model_runner_end: what has been counted is to be kept. */
hmlc_runner hmlc_model_runner_begin(hmlc_model_runner *runner);
/* Gives everything back; the number of a signal that came, or 0. */
int hmlc_model_runner_end(hmlc_model_runner *runner);
/* A new folder for temporary files, which the caller removes; "" on failure. */
hmlc_status hmlc_model_runner_folder(hmlc_model_runner *runner, char *folder,
                                     size_t bytes) HMLC_MUST_USE;
/* Tells what the runtime said where that is the reason of `status`. */
int hmlc_model_runner_status(const hmlc_model_runner *runner, hmlc_status status);

#endif
