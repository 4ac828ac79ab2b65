/* SPDX-License-Identifier: Apache-2.0 */
#include "bundle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char magic[] = "HMLCASE1";

bool bundle_open(const char *path, case_bundle *bundle)
{
    *bundle = (case_bundle){0};
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return false;
    }
    long size = fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
    bundle->data = size > 0 && fseek(file, 0, SEEK_SET) == 0 ? malloc((size_t)size) : NULL;
    bundle->size = size > 0 ? (size_t)size : 0;
    bool good = bundle->data != NULL &&
                fread(bundle->data, 1, bundle->size, file) == bundle->size &&
                bundle->size > sizeof magic && memcmp(bundle->data, magic, sizeof magic - 1) == 0;
    bundle->at = sizeof magic - 1;
    (void)fclose(file);
    return good;
}

void bundle_close(case_bundle *bundle)
{
    free(bundle->data);
    *bundle = (case_bundle){0};
}

bool bundle_at_end(const case_bundle *bundle)
{
    return bundle->at == bundle->size;
}

static bool read_number(case_bundle *bundle, uint32_t *number)
{
    if (bundle->size - bundle->at < sizeof *number) {
        return false;
    }
    memcpy(number, bundle->data + bundle->at, sizeof *number);
    bundle->at += sizeof *number;
    return true;
}

static bool read_bytes(case_bundle *bundle, const void **bytes, uint32_t *size)
{
    if (!read_number(bundle, size) || bundle->size - bundle->at < *size) {
        return false;
    }
    *bytes = bundle->data + bundle->at;
    bundle->at += *size;
    return true;
}

static bool read_tensors(case_bundle *bundle, tensor_file *tensors, uint32_t *count)
{
    uint32_t wanted;
    *count = 0;
    if (!read_number(bundle, &wanted) || wanted > BUNDLE_MOST_TENSORS) {
        return false;
    }
    while (*count < wanted) {
        const void *bytes;
        uint32_t size;
        if (!read_bytes(bundle, &bytes, &size) ||
            !tensor_file_parse(bytes, size, &tensors[(*count)++])) {
            return false;
        }
    }
    return true;
}

bool bundle_next(case_bundle *bundle, bundle_case *result)
{
    const void *name, *model;
    uint32_t name_size, model_size;
    *result = (bundle_case){0};
    if (!read_bytes(bundle, &name, &name_size) || name_size >= sizeof result->name ||
        !read_bytes(bundle, &model, &model_size)) {
        return false;
    }
    memcpy(result->name, name, name_size);
    result->model = model;
    result->model_size = model_size;
    return read_tensors(bundle, result->inputs, &result->input_count) &&
           read_tensors(bundle, result->outputs, &result->output_count);
}

void bundle_case_free(bundle_case *result)
{
    for (uint32_t i = 0; i < result->input_count; i++) {
        tensor_file_free(&result->inputs[i]);
    }
    for (uint32_t i = 0; i < result->output_count; i++) {
        tensor_file_free(&result->outputs[i]);
    }
}
