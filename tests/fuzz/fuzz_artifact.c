/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loader, queries and sessions on any bytes. Checksums are recomputed first, so that the input
 * gets past them; nothing is run, as code in an artifact is as good as any other.
 */
#include "artifact_builder.h"

#include <hml/hml.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void query(const hml_model *model)
{
    hml_model_info info = {.struct_bytes = sizeof info};
    hml_tensor_info tensor = {.struct_bytes = sizeof tensor};
    hml_symbol_info symbol = {.struct_bytes = sizeof symbol};
    hml_step_info step = {.struct_bytes = sizeof step};
    hml_variant_info variant = {.struct_bytes = sizeof variant};
    hml_shape_info sizes = {.struct_bytes = sizeof sizes};
    (void)!hml_model_describe(model, &info);
    size_t length = 0;
    for (uint32_t i = 0; i < info.input_count; i++) {
        length += hml_model_input(model, i, &tensor) == HML_OK ? strlen(tensor.name) : 0;
    }
    for (uint32_t i = 0; i < info.output_count; i++) {
        length += hml_model_output(model, i, &tensor) == HML_OK ? strlen(tensor.name) : 0;
    }
    for (uint32_t i = 0; i < info.symbol_count; i++) {
        length += hml_model_symbol(model, i, &symbol) == HML_OK ? strlen(symbol.name) : 0;
    }
    for (uint32_t i = 0; i < info.step_count; i++) {
        length += hml_model_step(model, i, &step) == HML_OK ? strlen(step.location) : 0;
    }
    for (uint32_t i = 0; i < info.variant_count; i++) {
        length += hml_model_variant(model, i, &variant) == HML_OK ? strlen(variant.name) : 0;
    }
    hml_tensor *shapes = calloc(info.input_count + info.output_count + 1U, sizeof *shapes);
    if (shapes != NULL) {
        (void)!hml_model_shapes(model, NULL, 0, shapes, shapes + info.input_count, &sizes);
    }
    free(shapes);
    (void)length;
}

static void prepare(hml_model *model)
{
    hml_session *session = NULL;
    if (hml_session_create(model, NULL, &session) == HML_OK) {
        (void)!hml_session_prepare(session);
        hml_session_destroy(session);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    uint8_t *copy = aligned_alloc(64, (bytes + 64) / 64 * 64);
    if (copy == NULL) {
        return 0;
    }
    memcpy(copy, data, bytes);
    (void)reseal_artifact(copy, bytes);
    for (uint32_t inspect = 0; inspect < 2; inspect++) {
        hml_model *model = NULL;
        char message[256];
        hml_open_options options = {.struct_bytes = sizeof options,
                                    .flags = inspect ? HML_OPEN_INSPECT : 0,
                                    .message = message,
                                    .message_bytes = sizeof message};
        if (hml_model_open_memory(copy, bytes, &options, &model) == HML_OK) {
            query(model);
            prepare(model);
        }
        hml_model_release(model);
    }
    free(copy);
    return 0;
}
