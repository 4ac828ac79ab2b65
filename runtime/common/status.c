/* SPDX-License-Identifier: Apache-2.0 */
/* The tables behind the status codes and element types of the public API. */
#include <hml/hml.h>

static const hml_status_text status_texts[] = {
    {0, 0, "ok", "no error", "The call succeeded."},
#define HML_STATUS(identifier, number, exit_class, title, explanation)                             \
    {number, exit_class, #identifier, title, explanation},
#include <hml/status.def>
#undef HML_STATUS
};

static const hml_status_text unknown_status = {
    0, 70, "unknown", "unknown status", "The number is none of this library's status codes."};

const hml_status_text *hml_status_describe(hml_status status)
{
    for (size_t i = 0; i < sizeof(status_texts) / sizeof(status_texts[0]); i++) {
        if (status_texts[i].number == (uint32_t)status) {
            return &status_texts[i];
        }
    }
    return &unknown_status;
}

#define TEXT_OF(number) #number
#define TEXT(number)    TEXT_OF(number)

const char *hml_version(void)
{
    return TEXT(HML_VERSION_MAJOR) "." TEXT(HML_VERSION_MINOR) "." TEXT(HML_VERSION_PATCH);
}

static const struct {
    const char *name;
    size_t bytes;
} dtypes[] = {
    [HML_BOOL] = {"bool", 1}, [HML_I8] = {"i8", 1},     [HML_I16] = {"i16", 2},
    [HML_I32] = {"i32", 4},   [HML_I64] = {"i64", 8},   [HML_U8] = {"u8", 1},
    [HML_U16] = {"u16", 2},   [HML_U32] = {"u32", 4},   [HML_U64] = {"u64", 8},
    [HML_F16] = {"f16", 2},   [HML_BF16] = {"bf16", 2}, [HML_F32] = {"f32", 4},
    [HML_F64] = {"f64", 8},
};

static int is_dtype(hml_dtype dtype)
{
    return dtype >= HML_BOOL && (size_t)dtype < sizeof(dtypes) / sizeof(dtypes[0]);
}

size_t hml_dtype_bytes(hml_dtype dtype)
{
    return is_dtype(dtype) ? dtypes[dtype].bytes : 0;
}

const char *hml_dtype_name(hml_dtype dtype)
{
    return is_dtype(dtype) ? dtypes[dtype].name : NULL;
}
