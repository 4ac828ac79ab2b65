#include "tool_error.h"

#include "printable.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void hml_tool_error_set(hml_tool_error *error, hml_status status, const char *format, ...)
{
    const hml_status_text *text = hml_status_describe(status);
    int head = snprintf(error->text, sizeof error->text, "HML%u: %s%s", text->number, text->title,
                        format[0] != '\0' ? ": " : "");
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->text + head, sizeof error->text - (size_t)head, format, arguments);
    va_end(arguments);
}

/* What to do on a command line, where status.def speaks to a program that embeds the runtime. */
static const char *hint_of(const hml_status_text *text)
{
    static const struct {
        hml_status status;
        const char *hint;
    } hints[] = {
        {HML_ERROR_not_an_artifact,
         "`hmlc compile MODEL -o OUT.hml` makes artifacts; a transfer in text mode damages them"},
        {HML_ERROR_input_missing,
         "give it with --input NAME=FILE; with no --input at all, inputs are random"},
        {HML_ERROR_input_type, "`inspect` lists the inputs with their types and shapes"},
        {HML_ERROR_input_rank, "`inspect` lists the inputs with their types and shapes"},
        {HML_ERROR_out_of_memory,
         "make the dims smaller, close other programs, or raise the memory limit"},
        {HML_ERROR_index_range, "check the indices in the inputs; they count from 0"},
    };
    for (size_t i = 0; i < sizeof hints / sizeof hints[0]; i++) {
        if ((uint32_t)hints[i].status == text->number) {
            return hints[i].hint;
        }
    }
    return text->explanation;
}

int hml_tool_report(hml_status status, const hml_tool_error *error)
{
    const hml_status_text *text = hml_status_describe(status);
    if (status == HML_OK) {
        return 0;
    }
    const char *message = error->text[0] != '\0' ? strchr(error->text, ':') : NULL;
    fprintf(stderr, "error[HML%u]: ", text->number);
    hml_print_text(stderr, message != NULL ? message + 2 : text->title);
    fprintf(stderr, "\n  = help: %s\n", hint_of(text));
    return (int)text->exit_class;
}
