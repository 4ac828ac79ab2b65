/* SPDX-License-Identifier: Apache-2.0 */
/* One trial: the reference interpreter on the module as made, and the compiled module at one and
 * two threads. */
#include "differential.h"

#include <hml/hml.h>
#include <hmlc/backends.h>
#include <hmlc/passes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { RUNS = 3 };

HMLC_PRINTF(3, 4)
static trial_result fail(trial *t, trial_result result, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(t->message, sizeof t->message, format, arguments);
    va_end(arguments);
    return result;
}

static const char *first_message(const hmlc_module *module)
{
    const hmlc_diagnostic *first = hmlc_diagnostics_first(module->diagnostics);
    while (first != NULL && first->severity != HMLC_SEVERITY_ERROR) {
        first = first->next;
    }
    return first != NULL ? first->message : "no diagnostic";
}

/* -- Inputs -------------------------------------------------------------------------------- */

typedef struct trial_inputs {
    hmlc_tensor tensors[MAKER_INPUTS];
    uint32_t count;
} trial_inputs;

/* Values of the symbols in run `index`: typical ones, all smallest, then random ones. */
static int64_t symbol_value(const hmlc_symbol *symbol, uint32_t index, uint64_t *random)
{
    if (index < 2) {
        return index == 0 ? symbol->hint : symbol->minimum;
    }
    uint64_t span = (uint64_t)(symbol->maximum - symbol->minimum + 1);
    return symbol->minimum + (int64_t)(maker_next(random) % span);
}

static void fill_input(hmlc_dtype dtype, void *data, int64_t count, uint64_t *random)
{
    for (int64_t i = 0; i < count; i++) {
        int64_t bits = (int64_t)(maker_next(random) >> 20);
        if (dtype == HMLC_DTYPE_f32) {
            hmlc_element_set_double(dtype, data, i, (double)(bits % 33) / 8 - 2);
        } else {
            int64_t value = dtype == HMLC_DTYPE_bool ? bits % 2 : bits % 401 - 200;
            hmlc_element_set_int(dtype, data, i, value);
        }
    }
}

static bool make_inputs(const maker *m, uint32_t run, uint64_t seed, hmlc_arena *arena,
                        trial_inputs *inputs)
{
    uint64_t random = seed * 77 + run;
    int64_t symbols[64] = {0};
    for (uint32_t i = 0; i < hmlc_symbol_count(m->module->dims); i++) {
        symbols[i] = symbol_value(hmlc_symbol_at(m->module->dims, i), run, &random);
    }
    inputs->count = m->module->main->argument_count;
    for (uint32_t i = 0; i < inputs->count; i++) {
        const hmlc_type *type = m->module->main->arguments[i]->type;
        hmlc_tensor *tensor = &inputs->tensors[i];
        *tensor = (hmlc_tensor){.dtype = type->dtype, .rank = type->rank};
        for (int32_t k = 0; k < type->rank; k++) {
            if (!hmlc_dim_evaluate(type->dims[k], symbols, &tensor->dims[k])) {
                return false;
            }
        }
        int64_t count = hmlc_tensor_count(tensor);
        tensor->bytes = (size_t)count * hmlc_dtype_bytes(type->dtype);
        void *data = hmlc_arena_allocate(arena, tensor->bytes + 64);
        if (data == NULL) {
            return false;
        }
        fill_input(type->dtype, data, count, &random);
        tensor->data = data;
    }
    return true;
}

/* -- Comparison ---------------------------------------------------------------------------- */

static bool elements_agree(const hmlc_tensor *expected, const hmlc_tensor *found, double error,
                           int64_t at)
{
    if (expected->dtype != HMLC_DTYPE_f32) {
        return hmlc_tensor_get_int(expected, at) == hmlc_tensor_get_int(found, at);
    }
    double want = hmlc_tensor_get_double(expected, at), have = hmlc_tensor_get_double(found, at);
    if (isnan(want) || isinf(want)) {
        return isnan(want) ? isnan(have) : want == have;
    }
    double tolerance = error == 0 ? 0 : 8 * error + 4e-6 * fabs(want) + 1e-6;
    return fabs(want - have) <= tolerance;
}

static trial_result compare(trial *t, const hmlc_tensor *expected, const hml_tensor *actual,
                            double error, const char *what)
{
    hmlc_tensor found = {expected->dtype, expected->rank, {0}, actual->data, expected->bytes};
    bool fits = actual->rank == (uint32_t)expected->rank;
    for (uint32_t i = 0; fits && i < actual->rank; i++) {
        fits = actual->dims[i] == expected->dims[i];
    }
    if (!fits) {
        return fail(t, TRIAL_WRONG, "output %d has another shape (%s)", t->output, what);
    }
    int64_t count = hmlc_tensor_count(expected);
    for (int64_t i = 0; i < count; i++) {
        if (!elements_agree(expected, &found, error, i)) {
            return fail(t, TRIAL_WRONG,
                        "output %d element %lld of %lld: expected %.9g, found %.9g (%s, error %g)",
                        t->output, (long long)i, (long long)count,
                        hmlc_tensor_get_double(expected, i), hmlc_tensor_get_double(&found, i),
                        what, error);
        }
    }
    return TRIAL_PASSED;
}

/* -- Runs ---------------------------------------------------------------------------------- */

typedef struct trial_machine {
    hml_model *model;
    hml_pool *pool;
    hml_session *sessions[2]; /* at one thread, at two */
} trial_machine;

static hml_status open_machine(const trial *t, trial_machine *machine)
{
    hml_pool_options two = {.struct_bytes = sizeof two, .threads = 2};
    hml_status status = hml_model_open(t->path, NULL, &machine->model);
    if (status == HML_OK) {
        status = hml_pool_create(&two, &machine->pool);
    }
    for (uint32_t i = 0; i < 2 && status == HML_OK; i++) {
        hml_session_options options = {.struct_bytes = sizeof options,
                                       .pool = i == 0 ? NULL : machine->pool};
        status = hml_session_create(machine->model, &options, &machine->sessions[i]);
    }
    return status;
}

static void close_machine(trial_machine *machine)
{
    hml_session_destroy(machine->sessions[0]);
    hml_session_destroy(machine->sessions[1]);
    hml_pool_release(machine->pool);
    hml_model_release(machine->model);
}

static hml_dtype runtime_dtype(hmlc_dtype dtype)
{
    switch (dtype) {
    case HMLC_DTYPE_bool:
        return HML_BOOL;
    case HMLC_DTYPE_i8:
        return HML_I8;
    case HMLC_DTYPE_u8:
        return HML_U8;
    case HMLC_DTYPE_i32:
        return HML_I32;
    case HMLC_DTYPE_i64:
        return HML_I64;
    default:
        return HML_F32;
    }
}

static hml_status run_session(hml_session *session, const trial_inputs *inputs)
{
    hml_status status = HML_OK;
    for (uint32_t i = 0; i < inputs->count && status == HML_OK; i++) {
        const hmlc_tensor *from = &inputs->tensors[i];
        union {
            const void *readable;
            void *writable;
        } data = {.readable = from->data};
        hml_tensor tensor = {.data = data.writable,
                             .bytes = from->bytes,
                             .dtype = runtime_dtype(from->dtype),
                             .rank = (uint32_t)from->rank};
        memcpy(tensor.dims, from->dims, sizeof from->dims);
        status = hml_bind_input(session, i, &tensor);
    }
    return status == HML_OK ? hml_run(session) : status;
}

static trial_result run_once(trial *t, trial_machine *machine, const trial_inputs *inputs,
                             const hmlc_tensor *expected, uint32_t output_count,
                             const double *errors, uint32_t run)
{
    char what[64];
    for (uint32_t s = 0; s < 2; s++) {
        t->output = -1;
        hml_status status = run_session(machine->sessions[s], inputs);
        if (status != HML_OK) {
            return fail(t, TRIAL_WRONG, "run %u at %u threads: HML%u %s", run, s + 1,
                        (unsigned)status, hml_session_error(machine->sessions[s]));
        }
        (void)snprintf(what, sizeof what, "run %u, %u threads", run, s + 1);
        for (uint32_t i = 0; i < output_count; i++) {
            hml_tensor actual[2];
            t->output = (int)i;
            if (hml_session_output(machine->sessions[s], i, &actual[s]) != HML_OK) {
                return fail(t, TRIAL_WRONG, "output %u is not there", i);
            }
            trial_result result = compare(t, &expected[i], &actual[s], errors[i], what);
            if (result != TRIAL_PASSED) {
                return result;
            }
            if (s == 1 && (hml_session_output(machine->sessions[0], i, &actual[0]) != HML_OK ||
                           (expected[i].bytes > 0 &&
                            memcmp(actual[0].data, actual[1].data, expected[i].bytes) != 0))) {
                return fail(t, TRIAL_WRONG, "output %u has other bits at two threads", i);
            }
        }
    }
    t->runs++;
    return TRIAL_PASSED;
}

static trial_result run_all(trial *t, maker *reference, trial_machine *machine)
{
    uint32_t output_count = reference->module->main->last->operand_count;
    trial_result result = TRIAL_PASSED;
    for (uint32_t run = 0; run < RUNS && result == TRIAL_PASSED; run++) {
        hmlc_arena *arena = hmlc_arena_create(NULL);
        trial_inputs inputs;
        hmlc_tensor expected[MAKER_OUTPUTS];
        if (arena == NULL || !make_inputs(reference, run, t->seed, arena, &inputs)) {
            result = fail(t, TRIAL_BROKEN, "inputs of run %u could not be made", run);
        } else if (hmlc_interpret(reference->module, inputs.tensors, inputs.count, arena, expected,
                                  output_count) != HMLC_OK) {
            result = fail(t, TRIAL_BROKEN, "the interpreter refuses run %u: %s", run,
                          first_message(reference->module));
        } else {
            result =
                run_once(t, machine, &inputs, expected, output_count, reference->output_error, run);
        }
        hmlc_arena_destroy(arena);
    }
    return result;
}

/* -- Compilation --------------------------------------------------------------------------- */

/* Targets of one architecture are listed in rising order of features. */
static bool runs_here(const hmlc_target *target)
{
    const hmlc_target *native = hmlc_target_find("native");
    for (uint32_t k = 0; native != NULL && k < hmlc_target_count(); k++) {
        const hmlc_target *at = hmlc_target_at(k);
        if (at == target || at == native) {
            return at == target && target->architecture == native->architecture;
        }
    }
    return false;
}

static trial_result compile(trial *t, maker *m)
{
    const hmlc_target *target = hmlc_target_find(t->variant);
    hmlc_pass_options passes = {.verify = true};
    hmlc_codegen_options codegen = {.targets = &target, .target_count = 1, .jobs = 1};
    hmlc_codegen_summary summary;
    hmlc_status status = target == NULL ? HMLC_USAGE : hmlc_run_passes(m->module, &passes);
    const char *phase = "passes";
    if (status == HMLC_OK) {
        phase = "code generation";
        status = hmlc_compile(m->module, &codegen, t->path, &summary);
    }
    if (status == HMLC_OK) {
        return runs_here(target) ? TRIAL_PASSED : TRIAL_COMPILED;
    }
    return fail(t, status == HMLC_REFUSED ? TRIAL_REFUSED : TRIAL_WRONG, "%s, status %d: %s", phase,
                (int)status, first_message(m->module));
}

trial_result trial_run(trial *t)
{
    maker *reference = maker_create(t->seed, t->ops, t->only);
    maker *compiled = maker_create(t->seed, t->ops, t->only);
    trial_machine machine = {0};
    trial_result result = TRIAL_PASSED;
    t->output = -1;
    t->message[0] = '\0';
    if (reference == NULL || compiled == NULL || reference->broken || compiled->broken ||
        hmlc_verify(reference->module, "maker") != HMLC_OK) {
        result = fail(t, TRIAL_BROKEN, "the module could not be made: %s",
                      reference != NULL ? first_message(reference->module) : "memory");
    } else {
        result = compile(t, compiled);
    }
    if (result == TRIAL_PASSED) {
        hml_status status = open_machine(t, &machine);
        result = status == HML_OK
                     ? run_all(t, reference, &machine)
                     : fail(t, TRIAL_WRONG, "the artifact does not open: HML%u", (unsigned)status);
    }
    close_machine(&machine);
    maker_destroy(reference);
    maker_destroy(compiled);
    (void)remove(t->path);
    return result;
}

void trial_reduce(trial *t)
{
    trial tried = *t;
    trial_result wanted = trial_run(&tried);
    for (uint32_t ops = 1; ops < t->ops; ops++) {
        tried = *t;
        tried.ops = ops;
        if (trial_run(&tried) == wanted) {
            *t = tried;
            break;
        }
    }
    for (int only = 0; t->only < 0 && only < MAKER_OUTPUTS; only++) {
        tried = *t;
        tried.only = t->output >= 0 && only == 0 ? t->output : only;
        if (trial_run(&tried) == wanted) {
            *t = tried;
        }
    }
}

static bool write_file(const char *name, const hmlc_text_buffer *buffer)
{
    FILE *file = fopen(name, "wb");
    bool good = file != NULL && fwrite(buffer->data, 1, buffer->size, file) == buffer->size;
    return file != NULL && fclose(file) == 0 && good;
}

bool trial_write(const trial *t, const char *name)
{
    maker *m = maker_create(t->seed, t->ops, t->only);
    hmlc_pass_options clean = {.pipeline = "dce"};
    hmlc_print_options options = {0};
    hmlc_text_buffer text = {0}, constants = {0};
    char file[256];
    bool good = m != NULL && !m->broken && hmlc_run_passes(m->module, &clean) == HMLC_OK &&
                hmlc_module_print(m->module, &options, &text, &constants) == HMLC_OK;
    (void)snprintf(file, sizeof file, "%s.hir", name);
    good = good && write_file(file, &text);
    (void)snprintf(file, sizeof file, "%s.hir.bin", name);
    good = good && (constants.size == 0 || write_file(file, &constants));
    if (good && t->prints && text.size < 6000) {
        (void)fputs(text.data, stderr);
    }
    hmlc_text_buffer_free(&text);
    hmlc_text_buffer_free(&constants);
    maker_destroy(m);
    return good;
}
