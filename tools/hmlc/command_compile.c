/* SPDX-License-Identifier: Apache-2.0 */
/* hmlc compile and hmlc check: the same way of the model, the latter without making code. */
#include <stdio.h>
#include <string.h>

#include "common/printable.h"
#include "common/units.h"
#include "quantize_report.h"
#include "quantizing_weights.h"

#define MODEL_OPTIONS                                                                              \
    HMLC_DIM_OPTION, HMLC_PART_OPTIONS,                                                            \
        {"target", 0, "T,...", "targets; default: those that `hmlc targets` marks, in one file"},  \
        {"tune", 0, "none|small", "small: code for small in-order cores beside the other; none"},  \
        {"most-kernels", 0, "N", "refuse a model with more distinct kernels; default: 20000"},     \
        {"quantized", 0, "integer|exact",                                                          \
         "products of quantized graphs: on integers, or in float as they are defined"},            \
        {"print-after", 0, "PASS", "print the IR after a pass, or after all"},                     \
        {"verify-passes", 0, NULL, "check the IR after each pass"}, HML_COMMON_OPTIONS

static const hml_option check_table[] = {
    {"emit", 0, "artifact|object", "what it would be compiled to; artifact"},
    {"quantization", 0, NULL, "tell of each quantized node: integer or float, and why"},
    MODEL_OPTIONS,
};
static const hml_option compile_table[] = {
    {"output", 'o', "OUT.hml", "where the artifact goes"},
    HMLC_JOBS_OPTION,
    {"emit", 0, "artifact|object|onnx|llvm-ir|asm|ir", "what is written; artifact"},
    {"weights", 0, "f32|f16|bf16|object|bin,...",
     "type in which weights of products are stored; of an object: in it or beside it"},
    {"precision", 0, "f32|f16|bf16",
     "f16, bf16: multiply in it, with sums in f32; for targets that can"},
    {"section", 0, "code=NAME,weights=NAME", "of an object: linker sections of the two"},
    {"prefix", 0, "NAME", "of an object: how its names in C begin; default: OUT's name"},
    {"cpu", 0, "NAME", "of an object for a triple: LLVM's name of the processor"},
    {"features", 0, "F,...", "of an object for a triple: LLVM's names, +f or -f"},
    {"float-abi", 0, "hard|softfp", "of an object for 32-bit ARM: how functions pass floats"},
    {"selftest", 0, NULL, "of an object: write OUT_test.c, which holds a recorded run against it"},
    {"keep", 0, "NAME|all", "make a value that survives an output, for `compare --layers`"},
    {"prefer", 0, "speed|size",
     "what matters more; speed: some weights take up to four times their size"},
    {"quantize", 0, "int8|int8-dynamic|weights-int8|weights-int4",
     "put contractions on 8 bits, with --calib or --stats; others: as of `quantize --to`"},
    HMLC_QUANTIZE_OPTIONS,
    {"keep-float", 0, "NODE,...", "nodes or operators that --quantize leaves in float"},
    {"provider", 0, "NAME", NULL},
    MODEL_OPTIONS,
};

/* -- results ----------------------------------------------------------------------------------- */

static void print_size(const char *label, uint64_t bytes)
{
    char text[HML_UNIT_TEXT];
    fprintf(stderr, "  %-16s %s\n", label, hml_size_text(bytes, text));
}

/* The arena at the smallest dims, and how it follows from them where that fits the line. */
static void print_arena(const hmlc_job *job)
{
    char text[HML_UNIT_TEXT], formula[72];
    hmlc_dim bytes = job->module->arena_bytes;
    fprintf(stderr, "  %-16s %s", "arena", hml_size_text(job->summary.arena_bytes, text));
    if (hmlc_dim_is_constant(bytes, NULL) || job->request->emit_object) {
        fprintf(stderr, "\n");
        return;
    }
    int length = hmlc_dim_format(bytes, formula, sizeof formula);
    bool fits = length >= 0 && (size_t)length < sizeof formula;
    fprintf(stderr, " at the smallest dims%s", fits ? "; " : "");
    hml_print_text(stderr, fits ? formula : "");
    fprintf(stderr, "%s\n", fits ? " bytes" : "");
}

/* The first target from `from` on that got no variant; the count where there is none. */
static uint32_t next_left_out(const hmlc_job *job, uint32_t from)
{
    while (from < job->target_count && (job->summary.left_out >> from & 1) == 0) {
        from++;
    }
    return from;
}

static void print_left_out(const hmlc_job *job)
{
    if (job->summary.left_out == 0) {
        return;
    }
    fprintf(stderr, "  %-16s ", "left out");
    for (uint32_t k = next_left_out(job, 0), n = 0; k < job->target_count;
         k = next_left_out(job, k + 1), n++) {
        fprintf(stderr, "%s%s", n > 0 ? ", " : "", job->targets[k]->name);
    }
    fprintf(stderr, ": nothing in this model uses what they add\n");
}

/* Each quantized node: what it became, and why not integers. */
static void print_nodes(const hmlc_job *job)
{
    for (uint32_t k = 0; k < job->node_count; k++) {
        const hmlc_job_node *node = &job->nodes[k];
        char where[256] = "";
        hmlc_location_format(node->location, where, sizeof where);
        printf("%-8s %s", node->integer ? "integer" : "float",
               hmlc_op_get_info(node->opcode)->name);
        printf("%s%s", node->integer ? "" : ": ", node->integer ? "" : node->reason);
        printf(" (");
        hml_print_text(stdout, where);
        printf(")\n");
    }
    for (uint32_t k = 0; k < job->slower_count; k++) {
        const hmlc_job_slower *slower = &job->slower[k];
        char where[256] = "";
        hmlc_location_format(slower->location, where, sizeof where);
        printf("slower   on %s: %.2f of the speed in float, by the estimate (",
               slower->target->name, slower->speed);
        hml_print_text(stdout, where);
        printf(")\n");
    }
    printf("%u node%s on integers, %u in float\n", HML_COUNTED(hmlc_job_node_count(job, true)),
           hmlc_job_node_count(job, false));
}

static void put_nodes(const hmlc_job *job, hml_json *json)
{
    hml_json_array(json, "quantization");
    for (uint32_t k = 0; k < job->node_count; k++) {
        const hmlc_job_node *node = &job->nodes[k];
        char where[256] = "";
        hmlc_location_format(node->location, where, sizeof where);
        hml_json_object(json, NULL);
        hml_json_string(json, "operator", hmlc_op_get_info(node->opcode)->name);
        hml_json_string(json, "node", where);
        hml_json_bool(json, "integer", node->integer);
        if (!node->integer) {
            hml_json_string(json, "reason", node->reason);
        }
        hml_json_end(json);
    }
    hml_json_end(json);
}

static void put_slower(const hmlc_job *job, hml_json *json)
{
    hml_json_array(json, "slower_than_float");
    for (uint32_t k = 0; k < job->slower_count; k++) {
        char where[256] = "";
        hmlc_location_format(job->slower[k].location, where, sizeof where);
        hml_json_object(json, NULL);
        hml_json_string(json, "target", job->slower[k].target->name);
        hml_json_string(json, "node", where);
        hml_json_real(json, "speed", job->slower[k].speed);
        hml_json_end(json);
    }
    hml_json_end(json);
}

/* Products where they are to be rounded: how many are, and which stay as they are. */
static void print_products(const hmlc_job *job)
{
    enum { MOST_NAMED = 12 };
    const char *half = hmlc_dtype_name(job->request->products);
    uint32_t kept = 0, named = 0;
    for (uint32_t k = 0; k < job->product_count; k++) {
        kept += job->products[k].kept != NULL;
    }
    fprintf(stderr, "  %-16s %u in %s, %u in f32%s\n", "products", job->product_count - kept, half,
            kept, kept > 0 ? ":" : "");
    for (uint32_t k = 0; k < job->product_count && named < MOST_NAMED; k++) {
        const hmlc_job_product *product = &job->products[k];
        char where[256] = "";
        if (product->kept != NULL) {
            hmlc_location_format(product->location, where, sizeof where);
            fprintf(stderr, "    ");
            hml_print_text(stderr, where);
            fprintf(stderr, ": %s\n", product->kept);
            named++;
        }
    }
    if (kept > named) {
        fprintf(stderr, "    and %u more, which --json names\n", kept - named);
    }
}

static void put_products(const hmlc_job *job, hml_json *json)
{
    hml_json_array(json, "products");
    for (uint32_t k = 0; k < job->product_count; k++) {
        char where[256] = "";
        const char *kept = job->products[k].kept;
        hmlc_location_format(job->products[k].location, where, sizeof where);
        hml_json_object(json, NULL);
        hml_json_string(json, "node", where);
        hml_json_string(json, "in",
                        hmlc_dtype_name(kept ? HMLC_DTYPE_f32 : job->request->products));
        if (kept != NULL) {
            hml_json_string(json, "reason", kept);
        }
        hml_json_end(json);
    }
    hml_json_end(json);
}

static void print_summary(const hmlc_job *job, const char *path)
{
    const hmlc_codegen_summary *s = &job->summary;
    fprintf(stderr, "%s -> %s\n", job->request->model_path, path);
    fprintf(stderr, "  %-16s %u node%s -> %u step%s (%u kernel%s, %u distinct over %u target%s)\n",
            "graph", HML_COUNTED(job->source_ops), HML_COUNTED(s->steps), HML_COUNTED(s->kernels),
            s->unique_kernels, HML_COUNTED(s->variants));
    print_left_out(job);
    if (job->node_count > 0) {
        fprintf(stderr, "  %-16s %u node%s on integers, %u in float\n", "quantized",
                HML_COUNTED(hmlc_job_node_count(job, true)), hmlc_job_node_count(job, false));
    }
    if (job->product_count > 0) {
        print_products(job);
    }
    print_size("weights", s->weight_bytes);
    print_size("code", s->code_bytes);
    print_arena(job);
    if (job->request->emit_object) {
        print_size("stack", s->stack_bytes);
    }
    print_size(job->request->emit_object ? "files" : "file", s->file_bytes);
    fprintf(stderr, "  %-16s %.2f s (import %.2f, passes %.2f, code %.2f)\n", "time",
            job->import_seconds + job->pass_seconds + job->codegen_seconds, job->import_seconds,
            job->pass_seconds, job->codegen_seconds);
}

static void put_result(const hmlc_job *job, hmlc_status status, const char *path)
{
    const hmlc_codegen_summary *s = &job->summary;
    hml_json *json = &job->request->report->data;
    const struct {
        const char *key;
        uint64_t value;
    } rows[] = {
        {"steps", s->steps},
        {"kernels", s->kernels},
        {"weight_bytes", s->weight_bytes},
        {"code_bytes", s->code_bytes},
        {"arena_bytes", s->arena_bytes},
        {"file_bytes", s->file_bytes},
        {"stack_bytes", s->stack_bytes},
    };
    hml_json_string(json, "model", job->request->model_path);
    hml_json_unsigned(json, "nodes", job->source_ops);
    if (job->request->quantization) {
        put_nodes(job, json);
        put_slower(job, json);
    }
    if (job->product_count > 0) {
        put_products(job, json);
    }
    if (path == NULL || status != HMLC_OK) {
        return;
    }
    hml_json_string(json, "output", path);
    size_t count = sizeof rows / sizeof rows[0] - (job->request->emit_object ? 0 : 1);
    for (size_t k = 0; k < count; k++) {
        hml_json_unsigned(json, rows[k].key, rows[k].value);
    }
    hml_json_array(json, "left_out");
    for (uint32_t k = next_left_out(job, 0); k < job->target_count; k = next_left_out(job, k + 1)) {
        hml_json_string(json, NULL, job->targets[k]->name);
    }
    hml_json_end(json);
    hml_json_real(json, "seconds", job->import_seconds + job->pass_seconds + job->codegen_seconds);
}

static void tell(const hmlc_job *job, hmlc_status status, const char *path)
{
    hml_report *report = job->request->report;
    bool artifact = !job->request->emit_ir && !job->request->emit_onnx &&
                    job->request->emit == HMLC_EMIT_ARTIFACT;
    hmlc_job_report(job, report);
    if (report->json) {
        put_result(job, status, path);
    } else if (status == HMLC_OK && path != NULL && artifact && !report->quiet) {
        print_summary(job, path);
    } else if (status == HMLC_OK && path == NULL && !report->quiet) {
        if (job->request->quantization) {
            print_nodes(job);
        }
        printf("%s: supported\n", job->request->model_path);
    }
}

/* -- the commands ------------------------------------------------------------------------------ */

static hmlc_status job_run(hmlc_job *job, const hmlc_request *request, const char *path)
{
    HMLC_TRY(hmlc_job_import(job, request));
    if (path != NULL) { /* external data is known now */
        HMLC_TRY((hmlc_status)hmlc_job_guard(job, path));
    }
    hml_report_detail(request->report, "imported: %u node%s in %.2f s",
                      HML_COUNTED(job->source_ops), job->import_seconds);
    HMLC_TRY(hmlc_job_lower(job));
    hml_report_detail(request->report, "passes: %u operation%s left after %.2f s",
                      HML_COUNTED(job->final_ops), job->pass_seconds);
    for (uint32_t k = 0; k < request->target_count; k++) {
        hml_report_detail(request->report, "target %s: %s", request->targets[k]->name,
                          request->targets[k]->triple);
    }
    return path != NULL ? hmlc_job_compile(job, path) : hmlc_job_plan(job);
}

static int run_request(const hml_options *options, hml_report *report, const char *path)
{
    hmlc_request request;
    int status = hmlc_request_parse(&request, report, options);
    request.model_path = report->path;
    if (status == HMLC_OK) {
        status = hmlc_path_check(report, request.model_path, path);
    }
    if (status == HMLC_OK) {
        hmlc_job job = {0};
        status = (int)job_run(&job, &request, path);
        tell(&job, (hmlc_status)status, path);
        hmlc_job_release(&job);
    }
    hmlc_request_release(&request);
    return status;
}

/* --quantize weights-int8 or weights-int4; halves are for --weights. NULL: another, or none. */
static const hmlc_weights_alone *integer_weights(const hml_options *options)
{
    const hmlc_weights_alone *alone = hmlc_weights_alone_find(hml_options_get(options, "quantize"));
    return alone != NULL && alone->halves == HMLC_WEIGHTS_F32 ? alone : NULL;
}

/* Options that say something of --quantize alone. */
static int check_quantize(const hml_options *options, hml_report *report)
{
    const char *type = hml_options_get(options, "quantize");
    const char *word = hmlc_quantizing_word(options, "keep-float", NULL);
    if (type == NULL && word != NULL) {
        return hml_report_usage(report, "--%s needs --quantize int8", word);
    }
    if (integer_weights(options) != NULL) {
        return hmlc_weights_alone_check(options, report, "keep-float", integer_weights(options));
    }
    if (type != NULL && strcmp(type, "int8") != 0 && strcmp(type, "int8-dynamic") != 0) {
        return hml_report_usage(
            report, "--quantize %s: expected int8, int8-dynamic, weights-int8 or weights-int4",
            type);
    }
    return HMLC_OK;
}

/* The graph behind its neutral passes gets quantize and dequantize, then goes the way of a model
 * that was imported with them. */
static int quantize_and_compile(hmlc_quantizing *q, const char *path)
{
    int decided = hmlc_quantizing_decide(q, "keep-float");
    const char *report = hml_options_get(q->options, "report");
    if (decided != HMLC_OK && decided != HMLC_NO) {
        return decided;
    }
    int status = (int)hmlc_quantizing_apply(q, q->job.module);
    status = status == HMLC_OK && report != NULL ? hmlc_quantize_report_write(q, report) : status;
    if (status == HMLC_OK && !q->report->json && !q->report->quiet) {
        hmlc_quantize_report_print(q->plan, path, q->report->verbose);
    }
    q->request.pipeline = NULL;
    if (status == HMLC_OK && !q->request.emit_onnx) {
        status = (int)hmlc_job_lower(&q->job);
    }
    status = status == HMLC_OK ? (int)hmlc_job_compile(&q->job, path) : status;
    return status != HMLC_OK ? status : decided;
}

static int compile_quantized(const hml_options *options, hml_report *report, const char *path)
{
    hmlc_quantizing q = {.report = report};
    int status = hmlc_quantizing_parse(&q, options, report, hml_options_get(options, "quantize"));
    status = status == HMLC_OK ? hmlc_quantizing_open(&q, options, report, path) : status;
    status = status == HMLC_OK ? quantize_and_compile(&q, path) : status;
    if (q.job.module != NULL) {
        tell(&q.job, (hmlc_status)status, path);
    }
    hmlc_quantizing_release(&q);
    return status;
}

/* Weights alone, and the artifact at once. */
static int compile_weights(const hml_options *options, hml_report *report, const char *path,
                           const hmlc_weights_alone *alone)
{
    hmlc_request request;
    hmlc_job job = {0};
    hmlc_weights_work work = {.options = options, .alone = alone};
    int status = hmlc_request_parse(&request, report, options);
    request.model_path = report->path;
    status = status == HMLC_OK ? hmlc_weights_alone_open(&job, &request, path, &work) : status;
    request.pipeline = NULL;
    if (status == HMLC_OK && !request.emit_onnx) {
        status = (int)hmlc_job_lower(&job);
    }
    status = status == HMLC_OK ? (int)hmlc_job_compile(&job, path) : status;
    if (status == HMLC_OK) {
        hmlc_weights_alone_tell(&work, report);
    }
    if (job.module != NULL && status < 128) {
        tell(&job, (hmlc_status)status, path);
    }
    hmlc_samples_release(&work.samples);
    hmlc_job_release(&job);
    hmlc_request_release(&request);
    return status;
}

static int compile_with(const hml_options *options, hml_report *report)
{
    const char *path = hml_options_get(options, "output");
    if (path == NULL || path[0] == '\0') {
        return hml_report_usage(report, "expected -o OUT.hml");
    }
    int status = check_quantize(options, report);
    const hmlc_weights_alone *alone = integer_weights(options);
    if (status == HMLC_OK && alone != NULL) {
        return compile_weights(options, report, path, alone);
    }
    if (status != HMLC_OK || hml_options_get(options, "quantize") != NULL) {
        return status != HMLC_OK ? status : compile_quantized(options, report, path);
    }
    return run_request(options, report, path);
}

static int check_with(const hml_options *options, hml_report *report)
{
    return run_request(options, report, NULL);
}

const hml_command hmlc_command_compile = {
    .name = "compile",
    .words = "MODEL -o OUT.hml",
    .summary = "compile a model to an artifact",
    .purpose =
        "Compiles a model to one file that `run` and the runtime library load, with a variant per\n"
        "target. Dims that the model leaves open stay open, unless --dim says otherwise.\n"
        "With --emit object, compiles it to OUT.o, OUT.h and OUT.json: C functions that need no\n"
        "runtime, for one target, with dims that have bounds.\n",
    .options = compile_table,
    .option_count = sizeof compile_table / sizeof compile_table[0],
    .examples = {"compile model.onnx -o model.hml",
                 "compile model.onnx -o model.hml --target native --dim batch=1..8 -j4",
                 "compile model.onnx -o model --emit object --target x86-64-v3 --selftest"},
    .least_words = 1,
    .most_words = 1,
    .expected = "one model file",
    .environment = HMLC_COMPILER_ENVIRONMENT,
    .run = compile_with,
};

const hml_command hmlc_command_check = {
    .name = "check",
    .words = "MODEL",
    .summary = "list everything in a model that is not supported",
    .purpose =
        "Tells whether `compile` would succeed: every node that is not supported, with its place,\n"
        "the reason and what to do. Writes nothing.\n",
    .options = check_table,
    .option_count = sizeof check_table / sizeof check_table[0],
    .examples = {"check model.onnx", "check model.onnx --dim batch=1..8 --json"},
    .least_words = 1,
    .most_words = 1,
    .expected = "one model file",
    .environment = HMLC_COMPILER_ENVIRONMENT,
    .run = check_with,
};
