/* SPDX-License-Identifier: Apache-2.0 */
/* A case's runs: the same values as the reference interpreter's, or both refuse. */
#include "operator_trial.h"

#include <hml/hml.h>
#include <hmlc/backends.h>
#include <hmlc/passes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "guarded_memory.h"

enum { PAGE = 4096, SESSION_BYTES = 256 << 20 };

/* What one case needs while it runs. */
typedef struct machine {
    const operator_trial *trial;
    operator_tally *tally;
    operator_case reference;
    hml_model *model;
    hml_pool *pool;
    hml_session *sessions[2]; /* at one thread, at two */
    hml_session *session;     /* the one that runs now */
    guarded_heap heap;
} machine;

HMLC_PRINTF(3, 4)
static void finding(machine *m, const hmlc_tensor *inputs, const char *format, ...)
{
    va_list arguments;
    m->tally->findings++;
    (void)fprintf(stderr, "FINDING --op %s --seed %llu --variant %s: ",
                  hmlc_op_get_info(m->trial->opcode)->name, (unsigned long long)m->trial->seed,
                  m->trial->variant);
    va_start(arguments, format);
    (void)vfprintf(stderr, format, arguments);
    va_end(arguments);
    (void)fputc('\n', stderr);
    operator_case_print(&m->reference, inputs);
}

static const char *first_error(const hmlc_module *module)
{
    const hmlc_diagnostic *first = hmlc_diagnostics_first(module->diagnostics);
    while (first != NULL && first->severity != HMLC_SEVERITY_ERROR) {
        first = first->next;
    }
    return first != NULL ? first->message : "no diagnostic";
}

/* -- Memory between guard pages ------------------------------------------------------------ */

/* A copy whose last byte (or first, where `front`) lies beside a page that cannot be touched. */
typedef struct fenced {
    uint8_t *base, *data;
    size_t pages;
} fenced;

static bool fence(fenced *memory, const void *from, size_t bytes, bool front)
{
    memory->pages = (bytes + PAGE - 1) / PAGE * PAGE;
    memory->base =
        mmap(NULL, memory->pages + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory->base == MAP_FAILED) {
        return false;
    }
    (void)mprotect(memory->base + PAGE, memory->pages, PROT_READ | PROT_WRITE);
    memory->data = memory->base + PAGE + (front ? 0 : memory->pages - bytes);
    if (bytes > 0 && from != NULL) {
        memcpy(memory->data, from, bytes);
        (void)mprotect(memory->base + PAGE, memory->pages, PROT_READ);
    } else if (bytes > 0) {
        memset(memory->data, 0x5a, bytes);
    }
    return true;
}

static void unfence(fenced *memory)
{
    if (memory->base != NULL && memory->base != MAP_FAILED) {
        (void)munmap(memory->base, memory->pages + 2 * PAGE);
    }
}

/* -- Comparison ---------------------------------------------------------------------------- */

static double relative_error(hmlc_dtype dtype)
{
    switch (dtype) {
    case HMLC_DTYPE_f16:
        return 0x1p-9;
    case HMLC_DTYPE_bf16:
        return 0x1p-6;
    case HMLC_DTYPE_f64:
        return 1e-11;
    default:
        return 4e-6;
    }
}

static bool floats_agree(double want, double have, hmlc_dtype dtype, unsigned flags)
{
    if (isnan(want) || isnan(have)) {
        return isnan(want) && isnan(have);
    }
    if (want == have) {
        return (flags & OPERATOR_MOVES) == 0 || signbit(want) == signbit(have);
    }
    if ((flags & OPERATOR_MOVES) != 0 || isinf(want) || isinf(have)) {
        return false;
    }
    double relative = relative_error(dtype), base = (flags & OPERATOR_SUMS) != 0 ? 16 : 0.25;
    return fabs(want - have) <= relative * (base + fabs(want));
}

static bool tensors_agree(machine *m, const hmlc_tensor *inputs, const hmlc_tensor *want,
                          const hmlc_tensor *have, uint32_t output, uint32_t run)
{
    int64_t count = hmlc_tensor_count(want);
    for (int64_t i = 0; i < count; i++) {
        bool is_float = hmlc_dtype_is_float(want->dtype);
        double a = hmlc_tensor_get_double(want, i), b = hmlc_tensor_get_double(have, i);
        int64_t c = hmlc_tensor_get_int(want, i), d = hmlc_tensor_get_int(have, i);
        if (is_float ? floats_agree(a, b, want->dtype, m->reference.text.flags) : c == d) {
            continue;
        }
        finding(m, inputs, "run %u output %u element %lld of %lld: expected %.17g, found %.17g",
                run, output, (long long)i, (long long)count, is_float ? a : (double)c,
                is_float ? b : (double)d);
        return false;
    }
    return true;
}

/* -- Runs ---------------------------------------------------------------------------------- */

static hml_status bind(machine *m, const hmlc_tensor *inputs, uint32_t count, fenced *memory,
                       bool front)
{
    hml_status status = HML_OK;
    for (uint32_t i = 0; i < count && status == HML_OK; i++) {
        const hmlc_tensor *from = &inputs[i];
        hml_tensor tensor = {.bytes = from->bytes,
                             .dtype = (hml_dtype)((uint32_t)from->dtype + HML_BOOL),
                             .rank = (uint32_t)from->rank};
        if (!fence(&memory[i], from->data, from->bytes, front)) {
            return HML_ERROR_out_of_memory;
        }
        tensor.data = memory[i].data;
        memcpy(tensor.dims, from->dims, sizeof from->dims);
        status = hml_bind_input(m->session, i, &tensor);
    }
    return status;
}

/* A refusal that a user's input can cause; others are defects. */
static bool refuses_input(hml_status status)
{
    return hml_status_describe(status)->exit_class == 2;
}

static void compare_outputs(machine *m, const hmlc_tensor *inputs, const hmlc_tensor *want,
                            uint32_t run)
{
    uint32_t count = m->reference.module->main->last->operand_count;
    for (uint32_t i = 0; i < count; i++) {
        hml_tensor found;
        if (hml_session_output(m->session, i, &found) != HML_OK) {
            finding(m, inputs, "run %u output %u is not there", run, i);
            return;
        }
        hmlc_tensor have = {want[i].dtype, want[i].rank, {0}, found.data, want[i].bytes};
        bool fits = found.rank == (uint32_t)want[i].rank;
        for (uint32_t k = 0; fits && k < found.rank; k++) {
            fits = found.dims[k] == want[i].dims[k];
        }
        if (!fits) {
            finding(m, inputs, "run %u output %u has another shape", run, i);
            return;
        }
        if (!tensors_agree(m, inputs, &want[i], &have, i, run)) {
            return;
        }
    }
    m->tally->compared++;
}

static void run_fenced(machine *m, const hmlc_tensor *inputs, hmlc_status expected,
                       const hmlc_tensor *want, uint32_t run)
{
    uint32_t count = m->reference.module->main->argument_count;
    uint32_t outputs = m->reference.module->main->last->operand_count;
    fenced memory[OPERATOR_INPUTS] = {{NULL, NULL, 0}}, results[OPERATOR_OUTPUTS] = {{0}};
    hml_status status = bind(m, inputs, count, memory, run % 3 == 2);
    for (uint32_t i = 0; i < outputs && status == HML_OK; i++) {
        bool bound = expected == HMLC_OK && run % 2 == 1;
        if (bound && !fence(&results[i], NULL, want[i].bytes, run % 3 == 2)) {
            status = HML_ERROR_out_of_memory;
            break;
        }
        status = hml_bind_output(m->session, i, bound ? results[i].data : NULL,
                                 bound ? want[i].bytes : 0);
    }
    status = status == HML_OK ? hml_run(m->session) : status;
    if (status != HML_OK && !refuses_input(status)) {
        finding(m, inputs, "run %u ends with HML%u: %s", run, (unsigned)status,
                hml_session_error(m->session));
    } else if ((status == HML_OK) != (expected == HMLC_OK)) {
        finding(m, inputs, "run %u: interpreter %s (%s), artifact %s HML%u (%s)", run,
                expected == HMLC_OK ? "runs" : "refuses", first_error(m->reference.module),
                status == HML_OK ? "runs" : "refuses", (unsigned)status,
                hml_session_error(m->session));
    } else if (status != HML_OK) {
        m->tally->refused_runs++;
    } else {
        compare_outputs(m, inputs, want, run);
    }
    if (m->heap.damaged) {
        finding(m, inputs, "run %u writes behind the session's memory", run);
        m->heap.damaged = false;
    }
    for (uint32_t i = 0; i < outputs; i++) {
        if (hml_bind_output(m->session, i, NULL, 0) == HML_OK) {
            unfence(&results[i]);
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        unfence(&memory[i]);
    }
}

static void run_all(machine *m)
{
    for (uint32_t run = 0; run < m->trial->runs; run++) {
        m->session = m->sessions[run % 2];
        hmlc_arena *arena = hmlc_arena_create(NULL);
        hmlc_tensor inputs[OPERATOR_INPUTS], want[OPERATOR_OUTPUTS];
        operator_case_destroy(&m->reference); /* for its diagnostics */
        if (arena != NULL && operator_case_make(m->trial->opcode, m->trial->seed, &m->reference) &&
            operator_case_inputs(&m->reference, run, arena, inputs)) {
            hmlc_module *module = m->reference.module;
            hmlc_status status = hmlc_interpret(module, inputs, module->main->argument_count, arena,
                                                want, module->main->last->operand_count);
            if (status == HMLC_OK || status == HMLC_USAGE) {
                run_fenced(m, inputs, status, want, run);
            } else {
                finding(m, inputs, "run %u: the interpreter ends with status %d: %s", run,
                        (int)status, first_error(module));
            }
        }
        hmlc_arena_destroy(arena);
    }
}

/* -- Compilation --------------------------------------------------------------------------- */

static bool compile(machine *m)
{
    operator_case compiled;
    const hmlc_target *target = hmlc_target_find(m->trial->variant);
    hmlc_pass_options passes = {.verify = true};
    hmlc_codegen_options codegen = {.targets = &target, .target_count = 1, .jobs = 1};
    hmlc_codegen_summary summary;
    if (target == NULL || !operator_case_make(m->trial->opcode, m->trial->seed, &compiled)) {
        return false;
    }
    hmlc_status status = hmlc_run_passes(compiled.module, &passes);
    status = status != HMLC_OK ? status
                               : hmlc_compile(compiled.module, &codegen, m->trial->path, &summary);
    if (status == HMLC_REFUSED) {
        m->tally->refused++;
        if (m->trial->verbose) {
            (void)fprintf(stderr, "refused --op %s --seed %llu: %s\n",
                          hmlc_op_get_info(m->trial->opcode)->name,
                          (unsigned long long)m->trial->seed, first_error(compiled.module));
        }
    } else if (status != HMLC_OK) {
        finding(m, NULL, "compilation ends with status %d: %s", (int)status,
                first_error(compiled.module));
    } else {
        m->tally->accepted_types |= (uint32_t)1 << compiled.types[0];
    }
    operator_case_destroy(&compiled);
    return status == HMLC_OK;
}

void operator_trial_run(const operator_trial *trial, operator_tally *tally)
{
    machine m = {.trial = trial, .tally = tally, .heap = {.limit = SESSION_BYTES}};
    if (!operator_case_make(trial->opcode, trial->seed, &m.reference)) {
        tally->unmade++;
        return;
    }
    if (compile(&m)) {
        hml_allocator allocator = guarded_allocator(&m.heap);
        hml_open_options options = {.struct_bytes = sizeof options, .allocator = &allocator};
        hml_status status = hml_model_open(trial->path, &options, &m.model);
        hml_pool_options two = {.struct_bytes = sizeof two, .threads = 2};
        status = status == HML_OK ? hml_pool_create(&two, &m.pool) : status;
        for (uint32_t i = 0; i < 2 && status == HML_OK; i++) {
            hml_session_options threads = {.struct_bytes = sizeof threads,
                                           .pool = i == 0 ? NULL : m.pool};
            status = hml_session_create(m.model, &threads, &m.sessions[i]);
        }
        if (status == HML_OK) {
            run_all(&m);
        } else {
            finding(&m, NULL, "the artifact does not open: HML%u", (unsigned)status);
        }
        hml_session_destroy(m.sessions[0]);
        hml_session_destroy(m.sessions[1]);
        hml_pool_release(m.pool);
        hml_model_release(m.model);
        (void)remove(trial->path);
    }
    operator_case_destroy(&m.reference);
}
