/* SPDX-License-Identifier: Apache-2.0 */
/* The executor: runs the program's steps, one behind the other, but for jumps. */
#include "session/session.h"
#include <string.h>

/*
 * Waking takes the caller 1 to 2 us, and the worker some 50 us more: a step has all workers woken
 * from here on, a run one for each 20 us of work that is worth splitting. Runs that follow each
 * other closely find the workers awake.
 */
#define WAKE_STEP_NANOSECONDS       100000U
#define WAKE_RUN_WORKER_NANOSECONDS 20000U

/* -- Calls ------------------------------------------------------------------------------------- */

static hml_status run_whole(hml_session *session, uint32_t index)
{
    hml_step_state *state = &session->steps[index];
    state->args.scratch = session->scratch.data;
    int32_t status = hml_kernel_call(state->function, &state->args);
    if (status == HML_KERNEL_OK) {
        return HML_OK;
    }
    return hml_session_kernel_error(session, index, status, session->parts[0].detail);
}

/* -- Steps ------------------------------------------------------------------------------------- */

typedef struct run_state {
    hml_session *session;
    uint32_t index, next; /* step, and the one behind it */
    bool pooled;          /* the workers are this run's */
    uint32_t threads;     /* of the last call */
} run_state;

static bool is_fresh(const hml_session *session, const hml_step_state *state)
{
    return state->stamp >= session->shape_stamp && state->stamp != 0 &&
           ((state->depends & HML_DEPENDS_BINDINGS) == 0 ||
            state->stamp >= session->binding_stamp) &&
           ((state->depends & HML_DEPENDS_RUN_TIME) == 0 ||
            state->stamp >= session->run_time_stamp);
}

static hml_status freshen(hml_session *session, uint32_t index)
{
    return is_fresh(session, &session->steps[index]) ? HML_OK
                                                     : hml_session_prepare_step(session, index);
}

/* For the end of the run: whatever path it took, each output must have been somebody's result. */
static void note_outputs(hml_session *session, uint32_t index)
{
    const hml_program *program = session->program;
    const hml_step_record *step = &program->steps[index];
    const hml_operand_record *operands = &program->operands[step->first_operand];
    for (uint32_t i = 0; i < step->operand_count; i++) {
        const hml_buffer_record *buffer = &program->buffers[operands[i].buffer];
        if ((operands[i].flags & HML_OPERAND_WRITTEN) != 0 && buffer->kind == HML_BUFFER_OUTPUT) {
            session->outputs[buffer->index].written = session->run_count;
        }
    }
}

static hml_status step_call(run_state *run)
{
    hml_session *session = run->session;
    HML_TRY(freshen(session, run->index));
    const hml_step_state *state = &session->steps[run->index];
    run->threads = 1;
    if ((state->depends & HML_WRITES_OUTPUT) != 0) {
        note_outputs(session, run->index);
    }
    if (state->args.units == 0) {
        return HML_OK;
    }
    if (run->pooled && state->threads > 1) {
        run->threads =
            hml_pool_parts(session->pool, state->threads, state->cost >= WAKE_STEP_NANOSECONDS);
    }
    return run->threads > 1 ? hml_session_run_split(session, run->index, run->threads)
                            : run_whole(session, run->index);
}

static hml_status load_element(void *context, uint32_t operand, uint32_t element, int64_t *value)
{
    hml_session *session = context;
    void *pointer = NULL;
    int64_t bytes = 0;
    HML_TRY(hml_session_resolve(session, operand, &pointer, &bytes));
    if (((int64_t)element + 1) * (int64_t)sizeof *value > bytes) {
        return HML_FAIL(hml_session_message(session), HML_ERROR_kernel_bounds,
                        "element %u of a shape", element);
    }
    memcpy(value, (const uint8_t *)pointer + element * sizeof *value, sizeof *value);
    return HML_OK;
}

static hml_status evaluate_error(hml_session *session, uint32_t index, hml_status status,
                                 uint32_t slot)
{
    hml_message message = hml_session_message(session);
    const char *location = hml_step_location(session->program, index);
    if (status == HML_ERROR_dim_range) {
        const hml_symbol_record *symbol =
            &session->model->tables.symbols[session->program->dims[slot].c];
        char range[96];
        hml_symbol_range_text(symbol, range, sizeof range);
        if (session->dims[slot] > HML_DIM_UNBOUNDED) {
            memcpy(range, "at most 2^47", sizeof "at most 2^47");
        }
        return HML_FAIL(message, status, "'%s' is %lld; allowed is %s%s%s",
                        session->model->tables.strings + symbol->name,
                        (long long)session->dims[slot], range, location[0] != '\0' ? "; in " : "",
                        location);
    }
    if (status != HML_ERROR_dim_overflow) {
        return status;
    }
    char from[320];
    hml_session_sources_text(session, &slot, 1, from, sizeof from);
    return HML_FAIL(message, status, "a size does not fit this run%s", from);
}

static hml_status step_evaluate(run_state *run)
{
    hml_session *session = run->session;
    const hml_step_record *step = &session->program->steps[run->index];
    hml_dim_source source = {
        .context = session, .input_dim = hml_session_input_dim, .element = load_element};
    uint32_t failed = 0;
    hml_status status =
        hml_dims_evaluate(session->model, step->first_dim, step->first_dim + step->dim_count,
                          &source, session->dims, &failed);
    if (source.changed) {
        session->run_time_stamp = ++session->clock;
    }
    return status == HML_OK ? HML_OK : evaluate_error(session, run->index, status, failed);
}

static hml_status step_grow(run_state *run)
{
    hml_session *session = run->session;
    const hml_step_record *step = &session->program->steps[run->index];
    for (uint32_t i = 0; i < step->operand_count; i++) {
        uint32_t operand = step->first_operand + i;
        const hml_buffer_record *buffer =
            &session->program->buffers[session->program->operands[operand].buffer];
        bool moved = false;
        hml_status status =
            hml_session_grow(session, &session->growables[buffer->index],
                             session->dims[buffer->bytes_dim], "a growable buffer", &moved);
        if (moved) {
            session->run_time_stamp = ++session->clock;
        }
        HML_TRY(status);
    }
    return HML_OK;
}

/* BRANCH goes where its condition is false, REPEAT where it is true. */
static hml_status step_branch(run_state *run)
{
    hml_session *session = run->session;
    const hml_step_record *step = &session->program->steps[run->index];
    HML_TRY(freshen(session, run->index));
    const uint8_t *condition = session->pointers[step->first_operand];
    bool goes = (*condition != 0) == (step->kind == HML_STEP_REPEAT);
    run->next = goes ? step->target : run->next;
    return HML_OK;
}

static hml_status step_jump(run_state *run)
{
    run->next = run->session->program->steps[run->index].target;
    return HML_OK;
}

static hml_status step_check(run_state *run)
{
    const hml_program *program = run->session->program;
    const hml_step_record *step = &program->steps[run->index];
    for (uint32_t i = 0; i < step->dim_count; i++) {
        HML_TRY(hml_session_check(run->session, step->first_dim + i, program->record->dims.count));
    }
    return HML_OK;
}

static hml_status (*const step_functions[])(run_state *) = {
    [HML_STEP_CALL] = step_call,     [HML_STEP_EVALUATE] = step_evaluate,
    [HML_STEP_GROW] = step_grow,     [HML_STEP_BRANCH] = step_branch,
    [HML_STEP_JUMP] = step_jump,     [HML_STEP_CHECK] = step_check,
    [HML_STEP_REPEAT] = step_branch,
};

static hml_status profile_step(run_state *run)
{
    hml_session *session = run->session;
    const hml_step_record *step = &session->program->steps[run->index];
    hml_step_profile *profile = &session->profile[run->index];
    run->threads = 1;
    uint64_t start = hml_platform_nanoseconds();
    hml_status status = step_functions[step->kind](run);
    profile->nanoseconds += hml_platform_nanoseconds() - start;
    profile->start_nanoseconds = start;
    profile->calls++;
    profile->threads = run->threads;
    profile->work = step->work_dim == HML_NONE ? 0 : session->dims[step->work_dim];
    return status;
}

/* Asked to end: now, or at a time that may have come. */
static hml_status check_stop(hml_session *session, uint64_t stop_at)
{
    uint64_t now = stop_at == 1 ? 1 : hml_platform_nanoseconds();
    if (now < stop_at) {
        return HML_OK;
    }
    return HML_FAIL(hml_session_message(session), HML_ERROR_stopped, "%s",
                    stop_at == 1 ? "by hml_session_stop" : "its time is over");
}

static hml_status run_steps(run_state *run)
{
    const hml_program *program = run->session->program;
    while (run->index < program->record->steps.count) {
        uint64_t stop_at = atomic_load_explicit(&run->session->stop_at, memory_order_relaxed);
        if (stop_at != 0) {
            HML_TRY(check_stop(run->session, stop_at));
        }
        run->next = run->index + 1;
        HML_TRY(run->session->profile != NULL
                    ? profile_step(run)
                    : step_functions[program->steps[run->index].kind](run));
        run->index = run->next;
    }
    return HML_OK;
}

static hml_status run_session(hml_session *session)
{
    HML_TRY(hml_session_prepare(session));
    run_state run = {.session = session};
    if (session->pool != NULL && session->thread_count > 1) {
        uint64_t wake = session->total_cost / WAKE_RUN_WORKER_NANOSECONDS;
        run.pooled =
            hml_pool_acquire(session->pool, wake < UINT32_MAX ? (uint32_t)wake : UINT32_MAX);
    }
    session->run_count++;
    hml_status status = run_steps(&run);
    if (run.pooled) {
        hml_pool_yield(session->pool);
    }
    status = status == HML_OK ? hml_session_check_outputs(session) : status;
    session->complete = status == HML_OK;
    if (session->complete) {
        hml_session_keep_states(session);
    }
    return status;
}

hml_status hml_run(hml_session *session)
{
    if (session == NULL) {
        return HML_ERROR_bad_argument;
    }
    hml_status status = run_session(session);
    if (atomic_load_explicit(&session->stop_at, memory_order_relaxed) != 0) {
        atomic_store_explicit(&session->stop_at, 0, memory_order_relaxed);
    }
    return status;
}

hml_status hml_session_stop(hml_session *session, uint64_t nanoseconds)
{
    if (session == NULL) {
        return HML_ERROR_bad_argument;
    }
    uint64_t stop_at = 1;
    if (nanoseconds != 0 &&
        __builtin_add_overflow(hml_platform_nanoseconds(), nanoseconds, &stop_at)) {
        stop_at = UINT64_MAX;
    }
    atomic_store_explicit(&session->stop_at, stop_at, memory_order_relaxed);
    return HML_OK;
}

hml_status hml_session_profile(hml_session *session, hml_step_profile *steps, uint32_t count)
{
    if (session == NULL) {
        return HML_ERROR_bad_argument;
    }
    session->error[0] = '\0';
    if (steps != NULL && count != session->program->record->steps.count) {
        return HML_FAIL(hml_session_message(session), HML_ERROR_bad_argument,
                        "%u step profiles, the program has %u steps", count,
                        session->program->record->steps.count);
    }
    session->profile = steps;
    return HML_OK;
}
