/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Constants of weights whose blocks have scales: integers of four bits where all fit, and scales as
 * halves behind a Cast where halves hold them.
 */
#include "onnx_save.h"

static bool reads_blocks(const hmlc_op *op)
{
    return op->opcode == HMLC_OP_dequantize && hmlc_op_int(op, HMLC_ATTR_block) > 0;
}

/* All elements of a constant lie in [least, most]; absent ones, too. */
static bool lies_within(const hmlc_value *value, int64_t least, int64_t most)
{
    const hmlc_tensor *tensor = value != NULL ? hmlc_value_constant(value) : NULL;
    int64_t count = tensor != NULL ? hmlc_tensor_count(tensor) : 0;
    for (int64_t k = 0; k < count; k++) {
        int64_t number = hmlc_tensor_get_int(tensor, k);
        if (number < least || number > most) {
            return false;
        }
    }
    return value == NULL || tensor != NULL;
}

/* The integers and zero points of a dequantize, which have one type. */
static bool fits_nibbles(const hmlc_op *op)
{
    bool with_sign = hmlc_op_operand(op, 0)->type->dtype == HMLC_DTYPE_i8;
    int64_t least = with_sign ? -8 : 0, most = with_sign ? 7 : 15;
    return lies_within(hmlc_op_operand(op, 0), least, most) &&
           lies_within(hmlc_op_operand(op, 2), least, most);
}

static bool fits_halves(const hmlc_tensor *tensor)
{
    int64_t count = hmlc_tensor_count(tensor);
    for (int64_t k = 0; k < count; k++) {
        double number = hmlc_tensor_get_double(tensor, k);
        if ((double)hmlc_f16_to_f32(hmlc_f16_from_double(number)) != number) {
            return false;
        }
    }
    return true;
}

static bool save_nibbles(hmlc_saver *saver, const hmlc_value *value)
{
    const hmlc_tensor *tensor = hmlc_value_constant(value);
    hmlc_tensor packed = *tensor;
    packed.dtype = tensor->dtype == HMLC_DTYPE_i8 ? HMLC_DTYPE_i4 : HMLC_DTYPE_u4;
    packed.bytes = tensor->bytes / 2 + tensor->bytes % 2;
    uint8_t *bytes = hmlc_arena_allocate(saver->arena, packed.bytes + 1);
    if (bytes == NULL) {
        saver->status = HMLC_RESOURCE;
        return true;
    }
    for (size_t k = 0; k < tensor->bytes; k++) {
        int64_t number = hmlc_tensor_get_int(tensor, (int64_t)k);
        bytes[k / 2] |= (uint8_t)((number & 15) << (k % 2 * 4));
    }
    packed.data = bytes;
    (void)hmlc_save_tensor(saver, hmlc_save_name(saver, value), &packed);
    return true;
}

static bool save_halves(hmlc_saver *saver, const hmlc_value *value)
{
    const hmlc_tensor *tensor = hmlc_value_constant(value);
    hmlc_tensor halves = *tensor;
    halves.dtype = HMLC_DTYPE_f16;
    halves.bytes = tensor->bytes / 2;
    uint16_t *numbers = hmlc_arena_allocate(saver->arena, halves.bytes + 1);
    if (numbers == NULL) {
        saver->status = HMLC_RESOURCE;
        return true;
    }
    for (size_t k = 0; k < halves.bytes / 2; k++) {
        numbers[k] = hmlc_f16_from_double(hmlc_tensor_get_double(tensor, (int64_t)k));
    }
    halves.data = numbers;
    hmlc_save_attr to = hmlc_save_int_attr("to", hmlc_save_dtype(HMLC_DTYPE_f32));
    const char *stored = hmlc_save_tensor(saver, NULL, &halves);
    (void)hmlc_save_node1(saver, "Cast", hmlc_save_name(saver, value), HMLC_SAVE_NAMES(stored), &to,
                          1);
    return true;
}

bool hmlc_save_blocks(hmlc_saver *saver, const hmlc_value *value)
{
    bool integers = true, scales = true;
    for (const hmlc_use *use = value->uses; use != NULL; use = use->next) {
        bool blocks = reads_blocks(use->op);
        integers = integers && blocks && use->index != 1 && fits_nibbles(use->op);
        scales = scales && blocks && use->index == 1;
    }
    if (value->uses == NULL || !(integers || scales)) {
        return false;
    }
    if (integers) {
        return save_nibbles(saver, value);
    }
    return value->type->dtype == HMLC_DTYPE_f32 && fits_halves(hmlc_value_constant(value)) &&
           save_halves(saver, value);
}
