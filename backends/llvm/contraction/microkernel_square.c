/* SPDX-License-Identifier: Apache-2.0 */
#include "microkernel_square.h"

enum {
    LANES = 4,
    HALF = LANES / 2,
    TWO = 2, /* of a vector of sums; rows and columns of a square */
    PAIR_BYTES = 16,
};

static bool is_square(const hmlc_microkernel *kernel)
{
    return kernel->step == HMLC_BYTE_STEP_SQUARE;
}

static uint32_t pair_count(const hmlc_microkernel *kernel)
{
    return (kernel->rows + 1) / TWO;
}

uint32_t hmlc_square_sums(const hmlc_microkernel *kernel)
{
    uint32_t rows = is_square(kernel) ? TWO * pair_count(kernel) : kernel->rows;
    return rows * kernel->vectors;
}

/* The lower or upper halves of both. */
static LLVMValueRef halves(hmlc_frame *frame, LLVMValueRef a, LLVMValueRef b, bool upper)
{
    LLVMValueRef places[LANES];
    for (uint32_t k = 0; k < LANES; k++) {
        uint32_t lane = k % HALF + (upper ? HALF : 0);
        places[k] = LLVMConstInt(frame->i32, k < HALF ? lane : LANES + lane, 0);
    }
    return LLVMBuildShuffleVector(frame->builder, a, b, LLVMConstVector(places, LANES), "");
}

/* Its own inverse: of a row and the next, or of the two squares that hold their columns. */
static void exchange(hmlc_frame *frame, LLVMValueRef *first, LLVMValueRef *second)
{
    LLVMValueRef lower = halves(frame, *first, *second, false);
    *second = halves(frame, *first, *second, true);
    *first = lower;
}

static void exchange_all(hmlc_frame *frame, const hmlc_microkernel *kernel, LLVMValueRef *sums)
{
    uint32_t vectors = kernel->vectors;
    for (uint32_t k = 0; k < pair_count(kernel) * vectors; k++) {
        LLVMValueRef *first = &sums[k / vectors * TWO * vectors + k % vectors];
        exchange(frame, first, first + vectors);
    }
}

void hmlc_square_begin(hmlc_frame *frame, const hmlc_microkernel *kernel, LLVMValueRef *sums)
{
    if (!is_square(kernel)) {
        return;
    }
    for (uint32_t k = kernel->rows * kernel->vectors; k < hmlc_square_sums(kernel); k++) {
        sums[k] = LLVMConstNull(LLVMTypeOf(sums[0]));
    }
    exchange_all(frame, kernel, sums);
}

void hmlc_square_end(hmlc_frame *frame, const hmlc_microkernel *kernel, LLVMValueRef *sums)
{
    if (is_square(kernel)) {
        exchange_all(frame, kernel, sums);
    }
}

/* -- steps: one group, or two where loop->held says so */

static uint32_t group_count(const depth_loop *loop)
{
    return loop->held > 0 ? loop->held : 1;
}

static bool has_bytes(const depth_loop *loop)
{
    return loop->kernel->left_dtype != HMLC_DTYPE_bf16;
}

/* The groups of two rows or columns. */
static LLVMTypeRef pair_type(const depth_loop *loop)
{
    hmlc_frame *frame = loop->frame;
    return has_bytes(loop) ? LLVMVectorType(frame->i8, TWO * HMLC_BYTE_SQUARE_GROUP)
                           : LLVMVectorType(LLVMBFloatTypeInContext(frame->context), TWO * LANES);
}

/* The groups of a row, 64 bits each. */
static LLVMValueRef load_row(depth_loop *loop, uint32_t row)
{
    hmlc_frame *frame = loop->frame;
    LLVMTypeRef type = LLVMVectorType(frame->i64, group_count(loop));
    return hmlc_frame_load(frame, type, hmlc_depth_left_address(loop, row),
                           (uint32_t)hmlc_dtype_bytes(loop->kernel->left_dtype));
}

/* Group `group` of two rows. */
static LLVMValueRef pair_of(const depth_loop *loop, LLVMValueRef const *rows, uint32_t group)
{
    hmlc_frame *frame = loop->frame;
    uint32_t groups = LLVMGetVectorSize(LLVMTypeOf(rows[0]));
    LLVMValueRef places[] = {LLVMConstInt(frame->i32, group, 0),
                             LLVMConstInt(frame->i32, groups + group, 0)};
    LLVMValueRef both =
        LLVMBuildShuffleVector(frame->builder, rows[0], rows[1], LLVMConstVector(places, TWO), "");
    return LLVMBuildBitCast(frame->builder, both, pair_type(loop), "");
}

/* Of packed rows: pair `pair` of group `group` from the step at hand on. */
static LLVMValueRef packed_address(depth_loop *loop, LLVMValueRef packed, uint32_t group,
                                   uint32_t pair)
{
    hmlc_frame *frame = loop->frame;
    uint32_t pairs = pair_count(loop->kernel);
    LLVMValueRef before =
        LLVMBuildNSWMul(frame->builder, loop->left, hmlc_frame_int(frame, TWO * pairs), "");
    LLVMValueRef here =
        hmlc_frame_element(frame, hmlc_frame_type(frame, loop->kernel->left_dtype), packed, before);
    return hmlc_frame_element(frame, pair_type(loop), here,
                              hmlc_frame_int(frame, group * pairs + pair));
}

static void load_packed(depth_loop *loop, LLVMValueRef held[TWO][HMLC_TILE_ROWS])
{
    for (uint32_t g = 0; g < group_count(loop); g++) {
        for (uint32_t p = 0; p < pair_count(loop->kernel); p++) {
            held[g][p] =
                hmlc_frame_load(loop->frame, pair_type(loop),
                                packed_address(loop, loop->kernel->pairs, g, p), PAIR_BYTES);
        }
    }
}

static void load_pairs(depth_loop *loop, LLVMValueRef held[TWO][HMLC_TILE_ROWS])
{
    uint32_t rows = loop->kernel->rows;
    for (uint32_t p = 0; p < pair_count(loop->kernel); p++) {
        LLVMValueRef both[TWO] = {load_row(loop, TWO * p)};
        both[1] = TWO * p + 1 < rows ? load_row(loop, TWO * p + 1) : both[0];
        for (uint32_t g = 0; g < group_count(loop); g++) {
            held[g][p] = pair_of(loop, both, g);
        }
    }
}

/* The groups of two columns. */
static LLVMValueRef load_columns(depth_loop *loop, uint32_t vector, uint32_t upper)
{
    hmlc_frame *frame = loop->frame;
    LLVMTypeRef type = pair_type(loop);
    LLVMValueRef address = hmlc_frame_element(frame, type, hmlc_depth_right_address(loop, vector),
                                              hmlc_frame_int(frame, upper));
    return hmlc_frame_load(frame, type, address, loop->kernel->panel_alignment);
}

/* Smmla has overloads, of both its types; bfmmla has none. */
static LLVMValueRef multiply_add(const depth_loop *loop, LLVMValueRef sum, LLVMValueRef rows,
                                 LLVMValueRef columns)
{
    hmlc_frame *frame = loop->frame;
    const hmlc_target *target = frame->target;
    LLVMTypeRef types[] = {LLVMTypeOf(sum), LLVMTypeOf(rows)};
    LLVMValueRef arguments[] = {sum, rows, columns};
    return hmlc_frame_intrinsic_of(frame,
                                   has_bytes(loop) ? target->bytes.square : target->multiplies_bf16,
                                   types, has_bytes(loop) ? 2 : 0, arguments, 3);
}

static void multiply(depth_loop *loop, LLVMValueRef const *held)
{
    uint32_t vectors = loop->kernel->vectors;
    for (uint32_t k = 0; k < TWO * vectors; k++) {
        LLVMValueRef right = load_columns(loop, k / TWO, k % TWO);
        for (uint32_t p = 0; p < pair_count(loop->kernel); p++) {
            LLVMValueRef *sum = &loop->accumulators[(TWO * p + k % TWO) * vectors + k / TWO];
            *sum = multiply_add(loop, *sum, held[p], right);
        }
    }
}

void hmlc_square_steps(depth_loop *loop)
{
    hmlc_frame *frame = loop->frame;
    const hmlc_microkernel *kernel = loop->kernel;
    LLVMTypeRef type = hmlc_frame_type(frame, kernel->right_dtype);
    LLVMValueRef held[TWO][HMLC_TILE_ROWS], first = loop->right;
    if (kernel->pairs != NULL) {
        load_packed(loop, held);
    } else {
        load_pairs(loop, held);
    }
    for (uint32_t g = 0; g < group_count(loop); g++) {
        loop->right = hmlc_frame_element(frame, type, first,
                                         hmlc_frame_int(frame, g * hmlc_pack_row(kernel->layout)));
        multiply(loop, held[g]);
    }
    loop->right = first;
}

/* -- rows packed before their products */

static void store_pairs(depth_loop *loop, LLVMValueRef to)
{
    LLVMValueRef held[TWO][HMLC_TILE_ROWS];
    load_pairs(loop, held);
    for (uint32_t g = 0; g < group_count(loop); g++) {
        for (uint32_t p = 0; p < pair_count(loop->kernel); p++) {
            hmlc_frame_store(loop->frame, held[g][p], packed_address(loop, to, g, p), PAIR_BYTES);
        }
    }
}

void hmlc_microkernel_pack_pairs(hmlc_frame *frame, const hmlc_microkernel *kernel, int64_t steps,
                                 LLVMValueRef to)
{
    int64_t pass = TWO * kernel->layout.group, whole = steps / pass * pass;
    depth_loop loop = {.frame = frame, .kernel = kernel};
    for (uint32_t r = 0; r < (kernel->immediate ? 1 : kernel->rows); r++) {
        loop.rows[r] = LLVMBuildFreeze(frame->builder, kernel->row[r], "");
    }
    if (whole > 0) {
        hmlc_frame_loop passes;
        hmlc_frame_loop_begin(frame, &passes, hmlc_frame_int(frame, 0),
                              hmlc_frame_int(frame, whole), pass, NULL, 0);
        loop.left = passes.index;
        loop.held = TWO;
        store_pairs(&loop, to);
        hmlc_frame_loop_end(frame, &passes, NULL);
    }
    if (steps > whole) {
        loop.left = hmlc_frame_int(frame, whole);
        loop.held = 0;
        store_pairs(&loop, to);
    }
}
