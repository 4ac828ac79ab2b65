/* SPDX-License-Identifier: Apache-2.0 */
/* A run of the model in the reference interpreter, on seeded inputs: what a self-test of an object
 * is held against. */
#include "hmlc_commands.h"

#include "common/random_tensor.h"

/* The largest size: it uses all of the arena. */
static int64_t size_of(const hmlc_symbol *symbol)
{
    int64_t most = symbol->maximum < HMLC_DIM_UNBOUNDED ? symbol->maximum : symbol->hint;
    return most - most % symbol->multiple;
}

static hmlc_status fill(hmlc_module *module, const hmlc_type *type, const int64_t *symbols,
                        uint64_t *seed, hmlc_tensor *tensor)
{
    *tensor = (hmlc_tensor){.dtype = type->dtype, .rank = type->rank};
    for (int32_t d = 0; d < type->rank; d++) {
        if (!hmlc_dim_evaluate(type->dims[d], symbols, &tensor->dims[d])) {
            return hmlc_error_add(module->diagnostics, HMLC_ERROR_compiler_defect, NULL, NULL,
                                  "a dim of an input has no value at the largest sizes");
        }
    }
    int64_t count = hmlc_tensor_count(tensor);
    tensor->bytes = (size_t)count * hmlc_dtype_bytes(type->dtype);
    void *data = hmlc_arena_allocate(module->arena, tensor->bytes);
    HMLC_TRY_MEMORY(data);
    for (int64_t k = 0; k < count; k++) {
        double fraction = hml_random_fraction(seed);
        if (hmlc_dtype_is_float(type->dtype)) {
            hmlc_element_set_double(type->dtype, data, k, 2 * fraction - 1);
        } else {
            hmlc_element_set_int(type->dtype, data, k, fraction < 0.5);
        }
    }
    tensor->data = data;
    return HMLC_OK;
}

hmlc_status hmlc_record_run(hmlc_module *module, hmlc_tensor **inputs, hmlc_tensor **outputs)
{
    const hmlc_region *main = module->main;
    uint32_t symbol_count = hmlc_symbol_count(module->dims), count = main->last->operand_count;
    int64_t *symbols = HMLC_NEW_ARRAY(module->arena, int64_t, symbol_count + 1);
    *inputs = HMLC_NEW_ARRAY(module->arena, hmlc_tensor, main->argument_count + 1);
    *outputs = HMLC_NEW_ARRAY(module->arena, hmlc_tensor, count + 1);
    HMLC_TRY_MEMORY(symbols);
    HMLC_TRY_MEMORY(*inputs);
    HMLC_TRY_MEMORY(*outputs);
    for (uint32_t k = 0; k < symbol_count; k++) {
        symbols[k] = size_of(hmlc_symbol_at(module->dims, k));
    }
    uint64_t seed = 0;
    for (uint32_t k = 0; k < main->argument_count; k++) {
        HMLC_TRY(fill(module, main->arguments[k]->type, symbols, &seed, &(*inputs)[k]));
    }
    return hmlc_interpret(module, *inputs, main->argument_count, module->arena, *outputs, count);
}
