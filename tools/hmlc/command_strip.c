/* SPDX-License-Identifier: Apache-2.0 */
/* hmlc strip: drops variants from an artifact, so that a device carries the code of its own kind
 * alone. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <hml/hml.h>

#include "common/input_path.h"
#include "common/output_file.h"
#include "common/printable.h"
#include "common/units.h"
#include "hmlc_commands.h"
#include "strip_artifact.h"

static const hml_option strip_table[] = {
    {"keep", 0, "T,...",
     "the variants that stay: targets, as `inspect` lists them, or words for several"},
    {"output", 'o', "OUT.hml", "where the smaller artifact goes"},
    HML_COMMON_OPTIONS,
};

typedef struct stripping {
    const hml_options *options;
    hml_report *report;
    const char *output;
    void *data; /* the whole file, mapped; NULL: not yet */
    size_t bytes;
    hml_model *model;
    hml_model_info info;
    bool *kept; /* by variant */
    uint32_t kept_count;
} stripping;

/* -- the artifact ------------------------------------------------------------------------------ */

static hml_status map_file(stripping *s, hml_tool_error *error)
{
    const char *path = s->report->path;
    struct stat state = {0};
    int file = open(path, O_RDONLY | O_CLOEXEC);
    bool sized = file >= 0 && fstat(file, &state) == 0 && state.st_size > 0;
    void *data =
        sized ? mmap(NULL, (size_t)state.st_size, PROT_READ, MAP_PRIVATE, file, 0) : MAP_FAILED;
    int cause = errno;
    if (file >= 0) {
        (void)close(file);
    }
    if (file >= 0 && state.st_size == 0) {
        return HML_TOOL_FAIL(error, HML_ERROR_not_an_artifact, "the file is empty");
    }
    if (data == MAP_FAILED) {
        return HML_TOOL_FAIL(error, HML_ERROR_file_unreadable, "%s: %s", path, strerror(cause));
    }
    s->data = data;
    s->bytes = (size_t)state.st_size;
    return HML_OK;
}

static hml_status open_artifact(stripping *s, hml_tool_error *error)
{
    HML_TOOL_TRY(hml_path_check(s->report->path, HML_PATH_ARTIFACT, error));
    HML_TOOL_TRY(map_file(s, error));
    const hml_open_options options = {.struct_bytes = sizeof options,
                                      .flags = HML_OPEN_INSPECT | HML_OPEN_NO_ENVIRONMENT,
                                      .message = error->text,
                                      .message_bytes = sizeof error->text};
    HML_TOOL_TRY(hml_model_open_memory(s->data, s->bytes, &options, &s->model));
    s->info.struct_bytes = sizeof s->info;
    HML_TOOL_TRY(hml_model_describe(s->model, &s->info));
    for (uint32_t v = 0; v < s->info.variant_count; v++) {
        hml_variant_info variant = {.struct_bytes = sizeof variant};
        HML_TOOL_TRY(hml_model_variant(s->model, v, &variant));
        if (variant.newer != 0) {
            return HML_TOOL_FAIL(error, HML_ERROR_format_newer,
                                 "what a newer hmlc wrote is stripped by that one");
        }
    }
    return HML_OK;
}

static const char *variant_name(const stripping *s, uint32_t variant)
{
    hml_variant_info info = {.struct_bytes = sizeof info};
    return hml_model_variant(s->model, variant, &info) == HML_OK ? info.name : "";
}

/* -- the words --------------------------------------------------------------------------------- */

static bool is_in_list(const char *list, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = list; at != NULL; at = strchr(at, ',')) {
        at += *at == ',' ? 1 : 0;
        if (strncmp(at, name, length) == 0 && (at[length] == ',' || at[length] == '\0')) {
            return true;
        }
    }
    return false;
}

static int unknown_variant(const stripping *s, const char *word)
{
    char names[256] = "";
    hml_tool_error error = {0};
    for (uint32_t v = 0; v < s->info.variant_count; v++) {
        size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%s%s", v > 0 ? ", " : "", variant_name(s, v));
    }
    hml_status status = HML_TOOL_FAIL(&error, HML_ERROR_variant_unknown,
                                      "--keep '%s'; the artifact has %s", word, names);
    return hml_report_status(s->report, status, &error);
}

/* A variant's own name, or a word of --target, of which the artifact has at least one row. */
static int keep_word(stripping *s, const char *word)
{
    const hmlc_target_alias *alias = hmlc_target_alias_find(word);
    bool found = false;
    for (uint32_t v = 0; v < s->info.variant_count; v++) {
        const char *name = variant_name(s, v);
        if (strcmp(name, word) == 0 || (alias != NULL && is_in_list(alias->targets, name))) {
            s->kept_count += s->kept[v] ? 0 : 1;
            s->kept[v] = found = true;
        }
    }
    return found ? HMLC_OK : unknown_variant(s, word);
}

static int keep_words(stripping *s, const char *list)
{
    char *words = strdup(list), *rest = NULL;
    int status = HMLC_OK;
    if (words == NULL) {
        return hml_report_status(s->report, HML_ERROR_out_of_memory, &(hml_tool_error){0});
    }
    for (char *word = strtok_r(words, ",", &rest); status == HMLC_OK && word != NULL;
         word = strtok_r(NULL, ",", &rest)) {
        status = keep_word(s, word);
    }
    free(words);
    return status;
}

static int choose(stripping *s)
{
    s->kept = calloc(s->info.variant_count, sizeof *s->kept);
    if (s->kept == NULL) {
        return hml_report_status(s->report, HML_ERROR_out_of_memory, &(hml_tool_error){0});
    }
    const char *list;
    for (size_t k = 0; (list = hml_options_at(s->options, "keep", k)) != NULL; k++) {
        int status = keep_words(s, list);
        if (status != HMLC_OK) {
            return status;
        }
    }
    return s->kept_count > 0 ? HMLC_OK
                             : hml_report_usage(s->report, "expected --keep T,...: what stays");
}

/* -- the file ---------------------------------------------------------------------------------- */

static hml_status write_file(const stripping *s, const strip_layout *layout, hml_tool_error *error)
{
    hml_input_files inputs = {0};
    hml_output_file file;
    hml_status status = HML_ERROR_out_of_memory;
    if (hml_input_files_add(&inputs, s->report->path)) {
        status = hml_output_open(&file, s->output, &inputs, error);
    }
    if (status == HML_OK) {
        strip_layout_write(layout, file.stream);
        status = hml_output_close(&file, error);
    }
    hml_input_files_release(&inputs);
    return status;
}

static void tell(const stripping *s, uint64_t bytes)
{
    hml_report *report = s->report;
    hml_json *json = &report->data;
    char before[HML_UNIT_TEXT], after[HML_UNIT_TEXT];
    if (!report->json) {
        hml_report_note(report, "%s -> %s: %u of %u variant%s, %s of %s", report->path, s->output,
                        s->kept_count, HML_COUNTED(s->info.variant_count),
                        hml_size_text(bytes, after), hml_size_text(s->bytes, before));
        return;
    }
    hml_json_string(json, "output", s->output);
    for (int kept = 1; kept >= 0; kept--) {
        hml_json_array(json, kept != 0 ? "kept" : "dropped");
        for (uint32_t v = 0; v < s->info.variant_count; v++) {
            if (s->kept[v] == (kept != 0)) {
                hml_json_string(json, NULL, variant_name(s, v));
            }
        }
        hml_json_end(json);
    }
    hml_json_unsigned(json, "file_bytes", bytes);
}

static int strip(stripping *s)
{
    hml_tool_error error = {0};
    hml_status status = open_artifact(s, &error);
    int exit_status = status == HML_OK ? choose(s) : hml_report_status(s->report, status, &error);
    if (exit_status != HMLC_OK) {
        return exit_status;
    }
    strip_layout *layout = strip_layout_create(s->data, s->kept);
    status = layout != NULL ? write_file(s, layout, &error) : HML_ERROR_out_of_memory;
    if (status == HML_OK) {
        tell(s, strip_layout_bytes(layout));
    }
    strip_layout_destroy(layout);
    return hml_report_status(s->report, status, &error);
}

static int strip_with(const hml_options *options, hml_report *report)
{
    stripping s = {
        .options = options, .report = report, .output = hml_options_get(options, "output")};
    if (s.output == NULL || s.output[0] == '\0') {
        return hml_report_usage(report, "expected -o OUT.hml");
    }
    int status = strip(&s);
    hml_model_release(s.model);
    if (s.data != NULL) {
        (void)munmap(s.data, s.bytes);
    }
    free(s.kept);
    return status;
}

const hml_command hmlc_command_strip = {
    .name = "strip",
    .words = "IN.hml --keep T,... -o OUT.hml",
    .summary = "drop variants from an artifact",
    .purpose = "Copies an artifact without the code of the targets that are not kept. Weights and "
               "the code\n"
               "that stays are the same bytes; the artifact that is read is left alone.\n",
    .options = strip_table,
    .option_count = sizeof strip_table / sizeof strip_table[0],
    .examples = {"strip model.hml --keep aarch64 -o pi.hml",
                 "strip model.hml --keep x86-64-v3,x86-64-v4 -o server.hml --json"},
    .least_words = 1,
    .most_words = 1,
    .expected = "one artifact",
    .run = strip_with,
};
