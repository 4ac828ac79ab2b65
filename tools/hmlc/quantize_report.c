/* SPDX-License-Identifier: Apache-2.0 */
#include "quantize_report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/printable.h"
#include "common/units.h"

static bool is_integer(const hmlc_quantize_node *node)
{
    return node->anchor && node->reason == HMLC_QUANTIZE_integer;
}

/* Bytes of weights in f32, and as they are written: a byte each, and a scale per channel. */
static uint64_t bytes_before(const hmlc_quantize_node *node)
{
    return node->anchor ? (uint64_t)hmlc_tensor_count(node->weights) * sizeof(float) : 0;
}

static uint64_t bytes_after(const hmlc_quantize_node *node)
{
    return is_integer(node) ? (uint64_t)hmlc_tensor_count(node->weights) +
                                  (uint64_t)node->channels * sizeof(float)
                            : bytes_before(node);
}

typedef struct totals {
    uint32_t anchors, integers;
    double macs, integer_macs;
    uint64_t before, after;
} totals;

static totals sum_up(const hmlc_quantize_plan *plan)
{
    totals sum = {0};
    for (uint32_t i = 0; i < plan->node_count; i++) {
        const hmlc_quantize_node *node = &plan->nodes[i];
        bool integer = is_integer(node);
        sum.anchors += node->anchor ? 1 : 0;
        sum.integers += integer ? 1 : 0;
        sum.macs += node->macs;
        sum.integer_macs += integer ? node->macs : 0;
        sum.before += bytes_before(node);
        sum.after += bytes_after(node);
    }
    return sum;
}

static double decibels(double noise)
{
    return noise > 0 ? -10 * log10(noise) : INFINITY;
}

static double percent(double part, double whole)
{
    return whole > 0 ? 100 * part / whole : 0;
}

/* -- JSON -------------------------------------------------------------------------------------- */

static void put_node(const hmlc_quantize_plan *plan, const hmlc_quantize_node *node, hml_json *json)
{
    bool integer = is_integer(node);
    hml_json_object(json, NULL);
    hml_json_string(json, "node", node->name);
    hml_json_string(json, "operator", node->type);
    hml_json_string(json, "decision", integer ? "int8" : "float");
    hml_json_string(json, "reason", hmlc_quantize_reason_text(node->reason));
    if (node->anchor) {
        const hmlc_quantize_tensor *tensor = &plan->tensors[node->tensor];
        hml_json_string(json, "input", tensor->name);
        if (integer) {
            hml_json_string(json, "range", tensor->range_word);
            hml_json_real(json, "scale", (double)tensor->range.scale);
            hml_json_integer(json, "zero_point", tensor->range.zero);
            hml_json_bool(json, "mean_corrected", node->shifts != NULL);
        }
        hml_json_real(json, "weight_sqnr_db", node->weight_sqnr);
        hml_json_real(json, "sqnr_db", node->sqnr);
        hml_json_real(json, "loss_alone", node->loss_alone);
        hml_json_real(json, "macs", node->macs);
        hml_json_unsigned(json, "bytes_before", bytes_before(node));
        hml_json_unsigned(json, "bytes_after", bytes_after(node));
    }
    hml_json_end(json);
}

static void put_loss(const hmlc_quantize_loss *loss, hml_json *json)
{
    hml_json_object(json, "loss");
    hml_json_unsigned(json, "samples", loss->samples);
    if (loss->samples > 0) {
        hml_json_real(json, "sqnr_db", decibels(loss->noise));
        hml_json_real(json, "cosine", loss->cosine);
        hml_json_unsigned(json, "rows", loss->rows);
        hml_json_unsigned(json, "rows_same_top_1", loss->same_rows);
    }
    hml_json_end(json);
}

void hmlc_quantize_report_put(const hmlc_quantize_plan *plan, hml_json *json)
{
    totals sum = sum_up(plan);
    hml_json_unsigned(json, "nodes_quantized", sum.integers);
    hml_json_unsigned(json, "nodes_that_could_be", sum.anchors);
    hml_json_real(json, "macs", sum.macs);
    hml_json_real(json, "macs_int8", sum.integer_macs);
    hml_json_unsigned(json, "weight_bytes_before", sum.before);
    hml_json_unsigned(json, "weight_bytes_after", sum.after);
    put_loss(&plan->loss, json);
    hml_json_array(json, "nodes");
    for (uint32_t i = 0; i < plan->node_count; i++) {
        put_node(plan, &plan->nodes[i], json);
    }
    hml_json_end(json);
}

int hmlc_quantize_report_write(const hmlc_quantizing *q, const char *path)
{
    hml_output_file file;
    hml_tool_error error = {0};
    hml_status status = hml_output_open(&file, path, &q->samples.files, &error);
    if (status == HML_OK) {
        hml_json json = {.out = file.stream};
        hml_json_object(&json, NULL);
        hml_json_string(&json, "schema", "hml.quantization.1");
        hml_json_string(&json, "version", HMLC_VERSION);
        hml_json_string(&json, "model", q->request.model_path);
        hmlc_quantize_report_put(q->plan, &json);
        hml_json_end(&json);
        (void)fputc('\n', file.stream);
        status = hml_output_close(&file, &error);
    }
    return hml_report_status(q->report, status, &error);
}

/* -- the table --------------------------------------------------------------------------------- */

/* Of the model's outputs, or, where that was not measured, of the node's weights. */
static double loss_of(const hmlc_quantize_node *node)
{
    return isnan(node->loss_alone) ? -node->weight_sqnr : node->loss_alone;
}

/* The nodes that cost most come first; equal ones stay in the model's order. */
static void sort_nodes(const hmlc_quantize_plan *plan, uint32_t *order, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        uint32_t moved = order[i], at = i;
        for (; at > 0 && loss_of(&plan->nodes[order[at - 1]]) < loss_of(&plan->nodes[moved]);
             at--) {
            order[at] = order[at - 1];
        }
        order[at] = moved;
    }
}

static void print_number(const char *format, double value, int width)
{
    char text[32] = "-";
    if (isfinite(value)) {
        (void)snprintf(text, sizeof text, format, value);
    }
    printf(" %*s", width, text);
}

static void print_node(const hmlc_quantize_node *node)
{
    enum { NAME_WIDTH = 36 };
    char before[HML_UNIT_TEXT];
    bool integer = is_integer(node);
    printf("  ");
    hml_print_column(stdout, node->name, NAME_WIDTH);
    printf(" %-14s %-5s", node->type, integer ? "int8" : "float");
    print_number("%.1f", node->sqnr, 7);
    print_number("%.1f", decibels(node->loss_alone), 7);
    printf(" %10s", node->anchor ? hml_size_text(bytes_after(node), before) : "");
    printf("%s%s\n", integer ? "" : "  ", integer ? "" : hmlc_quantize_reason_text(node->reason));
}

static void print_totals(const hmlc_quantize_plan *plan, const char *output)
{
    char before[HML_UNIT_TEXT], after[HML_UNIT_TEXT];
    totals sum = sum_up(plan);
    const hmlc_quantize_loss *loss = &plan->loss;
    hml_print_text(stdout, output);
    printf(": %u of %u nodes on 8 bits, %.1f %% of the multiplications; weights %s -> %s\n",
           sum.integers, sum.anchors, percent(sum.integer_macs, sum.macs),
           hml_size_text(sum.before, before), hml_size_text(sum.after, after));
    if (loss->samples > 0) {
        printf("  outputs of %u held samples: %.1f dB, cosine %.6f", loss->samples,
               decibels(loss->noise), loss->cosine);
        if (loss->rows > 0) {
            printf(", top-1 the same in %.2f %%",
                   percent((double)loss->same_rows, (double)loss->rows));
        }
        printf("\n");
    }
}

void hmlc_quantize_report_print(const hmlc_quantize_plan *plan, const char *output, bool all)
{
    enum { COSTLIEST = 5 };
    uint32_t *order = calloc(plan->node_count + 1, sizeof *order), count = 0;
    print_totals(plan, output);
    for (uint32_t i = 0; order != NULL && i < plan->node_count; i++) {
        if (all || is_integer(&plan->nodes[i])) {
            order[count++] = i;
        }
    }
    if (order == NULL) {
        return;
    }
    printf("  %-36s %-14s %-5s %7s %7s %10s\n", all ? "node" : "costliest nodes", "operator", "on",
           "SQNR", "alone", "weights");
    if (!all) {
        sort_nodes(plan, order, count);
        count = count < COSTLIEST ? count : COSTLIEST;
    }
    for (uint32_t i = 0; i < count; i++) {
        print_node(&plan->nodes[order[i]]);
    }
    for (uint32_t i = 0; !all && i < plan->node_count; i++) {
        if (!is_integer(&plan->nodes[i]) &&
            (plan->nodes[i].anchor || plan->nodes[i].reason >= HMLC_QUANTIZE_branch)) {
            print_node(&plan->nodes[i]);
        }
    }
    free(order);
}
