/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a quantized (QDQ) graph's output compares where runtimes differ by whole steps on rounding
 * ties: qdq_check FOUND.pb EXPECTED.pb MODE NUMBER
 *
 * top-class MEAN: the largest element of each row of the last axis stands at the same place, and
 * the mean |difference| is at most MEAN. steps STEP[,STEP]: at most 1 % of the values differ, each
 * by whole multiples of the steps, at most 3 of each: an output that adds two dequantized values
 * has the steps of both.
 */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/tensor_file.h"

static size_t largest(const float *row, size_t count)
{
    size_t best = 0;
    for (size_t k = 1; k < count; k++) {
        best = row[k] > row[best] ? k : best;
    }
    return best;
}

static bool check_top_class(const float *found, const float *expected, size_t count, size_t row,
                            double most)
{
    double sum = 0;
    bool equal = true;
    for (size_t k = 0; k < count; k++) {
        sum += fabs((double)found[k] - (double)expected[k]);
    }
    for (size_t k = 0; k + row <= count; k += row) {
        equal = equal && largest(found + k, row) == largest(expected + k, row);
    }
    printf("top classes %s, mean difference %.4g (at most %.4g)\n", equal ? "equal" : "differ",
           sum / (double)count, most);
    return equal && sum / (double)count <= most;
}

enum { MOST_STEPS = 3 };

static bool is_steps(double difference, const double step[2])
{
    for (int a = -MOST_STEPS; a <= MOST_STEPS; a++) {
        for (int b = -MOST_STEPS; b <= MOST_STEPS; b++) {
            if (fabs(difference - a * step[0] - b * step[1]) < 1e-4) {
                return true;
            }
        }
    }
    return false;
}

static bool check_steps(const float *found, const float *expected, size_t count,
                        const double step[2])
{
    size_t differing = 0, broken = 0;
    for (size_t k = 0; k < count; k++) {
        double difference = (double)found[k] - (double)expected[k];
        differing += fabs(difference) > 1e-4;
        broken += !is_steps(difference, step);
    }
    printf("%zu of %zu differ, %zu not by whole steps\n", differing, count, broken);
    return broken == 0 && differing * 100 <= count;
}

int main(int argc, char **argv)
{
    hml_tensor_list found = {0}, expected = {0};
    hml_tool_error error = {0};
    if (argc != 5 || hml_tensor_file_read(argv[1], &found, &error) != HML_OK ||
        hml_tensor_file_read(argv[2], &expected, &error) != HML_OK || found.count != 1 ||
        expected.count != 1) {
        fprintf(stderr, "usage: qdq_check FOUND.pb EXPECTED.pb top-class|steps NUMBER; %s\n",
                error.text);
        return 2;
    }
    const hml_tensor *a = &found.tensors[0].tensor, *b = &expected.tensors[0].tensor;
    bool good = a->dtype == HML_F32 && b->dtype == HML_F32 && a->rank == b->rank && a->rank > 0 &&
                memcmp(a->dims, b->dims, a->rank * sizeof a->dims[0]) == 0;
    if (good) {
        size_t count = a->bytes / sizeof(float), row = (size_t)a->dims[a->rank - 1];
        char *rest = NULL;
        double numbers[2] = {strtod(argv[4], &rest), 0};
        numbers[1] = *rest == ',' ? strtod(rest + 1, NULL) : 0;
        good = strcmp(argv[3], "steps") == 0
                   ? check_steps(a->data, b->data, count, numbers)
                   : check_top_class(a->data, b->data, count, row, numbers[0]);
    }
    hml_tensor_list_release(&found);
    hml_tensor_list_release(&expected);
    return good ? 0 : 1;
}
