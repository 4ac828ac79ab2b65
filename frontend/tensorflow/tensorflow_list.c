/* SPDX-License-Identifier: Apache-2.0 */
/* The table of operators. */
#include "importer/operator_list.h"
#include "tensorflow_import.h"

#define TF_OP(name, function, opcode, inputs, attributes)                                          \
    hmlc_tf_import_function hmlc_tf_import_##function;
#define TF_COMPLEX TF_OP
#define TF_HANDLES(name, function, inputs, attributes)                                             \
    hmlc_tf_import_function hmlc_tf_import_##function;
#define TF_REFUSED(name, reason)
#include "tensorflow_ops.def"
#undef TF_OP
#undef TF_COMPLEX
#undef TF_HANDLES
#undef TF_REFUSED

#define N(least, most) .least_inputs = (least), .most_inputs = (most)
static const hmlc_tf_op rows[] = {
#define TF_OP(op, function, code, inputs, names)                                                   \
    {.name = #op,                                                                                  \
     .import = hmlc_tf_import_##function,                                                          \
     .opcode = HMLC_OP_##code,                                                                     \
     inputs,                                                                                       \
     .attributes = (names)},
#define TF_COMPLEX(op, function, code, inputs, names)                                              \
    {.name = #op,                                                                                  \
     .import = hmlc_tf_import_##function,                                                          \
     .complex = hmlc_tf_import_complex_math,                                                       \
     .opcode = HMLC_OP_##code,                                                                     \
     inputs,                                                                                       \
     .attributes = (names)},
#define TF_HANDLES(op, function, inputs, names)                                                    \
    {.name = #op,                                                                                  \
     .import = hmlc_tf_import_##function,                                                          \
     .opcode = HMLC_OP_COUNT,                                                                      \
     inputs,                                                                                       \
     .attributes = (names),                                                                        \
     .handles = true},
#define TF_REFUSED(op, because) {.name = #op, .reason = (because), .most_inputs = -1},
#include "tensorflow_ops.def"
#undef TF_OP
#undef TF_COMPLEX
#undef TF_HANDLES
#undef TF_REFUSED
};

const hmlc_tf_op *hmlc_tf_op_at(uint32_t index)
{
    return index < sizeof rows / sizeof rows[0] ? &rows[index] : NULL;
}

/* Operators have no versions, and what types they take follows from the IR. */
bool hmlc_tensorflow_operator_at(uint32_t index, hmlc_operator_info *info)
{
    const hmlc_tf_op *op = hmlc_tf_op_at(index);
    if (op != NULL) {
        *info = (hmlc_operator_info){op->name, 1, 1, op->import != NULL};
    }
    return op != NULL;
}

uint32_t hmlc_tensorflow_operator_types(uint32_t index, uint32_t variable, const char **names,
                                        uint32_t most)
{
    (void)index;
    (void)variable;
    (void)names;
    (void)most;
    return 0;
}
