/* SPDX-License-Identifier: Apache-2.0 */
/* HDF5: element types and shapes. */
#include "hdf5_parts.h"

enum { BIG_ENDIAN_BIT = 1, SIGNED_BIT = 8, VAX_BIT = 0x40 };

/* Behind the common part. IEEE's formats, with no bits left over. */
static void read_float(hdf5_cursor *content, uint32_t bits, hdf5_type *type)
{
    static const struct {
        uint32_t size, exponent_at, exponent, mantissa, bias;
        hmlc_dtype dtype;
    } rows[] = {
        {2, 10, 5, 10, 15, HMLC_DTYPE_f16},
        {4, 23, 8, 23, 127, HMLC_DTYPE_f32},
        {8, 52, 11, 52, 1023, HMLC_DTYPE_f64},
    };
    uint64_t offset = hmlc_hdf5_take(content, 2), precision = hmlc_hdf5_take(content, 2);
    uint64_t exponent_at = hmlc_hdf5_take(content, 1), exponent = hmlc_hdf5_take(content, 1);
    uint64_t mantissa_at = hmlc_hdf5_take(content, 1), mantissa = hmlc_hdf5_take(content, 1);
    uint64_t bias = hmlc_hdf5_take(content, 4);
    type->other = "floats of another format than IEEE's";
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (type->size == rows[i].size && offset == 0 && precision == 8 * (uint64_t)type->size &&
            exponent_at == rows[i].exponent_at && exponent == rows[i].exponent &&
            mantissa_at == 0 && mantissa == rows[i].mantissa && bias == rows[i].bias &&
            (bits & VAX_BIT) == 0) {
            type->class = HDF5_NUMBER;
            type->dtype = rows[i].dtype;
        }
    }
}

static void read_integer(hdf5_cursor *content, uint32_t bits, hdf5_type *type)
{
    static const hmlc_dtype names[2][4] = {
        {HMLC_DTYPE_u8, HMLC_DTYPE_u16, HMLC_DTYPE_u32, HMLC_DTYPE_u64},
        {HMLC_DTYPE_i8, HMLC_DTYPE_i16, HMLC_DTYPE_i32, HMLC_DTYPE_i64}};
    uint64_t offset = hmlc_hdf5_take(content, 2), precision = hmlc_hdf5_take(content, 2);
    type->other = "integers of an unusual size";
    for (uint32_t i = 0; i < 4; i++) {
        if (type->size == 1U << i && offset == 0 && precision == 8 * (uint64_t)type->size) {
            type->class = HDF5_NUMBER;
            type->dtype = names[(bits & SIGNED_BIT) != 0 ? 1 : 0][i];
        }
    }
}

hmlc_status hmlc_hdf5_read_type(const hmlc_hdf5 *file, hdf5_cursor content, hdf5_type *type)
{
    enum { FIXED_POINT = 0, FLOATING_POINT = 1, STRING = 3, ENUMERATION = 8, VARIABLE = 9 };
    uint64_t head = hmlc_hdf5_take(&content, 1), bits = hmlc_hdf5_take(&content, 3);
    *type = (hdf5_type){.class = HDF5_OTHER, .other = "elements that are neither numbers nor text"};
    type->size = (uint32_t)hmlc_hdf5_take(&content, 4);
    type->swapped = (bits & BIG_ENDIAN_BIT) != 0 && type->size > 1;
    switch (head & 15) {
    case FIXED_POINT:
        read_integer(&content, (uint32_t)bits, type);
        break;
    case FLOATING_POINT:
        read_float(&content, (uint32_t)bits, type);
        break;
    case STRING:
        type->class = HDF5_TEXT;
        break;
    case ENUMERATION: /* h5py's bool */
        if (type->size == 1) {
            type->class = HDF5_NUMBER;
            type->dtype = HMLC_DTYPE_bool;
        }
        break;
    case VARIABLE:
        type->class = (bits & 15) == 1 && type->size == 16 ? HDF5_HEAP_TEXT : HDF5_OTHER;
        type->other = "lists of variable length";
        break;
    default:
        break;
    }
    if (content.failed || type->size == 0) {
        return hmlc_hdf5_damaged(file, "an element type is damaged");
    }
    return HMLC_OK;
}

hmlc_status hmlc_hdf5_read_space(const hmlc_hdf5 *file, hdf5_cursor content, hdf5_space *space)
{
    enum { NO_ELEMENTS = 2 };
    uint64_t version = hmlc_hdf5_take(&content, 1), rank = hmlc_hdf5_take(&content, 1);
    hmlc_hdf5_skip(&content, 1); /* flags: what follows the dims */
    uint64_t kind = hmlc_hdf5_take(&content, 1);
    hmlc_hdf5_skip(&content, version == 1 ? 4 : 0);
    *space = (hdf5_space){.rank = (uint32_t)rank, .count = 1};
    if (content.failed || (version != 1 && version != 2)) {
        return hmlc_hdf5_damaged(file, "a shape is damaged");
    }
    if (rank > HMLC_MAX_RANK) {
        return hmlc_hdf5_refused(file, "a tensor has rank %d; at most %d is supported", (int)rank,
                                 HMLC_MAX_RANK);
    }
    for (uint32_t i = 0; i < space->rank; i++) {
        uint64_t dim = hmlc_hdf5_take(&content, 8);
        if (dim > INT64_MAX || __builtin_mul_overflow(space->count, dim, &space->count)) {
            return hmlc_hdf5_damaged(file, "a shape is larger than any memory");
        }
        space->dims[i] = (int64_t)dim;
    }
    if (version == 2 && kind == NO_ELEMENTS) {
        space->count = 0;
    }
    return content.failed ? hmlc_hdf5_damaged(file, "a shape is cut short") : HMLC_OK;
}
