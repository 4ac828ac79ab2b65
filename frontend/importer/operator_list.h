/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of operators that `hmlc ops` lists: FORMAT_OPERATORS(format), each by two functions.
 */
#ifndef HMLC_OPERATOR_LIST_H
#define HMLC_OPERATOR_LIST_H

#include <hmlc/frontend.h>

#define HMLC_OPERATOR_LISTS(FORMAT_OPERATORS)                                                      \
    FORMAT_OPERATORS(onnx)                                                                         \
    FORMAT_OPERATORS(tflite)                                                                       \
    FORMAT_OPERATORS(keras)                                                                        \
    FORMAT_OPERATORS(tensorflow)

/* As hmlc_operator_at and hmlc_operator_types, of one format. */
#define PROTOTYPES(format)                                                                         \
    bool hmlc_##format##_operator_at(uint32_t index, hmlc_operator_info *info);                    \
    uint32_t hmlc_##format##_operator_types(uint32_t index, uint32_t variable, const char **names, \
                                            uint32_t most);
HMLC_OPERATOR_LISTS(PROTOTYPES)
#undef PROTOTYPES

#endif
