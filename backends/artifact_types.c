/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact_types.h"

#include <hml_format/artifact.h>
#include <hmlc/assert.h>
#include <hmlc/index_rules.h>

_Static_assert(HMLC_MAX_RANK == HML_MAX_TENSOR_RANK, "what compiles can be stored");
_Static_assert(HMLC_MAX_RANK <= HMLC_RULE_MOST_DIMS, "rules take every rank");
_Static_assert(HMLC_DIM_UNBOUNDED == HML_DIM_UNBOUNDED, "dims of both end at one bound");

uint32_t hmlc_artifact_dtype(hmlc_dtype dtype)
{
    static const uint8_t table[HMLC_DTYPE_COUNT] = {
        [HMLC_DTYPE_bool] = HML_BOOL, [HMLC_DTYPE_i8] = HML_I8,     [HMLC_DTYPE_i16] = HML_I16,
        [HMLC_DTYPE_i32] = HML_I32,   [HMLC_DTYPE_i64] = HML_I64,   [HMLC_DTYPE_u8] = HML_U8,
        [HMLC_DTYPE_u16] = HML_U16,   [HMLC_DTYPE_u32] = HML_U32,   [HMLC_DTYPE_u64] = HML_U64,
        [HMLC_DTYPE_f16] = HML_F16,   [HMLC_DTYPE_bf16] = HML_BF16, [HMLC_DTYPE_f32] = HML_F32,
        [HMLC_DTYPE_f64] = HML_F64,
    };
    HMLC_ASSERT((uint32_t)dtype < HMLC_DTYPE_COUNT);
    return table[dtype];
}
