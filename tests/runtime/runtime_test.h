/* SPDX-License-Identifier: Apache-2.0 */
/* What every cmocka program here includes, and short ways to open, bind and compare. */
#ifndef RUNTIME_TEST_H
#define RUNTIME_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "artifact_fixtures.h"

#include <hml/hml.h>
#include <stdlib.h>
#include <string.h>

/* Opens what a builder describes; *data is to be freed behind the model. */
static inline hml_model *open_built(const artifact_builder *b, uint8_t **data)
{
    size_t bytes = 0;
    hml_model *model = NULL;
    char message[512] = "";
    hml_open_options options = {
        .struct_bytes = sizeof options, .message = message, .message_bytes = sizeof message};
    *data = build_artifact(b, &bytes);
    assert_non_null(*data);
    if (hml_model_open_memory(*data, bytes, &options, &model) != HML_OK) {
        fail_msg("%s", message);
    }
    return model;
}

/* Opens and releases. */
static inline hml_status open_bytes(const void *data, size_t bytes, uint32_t flags)
{
    hml_model *model = NULL;
    hml_open_options options = {.struct_bytes = sizeof options, .flags = flags};
    hml_status status = hml_model_open_memory(data, bytes, &options, &model);
    assert_true((status == HML_OK) == (model != NULL));
    hml_model_release(model);
    return status;
}

/* The caller frees it. */
static inline uint8_t *sum_artifact(size_t *bytes)
{
    artifact_builder b;
    build_sum(&b);
    uint8_t *data = build_artifact(&b, bytes);
    assert_non_null(data);
    return data;
}

static inline hml_tensor f32_tensor(float *data, int64_t n)
{
    return (hml_tensor){
        .data = data, .bytes = (size_t)n * sizeof *data, .dtype = HML_F32, .rank = 1, .dims = {n}};
}

static inline hml_tensor f32_matrix(float *data, int64_t rows, int64_t columns)
{
    return (hml_tensor){.data = data,
                        .bytes = (size_t)(rows * columns) * sizeof *data,
                        .dtype = HML_F32,
                        .rank = 2,
                        .dims = {rows, columns}};
}

static inline void assert_ok(hml_status status, const hml_session *session)
{
    if (status != HML_OK) {
        fail_msg("status %d: %s", (int)status, hml_session_error(session));
    }
}

/* The last message names what it should. */
static inline void assert_error_names(const hml_session *session, const char *text)
{
    if (strstr(hml_session_error(session), text) == NULL) {
        fail_msg("'%s' does not name '%s'", hml_session_error(session), text);
    }
}

#endif
