/* SPDX-License-Identifier: Apache-2.0 */
/* bench: how fast, how soon, how much memory; also for several dims and numbers of threads. */
#include "commands.h"
#include "fma_peak.h"
#include "growing_text.h"
#include "measurement.h"
#include "printable.h"
#include "profile_report.h"
#include "sweep.h"
#include "tool_command.h"
#include "units.h"

#include <stdlib.h>
#include <string.h>

static const hml_option bench_options[] = {
    HML_INPUT_OPTIONS,
    {"seconds", 0, "S", "time to measure for; 2"},
    {"iterations", 0, "N", "runs to measure, instead of --seconds"},
    {"warmup", 0, "N", "runs before that; 3"},
    {"percentile", 0, "P,...", "percentiles to tell; 50,90,99"},
    {"profile", 0, NULL, "add a table per step, and totals by operator"},
    {"sort", 0, "step|time", "order of the profile; step"},
    {"top", 0, "N", "only the N slowest steps of the profile"},
    {"wide", 0, NULL, "whole node names in the profile, however long the lines become"},
    {"csv", 0, NULL, "only the profile, as comma-separated values"},
    {"trace", 0, "FILE",
     "write one run, of the last combination, for chrome://tracing and Perfetto"},
    HML_COMMON_OPTIONS,
};

typedef struct bench_view {
    hml_profile_view profile;
    bool by_time, csv;
    double peak_gflops;
    char cpu[64];
    hml_measure_plan plan;
    bool swept;
} bench_view;

/* -- Printing ---------------------------------------------------------------------------------- */

/* "batch = 1, seq = 128"; "-" without dims. */
static void print_dims(const hml_workbench *bench)
{
    hml_growing_text text = {0};
    for (uint32_t s = 0; s < bench->info.symbol_count; s++) {
        hml_symbol_info symbol = {.struct_bytes = sizeof symbol};
        int64_t value;
        if (hml_model_symbol(bench->model, s, &symbol) == HML_OK &&
            hml_workbench_dim(bench, symbol.name, &value)) {
            hml_growing_text_add(&text, "%s%s = %lld", text.used > 0 ? ", " : "", symbol.name,
                                 (long long)value);
        }
    }
    hml_print_text(stdout, text.used > 0 || text.failed ? hml_growing_text_get(&text) : "-");
    hml_growing_text_release(&text);
}

static const char *variant_name(const hml_workbench *bench)
{
    hml_variant_info variant = {.struct_bytes = sizeof variant};
    return hml_model_variant(bench->model, bench->info.variant, &variant) == HML_OK ? variant.name
                                                                                    : "unknown";
}

static void print_header(const hml_workbench *bench, const char *path)
{
    uint32_t given = 0;
    for (uint32_t i = 0; i < bench->info.input_count; i++) {
        given += bench->random[i] ? 0 : 1;
    }
    printf("artifact    ");
    hml_print_text(stdout, path);
    printf(" (");
    hml_print_text(stdout, bench->info.name);
    printf("), variant %s\ndims        ", variant_name(bench));
    print_dims(bench);
    printf("\ninputs      %u from files, %u random\n", given, bench->info.input_count - given);
}

static void print_latency(const hml_measurement *measured, const hml_measure_plan *plan)
{
    char text[HML_UNIT_TEXT];
    printf("latency    ");
    for (uint32_t k = 0; k < plan->percentile_count; k++) {
        printf("%s p%g %s", k > 0 ? "," : "", plan->percentiles[k],
               hml_time_text(hml_measured_percentile(measured, plan->percentiles[k]), text));
    }
    printf("; mean %s", hml_time_text(measured->mean, text));
    printf(", min %s", hml_time_text(measured->times[0], text));
    printf(", max %s over %zu run%s\n", hml_time_text(measured->times[measured->count - 1], text),
           HML_COUNTED(measured->count));
    double p50 = hml_measured_percentile(measured, 50);
    printf("throughput  %.4g runs/s\n", p50 > 0 ? 1e3 / p50 : 0);
}

static void print_text(const hml_measurement *measured, const bench_view *view, const char *path)
{
    const hml_workbench *bench = &measured->bench;
    char text[HML_UNIT_TEXT];
    print_header(bench, path);
    printf("machine     %s, %u thread%s, %.1f GFLOP/s f32 peak a core\n", view->cpu,
           HML_COUNTED(bench->threads), view->peak_gflops);
    print_latency(measured, &view->plan);
    printf("start       load %s", hml_time_text(bench->load_ms, text));
    printf(", first run %s\n", hml_time_text(bench->first_run_ms, text));
    printf("memory      %s for the model, weights and inputs included",
           hml_size_text(measured->model_bytes, text));
    printf("; %s of the process at most\n", hml_size_text(measured->process_bytes, text));
}

/* p50, p90 and p99 always, others where they are asked for. */
static void put_percentiles(hml_json *json, const hml_measurement *measured,
                            const hml_measure_plan *plan)
{
    double percents[3 + HML_MOST_PERCENTILES] = {50, 90, 99};
    size_t count = 3;
    for (uint32_t k = 0; k < plan->percentile_count; k++) {
        double asked = plan->percentiles[k];
        if (asked != 50 && asked != 90 && asked != 99) {
            percents[count++] = asked;
        }
    }
    for (size_t k = 0; k < count; k++) {
        char key[32];
        (void)snprintf(key, sizeof key, "p%g_ms", percents[k]);
        hml_json_real(json, key, hml_measured_percentile(measured, percents[k]));
    }
}

static void put_figures(hml_json *json, const hml_measurement *measured, const bench_view *view)
{
    const hml_workbench *bench = &measured->bench;
    const struct {
        const char *key;
        double value;
    } rows[] = {
        {"mean_ms", measured->mean},
        {"min_ms", measured->times[0]},
        {"max_ms", measured->times[measured->count - 1]},
        {"load_ms", bench->load_ms},
        {"first_run_ms", bench->first_run_ms},
        {"fma_peak_gflops", view->peak_gflops},
    };
    put_percentiles(json, measured, &view->plan);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        hml_json_real(json, rows[i].key, rows[i].value);
    }
    hml_json_unsigned(json, "iterations", measured->count);
    hml_json_unsigned(json, "peak_rss_bytes", measured->process_bytes);
    hml_json_unsigned(json, "model_bytes", measured->model_bytes);
    hml_json_unsigned(json, "threads", bench->threads);
    hml_json_string(json, "variant", variant_name(bench));
    hml_json_string(json, "cpu", view->cpu);
    hml_workbench_put_dims(bench, json);
}

static hml_status tell_profile(const hml_measurement *measured, const bench_view *view,
                               hml_report *report, hml_tool_error *error)
{
    hml_profile_rows rows;
    if (!hml_profile_rows_make(&measured->bench, measured->profile, view->peak_gflops, &rows)) {
        return HML_TOOL_FAIL(error, HML_ERROR_out_of_memory, "the profile");
    }
    if (view->by_time) {
        hml_profile_rows_sort(&rows);
    }
    if (report->json) {
        hml_profile_put(&report->data, &rows);
    } else if (view->csv) {
        hml_profile_print_csv(&rows);
    } else {
        hml_profile_print(&rows, &view->profile);
    }
    free(rows.rows);
    return HML_OK;
}

/* -- One combination, and several -------------------------------------------------------------- */

static void print_row(const hml_measurement *measured, const bench_view *view)
{
    char text[HML_UNIT_TEXT];
    printf("%7u ", measured->bench.threads);
    for (uint32_t k = 0; k < view->plan.percentile_count; k++) {
        double time = hml_measured_percentile(measured, view->plan.percentiles[k]);
        printf(" %9s", hml_time_text(time, text));
    }
    printf(" %9s", hml_time_text(measured->mean, text));
    printf(" %9s", hml_time_text(measured->times[0], text));
    double p50 = hml_measured_percentile(measured, 50);
    printf(" %9.4g  ", p50 > 0 ? 1e3 / p50 : 0);
    print_dims(&measured->bench);
    printf("\n");
}

static void print_row_heading(const bench_view *view)
{
    printf("%7s ", "threads");
    for (uint32_t k = 0; k < view->plan.percentile_count; k++) {
        char text[32];
        (void)snprintf(text, sizeof text, "p%g", view->plan.percentiles[k]);
        printf(" %9s", text);
    }
    printf(" %9s %9s %9s  dims\n", "mean", "min", "runs/s");
}

static hml_status tell(const hml_measurement *measured, const bench_view *view, hml_report *report,
                       hml_tool_error *error)
{
    if (report->json) {
        put_figures(&report->data, measured, view);
    } else if (view->swept) {
        print_row(measured, view);
    } else if (!view->csv) {
        print_text(measured, view, report->path);
    }
    return view->plan.profiled ? tell_profile(measured, view, report, error) : HML_OK;
}

static hml_status bench_one(const hml_options *options, const bench_view *view, hml_report *report,
                            hml_tool_error *error)
{
    hml_measurement measured;
    bool element = view->swept && report->json;
    hml_status status = hml_measure(&measured, report->path, options, &view->plan, report, error);
    if (status == HML_OK && element) {
        hml_json_object(&report->data, NULL);
    }
    if (status == HML_OK) {
        status = tell(&measured, view, report, error);
    }
    if (status == HML_OK && element) {
        hml_json_end(&report->data);
    }
    hml_measurement_release(&measured);
    return status;
}

/* A wrong word is told before the first combination takes its time. */
static hml_status check_all(hml_sweep *sweep, const char *path, hml_tool_error *error)
{
    hml_status status;
    do {
        hml_workbench bench;
        status = hml_workbench_open(&bench, path, HML_OPEN_INSPECT, &sweep->options, error);
        if (status == HML_OK) {
            status = hml_workbench_load_inputs(&bench, &sweep->options, error);
        }
        hml_workbench_release(&bench);
    } while (status == HML_OK && hml_sweep_next(sweep));
    return status;
}

static hml_status bench_all(hml_sweep *sweep, bench_view *view, hml_report *report,
                            hml_tool_error *error)
{
    hml_status status;
    view->swept = sweep->word_count > 0;
    if (view->swept) {
        HML_TOOL_TRY(check_all(sweep, report->path, error));
    }
    if (view->swept && report->json) {
        hml_json_array(&report->data, "sweep");
    } else if (view->swept && !view->csv) {
        print_row_heading(view);
    }
    do {
        status = bench_one(&sweep->options, view, report, error);
    } while (status == HML_OK && hml_sweep_next(sweep));
    if (view->swept && report->json) {
        hml_json_end(&report->data);
    }
    return status;
}

/* -- The command ------------------------------------------------------------------------------- */

static hml_status parse_view(const hml_options *options, bench_view *view, hml_tool_error *error)
{
    const char *sort = hml_options_get(options, "sort"), *top = hml_options_get(options, "top");
    long long rows = 0;
    if (sort != NULL && strcmp(sort, "step") != 0 && strcmp(sort, "time") != 0) {
        return HML_TOOL_FAIL(error, HML_ERROR_usage, "'--sort %s': expected step or time", sort);
    }
    if (top != NULL && (!hml_parse_number(top, UINT32_MAX, &rows) || rows == 0)) {
        return HML_TOOL_FAIL(error, HML_ERROR_usage, "'--top %s': expected a number from 1", top);
    }
    HML_TOOL_TRY(hml_measure_plan_parse(options, &view->plan, error));
    view->by_time = top != NULL || (sort != NULL && strcmp(sort, "time") == 0);
    view->csv = hml_options_get(options, "csv") != NULL;
    view->plan.profiled = view->plan.profiled || view->csv || top != NULL;
    view->profile =
        (hml_profile_view){.wide = hml_options_get(options, "wide") != NULL, .top = (uint32_t)rows};
    return HML_OK;
}

static int bench_with(const hml_options *options, hml_report *report)
{
    bench_view view = {0};
    hml_sweep sweep;
    hml_tool_error error = {0};
    hml_status status = parse_view(options, &view, &error);
    if (status == HML_OK) {
        view.peak_gflops = hml_fma_peak_gflops();
        hml_cpu_name(view.cpu, sizeof view.cpu);
        if (hml_sweep_begin(&sweep, options)) {
            status = bench_all(&sweep, &view, report, &error);
        } else {
            status = HML_TOOL_FAIL(&error, HML_ERROR_usage,
                                   "more than %d values, or %d options with several",
                                   HML_MOST_SWEEP_VALUES, HML_MOST_SWEPT);
        }
        hml_sweep_release(&sweep);
    }
    return hml_report_status(report, status, &error);
}

const hml_command hml_command_bench = {
    .name = "bench",
    .words = "MODEL.hml",
    .summary = "measure an artifact",
    .purpose =
        "Measures how long runs take, how soon the first one ends, and how much memory they need.\n"
        "Inputs are those of `run`. --threads 1,2 and --dim batch=1,8 measure each combination.\n",
    .options = bench_options,
    .option_count = sizeof bench_options / sizeof bench_options[0],
    .examples = {"bench model.hml --threads 1,2 --dim batch=1,8",
                 "bench model.hml --profile --top 10"},
    .least_words = 1,
    .most_words = 1,
    .expected = "one artifact",
    .environment = HML_RUNTIME_ENVIRONMENT,
    .run = bench_with,
};
