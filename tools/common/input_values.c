/* SPDX-License-Identifier: Apache-2.0 */
#include "input_values.h"

#include "number.h"
#include "random_tensor.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *hml_input_values_name(const hml_options *options, bool range, size_t n, size_t *length)
{
    const char *word = hml_options_at(options, range ? "range" : "fill", n);
    const char *equals = word != NULL ? strrchr(word, '=') : NULL; /* names may hold '=' */
    *length = equals != NULL ? (size_t)(equals - word) : 0;
    return word;
}

/* The last value that an option gives this input; NULL: none. */
static const char *value_of(const hml_options *options, bool range, const char *name)
{
    const char *found = NULL, *word;
    size_t length;
    for (size_t n = 0; (word = hml_input_values_name(options, range, n, &length)) != NULL; n++) {
        if (length > 0 && strlen(name) == length && memcmp(word, name, length) == 0) {
            found = word + length + 1;
        }
    }
    return found;
}

static bool parse_value(const char *text, const char *end, double *value)
{
    char word[64], *rest; /* "2." of "2..3" is a number, too */
    size_t length = (size_t)(end - text);
    if (length == 0 || length >= sizeof word) {
        return false;
    }
    memcpy(word, text, length);
    word[length] = '\0';
    errno = 0;
    *value = strtod(word, &rest);
    return *rest == '\0' && errno == 0 && !isnan(*value);
}

static bool is_float(hml_dtype dtype)
{
    return dtype == HML_F16 || dtype == HML_BF16 || dtype == HML_F32 || dtype == HML_F64;
}

/* Whether the type holds the value, as it is or rounded. */
static bool type_holds(hml_dtype dtype, double value)
{
    static const struct {
        hml_dtype dtype;
        double least, most;
    } rows[] = {
        {HML_BOOL, 0, 1},
        {HML_I8, -128, 127},
        {HML_U8, 0, 255},
        {HML_I16, -32768, 32767},
        {HML_U16, 0, 65535},
        {HML_I32, -2147483648.0, 2147483647.0},
        {HML_U32, 0, 4294967295.0},
        {HML_I64, -9007199254740992.0, 9007199254740992.0}, /* what a double counts exactly */
        {HML_U64, 0, 9007199254740992.0},
        {HML_F16, -65504, 65504},
        {HML_F32, -3.4028234663852886e38, 3.4028234663852886e38},
        {HML_BF16, -3.3895313892515355e38, 3.3895313892515355e38},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].dtype == dtype) {
            bool within = value >= rows[i].least && value <= rows[i].most;
            return within && (is_float(dtype) || value == (double)(int64_t)value);
        }
    }
    return true;
}

static hml_status not_held(const hml_tensor *tensor, const char *option, const char *name,
                           const char *text, hml_tool_error *error)
{
    return HML_TOOL_FAIL(error, HML_ERROR_usage,
                         "--%s %s=%s: the input is %s, which does not hold it", option, name, text,
                         hml_dtype_name(tensor->dtype));
}

static hml_status fill(const hml_tensor *tensor, const char *name, const char *text,
                       hml_tool_error *error)
{
    double value;
    if (!parse_value(text, text + strlen(text), &value)) {
        return HML_TOOL_FAIL(error, HML_ERROR_usage, "--fill %s=%s: expected NAME=NUMBER, not NaN",
                             name, text);
    }
    if (!type_holds(tensor->dtype, value)) {
        return not_held(tensor, "fill", name, text, error);
    }
    for (size_t i = 0; i < tensor->bytes / hml_dtype_bytes(tensor->dtype); i++) {
        hml_number_store(tensor, i, value);
    }
    return HML_OK;
}

static hml_status spread(const hml_tensor *tensor, const char *name, const char *text,
                         uint64_t *state, hml_tool_error *error)
{
    const char *dots = strstr(text, "..");
    double low, high;
    if (dots == NULL || !parse_value(text, dots, &low) ||
        !parse_value(dots + 2, text + strlen(text), &high) || low > high) {
        return HML_TOOL_FAIL(error, HML_ERROR_usage,
                             "--range %s=%s: expected NAME=LOW..HIGH, LOW not above HIGH", name,
                             text);
    }
    if (!type_holds(tensor->dtype, low) || !type_holds(tensor->dtype, high)) {
        return not_held(tensor, "range", name, text, error);
    }
    bool real = is_float(tensor->dtype);
    for (size_t i = 0; i < tensor->bytes / hml_dtype_bytes(tensor->dtype); i++) {
        double part = hml_random_fraction(state), width = high - low;
        double value = real ? low + part * width : low + (double)(int64_t)(part * (width + 1));
        hml_number_store(tensor, i, value > high ? high : value);
    }
    return HML_OK;
}

hml_status hml_input_values_fill(const hml_options *options, const char *name,
                                 const hml_tensor *tensor, uint64_t *state, hml_tool_error *error)
{
    const char *value = value_of(options, false, name), *range = value_of(options, true, name);
    if (value != NULL && range != NULL) {
        return HML_TOOL_FAIL(error, HML_ERROR_usage, "'%s' has both --fill and --range", name);
    }
    if (range != NULL) {
        return spread(tensor, name, range, state, error);
    }
    hml_tensor_randomize(tensor, state);
    return value != NULL ? fill(tensor, name, value, error) : HML_OK;
}
