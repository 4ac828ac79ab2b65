/* SPDX-License-Identifier: Apache-2.0 */
/* Inputs and outputs: binding them, and what there is of outputs behind a run. */
#include "session/session.h"
#include <string.h>

static hml_status check_tensor(hml_session *session, uint32_t index, const hml_tensor *tensor)
{
    const hml_tensor_record *record = &session->model->tables.inputs[index];
    const char *name = hml_session_string(session, record->name);
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

/* The tensor's contents become the state's; NULL: what it begins with. */
static hml_status bind_state(hml_session *session, uint32_t state, const hml_tensor *tensor)
{
    uint32_t count = session->model->tables.record->states.count;
    if (tensor == NULL && HML_STATE(state) == HML_ALL_STATES) {
        hml_session_reset_states(session, 0, count);
        return HML_OK;
    }
    if (state >= count) {
        return no_such(session, "state", state, count);
    }
    if (tensor == NULL) {
        hml_session_reset_states(session, state, 1);
        return HML_OK;
    }
    uint32_t index = session->model->tables.input_count + state;
    hml_tensor *own = &session->inputs[index].tensor;
    HML_TRY(check_tensor(session, index, tensor));
    if (memcmp(own->dims, tensor->dims, own->rank * sizeof own->dims[0]) != 0) {
        char shapes[HML_SHAPE_TEXT];
        hml_session_shape_text(session, index, tensor, false, shapes, sizeof shapes);
        return HML_FAIL(hml_session_message(session), HML_ERROR_input_dim, "state '%s': %s",
                        hml_session_string(session, session->model->tables.inputs[index].name),
                        shapes);
    }
    memmove(own->data, tensor->data, own->bytes);
    return HML_OK;
}

hml_status hml_bind_input(hml_session *session, uint32_t index, const hml_tensor *tensor)
{
    if (session == NULL) {
        return HML_ERROR_bad_argument;
    }
    session->error[0] = '\0';
    if (index >= HML_STATE(0)) {
        return bind_state(session, index - HML_STATE(0), tensor);
    }
    uint32_t count = session->model->tables.input_count;
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
    uint32_t count = session->model->tables.output_count;
    if (index >= count) {
        return no_such(session, "output", index, count);
    }
    const hml_tensor_record *record = &session->model->tables.outputs[index];
    if ((uintptr_t)data % hml_dtype_bytes((hml_dtype)record->dtype) != 0) {
        return HML_FAIL(hml_session_message(session), HML_ERROR_misaligned, "output '%s' at %p",
                        hml_session_string(session, record->name), data);
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
    if (session != NULL && tensor != NULL && index >= HML_STATE(0) &&
        index - HML_STATE(0) < session->model->tables.record->states.count) {
        index = session->model->tables.input_count + (index - HML_STATE(0));
        *tensor = session->inputs[index].tensor;
        return HML_OK;
    }
    if (session == NULL || tensor == NULL || !session->prepared ||
        index >= session->model->tables.output_count) {
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
                            hml_session_string(session, tables->outputs[i].name));
        }
    }
    return HML_OK;
}
