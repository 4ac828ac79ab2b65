/* SPDX-License-Identifier: Apache-2.0 */
/* Types of values: tensors of an element type with a shape of dim expressions; sequences, optionals
 * and maps by name. */
#ifndef HMLC_TYPES_H
#define HMLC_TYPES_H

#include <hmlc/arena.h>
#include <hmlc/dim.h>

/* Ranks above this are refused. */
#define HMLC_MAX_RANK 12

typedef enum hmlc_dtype {
#define HMLC_DTYPE(name, bits, class, bytes) HMLC_DTYPE_##name,
#include <hmlc/types.def>
#undef HMLC_DTYPE
    HMLC_DTYPE_COUNT,
} hmlc_dtype;

typedef enum hmlc_dtype_class {
    HMLC_CLASS_BOOL,
    HMLC_CLASS_INT,
    HMLC_CLASS_UINT,
    HMLC_CLASS_FLOAT,
    HMLC_CLASS_COMPLEX,
    HMLC_CLASS_STRING,
} hmlc_dtype_class;

const char *hmlc_dtype_name(hmlc_dtype dtype);
uint32_t hmlc_dtype_bits(hmlc_dtype dtype);
size_t hmlc_dtype_bytes(hmlc_dtype dtype); /* bytes of one stored element; 0: no dense byte form */
hmlc_dtype_class hmlc_dtype_class_of(hmlc_dtype dtype);
bool hmlc_dtype_from_name(const char *name, size_t length, hmlc_dtype *dtype);
bool hmlc_dtype_is_integer(hmlc_dtype dtype); /* signed or unsigned, not bool */
bool hmlc_dtype_is_float(hmlc_dtype dtype);
bool hmlc_dtype_is_half(hmlc_dtype dtype); /* f16 or bf16 */
bool hmlc_dtype_is_byte(hmlc_dtype dtype); /* i8 or u8 */

typedef enum hmlc_kind {
    HMLC_KIND_TENSOR,
    HMLC_KIND_SEQUENCE,
    HMLC_KIND_OPTIONAL,
    HMLC_KIND_MAP
} hmlc_kind;

/* Immutable, owned by the module's arena. */
typedef struct hmlc_type {
    hmlc_kind kind;
    hmlc_dtype dtype;                /* tensor: element type; map: key type */
    int32_t rank;                    /* tensor; 0 is a scalar */
    const hmlc_dim *dims;            /* tensor: rank dims */
    const struct hmlc_type *element; /* sequence, optional, map: the contained type */
} hmlc_type;

const hmlc_type *hmlc_type_tensor(hmlc_arena *arena, hmlc_dtype dtype, int32_t rank,
                                  const hmlc_dim *dims);
bool hmlc_type_equal(const hmlc_type *left, const hmlc_type *right); /* dims compared by identity */
/* Two tensors whose dims are equal, provably: hmlc_dim_known_equal. */
bool hmlc_type_same_shape(hmlc_dims *dims, const hmlc_type *left, const hmlc_type *right);
bool hmlc_type_is_static(const hmlc_type *type); /* all dims constant */
/* The dims of a static tensor type; false where one is not constant. */
bool hmlc_type_static_dims(const hmlc_type *type, int64_t dims[HMLC_MAX_RANK]);
/* Number of elements as an expression. */
hmlc_dim hmlc_type_count(hmlc_dims *dims, const hmlc_type *type);
/* Writes "f32[batch, 3]" style text; returns what snprintf returns. */
int hmlc_type_format(const hmlc_type *type, char *text, size_t size);

/*
 * A concrete tensor: row-major, dense, static dims. `data` is borrowed (a mapped model file, an
 * arena) and stays valid as long as the module; it may be unaligned for the element type: read it
 * with memcpy.
 */
typedef struct hmlc_tensor {
    hmlc_dtype dtype;
    int32_t rank;
    int64_t dims[HMLC_MAX_RANK];
    const void *data;
    size_t bytes;
} hmlc_tensor;

/* Element count; -1 on overflow or a negative dim. */
int64_t hmlc_tensor_count(const hmlc_tensor *tensor);
/* Truncation towards zero; what does not fit, and NaN, gives INT64_MIN. */
int64_t hmlc_truncate_to_int(double value);
/* Element `index` as double or int64 (float values truncate, bool gives 0 or 1). */
double hmlc_tensor_get_double(const hmlc_tensor *tensor, int64_t index);
int64_t hmlc_tensor_get_int(const hmlc_tensor *tensor, int64_t index);
/* Store into raw memory of element type dtype, rounding once (nearest even), integers wrap as C
 * casts of int64. */
void hmlc_element_set_double(hmlc_dtype dtype, void *data, int64_t index, double value);
void hmlc_element_set_int(hmlc_dtype dtype, void *data, int64_t index, int64_t value);

/* Conversions of single half-width floats, round to nearest even. */
float hmlc_f16_to_f32(uint16_t bits);
uint16_t hmlc_f16_from_double(double value);
float hmlc_bf16_to_f32(uint16_t bits);
uint16_t hmlc_bf16_from_double(double value);

#endif
