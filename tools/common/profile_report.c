/* SPDX-License-Identifier: Apache-2.0 */
#include "profile_report.h"

#include "output_file.h"
#include "printable.h"
#include "terminal.h"

#include <stdlib.h>
#include <string.h>

enum { FIGURE_COLUMNS = 62 }; /* of a table row before its node names */

static const char *way_of(const hml_profile_row *row)
{
    return row->info.form != NULL ? row->info.form : row->info.kind;
}

/* -- Text -------------------------------------------------------------------------------------- */

/* The end of a name says more than its beginning. */
static void print_end(const char *text, int width)
{
    size_t length = strlen(text);
    bool cut = width > 4 && length > (size_t)width;
    if (cut) {
        text += length - (size_t)width + 2;
    }
    printf("%s", cut ? ".." : "");
    hml_print_text(stdout, text);
}

static void print_row(const hml_profile_row *row, double total, const hml_profile_view *view,
                      int width)
{
    printf("%5u %10.2f %5.1f%%", row->step, row->microseconds, row->microseconds / total * 100);
    if (row->counted) {
        printf(" %9.2f %5.1f%%", row->gflops, row->fraction * 100);
    } else {
        printf(" %9s %6s", "-", "-");
    }
    printf(" %3u  %-11s ", row->threads, way_of(row));
    if (view->wide) {
        hml_print_text(stdout, row->info.location);
    } else {
        char text[sizeof row->operators + sizeof row->nodes + 2];
        (void)snprintf(text, sizeof text, "%s %s", row->operators, row->nodes);
        print_end(text, width - FIGURE_COLUMNS);
    }
    printf("\n");
}

static void print_totals(const hml_profile_rows *rows)
{
    hml_operator_total *totals = calloc((size_t)rows->count + 1, sizeof *totals);
    if (totals == NULL) {
        return;
    }
    uint32_t count = hml_profile_totals(rows, totals);
    printf("\n%5s %10s %6s  %s\n", "steps", "us", "share", "operators");
    for (uint32_t k = 0; k < count; k++) {
        printf("%5u %10.2f %5.1f%%  ", totals[k].steps, totals[k].microseconds,
               totals[k].microseconds / rows->microseconds * 100);
        hml_print_text(stdout, totals[k].operators);
        printf("\n");
    }
    free(totals);
}

void hml_profile_print(const hml_profile_rows *rows, const hml_profile_view *view)
{
    int width = hml_terminal_width();
    uint32_t shown = view->top > 0 && view->top < rows->count ? view->top : rows->count;
    printf("\n%5s %10s %6s %9s %6s %3s  %-11s %s\n", "step", "us", "share", "GFLOP/s", "peak",
           "thr", "way", "nodes");
    for (uint32_t i = 0; i < shown; i++) {
        print_row(&rows->rows[i], rows->microseconds, view, width);
    }
    if (shown < rows->count) {
        printf("%5s %u more\n", "..", rows->count - shown);
    }
    printf("%5s %10.2f %6s %9.2f\n", "all", rows->microseconds, "",
           rows->microseconds > 0 ? rows->work / rows->microseconds * 1e-3 : 0);
    print_totals(rows);
}

/* -- CSV --------------------------------------------------------------------------------------- */

/* In quotes, those inside doubled; a line end would end the row. */
static void print_quoted(const char *text)
{
    putchar('"');
    for (; *text != '\0'; text++) {
        if (*text == '"') {
            putchar('"');
        }
        putchar(*text == '\n' || *text == '\r' ? ' ' : *text);
    }
    putchar('"');
}

void hml_profile_print_csv(const hml_profile_rows *rows)
{
    printf("step,us,share,gflops,fraction_of_peak,threads,way,kernel,operators,nodes\n");
    for (uint32_t i = 0; i < rows->count; i++) {
        const hml_profile_row *row = &rows->rows[i];
        printf("%u,%.3f,%.5f,%.3f,%.4f,%u,%s,", row->step, row->microseconds,
               row->microseconds / rows->microseconds, row->gflops, row->fraction, row->threads,
               way_of(row));
        print_quoted(row->info.kernel != NULL ? row->info.kernel : "");
        putchar(',');
        print_quoted(row->operators);
        putchar(',');
        print_quoted(row->info.location);
        putchar('\n');
    }
}

/* -- JSON -------------------------------------------------------------------------------------- */

static void put_row(hml_json *json, const hml_profile_row *row)
{
    const hml_step_info *info = &row->info;
    hml_json_object(json, NULL);
    hml_json_unsigned(json, "step", row->step);
    hml_json_string(json, "nodes", info->location);
    hml_json_string(json, "operators", row->operators);
    hml_json_string(json, "kind", info->kind);
    hml_json_string(json, "form", info->form != NULL ? info->form : "");
    hml_json_string(json, "kernel", info->kernel != NULL ? info->kernel : "");
    hml_json_real(json, "us", row->microseconds);
    hml_json_unsigned(json, "threads", row->threads);
    hml_json_real(json, "gflops", row->gflops);
    hml_json_real(json, "fraction_of_peak", row->fraction);
    hml_json_end(json);
}

static void put_totals(hml_json *json, const hml_profile_rows *rows)
{
    hml_operator_total *totals = calloc((size_t)rows->count + 1, sizeof *totals);
    uint32_t count = totals != NULL ? hml_profile_totals(rows, totals) : 0;
    hml_json_array(json, "operators");
    for (uint32_t k = 0; k < count; k++) {
        hml_json_object(json, NULL);
        hml_json_string(json, "operators", totals[k].operators);
        hml_json_unsigned(json, "steps", totals[k].steps);
        hml_json_real(json, "us", totals[k].microseconds);
        hml_json_end(json);
    }
    hml_json_end(json);
    free(totals);
}

void hml_profile_put(hml_json *json, const hml_profile_rows *rows)
{
    hml_json_array(json, "profile");
    for (uint32_t i = 0; i < rows->count; i++) {
        put_row(json, &rows->rows[i]);
    }
    hml_json_end(json);
    put_totals(json, rows);
}

/* -- Trace ------------------------------------------------------------------------------------- */

static void put_event(hml_json *json, const hml_profile_row *row, uint64_t origin)
{
    const hml_step_info *info = &row->info;
    hml_json_object(json, NULL);
    hml_json_string(json, "ph", "X");
    hml_json_integer(json, "pid", 1);
    hml_json_integer(json, "tid", 1);
    hml_json_real(json, "ts", (double)(row->start_nanoseconds - origin) * 1e-3);
    hml_json_real(json, "dur", row->microseconds);
    hml_json_string(json, "name", info->location[0] != '\0' ? info->location : info->kind);
    hml_json_string(json, "cat", way_of(row));
    hml_json_object(json, "args");
    hml_json_unsigned(json, "step", row->step);
    hml_json_unsigned(json, "threads", row->threads);
    hml_json_real(json, "gflops", row->gflops);
    hml_json_string(json, "kernel", info->kernel != NULL ? info->kernel : "");
    hml_json_end(json);
    hml_json_end(json);
}

static void put_events(hml_json *json, const hml_profile_rows *rows)
{
    uint64_t origin = UINT64_MAX;
    for (uint32_t i = 0; i < rows->count; i++) {
        uint64_t start = rows->rows[i].start_nanoseconds;
        origin = start < origin ? start : origin;
    }
    for (uint32_t i = 0; i < rows->count; i++) {
        put_event(json, &rows->rows[i], origin);
    }
}

hml_status hml_trace_write(const hml_workbench *bench, const hml_profile_rows *rows,
                           const char *path, hml_tool_error *error)
{
    hml_output_file file;
    HML_TOOL_TRY(hml_output_open(&file, path, &bench->files, error));
    hml_json json = {.out = file.stream};
    hml_json_object(&json, NULL);
    hml_json_string(&json, "displayTimeUnit", "ns");
    hml_json_array(&json, "traceEvents");
    put_events(&json, rows);
    hml_json_end(&json);
    hml_json_end(&json);
    fputc('\n', file.stream);
    return hml_output_close(&file, error);
}
