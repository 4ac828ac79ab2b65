/* SPDX-License-Identifier: Apache-2.0 */
/* Life of a session: its size, its block of memory, creation and end. */
#include "session/session.h"
#include "common/versioned.h"
#include "session/sizes.h"
#include <string.h>

static hml_message message_of(const hml_session_options *options)
{
    return (hml_message){options->message, options->message_bytes};
}

/* Byte offsets of the tables in the block; the order is that of the struct. */
typedef struct session_layout {
    size_t inputs, outputs, dims, pointers, operand_bytes, dim_values, steps, growables, parts,
        states;
    size_t bytes;
} session_layout;

static bool place(session_layout *layout, size_t *offset, uint64_t count, size_t size)
{
    if (!hml_size_add(&layout->bytes, count, size)) {
        return false;
    }
    *offset = layout->bytes - (size_t)count * size;
    return true;
}

static bool lay_out(const hml_model *model, uint32_t threads, session_layout *layout)
{
    const hml_program_record *program = hml_model_program(model)->record;
    const hml_model_record *tables = model->tables.record;
    *layout = (session_layout){.bytes = sizeof(hml_session)};
    return place(layout, &layout->inputs, tables->inputs.count, sizeof(hml_input_binding)) &&
           place(layout, &layout->outputs, tables->outputs.count, sizeof(hml_output_binding)) &&
           place(layout, &layout->dims, program->dims.count, sizeof(int64_t)) &&
           place(layout, &layout->pointers, program->operands.count, sizeof(void *)) &&
           place(layout, &layout->operand_bytes, program->operands.count, sizeof(int64_t)) &&
           place(layout, &layout->dim_values, program->indices.count, sizeof(int64_t)) &&
           place(layout, &layout->steps, program->steps.count, sizeof(hml_step_state)) &&
           place(layout, &layout->growables, program->growable_count, sizeof(hml_region)) &&
           place(layout, &layout->parts, threads, sizeof(hml_part)) &&
           place(layout, &layout->states, 0, 0) && hml_model_state_room(model, &layout->bytes);
}

/* What to reserve for the options' dims. */
typedef struct session_reservation {
    size_t arena, scratch; /* scratch: for all threads */
} session_reservation;

static uint32_t option_threads(const hml_session_options *options)
{
    return options->pool != NULL ? hml_pool_threads(options->pool) : 1;
}

static hml_status read_reservation(const hml_model *model, const hml_session_options *options,
                                   const int64_t *values, session_reservation *reservation)
{
    const hml_program_record *record = hml_model_program(model)->record;
    int64_t arena = values[record->arena_dim];
    int64_t scratch = record->scratch_dim == HML_NONE ? 0 : values[record->scratch_dim];
    size_t arena_bytes = 0, scratch_bytes = 0;
    if (arena < 0 || scratch < 0 || !hml_size_add(&arena_bytes, 1, (uint64_t)arena) ||
        !hml_size_add(&scratch_bytes, option_threads(options),
                      ((uint64_t)scratch + 127) & ~UINT64_C(127))) {
        return HML_FAIL(message_of(options), HML_ERROR_dim_overflow, "arena or scratch memory");
    }
    *reservation = (session_reservation){arena_bytes, scratch_bytes};
    return HML_OK;
}

static hml_status compute_reservation(const hml_model *model, const hml_session_options *options,
                                      session_reservation *reservation)
{
    int64_t *values = NULL;
    HML_TRY(hml_sizes_evaluate(model, options->dims, options->dim_count, HML_DIM_LARGEST, &values,
                               message_of(options)));
    hml_status status = read_reservation(model, options, values, reservation);
    hml_sizes_release(model, values);
    return status;
}

/* The same within the caller's memory, which is the session's afterwards: nothing is allocated. */
static hml_status compute_reservation_in(const hml_model *model, const hml_session_options *options,
                                         session_reservation *reservation)
{
    if (options->memory_bytes < hml_sizes_bytes(model)) {
        return HML_FAIL(message_of(options), HML_ERROR_session_memory, "%zu bytes are given",
                        options->memory_bytes);
    }
    HML_TRY(hml_sizes_evaluate_into(model, options->dims, options->dim_count, HML_DIM_LARGEST,
                                    options->memory, message_of(options)));
    return read_reservation(model, options, options->memory, reservation);
}

/* *options = the caller's as this version has them. */
static hml_status read_options(const hml_model *model, const hml_session_options *given,
                               hml_session_options *options)
{
    *options = (hml_session_options){.struct_bytes = sizeof *options};
    const char *wrong = given != NULL ? HML_STRUCT_READ(options, message_bytes, given) : NULL;
    if (wrong == NULL && options->reserved != 0) {
        wrong = "a reserved field is set";
    }
    if (wrong != NULL) {
        return HML_FAIL(HML_STRUCT_MESSAGE(given, message_bytes), HML_ERROR_bad_argument,
                        "hml_session_options: %s", wrong);
    }
    hml_message message = message_of(options);
    if (model == NULL) {
        return HML_FAIL(message, HML_ERROR_bad_argument, "the model is NULL");
    }
    if (model->inspect_only) {
        return HML_FAIL(message, HML_ERROR_not_runnable, "%s", "");
    }
    if (options->dim_count != 0 && options->dims == NULL) {
        return HML_FAIL(message, HML_ERROR_bad_argument, "%u dims at NULL", options->dim_count);
    }
    if ((uintptr_t)options->memory % HML_DATA_ALIGNMENT != 0) {
        return HML_FAIL(message, HML_ERROR_misaligned, "session memory at %p", options->memory);
    }
    return HML_OK;
}

static hml_status block_size(const hml_model *model, const hml_session_options *options,
                             const session_reservation *reservation, session_layout *layout,
                             size_t *bytes)
{
    if (!lay_out(model, option_threads(options), layout)) {
        return HML_FAIL(message_of(options), HML_ERROR_dim_overflow, "the session's tables");
    }
    *bytes = layout->bytes;
    bool fits = hml_size_add(bytes, 1, reservation->arena) &&
                hml_size_add(bytes, 1, reservation->scratch) && hml_size_add(bytes, 0, 0);
    size_t least = 0; /* a session in the caller's memory evaluates dims in it first */
    fits = fits && hml_size_add(&least, 1, hml_sizes_bytes(model)) && hml_size_add(&least, 0, 0);
    *bytes = *bytes < least ? least : *bytes;
    return fits ? HML_OK
                : HML_FAIL(message_of(options), HML_ERROR_dim_overflow, "the session's memory");
}

hml_status hml_session_size(const hml_model *model, const hml_session_options *given, size_t *bytes)
{
    hml_session_options options;
    HML_TRY(read_options(model, given, &options));
    if (bytes == NULL) {
        return HML_FAIL(message_of(&options), HML_ERROR_bad_argument, "nowhere to write the size");
    }
    session_reservation reservation;
    HML_TRY(compute_reservation(model, &options, &reservation));
    session_layout layout;
    return block_size(model, &options, &reservation, &layout, bytes);
}

static uint32_t operand_dependence(const hml_program *program, uint32_t index)
{
    const hml_operand_record *operand = &program->operands[index];
    const hml_buffer_record *buffer = &program->buffers[operand->buffer];
    uint32_t entry = program->record->entry_dims;
    bool late = operand->offset_dim != HML_NONE && operand->offset_dim >= entry;
    switch (buffer->kind) {
    case HML_BUFFER_ARENA:
        late = late || buffer->bytes_dim >= entry;
        return late ? HML_DEPENDS_RUN_TIME : 0;
    case HML_BUFFER_GROWABLE:
        return HML_DEPENDS_RUN_TIME;
    case HML_BUFFER_INPUT:
        return HML_DEPENDS_BINDINGS | (late ? HML_DEPENDS_RUN_TIME : 0U);
    case HML_BUFFER_OUTPUT:
        late = late || program->record->dims.count > entry;
        return HML_DEPENDS_BINDINGS | (late ? HML_DEPENDS_RUN_TIME : 0U);
    default:
        return late ? HML_DEPENDS_RUN_TIME : 0;
    }
}

static bool is_late(const hml_program *program, uint32_t slot)
{
    return slot != HML_NONE && slot >= program->record->entry_dims;
}

/* Written, and an output of the model. */
static bool is_result(const hml_program *program, uint32_t index)
{
    const hml_operand_record *operand = &program->operands[index];
    return (operand->flags & HML_OPERAND_WRITTEN) != 0 &&
           program->buffers[operand->buffer].kind == HML_BUFFER_OUTPUT;
}

static uint32_t step_dependence(const hml_program *program, const hml_step_record *step)
{
    uint32_t depends = 0;
    if (step->kind == HML_STEP_CALL) {
        bool late = is_late(program, step->units_dim) || is_late(program, step->scratch_dim) ||
                    is_late(program, step->work_dim);
        for (uint32_t i = 0; i < step->dim_count; i++) {
            late = late || is_late(program, program->indices[step->first_dim + i]);
        }
        depends = late ? HML_DEPENDS_RUN_TIME : 0;
    }
    if (step->kind == HML_STEP_CALL || step->kind == HML_STEP_BRANCH ||
        step->kind == HML_STEP_REPEAT) {
        for (uint32_t i = 0; i < step->operand_count; i++) {
            depends |= operand_dependence(program, step->first_operand + i);
            depends |= is_result(program, step->first_operand + i) ? HML_WRITES_OUTPUT : 0U;
        }
    }
    return depends;
}

static uint64_t memory_limit(const hml_session_options *options)
{
    return options->memory_limit != 0 ? options->memory_limit : hml_platform_memory();
}

/* Builds the session at the start of `block`, which is cleared up to layout->bytes. */
static hml_session *build(hml_model *model, const hml_session_options *options, uint8_t *block,
                          const session_layout *layout)
{
    memset(block, 0, layout->bytes);
    hml_session *session = (void *)block;
    session->model = hml_model_retain(model);
    session->program = hml_model_program(model);
    session->allocator = model->allocator;
    session->thread_count = option_threads(options);
    session->fixed = options->fixed != 0;
    session->memory_limit = memory_limit(options);
    session->pool = options->pool;
    if (session->pool != NULL) {
        hml_pool_retain(session->pool);
    }
    session->inputs = (void *)(block + layout->inputs);
    session->outputs = (void *)(block + layout->outputs);
    session->dims = (void *)(block + layout->dims);
    session->pointers = (void *)(block + layout->pointers);
    session->operand_bytes = (void *)(block + layout->operand_bytes);
    session->dim_values = (void *)(block + layout->dim_values);
    session->steps = (void *)(block + layout->steps);
    session->growables = (void *)(block + layout->growables);
    session->parts = (void *)(block + layout->parts);
    session->shapes_changed = true;
    session->memory_held = layout->bytes - layout->states;
    hml_session_place_states(session, block + layout->states);
    const hml_program *program = session->program;
    for (uint32_t i = 0; i < program->record->steps.count; i++) {
        session->steps[i].depends = step_dependence(program, &program->steps[i]);
    }
    return session;
}

static hml_status create_in_memory(hml_model *model, const hml_session_options *options,
                                   hml_session **session)
{
    session_reservation reservation;
    HML_TRY(compute_reservation_in(model, options, &reservation));
    session_layout layout;
    size_t needed = 0;
    HML_TRY(block_size(model, options, &reservation, &layout, &needed));
    if (options->memory_bytes < needed) {
        return HML_FAIL(message_of(options), HML_ERROR_session_memory,
                        "%zu bytes are given, %zu needed", options->memory_bytes, needed);
    }
    uint8_t *block = options->memory;
    hml_session *created = build(model, options, block, &layout);
    created->arena = (hml_region){block + layout.bytes, reservation.arena, true};
    created->scratch = (hml_region){block + layout.bytes + ((reservation.arena + 63) & ~(size_t)63),
                                    reservation.scratch, true};
    created->memory_held += (uint64_t)reservation.arena + reservation.scratch;
    *session = created;
    return HML_OK;
}

static hml_status check_limit(uint64_t bytes, uint64_t limit, hml_message message)
{
    return bytes <= limit ? HML_OK
                          : HML_FAIL(message, HML_ERROR_out_of_memory,
                                     "%llu bytes: the session's memory is limited to %llu bytes",
                                     (unsigned long long)bytes, (unsigned long long)limit);
}

/* Arena and scratch of a session whose block is allocated. */
static hml_status allocate_reservation(hml_session *session, const session_reservation *reservation,
                                       hml_message message)
{
    session->memory_held += (uint64_t)reservation->arena + reservation->scratch;
    HML_TRY(check_limit(session->memory_held, session->memory_limit, message));
    if (!hml_region_reserve(&session->arena, &session->allocator, reservation->arena) ||
        !hml_region_reserve(&session->scratch, &session->allocator, reservation->scratch)) {
        return HML_FAIL(message, HML_ERROR_out_of_memory, "%llu bytes of arena and scratch",
                        (unsigned long long)session->memory_held);
    }
    return HML_OK;
}

static hml_status create_allocated(hml_model *model, const hml_session_options *options,
                                   hml_session **session)
{
    session_reservation reservation = {0};
    if (options->dim_count != 0 || options->fixed) {
        HML_TRY(compute_reservation(model, options, &reservation));
    }
    session_layout layout;
    size_t unused = 0;
    HML_TRY(block_size(model, options, &reservation, &layout, &unused));
    HML_TRY(check_limit(layout.bytes - layout.states, memory_limit(options), message_of(options)));
    uint8_t *block = hml_allocate(&model->allocator, layout.bytes);
    if (block == NULL) {
        return HML_FAIL(message_of(options), HML_ERROR_out_of_memory, "%zu bytes", layout.bytes);
    }
    hml_session *created = build(model, options, block, &layout);
    created->block_bytes = layout.bytes;
    hml_status status = allocate_reservation(created, &reservation, message_of(options));
    if (status != HML_OK) {
        hml_session_destroy(created);
        return status;
    }
    *session = created;
    return HML_OK;
}

hml_status hml_session_create(hml_model *model, const hml_session_options *given,
                              hml_session **session)
{
    hml_session_options options;
    HML_TRY(read_options(model, given, &options));
    if (session == NULL) {
        return HML_FAIL(message_of(&options), HML_ERROR_bad_argument, "nowhere to put the session");
    }
    return options.memory != NULL ? create_in_memory(model, &options, session)
                                  : create_allocated(model, &options, session);
}

void hml_session_destroy(hml_session *session)
{
    if (session == NULL) {
        return;
    }
    hml_allocator allocator = session->allocator;
    hml_model *model = session->model;
    hml_pool *pool = session->pool;
    for (uint32_t i = 0; i < model->tables.record->outputs.count; i++) {
        hml_region_release(&session->outputs[i].own, &allocator);
    }
    for (uint32_t i = 0; i < session->program->record->growable_count; i++) {
        hml_region_release(&session->growables[i], &allocator);
    }
    hml_region_release(&session->arena, &allocator);
    hml_region_release(&session->scratch, &allocator);
    if (session->block_bytes != 0) {
        hml_release(&allocator, session, session->block_bytes);
    }
    hml_pool_release(pool);
    hml_model_release(model);
}

const char *hml_session_error(const hml_session *session)
{
    return session != NULL ? session->error : "";
}
