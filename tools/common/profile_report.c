#include "profile_report.h"

#include "json.h"
#include "output_file.h"
#include "printable.h"

#include <errno.h>
#include <string.h>

typedef struct step_figures {
    hml_step_info info;
    double microseconds; /* of one call */
    double gflops, fraction;
    bool counted; /* it has a work figure */
} step_figures;

static bool figures_of(const hml_workbench *bench, const hml_step_profile *steps, uint32_t index,
                       double peak, step_figures *figures)
{
    const hml_step_profile *step = &steps[index];
    *figures = (step_figures){0};
    if (step->calls == 0 || hml_model_step(bench->model, index, &figures->info) != HML_OK) {
        return false;
    }
    figures->microseconds = (double)step->nanoseconds / (double)step->calls * 1e-3;
    figures->counted = step->work > 0 && step->nanoseconds > 0;
    if (figures->counted) {
        figures->gflops = (double)step->work / figures->microseconds * 1e-3;
        figures->fraction = peak > 0 ? figures->gflops / (peak * step->threads) : 0;
    }
    return true;
}

void hml_profile_print(const hml_workbench *bench, const hml_step_profile *steps, double peak)
{
    double total = 0, work = 0;
    step_figures figures;
    for (uint32_t i = 0; i < bench->info.step_count; i++) {
        if (figures_of(bench, steps, i, peak, &figures)) {
            total += figures.microseconds;
            work += (double)steps[i].work;
        }
    }
    printf("\n%5s %10s %6s %9s %6s %3s  %-11s %s\n", "step", "us", "share", "GFLOP/s", "peak",
           "thr", "way", "nodes");
    for (uint32_t i = 0; i < bench->info.step_count; i++) {
        if (!figures_of(bench, steps, i, peak, &figures)) {
            continue;
        }
        printf("%5u %10.2f %5.1f%%", i, figures.microseconds, figures.microseconds / total * 100);
        if (figures.counted) {
            printf(" %9.2f %5.1f%%", figures.gflops, figures.fraction * 100);
        } else {
            printf(" %9s %6s", "-", "-");
        }
        printf(" %3u  %-11s ", steps[i].threads,
               figures.info.form != NULL ? figures.info.form : figures.info.kind);
        hml_print_text(stdout, figures.info.location);
        printf("\n");
    }
    printf("%5s %10.2f %6s %9.2f\n", "all", total, "", total > 0 ? work / total * 1e-3 : 0);
}

void hml_profile_print_json(const hml_workbench *bench, const hml_step_profile *steps, double peak)
{
    step_figures figures;
    bool first = true;
    printf("[");
    for (uint32_t i = 0; i < bench->info.step_count; i++) {
        if (!figures_of(bench, steps, i, peak, &figures)) {
            continue;
        }
        printf("%s{\"step\":%u,\"nodes\":", first ? "" : ",", i);
        first = false;
        hml_json_string(stdout, figures.info.location);
        printf(",\"kind\":\"%s\",\"form\":", figures.info.kind);
        hml_json_string(stdout, figures.info.form != NULL ? figures.info.form : "");
        printf(",\"kernel\":");
        hml_json_string(stdout, figures.info.kernel != NULL ? figures.info.kernel : "");
        printf(",\"us\":");
        hml_json_number(stdout, figures.microseconds);
        printf(",\"threads\":%u,\"gflops\":", steps[i].threads);
        hml_json_number(stdout, figures.counted ? figures.gflops : (double)0);
        printf(",\"fraction_of_peak\":");
        hml_json_number(stdout, figures.counted ? figures.fraction : (double)0);
        printf("}");
    }
    printf("]");
}

static void write_events(FILE *file, const hml_workbench *bench, const hml_step_profile *steps)
{
    uint64_t origin = UINT64_MAX;
    step_figures figures;
    bool first = true;
    for (uint32_t i = 0; i < bench->info.step_count; i++) {
        if (steps[i].calls != 0 && steps[i].start_nanoseconds < origin) {
            origin = steps[i].start_nanoseconds;
        }
    }
    for (uint32_t i = 0; i < bench->info.step_count; i++) {
        if (!figures_of(bench, steps, i, 0, &figures)) {
            continue;
        }
        fprintf(file, "%s\n{\"ph\":\"X\",\"pid\":1,\"tid\":1,\"ts\":%.3f,\"dur\":%.3f,\"name\":",
                first ? "" : ",", (double)(steps[i].start_nanoseconds - origin) * 1e-3,
                figures.microseconds);
        first = false;
        hml_json_string(file, figures.info.location[0] != '\0' ? figures.info.location
                                                               : figures.info.kind);
        fprintf(file, ",\"cat\":\"%s\",\"args\":{\"step\":%u,\"threads\":%u,\"gflops\":",
                figures.info.form != NULL ? figures.info.form : figures.info.kind, i,
                steps[i].threads);
        hml_json_number(file, figures.gflops);
        fprintf(file, ",\"kernel\":");
        hml_json_string(file, figures.info.kernel != NULL ? figures.info.kernel : "");
        fprintf(file, "}}");
    }
}

hml_status hml_trace_write(const hml_workbench *bench, const hml_step_profile *steps,
                           const char *path, hml_tool_error *error)
{
    hml_output_file file;
    if (!hml_output_open(&file, path)) {
        return HML_TOOL_FAIL(error, HML_ERROR_output_unwritable, "%s: %s", path, strerror(errno));
    }
    fprintf(file.stream, "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[");
    write_events(file.stream, bench, steps);
    fprintf(file.stream, "\n]}\n");
    if (!hml_output_close(&file)) {
        return HML_TOOL_FAIL(error, HML_ERROR_output_unwritable, "%s: %s", path, strerror(errno));
    }
    return HML_OK;
}
