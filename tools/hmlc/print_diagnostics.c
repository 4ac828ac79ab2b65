/* Diagnostics as text on stderr, or as JSON on stdout. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "commands.h"
#include "common/json.h"
#include "common/printable.h"

static const char *const colours[] = {"\033[1;36m", "\033[1;33m", "\033[1;31m"};

static const char *severity_name(hmlc_severity severity)
{
    static const char *const names[] = {"note", "warning", "error"};
    return names[severity];
}

/* What to do, when the place that found the problem knows nothing better. */
static const char *hint_of(const hmlc_diagnostic *d)
{
    bool error = d->severity == HMLC_SEVERITY_ERROR;
    return d->hint != NULL || !error ? d->hint : hmlc_error_get_info(d->error)->explanation;
}

static void print_one(const hmlc_diagnostic *d, bool colour)
{
    char location[512];
    fprintf(stderr, "%s%s[HML%04u]%s: ", colour ? colours[d->severity] : "",
            severity_name(d->severity), hmlc_error_get_info(d->error)->number,
            colour ? "\033[0m" : "");
    hml_print_text(stderr, d->message);
    if (d->location != NULL) {
        hmlc_location_format(d->location, location, sizeof location);
        fprintf(stderr, "\n  --> ");
        hml_print_text(stderr, location);
    }
    if (hint_of(d) != NULL) {
        fprintf(stderr, "\n  = help: ");
        hml_print_text(stderr, hint_of(d));
    }
    fprintf(stderr, "\n");
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

void hmlc_job_print(const hmlc_job *job)
{
    bool colour = isatty(STDERR_FILENO) && getenv("NO_COLOR") == NULL;
    for (const hmlc_diagnostic *d = first_of(job); d != NULL; d = d->next) {
        print_one(d, colour);
    }
    uint32_t dropped = job->module != NULL ? hmlc_diagnostics_dropped(job->module->diagnostics) : 0;
    if (dropped > 0) {
        fprintf(stderr, "... and %u more\n", dropped);
    }
}

static void print_one_json(const hmlc_diagnostic *d)
{
    char location[512] = "";
    hmlc_location_format(d->location, location, sizeof location);
    printf("{\"code\":\"HML%04u\",\"severity\":\"%s\",\"location\":",
           hmlc_error_get_info(d->error)->number, severity_name(d->severity));
    hml_json_string(stdout, location);
    printf(",\"message\":");
    hml_json_string(stdout, d->message);
    printf(",\"hint\":");
    hml_json_string(stdout, hint_of(d) != NULL ? hint_of(d) : "");
    putchar('}');
}

void hmlc_job_print_json(const hmlc_job *job)
{
    putchar('[');
    for (const hmlc_diagnostic *d = first_of(job); d != NULL; d = d->next) {
        if (d != first_of(job)) {
            putchar(',');
        }
        print_one_json(d);
    }
    putchar(']');
}
