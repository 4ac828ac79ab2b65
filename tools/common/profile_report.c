#include "profile_report.h"

#include "output_file.h"
#include "printable.h"

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

static void put_step(hml_json *json, const step_figures *figures, uint32_t index, uint32_t threads)
{
    const hml_step_info *info = &figures->info;
    hml_json_object(json, NULL);
    hml_json_unsigned(json, "step", index);
    hml_json_string(json, "nodes", info->location);
    hml_json_string(json, "kind", info->kind);
    hml_json_string(json, "form", info->form != NULL ? info->form : "");
    hml_json_string(json, "kernel", info->kernel != NULL ? info->kernel : "");
    hml_json_real(json, "us", figures->microseconds);
    hml_json_unsigned(json, "threads", threads);
    hml_json_real(json, "gflops", figures->gflops);
    hml_json_real(json, "fraction_of_peak", figures->fraction);
    hml_json_end(json);
}

void hml_profile_put(hml_json *json, const hml_workbench *bench, const hml_step_profile *steps,
                     double peak)
{
    step_figures figures;
    hml_json_array(json, "profile");
    for (uint32_t i = 0; i < bench->info.step_count; i++) {
        if (figures_of(bench, steps, i, peak, &figures)) {
            put_step(json, &figures, i, steps[i].threads);
        }
    }
    hml_json_end(json);
}

static void put_event(hml_json *json, const step_figures *figures, const hml_step_profile *step,
                      uint32_t index, uint64_t origin)
{
    const hml_step_info *info = &figures->info;
    hml_json_object(json, NULL);
    hml_json_string(json, "ph", "X");
    hml_json_integer(json, "pid", 1);
    hml_json_integer(json, "tid", 1);
    hml_json_real(json, "ts", (double)(step->start_nanoseconds - origin) * 1e-3);
    hml_json_real(json, "dur", figures->microseconds);
    hml_json_string(json, "name", info->location[0] != '\0' ? info->location : info->kind);
    hml_json_string(json, "cat", info->form != NULL ? info->form : info->kind);
    hml_json_object(json, "args");
    hml_json_unsigned(json, "step", index);
    hml_json_unsigned(json, "threads", step->threads);
    hml_json_real(json, "gflops", figures->gflops);
    hml_json_string(json, "kernel", info->kernel != NULL ? info->kernel : "");
    hml_json_end(json);
    hml_json_end(json);
}

static void put_events(hml_json *json, const hml_workbench *bench, const hml_step_profile *steps)
{
    uint64_t origin = UINT64_MAX;
    step_figures figures;
    for (uint32_t i = 0; i < bench->info.step_count; i++) {
        if (steps[i].calls != 0 && steps[i].start_nanoseconds < origin) {
            origin = steps[i].start_nanoseconds;
        }
    }
    for (uint32_t i = 0; i < bench->info.step_count; i++) {
        if (figures_of(bench, steps, i, 0, &figures)) {
            put_event(json, &figures, &steps[i], i, origin);
        }
    }
}

hml_status hml_trace_write(const hml_workbench *bench, const hml_step_profile *steps,
                           const char *path, hml_tool_error *error)
{
    hml_output_file file;
    HML_TOOL_TRY(hml_output_open(&file, path, &bench->files, error));
    hml_json json = {.out = file.stream};
    hml_json_object(&json, NULL);
    hml_json_string(&json, "displayTimeUnit", "ns");
    hml_json_array(&json, "traceEvents");
    put_events(&json, bench, steps);
    hml_json_end(&json);
    hml_json_end(&json);
    fputc('\n', file.stream);
    return hml_output_close(&file, error);
}
