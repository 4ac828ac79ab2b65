/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a command tells besides its data: findings as text on stderr, in the style of a compiler,
 * and with --json one object on stdout:
 *
 *     {"schema":"hml.run.1","version":"0.1.0","status":2,"code":"HML1048","path":"m.hml",
 *      ... members of the command ...,
 *      "diagnostics":[{"code":...,"severity":...,"message":...,"hint":...,"location":...}]}
 *
 * `status` is the exit status; `code` that of the first error, null without one; `path` the file
 * that the command is about, null where there is none.
 */
#ifndef HML_REPORT_H
#define HML_REPORT_H

#include "json.h"
#include "tool_error.h"

enum { HML_EXIT_USAGE = 2, HML_EXIT_REFUSED = 3, HML_EXIT_RESOURCE = 5 };

typedef enum hml_severity { HML_NOTE, HML_WARNING, HML_ERROR } hml_severity;

typedef struct hml_finding {
    hml_severity severity;
    unsigned number; /* printed as HML0301; 0: none, a note of the tool */
    const char *message;
    const char *hint;     /* NULL: none */
    const char *location; /* "digits.onnx: node 'c' (Conv)"; NULL: the report's path; "": the
                             message names a file of its own */
} hml_finding;

typedef struct hml_report {
    const char *program; /* "hmlc" */
    const char *command; /* "run"; NULL: none */
    const char *schema;  /* what the object is of: "run", "help" */
    const char *path;    /* NULL: the command is about no file */
    bool json, quiet, verbose;
    bool lively;         /* stderr takes colours and progress */
    hml_json data;       /* members of the command; data.out is NULL without --json */
    unsigned code;       /* of the first error; 0: there was none */
    char first[512];     /* its message */
    char differing[256]; /* the first output that is out of tolerance; "": none */
    hml_json findings;
    char *data_text, *finding_text;
    size_t data_bytes, finding_bytes;
} hml_report;

/* `report` gets program, command, schema and the --json, --quiet and --verbose that it has to heed.
 */
void hml_report_open(hml_report *report);
/* Writes the object where it is wanted and releases everything. Returns the exit status: `status`,
 * or 5 when stdout did not take all that was printed. */
int hml_report_close(hml_report *report, int status);

void hml_report_add(hml_report *report, const hml_finding *finding);

/* A line for people on stderr, unless --quiet; for more than a note see hml_report_add. */
void hml_report_note(hml_report *report, const char *format, ...) HML_TOOL_PRINTF(2, 3);
/* The same, with --verbose alone. */
void hml_report_detail(hml_report *report, const char *format, ...) HML_TOOL_PRINTF(2, 3);
void hml_report_warn(hml_report *report, const char *hint, const char *format, ...)
    HML_TOOL_PRINTF(3, 4);

/* An error of the command line (HML1100); returns its exit status. */
int hml_report_usage(hml_report *report, const char *format, ...) HML_TOOL_PRINTF(2, 3);

/* What to do on a command line where nobody knows better. */
const char *hml_report_hint(hml_status status);

/* A failure of the runtime or the tools with its hint; returns the exit status, 0 for HML_OK. */
int hml_report_status(hml_report *report, hml_status status, const hml_tool_error *error);

#endif
