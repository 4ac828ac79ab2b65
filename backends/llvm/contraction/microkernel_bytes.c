/* SPDX-License-Identifier: Apache-2.0 */
#include "microkernel_bytes.h"

#include <string.h>

enum { WHOLE_COLUMN = 16 }; /* steps, of which groups that are whole columns are multiples */

static bool is_spread(hmlc_byte_step step)
{
    return step == HMLC_BYTE_STEP_SPREAD || step == HMLC_BYTE_STEP_SPREAD_TWO;
}

/* Its k loop is of its own, and so are its tiles, which the machine's row lists as they fit. */
static bool has_own_loop(hmlc_byte_step step)
{
    return step == HMLC_BYTE_STEP_WORD || step == HMLC_BYTE_STEP_ROWS;
}

/* Beside spread sums: groups of the rows in two registers each, lanes of one or two of these
 * groups, two products of each row, and what comes from the panels. Where halves are registers,
 * lanes and groups take half of one, and products are few at a time. */
static uint32_t spread_registers(const hmlc_target *target, hmlc_byte_step step, uint32_t rows)
{
    uint32_t groups = step == HMLC_BYTE_STEP_SPREAD_TWO ? 2 : 1;
    return target->bytes.half_registers ? groups * (rows + 1) + 1
                                        : (4 + groups) * rows + groups + 1;
}

/* Of pairs, what is held of rows or vectors, whichever are fewer, takes two registers each; three
 * more are an operand from memory, in two parts, and a product. Of halves one each; three more are
 * an operand, ones, and a product, two of words. Of nibbles the vectors that hold them, one of
 * their steps for what is held, an element of the other side and a constant. Squares
 * have two rows, of which two groups are held. */
bool hmlc_bytes_fit(const hmlc_target *target, hmlc_byte_step step, uint32_t rows, uint32_t vectors)
{
    uint32_t held = rows < vectors ? rows : vectors, sums = rows * vectors, needed = 0;
    if (step == HMLC_BYTE_STEP_PAIRS) {
        needed = 2 * held + 3;
    } else if (step == HMLC_BYTE_STEP_HALVES) {
        needed = held + 3;
    } else if (step == HMLC_BYTE_STEP_I16) {
        needed = held + 2;
    } else if (step == HMLC_BYTE_STEP_NIBBLES) {
        needed = vectors + held + 2;
    } else if (step == HMLC_BYTE_STEP_SQUARE) {
        uint32_t even = (rows + 1) / 2 * 2;
        sums = even * vectors;
        needed = even + 2;
    } else if (is_spread(step)) {
        sums *= HMLC_SPREAD_HALVES;
        needed = spread_registers(target, step, rows);
    }
    return has_own_loop(step) || sums + needed <= (uint32_t)target->vector_registers;
}

bool hmlc_bytes_takes_lanes(const hmlc_target *target, hmlc_byte_step step)
{
    return is_spread(step) || (step == HMLC_BYTE_STEP_DOT && target->bytes.dot_by_lane);
}

const hmlc_tiles *hmlc_bytes_tiles(const hmlc_target *target, hmlc_byte_step step)
{
    return has_own_loop(step) ? &target->bytes.tiles : &target->tiles;
}

hmlc_pack_layout hmlc_bytes_layout(const hmlc_target *target, hmlc_dtype left, hmlc_dtype right,
                                   hmlc_dtype sums, int64_t depth, int64_t run)
{
    hmlc_pack_layout layout = hmlc_pack_layout_for(left, right, sums);
    bool alike = left == HMLC_DTYPE_i8 && right == HMLC_DTYPE_i8 && layout.group > 1;
    bool rows = target->bytes.rows != NULL && alike;
    if (left == HMLC_DTYPE_bf16 && right == HMLC_DTYPE_bf16 && sums == HMLC_DTYPE_f32) {
        bool squares = target->multiplies_bf16 != NULL && depth > 0 && depth % HMLC_BYTE_GROUP == 0;
        layout.group = squares ? HMLC_BYTE_GROUP : layout.group;
        return layout;
    }
    if (target->bytes.singles) {
        return hmlc_pack_layout_default();
    }
    if (rows && depth > 0) {
        layout.group = (depth + WHOLE_COLUMN - 1) / WHOLE_COLUMN * WHOLE_COLUMN;
    } else if (alike && target->bytes.square != NULL && run > 0 &&
               run % HMLC_BYTE_SQUARE_GROUP == 0) {
        layout.group = HMLC_BYTE_SQUARE_GROUP;
    }
    bool own = layout.group > 1 && target->bytes.panel != 0;
    layout.width = own ? target->bytes.panel : layout.width;
    return layout;
}

bool hmlc_bytes_whole_columns(hmlc_pack_layout layout)
{
    return layout.group >= WHOLE_COLUMN;
}

LLVMValueRef hmlc_bytes_load_group(hmlc_frame *frame, LLVMValueRef address, LLVMValueRef stride,
                                   uint32_t count)
{
    LLVMBuilderRef builder = frame->builder;
    LLVMValueRef group = LLVMConstNull(frame->i32);
    bool dense = LLVMIsAConstantInt(stride) && LLVMConstIntGetSExtValue(stride) == 1;
    if (dense && count == HMLC_BYTE_GROUP) {
        return hmlc_frame_load(frame, frame->i32, address, 1);
    }
    for (uint32_t k = 0; k < count; k++) {
        LLVMValueRef place = LLVMBuildMul(builder, stride, hmlc_frame_int(frame, k), "");
        LLVMValueRef byte = hmlc_frame_load(
            frame, frame->i8, hmlc_frame_element(frame, frame->i8, address, place), 1);
        byte = LLVMBuildZExt(builder, byte, frame->i32, "");
        byte = LLVMBuildShl(builder, byte, LLVMConstInt(frame->i32, 8 * k, 0), "");
        group = LLVMBuildOr(builder, group, byte, "");
    }
    return group;
}

/* Byte `k` of every lane, widened by its type. */
static LLVMValueRef byte_of(hmlc_frame *frame, const hmlc_byte_products_of *of, LLVMValueRef groups,
                            hmlc_dtype dtype, uint32_t k)
{
    LLVMBuilderRef builder = frame->builder;
    uint32_t lanes = of->lanes;
    LLVMValueRef up = hmlc_frame_splat(frame, LLVMConstInt(frame->i32, 24 - 8 * k, 0), lanes);
    LLVMValueRef down = hmlc_frame_splat(frame, LLVMConstInt(frame->i32, 24, 0), lanes);
    LLVMValueRef value = LLVMBuildShl(builder, groups, up, "");
    return dtype == HMLC_DTYPE_i8 ? LLVMBuildAShr(builder, value, down, "")
                                  : LLVMBuildLShr(builder, value, down, "");
}

/* Which of a target's intrinsics is for vectors of `lanes` i32; HMLC_BYTE_VECTORS: none. */
static uint32_t vector_place(uint32_t lanes)
{
    uint32_t place = 0;
    while (place < HMLC_BYTE_VECTORS && lanes != 4U << place) {
        place++;
    }
    return place;
}

static bool takes_dot(const hmlc_target *target, hmlc_dtype left, hmlc_dtype right, uint32_t lanes)
{
    return target->bytes.dot != NULL && vector_place(lanes) < HMLC_BYTE_VECTORS &&
           left == hmlc_family_get_facts(target->family)->left_bytes && right == HMLC_DTYPE_i8;
}

hmlc_byte_step hmlc_bytes_step(const hmlc_target *target, hmlc_pack_layout layout, hmlc_dtype left,
                               hmlc_dtype right, uint32_t lanes, bool proven)
{
    if (layout.group == 1) {
        return HMLC_BYTE_STEP_NONE;
    }
    if (left == HMLC_DTYPE_bf16 || layout.group == HMLC_BYTE_SQUARE_GROUP) {
        return HMLC_BYTE_STEP_SQUARE;
    }
    if (hmlc_bytes_whole_columns(layout)) {
        return HMLC_BYTE_STEP_ROWS;
    }
    if (takes_dot(target, left, right, lanes)) {
        return HMLC_BYTE_STEP_DOT;
    }
    if (target->bytes.word != NULL && lanes == 1) {
        return HMLC_BYTE_STEP_WORD;
    }
    if (proven && target->bytes.halves != NULL && vector_place(lanes) < HMLC_BYTE_VECTORS &&
        left == HMLC_DTYPE_u8 && right == HMLC_DTYPE_i8) {
        return HMLC_BYTE_STEP_HALVES;
    }
    if (target->bytes.neighbours != NULL && vector_place(lanes) == 0 && left == HMLC_DTYPE_i8 &&
        right == HMLC_DTYPE_i8) {
        return proven ? HMLC_BYTE_STEP_SPREAD_TWO : HMLC_BYTE_STEP_SPREAD;
    }
    return target->bytes.pairs != NULL && vector_place(lanes) < HMLC_BYTE_VECTORS
               ? HMLC_BYTE_STEP_PAIRS
               : HMLC_BYTE_STEP_WIDEN;
}

/* Calls one of the target's intrinsics for bytes: some have overloads, of the result's type and of
 * the last argument's. */
static LLVMValueRef call_bytes(hmlc_frame *frame, const char *const *names,
                               LLVMValueRef const *arguments, uint32_t count, uint32_t lanes)
{
    const char *name = names[vector_place(lanes)];
    LLVMTypeRef types[] = {LLVMVectorType(frame->i32, lanes), LLVMTypeOf(arguments[count - 1])};
    unsigned id = LLVMLookupIntrinsicID(name, strlen(name));
    uint32_t overloads = id != 0 && LLVMIntrinsicIsOverloaded(id) ? 2 : 0;
    return hmlc_frame_intrinsic_of(frame, name, types, overloads, arguments, count);
}

static LLVMValueRef multiply_add(hmlc_frame *frame, LLVMValueRef a, LLVMValueRef b,
                                 LLVMValueRef sum)
{
    return LLVMBuildAdd(frame->builder, LLVMBuildMul(frame->builder, a, b, ""), sum, "");
}

/* Every second byte of a vector of groups, from the lowest or the second on, as i16 by its type. */
static LLVMValueRef every_second(hmlc_frame *frame, const hmlc_byte_products_of *of,
                                 LLVMValueRef groups, hmlc_dtype dtype, bool odd)
{
    LLVMBuilderRef builder = frame->builder;
    uint32_t count = 2 * of->lanes;
    LLVMValueRef eight = hmlc_frame_splat(frame, LLVMConstInt(frame->i16, 8, 0), count);
    LLVMValueRef words = LLVMBuildBitCast(builder, groups, LLVMVectorType(frame->i16, count), "");
    if (dtype == HMLC_DTYPE_u8) {
        LLVMValueRef low = hmlc_frame_splat(frame, LLVMConstInt(frame->i16, 0xff, 0), count);
        return odd ? LLVMBuildLShr(builder, words, eight, "")
                   : LLVMBuildAnd(builder, words, low, "");
    }
    words = odd ? words : LLVMBuildShl(builder, words, eight, "");
    return LLVMBuildAShr(builder, words, eight, "");
}

/* -- spread sums: [column][2], neighbours of a group's products -- */

/* Both, in turns of `run` lanes. */
static LLVMValueRef interleave(hmlc_frame *frame, LLVMValueRef a, LLVMValueRef b, uint32_t run)
{
    LLVMValueRef places[HMLC_LANES_MAX];
    uint32_t count = LLVMGetVectorSize(LLVMTypeOf(a));
    for (uint32_t k = 0; k < 2 * count; k++) {
        uint32_t place = k / (2 * run) * run + k % run;
        places[k] = LLVMConstInt(frame->i32, k / run % 2 == 0 ? place : count + place, 0);
    }
    return LLVMBuildShuffleVector(frame->builder, a, b, LLVMConstVector(places, 2 * count), "");
}

LLVMValueRef hmlc_bytes_begin_sum(hmlc_frame *frame, const hmlc_byte_products_of *of,
                                  LLVMValueRef sum)
{
    return is_spread(of->step) ? interleave(frame, sum, LLVMConstNull(LLVMTypeOf(sum)), 1) : sum;
}

LLVMValueRef hmlc_bytes_end_sum(hmlc_frame *frame, const hmlc_byte_products_of *of,
                                LLVMValueRef sum)
{
    if (!is_spread(of->step)) {
        return sum;
    }
    LLVMValueRef odd = hmlc_frame_lanes(frame, sum, 1, 2, of->lanes);
    return LLVMBuildAdd(frame->builder, hmlc_frame_lanes(frame, sum, 0, 2, of->lanes), odd, "");
}

/* Half of the columns' products in i16. */
static LLVMValueRef long_product(hmlc_frame *frame, const hmlc_byte_products_of *of,
                                 const hmlc_step_operand *left, const hmlc_step_operand *right,
                                 uint32_t half)
{
    LLVMBuilderRef builder = frame->builder;
    uint32_t count = 2 * of->lanes;
    LLVMTypeRef type = LLVMVectorType(frame->i16, count);
    bool both = frame->target->bytes.half_registers; /* the left side is the same in both */
    LLVMValueRef a = hmlc_frame_lanes(frame, left->first, both ? 0 : half * count, 1, count);
    LLVMValueRef b = hmlc_frame_lanes(frame, right->first, half * count, 1, count);
    a = LLVMBuildSExt(builder, a, type, "");
    return LLVMBuildMul(builder, LLVMBuildSExt(builder, b, type, ""), a, "");
}

void hmlc_bytes_multiply_spread(hmlc_frame *frame, const hmlc_byte_products_of *of,
                                const hmlc_step_operand *left, const hmlc_step_operand *right,
                                hmlc_spread_products *products)
{
    for (uint32_t half = 0; half < HMLC_SPREAD_HALVES; half++) {
        LLVMValueRef product = long_product(frame, of, left, right, half);
        LLVMValueRef before = products->half[half];
        products->half[half] =
            before == NULL ? product : LLVMBuildAdd(frame->builder, before, product, "");
    }
}

/* Neighbours of i16 onto sums of i32. */
static LLVMValueRef add_neighbours(hmlc_frame *frame, const hmlc_byte_products_of *of,
                                   LLVMValueRef products, LLVMValueRef sum)
{
    const hmlc_byte_products *bytes = &frame->target->bytes;
    LLVMValueRef arguments[] = {sum, products};
    if (bytes->neighbours_add) {
        return call_bytes(frame, bytes->neighbours, arguments, 2, of->lanes);
    }
    return LLVMBuildAdd(frame->builder, sum,
                        call_bytes(frame, bytes->neighbours, &products, 1, of->lanes), "");
}

LLVMValueRef hmlc_bytes_add_half(hmlc_frame *frame, const hmlc_byte_products_of *of, uint32_t half,
                                 LLVMValueRef products, LLVMValueRef sum)
{
    LLVMValueRef halves[HMLC_SPREAD_HALVES];
    for (uint32_t k = 0; k < HMLC_SPREAD_HALVES; k++) {
        halves[k] = hmlc_frame_lanes(frame, sum, k * of->lanes, 1, of->lanes);
    }
    halves[half] = add_neighbours(frame, of, products, halves[half]);
    return interleave(frame, halves[0], halves[1], of->lanes);
}

LLVMValueRef hmlc_bytes_add_spread(hmlc_frame *frame, const hmlc_byte_products_of *of,
                                   const hmlc_spread_products *products, LLVMValueRef sum)
{
    for (uint32_t half = 0; half < HMLC_SPREAD_HALVES; half++) {
        sum = hmlc_bytes_add_half(frame, of, half, products->half[half], sum);
    }
    return sum;
}

/* -- one group -- */

hmlc_step_operand hmlc_bytes_operand(hmlc_frame *frame, const hmlc_byte_products_of *of,
                                     LLVMValueRef value, hmlc_dtype dtype)
{
    if (of->step == HMLC_BYTE_STEP_HALVES || hmlc_bytes_takes_lanes(frame->target, of->step)) {
        uint32_t lanes = LLVMGetVectorSize(LLVMTypeOf(value));
        LLVMTypeRef bytes = LLVMVectorType(frame->i8, HMLC_BYTE_GROUP * lanes);
        return (hmlc_step_operand){LLVMBuildBitCast(frame->builder, value, bytes, ""), NULL};
    }
    if (of->step == HMLC_BYTE_STEP_I16) {
        LLVMTypeRef words = LLVMVectorType(frame->i16, 2 * of->lanes);
        return (hmlc_step_operand){LLVMBuildBitCast(frame->builder, value, words, ""), NULL};
    }
    if (of->step != HMLC_BYTE_STEP_PAIRS) {
        return (hmlc_step_operand){value, NULL};
    }
    return (hmlc_step_operand){every_second(frame, of, value, dtype, false),
                               every_second(frame, of, value, dtype, true)};
}

/* Products in i16, two neighbours of which are a term of a sum. */
static LLVMValueRef add_pairs(hmlc_frame *frame, const hmlc_byte_products_of *of, LLVMValueRef left,
                              LLVMValueRef right, LLVMValueRef sum)
{
    LLVMValueRef both[] = {left, right};
    return LLVMBuildAdd(frame->builder, sum,
                        call_bytes(frame, frame->target->bytes.pairs, both, 2, of->lanes), "");
}

LLVMValueRef hmlc_bytes_add_short(hmlc_frame *frame, const hmlc_byte_products_of *of,
                                  const hmlc_step_operand *left, const hmlc_step_operand *right,
                                  LLVMValueRef sum)
{
    if (of->step == HMLC_BYTE_STEP_DOT) {
        LLVMTypeRef words = LLVMVectorType(frame->i32, of->lanes);
        sum = sum == NULL ? LLVMConstNull(words) : sum;
        return hmlc_bytes_add(frame, of, HMLC_BYTE_GROUP, left, right, sum);
    }
    LLVMValueRef bytes[] = {left->first, right->first};
    LLVMValueRef words = call_bytes(frame, frame->target->bytes.halves, bytes, 2, of->lanes);
    LLVMValueRef both[] = {sum, words};
    /* No sum saturates; of plain additions LLVM changes the order, for which no register is left.
     */
    return sum == NULL ? words
                       : hmlc_frame_intrinsic(frame, "llvm.sadd.sat", LLVMTypeOf(words), both, 2);
}

LLVMValueRef hmlc_bytes_widen_short(hmlc_frame *frame, const hmlc_byte_products_of *of,
                                    LLVMValueRef sum, int64_t factor)
{
    unsigned long long by = (unsigned long long)factor;
    if (of->step == HMLC_BYTE_STEP_DOT) {
        LLVMValueRef words = hmlc_frame_splat(frame, LLVMConstInt(frame->i32, by, 0), of->lanes);
        return LLVMBuildMul(frame->builder, sum, words, "");
    }
    LLVMValueRef both[] = {sum,
                           hmlc_frame_splat(frame, LLVMConstInt(frame->i16, by, 0), 2 * of->lanes)};
    return call_bytes(frame, frame->target->bytes.pairs, both, 2, of->lanes);
}

LLVMValueRef hmlc_bytes_add(hmlc_frame *frame, const hmlc_byte_products_of *of, uint32_t count,
                            const hmlc_step_operand *left, const hmlc_step_operand *right,
                            LLVMValueRef sum)
{
    if (is_spread(of->step)) {
        hmlc_spread_products products = {{NULL}};
        hmlc_bytes_multiply_spread(frame, of, left, right, &products);
        return hmlc_bytes_add_spread(frame, of, &products, sum);
    }
    if (of->step == HMLC_BYTE_STEP_DOT) {
        bool last = frame->target->bytes.dot_by_lane;
        LLVMValueRef arguments[] = {sum, last ? right->first : left->first,
                                    last ? left->first : right->first};
        return call_bytes(frame, frame->target->bytes.dot, arguments, 3, of->lanes);
    }
    if (of->step == HMLC_BYTE_STEP_HALVES) {
        LLVMValueRef bytes[] = {left->first, right->first};
        LLVMValueRef words = call_bytes(frame, frame->target->bytes.halves, bytes, 2, of->lanes);
        LLVMValueRef one = LLVMConstInt(frame->i16, 1, 0);
        return add_pairs(frame, of, words, hmlc_frame_splat(frame, one, 2 * of->lanes), sum);
    }
    if (of->step == HMLC_BYTE_STEP_I16 || of->step == HMLC_BYTE_STEP_PAIRS) {
        sum = add_pairs(frame, of, left->first, right->first, sum);
        return of->step == HMLC_BYTE_STEP_I16
                   ? sum
                   : add_pairs(frame, of, left->second, right->second, sum);
    }
    for (uint32_t k = 0; k < count; k++) {
        LLVMValueRef by = byte_of(frame, of, right->first, of->right, k);
        sum = multiply_add(frame, byte_of(frame, of, left->first, of->left, k), by, sum);
    }
    return sum;
}
