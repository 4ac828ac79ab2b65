/* SPDX-License-Identifier: Apache-2.0 */
#include "tensor_distance.h"

#include "common/number.h"

#include <math.h>

/* Index of the first largest of `count` elements; NaN is never the largest. */
static size_t largest_at(const hml_tensor *tensor, size_t first, size_t count)
{
    size_t best = 0;
    double largest = -INFINITY;
    for (size_t k = 0; k < count; k++) {
        double value = hml_number_load(tensor, first + k);
        if (value > largest) {
            largest = value;
            best = k;
        }
    }
    return best;
}

static void compare_rows(const hml_tensor *found, const hml_tensor *expected, size_t count,
                         hml_distance *d)
{
    size_t width = found->rank > 0 ? (size_t)found->dims[found->rank - 1] : 1;
    for (size_t first = 0; width > 1 && first < count; first += width) {
        d->rows++;
        d->same_largest +=
            largest_at(found, first, width) == largest_at(expected, first, width) ? 1 : 0;
    }
}

void hml_tensor_distance(const hml_tensor *found, const hml_tensor *expected,
                         hml_distance *distance)
{
    hml_distance d = {.cosine = 1};
    size_t count = expected->bytes / hml_dtype_bytes(expected->dtype), finite = 0;
    double differences = 0, a_squares = 0, b_squares = 0, products = 0;
    for (size_t i = 0; i < count; i++) {
        double a = hml_number_load(found, i), b = hml_number_load(expected, i);
        if (isfinite(a) && isfinite(b)) {
            finite++;
            differences += (a - b) * (a - b);
            a_squares += a * a;
            b_squares += b * b;
            products += a * b;
        }
    }
    if (finite > 0) {
        d.rms = sqrt(differences / (double)finite);
        d.rms_expected = sqrt(b_squares / (double)finite);
    }
    if (a_squares > 0 || b_squares > 0) {
        double length = sqrt(a_squares) * sqrt(b_squares);
        d.cosine = length > 0 ? products / length : 0;
    }
    compare_rows(found, expected, count, &d);
    *distance = d;
}
