/* SPDX-License-Identifier: Apache-2.0 */
/* The table of error codes, and lists of messages. */
#include <hmlc/diagnostic.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define DEFAULT_LIMIT 1000

static const hmlc_error_info errors[] = {
    {"none", 0, HMLC_OK, "no error", ""},
#define HMLC_ERROR(identifier, number, status, title, explanation)                                 \
    {#identifier, number, status, title, explanation},
#include <hmlc/errors.def>
#undef HMLC_ERROR
};

struct hmlc_diagnostics {
    hmlc_arena *arena;
    hmlc_diagnostic *first, *last;
    uint32_t kept, limit, dropped, error_count;
    hmlc_status status;
    bool assumed; /* a path was: see behind_assumption */
};

const hmlc_error_info *hmlc_error_get_info(hmlc_error error)
{
    return &errors[(uint32_t)error < HMLC_ERROR_COUNT ? error : HMLC_ERROR_none];
}

const hmlc_error_info *hmlc_error_find(uint32_t number)
{
    for (int i = 1; i < HMLC_ERROR_COUNT; i++) {
        if (errors[i].number == number) {
            return &errors[i];
        }
    }
    return NULL;
}

hmlc_diagnostics *hmlc_diagnostics_create(hmlc_arena *arena, uint32_t limit)
{
    hmlc_diagnostics *diagnostics = HMLC_NEW(arena, hmlc_diagnostics);
    if (diagnostics != NULL) {
        diagnostics->arena = arena;
        diagnostics->limit = limit == 0 ? DEFAULT_LIMIT : limit;
    }
    return diagnostics;
}

static char *format_message(hmlc_arena *arena, const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    char *text = length < 0 ? NULL : hmlc_arena_allocate(arena, (size_t)length + 1);
    if (text != NULL) {
        vsnprintf(text, (size_t)length + 1, format, arguments);
    }
    return text;
}

/* The same finding told before: what an option brings about shows wherever a dim occurs. */
static bool is_told(const hmlc_diagnostics *diagnostics, const hmlc_diagnostic *entry)
{
    const hmlc_diagnostic *d = diagnostics->first;
    while (d != NULL &&
           (d->error != entry->error || d->severity != entry->severity ||
            d->location != entry->location || strcmp(d->message, entry->message) != 0)) {
        d = d->next;
    }
    return d != NULL;
}

/* The message's text, hint and node in the arena; false when memory ran out. */
static bool keep(hmlc_diagnostics *diagnostics, const hmlc_diagnostic *content, const char *format,
                 va_list arguments)
{
    hmlc_diagnostic *entry = hmlc_arena_copy(diagnostics->arena, content, sizeof(hmlc_diagnostic));
    char *message = entry == NULL ? NULL : format_message(diagnostics->arena, format, arguments);
    if (message == NULL) {
        return false;
    }
    entry->message = message;
    if (is_told(diagnostics, entry)) {
        return true;
    }
    if (content->hint != NULL) {
        entry->hint = hmlc_arena_string(diagnostics->arena, content->hint);
    }
    if (diagnostics->last != NULL) {
        diagnostics->last->next = entry;
    } else {
        diagnostics->first = entry;
    }
    diagnostics->last = entry;
    diagnostics->kept++;
    return true;
}

static void add(hmlc_diagnostics *diagnostics, const hmlc_diagnostic *content, const char *format,
                va_list arguments)
{
    if (diagnostics->kept >= diagnostics->limit || !keep(diagnostics, content, format, arguments)) {
        diagnostics->dropped++;
    }
}

/* Which status stands for a list with both. */
static int weight(hmlc_status status)
{
    static const hmlc_status rising[] = {HMLC_OK,      HMLC_NO,       HMLC_REFUSED, HMLC_USAGE,
                                         HMLC_DAMAGED, HMLC_RESOURCE, HMLC_INTERNAL};
    for (int i = 0; i < (int)(sizeof rising / sizeof rising[0]); i++) {
        if (rising[i] == status) {
            return i;
        }
    }
    return 0;
}

/* What contradicts itself only behind an assumption is no proof that the model is invalid. */
static bool behind_assumption(const hmlc_diagnostics *diagnostics, hmlc_error error)
{
    return diagnostics != NULL && diagnostics->assumed &&
           (error == HMLC_ERROR_graph_invalid || error == HMLC_ERROR_attribute_invalid ||
            error == HMLC_ERROR_declared_type_contradicts);
}

hmlc_status hmlc_error_add(hmlc_diagnostics *diagnostics, hmlc_error error,
                           const hmlc_location *location, const char *hint, const char *format, ...)
{
    if (behind_assumption(diagnostics, error)) {
        error = HMLC_ERROR_not_implemented;
        hint = "follow the hint of the warning about what was assumed (HML0220)";
    }
    hmlc_status status = hmlc_error_get_info(error)->status;
    if (diagnostics == NULL) {
        return status;
    }
    diagnostics->error_count++;
    if (weight(status) > weight(diagnostics->status)) {
        diagnostics->status = status;
    }
    hmlc_diagnostic content = {
        .error = error, .severity = HMLC_SEVERITY_ERROR, .location = location, .hint = hint};
    va_list arguments;
    va_start(arguments, format);
    add(diagnostics, &content, format, arguments);
    va_end(arguments);
    return status;
}

void hmlc_warning_add(hmlc_diagnostics *diagnostics, hmlc_error error,
                      const hmlc_location *location, const char *hint, const char *format, ...)
{
    if (diagnostics == NULL) {
        return;
    }
    diagnostics->assumed = diagnostics->assumed || error == HMLC_ERROR_path_assumed;
    hmlc_diagnostic content = {
        .error = error, .severity = HMLC_SEVERITY_WARNING, .location = location, .hint = hint};
    va_list arguments;
    va_start(arguments, format);
    add(diagnostics, &content, format, arguments);
    va_end(arguments);
}

const hmlc_diagnostic *hmlc_diagnostics_first(const hmlc_diagnostics *diagnostics)
{
    return diagnostics->first;
}

uint32_t hmlc_diagnostics_error_count(const hmlc_diagnostics *diagnostics)
{
    return diagnostics->error_count;
}

uint32_t hmlc_diagnostics_dropped(const hmlc_diagnostics *diagnostics)
{
    return diagnostics->dropped;
}

hmlc_status hmlc_diagnostics_status(const hmlc_diagnostics *diagnostics)
{
    return diagnostics->status;
}
