/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hml-opt: reads a module in text form, runs passes, prints it. For tests and for looking at what a
 * pass does.
 */
#include <hmlc/passes.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/tool_help.h"

typedef struct options {
    const char *input;
    const char *output; /* NULL: standard output, large constants as hashes alone */
    const char *passes;
    const char *print_after;
    hmlc_print_options print;
    bool list, help, no_verify;
} options;

typedef struct file_bytes {
    char *data;
    size_t size;
} file_bytes;

static int fail_usage(const char *message)
{
    fprintf(stderr, "hml-opt: %s; --help lists the options\n", message);
    return HMLC_USAGE;
}

/* The words of *given in *o, which keeps pointers to them. */
static int understand(options *o, const hml_options *given)
{
    size_t files = hml_options_count(given, NULL);
    *o = (options){.input = hml_options_at(given, NULL, 0),
                   .output = hml_options_get(given, "output"),
                   .passes = hml_options_get(given, "passes"),
                   .print_after = hml_options_get(given, "print-after"),
                   .print = {.locations = hml_options_get(given, "locations") != NULL,
                             .storage = hml_options_get(given, "storage") != NULL},
                   .list = hml_options_get(given, "list") != NULL,
                   .help = hml_options_get(given, "help") != NULL,
                   .no_verify = hml_options_get(given, "no-verify") != NULL};
    if (files == 0 && !o->list && !o->help) {
        return fail_usage("no input file");
    }
    return files > 1 ? fail_usage("one input file is read, not several") : HMLC_OK;
}

static int parse_options(options *o, int count, char **words)
{
    const hml_command *command = hml_this_program.commands[0];
    hml_options given;
    char message[256];
    bool parsed = hml_options_parse(&given, command->options, command->option_count, count - 1,
                                    words + 1, message, sizeof message);
    int status = parsed ? understand(o, &given) : fail_usage(message);
    hml_options_release(&given);
    return status;
}

static bool reserve(file_bytes *bytes, size_t *capacity)
{
    if (bytes->size < *capacity) {
        return true;
    }
    size_t larger = *capacity == 0 ? 65536 : *capacity * 2;
    char *grown = realloc(bytes->data, larger);
    if (grown == NULL) {
        return false;
    }
    bytes->data = grown;
    *capacity = larger;
    return true;
}

static bool read_stream(FILE *stream, file_bytes *bytes)
{
    size_t capacity = 0;
    *bytes = (file_bytes){NULL, 0};
    while (!feof(stream) && !ferror(stream)) {
        if (!reserve(bytes, &capacity)) {
            return false;
        }
        bytes->size += fread(bytes->data + bytes->size, 1, capacity - bytes->size, stream);
    }
    return !ferror(stream);
}

static hmlc_status fail_file(const char *path, const char *message, hmlc_status status)
{
    fprintf(stderr, "hml-opt: %s: %s\n", path, message);
    return status;
}

static hmlc_status read_file(const char *path, file_bytes *bytes)
{
    if (strcmp(path, "-") == 0) {
        return read_stream(stdin, bytes) ? HMLC_OK
                                         : fail_file(path, "cannot be read", HMLC_DAMAGED);
    }
    FILE *stream = fopen(path, "rb");
    if (stream == NULL) {
        return fail_file(path, strerror(errno), HMLC_DAMAGED);
    }
    bool complete = read_stream(stream, bytes);
    fclose(stream);
    return complete ? HMLC_OK : fail_file(path, "cannot be read", HMLC_DAMAGED);
}

static char *side_path(const char *path)
{
    size_t size = strlen(path) + sizeof ".bin";
    char *text = malloc(size);
    if (text != NULL) {
        snprintf(text, size, "%s.bin", path);
    }
    return text;
}

/* The side file is optional: a module without large constants has none. */
static hmlc_status read_side_file(const char *path, file_bytes *bytes)
{
    char *side = side_path(path);
    HMLC_TRY_MEMORY(side);
    FILE *stream = fopen(side, "rb");
    if (stream != NULL) {
        fclose(stream);
    }
    hmlc_status status = stream == NULL ? HMLC_OK : read_file(side, bytes);
    free(side);
    return status;
}

static hmlc_status write_file(const char *path, const hmlc_text_buffer *buffer)
{
    FILE *stream = fopen(path, "wb");
    size_t written = stream == NULL ? 0 : fwrite(buffer->data, 1, buffer->size, stream);
    bool failed = stream == NULL || written != buffer->size;
    if (stream != NULL && fclose(stream) != 0) {
        failed = true;
    }
    return failed ? fail_file(path, "cannot be written", HMLC_RESOURCE) : HMLC_OK;
}

static hmlc_status write_files(const char *path, const hmlc_text_buffer *text,
                               const hmlc_text_buffer *constants)
{
    HMLC_TRY(write_file(path, text));
    if (constants->size == 0) {
        return HMLC_OK;
    }
    char *side = side_path(path);
    HMLC_TRY_MEMORY(side);
    hmlc_status status = write_file(side, constants);
    free(side);
    return status;
}

static hmlc_status print_module(const hmlc_module *module, const options *o)
{
    hmlc_text_buffer text = {NULL, 0, 0}, constants = {NULL, 0, 0};
    hmlc_status status =
        hmlc_module_print(module, &o->print, &text, o->output != NULL ? &constants : NULL);
    if (status == HMLC_OK && o->output != NULL) {
        status = write_files(o->output, &text, &constants);
    } else if (status == HMLC_OK) {
        fwrite(text.data, 1, text.size, stdout);
    }
    hmlc_text_buffer_free(&text);
    hmlc_text_buffer_free(&constants);
    return status;
}

static void print_after_pass(void *context, const char *pass, const hmlc_module *module)
{
    const options *o = context;
    hmlc_text_buffer text = {NULL, 0, 0};
    if (hmlc_module_print(module, &o->print, &text, NULL) == HMLC_OK) {
        fprintf(stderr, "# after %s\n%s", pass, text.data);
    }
    hmlc_text_buffer_free(&text);
}

static void print_diagnostics(const hmlc_diagnostics *diagnostics)
{
    static const char *const severities[] = {"note", "warning", "error"};
    for (const hmlc_diagnostic *d = hmlc_diagnostics_first(diagnostics); d != NULL; d = d->next) {
        char place[512] = "";
        if (d->location != NULL) {
            hmlc_location_format(d->location, place, sizeof place);
        }
        fprintf(stderr, "%s[HML%04u]: %s%s%s\n", severities[d->severity],
                hmlc_error_get_info(d->error)->number, place, place[0] != '\0' ? ": " : "",
                d->message);
        if (d->hint != NULL) {
            fprintf(stderr, "  help: %s\n", d->hint);
        }
    }
}

static hmlc_status run_passes(hmlc_module *module, options *o)
{
    if (!o->no_verify) {
        HMLC_TRY(hmlc_verify(module, "parsing"));
    }
    if (o->passes == NULL) {
        return HMLC_OK;
    }
    hmlc_pass_options pass_options = {.pipeline = o->passes,
                                      .print_after = o->print_after,
                                      .print = print_after_pass,
                                      .context = o,
                                      .verify = !o->no_verify};
    return hmlc_run_passes(module, &pass_options);
}

static hmlc_status process(options *o, const file_bytes *text, const file_bytes *constants)
{
    hmlc_module *module = hmlc_module_create(NULL);
    HMLC_TRY_MEMORY(module);
    hmlc_status status =
        hmlc_module_parse(module, text->data, text->size, constants->data, constants->size);
    if (status == HMLC_OK) {
        status = run_passes(module, o);
    }
    if (status == HMLC_OK) {
        status = print_module(module, o);
    }
    print_diagnostics(module->diagnostics);
    hmlc_module_destroy(module);
    return status;
}

static void list_passes(void)
{
    for (uint32_t i = 0; i < hmlc_pass_count(); i++) {
        printf("%-28s %s\n", hmlc_pass_at(i)->name, hmlc_pass_at(i)->summary);
    }
}

int main(int count, char **words)
{
    options o = {.input = NULL};
    int usage_status = parse_options(&o, count, words);
    if (usage_status != HMLC_OK) {
        return usage_status;
    }
    if (o.help || o.list) {
        if (o.help) {
            hml_command_help(hml_this_program.commands[0], &(hml_report){.program = "hml-opt"});
        } else {
            list_passes();
        }
        return HMLC_OK;
    }
    file_bytes text = {NULL, 0}, constants = {NULL, 0};
    hmlc_status status = read_file(o.input, &text);
    if (status == HMLC_OK) {
        status = read_side_file(o.input, &constants);
    }
    if (status == HMLC_OK) {
        status = process(&o, &text, &constants);
    }
    free(text.data);
    free(constants.data);
    return (int)status;
}
