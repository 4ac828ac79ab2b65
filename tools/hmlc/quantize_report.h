/* SPDX-License-Identifier: Apache-2.0 */
/* What quantization decided: a table for people, JSON for programs. */
#ifndef HMLC_QUANTIZE_REPORT_H
#define HMLC_QUANTIZE_REPORT_H

#include "quantizing.h"

/* Members of an open object: totals, then every node. */
void hmlc_quantize_report_put(const hmlc_quantize_plan *plan, hml_json *json);
/* A summary with the nodes that cost most and those that stay float; `all`: every node. */
void hmlc_quantize_report_print(const hmlc_quantize_plan *plan, const char *output, bool all);
/* The JSON alone in a file; the exit status. */
int hmlc_quantize_report_write(const hmlc_quantizing *q, const char *path);

#endif
