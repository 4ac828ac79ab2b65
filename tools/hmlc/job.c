/* SPDX-License-Identifier: Apache-2.0 */
/* A model on its way through the compiler. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/output_file.h"
#include "common/printable.h"
#include "hmlc_commands.h"
#include "sha256.h"
#include <hmlc/save.h>

double hmlc_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* -- progress ---------------------------------------------------------------------------------- */

void hmlc_job_show_phase(void *context, const char *phase, uint32_t done, uint32_t total)
{
    hmlc_job *job = context;
    if (!job->request->report->lively) {
        return;
    }
    double now = hmlc_seconds();
    if (job->phase == NULL || strcmp(job->phase, phase) != 0) {
        job->phase = phase;
        job->phase_start = now;
    }
    fprintf(stderr, "\r\033[K%s %u/%u", phase, done, total);
    double left = done > 0 ? (now - job->phase_start) / done * (total - done) : 0;
    if (left >= 1) {
        fprintf(stderr, ", about %.0f s left", left);
    }
    if (done == total) {
        fprintf(stderr, "\r\033[K");
    }
    fflush(stderr);
}

static void show_pass(void *context, const char *pass, uint32_t index, uint32_t count)
{
    hmlc_job_show_phase(context, pass, index + 1, count);
}

static void print_module(void *context, const char *pass, const hmlc_module *module)
{
    (void)context;
    hmlc_text_buffer text = {0};
    hmlc_print_options options = {.locations = false, .storage = true};
    if (hmlc_module_print(module, &options, &text, NULL) == HMLC_OK) {
        fprintf(stderr, "# after %s\n%.*s", pass, (int)text.size, text.data);
    }
    hmlc_text_buffer_free(&text);
}

/* -- quantized nodes --------------------------------------------------------------------------- */

/* Memory that a list lacks, the work that tells of its entries lacks, too, and says so. */
static void note_quantized(void *context, const hmlc_quantized_node *node)
{
    hmlc_job *job = context;
    void *nodes = job->nodes;
    if (!hmlc_arena_grow(job->module->arena, &nodes, &job->node_capacity, job->node_count,
                         sizeof *job->nodes)) {
        return;
    }
    job->nodes = nodes;
    job->nodes[job->node_count++] = (hmlc_job_node){.location = node->op->location,
                                                    .opcode = node->op->opcode,
                                                    .integer = node->integer,
                                                    .weights_only = node->weights_only,
                                                    .reason = node->reason};
}

static void note_rounded(void *context, const hmlc_rounded_product *product)
{
    hmlc_job *job = context;
    void *products = job->products;
    if (!hmlc_arena_grow(job->module->arena, &products, &job->product_capacity, job->product_count,
                         sizeof *job->products)) {
        return;
    }
    job->products = products;
    job->products[job->product_count++] =
        (hmlc_job_product){.location = product->op->location, .kept = product->kept};
}

static void note_slower(void *context, const hmlc_target *target, const hmlc_location *where,
                        double speed)
{
    hmlc_job *job = context;
    void *slower = job->slower;
    if (!hmlc_arena_grow(job->module->arena, &slower, &job->slower_capacity, job->slower_count,
                         sizeof *job->slower)) {
        return;
    }
    job->slower = slower;
    job->slower[job->slower_count++] =
        (hmlc_job_slower){.target = target, .location = where, .speed = speed};
}

/* A warning for each target. */
static void warn_slower(const hmlc_job *job)
{
    for (uint32_t k = 0, count; k < job->slower_count; k += count) {
        const hmlc_job_slower *first = &job->slower[k];
        double least = first->speed;
        for (count = 1; k + count < job->slower_count && first[count].target == first->target;
             count++) {
            least = first[count].speed < least ? first[count].speed : least;
        }
        hmlc_warning_add(job->module->diagnostics, HMLC_ERROR_quantized_slower, first->location,
                         "`hmlc check --quantization` names them all",
                         "%u product%s on integers %s slower than in float on %s by the estimate, "
                         "down to %.2f of its speed",
                         HML_COUNTED(count), count == 1 ? "is" : "are", first->target->name, least);
    }
}

uint32_t hmlc_job_node_count(const hmlc_job *job, bool integer)
{
    uint32_t count = 0;
    for (uint32_t k = 0; k < job->node_count; k++) {
        count += job->nodes[k].integer == integer;
    }
    return count;
}

static bool is_product(hmlc_opcode opcode)
{
    return hmlc_opcode_has(opcode, HMLC_TRAIT_CONTRACTION);
}

/* Products that stay in float are slower and larger than their integers promise. */
static void warn_quantized(const hmlc_job *job)
{
    const hmlc_job_node *first = NULL;
    uint32_t count = 0;
    for (uint32_t k = 0; k < job->node_count; k++) {
        const hmlc_job_node *node = &job->nodes[k];
        if (!node->integer && !node->weights_only && is_product(node->opcode)) {
            first = first == NULL ? node : first;
            count++;
        }
    }
    if (first != NULL && !job->request->exact) {
        hmlc_warning_add(job->module->diagnostics, HMLC_ERROR_quantized_as_float, first->location,
                         "`hmlc check --quantization` names them all",
                         "%u product%s of quantized values %s computed in float, this one because "
                         "%s",
                         HML_COUNTED(count), count == 1 ? "is" : "are", first->reason);
    }
}

/* -- phases ------------------------------------------------------------------------------------ */

/*
 * No command ends in silence. Two failures have no place where they could be put into words: memory
 * that is short, and the table of dims, which knows no diagnostics. Any other is a defect.
 */
static hmlc_status conclude(const hmlc_job *job, hmlc_status status)
{
    hmlc_module *module = job->module;
    hmlc_status dims = hmlc_dims_status(module->dims);
    bool beyond = dims != HMLC_OK && dims != HMLC_RESOURCE;
    if (hmlc_diagnostics_error_count(module->diagnostics) > 0 || (status == HMLC_OK && !beyond)) {
        return status;
    }
    const hmlc_location *where = hmlc_location_create(
        module->arena, module->name != NULL ? module->name : job->request->model_path, "", "");
    if (beyond) {
        return hmlc_infer_report_dims(module, where, "a dim that a pass computes");
    }
    return status == HMLC_RESOURCE
               ? hmlc_error_add(module->diagnostics, HMLC_ERROR_out_of_memory, where, NULL,
                                "compiling needs more memory than there is")
               : hmlc_error_add(module->diagnostics, HMLC_ERROR_compiler_defect, where, NULL,
                                "a step failed with status %d without saying why", (int)status);
}

static hmlc_import_options part_options(const hmlc_request *request)
{
    return (hmlc_import_options){.signature = request->signature,
                                 .tags = request->tags,
                                 .member = request->member,
                                 .state = request->state,
                                 .inputs = request->inputs,
                                 .outputs = request->outputs,
                                 .tflite_rounding = request->tflite_rounding};
}

/* A model that is sound by itself, and contradicts itself only with these --dim: the user's word is
 * wrong, not the file. */
static hmlc_status blame_dims(hmlc_job *job, hmlc_status status)
{
    char reason[512] = "", where[256] = "";
    const hmlc_diagnostic *d = hmlc_diagnostics_first(job->module->diagnostics);
    while (d != NULL && d->severity != HMLC_SEVERITY_ERROR) {
        d = d->next;
    }
    hmlc_import_options options = part_options(job->request);
    hmlc_job sound = {.request = job->request, .module = hmlc_module_create(NULL)};
    if (d == NULL || sound.module == NULL ||
        hmlc_import(job->request->model_path, &options, sound.module, &sound.mapping) != HMLC_OK) {
        hmlc_job_release(&sound);
        return status;
    }
    snprintf(reason, sizeof reason, "%s", d->message);
    hmlc_location_format(d->location, where, sizeof where);
    hmlc_job_release(job);
    *job = sound;
    return hmlc_error_add(job->module->diagnostics, HMLC_ERROR_dims_unequal, NULL,
                          "the model is sound without --dim; choose values that fit it",
                          "with these --dim the model contradicts itself: %s (%s)", reason, where);
}

/* Constants in f16 or bf16, beside small ones. */
static bool holds_halves(const hmlc_region *region)
{
    enum { LEAST_BYTES = 512 };
    HMLC_FOR_EACH_OP(op, region)
    {
        const hmlc_tensor *tensor =
            op->opcode == HMLC_OP_constant ? hmlc_value_constant(op->results[0]) : NULL;
        if (tensor != NULL && hmlc_dtype_is_half(tensor->dtype) && tensor->bytes >= LEAST_BYTES) {
            return true;
        }
        for (uint32_t i = 0; i < op->region_count; i++) {
            if (holds_halves(op->regions[i])) {
                return true;
            }
        }
    }
    return false;
}

hmlc_status hmlc_job_import(hmlc_job *job, const hmlc_request *request)
{
    *job = (hmlc_job){.request = request};
    double start = hmlc_seconds();
    job->module = hmlc_module_create(NULL);
    HMLC_TRY_MEMORY(job->module);
    hmlc_import_options options = part_options(request);
    options.dims = request->dims;
    options.dim_count = request->dim_count;
    hmlc_status status = hmlc_import(request->model_path, &options, job->module, &job->mapping);
    if (status == HMLC_DAMAGED && request->dim_count > 0) {
        status = blame_dims(job, status);
    }
    job->import_seconds = hmlc_seconds() - start;
    if (status == HMLC_OK) {
        job->source_ops = job->module->source_node_count;
        job->holds_halves = holds_halves(job->module->main);
    }
    if (status == HMLC_OK && request->selftest) {
        status = hmlc_record_run(job->module, &job->recorded_inputs, &job->recorded_outputs);
    }
    return conclude(job, status);
}

/* The families of the request's targets, each once; CPUs where it has no target. */
static uint32_t list_families(const hmlc_request *request, hmlc_family families[HMLC_FAMILY_COUNT])
{
    bool known[HMLC_FAMILY_COUNT] = {false};
    uint32_t count = 0;
    for (uint32_t k = 0; k < request->target_count; k++) {
        hmlc_family family = request->targets[k]->family;
        if (!known[family]) {
            known[family] = true;
            families[count++] = family;
        }
    }
    if (count == 0) {
        families[count++] = HMLC_FAMILY_CPU;
    }
    return count;
}

static hmlc_status run_passes(hmlc_job *job, const hmlc_pass_options *options)
{
    hmlc_family families[HMLC_FAMILY_COUNT];
    const hmlc_family_facts *facts[HMLC_FAMILY_COUNT];
    hmlc_module *modules[HMLC_FAMILY_COUNT];
    uint32_t count = list_families(job->request, families);
    for (uint32_t k = 0; k < count; k++) {
        facts[k] = hmlc_family_get_facts(families[k]);
    }
    hmlc_status status = hmlc_run_passes_for(job->module, options, facts, count, modules);
    for (uint32_t k = 0; k < count; k++) {
        job->modules[families[k]] = modules[k];
    }
    return status;
}

/* Rows of the default set that only products of bytes need go where there are none. */
static hmlc_status choose_targets(hmlc_job *job)
{
    const hmlc_request *request = job->request;
    job->targets =
        HMLC_NEW_ARRAY(job->module->arena, const hmlc_target *, request->target_count + 1);
    HMLC_TRY_MEMORY(job->targets);
    job->target_count = 0; /* a job may be lowered in two runs of passes */
    for (uint32_t k = 0; k < request->target_count; k++) {
        const hmlc_target *target = request->targets[k];
        bool for_bytes = target->base != NULL && target->bytes.dot != NULL;
        if (!(request->default_targets && for_bytes) ||
            hmlc_region_sums_bytes(job->modules[target->family]->main)) {
            job->targets[job->target_count++] = target;
        }
    }
    return HMLC_OK;
}

/* As the options say; else halves stay halves. */
static hmlc_weight_type weights_of(const hmlc_job *job)
{
    bool exact = !job->request->weights_named && job->holds_halves;
    return exact ? HMLC_WEIGHTS_EXACT : job->request->weights;
}

hmlc_status hmlc_job_lower(hmlc_job *job)
{
    double start = hmlc_seconds();
    hmlc_pass_options options = {.pipeline =
                                     job->request->emit_onnx ? "clean" : job->request->pipeline,
                                 .progress = show_pass,
                                 .context = job,
                                 .verify = job->request->verify,
                                 .exact = job->request->exact,
                                 .quantized = note_quantized,
                                 .print_after = job->request->print_after,
                                 .keep = job->request->keep,
                                 .keep_count = job->request->keep_count,
                                 .prefer_size = job->request->prefer_size,
                                 .weights = weights_of(job),
                                 .products = job->request->products,
                                 .rounded = note_rounded,
                                 .print = job->request->print_after != NULL ? print_module : NULL};
    HMLC_TRY(conclude(job, run_passes(job, &options)));
    HMLC_TRY(conclude(job, choose_targets(job)));
    warn_quantized(job);
    job->final_ops = hmlc_region_op_count(job->module->main, false);
    job->pass_seconds = hmlc_seconds() - start;
    return HMLC_OK;
}

static hmlc_codegen_options codegen_options(hmlc_job *job)
{
    const hmlc_request *request = job->request;
    return (hmlc_codegen_options){.targets = job->targets,
                                  .target_count = job->target_count,
                                  .modules = job->modules,
                                  .jobs = request->jobs,
                                  .most_kernels = request->most_kernels,
                                  .emit = request->emit,
                                  .progress = hmlc_job_show_phase,
                                  .slower = note_slower,
                                  .context = job};
}

hmlc_status hmlc_job_plan(hmlc_job *job)
{
    hmlc_codegen_options options = codegen_options(job);
    const hmlc_object_options object = {.base = "model"};
    options.object = job->request->emit_object ? &object : NULL;
    hmlc_status status = hmlc_plan(job->module, &options);
    warn_slower(job);
    return conclude(job, status);
}

/* What the artifact says of its origin; nothing that differs between two compiles of the same
 * model. */
static const char *provenance(const hmlc_job *job)
{
    hmlc_arena *arena = job->module->arena;
    char *targets = hmlc_arena_string(arena, "");
    for (uint32_t k = 0; targets != NULL && k < job->target_count; k++) {
        targets = hmlc_arena_printf(arena, "%s%s\"%s\"", targets, k > 0 ? "," : "",
                                    job->targets[k]->name);
    }
    return hmlc_arena_printf(arena,
                             "{\"compiler\":\"hmlc %s\",\"targets\":[%s],\"source_nodes\":%u}",
                             HMLC_VERSION, targets != NULL ? targets : "", job->source_ops);
}

/* No family before this one has the same module. */
static bool is_first(const hmlc_job *job, uint32_t family)
{
    uint32_t first = 0;
    while (job->modules[first] != job->modules[family]) {
        first++;
    }
    return first == family;
}

/* The modules of all families, one after the other. */
static hmlc_status print_families(const hmlc_job *job, hmlc_text_buffer *text)
{
    hmlc_print_options options = {.locations = true, .storage = true};
    for (uint32_t k = 0; k < HMLC_FAMILY_COUNT; k++) {
        if (job->modules[k] != NULL && is_first(job, k)) {
            HMLC_TRY(hmlc_module_print(job->modules[k], &options, text, NULL));
        }
    }
    return HMLC_OK;
}

static hmlc_status write_ir(const hmlc_job *job, const char *path)
{
    hmlc_text_buffer text = {0};
    HMLC_TRY(conclude(job, print_families(job, &text)));
    hml_output_file file;
    hml_tool_error error = {0};
    hml_status status = hml_output_open(&file, path, NULL, &error);
    if (status == HML_OK) {
        fwrite(text.data, 1, text.size, file.stream);
        status = hml_output_close(&file, &error);
    }
    hmlc_text_buffer_free(&text);
    if (status == HML_ERROR_output_unwritable) { /* as of an artifact */
        return hmlc_error_add(job->module->diagnostics, HMLC_ERROR_output_unwritable, NULL, NULL,
                              "%s", strchr(error.text, ':') + 2);
    }
    return (hmlc_status)hml_report_status(job->request->report, status, &error);
}

/* The path of an object's files without their endings: "-o digits" and "-o digits.o" mean one. */
static char *object_base(hmlc_arena *arena, const char *path)
{
    size_t length = strlen(path);
    bool ends = length > 2 && strcmp(path + length - 2, ".o") == 0 && path[length - 3] != '/';
    return hmlc_arena_string_n(arena, path, ends ? length - 2 : length);
}

/* None of an object's files is one that the model came from. */
static int guard_object(const hmlc_job *job, const char *base)
{
    const char *ending;
    int status = HMLC_OK;
    for (uint32_t k = 0; status == HMLC_OK && (ending = hmlc_object_ending(k)) != NULL; k++) {
        const char *path = hmlc_arena_printf(job->module->arena, "%s%s", base, ending);
        status = path != NULL ? hmlc_job_guard(job, path) : HMLC_RESOURCE;
        status = status == HMLC_OK
                     ? hmlc_path_check(job->request->report, job->request->model_path, path)
                     : status;
    }
    return status;
}

static hmlc_status compile_object(hmlc_job *job, const char *path)
{
    double start = hmlc_seconds();
    const hmlc_request *request = job->request;
    char digest[HMLC_SHA256_TEXT] = "";
    if (!hmlc_sha256_file(request->model_path, digest)) {
        digest[0] = '\0';
    }
    hmlc_object_options object = request->object;
    object.base = object_base(job->module->arena, path);
    HMLC_TRY_MEMORY(object.base);
    HMLC_TRY((hmlc_status)guard_object(job, object.base));
    const char *slash = strrchr(request->model_path, '/');
    object.model_name = slash != NULL ? slash + 1 : request->model_path;
    object.model_sha256 = digest;
    object.compiler = "hmlc " HMLC_VERSION;
    object.inputs = job->recorded_inputs;
    object.outputs = job->recorded_outputs;
    hmlc_codegen_options options = codegen_options(job);
    options.object = &object;
    hmlc_status status = hmlc_compile(job->module, &options, path, &job->summary);
    job->codegen_seconds = hmlc_seconds() - start;
    warn_slower(job);
    return conclude(job, status);
}

int hmlc_job_write_onnx(const hmlc_job *job, hmlc_module *module, const char *path,
                        const hml_input_files *inputs)
{
    hml_output_file file;
    hml_tool_error error = {0};
    hmlc_save_options options = {.producer_version = HMLC_VERSION};
    hml_report *report = job->request->report;
    hml_status status = hml_output_open(&file, path, inputs, &error);
    if (status != HML_OK) {
        return hml_report_status(report, status, &error);
    }
    hmlc_status saved = conclude(job, hmlc_onnx_save(module, &options, file.stream));
    if (saved != HMLC_OK) {
        hml_output_abandon(&file);
        return (int)saved;
    }
    return hml_report_status(report, hml_output_close(&file, &error), &error);
}

hmlc_status hmlc_job_compile(hmlc_job *job, const char *path)
{
    if (job->request->emit_onnx) {
        return (hmlc_status)hmlc_job_write_onnx(job, job->module, path, NULL);
    }
    if (job->request->emit_ir) {
        return write_ir(job, path);
    }
    if (job->request->emit_object) {
        return compile_object(job, path);
    }
    double start = hmlc_seconds();
    hmlc_codegen_options options = codegen_options(job);
    options.provenance = provenance(job);
    char *target = hml_output_target(path); /* a link stays, also one that leads to nothing yet */
    if (target == NULL) {
        hml_tool_error error = {0};
        hml_status failed = hml_output_failed(path, errno, &error);
        return (hmlc_status)hml_report_status(job->request->report, failed, &error);
    }
    hmlc_status status = hmlc_compile(job->module, &options, target, &job->summary);
    free(target);
    job->codegen_seconds = hmlc_seconds() - start;
    warn_slower(job);
    return conclude(job, status);
}

void hmlc_job_release(hmlc_job *job)
{
    for (uint32_t k = 0; k < HMLC_FAMILY_COUNT; k++) {
        if (job->modules[k] != job->module && is_first(job, k)) {
            hmlc_module_destroy(job->modules[k]);
        }
    }
    hmlc_module_destroy(job->module);
    hmlc_mapping_release(job->mapping);
    *job = (hmlc_job){0};
}
