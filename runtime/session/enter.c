/* SPDX-License-Identifier: Apache-2.0 */
/* Run entry: what the inputs' shapes say about the dims, and the checks that they have to pass. */
#include "session/session.h"
#include <string.h>

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
    const char *text = hml_session_string(session, record->dim_texts[dim]);
    if (text[strspn(text, "0123456789")] == '\0') {
        return HML_FAIL(hml_session_message(session), HML_ERROR_input_dim,
                        "dim %u of input '%s' is %lld, not %lld: %s", dim,
                        hml_session_string(session, record->name), (long long)given->dims[dim],
                        (long long)slot, shapes);
    }
    return HML_FAIL(hml_session_message(session), HML_ERROR_input_dim,
                    "dim %u of input '%s' is %lld; '%s' is %lld here: %s", dim,
                    hml_session_string(session, record->name), (long long)given->dims[dim], text,
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
                    hml_session_string(session, symbol->name), (long long)value, range,
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
                            hml_session_string(session, tables->inputs[i].name));
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
