/* SPDX-License-Identifier: Apache-2.0 */
#include "session/dims.h"
#include <stdio.h>

static bool within_limits(int64_t value)
{
    return value <= HML_DIM_UNBOUNDED && value >= -HML_DIM_UNBOUNDED;
}

static int64_t floor_divide(int64_t a, int64_t b)
{
    int64_t quotient = a / b;
    return quotient - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0);
}

/* Operands are within +-2^47, so that only a product can overflow. False: no value. */
static bool combine(uint32_t op, int64_t a, int64_t b, int64_t *value)
{
    switch (op) {
    case HML_DIM_ADD:
        *value = a + b;
        return true;
    case HML_DIM_MULTIPLY:
        return !__builtin_mul_overflow(a, b, value);
    case HML_DIM_FLOORDIV:
        *value = b == 0 ? 0 : floor_divide(a, b);
        return b != 0;
    case HML_DIM_CEILDIV:
        *value = b == 0 ? 0 : -floor_divide(-a, b);
        return b != 0;
    case HML_DIM_MODULO:
        *value = b == 0 ? 0 : a - floor_divide(a, b) * b;
        return b != 0;
    case HML_DIM_MINIMUM:
        *value = a < b ? a : b;
        return true;
    case HML_DIM_MAXIMUM:
        *value = a > b ? a : b;
        return true;
    case HML_DIM_EQUAL:
        *value = a == b;
        return true;
    case HML_DIM_LESS:
        *value = a < b;
        return true;
    default:
        return false;
    }
}

static hml_status load_element(const hml_model *model, const hml_dim_record *dim,
                               const hml_dim_source *source, int64_t *value)
{
    HML_TRY(source->element(source->context, dim->a, dim->b, value));
    if (dim->c != HML_NONE && !hml_symbol_admits(&model->tables.symbols[dim->c], *value)) {
        return HML_ERROR_dim_range;
    }
    return HML_OK;
}

static hml_status evaluate_slot(const hml_model *model, const hml_dim_record *dim,
                                const hml_dim_source *source, const int64_t *values, int64_t *value)
{
    switch (dim->op) {
    case HML_DIM_CONSTANT:
        *value = dim->value;
        return HML_OK;
    case HML_DIM_INPUT:
        *value = source->input_dim(source->context, dim->a, dim->b);
        return HML_OK;
    case HML_DIM_ELEMENT:
        return load_element(model, dim, source, value);
    case HML_DIM_SELECT:
        *value = values[dim->a] != 0 ? values[dim->b] : values[dim->c];
        return HML_OK;
    default:
        return combine(dim->op, values[dim->a], values[dim->b], value) ? HML_OK
                                                                       : HML_ERROR_dim_overflow;
    }
}

hml_status hml_dims_evaluate(const hml_model *model, uint32_t first, uint32_t end,
                             hml_dim_source *source, int64_t *values, uint32_t *failed)
{
    const hml_dim_record *dims = hml_model_program(model)->dims;
    for (uint32_t i = first; i < end; i++) {
        if (source->given != NULL && source->given[i]) {
            continue;
        }
        int64_t value = 0;
        hml_status status = evaluate_slot(model, &dims[i], source, values, &value);
        if (status == HML_OK && !within_limits(value)) {
            status = HML_ERROR_dim_overflow;
        }
        source->changed = source->changed || values[i] != value;
        values[i] = value;
        if (status != HML_OK) {
            *failed = i;
            return status;
        }
    }
    return HML_OK;
}

bool hml_symbol_admits(const hml_symbol_record *symbol, int64_t value)
{
    return value >= symbol->minimum && value <= symbol->maximum && value % symbol->multiple == 0;
}

void hml_symbol_range_text(const hml_symbol_record *symbol, char *text, size_t bytes)
{
    char multiple[48] = "";
    if (symbol->multiple > 1) {
        (void)snprintf(multiple, sizeof multiple, " in steps of %lld", (long long)symbol->multiple);
    }
    if (symbol->maximum == HML_DIM_UNBOUNDED) {
        (void)snprintf(text, bytes, "at least %lld%s", (long long)symbol->minimum, multiple);
    } else {
        (void)snprintf(text, bytes, "%lld..%lld%s", (long long)symbol->minimum,
                       (long long)symbol->maximum, multiple);
    }
}

const uint32_t *hml_output_slots(const hml_model *model, uint32_t index)
{
    const uint32_t *slots = hml_model_program(model)->output_dims;
    for (uint32_t i = 0; i < index; i++) {
        slots += model->tables.outputs[i].rank;
    }
    return slots;
}

void hml_tensor_dims(const uint32_t *slots, uint32_t rank, const int64_t *values, uint32_t known,
                     int64_t *dims)
{
    for (uint32_t i = 0; i < rank; i++) {
        dims[i] = slots[i] < known ? values[slots[i]] : -1;
    }
}
