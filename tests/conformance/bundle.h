/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reader of cases.bin (made by generate.py): one-node ONNX models with inputs and the outputs that
 * ONNX Runtime gives. The layout is in generate.py.
 */
#ifndef BUNDLE_H
#define BUNDLE_H

#include <pb_tensor.h>

enum { BUNDLE_MOST_TENSORS = 16 };

typedef struct bundle_case {
    char name[96];
    const void *model; /* in the bundle's memory */
    size_t model_size;
    uint32_t input_count, output_count;
    tensor_file inputs[BUNDLE_MOST_TENSORS], outputs[BUNDLE_MOST_TENSORS];
} bundle_case;

typedef struct case_bundle {
    unsigned char *data;
    size_t size, at;
} case_bundle;

bool bundle_open(const char *path, case_bundle *bundle);
void bundle_close(case_bundle *bundle);
/* The next case; false at the end. Release each with bundle_case_free. */
bool bundle_next(case_bundle *bundle, bundle_case *result);
void bundle_case_free(bundle_case *result);
bool bundle_at_end(const case_bundle *bundle); /* false when the file is damaged */

#endif
