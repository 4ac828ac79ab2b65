/* Diagnostics as text on stderr, or as JSON on stdout. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "commands.h"
#include "common/json.h"

static const char *severity_name(hmlc_severity severity)
{
    static const char *const names[] = {"note", "warning", "error"};
    return names[severity];
}

static void print_one(const hmlc_diagnostic *d, bool colour)
{
    static const char *const colours[] = {"\033[1;36m", "\033[1;33m", "\033[1;31m"};
    char location[512];
    fprintf(stderr, "%s%s[HML%04u]%s: %s\n", colour ? colours[d->severity] : "",
            severity_name(d->severity), hmlc_error_get_info(d->error)->number,
            colour ? "\033[0m" : "", d->message);
    if (d->location != NULL) {
        hmlc_location_format(d->location, location, sizeof location);
        fprintf(stderr, "  --> %s\n", location);
    }
    if (d->hint != NULL) {
        fprintf(stderr, "  = help: %s\n", d->hint);
    }
}

void hmlc_diagnostics_print(const hmlc_diagnostics *diagnostics)
{
    bool colour = isatty(STDERR_FILENO) && getenv("NO_COLOR") == NULL;
    for (const hmlc_diagnostic *d = hmlc_diagnostics_first(diagnostics); d != NULL; d = d->next) {
        print_one(d, colour);
    }
    uint32_t dropped = hmlc_diagnostics_dropped(diagnostics);
    if (dropped > 0) {
        fprintf(stderr, "... and %u more\n", dropped);
    }
}

void hmlc_diagnostics_print_json(const hmlc_diagnostics *diagnostics)
{
    char location[512];
    putchar('[');
    for (const hmlc_diagnostic *d = hmlc_diagnostics_first(diagnostics); d != NULL; d = d->next) {
        hmlc_location_format(d->location, location, sizeof location);
        printf("%s{\"code\":\"HML%04u\",\"severity\":\"%s\",\"location\":",
               d == hmlc_diagnostics_first(diagnostics) ? "" : ",",
               hmlc_error_get_info(d->error)->number, severity_name(d->severity));
        hml_json_string(stdout, d->location != NULL ? location : "");
        printf(",\"message\":");
        hml_json_string(stdout, d->message);
        printf(",\"hint\":");
        hml_json_string(stdout, d->hint != NULL ? d->hint : "");
        putchar('}');
    }
    putchar(']');
}
