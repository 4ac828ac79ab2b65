/* SPDX-License-Identifier: Apache-2.0 */
/* Contents of constants: as they lie, packed in 4 or 2 bits, or sparse. */
#include <inttypes.h>

#include "importer/stored_tensor.h"
#include "tflite_import.h"
#include "tflite_sparse.h"

/* Elements of 4 or 2 bits, the low ones first, as bytes. */
static hmlc_status unpack(hmlc_importer *importer, const hmlc_tflite_tensor *stored,
                          const hmlc_location *where, hmlc_tensor *tensor)
{
    uint32_t bits = stored->packed_bits, each = 8 / bits;
    uint64_t needed = ((uint64_t)tensor->bytes + each - 1) / each;
    if (stored->content.count != needed) {
        return hmlc_error_add(importer->module->diagnostics, HMLC_ERROR_tensor_data_invalid, where,
                              NULL,
                              "%" PRIu32 " bytes are stored, but shape and type need %" PRIu64,
                              stored->content.count, needed);
    }
    int8_t *elements = hmlc_arena_allocate(importer->module->arena, tensor->bytes);
    HMLC_TRY_MEMORY(elements);
    for (size_t i = 0; i < tensor->bytes; i++) {
        uint32_t value = (uint32_t)stored->content.data[i / each] >> (i % each * bits);
        value &= (1U << bits) - 1;
        int32_t sign = (int32_t)(value & (1U << (bits - 1)));
        elements[i] = (int8_t)((int32_t)value - 2 * sign);
    }
    tensor->data = elements;
    return HMLC_OK;
}

hmlc_status hmlc_tflite_constant(hmlc_importer *importer, const void *stored_tensor,
                                 const hmlc_location *where, hmlc_tensor *tensor)
{
    const hmlc_tflite_tensor *stored = stored_tensor;
    *tensor = (hmlc_tensor){.dtype = stored->dtype, .rank = stored->rank};
    if (!stored->supported) {
        return hmlc_error_add(importer->module->diagnostics, HMLC_ERROR_op_unsupported_type, where,
                              NULL, "element type %s is not supported", stored->type);
    }
    for (int32_t i = 0; i < stored->rank; i++) {
        tensor->dims[i] = stored->dims[i];
    }
    HMLC_TRY(hmlc_stored_tensor_measure(importer, tensor, where));
    if (stored->sparsity.file != NULL) {
        return hmlc_tflite_densify(importer, stored, where, tensor);
    }
    if (stored->packed_bits != 0) {
        return unpack(importer, stored, where, tensor);
    }
    return hmlc_stored_tensor_use(importer, tensor, stored->content.data, stored->content.count,
                                  where);
}
