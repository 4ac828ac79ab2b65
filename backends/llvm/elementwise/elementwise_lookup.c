/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lookup: a table of 256 bytes. Vectors of bytes are cut into chunks of what the target's
 * instructions take; without such, or for fewer bytes than they are worth, each is loaded.
 */
#include "elementwise_internal.h"

enum {
    LENGTH = HMLC_TABLE_LENGTH,
    ROW = 16,            /* bytes of a row of the table */
    ROWS = LENGTH / ROW, /* half of which are those of positive bytes */
    ALIGNMENT = 64,
    WORDS = 32, /* of i16, in a vector of 64 bytes */
};

/* A table under construction, whose bytes the code embeds. */
typedef struct lookup {
    hmlc_frame *frame;
    const hmlc_lookup *how;
    LLVMValueRef table;
} lookup;

/* The constant with these bytes, made once for all places that look up in it. */
static LLVMValueRef embedded(hmlc_frame *frame, const uint8_t *bytes)
{
    LLVMValueRef made = hmlc_frame_embed(frame, bytes, LENGTH, ALIGNMENT);
    LLVMValueRef initial = LLVMGetInitializer(made);
    for (LLVMValueRef at = LLVMGetFirstGlobal(frame->module); at != NULL && at != made;
         at = LLVMGetNextGlobal(at)) {
        if (LLVMGetInitializer(at) == initial && LLVMGetAlignment(at) == ALIGNMENT) {
            LLVMDeleteGlobal(made);
            return at;
        }
    }
    return made;
}

/* `count` bytes of the table from `from` on, as lanes of `type`. */
static LLVMValueRef part(const lookup *of, LLVMTypeRef type, uint32_t from)
{
    LLVMValueRef at = LLVMConstInt(of->frame->index, from, 0);
    LLVMValueRef address = hmlc_frame_element(of->frame, of->frame->i8, of->table, at);
    return hmlc_frame_load(of->frame, type, address, ROW);
}

/* Lanes [from, from + count) of x; what lies behind its end may be anything. */
static LLVMValueRef lanes_from(hmlc_frame *frame, LLVMValueRef x, uint32_t from, uint32_t count)
{
    LLVMValueRef places[HMLC_LANES_MAX];
    if (from == 0 && count == lanes_of(x)) {
        return x;
    }
    for (uint32_t k = 0; k < count; k++) {
        places[k] = from + k < lanes_of(x) ? LLVMConstInt(frame->i32, from + k, 0)
                                           : LLVMGetPoison(frame->i32);
    }
    return LLVMBuildShuffleVector(frame->builder, x, LLVMGetPoison(LLVMTypeOf(x)),
                                  LLVMConstVector(places, count), "");
}

/* -- rows of 16 bytes -- */

/*
 * Row r of those of bytes 128 to 255, then of 0 to 127, as what it differs from the row before in.
 * Bytes as numbers with a sign, less 16 r: those of the row and of all behind it are not negative,
 * and what the rows up to there give is, added up without carry, the row itself.
 */
static void make_rows(const uint8_t *table, uint8_t *rows)
{
    enum { HALF = ROWS / 2 };
    for (int r = 0; r < HALF; r++) {
        for (int high = 0; high < 2; high++) {
            const uint8_t *row = table + (high == 0 ? LENGTH / 2 : 0) + ROW * r;
            for (int k = 0; k < ROW; k++) {
                rows[(2 * r + high) * ROW + k] = (uint8_t)(r == 0 ? row[k] : row[k] ^ row[k - ROW]);
            }
        }
    }
}

/* a ^ the elements of `row` that the bytes of `index` choose. */
static LLVMValueRef choose(const lookup *of, LLVMValueRef row, LLVMValueRef index, LLVMValueRef a)
{
    LLVMValueRef arguments[] = {row, index};
    LLVMValueRef chosen =
        hmlc_frame_intrinsic_of(of->frame, of->how->intrinsic, NULL, 0, arguments, 2);
    return a == NULL ? chosen : LLVMBuildXor(of->frame->builder, a, chosen, "");
}

static LLVMValueRef next_row(const lookup *of, LLVMValueRef index)
{
    LLVMValueRef arguments[] = {index, lanes_int(index, ROW)};
    return hmlc_frame_intrinsic(of->frame, "llvm.ssub.sat", LLVMTypeOf(index), arguments, 2);
}

/* All of a row of 16 bytes, as often as the vector has 16. */
static LLVMValueRef repeated(const lookup *of, LLVMValueRef row)
{
    LLVMValueRef places[HMLC_LANES_MAX];
    for (uint32_t k = 0; k < of->how->bytes; k++) {
        places[k] = LLVMConstInt(of->frame->i32, k % ROW, 0);
    }
    return LLVMBuildShuffleVector(of->frame->builder, row, LLVMGetPoison(LLVMTypeOf(row)),
                                  LLVMConstVector(places, of->how->bytes), "");
}

/* A whole vector: negative bytes and others by rows of their own. */
static LLVMValueRef by_rows(const lookup *of, LLVMValueRef x)
{
    LLVMTypeRef row = LLVMVectorType(of->frame->i8, ROW);
    LLVMValueRef low = LLVMBuildXor(of->frame->builder, x, lanes_int(x, -LENGTH / 2), "");
    LLVMValueRef high = x, result = NULL;
    for (uint32_t r = 0; r < ROWS; r += 2) {
        low = r == 0 ? low : next_row(of, low);
        high = r == 0 ? high : next_row(of, high);
        result = choose(of, repeated(of, part(of, row, ROW * r)), low, result);
        result = choose(of, repeated(of, part(of, row, ROW * (r + 1))), high, result);
    }
    return result;
}

/* 16 bytes in a vector of twice as many: both kinds of rows at once. */
static LLVMValueRef by_pairs(const lookup *of, LLVMValueRef x)
{
    LLVMValueRef flips[2 * ROW], result = NULL;
    for (int k = 0; k < 2 * ROW; k++) {
        flips[k] = LLVMConstInt(of->frame->i8, k < ROW ? LENGTH / 2 : 0, 0);
    }
    LLVMValueRef index = LLVMBuildXor(of->frame->builder, repeated(of, x),
                                      LLVMConstVector(flips, (unsigned)(2 * ROW)), "");
    for (uint32_t r = 0; r < ROWS; r += 2) {
        index = r == 0 ? index : next_row(of, index);
        result = choose(of, part(of, LLVMTypeOf(index), ROW * r), index, result);
    }
    return LLVMBuildXor(of->frame->builder, lanes_from(of->frame, result, 0, ROW),
                        lanes_from(of->frame, result, ROW, ROW), "");
}

/* -- words of two bytes -- */

static LLVMValueRef by_words(const lookup *of, LLVMValueRef x)
{
    hmlc_frame *frame = of->frame;
    LLVMBuilderRef builder = frame->builder;
    LLVMTypeRef words = LLVMVectorType(frame->i16, WORDS);
    LLVMValueRef index = LLVMBuildZExt(builder, x, words, ""), halves[2];
    LLVMValueRef word = LLVMBuildLShr(builder, index, lanes_int(index, 1), "");
    for (uint32_t half = 0; half < 2; half++) {
        LLVMValueRef arguments[] = {part(of, words, LENGTH / 2 * half), word,
                                    part(of, words, LENGTH / 2 * half + 2 * WORDS)};
        halves[half] = hmlc_frame_intrinsic_of(frame, of->how->intrinsic, NULL, 0, arguments, 3);
    }
    LLVMValueRef negative = LLVMBuildICmp(builder, LLVMIntSLT, x, lanes_int(x, 0), "");
    LLVMValueRef chosen = lanes_select(frame, negative, halves[1], halves[0]);
    LLVMValueRef odd = LLVMBuildAnd(builder, index, lanes_int(index, 1), "");
    LLVMValueRef bits = LLVMBuildShl(builder, odd, lanes_int(odd, 3), "");
    return LLVMBuildTrunc(builder, LLVMBuildLShr(builder, chosen, bits, ""), LLVMTypeOf(x), "");
}

/* -- quarters of 64 bytes -- */

static LLVMValueRef by_quarters(const lookup *of, LLVMValueRef x)
{
    enum { QUARTER = 64 };
    LLVMBuilderRef builder = of->frame->builder;
    LLVMTypeRef type = LLVMTypeOf(x);
    LLVMValueRef result = NULL;
    for (uint32_t from = 0; from < LENGTH; from += QUARTER) {
        LLVMValueRef arguments[QUARTER / ROW + 1];
        for (uint32_t k = 0; k < QUARTER / ROW; k++) {
            arguments[k] = part(of, type, from + ROW * k);
        }
        arguments[QUARTER / ROW] = LLVMBuildSub(builder, x, lanes_int(x, from), "");
        LLVMValueRef found = hmlc_frame_intrinsic_of(of->frame, of->how->intrinsic, &type, 1,
                                                     arguments, QUARTER / ROW + 1);
        result = result == NULL ? found : LLVMBuildOr(builder, result, found, "");
    }
    return result;
}

/* -- any number of bytes -- */

static LLVMValueRef one_byte(const lookup *of, LLVMValueRef x)
{
    hmlc_frame *frame = of->frame;
    LLVMValueRef index = LLVMBuildZExt(frame->builder, x, frame->index, "");
    return hmlc_frame_load(frame, frame->i8, hmlc_frame_element(frame, frame->i8, of->table, index),
                           1);
}

static LLVMValueRef byte_by_byte(const lookup *of, LLVMValueRef x)
{
    hmlc_frame *frame = of->frame;
    LLVMValueRef result = LLVMGetPoison(LLVMTypeOf(x));
    if (LLVMGetTypeKind(LLVMTypeOf(x)) != LLVMVectorTypeKind) {
        return one_byte(of, x);
    }
    for (uint32_t k = 0; k < lanes_of(x); k++) {
        LLVMValueRef at = LLVMConstInt(frame->i32, k, 0);
        LLVMValueRef found = one_byte(of, LLVMBuildExtractElement(frame->builder, x, at, ""));
        result = LLVMBuildInsertElement(frame->builder, result, found, at, "");
    }
    return result;
}

typedef LLVMValueRef lookup_chunk(const lookup *of, LLVMValueRef x);

/* What looks up so many bytes, and how many it takes; NULL: byte by byte is as fast. */
static lookup_chunk *chunk_of(const hmlc_lookup *how, uint32_t lanes, uint32_t *step)
{
    enum { FEWEST = 4 };
    if (how == NULL || lanes < FEWEST) {
        return NULL;
    }
    switch (how->style) {
    case HMLC_LOOKUP_WORDS:
        *step = WORDS;
        return by_words;
    case HMLC_LOOKUP_QUARTERS:
        *step = ROW;
        return by_quarters;
    case HMLC_LOOKUP_ROWS:
        break;
    }
    *step = how->bytes;
    if (how->bytes == 2 * ROW && lanes <= ROW) {
        *step = ROW;
        return lanes > ROW / 4 ? by_pairs : NULL;
    }
    return lanes > ROW / 2 ? by_rows : NULL;
}

static LLVMValueRef by_chunks(const lookup *of, lookup_chunk *chunk, uint32_t step, LLVMValueRef x)
{
    LLVMValueRef parts[HMLC_LANES_MAX];
    uint32_t count = 0;
    for (uint32_t from = 0; from < lanes_of(x); from += step) {
        parts[count++] = chunk(of, lanes_from(of->frame, x, from, step));
    }
    LLVMValueRef all = hmlc_frame_join(of->frame, parts, count);
    return lanes_from(of->frame, all, 0, lanes_of(x));
}

LLVMValueRef hmlc_elementwise_lookup(const hmlc_emission *emission)
{
    hmlc_frame *frame = emission->frame;
    LLVMValueRef x = emission->a;
    uint32_t step = 0;
    uint8_t rows[LENGTH];
    const uint8_t *bytes = hmlc_op_attr(emission->op, HMLC_ATTR_table)->as.tensor->data;
    lookup of = {.frame = frame, .how = frame->target->lookup};
    lookup_chunk *chunk = chunk_of(of.how, lanes_of(x), &step);
    if (chunk != NULL && of.how->style == HMLC_LOOKUP_ROWS) {
        make_rows(bytes, rows);
        bytes = rows;
    }
    of.table = embedded(frame, bytes);
    return chunk == NULL ? byte_by_byte(&of, x) : by_chunks(&of, chunk, step, x);
}
