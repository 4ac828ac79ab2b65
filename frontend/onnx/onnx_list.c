/* SPDX-License-Identifier: Apache-2.0 */
/* The table of operators, for a list of them. */
#include "importer/operator_list.h"
#include "onnx_import.h"
#include "onnx_node.h"
#include "onnx_types.h"

#include <stdio.h>
#include <string.h>

bool hmlc_onnx_operator_at(uint32_t index, hmlc_operator_info *info)
{
    const hmlc_onnx_op *op = hmlc_onnx_op_at(index);
    if (op != NULL) {
        *info = (hmlc_operator_info){op->name, op->since, op->until, op->import != NULL};
    }
    return op != NULL;
}

/* Letters of type variable `variable`, "fdh|l" has two. */
static const char *letters_of(const hmlc_onnx_op *op, uint32_t variable, size_t *count)
{
    const char *letters = op->types;
    for (; variable > 0 && letters != NULL; variable--) {
        letters = strchr(letters, '|');
        letters = letters != NULL ? letters + 1 : NULL;
    }
    *count = letters != NULL ? strcspn(letters, "|") : 0;
    return letters;
}

uint32_t hmlc_onnx_operator_types(uint32_t index, uint32_t variable, const char **names,
                                  uint32_t most)
{
    static const struct {
        char letter;
        const char *name;
        bool supported;
    } rows[] = {
#define ROW(number, name, letter, supported) {letter, #name, supported},
        HMLC_ONNX_DTYPES(ROW)
#undef ROW
    };
    const hmlc_onnx_op *op = hmlc_onnx_op_at(index);
    size_t count;
    uint32_t found = 0;
    const char *letters = op != NULL ? letters_of(op, variable, &count) : NULL;
    for (size_t k = 0; letters != NULL && k < sizeof rows / sizeof rows[0]; k++) {
        if (rows[k].supported && memchr(letters, rows[k].letter, count) != NULL && found < most) {
            names[found++] = rows[k].name;
        }
    }
    return found;
}
