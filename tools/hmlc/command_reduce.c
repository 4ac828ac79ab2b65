/* SPDX-License-Identifier: Apache-2.0 */
/* hmlc reduce: the smallest part of a model that still fails as the whole does. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/compare.h"
#include "common/growing_text.h"
#include "common/output_file.h"
#include "common/printable.h"
#include "reduce.h"
#include "test_child.h"

enum { DEFAULT_LIMIT = 120 };

static const hml_option reduce_table[] = {
    {"output", 'o', "SMALL.onnx", "where the smaller model goes"},
    {"while", 0, "WORD", "keep failing so: wrong, refused, crash or a code such as HML0205"},
    {"rtol", 0, "R", "relative tolerance; default 1e-3, bf16 2^-6"},
    {"atol", 0, "A", "absolute tolerance; default max(1e-5, 2e-5 x largest |reference|)"},
    {"seed", 0, "N", "of random inputs; 0"},
    HMLC_DIM_OPTION,
    {"target", 0, "T,...", "targets; default: native"},
    HMLC_JOBS_OPTION,
    {"limit", 0, "SECONDS", "time limit of each try, after which it counts as crashed; 120"},
    HML_COMMON_OPTIONS,
};

typedef struct reducing {
    const hml_options *options;
    hml_report *report;
    const char *output;
    hmlc_request request;
    hmlc_job job; /* the opened model: diagnostics and files */
    hmlc_cut *cut;
    FILE *type_stream;
    void *types;
    size_t types_size;
    reduce_trial trial;
    reduce_search search;
    reduce_kind wanted_kind; /* of --while; REDUCE_SOUND: none was given */
} reducing;

static const char *const kind_names[] = {"none", "refused", "wrong", "crash", "other"};

/* -- the words --------------------------------------------------------------------------------- */

static int parse_while(reducing *r)
{
    const char *word = hml_options_get(r->options, "while");
    long long code;
    char suggestion[96];
    if (word == NULL) {
        return HMLC_OK;
    }
    for (reduce_kind kind = REDUCE_REFUSED; kind <= REDUCE_CRASHED; kind++) {
        if (strcmp(word, kind_names[kind]) == 0) {
            r->wanted_kind = kind;
            return HMLC_OK;
        }
    }
    if (hmlc_parse_code(word, &code) && code > 0) {
        r->trial.by_code = true;
        r->trial.wanted.code = (uint32_t)code;
        return HMLC_OK;
    }
    return hml_report_usage(
        r->report, "--while %s: expected wrong, refused, crash or a code such as HML0205%s", word,
        hml_did_you_mean(word, kind_names + 1, 3, suggestion, sizeof suggestion));
}

static int parse_options(reducing *r)
{
    long long limit = DEFAULT_LIMIT;
    hml_tolerance tolerance;
    const char *text = hml_options_get(r->options, "limit");
    const char *bad = hml_tolerance_from_options(r->options, &tolerance);
    int status = hmlc_request_parse(&r->request, r->report, r->options);
    r->request.model_path = r->report->path;
    r->output = hml_options_get(r->options, "output");
    if (status != HMLC_OK) {
        return status;
    }
    if (r->output == NULL || r->output[0] == '\0') {
        return hml_report_usage(r->report, "expected -o SMALL.onnx");
    }
    if (bad != NULL) {
        return hml_report_usage(r->report, "--%s: expected a number that is not negative", bad);
    }
    if (text != NULL && (!hml_parse_number(text, 86400, &limit) || limit == 0)) {
        return hml_report_usage(r->report, "--limit %s: expected seconds", text);
    }
    if (hml_options_get(r->options, "target") == NULL) {
        hmlc_request_native(&r->request);
    }
    r->trial.limit = (unsigned)limit;
    return parse_while(r);
}

/* -- the model --------------------------------------------------------------------------------- */

/* NOLINTNEXTLINE(readability-non-const-parameter): the type of test_child.body */
static int write_types(void *context, char *artifact)
{
    const reducing *r = context;
    const hmlc_import_options options = {.dims = r->request.dims,
                                         .dim_count = r->request.dim_count};
    (void)artifact;
    return (int)hmlc_cut_write_types(r->request.model_path, &options, r->type_stream);
}

static int no_trial(const reducing *r, const reduce_failure *failure)
{
    hml_tool_error error = {0};
    hml_status status = HML_TOOL_FAIL(&error, HML_ERROR_output_unwritable, "%s", failure->message);
    return hml_report_status(r->report, status, &error);
}

/* Imports in a child, since that may be what crashes; what it told until then counts. */
static int learn_types(reducing *r)
{
    test_child child = {.body = write_types, .context = r, .limit = r->trial.limit};
    int wait_status;
    long size;
    reduce_failure failure = {.message = "no temporary file"};
    r->type_stream = tmpfile();
    if (r->type_stream == NULL ||
        !hmlc_test_child_run(&child, &wait_status, failure.message, sizeof failure.message)) {
        return no_trial(r, &failure);
    }
    hmlc_test_child_end(&child, false);
    if (fseek(r->type_stream, 0, SEEK_END) != 0 || (size = ftell(r->type_stream)) <= 0 ||
        fseek(r->type_stream, 0, SEEK_SET) != 0) {
        return HMLC_OK;
    }
    r->types = malloc((size_t)size);
    r->types_size = r->types != NULL ? fread(r->types, 1, (size_t)size, r->type_stream) : 0;
    return HMLC_OK; /* without memory: types are those that the model declares */
}

static int open_model(reducing *r)
{
    int status = hmlc_path_check(r->report, r->request.model_path, r->output);
    if (status != HMLC_OK) {
        return status;
    }
    r->job.request = &r->request;
    r->job.module = hmlc_module_create(NULL);
    if (r->job.module == NULL || !hmlc_reduce_open(&r->trial)) {
        return hml_report_status(r->report, HML_ERROR_out_of_memory, &(hml_tool_error){0});
    }
    status = learn_types(r);
    if (status != HMLC_OK) {
        return status;
    }
    status = (int)hmlc_cut_open(r->request.model_path, r->types, r->types_size, r->job.module,
                                &r->job.mapping, &r->cut);
    if (status != HMLC_OK) {
        hmlc_job_report(&r->job, r->report);
        return status;
    }
    return hmlc_job_guard(&r->job, r->output);
}

/* -- the failure ------------------------------------------------------------------------------- */

static const char *describe(const reduce_failure *failure, char *text, size_t bytes)
{
    char code[16] = "";
    if (failure->code != 0) {
        snprintf(code, sizeof code, "HML%04u: ", failure->code);
    }
    snprintf(text, bytes, "%s%s", code, failure->message);
    return text;
}

/* A failure that is not to be reduced, as the model's own, or that of a wrong option. */
static int refuse_failure(const reducing *r, const reduce_failure *failure)
{
    char hint[128];
    bool model = failure->code != 0 && failure->code != HML_ERROR_usage &&
                 (failure->stage == REDUCE_RUN || failure->status != HMLC_USAGE);
    snprintf(hint, sizeof hint, "`--while HML%04u` reduces it all the same", failure->code);
    hml_report_add(r->report, &(hml_finding){HML_ERROR, failure->code, failure->message,
                                             model ? hint : NULL, ""});
    return failure->status;
}

static void put_failure(hml_json *json, const reduce_failure *failure)
{
    char code[16];
    snprintf(code, sizeof code, "HML%04u", failure->code);
    bool sound = failure->kind == REDUCE_SOUND;
    hml_json_string(json, "failure", sound ? NULL : kind_names[failure->kind]);
    hml_json_string(json, "failure_code", failure->code != 0 ? code : NULL);
    hml_json_string(json, "operator", failure->operator[0] != '\0' ? failure->operator : NULL);
    hml_json_string(json, "message", sound ? NULL : failure->message);
}

static int tell_sound(const reducing *r, const reduce_failure *failure)
{
    char text[600];
    if (r->report->json) {
        put_failure(&r->report->data, failure);
    } else if (failure->kind == REDUCE_SOUND) {
        printf("%s does not fail\n", r->request.model_path);
    } else {
        printf("%s does not fail so; it fails otherwise (%s): ", r->request.model_path,
               kind_names[failure->kind]);
        hml_print_text(stdout, describe(failure, text, sizeof text));
        printf("\n");
    }
    return HMLC_NO;
}

/* What is wrong with the whole model; HMLC_OK when that is to be kept. */
static int find_failure(reducing *r)
{
    reduce_failure failure;
    r->trial.options = r->options;
    r->trial.name = r->output;
    r->trial.request = r->request;
    r->trial.wanted.stage = REDUCE_RUN;
    if (!hmlc_reduce_try(&r->trial, &failure)) {
        return no_trial(r, &failure);
    }
    bool given = r->trial.by_code || r->wanted_kind != REDUCE_SOUND;
    bool fits = r->trial.by_code                 ? failure.code == r->trial.wanted.code
                : r->wanted_kind != REDUCE_SOUND ? failure.kind == r->wanted_kind
                                                 : failure.kind != REDUCE_SOUND;
    if (!fits) {
        return tell_sound(r, &failure);
    }
    if (!given && failure.kind == REDUCE_OTHER) {
        return refuse_failure(r, &failure);
    }
    r->trial.wanted = failure;
    return HMLC_OK;
}

/* -- the answer -------------------------------------------------------------------------------- */

/* A word of a command line, in quotes where the shell would not leave it alone. */
static void append_word(hml_growing_text *text, const char *before, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_-+=./,:@%";
    bool quoted = word[0] == '\0' || word[strspn(word, plain)] != '\0';
    hml_growing_text_add(text, "%s%s", before, quoted ? "'" : "");
    for (; *word != '\0'; word++) {
        hml_growing_text_add(text, *word == '\'' ? "'\\%c'" : "%c", *word);
    }
    hml_growing_text_add(text, "%s", quoted ? "'" : "");
}

static void append_options(const reducing *r, hml_growing_text *text, const char *const *names)
{
    for (; *names != NULL; names++) {
        const char *value;
        for (size_t k = 0; (value = hml_options_at(r->options, *names, k)) != NULL; k++) {
            hml_growing_text_add(text, " --%s", *names);
            append_word(text, " ", value);
        }
    }
}

/* The command line that shows the failure of the smaller model. */
static void show_command(const reducing *r, hml_growing_text *text)
{
    static const char *const compile_options[] = {"target", NULL};
    static const char *const compare_options[] = {"rtol", "atol", "seed", NULL};
    bool check = r->search.failure.stage < REDUCE_CODE;
    hml_growing_text artifact = {0};
    size_t length = strlen(r->output);
    bool ended = length > 5 && strcmp(r->output + length - 5, ".onnx") == 0;
    hml_growing_text_add(&artifact, "%.*s.hml", (int)(ended ? length - 5 : length), r->output);
    append_word(text, check ? "hmlc check " : "hmlc compile ", r->output);
    if (!check) {
        append_word(text, " -o ", hml_growing_text_get(&artifact));
        append_options(r, text, compile_options);
        bool given = hml_options_get(r->options, "target") != NULL;
        hml_growing_text_add(text, "%s", given ? "" : " --target native");
    }
    for (uint32_t k = 0; k < r->trial.request.dim_count; k++) {
        hml_growing_text range = {0};
        const hmlc_dim_option *dim = &r->trial.request.dims[k];
        hml_growing_text_add(&range, "%s=%lld..%lld", dim->name, (long long)dim->minimum,
                             (long long)dim->maximum);
        append_word(text, " --dim ", hml_growing_text_get(&range));
        hml_growing_text_release(&range);
    }
    if (r->search.failure.stage == REDUCE_RUN) {
        append_word(text, " && hmlc compare ", r->output);
        append_word(text, " ", hml_growing_text_get(&artifact));
        append_options(r, text, compare_options);
        hml_growing_text_add(text, " --threads 1");
    }
    hml_growing_text_release(&artifact);
}

/* The nodes that are left, as many as a person reads. */
static void print_nodes(const reducing *r)
{
    enum { MOST_NODES = 12 };
    uint32_t shown = 0;
    for (uint32_t i = 0; i < hmlc_cut_node_count(r->cut) && shown < MOST_NODES; i++) {
        const char *type, *name;
        hmlc_cut_node_words(r->cut, i, &type, &name);
        if (r->search.states[i] == HMLC_CUT_KEPT) {
            printf("%s", shown++ > 0 ? ", " : "  nodes: ");
            hml_print_text(stdout, type);
            printf("%s", name[0] != '\0' ? " '" : "");
            hml_print_text(stdout, name);
            printf("%s", name[0] != '\0' ? "'" : "");
        }
    }
    printf("%s\n", shown < r->search.kept ? " ..." : "");
}

static void put_nodes(const reducing *r)
{
    hml_json *json = &r->report->data;
    hml_json_array(json, "nodes_left");
    for (uint32_t i = 0; i < hmlc_cut_node_count(r->cut); i++) {
        const char *type, *name;
        hmlc_cut_node_words(r->cut, i, &type, &name);
        if (r->search.states[i] == HMLC_CUT_KEPT) {
            hml_json_object(json, NULL);
            hml_json_unsigned(json, "index", i);
            hml_json_string(json, "operator", type);
            hml_json_string(json, "name", name);
            hml_json_end(json);
        }
    }
    hml_json_end(json);
}

static void tell_result(const reducing *r)
{
    const reduce_failure *failure = &r->search.failure;
    uint32_t nodes = hmlc_cut_node_count(r->cut);
    char text[600];
    hml_growing_text command = {0};
    show_command(r, &command);
    if (!r->report->json) {
        hml_print_text(stdout, r->output);
        printf(": %u of %u node%s left after %u tries\n", r->search.kept, HML_COUNTED(nodes),
               r->search.tried);
        print_nodes(r);
        printf("  fails (%s): ", kind_names[failure->kind]);
        hml_print_text(stdout, describe(failure, text, sizeof text));
        printf("\n  shown by: ");
        hml_print_text(stdout, hml_growing_text_get(&command));
        printf("\n");
        hml_growing_text_release(&command);
        return;
    }
    hml_json *json = &r->report->data;
    hml_json_string(json, "output", r->output);
    hml_json_unsigned(json, "nodes", nodes);
    put_nodes(r);
    hml_json_unsigned(json, "tries", r->search.tried);
    put_failure(json, failure);
    hml_json_string(json, "command", hml_growing_text_get(&command));
    hml_growing_text_release(&command);
}

static void note_input(void *context, uint64_t device, uint64_t inode)
{
    (void)hml_input_files_add_number(context, device, inode);
}

static int write_result(reducing *r)
{
    hml_output_file file;
    hml_tool_error error = {0};
    hml_input_files inputs = {0};
    hmlc_mapping_visit(r->job.mapping, note_input, &inputs);
    hml_status status = hml_output_open(&file, r->output, &inputs, &error);
    if (status == HML_OK) {
        hmlc_status written = hmlc_cut_write(r->cut, r->search.states, file.stream);
        status = hml_output_close(&file, &error);
        status = written != HMLC_OK && status == HML_OK ? HML_ERROR_out_of_memory : status;
    }
    hml_input_files_release(&inputs);
    return hml_report_status(r->report, status, &error);
}

static int search(reducing *r)
{
    r->search.trial = &r->trial;
    r->search.cut = r->cut;
    r->search.request = &r->request;
    if (hmlc_reduce_search(&r->search)) {
        return HMLC_OK;
    }
    if (r->search.broken.message[0] != '\0') {
        return no_trial(r, &r->search.broken);
    }
    if (!r->report->json) {
        printf("%s fails only as a whole file: a copy of all its nodes does not\n",
               r->request.model_path);
    }
    return HMLC_NO;
}

static int reduce_with(const hml_options *options, hml_report *report)
{
    reducing r = {.options = options, .report = report};
    int status = parse_options(&r);
    status = status == HMLC_OK ? open_model(&r) : status;
    status = status == HMLC_OK ? find_failure(&r) : status;
    status = status == HMLC_OK ? search(&r) : status;
    status = status == HMLC_OK ? write_result(&r) : status;
    if (status == HMLC_OK) {
        tell_result(&r);
    }
    hmlc_cut_release(r.cut);
    hmlc_job_release(&r.job);
    hmlc_reduce_close(&r.trial);
    if (r.type_stream != NULL) {
        fclose(r.type_stream);
    }
    free(r.types);
    free(r.search.states);
    hmlc_request_release(&r.request);
    return status;
}

const hml_command hmlc_command_reduce = {
    .name = "reduce",
    .words = "MODEL -o SMALL.onnx",
    .summary = "shrink a failing model to the smallest that still fails",
    .purpose =
        "Drops nodes of a model that is refused, gives wrong numbers (against the reference\n"
        "interpreter, from random inputs) or crashes the compiler, as long as it fails in the "
        "same\n"
        "way: the same code and operator, or the same signal. Each try runs in a process of its\n"
        "own. Values that nodes gone would have computed become inputs; external data is stored\n"
        "in the smaller model.\n",
    .options = reduce_table,
    .option_count = sizeof reduce_table / sizeof reduce_table[0],
    .examples = {"reduce model.onnx -o small.onnx",
                 "reduce model.onnx -o small.onnx --while wrong --dim batch=1 --rtol 1e-4"},
    .least_words = 1,
    .most_words = 1,
    .expected = "one model file",
    .no = "the model does not fail, or not as --while says",
    .environment = HMLC_COMPILER_ENVIRONMENT HML_RUNTIME_ENVIRONMENT,
    .run = reduce_with,
};
