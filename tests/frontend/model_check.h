/* SPDX-License-Identifier: Apache-2.0 */
/* Test helper: imports a model, runs it in the reference interpreter against recorded tensors. */
#ifndef MODEL_CHECK_H
#define MODEL_CHECK_H

#include <hmlc/frontend.h>

typedef struct checked_model {
    hmlc_module *module;
    hmlc_mapping *mapping;
    hmlc_status status; /* of import, then of the verifier */
} checked_model;

/* Imports and verifies. Always pair with model_close. */
checked_model model_open(const char *path);
void model_close(checked_model *model);
void model_print_diagnostics(const checked_model *model);

typedef enum check_result {
    CHECK_PASSED,
    CHECK_WRONG,   /* differs, or failed while running */
    CHECK_SKIPPED, /* no such test set, or tensors of a type that tests do not read */
} check_result;

typedef enum check_kind {
    CHECK_ELEMENTS, /* each element within tensor_tolerance_of */
    CHECK_STEPS,    /* quantized graphs: types and shapes equal, mean difference below 2 % of the
                       largest value */
} check_kind;

/* Compares with <folder>/input_<i>.pb and output_<i>.pb. */
check_result model_run(checked_model *model, const char *folder, check_kind kind, char *message,
                       size_t size);

#endif
