/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The k loop of bytes in general registers. Sixteen of them hold a tile of 2x2 sums, what a group
 * of two columns and a row is made of, a pointer for each row and one for the panel, if nothing
 * else is alive: every load moves its pointer on, so that there is no offset, and a group ends
 * before the next begins.
 */
#include "microkernel_word.h"

#include <stdio.h>
#include <string.h>

enum {
    MOST_VALUES = HMLC_TILE_ROWS + 1 + HMLC_TILE_ACCUMULATORS + 1,
    MOST_KEPT = MOST_VALUES + 2 * HMLC_TILE_VECTORS
};

typedef struct word_loop {
    hmlc_frame *frame;
    const hmlc_microkernel *kernel;
    uint32_t pointers; /* of rows */
    /* Row pointers, the panel's, sums, inside of a loop its end: what is carried. */
    uint32_t count;
    LLVMValueRef values[MOST_VALUES];
} word_loop;

static LLVMValueRef *panel_of(word_loop *loop)
{
    return &loop->values[loop->pointers];
}

static LLVMValueRef *sum_of(word_loop *loop, uint32_t row, uint32_t vector)
{
    return &loop->values[loop->pointers + 1 + row * loop->kernel->vectors + vector];
}

/* A pointer further on, by what nobody sees: from offsets that loop strength reduction knows it
 * makes one counter for all pointers, and a register for each base. */
static LLVMValueRef moved(word_loop *loop, LLVMValueRef pointer, LLVMValueRef bytes)
{
    hmlc_frame *frame = loop->frame;
    pointer = hmlc_frame_element(frame, frame->i8, pointer, bytes);
    return hmlc_frame_intrinsic(frame, "llvm.launder.invariant.group", frame->pointer, &pointer, 1);
}

/* -- one group -- */

/* Every second byte from the lowest or the second on, as two i16 in an i32. */
static LLVMValueRef halfwords(hmlc_frame *frame, LLVMValueRef group, hmlc_dtype dtype, bool odd)
{
    const hmlc_word_products *word = frame->target->bytes.word;
    LLVMTypeRef none[] = {frame->i32};
    if (odd) {
        LLVMValueRef rotated[] = {group, group, LLVMConstInt(frame->i32, 8, 0)};
        group = hmlc_frame_intrinsic(frame, "llvm.fshr", frame->i32, rotated, 3);
    }
    return hmlc_frame_intrinsic_of(
        frame, dtype == HMLC_DTYPE_u8 ? word->widen_unsigned : word->widen_signed, none, 0, &group,
        1);
}

static hmlc_step_operand both_halves(hmlc_frame *frame, LLVMValueRef group, hmlc_dtype dtype)
{
    return (hmlc_step_operand){halfwords(frame, group, dtype, false),
                               halfwords(frame, group, dtype, true)};
}

static LLVMValueRef multiply_add(hmlc_frame *frame, const hmlc_step_operand *left,
                                 const hmlc_step_operand *right, LLVMValueRef sum)
{
    const char *name = frame->target->bytes.word->multiply_add;
    LLVMTypeRef none[] = {frame->i32};
    LLVMValueRef even[] = {left->first, right->first, sum};
    LLVMValueRef odd[] = {left->second, right->second,
                          hmlc_frame_intrinsic_of(frame, name, none, 0, even, 3)};
    return hmlc_frame_intrinsic_of(frame, name, none, 0, odd, 3);
}

static void load_columns(word_loop *loop, hmlc_step_operand *columns)
{
    hmlc_frame *frame = loop->frame;
    const hmlc_microkernel *kernel = loop->kernel;
    LLVMValueRef *panel = panel_of(loop);
    for (uint32_t v = 0; v < kernel->vectors; v++) {
        LLVMValueRef address =
            hmlc_frame_element(frame, frame->i32, *panel, hmlc_frame_int(frame, v));
        LLVMValueRef group = hmlc_frame_load(frame, frame->i32, address, HMLC_BYTE_GROUP);
        columns[v] = both_halves(frame, group, kernel->right_dtype);
    }
    *panel = moved(loop, *panel, hmlc_frame_int(frame, hmlc_pack_row(kernel->layout)));
}

static hmlc_step_operand load_row(word_loop *loop, uint32_t row, uint32_t count)
{
    hmlc_frame *frame = loop->frame;
    const hmlc_microkernel *kernel = loop->kernel;
    LLVMValueRef *pointer = &loop->values[kernel->immediate ? 0 : row];
    int64_t apart = kernel->immediate ? (int64_t)row * kernel->row_stride : 0;
    LLVMValueRef address =
        hmlc_frame_element(frame, frame->i8, *pointer, hmlc_frame_int(frame, apart));
    LLVMValueRef group = hmlc_bytes_load_group(frame, address, kernel->depth_stride, count);
    if (count == HMLC_BYTE_GROUP && (!kernel->immediate || row + 1 == kernel->rows)) {
        LLVMValueRef steps = hmlc_frame_int(frame, HMLC_BYTE_GROUP);
        *pointer =
            moved(loop, *pointer, LLVMBuildMul(frame->builder, kernel->depth_stride, steps, ""));
    }
    return both_halves(frame, group, kernel->left_dtype);
}

/*
 * What is carried and the columns at hand must be there at once, in registers: the scheduler of
 * LLVM loads ahead else, and spills what it has loaded too early. No instruction comes of it.
 */
static void keep_order(word_loop *loop, hmlc_step_operand *columns, uint32_t column_count)
{
    hmlc_frame *frame = loop->frame;
    LLVMValueRef values[MOST_KEPT], all;
    LLVMTypeRef types[MOST_KEPT];
    char text[8 * MOST_KEPT] = "";
    uint32_t count = loop->count;
    size_t length = 0;
    memcpy(values, loop->values, sizeof loop->values);
    for (uint32_t v = 0; v < column_count; v++) {
        values[count++] = columns[v].first;
        values[count++] = columns[v].second;
    }
    for (uint32_t k = 0; k < count; k++) {
        types[k] = LLVMTypeOf(values[k]);
        const char *where = types[k] == frame->f32 ? "=t," : "=r,";
        length += (size_t)snprintf(text + length, sizeof text - length, "%s", where);
    }
    for (uint32_t k = 0; k < count; k++) {
        length += (size_t)snprintf(text + length, sizeof text - length, "%u,", k);
    }
    LLVMTypeRef kept = LLVMStructTypeInContext(frame->context, types, count, 0);
    LLVMTypeRef type = LLVMFunctionType(kept, types, count, 0);
    char nothing[] = "";
    all = LLVMGetInlineAsm(type, nothing, 0, text, length - 1, 0, 0, LLVMInlineAsmDialectATT, 0);
    all = LLVMBuildCall2(frame->builder, type, all, values, count, "");
    for (uint32_t k = 0; k < count; k++) {
        LLVMValueRef value = LLVMBuildExtractValue(frame->builder, all, k, "");
        uint32_t column = k - loop->count;
        if (k < loop->count) {
            loop->values[k] = value;
        } else if (column % 2 == 0) {
            columns[column / 2].first = value;
        } else {
            columns[column / 2].second = value;
        }
    }
}

/* `count` steps of every row by a row of the panel. */
static void emit_group(word_loop *loop, uint32_t count)
{
    const hmlc_microkernel *kernel = loop->kernel;
    hmlc_step_operand columns[HMLC_TILE_VECTORS];
    load_columns(loop, columns);
    keep_order(loop, columns, kernel->vectors);
    for (uint32_t r = 0; r < kernel->rows; r++) {
        hmlc_step_operand row = load_row(loop, r, count);
        for (uint32_t v = 0; v < kernel->vectors; v++) {
            LLVMValueRef *sum = sum_of(loop, r, v);
            *sum = multiply_add(loop->frame, &row, &columns[v], *sum);
        }
        keep_order(loop, columns, r + 1 < kernel->rows ? kernel->vectors : 0);
    }
}

/* -- loops of groups -- */

static void join(word_loop *loop, LLVMValueRef const *other, LLVMBasicBlockRef from,
                 LLVMBasicBlockRef inside)
{
    for (uint32_t k = 0; k < loop->count; k++) {
        LLVMValueRef skipped = other[k];
        LLVMValueRef phi = LLVMBuildPhi(loop->frame->builder, LLVMTypeOf(skipped), "");
        LLVMAddIncoming(phi, &skipped, &from, 1);
        LLVMAddIncoming(phi, &loop->values[k], &inside, 1);
        loop->values[k] = phi;
    }
}

/* Bodies of `together` groups until the panel's pointer is `end`, which it is not yet. A register
 * of floats holds the end: no general one is left. */
static void emit_loop(word_loop *loop, LLVMValueRef end, uint32_t together)
{
    hmlc_frame *frame = loop->frame;
    LLVMValueRef phis[MOST_VALUES];
    LLVMBasicBlockRef before = LLVMGetInsertBlock(frame->builder);
    LLVMBasicBlockRef body =
        LLVMAppendBasicBlockInContext(frame->context, frame->function, "depth");
    LLVMBasicBlockRef exit =
        LLVMAppendBasicBlockInContext(frame->context, frame->function, "depth.exit");
    LLVMValueRef *bits = &loop->values[loop->count++];
    *bits = LLVMBuildPtrToInt(frame->builder, end, frame->i32, "");
    *bits = LLVMBuildBitCast(frame->builder, *bits, frame->f32, "");
    LLVMBuildBr(frame->builder, body);
    LLVMPositionBuilderAtEnd(frame->builder, body);
    for (uint32_t k = 0; k < loop->count; k++) {
        phis[k] = LLVMBuildPhi(frame->builder, LLVMTypeOf(loop->values[k]), "");
        LLVMAddIncoming(phis[k], &loop->values[k], &before, 1);
        loop->values[k] = phis[k];
    }
    for (uint32_t k = 0; k < together; k++) {
        emit_group(loop, HMLC_BYTE_GROUP);
    }
    for (uint32_t k = 0; k < loop->count; k++) {
        LLVMAddIncoming(phis[k], &loop->values[k], &body, 1);
    }
    LLVMValueRef place = LLVMBuildPtrToInt(frame->builder, *panel_of(loop), frame->i32, "");
    LLVMValueRef last = LLVMBuildBitCast(frame->builder, *bits, frame->i32, "");
    LLVMValueRef done = LLVMBuildICmp(frame->builder, LLVMIntEQ, place, last, "");
    LLVMBuildCondBr(frame->builder, done, exit, body);
    LLVMPositionBuilderAtEnd(frame->builder, exit);
    loop->count -= 1;
}

/* The same where there may be nothing to do. */
static void emit_loop_to(word_loop *loop, LLVMValueRef end, uint32_t together)
{
    hmlc_frame *frame = loop->frame;
    LLVMValueRef skipped[MOST_VALUES];
    memcpy(skipped, loop->values, sizeof skipped);
    LLVMBasicBlockRef before = LLVMGetInsertBlock(frame->builder);
    hmlc_frame_branch branch;
    hmlc_frame_branch_begin(frame, &branch,
                            LLVMBuildICmp(frame->builder, LLVMIntNE, *panel_of(loop), end, ""));
    emit_loop(loop, end, together);
    LLVMBasicBlockRef inside = LLVMGetInsertBlock(frame->builder);
    hmlc_frame_branch_end(frame, &branch);
    join(loop, skipped, before, inside);
}

/* Where the panel is `steps` steps further. */
static LLVMValueRef panel_behind(word_loop *loop, LLVMValueRef steps)
{
    hmlc_frame *frame = loop->frame;
    LLVMValueRef width = hmlc_frame_int(frame, loop->kernel->layout.width);
    return hmlc_frame_element(frame, frame->i8, *panel_of(loop),
                              LLVMBuildNSWMul(frame->builder, steps, width, ""));
}

static uint32_t groups_together(const hmlc_frame *frame)
{
    return frame->target->bytes.groups > 1 ? frame->target->bytes.groups : 1;
}

/* Whole bodies, whole groups, and what is left, whose bytes are read one by one, since a row may
 * end with the memory it lies in. */
static void emit_known(word_loop *loop, int64_t steps)
{
    uint32_t together = groups_together(loop->frame);
    int64_t groups = steps / HMLC_BYTE_GROUP, whole = groups / together * together;
    if (whole > 0) {
        LLVMValueRef bytes = hmlc_frame_int(loop->frame, whole * HMLC_BYTE_GROUP);
        emit_loop(loop, panel_behind(loop, bytes), together);
    }
    for (int64_t k = whole; k < groups; k++) {
        emit_group(loop, HMLC_BYTE_GROUP);
    }
    if (steps % HMLC_BYTE_GROUP > 0) {
        emit_group(loop, (uint32_t)(steps % HMLC_BYTE_GROUP));
    }
}

static void emit_unknown(word_loop *loop, LLVMValueRef steps)
{
    hmlc_frame *frame = loop->frame;
    uint32_t together = groups_together(frame);
    LLVMValueRef end = panel_behind(loop, steps);
    int64_t body = (int64_t)together * HMLC_BYTE_GROUP;
    LLVMValueRef whole = LLVMBuildAnd(frame->builder, steps, hmlc_frame_int(frame, -body), "");
    emit_loop_to(loop, panel_behind(loop, whole), together);
    if (together > 1) {
        emit_loop_to(loop, end, 1);
    }
}

/* Rows that may be missing read zeros, of which there are as many as steps. */
static LLVMValueRef row_pointer(hmlc_frame *frame, const hmlc_microkernel *kernel, uint32_t row)
{
    return kernel->zeros == NULL ? kernel->row[row]
                                 : LLVMBuildSelect(frame->builder, kernel->valid[row],
                                                   kernel->row[row], kernel->zeros, "");
}

void hmlc_word_emit(hmlc_frame *frame, const hmlc_microkernel *kernel, LLVMValueRef steps,
                    LLVMValueRef *accumulators)
{
    uint32_t sums = kernel->rows * kernel->vectors;
    word_loop loop = {.frame = frame, .kernel = kernel};
    loop.pointers = kernel->immediate ? 1 : kernel->rows;
    loop.count = loop.pointers + 1 + sums;
    for (uint32_t r = 0; r < loop.pointers; r++) {
        loop.values[r] = row_pointer(frame, kernel, r);
    }
    *panel_of(&loop) = kernel->panel;
    memcpy(sum_of(&loop, 0, 0), accumulators, sums * sizeof *accumulators);
    if (LLVMIsAConstantInt(steps) != NULL) {
        emit_known(&loop, LLVMConstIntGetSExtValue(steps));
    } else {
        emit_unknown(&loop, steps);
    }
    memcpy(accumulators, sum_of(&loop, 0, 0), sums * sizeof *accumulators);
}
