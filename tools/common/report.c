/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* open_memstream */
#include "report.h"

#include "printable.h"
#include "terminal.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static FILE *open_text(hml_json *json, char **text, size_t *bytes)
{
    *json = (hml_json){.out = open_memstream(text, bytes)};
    return json->out;
}

void hml_report_open(hml_report *report)
{
    report->lively = !report->quiet && hml_terminal_is_lively(STDERR_FILENO);
    if (report->json &&
        (open_text(&report->data, &report->data_text, &report->data_bytes) == NULL ||
         open_text(&report->findings, &report->finding_text, &report->finding_bytes) == NULL)) {
        report->json = false; /* no memory for a page of text: the command ends with that soon */
    }
}

/* -- Findings ---------------------------------------------------------------------------------- */

static const char *severity_name(hml_severity severity)
{
    static const char *const names[] = {"note", "warning", "error"};
    return names[severity];
}

/* A location with the path as the user wrote it, where it begins with that file's name. */
static void put_location(FILE *out, const hml_report *report, const char *location)
{
    const char *path = report->path, *name = path != NULL ? strrchr(path, '/') : NULL;
    name = name != NULL ? name + 1 : path;
    size_t length = name != NULL ? strlen(name) : 0;
    if (length > 0 && strncmp(location, name, length) == 0 &&
        (location[length] == ':' || location[length] == '\0')) {
        hml_print_text(out, path);
        location += length;
    }
    hml_print_text(out, location);
}

static void print_finding(const hml_report *report, const hml_finding *finding)
{
    static const char *const colours[] = {"\033[1;36m", "\033[1;33m", "\033[1;31m"};
    bool colour = hml_terminal_is_lively(STDERR_FILENO);
    fprintf(stderr, "%s%s", colour ? colours[finding->severity] : "",
            severity_name(finding->severity));
    if (finding->number != 0) {
        fprintf(stderr, "[HML%04u]", finding->number);
    }
    fprintf(stderr, "%s: ", colour ? "\033[0m" : "");
    hml_print_text(stderr, finding->message);
    bool told = report->path == NULL || finding->location != NULL ||
                strstr(finding->message, report->path) != NULL;
    if (finding->location != NULL && finding->location[0] != '\0') {
        fprintf(stderr, "\n  --> ");
        put_location(stderr, report, finding->location);
    } else if (!told && finding->severity == HML_ERROR) {
        fprintf(stderr, "\n  --> ");
        hml_print_text(stderr, report->path);
    }
    if (finding->hint != NULL && finding->hint[0] != '\0') {
        fprintf(stderr, "\n  = help: ");
        hml_print_text(stderr, finding->hint);
    }
    fprintf(stderr, "\n");
}

static void code_text(unsigned number, char *text, size_t bytes)
{
    snprintf(text, bytes, "HML%04u", number);
}

static void put_finding(hml_report *report, const hml_finding *finding)
{
    hml_json *json = &report->findings;
    char code[16];
    code_text(finding->number, code, sizeof code);
    hml_json_object(json, NULL);
    hml_json_string(json, "code", finding->number != 0 ? code : NULL);
    hml_json_string(json, "severity", severity_name(finding->severity));
    hml_json_string(json, "message", finding->message);
    hml_json_string(json, "hint", finding->hint);
    const char *location = finding->location != NULL ? finding->location : report->path;
    hml_json_string(json, "location", location != NULL && location[0] != '\0' ? location : NULL);
    hml_json_end(json);
}

void hml_report_add(hml_report *report, const hml_finding *finding)
{
    if (finding->severity == HML_ERROR && report->code == 0) {
        report->code = finding->number;
        snprintf(report->first, sizeof report->first, "%s", finding->message);
    }
    if (finding->severity != HML_NOTE || !report->quiet) {
        print_finding(report, finding);
    }
    if (report->json) {
        put_finding(report, finding);
    }
}

void hml_report_note(hml_report *report, const char *format, ...)
{
    char message[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    if (!report->quiet) {
        hml_print_text(stderr, message);
        fputc('\n', stderr);
    }
}

void hml_report_detail(hml_report *report, const char *format, ...)
{
    char message[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    if (report->verbose) {
        hml_report_note(report, "%s", message);
    }
}

void hml_report_warn(hml_report *report, const char *hint, const char *format, ...)
{
    char message[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    hml_report_add(report, &(hml_finding){HML_WARNING, 0, message, hint, NULL});
}

/* -- Failures ---------------------------------------------------------------------------------- */

int hml_report_usage(hml_report *report, const char *format, ...)
{
    char message[1024], line[1200], hint[96];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    bool named = report->command != NULL;
    snprintf(hint, sizeof hint,
             named ? "`%s %s --help` lists its words" : "`%s help` lists the commands",
             report->program, named ? report->command : "");
    snprintf(line, sizeof line, "%s%s%s: %s", report->program, named ? " " : "",
             named ? report->command : "", message);
    hml_report_add(report, &(hml_finding){HML_ERROR, HML_ERROR_usage, line, hint, NULL});
    return HML_EXIT_USAGE;
}

/* Where status.def speaks to a program that embeds the runtime. */
const char *hml_report_hint(hml_status status)
{
    static const struct {
        hml_status status;
        const char *hint;
    } hints[] = {
        {HML_ERROR_not_an_artifact,
         "`hmlc compile MODEL -o OUT.hml` makes artifacts; a transfer in text mode damages them"},
        {HML_ERROR_input_missing, "complete the folder, or give single inputs with --input "
                                  "NAME=FILE: then the rest is random"},
        {HML_ERROR_input_type, "`inspect` lists the inputs with their types and shapes"},
        {HML_ERROR_input_rank, "`inspect` lists the inputs with their types and shapes"},
        {HML_ERROR_out_of_memory,
         "make the dims smaller, close other programs, or raise the memory limit"},
        {HML_ERROR_index_range, "check the indices in the inputs; they count from 0"},
    };
    for (size_t i = 0; i < sizeof hints / sizeof hints[0]; i++) {
        if (hints[i].status == status) {
            return hints[i].hint;
        }
    }
    return hml_status_describe(status)->explanation;
}

int hml_report_status(hml_report *report, hml_status status, const hml_tool_error *error)
{
    const hml_status_text *text = hml_status_describe(status);
    if (status == HML_OK) {
        return 0;
    }
    static const hml_status of_files[] = {
        HML_ERROR_file_unreadable,   HML_ERROR_tensor_damaged, HML_ERROR_tensor_unsupported,
        HML_ERROR_output_unwritable, HML_ERROR_path_wrong,     HML_ERROR_input_overwritten,
    };
    const char *message = error->text[0] != '\0' ? strchr(error->text, ':') : NULL;
    const char *location = NULL;
    for (size_t i = 0; i < sizeof of_files / sizeof of_files[0]; i++) {
        location = status == of_files[i] ? "" : location;
    }
    hml_report_add(
        report,
        &(hml_finding){HML_ERROR, text->number, message != NULL ? message + 2 : text->title,
                       error->hint != NULL ? error->hint : hml_report_hint(status), location});
    return (int)text->exit_class;
}

/* -- The end ----------------------------------------------------------------------------------- */

static void put_object(hml_report *report, int status)
{
    hml_json json = {.out = stdout};
    char schema[64], code[16];
    snprintf(schema, sizeof schema, "hml.%s.1", report->schema);
    code_text(report->code, code, sizeof code);
    hml_json_object(&json, NULL);
    hml_json_string(&json, "schema", schema);
    hml_json_string(&json, "version", hml_version());
    hml_json_integer(&json, "status", status);
    hml_json_string(&json, "code", report->code != 0 ? code : NULL);
    hml_json_string(&json, "path", report->path);
    hml_json_members(&json, report->data_text);
    hml_json_array(&json, "diagnostics");
    hml_json_members(&json, report->finding_text);
    hml_json_end(&json);
    hml_json_end(&json);
    fputc('\n', stdout);
}

static bool close_text(hml_json *json)
{
    while (json->depth > 0) { /* a failure in the midst of a list */
        hml_json_end(json);
    }
    return fclose(json->out) == 0;
}

static int write_object(hml_report *report, int status)
{
    bool whole = close_text(&report->data);
    whole = close_text(&report->findings) && whole;
    if (whole) {
        put_object(report, status);
    } else {
        fprintf(stderr, "error[HML%d]: out of memory for the JSON\n", HML_ERROR_out_of_memory);
        status = HML_EXIT_RESOURCE;
    }
    free(report->data_text);
    free(report->finding_text);
    return status;
}

int hml_report_close(hml_report *report, int status)
{
    bool json = report->json;
    status = json ? write_object(report, status) : status;
    report->json = false;
    /* stdout may be a full disk or a closed pipe: what was printed must have arrived. */
    if ((fflush(stdout) != 0 || ferror(stdout)) && status == 0) {
        hml_tool_error error = {0};
        report->path = NULL;
        status = HML_TOOL_FAIL(&error, HML_ERROR_output_unwritable, "standard output");
        return hml_report_status(report, (hml_status)status, &error);
    }
    return status;
}
