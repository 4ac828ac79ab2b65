/* SPDX-License-Identifier: Apache-2.0 */
#include "session/sizes.h"
#include "common/versioned.h"
#include <string.h>

/* Values of all slots, then one byte per slot that says whether it is given. */
size_t hml_sizes_bytes(const hml_model *model)
{
    return (size_t)hml_model_program(model)->record->dims.count * (sizeof(int64_t) + 1);
}

/* An input dim that defines no named dim on its own: any value does, as the symbols behind it are
 * given. */
static int64_t any_dim(void *context, uint32_t input, uint32_t dim)
{
    (void)context;
    (void)input;
    (void)dim;
    return 1;
}

static int64_t default_value(const hml_symbol_record *symbol, hml_dim_default fallback)
{
    if (fallback == HML_DIM_LARGEST && symbol->maximum != HML_DIM_UNBOUNDED) {
        return symbol->maximum / symbol->multiple * symbol->multiple;
    }
    int64_t smallest = symbol->minimum < 1 ? 1 : symbol->minimum;
    int64_t steps = (smallest - 1) / symbol->multiple + 1;
    int64_t value = steps * symbol->multiple;
    return value <= symbol->maximum ? value : symbol->minimum;
}

static const hml_symbol_record *find_symbol(const hml_model *model, const char *name)
{
    const hml_model_tables *tables = &model->tables;
    for (uint32_t i = 0; i < tables->record->symbols.count; i++) {
        if (strcmp(tables->strings + tables->symbols[i].name, name) == 0) {
            return &tables->symbols[i];
        }
    }
    return NULL;
}

static void give(const hml_symbol_record *symbol, int64_t value, uint32_t entry_dims,
                 int64_t *values, uint8_t *given)
{
    if (symbol->slot != HML_NONE && symbol->slot < entry_dims) {
        values[symbol->slot] = value;
        given[symbol->slot] = 1;
    }
}

static hml_status give_named(const hml_model *model, const hml_dim *dim, uint32_t entry_dims,
                             int64_t *values, uint8_t *given, hml_message message)
{
    const hml_symbol_record *symbol = dim->name == NULL ? NULL : find_symbol(model, dim->name);
    if (symbol == NULL) {
        return HML_FAIL(message, HML_ERROR_symbol_unknown, "'%s'",
                        dim->name != NULL ? dim->name : "");
    }
    if (!hml_symbol_admits(symbol, dim->value)) {
        char range[96];
        hml_symbol_range_text(symbol, range, sizeof range);
        return HML_FAIL(message, HML_ERROR_dim_range, "'%s' is %lld; the model was compiled for %s",
                        dim->name, (long long)dim->value, range);
    }
    give(symbol, dim->value, entry_dims, values, given);
    return HML_OK;
}

static hml_status give_all(const hml_model *model, const hml_dim *dims, uint32_t dim_count,
                           hml_dim_default fallback, int64_t *values, uint8_t *given,
                           hml_message message)
{
    const hml_model_tables *tables = &model->tables;
    uint32_t entry_dims = hml_model_program(model)->record->entry_dims;
    for (uint32_t i = 0; i < tables->record->symbols.count; i++) {
        const hml_symbol_record *symbol = &tables->symbols[i];
        give(symbol, default_value(symbol, fallback), entry_dims, values, given);
    }
    for (uint32_t i = 0; i < dim_count; i++) {
        HML_TRY(give_named(model, &dims[i], entry_dims, values, given, message));
    }
    return HML_OK;
}

hml_status hml_sizes_evaluate_into(const hml_model *model, const hml_dim *dims, uint32_t dim_count,
                                   hml_dim_default fallback, int64_t *values, hml_message message)
{
    if (dim_count != 0 && dims == NULL) {
        return HML_FAIL(message, HML_ERROR_bad_argument, "%u dims at NULL", dim_count);
    }
    memset(values, 0, hml_sizes_bytes(model));
    const hml_program_record *record = hml_model_program(model)->record;
    uint8_t *given = (uint8_t *)(values + record->dims.count);
    HML_TRY(give_all(model, dims, dim_count, fallback, values, given, message));
    hml_dim_source source = {.input_dim = any_dim, .given = given};
    uint32_t failed = 0;
    hml_status status = hml_dims_evaluate(model, 0, record->entry_dims, &source, values, &failed);
    return status == HML_OK ? HML_OK : HML_FAIL(message, status, "a size does not fit these dims");
}

hml_status hml_sizes_evaluate(const hml_model *model, const hml_dim *dims, uint32_t dim_count,
                              hml_dim_default fallback, int64_t **values, hml_message message)
{
    int64_t *created = hml_allocate(&model->allocator, hml_sizes_bytes(model));
    if (created == NULL) {
        return HML_FAIL(message, HML_ERROR_out_of_memory, "%zu bytes", hml_sizes_bytes(model));
    }
    hml_status status = hml_sizes_evaluate_into(model, dims, dim_count, fallback, created, message);
    if (status != HML_OK) {
        hml_sizes_release(model, created);
        return status;
    }
    *values = created;
    return HML_OK;
}

void hml_sizes_release(const hml_model *model, int64_t *values)
{
    hml_release(&model->allocator, values, hml_sizes_bytes(model));
}

/* Inputs are numbered [0, input count), outputs behind them; states are neither. */
static hml_status describe_shape(const hml_model *model, uint32_t index, const int64_t *values,
                                 hml_tensor *tensor)
{
    uint32_t input_count = model->tables.input_count;
    bool is_input = index < input_count;
    const hml_tensor_record *record =
        is_input ? &model->tables.inputs[index] : &model->tables.outputs[index - input_count];
    const uint32_t *slots = is_input ? record->dims : hml_output_slots(model, index - input_count);
    hml_tensor shape = {.dtype = (hml_dtype)record->dtype, .rank = record->rank};
    hml_tensor_dims(slots, shape.rank, values, hml_model_program(model)->record->entry_dims,
                    shape.dims);
    bool known = true;
    for (uint32_t i = 0; i < record->rank; i++) {
        known = known && shape.dims[i] != -1;
    }
    int64_t bytes = 0;
    if (known && !hml_tensor_bytes(shape.dtype, shape.rank, shape.dims, &bytes)) {
        return HML_ERROR_dim_overflow;
    }
    shape.bytes = (size_t)bytes;
    *tensor = shape;
    return HML_OK;
}

/* `count` shapes from `first` on; `tensors` NULL: not wanted. */
static hml_status describe_shapes(const hml_model *model, uint32_t first, uint32_t count,
                                  const int64_t *values, hml_tensor *tensors)
{
    for (uint32_t i = 0; tensors != NULL && i < count; i++) {
        HML_TRY(describe_shape(model, first + i, values, &tensors[i]));
    }
    return HML_OK;
}

static hml_status sum_bytes(const hml_model *model, uint32_t first, uint32_t count,
                            const int64_t *values, uint64_t *total)
{
    for (uint32_t i = 0; i < count; i++) {
        hml_tensor shape;
        HML_TRY(describe_shape(model, first + i, values, &shape));
        if (__builtin_add_overflow(*total, (uint64_t)shape.bytes, total)) {
            return HML_ERROR_dim_overflow;
        }
    }
    return HML_OK;
}

static hml_status fill_sizes(const hml_model *model, const int64_t *values, hml_shape_info *info)
{
    const hml_program_record *record = hml_model_program(model)->record;
    int64_t arena = values[record->arena_dim];
    int64_t scratch = record->scratch_dim == HML_NONE ? 0 : values[record->scratch_dim];
    if (arena < 0 || scratch < 0) {
        return HML_ERROR_dim_overflow;
    }
    hml_shape_info filled = {.arena_bytes = (uint64_t)arena,
                             .scratch_bytes_per_thread = (uint64_t)scratch};
    uint32_t inputs = model->tables.input_count;
    uint32_t outputs = model->tables.output_count;
    HML_TRY(sum_bytes(model, 0, inputs, values, &filled.input_bytes));
    HML_TRY(sum_bytes(model, inputs, outputs, values, &filled.output_bytes));
    return HML_STRUCT_WRITE(info, output_bytes, &filled) ? HML_OK : HML_ERROR_bad_argument;
}

static hml_status query_shapes(const hml_model *model, const int64_t *values, hml_tensor *inputs,
                               hml_tensor *outputs, hml_shape_info *info)
{
    const hml_model_tables *tables = &model->tables;
    HML_TRY(describe_shapes(model, 0, tables->input_count, values, inputs));
    HML_TRY(describe_shapes(model, tables->input_count, tables->output_count, values, outputs));
    return info != NULL ? fill_sizes(model, values, info) : HML_OK;
}

hml_status hml_model_shapes(const hml_model *model, const hml_dim *dims, uint32_t dim_count,
                            hml_tensor *inputs, hml_tensor *outputs, hml_shape_info *info)
{
    if (model == NULL) {
        return HML_ERROR_bad_argument;
    }
    int64_t *values = NULL;
    const hml_message none = {NULL, 0};
    HML_TRY(hml_sizes_evaluate(model, dims, dim_count, HML_DIM_SMALLEST, &values, none));
    hml_status status = query_shapes(model, values, inputs, outputs, info);
    hml_sizes_release(model, values);
    return status;
}
