/* SPDX-License-Identifier: Apache-2.0 */
#include "compare.h"

#include "options.h"

#include <stdlib.h>

#include "number.h"

#include <math.h>
#include <string.h>

static bool is_float(hml_dtype dtype)
{
    return dtype == HML_F16 || dtype == HML_BF16 || dtype == HML_F32 || dtype == HML_F64;
}

static double absolute_tolerance(const hml_tensor *expected, const hml_tolerance *tolerance)
{
    if (tolerance->atol >= 0) {
        return tolerance->atol;
    }
    double largest = 0;
    size_t count = expected->bytes / hml_dtype_bytes(expected->dtype);
    for (size_t i = 0; i < count; i++) {
        double magnitude = fabs(hml_number_load(expected, i));
        largest = isfinite(magnitude) && magnitude > largest ? magnitude : largest;
    }
    return 2e-5 * largest > 1e-5 ? 2e-5 * largest : 1e-5;
}

static double relative_tolerance(hml_dtype dtype, const hml_tolerance *tolerance)
{
    return tolerance->rtol >= 0 ? tolerance->rtol : dtype == HML_BF16 ? 0x1p-6 : 1e-3;
}

/* How far beyond its tolerance a float is; 0 or less: within. */
static double float_excess(double found, double expected, double atol, double rtol)
{
    if (isnan(found) && isnan(expected)) {
        return 0;
    }
    if (!isfinite(found) || !isfinite(expected)) {
        return found == expected ? 0 : (double)INFINITY;
    }
    return fabs(found - expected) - (atol + rtol * fabs(expected));
}

static void compare_element(const hml_tensor *found, const hml_tensor *expected, size_t index,
                            double *worst_excess, hml_comparison *c)
{
    size_t size = hml_dtype_bytes(found->dtype);
    double a = hml_number_load(found, index), b = hml_number_load(expected, index);
    double excess;
    if (is_float(found->dtype)) {
        excess = float_excess(a, b, c->atol, c->rtol);
    } else {
        bool same = memcmp((const char *)found->data + index * size,
                           (const char *)expected->data + index * size, size) == 0;
        excess = same ? 0 : 1 + fabs(a - b);
    }
    double difference = fabs(a - b);
    if (isfinite(difference) && difference > c->largest_difference) {
        c->largest_difference = difference;
    }
    if (excess > 0) {
        c->differing++;
        if (excess > *worst_excess) {
            *worst_excess = excess;
            c->worst = index;
            c->worst_found = a;
            c->worst_expected = b;
        }
    }
}

void hml_tensor_compare(const hml_tensor *found, const hml_tensor *expected,
                        const hml_tolerance *tolerance, hml_comparison *comparison)
{
    hml_comparison c = {.same_type = found->dtype == expected->dtype};
    c.same_shape = found->rank == expected->rank &&
                   memcmp(found->dims, expected->dims, found->rank * sizeof(int64_t)) == 0;
    if (c.same_type && c.same_shape) {
        double worst_excess = 0;
        c.rtol = relative_tolerance(expected->dtype, tolerance);
        c.count = expected->bytes / hml_dtype_bytes(expected->dtype);
        c.atol = is_float(found->dtype) ? absolute_tolerance(expected, tolerance) : 0;
        for (size_t i = 0; i < c.count; i++) {
            compare_element(found, expected, i, &worst_excess, &c);
        }
        c.equal = c.differing == 0;
    }
    *comparison = c;
}

static bool parse_tolerance(const struct hml_options *options, const char *name, double *value)
{
    const char *text = hml_options_get(options, name);
    if (text == NULL) {
        return true;
    }
    char *end;
    *value = strtod(text, &end);
    return end != text && *end == '\0' && *value >= 0 && *value <= 1e30;
}

const char *hml_tolerance_from_options(const struct hml_options *options, hml_tolerance *tolerance)
{
    *tolerance = hml_tolerance_default;
    if (!parse_tolerance(options, "rtol", &tolerance->rtol)) {
        return "rtol";
    }
    return parse_tolerance(options, "atol", &tolerance->atol) ? NULL : "atol";
}
