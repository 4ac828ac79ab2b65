/* SPDX-License-Identifier: Apache-2.0 */
/* The table of operators, for a list of them. */
#include "importer/operator_list.h"
#include "tflite_import.h"

bool hmlc_tflite_operator_at(uint32_t index, hmlc_operator_info *info)
{
    const hmlc_tflite_op *op = hmlc_tflite_op_at(index);
    if (op != NULL) {
        *info = (hmlc_operator_info){op->name, 1, op->version, op->import != NULL};
    }
    return op != NULL;
}

/* What integers an operator takes exactly; types of floats follow from the IR. */
uint32_t hmlc_tflite_operator_types(uint32_t index, uint32_t variable, const char **names,
                                    uint32_t most)
{
    static const char *const exact[] = {"f32", "i8", "u8"};
    const hmlc_tflite_op *op = hmlc_tflite_op_at(index);
    bool known = op != NULL && op->import != NULL && variable == 0;
    bool integers = known && (op->integer != NULL || op->form == HMLC_TFLITE_MOVES ||
                              op->form == HMLC_TFLITE_SUMS);
    uint32_t count = !known ? 0 : integers ? 3 : 1;
    for (uint32_t k = 0; k < count && k < most; k++) {
        names[k] = exact[k];
    }
    return count < most ? count : most;
}
