/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes samples for calibration: calib_samples FOLDER COUNT FIRST DIM... gives COUNT files
 * s<n>.npy of that shape, f32 in [0, 1), made from the seeds FIRST, FIRST + 1 ... A seed from 1000
 * on gives a sample of NaN alone.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/tensor_file.h"

static int write_sample(const char *folder, unsigned long seed, uint32_t rank, const int64_t *dims)
{
    hml_owned_tensor tensor = {0};
    hml_tool_error error = {0};
    char path[4096];
    if (hml_tensor_create(HML_F32, rank, dims, "", 0, &tensor, &error) != HML_OK) {
        return 1;
    }
    uint64_t state = seed * 7919 + 1;
    float *values = tensor.tensor.data;
    for (size_t i = 0; i < tensor.tensor.bytes / sizeof *values; i++) {
        state = state * UINT64_C(6364136223846793005) + 1442695040888963407U;
        values[i] = seed >= 1000 ? NAN : (float)((double)(state >> 40) / 0x1p24);
    }
    (void)snprintf(path, sizeof path, "%s/s%04lu.npy", folder, seed);
    hml_status status =
        hml_tensor_file_write(path, HML_FORMAT_NPY, &tensor.tensor, "", NULL, &error);
    hml_tensor_release(&tensor);
    if (status != HML_OK) {
        fprintf(stderr, "%s\n", error.text);
    }
    return status == HML_OK ? 0 : 1;
}

int main(int argc, char **argv)
{
    int64_t dims[8];
    if (argc < 5 || argc > 12) {
        fprintf(stderr, "usage: calib_samples FOLDER COUNT FIRST DIM...\n");
        return 2;
    }
    unsigned long count = strtoul(argv[2], NULL, 10), first = strtoul(argv[3], NULL, 10);
    for (int i = 4; i < argc; i++) {
        dims[i - 4] = strtoll(argv[i], NULL, 10);
    }
    for (unsigned long k = 0; k < count; k++) {
        if (write_sample(argv[1], first + k, (uint32_t)(argc - 4), dims) != 0) {
            return 1;
        }
    }
    return 0;
}
