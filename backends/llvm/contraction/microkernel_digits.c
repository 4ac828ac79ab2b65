/* SPDX-License-Identifier: Apache-2.0 */
#include "microkernel_digits.h"
#include "llvm/elementwise/elementwise_internal.h"

enum {
    SIGNED_BIAS = 8,     /* of nibbles that have a sign */
    BLOCK_STEPS_LOW = 8, /* the shortest block */
    MANTISSA = 23,       /* bits of f32 */
    ONE = 127,           /* its exponent of 1 */
    NUMBER_BITS = 22,    /* of a block's largest number, without the highest */
    LEAST_EXPONENT = 24, /* whose numbers' step is no denormal */
    MOST_EXPONENT = 253,
    APART_BITS = 6,         /* elements this much smaller than the largest are small */
    HALF_DIGITS = 0x808080, /* half of what a digit counts to, in each digit */
    NIBBLES_OF_BYTES = 0x0f0f0f0f,
    COLUMN_VECTORS = 2 /* vectors of columns that share what is loaded of the row */
};

hmlc_byte_step hmlc_digits_step(const hmlc_target *target, uint32_t lanes)
{
    hmlc_pack_layout groups = {.width = HMLC_PACK_WIDTH, .group = HMLC_BYTE_GROUP};
    hmlc_byte_step step =
        hmlc_bytes_step(target, groups, hmlc_family_get_facts(target->family)->left_bytes,
                        HMLC_DTYPE_i8, lanes, true);
    return step == HMLC_BYTE_STEP_DOT || step == HMLC_BYTE_STEP_HALVES ? step : HMLC_BYTE_STEP_NONE;
}

int64_t hmlc_digits_block(int64_t block)
{
    int64_t part = HMLC_DIGITS_BLOCK;
    while (part > BLOCK_STEPS_LOW && block % part != 0) {
        part /= 2;
    }
    return part;
}

int64_t hmlc_digits_bytes(int64_t depth, int64_t block)
{
    return (depth + depth / block * HMLC_DIGIT_FACTS) * (int64_t)sizeof(int32_t);
}

int64_t hmlc_digits_bias(bool is_signed)
{
    return is_signed ? SIGNED_BIAS : 0;
}

/* -- the row */

typedef struct digit_row {
    hmlc_frame *frame;
    LLVMValueRef row, digits, facts;
    int64_t block, factor;
    uint32_t lanes, vectors;
    LLVMValueRef x[HMLC_DIGITS_BLOCK];
    LLVMValueRef largest; /* bits of the largest size */
} digit_row;

static LLVMValueRef reduced(hmlc_frame *frame, const char *intrinsic, LLVMValueRef value)
{
    return hmlc_frame_intrinsic(frame, intrinsic, LLVMTypeOf(value), &value, 1);
}

static LLVMValueRef size_bits(const digit_row *of, uint32_t vector)
{
    LLVMValueRef bits = lanes_bits(of->frame, of->x[vector], of->frame->i32);
    return LLVMBuildAnd(of->frame->builder, bits, lanes_int(bits, INT32_MAX), "");
}

/* Bits of floats without signs are in order, infinities and NaN last. */
static void find_largest(digit_row *of)
{
    LLVMBuilderRef builder = of->frame->builder;
    LLVMValueRef largest = size_bits(of, 0);
    for (uint32_t v = 1; v < of->vectors; v++) {
        LLVMValueRef size = size_bits(of, v);
        LLVMValueRef larger = LLVMBuildICmp(builder, LLVMIntSGT, size, largest, "");
        largest = LLVMBuildSelect(builder, larger, size, largest, "");
    }
    of->largest = reduced(of->frame, "llvm.vector.reduce.smax", largest);
}

static LLVMValueRef word(const hmlc_frame *frame, int64_t value)
{
    return LLVMConstInt(frame->i32, (unsigned long long)value, 1);
}

static LLVMValueRef clamp(hmlc_frame *frame, LLVMValueRef value, int64_t least, int64_t most)
{
    LLVMBuilderRef builder = frame->builder;
    LLVMValueRef low = LLVMBuildICmp(builder, LLVMIntSLT, value, word(frame, least), "");
    value = LLVMBuildSelect(builder, low, word(frame, least), value, "");
    LLVMValueRef high = LLVMBuildICmp(builder, LLVMIntSGT, value, word(frame, most), "");
    return LLVMBuildSelect(builder, high, word(frame, most), value, "");
}

/* The exponent of the largest element, or of what is a little larger: the three digits reach from
 * -128, -128, -128 to 127, 127, 127, which is less than 2^23. */
static LLVMValueRef exponent_of(const digit_row *of)
{
    hmlc_frame *frame = of->frame;
    LLVMValueRef size = LLVMBuildBitCast(frame->builder, of->largest, frame->f32, "");
    size = LLVMBuildFMul(frame->builder, size, LLVMConstReal(frame->f32, 1 + 1.0 / 128), "");
    LLVMValueRef bits = LLVMBuildBitCast(frame->builder, size, frame->i32, "");
    bits = LLVMBuildLShr(frame->builder, bits, word(frame, MANTISSA), "");
    return clamp(frame, bits, LEAST_EXPONENT, MOST_EXPONENT);
}

static LLVMValueRef power(hmlc_frame *frame, LLVMValueRef exponent)
{
    exponent = LLVMBuildShl(frame->builder, exponent, word(frame, MANTISSA), "");
    return LLVMBuildBitCast(frame->builder, exponent, frame->f32, "");
}

/* More than half of the elements are small and not 0, or the exponent had to be clamped. */
static LLVMValueRef is_marked(const digit_row *of)
{
    hmlc_frame *frame = of->frame;
    LLVMBuilderRef builder = frame->builder;
    LLVMValueRef count = NULL, least = LLVMBuildSub(builder, of->largest,
                                                    word(frame, APART_BITS << MANTISSA), "");
    least = clamp(frame, least, 1, INT32_MAX);
    least = LLVMBuildSub(builder, least, word(frame, 1), "");
    LLVMValueRef bound = hmlc_frame_splat(frame, least, of->lanes);
    for (uint32_t v = 0; v < of->vectors; v++) {
        LLVMValueRef size = size_bits(of, v);
        size = LLVMBuildSub(builder, size, lanes_int(size, 1), ""); /* 0 becomes the largest */
        LLVMValueRef small = LLVMBuildICmp(builder, LLVMIntULT, size, bound, "");
        small = LLVMBuildZExt(builder, small, LLVMTypeOf(size), "");
        count = count == NULL ? small : LLVMBuildAdd(builder, count, small, "");
    }
    count = reduced(frame, "llvm.vector.reduce.add", count);
    LLVMValueRef most = LLVMBuildICmp(builder, LLVMIntSGT, count, word(frame, of->block / 2), "");
    /* 0 is none of these numbers, all others below the least exponent or above the largest are. */
    int64_t first = (int64_t)LEAST_EXPONENT << MANTISSA;
    int64_t known = ((int64_t)MOST_EXPONENT << MANTISSA) - first;
    LLVMValueRef above = LLVMBuildSub(builder, of->largest, word(frame, first), "");
    LLVMValueRef outside = LLVMBuildICmp(builder, LLVMIntUGE, above, word(frame, known), "");
    LLVMValueRef any = LLVMBuildICmp(builder, LLVMIntNE, of->largest, word(frame, 0), "");
    outside = LLVMBuildAnd(builder, outside, any, "");
    return LLVMBuildZExt(builder, LLVMBuildOr(builder, most, outside, ""), frame->i32, "");
}

/* Of each four numbers, first their lowest bytes, then the next. */
static LLVMValueRef by_digit(const digit_row *of, LLVMValueRef numbers)
{
    hmlc_frame *frame = of->frame;
    LLVMValueRef places[HMLC_LANES_MAX];
    uint32_t count = of->lanes * HMLC_BYTE_GROUP, square = HMLC_BYTE_GROUP * HMLC_BYTE_GROUP;
    for (uint32_t k = 0; k < count; k++) {
        uint32_t digit = k % square / HMLC_BYTE_GROUP, step = k % HMLC_BYTE_GROUP;
        places[k] =
            LLVMConstInt(frame->i32, k / square * square + step * HMLC_BYTE_GROUP + digit, 0);
    }
    LLVMValueRef bytes =
        LLVMBuildBitCast(frame->builder, numbers, LLVMVectorType(frame->i8, count), "");
    return LLVMBuildShuffleVector(frame->builder, bytes, LLVMGetPoison(LLVMTypeOf(bytes)),
                                  LLVMConstVector(places, count), "");
}

/* Digits without a sign are those of the number above the lowest; a flipped bit takes half away. */
static void store_numbers(const digit_row *of, LLVMValueRef first, uint32_t vector,
                          LLVMValueRef numbers)
{
    hmlc_frame *frame = of->frame;
    LLVMBuilderRef builder = frame->builder;
    LLVMValueRef half = lanes_int(numbers, HALF_DIGITS);
    LLVMValueRef bytes = LLVMBuildXor(builder, LLVMBuildAdd(builder, numbers, half, ""), half, "");
    LLVMValueRef place =
        LLVMBuildAdd(builder, first, hmlc_frame_int(frame, (int64_t)vector * of->lanes), "");
    hmlc_frame_store(frame, by_digit(of, bytes),
                     hmlc_frame_element(frame, frame->i32, of->digits, place),
                     HMLC_BYTE_GROUP * HMLC_BYTE_GROUP);
}

static void store_fact(const digit_row *of, LLVMValueRef block, hmlc_digit_fact fact,
                       LLVMValueRef value)
{
    hmlc_frame *frame = of->frame;
    LLVMValueRef place =
        LLVMBuildMul(frame->builder, block, hmlc_frame_int(frame, HMLC_DIGIT_FACTS), "");
    place = LLVMBuildAdd(frame->builder, place, hmlc_frame_int(frame, fact), "");
    hmlc_frame_store(frame, value, hmlc_frame_element(frame, frame->i32, of->facts, place), 4);
}

/* A sum of digits, times the factor: a whole number that f32 holds. */
static LLVMValueRef corrected(const digit_row *of, LLVMValueRef sum)
{
    hmlc_frame *frame = of->frame;
    sum = LLVMBuildMul(frame->builder, sum, word(frame, of->factor), "");
    return LLVMBuildSIToFP(frame->builder, sum, frame->f32, "");
}

static void convert_block(digit_row *of, LLVMValueRef block)
{
    hmlc_frame *frame = of->frame;
    LLVMBuilderRef builder = frame->builder;
    LLVMTypeRef floats = hmlc_frame_vector(frame, HMLC_DTYPE_f32, of->lanes);
    LLVMTypeRef words = hmlc_frame_vector(frame, HMLC_DTYPE_i32, of->lanes);
    LLVMValueRef first = LLVMBuildMul(builder, block, hmlc_frame_int(frame, of->block), "");
    for (uint32_t v = 0; v < of->vectors; v++) {
        LLVMValueRef place =
            LLVMBuildAdd(builder, first, hmlc_frame_int(frame, (int64_t)v * of->lanes), "");
        of->x[v] = hmlc_frame_load(
            frame, floats, hmlc_frame_element(frame, frame->f32, of->row, place), sizeof(float));
    }
    find_largest(of);
    LLVMValueRef exponent = exponent_of(of), sums = NULL, highs = NULL;
    LLVMValueRef up = LLVMBuildSub(builder, word(frame, 2 * ONE + NUMBER_BITS), exponent, "");
    LLVMValueRef factor = hmlc_frame_splat(frame, power(frame, up), of->lanes);
    for (uint32_t v = 0; v < of->vectors; v++) {
        LLVMValueRef number =
            real_unary(frame, "llvm.roundeven", real_mul(frame, of->x[v], factor));
        number = LLVMBuildFreeze(builder, LLVMBuildFPToSI(builder, number, words, ""), "");
        store_numbers(of, first, v, number);
        LLVMValueRef high = LLVMBuildAdd(builder, number, lanes_int(number, 128), "");
        high = LLVMBuildAShr(builder, high, lanes_int(number, 8), "");
        sums = sums == NULL ? number : LLVMBuildAdd(builder, sums, number, "");
        highs = highs == NULL ? high : LLVMBuildAdd(builder, highs, high, "");
    }
    LLVMValueRef sum = reduced(frame, "llvm.vector.reduce.add", sums);
    LLVMValueRef high = reduced(frame, "llvm.vector.reduce.add", highs);
    LLVMValueRef above = LLVMBuildShl(builder, high, word(frame, 8), "");
    store_fact(of, block, HMLC_DIGIT_HIGH, corrected(of, high));
    store_fact(of, block, HMLC_DIGIT_LOW, corrected(of, LLVMBuildSub(builder, sum, above, "")));
    LLVMValueRef down = LLVMBuildSub(builder, exponent, word(frame, NUMBER_BITS), "");
    store_fact(of, block, HMLC_DIGIT_STEP, power(frame, down));
    store_fact(of, block, HMLC_DIGIT_MARKED, is_marked(of));
}

void hmlc_digits_emit(hmlc_frame *frame, LLVMValueRef row, int64_t depth, int64_t block,
                      int64_t factor, LLVMValueRef digits)
{
    uint32_t lanes = (uint32_t)frame->target->vector_bytes / sizeof(float);
    lanes = lanes < (uint32_t)block ? lanes : (uint32_t)block;
    digit_row of = {.frame = frame, .row = row, .digits = digits, .block = block};
    of.factor = factor;
    of.lanes = lanes;
    of.vectors = (uint32_t)block / lanes;
    of.facts = hmlc_frame_element(frame, frame->i32, digits, hmlc_frame_int(frame, depth));
    hmlc_frame_loop loop;
    hmlc_frame_loop_begin(frame, &loop, hmlc_frame_int(frame, 0),
                          hmlc_frame_int(frame, depth / block), 1, NULL, 0);
    convert_block(&of, loop.index);
    hmlc_frame_loop_end(frame, &loop, NULL);
}

/* -- a block of a tile */

/* Which block of the depth is at hand. */
static LLVMValueRef block_number(const depth_loop *loop)
{
    hmlc_frame *frame = loop->frame;
    return LLVMBuildUDiv(frame->builder, loop->block,
                         hmlc_frame_int(frame, loop->kernel->layout.width), "");
}

static LLVMValueRef load_fact(const depth_loop *loop, hmlc_digit_fact fact, LLVMTypeRef type)
{
    hmlc_frame *frame = loop->frame;
    const hmlc_scaled_panels *scaled = &loop->kernel->scaled;
    LLVMValueRef place = LLVMBuildMul(frame->builder, block_number(loop),
                                      hmlc_frame_int(frame, HMLC_DIGIT_FACTS), "");
    int64_t behind = scaled->blocks * scaled->block + fact;
    place = LLVMBuildAdd(frame->builder, place, hmlc_frame_int(frame, behind), "");
    return hmlc_frame_load(frame, type,
                           hmlc_frame_element(frame, frame->i32, scaled->digits, place), 4);
}

LLVMValueRef hmlc_digits_taken(const depth_loop *loop)
{
    hmlc_frame *frame = loop->frame;
    return LLVMBuildICmp(frame->builder, LLVMIntEQ, load_fact(loop, HMLC_DIGIT_MARKED, frame->i32),
                         word(frame, 0), "");
}

/* Digit `digit` of the group's four steps, in all lanes. */
static LLVMValueRef load_digits(const depth_loop *loop, int64_t group, uint32_t digit)
{
    hmlc_frame *frame = loop->frame;
    const hmlc_scaled_panels *scaled = &loop->kernel->scaled;
    LLVMValueRef place =
        LLVMBuildMul(frame->builder, block_number(loop), hmlc_frame_int(frame, scaled->block), "");
    place = LLVMBuildAdd(frame->builder, place,
                         hmlc_frame_int(frame, group * HMLC_BYTE_GROUP + digit), "");
    LLVMValueRef address = hmlc_frame_element(frame, frame->i32, scaled->digits, place);
    return hmlc_frame_splat(frame, hmlc_frame_load(frame, frame->i32, address, 4),
                            loop->kernel->lanes);
}

typedef struct digit_sums {
    hmlc_byte_products_of of;
    uint32_t first, count; /* vectors of columns */
    LLVMValueRef sums[COLUMN_VECTORS][HMLC_DIGITS];
} digit_sums;

/* The products of one group of four steps. */
static void multiply_group(const depth_loop *loop, digit_sums *sums, int64_t group,
                           LLVMValueRef const *nibbles)
{
    hmlc_frame *frame = loop->frame;
    for (uint32_t d = 0; d < HMLC_DIGITS; d++) {
        LLVMValueRef digits = load_digits(loop, group, d);
        hmlc_step_operand right = hmlc_bytes_operand(frame, &sums->of, digits, HMLC_DTYPE_i8);
        for (uint32_t v = 0; v < sums->count; v++) {
            hmlc_step_operand left =
                hmlc_bytes_operand(frame, &sums->of, nibbles[v], sums->of.left);
            sums->sums[v][d] =
                hmlc_bytes_add_short(frame, &sums->of, &left, &right, sums->sums[v][d]);
        }
    }
}

static void multiply_words(depth_loop *loop, digit_sums *sums)
{
    hmlc_frame *frame = loop->frame;
    const hmlc_microkernel *kernel = loop->kernel;
    LLVMTypeRef panel = hmlc_frame_type(frame, kernel->right_dtype);
    LLVMTypeRef words = hmlc_frame_vector(frame, HMLC_DTYPE_i32, kernel->lanes);
    LLVMValueRef first = loop->right;
    for (int64_t w = 0; w < kernel->scaled.block / HMLC_NIBBLES; w++) {
        LLVMValueRef low[COLUMN_VECTORS], high[COLUMN_VECTORS];
        loop->right = hmlc_frame_element(frame, panel, first,
                                         hmlc_frame_int(frame, w * kernel->layout.width));
        if (sums->first == 0) {
            hmlc_depth_fetch_panel(loop);
        }
        for (uint32_t v = 0; v < sums->count; v++) {
            LLVMValueRef both =
                hmlc_frame_load(frame, words, hmlc_depth_right_address(loop, sums->first + v),
                                kernel->panel_alignment);
            LLVMValueRef mask = lanes_int(both, NIBBLES_OF_BYTES);
            high[v] = LLVMBuildLShr(frame->builder, both, lanes_int(both, 4), "");
            high[v] = LLVMBuildAnd(frame->builder, high[v], mask, "");
            low[v] = LLVMBuildAnd(frame->builder, both, mask, "");
        }
        multiply_group(loop, sums, 2 * w, low);
        multiply_group(loop, sums, 2 * w + 1, high);
    }
    loop->right = first;
}

/* A whole number of less than 25 bits less what the weights are too large by, `part` being the sum
 * of the row's. */
static LLVMValueRef without_zero(const depth_loop *loop, uint32_t vector, LLVMValueRef sum,
                                 hmlc_digit_fact part)
{
    hmlc_frame *frame = loop->frame;
    const hmlc_scaled_panels *scaled = &loop->kernel->scaled;
    sum = LLVMBuildSIToFP(frame->builder, sum,
                          hmlc_frame_vector(frame, HMLC_DTYPE_f32, loop->kernel->lanes), "");
    if (scaled->zeros == NULL && !scaled->is_signed) {
        return sum;
    }
    LLVMValueRef row =
        hmlc_frame_splat(frame, load_fact(loop, part, frame->f32), loop->kernel->lanes);
    if (scaled->zeros == NULL) {
        return real_add(frame, sum, row);
    }
    LLVMValueRef zero = loop->zeros[vector];
    zero = real_plus(frame, zero, (double)hmlc_digits_bias(scaled->is_signed));
    return hmlc_microkernel_multiply_add(frame, HMLC_DTYPE_f32, zero, row, sum);
}

/* What there is of one vector's columns, in the row's numbers. */
static LLVMValueRef joined(const depth_loop *loop, const digit_sums *sums, uint32_t v)
{
    enum { NEXT_DIGIT = 256 };
    hmlc_frame *frame = loop->frame;
    LLVMValueRef const *of = sums->sums[v];
    LLVMValueRef high = hmlc_bytes_widen_short(frame, &sums->of, of[2], NEXT_DIGIT);
    high =
        LLVMBuildAdd(frame->builder, high, hmlc_bytes_widen_short(frame, &sums->of, of[1], 1), "");
    LLVMValueRef low = hmlc_bytes_widen_short(frame, &sums->of, of[0], 1);
    high = without_zero(loop, sums->first + v, high, HMLC_DIGIT_HIGH);
    low = without_zero(loop, sums->first + v, low, HMLC_DIGIT_LOW);
    return hmlc_microkernel_multiply_add(frame, HMLC_DTYPE_f32, high, lanes_real(high, NEXT_DIGIT),
                                         low);
}

void hmlc_digits_add_block(depth_loop *loop)
{
    hmlc_frame *frame = loop->frame;
    const hmlc_microkernel *kernel = loop->kernel;
    hmlc_byte_products_of of = {hmlc_digits_step(frame->target, kernel->lanes), kernel->lanes,
                                hmlc_family_get_facts(frame->target->family)->left_bytes,
                                HMLC_DTYPE_i8};
    for (uint32_t v = 0; v < kernel->vectors; v += COLUMN_VECTORS) {
        uint32_t left = kernel->vectors - v;
        digit_sums sums = {.of = of, .first = v};
        sums.count = left < COLUMN_VECTORS ? left : COLUMN_VECTORS;
        multiply_words(loop, &sums);
        for (uint32_t k = 0; k < sums.count; k++) {
            LLVMValueRef sum = joined(loop, &sums, k);
            LLVMValueRef step = hmlc_frame_splat(
                frame, load_fact(loop, HMLC_DIGIT_STEP, frame->f32), kernel->lanes);
            loop->accumulators[v + k] = real_mul(frame, sum, step);
        }
    }
}
