/* SPDX-License-Identifier: Apache-2.0 */
/* The compiler's diagnostics as findings of a report, and its paths held against each other. */
#include "common/input_path.h"
#include "common/output_file.h"
#include "hmlc_commands.h"

#include <assert.h>

/* A code that the runtime has, too, is the runtime's. */
#define HMLC_ERROR(identifier, number, status, title, explanation)
#define HMLC_SHARED(identifier, number_, status_)                                                  \
    static_assert((int)HML_ERROR_##identifier == (number_) && (int)EXIT_##identifier == (status_), \
                  #identifier);
#define HML_STATUS(identifier, number, exit_class, title, explanation)                             \
    EXIT_##identifier = (exit_class),
enum { /* of the runtime's codes */
#include <hml/status.def>
};
#undef HML_STATUS
#include <hmlc/errors.def>
#undef HMLC_ERROR

/* gcc compares enumerators of one enum alone. NOLINTBEGIN(readability-redundant-casting) */
static_assert((int)HMLC_USAGE == (int)HML_EXIT_USAGE &&
                  (int)HMLC_REFUSED == (int)HML_EXIT_REFUSED &&
                  (int)HMLC_RESOURCE == (int)HML_EXIT_RESOURCE,
              "a status of the compiler is an exit status");
/* NOLINTEND(readability-redundant-casting) */

/* What to do, when the place that found the problem knows nothing better. */
static const char *hint_of(const hmlc_diagnostic *d)
{
    const hmlc_error_info *info = hmlc_error_get_info(d->error);
    if (d->hint != NULL || d->severity != HMLC_SEVERITY_ERROR) {
        return d->hint;
    }
    return info->explanation[0] != '\0' ? info->explanation
                                        : hml_report_hint((hml_status)info->number);
}

/* The list, or what stands for it when there was no memory to note anything in. */
static const hmlc_diagnostic *first_of(const hmlc_job *job)
{
    static const hmlc_diagnostic no_memory = {.error = HMLC_ERROR_out_of_memory,
                                              .severity = HMLC_SEVERITY_ERROR,
                                              .message = "out of memory"};
    const hmlc_diagnostics *list = job->module != NULL ? job->module->diagnostics : NULL;
    const hmlc_diagnostic *first = list != NULL ? hmlc_diagnostics_first(list) : NULL;
    bool lost = list == NULL || hmlc_diagnostics_error_count(list) > 0;
    return first == NULL && lost ? &no_memory : first;
}

static hml_severity severity_of(const hmlc_diagnostic *d)
{
    static const hml_severity severities[] = {[HMLC_SEVERITY_NOTE] = HML_NOTE,
                                              [HMLC_SEVERITY_WARNING] = HML_WARNING,
                                              [HMLC_SEVERITY_ERROR] = HML_ERROR};
    return severities[d->severity];
}

int hmlc_path_check(hml_report *report, const char *model, const char *output)
{
    hml_tool_error error = {0};
    hml_input_files inputs = {0};
    bool folder = hmlc_import_takes_folder(model);
    hml_status status = folder ? HML_OK : hml_path_check(model, HML_PATH_MODEL, &error);
    if (status == HML_OK && output != NULL) {
        bool noted = hml_input_files_add(&inputs, model);
        status = noted ? hml_output_check(&inputs, output, &error) : HML_ERROR_out_of_memory;
    }
    hml_input_files_release(&inputs);
    return hml_report_status(report, status, &error);
}

static void note_file(void *context, uint64_t device, uint64_t inode)
{
    (void)hml_input_files_add_number(context, device, inode);
}

int hmlc_job_guard(const hmlc_job *job, const char *output)
{
    hml_tool_error error = {0};
    hml_input_files inputs = {0};
    hmlc_mapping_visit(job->mapping, note_file, &inputs);
    hml_status status = hml_output_guard(&inputs, output, &error);
    hml_input_files_release(&inputs);
    return hml_report_status(job->request->report, status, &error);
}

void hmlc_job_report(const hmlc_job *job, hml_report *report)
{
    for (const hmlc_diagnostic *d = first_of(job); d != NULL; d = d->next) {
        char location[512] = "";
        hmlc_location_format(d->location, location, sizeof location);
        hml_report_add(report, &(hml_finding){severity_of(d), hmlc_error_get_info(d->error)->number,
                                              d->message, hint_of(d),
                                              location[0] != '\0' ? location : NULL});
    }
    uint32_t dropped = job->module != NULL ? hmlc_diagnostics_dropped(job->module->diagnostics) : 0;
    if (dropped > 0) {
        hml_report_note(report, "... and %u more", dropped);
    }
}
