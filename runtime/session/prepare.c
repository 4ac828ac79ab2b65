/* SPDX-License-Identifier: Apache-2.0 */
/* Memory and addresses: what has to be ready before a step runs. */
#include "session/session.h"
#include <string.h>

/* Work below this is not split: waking and waiting would cost as much. */
#define SPLIT_NANOSECONDS    4000U
#define NANOSECONDS_PER_PART 2000U

/* -- Memory ------------------------------------------------------------------------------------ */

hml_status hml_session_grow(hml_session *session, hml_region *region, int64_t bytes,
                            const char *what, bool *moved)
{
    if (bytes >= 0 && (uint64_t)bytes <= region->bytes) {
        return HML_OK;
    }
    hml_message message = hml_session_message(session);
    if (bytes < 0) {
        return HML_FAIL(message, HML_ERROR_dim_overflow, "%s has a negative size", what);
    }
    if (session->fixed) {
        return HML_FAIL(message, HML_ERROR_session_memory, "%s needs %lld bytes, %zu are reserved",
                        what, (long long)bytes, region->bytes);
    }
    uint64_t others = session->memory_held - region->bytes;
    uint64_t room = session->memory_limit > others ? session->memory_limit - others : 0;
    if ((uint64_t)bytes > room) {
        return HML_FAIL(message, HML_ERROR_out_of_memory,
                        "%lld bytes for %s: the session's memory is limited to %llu bytes",
                        (long long)bytes, what, (unsigned long long)session->memory_limit);
    }
    /* A sequence that grows with each run must not move its memory each time. */
    uint64_t wanted = (uint64_t)bytes + (region->data != NULL ? (uint64_t)bytes / 4 : 0);
    wanted = wanted < room ? wanted : room;
    *moved = true;
    bool done = hml_region_reserve(region, &session->allocator, wanted) ||
                hml_region_reserve(region, &session->allocator, (uint64_t)bytes);
    session->memory_held = others + region->bytes;
    if (done) {
        return HML_OK;
    }
    session->shapes_changed = true;
    return HML_FAIL(message, HML_ERROR_out_of_memory, "%lld bytes for %s", (long long)bytes, what);
}

static hml_status reserve_scratch(hml_session *session, int64_t bytes)
{
    int64_t stride = (bytes + 127) & ~INT64_C(127);
    int64_t total;
    if (bytes < 0 || __builtin_mul_overflow(stride, (int64_t)session->thread_count, &total)) {
        return HML_FAIL(hml_session_message(session), HML_ERROR_dim_overflow, "scratch memory");
    }
    bool moved = false;
    session->scratch_stride = 0; /* a failure may leave no scratch memory */
    HML_TRY(hml_session_grow(session, &session->scratch, total, "scratch memory", &moved));
    session->scratch_stride = (size_t)stride;
    return HML_OK;
}

/* Memory for output `index`, `bytes` in size; with the session's own the address may change. */
static hml_status reserve_output(hml_session *session, uint32_t index, int64_t bytes, bool *moved)
{
    hml_output_binding *output = &session->outputs[index];
    const hml_model_tables *tables = &session->model->tables;
    const char *name = tables->strings + tables->outputs[index].name;
    if (output->data == NULL) {
        return hml_session_grow(session, &output->own, bytes, name, moved);
    }
    if (bytes < 0 || (uint64_t)bytes > output->bytes) {
        return HML_FAIL(hml_session_message(session), HML_ERROR_output_bytes,
                        "output '%s' needs %lld bytes, %zu are bound", name, (long long)bytes,
                        output->bytes);
    }
    return HML_OK;
}

static bool output_is_known(const hml_session *session, uint32_t index)
{
    const uint32_t *slots = hml_output_slots(session->model, index);
    for (uint32_t i = 0; i < session->model->tables.outputs[index].rank; i++) {
        if (slots[i] >= session->program->record->entry_dims) {
            return false;
        }
    }
    return true;
}

/* All outputs whose size is known at run entry. */
static hml_status reserve_outputs(hml_session *session)
{
    bool moved = false;
    for (uint32_t i = 0; i < session->model->tables.record->outputs.count; i++) {
        if (output_is_known(session, i)) {
            HML_TRY(reserve_output(session, i, hml_session_output_bytes(session, i), &moved));
        }
    }
    return HML_OK;
}

/* Memory for the entry dims: arena and scratch. */
static hml_status reserve_memory(hml_session *session)
{
    const hml_program_record *record = session->program->record;
    bool moved = false;
    HML_TRY(hml_session_grow(session, &session->arena, session->dims[record->arena_dim],
                             "the arena", &moved));
    return record->scratch_dim == HML_NONE
               ? HML_OK
               : reserve_scratch(session, session->dims[record->scratch_dim]);
}

hml_status hml_session_prepare(hml_session *session)
{
    if (session == NULL) {
        return HML_ERROR_bad_argument;
    }
    session->error[0] = '\0';
    session->complete = false; /* run-time dims are those of an earlier run */
    if (!session->shapes_changed && !session->bindings_changed) {
        return HML_OK;
    }
    session->prepared = false;
    if (session->shapes_changed) {
        HML_TRY(hml_session_enter(session));
        HML_TRY(reserve_memory(session));
    }
    HML_TRY(reserve_outputs(session));
    if (session->shapes_changed) {
        session->shape_stamp = ++session->clock;
        session->shapes_changed = false;
    }
    if (session->bindings_changed) {
        session->binding_stamp = ++session->clock;
        session->bindings_changed = false;
    }
    session->prepared = true;
    return HML_OK;
}

/* -- Addresses --------------------------------------------------------------------------------- */

static hml_status out_of_place(hml_session *session, const char *what)
{
    return HML_FAIL(hml_session_message(session), HML_ERROR_kernel_bounds,
                    "%s reaches out of its memory", what);
}

static hml_status resolve_arena(hml_session *session, const hml_buffer_record *buffer,
                                uint8_t **base, int64_t *bytes)
{
    int64_t limit = session->dims[session->program->record->arena_dim];
    int64_t offset = session->dims[buffer->offset_dim];
    *bytes = session->dims[buffer->bytes_dim];
    if (offset < 0 || *bytes < 0 || offset > limit || *bytes > limit - offset) {
        return out_of_place(session, "an arena buffer");
    }
    *base = *bytes == 0 ? session->arena.data : session->arena.data + offset;
    return HML_OK;
}

static hml_status resolve_output(hml_session *session, const hml_buffer_record *buffer,
                                 uint8_t **base, int64_t *bytes)
{
    *bytes = buffer->bytes_dim != HML_NONE ? session->dims[buffer->bytes_dim]
                                           : hml_session_output_bytes(session, buffer->index);
    bool moved = false;
    HML_TRY(reserve_output(session, buffer->index, *bytes, &moved));
    if (moved) {
        session->binding_stamp = ++session->clock;
    }
    const hml_output_binding *output = &session->outputs[buffer->index];
    *base = output->data != NULL ? output->data : output->own.data;
    return HML_OK;
}

static hml_status resolve_growable(hml_session *session, const hml_buffer_record *buffer,
                                   uint8_t **base, int64_t *bytes)
{
    const hml_region *region = &session->growables[buffer->index];
    *bytes = session->dims[buffer->bytes_dim];
    if (*bytes < 0 || (uint64_t)*bytes > region->bytes) {
        return out_of_place(session, "a growable buffer");
    }
    *base = region->data;
    return HML_OK;
}

static hml_status resolve_buffer(hml_session *session, const hml_buffer_record *buffer,
                                 uint8_t **base, int64_t *bytes)
{
    switch (buffer->kind) {
    case HML_BUFFER_ARENA:
        return resolve_arena(session, buffer, base, bytes);
    case HML_BUFFER_GROWABLE:
        return resolve_growable(session, buffer, base, bytes);
    case HML_BUFFER_OUTPUT:
        return resolve_output(session, buffer, base, bytes);
    case HML_BUFFER_INPUT: {
        const hml_tensor *tensor = &session->inputs[buffer->index].tensor;
        *base = tensor->data;
        /* The binding compared this with tensor->bytes, so it has a size. */
        return hml_tensor_bytes(tensor->dtype, tensor->rank, tensor->dims, bytes)
                   ? HML_OK
                   : out_of_place(session, "an input");
    }
    default: /* Weights: kernels take them as not const, and write only what is flagged. */
        *base = (uint8_t *)session->model->weights.data + buffer->offset;
        *bytes = (int64_t)buffer->bytes;
        return HML_OK;
    }
}

hml_status hml_session_resolve(hml_session *session, uint32_t operand, void **pointer,
                               int64_t *bytes)
{
    const hml_operand_record *record = &session->program->operands[operand];
    uint8_t *base = NULL;
    int64_t size = 0;
    HML_TRY(resolve_buffer(session, &session->program->buffers[record->buffer], &base, &size));
    int64_t offset = record->offset_dim == HML_NONE ? 0 : session->dims[record->offset_dim];
    if (offset < 0 || offset > size) {
        return out_of_place(session, "an operand");
    }
    *pointer = offset == 0 ? base : base + offset;
    *bytes = size - offset;
    return HML_OK;
}

/* -- Steps ------------------------------------------------------------------------------------- */

/* Parts worth making of a step on an otherwise idle pool. */
static uint32_t useful_threads(const hml_session *session, int64_t units, uint64_t cost)
{
    if (cost < SPLIT_NANOSECONDS) {
        return 1;
    }
    uint64_t threads = cost / NANOSECONDS_PER_PART;
    threads = threads < (uint64_t)units ? threads : (uint64_t)units;
    return threads < session->thread_count ? (uint32_t)threads : session->thread_count;
}

static void estimate(hml_session *session, hml_step_state *state, const hml_step_record *step)
{
    uint64_t cost;
    if (__builtin_mul_overflow((uint64_t)state->args.units, (uint64_t)step->unit_cost, &cost) ||
        cost > UINT64_MAX / 2) {
        cost = UINT64_MAX / 2;
    }
    session->total_cost -= state->threads > 1 ? state->cost : 0;
    state->cost = cost < UINT32_MAX ? cost : UINT32_MAX;
    state->threads = useful_threads(session, state->args.units, cost);
    session->total_cost += state->threads > 1 ? state->cost : 0;
}

/* Results are a kernel's last operands, so what may be written is counted from the end. */
static uint32_t written_count(const hml_program *program, const hml_step_record *step)
{
    const hml_operand_record *operands = &program->operands[step->first_operand];
    uint32_t count = 0;
    while (count < step->operand_count &&
           (operands[step->operand_count - 1 - count].flags & HML_OPERAND_WRITTEN) != 0) {
        count++;
    }
    return count;
}

/* The caller's memory behind an operand, with the tensor's name; NULL where it is the session's. */
static const char *callers_operand(const hml_session *session, uint32_t operand, bool *is_output)
{
    const hml_program *program = session->program;
    const hml_buffer_record *buffer = &program->buffers[program->operands[operand].buffer];
    const hml_model_tables *tables = &session->model->tables;
    *is_output = buffer->kind == HML_BUFFER_OUTPUT;
    if (*is_output && session->outputs[buffer->index].data != NULL) {
        return tables->strings + tables->outputs[buffer->index].name;
    }
    return buffer->kind == HML_BUFFER_INPUT ? tables->strings + tables->inputs[buffer->index].name
                                            : NULL;
}

static bool overlap(const hml_session *session, uint32_t a, uint32_t b)
{
    uintptr_t first = (uintptr_t)session->pointers[a], second = (uintptr_t)session->pointers[b];
    return first < second + (uintptr_t)session->operand_bytes[b] &&
           second < first + (uintptr_t)session->operand_bytes[a];
}

/* A kernel that refuses may have been given an output of the caller's that lies on another of its
 * operands: that is the caller's to mend. HML_OK where it is not so. */
static hml_status check_outputs_apart(hml_session *session, const hml_step_record *step)
{
    uint32_t end = step->first_operand + step->operand_count;
    for (uint32_t i = step->first_operand; i < end; i++) {
        bool is_output, other_is_output;
        const char *name = callers_operand(session, i, &is_output);
        for (uint32_t k = step->first_operand; name != NULL && is_output && k < end; k++) {
            const char *other = callers_operand(session, k, &other_is_output);
            if (k != i && other != NULL && overlap(session, i, k)) {
                return HML_FAIL(hml_session_message(session), HML_ERROR_bad_argument,
                                "the memory of output '%s' lies on that of '%s', which is still "
                                "needed where it is written",
                                name, other);
            }
        }
    }
    return HML_OK;
}

/* The kernel's own opinion of operands, sizes and alignment: only what passes it will be run. */
static hml_status ask_kernel(hml_session *session, uint32_t index)
{
    hml_step_state *state = &session->steps[index];
    hml_kernel_args check = state->args;
    check.mode = HML_KERNEL_CHECK;
    check.scratch = session->scratch.data;
    check.written_count = written_count(session->program, &session->program->steps[index]);
    check.scratch_bytes = (int64_t)session->scratch_stride;
    int32_t status = hml_kernel_call(state->function, &check);
    if (status == HML_KERNEL_OK) {
        return HML_OK;
    }
    HML_TRY(check_outputs_apart(session, &session->program->steps[index]));
    return hml_session_kernel_error(session, index, status, session->parts[0].detail);
}

static hml_kernel_function *kernel_at(const hml_session *session, uint32_t kernel)
{
    uint8_t *text = session->model->code_image +
                    session->model->variants[session->model->variant].code->text_offset;
    const uint8_t *entry = text + session->program->kernels[kernel].entry;
    hml_kernel_function *function;
    _Static_assert(sizeof function == sizeof entry, "code and data addresses are alike");
    memcpy(&function, &entry, sizeof function);
    return function;
}

/*
 * True where a step has nothing to do though its units may be many: (2^45, 0) has 2^45 rows of
 * nothing. Portable kernels of one unit run nevertheless: they look at their inputs.
 */
static bool results_are_empty(const hml_session *session, const hml_step_record *step)
{
    uint32_t written = written_count(session->program, step);
    uint32_t end = step->first_operand + step->operand_count;
    bool looks = session->program->kernels[step->kernel].form == HML_FORM_PORTABLE &&
                 session->dims[step->units_dim] == 1;
    for (uint32_t i = end - written; i < end; i++) {
        looks = looks || session->operand_bytes[i] > 0;
    }
    return written > 0 && !looks;
}

static hml_status prepare_call(hml_session *session, uint32_t index)
{
    const hml_step_record *step = &session->program->steps[index];
    hml_step_state *state = &session->steps[index];
    for (uint32_t i = 0; i < step->dim_count; i++) {
        session->dim_values[step->first_dim + i] =
            session->dims[session->program->indices[step->first_dim + i]];
    }
    int64_t scratch = step->scratch_dim == HML_NONE ? 0 : session->dims[step->scratch_dim];
    if (scratch < 0 || (uint64_t)scratch > session->scratch_stride) {
        HML_TRY(reserve_scratch(session, scratch));
    }
    int64_t units = session->dims[step->units_dim];
    if (units < 0) {
        return HML_FAIL(hml_session_message(session), HML_ERROR_dim_overflow,
                        "%lld units of work in %s", (long long)units,
                        hml_step_location(session->program, index));
    }
    state->function = kernel_at(session, step->kernel);
    state->args = (hml_kernel_args){.operands = session->pointers + step->first_operand,
                                    .dims = session->dim_values + step->first_dim,
                                    .end = units,
                                    .detail = session->parts[0].detail,
                                    .operand_bytes = session->operand_bytes + step->first_operand,
                                    .units = units,
                                    .mode = HML_KERNEL_RUN,
                                    .operand_count = step->operand_count,
                                    .dim_count = step->dim_count};
    HML_TRY(ask_kernel(session, index));
    if (results_are_empty(session, step)) {
        state->args.units = state->args.end = 0;
    }
    estimate(session, state, step);
    return HML_OK;
}

static hml_status resolve_operands(hml_session *session, const hml_step_record *step)
{
    for (uint32_t i = 0; i < step->operand_count; i++) {
        uint32_t operand = step->first_operand + i;
        HML_TRY(hml_session_resolve(session, operand, &session->pointers[operand],
                                    &session->operand_bytes[operand]));
    }
    return HML_OK;
}

hml_status hml_session_prepare_step(hml_session *session, uint32_t index)
{
    const hml_step_record *step = &session->program->steps[index];
    uint64_t before = session->clock;
    HML_TRY(resolve_operands(session, step));
    if (session->clock != before) { /* an output moved: earlier operands may lie in it, too */
        HML_TRY(resolve_operands(session, step));
    }
    if (step->kind == HML_STEP_CALL) {
        HML_TRY(prepare_call(session, index));
    } else if (session->operand_bytes[step->first_operand] < 1) {
        return out_of_place(session, "a branch condition");
    }
    session->steps[index].stamp = session->clock;
    return HML_OK;
}
