/* SPDX-License-Identifier: Apache-2.0 */
#include "case_coverage.h"

#include <onnx.pb-c.h>
#include <stdio.h>
#include <string.h>

static covered_row table[] = {
#define ONNX_OP(name, since, until, function, opcode, inputs, types, outputs, attributes)          \
    {#name, since, until, 0, 0},
#define ONNX_REFUSED(name, since, until, inputs, types, outputs, attributes)
#include <onnx_ops.def>
#undef ONNX_OP
#undef ONNX_REFUSED
};

covered_row *coverage_rows(uint32_t *count)
{
    *count = sizeof table / sizeof table[0];
    return table;
}

static bool add(covered_row *rows, uint32_t count, const char *name, int64_t opset)
{
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(rows[i].name, name) == 0 && opset >= rows[i].since && opset <= rows[i].until) {
            rows[i].at_lowest += opset == rows[i].since;
            rows[i].at_highest += opset == rows[i].until;
            return true;
        }
    }
    return false;
}

bool coverage_add(covered_row *rows, uint32_t count, const bundle_case *tested)
{
    Onnx__ModelProto *model =
        onnx__model_proto__unpack(NULL, tested->model_size, (const uint8_t *)tested->model);
    bool good = model != NULL && model->n_opset_import == 1 && model->graph != NULL &&
                model->graph->n_node == 1 &&
                add(rows, count, model->graph->node[0]->op_type, model->opset_import[0]->version);
    if (model != NULL) {
        onnx__model_proto__free_unpacked(model, NULL);
    }
    return good;
}

uint32_t coverage_missing(const covered_row *rows, uint32_t count)
{
    uint32_t missing = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (rows[i].at_lowest == 0 || rows[i].at_highest == 0) {
            (void)printf("no case of %s (opsets %d to %d) at opset %d\n", rows[i].name,
                         rows[i].since, rows[i].until,
                         rows[i].at_lowest == 0 ? rows[i].since : rows[i].until);
            missing++;
        }
    }
    return missing;
}
