/* SPDX-License-Identifier: Apache-2.0 */
#include "microkernel_internal.h"
#include "microkernel_square.h"
#include "llvm/elementwise/elementwise_internal.h"

#include <string.h>

/* General registers of a k loop beside the row pointers: the stack, the panel, the step, the end.
 */
enum { GENERAL_TAKEN = 4 };

/* Elements of memory as the k loop multiplies them. */
static LLVMValueRef to_product(hmlc_frame *frame, const hmlc_microkernel *kernel,
                               LLVMValueRef value, hmlc_dtype dtype)
{
    return kernel->half_products ? lanes_bits(frame, value, LLVMHalfTypeInContext(frame->context))
                                 : hmlc_elementwise_convert(frame, value, dtype, kernel->dtype);
}

/* Steps of the left side lie behind each other. */
static bool is_dense(const hmlc_microkernel *kernel)
{
    LLVMValueRef stride = kernel->depth_stride;
    return LLVMIsAConstantInt(stride) && LLVMConstIntGetSExtValue(stride) == 1;
}

uint32_t hmlc_microkernel_lanes(const hmlc_target *target, hmlc_dtype dtype,
                                hmlc_pack_layout layout)
{
    uint32_t lanes = (uint32_t)target->vector_bytes / (uint32_t)hmlc_dtype_bytes(dtype);
    lanes = lanes < 1 ? 1 : lanes; /* scalar targets */
    return lanes > layout.width ? (uint32_t)layout.width : lanes;
}

LLVMValueRef hmlc_microkernel_multiply_add(hmlc_frame *frame, hmlc_dtype dtype, LLVMValueRef a,
                                           LLVMValueRef b, LLVMValueRef c)
{
    if (hmlc_dtype_is_float(dtype)) {
        return hmlc_frame_fma(frame, a, b, c);
    }
    return LLVMBuildAdd(frame->builder, LLVMBuildMul(frame->builder, a, b, ""), c, "");
}

uint32_t hmlc_microkernel_rows(const hmlc_target *target, hmlc_byte_step step, uint32_t vectors,
                               bool pointers, bool apart)
{
    uint32_t rows = vectors <= HMLC_WIDEST_TILE ? hmlc_bytes_tiles(target, step)->rows[vectors] : 0;
    while (rows > 0 && !hmlc_bytes_fit(target, step, rows, vectors)) {
        rows -= 1;
    }
    uint32_t most = (uint32_t)target->general_registers - GENERAL_TAKEN - (apart ? 1 : 0);
    rows = pointers && rows > most ? most : rows;
    return step == HMLC_BYTE_STEP_SQUARE && rows > 1 ? rows / 2 * 2 : rows;
}

bool hmlc_microkernel_takes(const hmlc_target *target, hmlc_pack_layout layout, hmlc_dtype left,
                            hmlc_dtype right, hmlc_dtype sums)
{
    bool bytes = hmlc_dtype_is_byte(left) && hmlc_dtype_is_byte(right);
    bool alike = left == HMLC_DTYPE_i8 && right == HMLC_DTYPE_i8 && sums == HMLC_DTYPE_i32;
    bool squares = left == HMLC_DTYPE_bf16 && right == HMLC_DTYPE_bf16 && sums == HMLC_DTYPE_f32;
    return layout.group == 1 || (layout.group == HMLC_BYTE_GROUP && squares) ||
           (layout.group == HMLC_BYTE_SQUARE_GROUP && alike && target->bytes.square != NULL) ||
           ((layout.group == HMLC_BYTE_GROUP || hmlc_bytes_whole_columns(layout)) && bytes &&
            sums == HMLC_DTYPE_i32);
}

/* -- one step */

LLVMValueRef hmlc_depth_left_address(const depth_loop *loop, uint32_t row)
{
    hmlc_frame *frame = loop->frame;
    const hmlc_microkernel *kernel = loop->kernel;
    LLVMTypeRef type = hmlc_frame_type(frame, kernel->left_dtype);
    LLVMValueRef base = loop->rows[kernel->immediate ? 0 : row];
    LLVMValueRef address = hmlc_frame_element(frame, type, base, loop->left);
    if (kernel->immediate && row > 0) {
        LLVMValueRef apart = hmlc_frame_int(frame, (int64_t)row * kernel->row_stride);
        address = hmlc_frame_element(frame, type, address, apart);
    }
    if (kernel->zeros != NULL) {
        address = LLVMBuildSelect(frame->builder, kernel->valid[row], address, kernel->zeros, "");
    }
    return address;
}

/* The left element (row, step), broadcast; of a group, all elements. */
static LLVMValueRef load_splat(depth_loop *loop, uint32_t row)
{
    hmlc_frame *frame = loop->frame;
    const hmlc_microkernel *kernel = loop->kernel;
    LLVMTypeRef type = hmlc_frame_type(frame, kernel->left_dtype);
    LLVMValueRef address = hmlc_depth_left_address(loop, row);
    if (loop->count > 0) {
        return hmlc_frame_splat(
            frame, hmlc_bytes_load_group(frame, address, kernel->depth_stride, loop->count),
            kernel->lanes);
    }
    uint32_t alignment = (uint32_t)hmlc_dtype_bytes(kernel->left_dtype);
    LLVMValueRef scalar = hmlc_frame_load(frame, type, address, alignment);
    scalar = to_product(frame, kernel, scalar, kernel->left_dtype);
    return hmlc_frame_splat(frame, scalar, kernel->lanes);
}

/* What a step is given of a row or of a vector's columns. */
static hmlc_step_operand operand_of(depth_loop *loop, LLVMValueRef value, hmlc_dtype dtype)
{
    return loop->count > 0 ? hmlc_bytes_operand(loop->frame, &loop->bytes, value, dtype)
                           : (hmlc_step_operand){value, NULL};
}

static hmlc_step_operand load_left(depth_loop *loop, uint32_t row)
{
    return operand_of(loop, load_splat(loop, row), loop->kernel->left_dtype);
}

LLVMValueRef hmlc_depth_right_address(const depth_loop *loop, uint32_t vector)
{
    hmlc_frame *frame = loop->frame;
    const hmlc_microkernel *kernel = loop->kernel;
    int64_t width = kernel->layout.width, group = kernel->layout.group;
    int64_t first = kernel->first_lane, column = first + (int64_t)vector * kernel->lanes;
    LLVMValueRef panel = LLVMBuildMul(frame->builder, hmlc_frame_int(frame, column / width),
                                      kernel->panel_stride, "");
    int64_t lane = (column % width - first % width) * group;
    LLVMValueRef offset = LLVMBuildAdd(frame->builder, panel, hmlc_frame_int(frame, lane), "");
    LLVMTypeRef type = hmlc_frame_type(frame, kernel->right_dtype);
    return hmlc_frame_element(frame, type, loop->right, offset);
}

static LLVMValueRef load_columns(depth_loop *loop, uint32_t vector)
{
    hmlc_frame *frame = loop->frame;
    const hmlc_microkernel *kernel = loop->kernel;
    if (kernel->scaled.scales != NULL) {
        return hmlc_unpack_columns(loop, vector);
    }
    LLVMValueRef address = hmlc_depth_right_address(loop, vector);
    if (loop->count > 0) {
        LLVMTypeRef groups = hmlc_frame_vector(frame, HMLC_DTYPE_i32, kernel->lanes);
        return hmlc_frame_load(frame, groups, address, kernel->panel_alignment);
    }
    LLVMTypeRef loaded = hmlc_frame_vector(frame, kernel->right_dtype, kernel->lanes);
    LLVMValueRef value = hmlc_frame_load(frame, loaded, address, kernel->panel_alignment);
    return to_product(frame, kernel, value, kernel->right_dtype);
}

static hmlc_step_operand load_right(depth_loop *loop, uint32_t vector)
{
    return operand_of(loop, load_columns(loop, vector), loop->kernel->right_dtype);
}

/* The instruction that takes a lane is a product and a sum. */
static bool rounds_apart(const hmlc_frame *frame, hmlc_dtype dtype)
{
    return frame->target->tiles.style == HMLC_LEFT_LANE2 && hmlc_dtype_is_float(dtype);
}

static void accumulate(depth_loop *loop, uint32_t row, uint32_t vector,
                       const hmlc_step_operand *left, const hmlc_step_operand *right)
{
    uint32_t place = loop->split * loop->kernel->rows + row;
    LLVMValueRef *target = &loop->accumulators[place * loop->kernel->vectors + vector];
    hmlc_frame *frame = loop->frame;
    hmlc_dtype dtype = loop->kernel->dtype;
    if (loop->count > 0) {
        *target = hmlc_bytes_add(frame, &loop->bytes, loop->count, left, right, *target);
    } else if (rounds_apart(frame, dtype)) {
        *target = real_add(frame, *target, real_mul(frame, right->first, left->first));
    } else {
        *target = hmlc_microkernel_multiply_add(frame, dtype, left->first, right->first, *target);
    }
}

LLVMValueRef hmlc_depth_multiply(const depth_loop *loop, LLVMValueRef left, LLVMValueRef right,
                                 LLVMValueRef sum)
{
    hmlc_frame *frame = loop->frame;
    if (loop->count == 0) {
        return hmlc_microkernel_multiply_add(frame, loop->kernel->dtype, right, left, sum);
    }
    hmlc_step_operand a = hmlc_bytes_operand(frame, &loop->bytes, left, loop->bytes.left);
    hmlc_step_operand b = hmlc_bytes_operand(frame, &loop->bytes, right, loop->bytes.right);
    return hmlc_bytes_add(frame, &loop->bytes, HMLC_BYTE_GROUP, &a, &b, sum);
}

/*
 * A line of one row a step, of the next row in the next step: as many steps as a line of 16
 * elements has go by until that row's next line is due.
 */
static void fetch_ahead(const depth_loop *loop)
{
    hmlc_frame *frame = loop->frame;
    LLVMBuilderRef builder = frame->builder;
    const hmlc_microkernel *kernel = loop->kernel;
    enum { LINE = 16 };
    LLVMValueRef row = LLVMBuildAnd(builder, loop->left, hmlc_frame_int(frame, LINE - 1), "");
    LLVMValueRef offset = LLVMBuildMul(builder, row, hmlc_frame_int(frame, kernel->row_stride), "");
    offset = LLVMBuildAdd(builder, offset, loop->left, "");
    offset = LLVMBuildAdd(builder, offset, hmlc_frame_int(frame, kernel->ahead), "");
    LLVMValueRef arguments[] = {hmlc_frame_element(frame, frame->f32, kernel->row[0], offset),
                                LLVMConstInt(frame->i32, 0, 0), LLVMConstInt(frame->i32, 3, 0),
                                LLVMConstInt(frame->i32, 1, 0)};
    hmlc_frame_intrinsic(frame, "llvm.prefetch", frame->pointer, arguments, 4);
}

/* Eight bytes a step: a line is asked for eight times, which costs less than counting to eight. */
void hmlc_depth_prefetch(const depth_loop *loop)
{
    hmlc_frame *frame = loop->frame;
    const hmlc_microkernel *kernel = loop->kernel;
    LLVMValueRef base = hmlc_frame_element(frame, frame->i64, kernel->prefetch, loop->left);
    for (uint32_t k = 0; k < kernel->prefetch_count; k++) {
        LLVMValueRef apart =
            LLVMBuildMul(frame->builder, kernel->prefetch_stride, hmlc_frame_int(frame, k), "");
        LLVMValueRef arguments[] = {hmlc_frame_element(frame, frame->i8, base, apart),
                                    LLVMConstInt(frame->i32, 0, 0), LLVMConstInt(frame->i32, 2, 0),
                                    LLVMConstInt(frame->i32, 1, 0)};
        hmlc_frame_intrinsic(frame, "llvm.prefetch", frame->pointer, arguments, 4);
    }
}

/* The processor's own fetching ends with a page, and has one place alone to go by. */
void hmlc_depth_fetch_panel(const depth_loop *loop)
{
    enum { AHEAD = 2048 }; /* bytes */
    hmlc_frame *frame = loop->frame;
    LLVMValueRef address =
        hmlc_frame_element(frame, frame->i8, loop->right, hmlc_frame_int(frame, AHEAD));
    LLVMValueRef arguments[] = {address, LLVMConstInt(frame->i32, 0, 0),
                                LLVMConstInt(frame->i32, 3, 0), LLVMConstInt(frame->i32, 1, 0)};
    hmlc_frame_intrinsic(frame, "llvm.prefetch", frame->pointer, arguments, 4);
}

/* What there is less of is loaded first and held. */
void hmlc_depth_step(depth_loop *loop)
{
    const hmlc_microkernel *kernel = loop->kernel;
    hmlc_step_operand held[HMLC_TILE_VECTORS];
    if (kernel->rows >= kernel->vectors) {
        for (uint32_t v = 0; v < kernel->vectors; v++) {
            held[v] = load_right(loop, v);
        }
        for (uint32_t r = 0; r < kernel->rows; r++) {
            hmlc_step_operand left = load_left(loop, r);
            for (uint32_t v = 0; v < kernel->vectors; v++) {
                accumulate(loop, r, v, &left, &held[v]);
            }
        }
        return;
    }
    for (uint32_t r = 0; r < kernel->rows; r++) {
        held[r] = load_left(loop, r);
    }
    for (uint32_t v = 0; v < kernel->vectors; v++) {
        hmlc_step_operand right = load_right(loop, v);
        for (uint32_t r = 0; r < kernel->rows; r++) {
            accumulate(loop, r, v, &held[r], &right);
        }
    }
}

/* -- steps by lane */

/* Groups of bytes that spread sums take at once: the more, the fewer loads and additions of
 * addresses there are beside their products. */
static uint32_t most_spread(hmlc_left_style style)
{
    static const uint32_t groups[HMLC_LEFT_COUNT] = {
        [HMLC_LEFT_LANE4] = 8, [HMLC_LEFT_LANE2] = 2, [HMLC_LEFT_IN_ORDER] = 8};
    return groups[style];
}

uint32_t hmlc_depth_held(const hmlc_frame *frame, const hmlc_microkernel *kernel, uint32_t *most)
{
    static const uint32_t steps[HMLC_LEFT_COUNT] = {
        [HMLC_LEFT_LANE4] = 4, [HMLC_LEFT_LANE2] = 2, [HMLC_LEFT_IN_ORDER] = 4};
    hmlc_left_style style = frame->target->tiles.style;
    bool right = kernel->right_dtype == kernel->dtype || hmlc_dtype_is_half(kernel->right_dtype);
    bool wide = kernel->left_dtype == kernel->dtype && right;
    bool floats = kernel->layout.group == 1 && kernel->dtype == HMLC_DTYPE_f32 &&
                  (wide || kernel->half_products);
    bool bytes = kernel->layout.group > 1 && hmlc_bytes_takes_lanes(frame->target, kernel->step);
    bool takes = is_dense(kernel) && kernel->zeros == NULL && kernel->lanes > 1;
    if (kernel->step == HMLC_BYTE_STEP_SQUARE) { /* two fill vectors of rows */
        return *most = takes ? 2 : 0;
    }
    uint32_t least = takes && (floats || bytes) ? steps[style] : 0;
    bool spread = least > 0 && bytes && kernel->step != HMLC_BYTE_STEP_DOT;
    *most = spread ? most_spread(style) : least;
    return least;
}

LLVMValueRef hmlc_depth_splat_lane(const depth_loop *loop, LLVMValueRef vector, uint32_t lane)
{
    hmlc_frame *frame = loop->frame;
    LLVMValueRef number = LLVMConstInt(frame->i32, lane, 0);
    bool half = loop->count > 0 && frame->target->bytes.half_registers;
    uint32_t lanes = half ? loop->kernel->lanes / 2 : loop->kernel->lanes;
    return LLVMBuildShuffleVector(frame->builder, vector, LLVMGetPoison(LLVMTypeOf(vector)),
                                  hmlc_frame_splat(frame, number, lanes), "");
}

/* Lane `k` of what is held of a row. */
static hmlc_step_operand held_lane(depth_loop *loop, LLVMValueRef held, uint32_t k)
{
    return operand_of(loop, hmlc_depth_splat_lane(loop, held, k), loop->kernel->left_dtype);
}

/* The products of `held` with row `k` of the panels. */
static void multiply_held(depth_loop *loop, LLVMValueRef const *held, uint32_t k)
{
    const hmlc_microkernel *kernel = loop->kernel;
    for (uint32_t v = 0; v < kernel->vectors; v++) {
        hmlc_step_operand right = load_right(loop, v);
        for (uint32_t r = 0; r < kernel->rows; r++) {
            hmlc_step_operand left = held_lane(loop, held[r], k);
            accumulate(loop, r, v, &left, &right);
        }
    }
}

/* The products of `held` with `count` rows of the panels from `k` on, which begin at loop->right:
 * those of all rows of the tile first, then their sums, so that none waits for the one before. */
static void multiply_spread(depth_loop *loop, LLVMValueRef const *held, uint32_t k, uint32_t count)
{
    const hmlc_microkernel *kernel = loop->kernel;
    hmlc_frame *frame = loop->frame;
    LLVMTypeRef type = hmlc_frame_type(frame, kernel->right_dtype);
    LLVMValueRef row = hmlc_frame_int(frame, hmlc_pack_row(kernel->layout)), first = loop->right;
    for (uint32_t v = 0; v < kernel->vectors; v++) {
        hmlc_spread_products products[HMLC_TILE_ROWS] = {0};
        for (uint32_t g = 0; g < count; g++) {
            hmlc_step_operand right = load_right(loop, v);
            for (uint32_t r = 0; r < kernel->rows; r++) {
                hmlc_step_operand left = held_lane(loop, held[r], k + g);
                hmlc_bytes_multiply_spread(frame, &loop->bytes, &left, &right, &products[r]);
            }
            loop->right = hmlc_frame_element(frame, type, loop->right, row);
        }
        for (uint32_t r = 0; r < kernel->rows; r++) {
            LLVMValueRef *sum = &loop->accumulators[r * kernel->vectors + v];
            *sum = hmlc_bytes_add_spread(frame, &loop->bytes, &products[r], *sum);
        }
        loop->right = first;
    }
}

/* loop->held steps or groups: the left side is held, the right one streams through one register, or
 * two. */
static void emit_held(depth_loop *loop)
{
    hmlc_frame *frame = loop->frame;
    const hmlc_microkernel *kernel = loop->kernel;
    LLVMTypeRef type = hmlc_frame_type(frame, kernel->right_dtype);
    LLVMTypeRef vector = hmlc_frame_vector(frame, hmlc_depth_lane(kernel), loop->held);
    LLVMValueRef held[HMLC_TILE_ROWS], first = loop->right;
    uint32_t together = kernel->step == HMLC_BYTE_STEP_SPREAD_TWO ? 2 : 1;
    bool spread = loop->count > 0 && kernel->step != HMLC_BYTE_STEP_DOT;
    int64_t row = hmlc_pack_row(kernel->layout);
    for (uint32_t r = 0; r < kernel->rows; r++) {
        held[r] = hmlc_frame_load(frame, vector, hmlc_depth_left_address(loop, r),
                                  (uint32_t)hmlc_dtype_bytes(kernel->left_dtype));
        if (loop->count > 0) { /* LLVM would take a lane of i32 as four of bytes, by a table */
            held[r] = LLVMBuildFreeze(frame->builder, held[r], "");
        }
        if (kernel->half_products) {
            held[r] = to_product(frame, kernel, held[r], kernel->left_dtype);
        }
    }
    if (spread && frame->target->tiles.style == HMLC_LEFT_IN_ORDER) {
        hmlc_spread_in_order(loop, held, together);
        return;
    }
    for (uint32_t k = 0; k < loop->held; k += together) {
        loop->right = hmlc_frame_element(frame, type, first, hmlc_frame_int(frame, k * row));
        if (spread) {
            multiply_spread(loop, held, k, together);
        } else {
            multiply_held(loop, held, k);
        }
    }
    loop->right = first;
}

/* -- the loop over steps */

/* As many elements of the panels as there are sums to add them to. */
static void emit_split(depth_loop *loop)
{
    hmlc_frame *frame = loop->frame;
    const hmlc_microkernel *kernel = loop->kernel;
    LLVMTypeRef type = hmlc_frame_type(frame, kernel->right_dtype);
    LLVMValueRef left = loop->left, right = loop->right;
    if (hmlc_dtype_is_byte(kernel->right_dtype)) {
        hmlc_depth_fetch_panel(loop);
    }
    for (loop->split = 0; loop->split < loop->splits; loop->split++) {
        LLVMValueRef ahead = LLVMBuildMul(frame->builder, kernel->depth_stride,
                                          hmlc_frame_int(frame, loop->split), "");
        LLVMValueRef row = hmlc_frame_int(frame, loop->split * hmlc_pack_row(kernel->layout));
        loop->left = LLVMBuildNSWAdd(frame->builder, left, ahead, "");
        loop->right = hmlc_frame_element(frame, type, right, row);
        if (kernel->scaled.scales != NULL) {
            hmlc_unpack_all(loop);
        } else {
            hmlc_depth_step(loop);
        }
    }
    loop->split = 0;
    loop->left = left;
    loop->right = right;
}

/* Elements of the panels that one body of the loop takes. */
static uint32_t body_rows(const depth_loop *loop)
{
    bool turns = loop->splits > 1 && !loop->kernel->scaled.nibbles;
    return turns ? loop->splits : loop->held > 0 ? loop->held : 1; /* a group is one */
}

/* Steps of one body of the loop. */
static uint32_t body_steps(const depth_loop *loop)
{
    uint32_t group = loop->count > 1 ? loop->count : hmlc_unpack_steps(loop->kernel);
    return body_rows(loop) * group;
}

static LLVMValueRef carry(depth_loop *loop, LLVMValueRef start, const char *name)
{
    LLVMValueRef phi = LLVMBuildPhi(loop->frame->builder, LLVMTypeOf(start), name);
    LLVMAddIncoming(phi, &start, &loop->before, 1);
    return phi;
}

/*
 * Steps from loop->left and loop->right to `end`, which both then hold. Bottom-tested: there is at
 * least one, and LLVM keeps such a loop in one block. The left offset and the panel pointer are all
 * that advances, and the pointer is what ends the loop: general registers are what a tile of twelve
 * row pointers has least of.
 */
static void emit_depth(depth_loop *loop, LLVMValueRef end)
{
    hmlc_frame *frame = loop->frame;
    const hmlc_microkernel *kernel = loop->kernel;
    uint32_t count = loop->splits * hmlc_square_sums(kernel);
    LLVMValueRef phis[HMLC_TILE_ACCUMULATORS];
    LLVMTypeRef type = hmlc_frame_type(frame, kernel->right_dtype);
    loop->before = LLVMGetInsertBlock(frame->builder);
    loop->body = LLVMAppendBasicBlockInContext(frame->context, frame->function, "depth");
    LLVMBasicBlockRef exit =
        LLVMAppendBasicBlockInContext(frame->context, frame->function, "depth.exit");
    LLVMBuildBr(frame->builder, loop->body);
    LLVMPositionBuilderAtEnd(frame->builder, loop->body);
    LLVMValueRef left_phi = loop->left = carry(loop, loop->left, "left");
    LLVMValueRef right_phi = loop->right = carry(loop, loop->right, "right");
    for (uint32_t k = 0; k < count; k++) {
        loop->accumulators[k] = phis[k] = carry(loop, loop->accumulators[k], "");
    }
    if (kernel->prefetch_count > 0) {
        hmlc_depth_prefetch(loop);
    }
    if (kernel->ahead > 0 && loop->held == 0) {
        fetch_ahead(loop);
    }
    if (kernel->step == HMLC_BYTE_STEP_SQUARE) {
        hmlc_square_steps(loop);
    } else if (loop->held > 0) {
        emit_held(loop);
    } else if (body_rows(loop) > 1) {
        emit_split(loop);
    } else if (kernel->scaled.scales != NULL) {
        hmlc_unpack_all(loop);
    } else {
        hmlc_depth_step(loop);
    }
    LLVMValueRef ahead = kernel->depth_stride;
    if (body_steps(loop) > 1) {
        ahead = LLVMBuildMul(frame->builder, ahead, hmlc_frame_int(frame, body_steps(loop)), "");
    }
    int64_t rows = body_rows(loop);
    loop->left = LLVMBuildNSWAdd(frame->builder, loop->left, ahead, "");
    loop->right = hmlc_frame_element(frame, type, loop->right,
                                     hmlc_frame_int(frame, rows * hmlc_pack_row(kernel->layout)));
    LLVMAddIncoming(left_phi, &loop->left, &loop->body, 1);
    LLVMAddIncoming(right_phi, &loop->right, &loop->body, 1);
    for (uint32_t k = 0; k < count; k++) {
        LLVMAddIncoming(phis[k], &loop->accumulators[k], &loop->body, 1);
    }
    LLVMValueRef done = LLVMBuildICmp(frame->builder, LLVMIntEQ, loop->right, end, "");
    LLVMBuildCondBr(frame->builder, done, exit, loop->body);
    LLVMPositionBuilderAtEnd(frame->builder, exit);
}

static LLVMValueRef join(hmlc_frame *frame, LLVMValueRef skipped, LLVMBasicBlockRef before,
                         LLVMValueRef done, LLVMBasicBlockRef inside)
{
    LLVMValueRef phi = LLVMBuildPhi(frame->builder, LLVMTypeOf(skipped), "");
    LLVMAddIncoming(phi, &skipped, &before, 1);
    LLVMAddIncoming(phi, &done, &inside, 1);
    return phi;
}

/* emit_depth where there are steps up to `end`, which loop->left and loop->right hold then. */
static void emit_depth_to(depth_loop *loop, LLVMValueRef end)
{
    hmlc_frame *frame = loop->frame;
    depth_loop skipped = *loop;
    LLVMBasicBlockRef before = LLVMGetInsertBlock(frame->builder);
    LLVMValueRef any = LLVMBuildICmp(frame->builder, LLVMIntNE, loop->right, end, "");
    hmlc_frame_branch branch;
    hmlc_frame_branch_begin(frame, &branch, any);
    emit_depth(loop, end);
    LLVMBasicBlockRef inside = LLVMGetInsertBlock(frame->builder);
    hmlc_frame_branch_end(frame, &branch);
    loop->left = join(frame, skipped.left, before, loop->left, inside);
    loop->right = join(frame, skipped.right, before, loop->right, inside);
    for (uint32_t k = 0; k < hmlc_square_sums(loop->kernel); k++) {
        loop->accumulators[k] =
            join(frame, skipped.accumulators[k], before, loop->accumulators[k], inside);
    }
}

/* As many passes of `held` groups as there are in `steps`. */
static void emit_passes(depth_loop *loop, LLVMValueRef steps, int64_t held)
{
    hmlc_frame *frame = loop->frame;
    LLVMBuilderRef builder = frame->builder;
    const hmlc_microkernel *kernel = loop->kernel;
    int64_t pass = held * kernel->layout.group;
    LLVMTypeRef type = hmlc_frame_type(frame, kernel->right_dtype);
    LLVMValueRef whole = LLVMBuildAnd(builder, steps, hmlc_frame_int(frame, -pass), "");
    LLVMValueRef width = hmlc_frame_int(frame, kernel->layout.width);
    LLVMValueRef full =
        hmlc_frame_element(frame, type, loop->right, LLVMBuildNSWMul(builder, whole, width, ""));
    bool known = LLVMIsAConstantInt(steps) != NULL;
    int64_t count = known ? LLVMConstIntGetSExtValue(steps) : 0;
    loop->held = (uint32_t)held;
    if (!known) {
        emit_depth_to(loop, full);
    } else if (count >= pass && hmlc_in_order_takes(frame, kernel)) {
        hmlc_in_order_emit(loop, count / pass);
    } else if (count >= pass) {
        emit_depth(loop, full);
    }
    loop->held = 0;
}

void hmlc_depth_steps(depth_loop *loop, LLVMValueRef steps, LLVMValueRef end)
{
    enum { WHOLE_STEPS = 4 }; /* what whole_lanes promises */
    const hmlc_microkernel *kernel = loop->kernel;
    uint32_t most, least = hmlc_depth_held(loop->frame, kernel, &most);
    if (least == 0) {
        emit_depth(loop, end);
        return;
    }
    int64_t pass = least * kernel->layout.group;
    LLVMValueRef left = steps;
    for (uint32_t held = most; held >= least; held /= 2) {
        emit_passes(loop, left, held);
        int64_t behind = held * kernel->layout.group - 1;
        left = LLVMBuildAnd(loop->frame->builder, left, hmlc_frame_int(loop->frame, behind), "");
    }
    bool known = LLVMIsAConstantInt(steps) != NULL;
    if (!known && !(kernel->whole_lanes && WHOLE_STEPS % pass == 0)) {
        emit_depth_to(loop, end);
    } else if (known && LLVMConstIntGetSExtValue(steps) % pass != 0) {
        emit_depth(loop, end);
    }
}
