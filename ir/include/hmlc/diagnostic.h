/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Diagnostics: a list of coded messages with location and hint. Import and check collect all
 * problems; nothing stops at the first. Not thread-safe.
 */
#ifndef HMLC_DIAGNOSTIC_H
#define HMLC_DIAGNOSTIC_H

#include <hmlc/location.h>

typedef enum hmlc_error {
    HMLC_ERROR_none,
#define HMLC_ERROR(identifier, number, status, title, explanation) HMLC_ERROR_##identifier,
#include <hmlc/errors.def>
#undef HMLC_ERROR
    HMLC_ERROR_COUNT,
} hmlc_error;

typedef enum hmlc_severity {
    HMLC_SEVERITY_NOTE,
    HMLC_SEVERITY_WARNING,
    HMLC_SEVERITY_ERROR
} hmlc_severity;

typedef struct hmlc_error_info {
    const char *identifier;
    uint32_t number; /* prints as HML%04u */
    hmlc_status status;
    const char *title; /* "" with the explanation: the runtime's table has them */
    const char *explanation;
} hmlc_error_info;

const hmlc_error_info *hmlc_error_get_info(hmlc_error error);
/* By number, for `hmlc explain`; NULL when there is none. */
const hmlc_error_info *hmlc_error_find(uint32_t number);

typedef struct hmlc_diagnostic {
    hmlc_error error;
    hmlc_severity severity;
    const hmlc_location *location; /* may be NULL */
    const char *message;           /* what was expected, what was found, in the user's words */
    const char *hint;              /* what to do; may be NULL */
    const struct hmlc_diagnostic *next;
} hmlc_diagnostic;

typedef struct hmlc_diagnostics hmlc_diagnostics;

/* Keeps at most `limit` messages (0: 1000) and counts the rest. NULL on failure; lives in the
 * arena. */
hmlc_diagnostics *hmlc_diagnostics_create(hmlc_arena *arena, uint32_t limit);

/*
 * Adds a message, unless the list has it already, and returns the error's status (HMLC_OK for notes
 * and warnings), so that a caller may write `return hmlc_error_add(...)`. Joins hint when not NULL.
 * Never fails: on memory exhaustion the message is counted. `diagnostics` may be NULL: then only
 * the status is returned. A contradiction (graph_invalid, attribute_invalid,
 * declared_type_contradicts) after a warning path_assumed is not_implemented instead: the
 * assumption may have caused it.
 */
hmlc_status hmlc_error_add(hmlc_diagnostics *diagnostics, hmlc_error error,
                           const hmlc_location *location, const char *hint, const char *format, ...)
    HMLC_PRINTF(5, 6);
void hmlc_warning_add(hmlc_diagnostics *diagnostics, hmlc_error error,
                      const hmlc_location *location, const char *hint, const char *format, ...)
    HMLC_PRINTF(5, 6);

const hmlc_diagnostic *hmlc_diagnostics_first(const hmlc_diagnostics *diagnostics);
uint32_t hmlc_diagnostics_error_count(const hmlc_diagnostics *diagnostics);
uint32_t hmlc_diagnostics_dropped(const hmlc_diagnostics *diagnostics);
/*
 * The status that stands for the whole list: INTERNAL before RESOURCE before DAMAGED before USAGE
 * before REFUSED; HMLC_OK without errors.
 */
hmlc_status hmlc_diagnostics_status(const hmlc_diagnostics *diagnostics);

#endif
