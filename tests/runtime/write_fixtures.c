/* SPDX-License-Identifier: Apache-2.0 */
/* Writes artifacts and test data for the command-line test: write_fixtures FOLDER (which exists).
 */
#include "artifact_fixtures.h"

#include "common/tensor_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char path[4096];

static const char *in_folder(const char *folder, const char *name)
{
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

/* What a later version may do to a file. */
typedef void change_file(uint8_t *data);

static void newer_major(uint8_t *data)
{
    hml_file_header *header = (void *)data;
    header->format_major++;
}

/* Of two variants, the second. */
static void newer_variant(uint8_t *data)
{
    hml_file_header *header = (void *)data;
    header->format_minor++;
    artifact_section(data, header->section_count - 4)->needs = 2; /* its code */
}

static int write_artifact_as(const char *folder, const char *name, const artifact_builder *b,
                             change_file *change)
{
    size_t bytes = 0;
    uint8_t *data = build_artifact(b, &bytes);
    if (data != NULL && change != NULL) {
        change(data);
        (void)reseal_artifact(data, bytes);
    }
    FILE *file = fopen(in_folder(folder, name), "wb");
    int good = data != NULL && file != NULL && fwrite(data, 1, bytes, file) == bytes;
    if (file != NULL) {
        good = fclose(file) == 0 && good;
    }
    free(data);
    return good;
}

static int write_artifact(const char *folder, const char *name, const artifact_builder *b)
{
    return write_artifact_as(folder, name, b, NULL);
}

static int write_tensor(const char *folder, const char *name, const char *tensor_name,
                        hml_tensor_format format, float start)
{
    float values[8];
    hml_tool_error error;
    for (int i = 0; i < 8; i++) {
        values[i] = start + (float)i;
    }
    hml_tensor tensor = {
        .data = values, .bytes = sizeof values, .dtype = HML_F32, .rank = 2, .dims = {2, 4}};
    return hml_tensor_file_write(in_folder(folder, name), format, &tensor, tensor_name, NULL,
                                 &error) == HML_OK;
}

/* x counts from 0, y from 10, so z[i] = 2 (10 + 2 i). */
static int write_sum_data(const char *folder, const char *name, float wrong)
{
    char data[2048];
    snprintf(data, sizeof data, "%s/%s", folder, name);
    float z[8];
    hml_tool_error error;
    for (int i = 0; i < 8; i++) {
        z[i] = 2 * (10 + 2 * (float)i);
    }
    z[5] += wrong;
    hml_tensor tensor = {.data = z, .bytes = sizeof z, .dtype = HML_F32, .rank = 2, .dims = {2, 4}};
    return mkdir(data, 0777) == 0 && write_tensor(data, "input_0.pb", "y", HML_FORMAT_PB, 10) &&
           write_tensor(data, "input_1.pb", "x", HML_FORMAT_PB, 0) &&
           hml_tensor_file_write(in_folder(data, "output_0.pb"), HML_FORMAT_PB, &tensor, "z", NULL,
                                 &error) == HML_OK;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        return 2;
    }
    static artifact_builder b;
    const char *folder = argv[1];
    build_sum(&b);
    int good = write_artifact(folder, "sum.hml", &b);
    good = good && write_artifact_as(folder, "newer_major.hml", &b, newer_major);
    b.variant_count = 2;
    good = good && write_artifact_as(folder, "newer_variant.hml", &b, newer_variant);
    b.variant_count = 1;
    b.architecture = HML_ARCHITECTURE_AARCH64;
    good = good && write_artifact(folder, "arm.hml", &b);
    build_sum(&b);
    b.symbols[0].multiple = 8;
    good = good && write_artifact(folder, "steps.hml", &b);
    build_positions(&b);
    good = good && write_artifact(folder, "positions.hml", &b);
    build_gather(&b);
    good = good && write_artifact(folder, "gather.hml", &b);
    build_sum(&b);
    b.kernels[0].name = build_string(&b, "k\x1b[2J");
    b.target_name = "v\x1b[31m";
    good = good && write_artifact(folder, "escape.hml", &b);
    good = good && write_sum_data(folder, "good", 0) && write_sum_data(folder, "wrong", 1);
    good = good && write_tensor(folder, "x.npy", "x", HML_FORMAT_NPY, 0) &&
           write_tensor(folder, "y.npy", "y", HML_FORMAT_NPY, 10);
    return good ? 0 : 1;
}
