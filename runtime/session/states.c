/* SPDX-License-Identifier: Apache-2.0 */
/* What a session keeps from one run to the next. */
#include "session/session.h"
#include <string.h>

/* The state's tensor, without memory; its dims are constants of each program. */
static hml_tensor describe(const hml_model *model, uint32_t state)
{
    const hml_tensor_record *record = &model->tables.inputs[model->tables.input_count + state];
    hml_tensor tensor = {.dtype = (hml_dtype)record->dtype, .rank = record->rank};
    for (uint32_t i = 0; i < record->rank; i++) {
        tensor.dims[i] = hml_model_program(model)->dims[record->dims[i]].value;
    }
    int64_t bytes = 0;
    (void)hml_tensor_bytes(tensor.dtype, tensor.rank, tensor.dims, &bytes);
    tensor.bytes = (size_t)bytes;
    return tensor;
}

uint64_t hml_model_state_bytes(const hml_model *model)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < model->tables.record->states.count; i++) {
        sum += describe(model, i).bytes;
    }
    return sum;
}

bool hml_model_state_room(const hml_model *model, size_t *bytes)
{
    bool fits = true;
    for (uint32_t i = 0; i < model->tables.record->states.count; i++) {
        size_t size = describe(model, i).bytes;
        fits = fits && hml_size_add(bytes, 1, size) && hml_size_add(bytes, 1, size);
    }
    return fits && hml_size_add(bytes, 0, 0);
}

void hml_session_place_states(hml_session *session, uint8_t *memory)
{
    const hml_model_tables *tables = &session->model->tables;
    for (uint32_t i = 0; i < tables->record->states.count; i++) {
        hml_tensor tensor = describe(session->model, i);
        size_t stride = (tensor.bytes + 63) & ~(size_t)63;
        tensor.data = memory;
        session->inputs[tables->input_count + i] = (hml_input_binding){tensor, true};
        session->outputs[tables->output_count + i] =
            (hml_output_binding){.data = memory + stride, .bytes = tensor.bytes};
        memory += 2 * stride;
    }
    hml_session_reset_states(session, 0, tables->record->states.count);
}

void hml_session_reset_states(hml_session *session, uint32_t first, uint32_t count)
{
    const hml_model *model = session->model;
    for (uint32_t i = first; i < first + count; i++) {
        const hml_tensor *tensor = &session->inputs[model->tables.input_count + i].tensor;
        const hml_state_record *state = &model->tables.states[i];
        if (state->bytes != 0) {
            memcpy(tensor->data, model->weights.data + state->offset, tensor->bytes);
        } else {
            memset(tensor->data, 0, tensor->bytes);
        }
    }
}

void hml_session_keep_states(hml_session *session)
{
    const hml_model_tables *tables = &session->model->tables;
    for (uint32_t i = 0; i < tables->record->states.count; i++) {
        const hml_tensor *tensor = &session->inputs[tables->input_count + i].tensor;
        memcpy(tensor->data, session->outputs[tables->output_count + i].data, tensor->bytes);
    }
}
