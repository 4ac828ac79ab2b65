/* bench: how fast, how soon, how much memory. */
#include "commands.h"
#include "fma_peak.h"
#include "profile_report.h"
#include "tool_command.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static const hml_option bench_options[] = {
    HML_INPUT_OPTIONS,
    {"seconds", 0, "S", "time to measure for; 2"},
    {"profile", 0, NULL, "add a table per step"},
    {"trace", 0, "FILE", "write one run for chrome://tracing and Perfetto"},
    HML_COMMON_OPTIONS,
};

enum { LEAST_RUNS = 5, MOST_RUNS = 1000000, WARM_RUNS = 3 };

typedef struct bench_report {
    hml_workbench bench;
    const hml_options *options;
    hml_report *out;
    double *times; /* milliseconds, ascending when done */
    size_t count, capacity;
    double seconds, peak_gflops;
    uint64_t peak_rss_bytes;
    hml_step_profile *profile; /* of runs behind the measured ones; NULL: not wanted */
    char cpu[64];
    hml_tool_error error;
} bench_report;

/* -- Measuring --------------------------------------------------------------------------------- */

static hml_status add_time(bench_report *report, double milliseconds)
{
    if (report->count == report->capacity) {
        size_t capacity = report->capacity * 2 + 1024;
        double *times = realloc(report->times, capacity * sizeof *times);
        if (times == NULL) {
            return HML_TOOL_FAIL(&report->error, HML_ERROR_out_of_memory, "%zu times", capacity);
        }
        report->times = times;
        report->capacity = capacity;
    }
    report->times[report->count++] = milliseconds;
    return HML_OK;
}

static uint64_t peak_resident_bytes(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (uint64_t)usage.ru_maxrss * 1024 : 0;
}

static hml_status measure(bench_report *report)
{
    hml_workbench *bench = &report->bench;
    for (int i = 0; i < WARM_RUNS; i++) {
        HML_TOOL_TRY(hml_workbench_run(bench, &report->error));
    }
    report->peak_rss_bytes = peak_resident_bytes(); /* before the list of times grows */
    double end = hml_milliseconds() + report->seconds * 1e3;
    double before = hml_milliseconds();
    while (report->count < LEAST_RUNS || (before < end && report->count < MOST_RUNS)) {
        HML_TOOL_TRY(hml_workbench_run(bench, &report->error));
        double after = hml_milliseconds();
        HML_TOOL_TRY(add_time(report, after - before));
        before = hml_milliseconds();
    }
    return HML_OK;
}

/* Profiled runs come behind the measured ones, as they are a little slower. */
static hml_status profile(bench_report *report, uint32_t runs)
{
    hml_workbench *bench = &report->bench;
    uint32_t count = bench->info.step_count;
    if (report->profile == NULL) {
        report->profile = calloc((size_t)count + 1, sizeof *report->profile);
    }
    if (report->profile == NULL) {
        return HML_TOOL_FAIL(&report->error, HML_ERROR_out_of_memory, "%u steps", count);
    }
    memset(report->profile, 0, count * sizeof *report->profile);
    HML_TOOL_TRY(hml_session_profile(bench->session, report->profile, count));
    for (uint32_t i = 0; i < runs; i++) {
        HML_TOOL_TRY(hml_workbench_run(bench, &report->error));
    }
    return hml_session_profile(bench->session, NULL, 0);
}

static int compare_times(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return left < right ? -1 : (left > right ? 1 : 0);
}

/* The smallest time that at least `percent` of the runs stay within. */
static double percentile(const bench_report *report, size_t percent)
{
    size_t rank = (report->count * percent + 99) / 100;
    return report->times[rank > 0 ? rank - 1 : 0];
}

/* -- Printing ---------------------------------------------------------------------------------- */

static void put_report(const bench_report *report, hml_json *json)
{
    const struct {
        const char *key;
        double value;
    } rows[] = {
        {"p50_ms", percentile(report, 50)},           {"p90_ms", percentile(report, 90)},
        {"p99_ms", percentile(report, 99)},           {"load_ms", report->bench.load_ms},
        {"first_run_ms", report->bench.first_run_ms}, {"fma_peak_gflops", report->peak_gflops},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        hml_json_real(json, rows[i].key, rows[i].value);
    }
    hml_json_unsigned(json, "iterations", report->count);
    hml_json_unsigned(json, "peak_rss_bytes", report->peak_rss_bytes);
    hml_json_unsigned(json, "threads", report->bench.threads);
    hml_json_string(json, "cpu", report->cpu);
    hml_workbench_put_dims(&report->bench, json);
    if (hml_options_get(report->options, "profile") != NULL) {
        hml_profile_put(json, &report->bench, report->profile, report->peak_gflops);
    }
}

static void print_text(const bench_report *report)
{
    double p50 = percentile(report, 50);
    printf("latency     p50 %.4g ms, p90 %.4g ms, p99 %.4g ms over %zu runs\n", p50,
           percentile(report, 90), percentile(report, 99), report->count);
    printf("throughput  %.4g runs/s\n", p50 > 0 ? 1e3 / p50 : 0);
    printf("start       load %.4g ms, first run %.4g ms\n", report->bench.load_ms,
           report->bench.first_run_ms);
    printf("memory      %.1f MB at most\n", (double)report->peak_rss_bytes * 1e-6);
    printf("machine     %s, %u thread%s, %.1f GFLOP/s f32 peak a core\n", report->cpu,
           report->bench.threads, report->bench.threads == 1 ? "" : "s", report->peak_gflops);
    if (hml_options_get(report->options, "profile") != NULL) {
        hml_profile_print(&report->bench, report->profile, report->peak_gflops);
    }
}

/* -- The command ------------------------------------------------------------------------------- */

static hml_status parse_seconds(bench_report *report)
{
    const char *word = hml_options_get(report->options, "seconds");
    char *end = NULL;
    report->seconds = word != NULL ? strtod(word, &end) : 2.0;
    if (word != NULL &&
        (end == word || *end != '\0' || !(report->seconds >= 0 && report->seconds <= 86400))) {
        return HML_TOOL_FAIL(&report->error, HML_ERROR_usage, "'--seconds %s': expected a number",
                             word);
    }
    return HML_OK;
}

/* Before the measurement, which takes its time. */
static hml_status check_trace(bench_report *report, const char *path)
{
    return path != NULL ? hml_output_check(&report->bench.files, path, &report->error) : HML_OK;
}

static hml_status bench_model(bench_report *report, const char *path)
{
    hml_workbench *bench = &report->bench;
    const char *trace = hml_options_get(report->options, "trace");
    bool profiled = hml_options_get(report->options, "profile") != NULL;
    HML_TOOL_TRY(parse_seconds(report));
    HML_TOOL_TRY(hml_workbench_open(bench, path, 0, report->options, &report->error));
    HML_TOOL_TRY(hml_workbench_load_inputs(bench, report->options, &report->error));
    HML_TOOL_TRY(check_trace(report, trace));
    HML_TOOL_TRY(hml_workbench_first_run(bench, report->options, report->out, &report->error));
    HML_TOOL_TRY(measure(report));
    qsort(report->times, report->count, sizeof *report->times, compare_times);
    if (trace != NULL) {
        HML_TOOL_TRY(profile(report, 1));
        HML_TOOL_TRY(hml_trace_write(bench, report->profile, trace, &report->error));
    }
    if (profiled) {
        HML_TOOL_TRY(profile(report, report->count < 20 ? (uint32_t)report->count : 20));
    }
    report->peak_gflops = hml_fma_peak_gflops();
    hml_cpu_name(report->cpu, sizeof report->cpu);
    return HML_OK;
}

static int bench_with(const hml_options *options, hml_report *out)
{
    bench_report report = {.options = options, .out = out};
    hml_status status = bench_model(&report, out->path);
    if (status == HML_OK && out->json) {
        put_report(&report, &out->data);
    } else if (status == HML_OK) {
        print_text(&report);
    }
    int exit_status = hml_report_status(out, status, &report.error);
    hml_workbench_release(&report.bench);
    free(report.times);
    free(report.profile);
    return exit_status;
}

const hml_command hml_command_bench = {
    .name = "bench",
    .words = "MODEL.hml",
    .summary = "measure an artifact",
    .purpose =
        "Measures how long runs take, how soon the first one ends, and how much memory they need.\n"
        "Inputs are those of `run`.\n",
    .options = bench_options,
    .option_count = sizeof bench_options / sizeof bench_options[0],
    .examples = {"bench model.hml --threads 1 --dim batch=8", "bench model.hml --profile --json"},
    .least_words = 1,
    .most_words = 1,
    .expected = "one artifact",
    .environment = HML_RUNTIME_ENVIRONMENT,
    .run = bench_with,
};
