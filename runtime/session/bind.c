/* Inputs and outputs: binding, and what the inputs' shapes say about the dims. */
#include "session/session.h"
#include <stdio.h>
#include <string.h>

static const char *string_of(const hml_session *session, uint32_t reference)
{
    return session->model->tables.strings + reference;
}

/* -- Binding ----------------------------------------------------------------------------------- */

static hml_status check_tensor(hml_session *session, uint32_t index, const hml_tensor *tensor)
{
    const hml_tensor_record *record = &session->model->tables.inputs[index];
    const char *name = string_of(session, record->name);
    hml_message message = hml_session_message(session);
    if ((tensor->memory_kind | tensor->device) != 0 ||
        (tensor->reserved[0] | tensor->reserved[1] | tensor->reserved[2]) != 0) {
        return HML_FAIL(message, HML_ERROR_bad_argument,
                        "input '%s': this runtime reads the CPU's memory alone; fields that are "
                        "reserved have to be 0",
                        name);
    }
    if (tensor->dtype != (hml_dtype)record->dtype) {
        const char *given = hml_dtype_name(tensor->dtype);
        return HML_FAIL(message, HML_ERROR_input_type, "input '%s' is %s, the model wants %s", name,
                        given != NULL ? given : "of no type",
                        hml_dtype_name((hml_dtype)record->dtype));
    }
    char shapes[HML_SHAPE_TEXT];
    if (tensor->rank != record->rank) {
        hml_session_shape_text(session, index, tensor, false, shapes, sizeof shapes);
        return HML_FAIL(message, HML_ERROR_input_rank,
                        "input '%s' has rank %u, the model wants rank %u: %s", name, tensor->rank,
                        record->rank, shapes);
    }
    int64_t bytes = 0;
    if (!hml_tensor_bytes(tensor->dtype, tensor->rank, tensor->dims, &bytes)) {
        return HML_FAIL(message, HML_ERROR_input_dim,
                        "a dim of input '%s' is negative or too large", name);
    }
    if ((uint64_t)bytes > tensor->bytes || (bytes != 0 && tensor->data == NULL)) {
        hml_session_shape_text(session, index, tensor, false, shapes, sizeof shapes);
        return HML_FAIL(message, HML_ERROR_input_bytes,
                        "input '%s' has %zu bytes, its shape needs %lld: %s", name,
                        tensor->data == NULL ? (size_t)0 : tensor->bytes, (long long)bytes, shapes);
    }
    if ((uintptr_t)tensor->data % hml_dtype_bytes(tensor->dtype) != 0) {
        return HML_FAIL(message, HML_ERROR_misaligned, "input '%s' at %p, elements of %zu bytes",
                        name, tensor->data, hml_dtype_bytes(tensor->dtype));
    }
    return HML_OK;
}

static hml_status no_such(hml_session *session, const char *what, uint32_t index, uint32_t count)
{
    return HML_FAIL(hml_session_message(session), HML_ERROR_bad_argument, "%s %u of %u", what,
                    index, count);
}

hml_status hml_bind_input(hml_session *session, uint32_t index, const hml_tensor *tensor)
{
    if (session == NULL) {
        return HML_ERROR_bad_argument;
    }
    session->error[0] = '\0';
    uint32_t count = session->model->tables.record->inputs.count;
    if (index >= count || tensor == NULL) {
        return no_such(session, "input", index, count);
    }
    HML_TRY(check_tensor(session, index, tensor));
    hml_input_binding *binding = &session->inputs[index];
    bool same_shape = binding->bound && memcmp(binding->tensor.dims, tensor->dims,
                                               tensor->rank * sizeof(int64_t)) == 0;
    session->shapes_changed = session->shapes_changed || !same_shape;
    session->bindings_changed =
        session->bindings_changed || !same_shape || binding->tensor.data != tensor->data;
    *binding = (hml_input_binding){*tensor, true};
    return HML_OK;
}

hml_status hml_bind_output(hml_session *session, uint32_t index, void *data, size_t bytes)
{
    if (session == NULL) {
        return HML_ERROR_bad_argument;
    }
    session->error[0] = '\0';
    uint32_t count = session->model->tables.record->outputs.count;
    if (index >= count) {
        return no_such(session, "output", index, count);
    }
    const hml_tensor_record *record = &session->model->tables.outputs[index];
    if ((uintptr_t)data % hml_dtype_bytes((hml_dtype)record->dtype) != 0) {
        return HML_FAIL(hml_session_message(session), HML_ERROR_misaligned, "output '%s' at %p",
                        string_of(session, record->name), data);
    }
    hml_output_binding *binding = &session->outputs[index];
    bytes = data == NULL ? 0 : bytes;
    /* The size of the new memory is compared where memory is reserved. */
    session->bindings_changed =
        session->bindings_changed || binding->data != data || binding->bytes != bytes;
    binding->data = data;
    binding->bytes = bytes;
    return HML_OK;
}

hml_status hml_session_output(const hml_session *session, uint32_t index, hml_tensor *tensor)
{
    if (session == NULL || tensor == NULL || !session->prepared ||
        index >= session->model->tables.record->outputs.count) {
        return HML_ERROR_bad_argument;
    }
    const hml_model_tables *tables = &session->model->tables;
    const hml_tensor_record *record = &tables->outputs[index];
    const hml_output_binding *binding = &session->outputs[index];
    uint32_t known = session->complete ? session->program->record->dims.count
                                       : session->program->record->entry_dims;
    hml_tensor found = {.data = binding->data != NULL ? binding->data : binding->own.data,
                        .dtype = (hml_dtype)record->dtype,
                        .rank = record->rank};
    hml_tensor_dims(hml_output_slots(session->model, index), record->rank, session->dims, known,
                    found.dims);
    int64_t bytes = 0;
    if (hml_tensor_bytes(found.dtype, found.rank, found.dims, &bytes)) {
        /* Bound anew, or memory that could not grow: no size without the memory behind it. */
        if ((uint64_t)bytes > hml_output_room(binding)) {
            return HML_ERROR_output_bytes;
        }
        found.bytes = (size_t)bytes;
    }
    *tensor = found;
    return HML_OK;
}

int64_t hml_session_output_bytes(const hml_session *session, uint32_t index)
{
    const hml_tensor_record *record = &session->model->tables.outputs[index];
    int64_t dims[HML_MAX_TENSOR_RANK], bytes = 0;
    hml_tensor_dims(hml_output_slots(session->model, index), record->rank, session->dims, HML_NONE,
                    dims);
    return hml_tensor_bytes((hml_dtype)record->dtype, record->rank, dims, &bytes) ? bytes : -1;
}

hml_status hml_session_check_outputs(hml_session *session)
{
    const hml_model_tables *tables = &session->model->tables;
    for (uint32_t i = 0; i < tables->record->outputs.count; i++) {
        const hml_output_binding *output = &session->outputs[i];
        int64_t bytes = hml_session_output_bytes(session, i);
        if (bytes < 0 || (uint64_t)bytes > hml_output_room(output) ||
            (bytes > 0 && output->written != session->run_count)) {
            return HML_FAIL(hml_session_message(session), HML_ERROR_kernel_bounds,
                            "output '%s' was not written as its dims say",
                            string_of(session, tables->outputs[i].name));
        }
    }
    return HML_OK;
}

/* -- Entry ------------------------------------------------------------------------------------- */

int64_t hml_session_input_dim(void *session, uint32_t input, uint32_t dim)
{
    const hml_session *bound = session;
    return bound->inputs[input].tensor.dims[dim];
}

static hml_status check_input_dim(hml_session *session, uint32_t input, uint32_t dim, int64_t slot)
{
    const hml_tensor_record *record = &session->model->tables.inputs[input];
    const hml_tensor *given = &session->inputs[input].tensor;
    if (given->dims[dim] == slot) {
        return HML_OK;
    }
    char shapes[HML_SHAPE_TEXT];
    hml_session_shape_text(session, input, given, true, shapes, sizeof shapes);
    const char *text = string_of(session, record->dim_texts[dim]);
    if (text[strspn(text, "0123456789")] == '\0') {
        return HML_FAIL(hml_session_message(session), HML_ERROR_input_dim,
                        "dim %u of input '%s' is %lld, not %lld: %s", dim,
                        string_of(session, record->name), (long long)given->dims[dim],
                        (long long)slot, shapes);
    }
    return HML_FAIL(hml_session_message(session), HML_ERROR_input_dim,
                    "dim %u of input '%s' is %lld; '%s' is %lld here: %s", dim,
                    string_of(session, record->name), (long long)given->dims[dim], text,
                    (long long)slot, shapes);
}

/* Every input dim equals its slot: kernels rely on it, so it is compared whatever checks the
 * program brings. */
static hml_status check_input_dims(hml_session *session, uint32_t known)
{
    const hml_model_tables *tables = &session->model->tables;
    for (uint32_t i = 0; i < tables->record->inputs.count; i++) {
        for (uint32_t d = 0; d < tables->inputs[i].rank; d++) {
            uint32_t slot = tables->inputs[i].dims[d];
            if (slot < known) {
                HML_TRY(check_input_dim(session, i, d, session->dims[slot]));
            }
        }
    }
    return HML_OK;
}

static hml_status check_range(hml_session *session, const hml_check_record *check, const char *node)
{
    const hml_symbol_record *symbol = &session->model->tables.symbols[check->a];
    int64_t value = session->dims[check->slot];
    if (hml_symbol_admits(symbol, value)) {
        return HML_OK;
    }
    char range[96];
    hml_symbol_range_text(symbol, range, sizeof range);
    return HML_FAIL(hml_session_message(session), HML_ERROR_dim_range,
                    "'%s' is %lld; the model was compiled for %s%s%s",
                    string_of(session, symbol->name), (long long)value, range,
                    node[0] != '\0' ? "; at " : "", node);
}

hml_status hml_session_check(hml_session *session, uint32_t index, uint32_t known)
{
    const hml_check_record *check = &session->program->checks[index];
    const char *node =
        check->location == HML_NONE ? "" : session->program->strings + check->location;
    switch (check->kind) {
    case HML_CHECK_INPUT_DIM:
        return check->slot < known
                   ? check_input_dim(session, check->a, check->b, session->dims[check->slot])
                   : HML_OK;
    case HML_CHECK_RANGE:
        return check->slot < known ? check_range(session, check, node) : HML_OK;
    default:
        if (check->a >= known || check->b >= known ||
            session->dims[check->a] == session->dims[check->b]) {
            return HML_OK;
        }
        return hml_session_relation_error(session, check->a, check->b, node);
    }
}

hml_status hml_session_enter(hml_session *session)
{
    const hml_model_tables *tables = &session->model->tables;
    for (uint32_t i = 0; i < tables->record->inputs.count; i++) {
        if (!session->inputs[i].bound) {
            return HML_FAIL(hml_session_message(session), HML_ERROR_input_missing, "input '%s'",
                            string_of(session, tables->inputs[i].name));
        }
    }
    const hml_program *program = session->program;
    hml_dim_source source = {.context = session, .input_dim = hml_session_input_dim};
    uint32_t known = program->record->entry_dims;
    hml_status status = hml_dims_evaluate(session->model, 0, known, &source, session->dims, &known);
    /* An absurd input dim may stop the evaluation: its own check explains more than the overflow.
     */
    HML_TRY(check_input_dims(session, known));
    for (uint32_t i = 0; i < program->record->entry_checks; i++) {
        HML_TRY(hml_session_check(session, i, known));
    }
    if (status != HML_OK) {
        char from[320];
        hml_session_sources_text(session, &known, 1, from, sizeof from);
        return HML_FAIL(hml_session_message(session), status,
                        "a size does not fit these input shapes%s", from);
    }
    return HML_OK;
}
