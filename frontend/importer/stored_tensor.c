/* SPDX-License-Identifier: Apache-2.0 */
#include "stored_tensor.h"

#include <inttypes.h>

hmlc_status hmlc_stored_tensor_measure(hmlc_importer *importer, hmlc_tensor *tensor,
                                       const hmlc_location *where)
{
    hmlc_diagnostics *diagnostics = importer->module->diagnostics;
    for (int32_t i = 0; i < tensor->rank; i++) {
        if (tensor->dims[i] < 0) {
            return hmlc_error_add(diagnostics, HMLC_ERROR_tensor_data_invalid, where, NULL,
                                  "dim %" PRId32 " is %" PRId64, i, tensor->dims[i]);
        }
    }
    int64_t count = hmlc_tensor_count(tensor);
    size_t element = hmlc_dtype_bytes(tensor->dtype);
    if (count < 0 || !hmlc_size_multiply((size_t)count, element, &tensor->bytes) ||
        tensor->bytes > INT64_MAX) {
        return hmlc_error_add(diagnostics, HMLC_ERROR_tensor_data_invalid, where, NULL,
                              "the number of elements does not fit 64 bits");
    }
    return HMLC_OK;
}

/* The IR has 1 for true. */
static hmlc_status normalise_bool(hmlc_importer *importer, hmlc_tensor *tensor)
{
    const uint8_t *bytes = tensor->data;
    bool plain = true;
    for (size_t i = 0; i < tensor->bytes && plain; i++) {
        plain = bytes[i] <= 1;
    }
    if (plain) {
        return HMLC_OK;
    }
    uint8_t *copy = hmlc_arena_allocate(importer->module->arena, tensor->bytes);
    HMLC_TRY_MEMORY(copy);
    for (size_t i = 0; i < tensor->bytes; i++) {
        copy[i] = bytes[i] != 0;
    }
    tensor->data = copy;
    return HMLC_OK;
}

hmlc_status hmlc_stored_tensor_use(hmlc_importer *importer, hmlc_tensor *tensor,
                                   const uint8_t *data, uint64_t size, const hmlc_location *where)
{
    if (size != tensor->bytes) {
        return hmlc_error_add(importer->module->diagnostics, HMLC_ERROR_tensor_data_invalid, where,
                              NULL,
                              "%" PRId64 " bytes are stored, but shape and type need %" PRId64,
                              (int64_t)size, (int64_t)tensor->bytes);
    }
    tensor->data = data;
    return tensor->dtype == HMLC_DTYPE_bool ? normalise_bool(importer, tensor) : HMLC_OK;
}
