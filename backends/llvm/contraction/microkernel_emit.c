/* SPDX-License-Identifier: Apache-2.0 */
#include "microkernel_internal.h"
#include "llvm/elementwise/elementwise_internal.h"

#include <string.h>

/* General registers of a k loop beside the row pointers: the stack, the panel, the step, the end.
 */
enum { GENERAL_TAKEN = 4 };

/* The vector type of one accumulator. */
static LLVMTypeRef accumulator_type(hmlc_frame *frame, const hmlc_microkernel *kernel)
{
    return hmlc_frame_vector(frame, kernel->dtype, kernel->lanes);
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
    uint32_t rows = vectors <= HMLC_WIDEST_TILE ? target->tiles.rows[vectors] : 0;
    while (rows > 0 && !hmlc_bytes_fit(target, step, rows, vectors)) {
        rows -= 1;
    }
    uint32_t most = (uint32_t)target->general_registers - GENERAL_TAKEN - (apart ? 1 : 0);
    return pointers && rows > most ? most : rows;
}

bool hmlc_microkernel_takes(hmlc_pack_layout layout, hmlc_dtype left, hmlc_dtype right,
                            hmlc_dtype sums)
{
    bool bytes = hmlc_dtype_is_integer(left) && hmlc_dtype_bytes(left) == 1 &&
                 hmlc_dtype_is_integer(right) && hmlc_dtype_bytes(right) == 1;
    return layout.group == 1 ||
           (layout.group == HMLC_BYTE_GROUP && bytes && sums == HMLC_DTYPE_i32);
}

/* -- one step */

static LLVMValueRef left_address(depth_loop *loop, uint32_t row)
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
    LLVMValueRef address = left_address(loop, row);
    if (loop->count > 0) {
        return hmlc_frame_splat(
            frame, hmlc_bytes_load_group(frame, address, kernel->depth_stride, loop->count),
            kernel->lanes);
    }
    uint32_t alignment = (uint32_t)hmlc_dtype_bytes(kernel->left_dtype);
    LLVMValueRef scalar = hmlc_frame_load(frame, type, address, alignment);
    scalar = hmlc_elementwise_convert(frame, scalar, kernel->left_dtype, kernel->dtype);
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
    LLVMValueRef address = hmlc_depth_right_address(loop, vector);
    if (loop->count > 0) {
        LLVMTypeRef groups = hmlc_frame_vector(frame, HMLC_DTYPE_i32, kernel->lanes);
        return hmlc_frame_load(frame, groups, address, kernel->panel_alignment);
    }
    LLVMTypeRef loaded = hmlc_frame_vector(frame, kernel->right_dtype, kernel->lanes);
    LLVMValueRef value = hmlc_frame_load(frame, loaded, address, kernel->panel_alignment);
    return hmlc_elementwise_convert(frame, value, kernel->right_dtype, kernel->dtype);
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
    LLVMValueRef *target = &loop->accumulators[row * loop->kernel->vectors + vector];
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

/* One k step. What there is less of is loaded first and held. */
static void emit_step(depth_loop *loop)
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

/* Steps whose left elements lie in one register, of which the multiplier takes a lane; 0: none. */
static uint32_t held_steps(const hmlc_frame *frame, const hmlc_microkernel *kernel)
{
    static const uint32_t steps[HMLC_LEFT_COUNT] = {
        [HMLC_LEFT_LANE4] = 4, [HMLC_LEFT_LANE2] = 2, [HMLC_LEFT_IN_ORDER] = 4};
    bool takes = is_dense(kernel) && kernel->zeros == NULL && kernel->layout.group == 1 &&
                 kernel->lanes > 1 && kernel->dtype == HMLC_DTYPE_f32 &&
                 kernel->left_dtype == kernel->dtype && kernel->right_dtype == kernel->dtype;
    return takes ? steps[frame->target->tiles.style] : 0;
}

LLVMValueRef hmlc_depth_splat_lane(const depth_loop *loop, LLVMValueRef vector, uint32_t lane)
{
    hmlc_frame *frame = loop->frame;
    LLVMValueRef number = LLVMConstInt(frame->i32, lane, 0);
    return LLVMBuildShuffleVector(frame->builder, vector, LLVMGetPoison(LLVMTypeOf(vector)),
                                  hmlc_frame_splat(frame, number, loop->kernel->lanes), "");
}

/* loop->held steps: the left side is held, the right one streams through one register. */
static void emit_held(depth_loop *loop)
{
    hmlc_frame *frame = loop->frame;
    const hmlc_microkernel *kernel = loop->kernel;
    LLVMTypeRef type = hmlc_frame_type(frame, kernel->right_dtype);
    LLVMTypeRef vector = hmlc_frame_vector(frame, kernel->left_dtype, loop->held);
    LLVMValueRef held[HMLC_TILE_ROWS], first = loop->right;
    for (uint32_t r = 0; r < kernel->rows; r++) {
        held[r] = hmlc_frame_load(frame, vector, left_address(loop, r),
                                  (uint32_t)hmlc_dtype_bytes(kernel->left_dtype));
    }
    for (uint32_t k = 0; k < loop->held; k++) {
        LLVMValueRef skipped = hmlc_frame_int(frame, k * hmlc_pack_row(kernel->layout));
        loop->right = hmlc_frame_element(frame, type, first, skipped);
        for (uint32_t v = 0; v < kernel->vectors; v++) {
            hmlc_step_operand right = load_right(loop, v);
            for (uint32_t r = 0; r < kernel->rows; r++) {
                hmlc_step_operand left = {hmlc_depth_splat_lane(loop, held[r], k), NULL};
                accumulate(loop, r, v, &left, &right);
            }
        }
    }
    loop->right = first;
}

/* -- the loop over steps */

/* Steps of one body of the loop. */
static uint32_t body_steps(const depth_loop *loop)
{
    return loop->held > 0 ? loop->held : loop->count > 1 ? loop->count : 1;
}

static LLVMValueRef carry(depth_loop *loop, LLVMValueRef start, const char *name)
{
    LLVMValueRef phi = LLVMBuildPhi(loop->frame->builder, LLVMTypeOf(start), name);
    LLVMAddIncoming(phi, &start, &loop->before, 1);
    return phi;
}

/* Loop strength reduction must not see what the row pointers have in common: it would give each its
 * own increment. */
static void hide_rows(hmlc_frame *frame, const hmlc_microkernel *kernel, depth_loop *loop)
{
    uint32_t pointers = kernel->immediate ? 1 : kernel->rows;
    for (uint32_t r = 0; r < pointers; r++) {
        loop->rows[r] = LLVMBuildFreeze(frame->builder, kernel->row[r], "");
    }
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
    uint32_t count = kernel->rows * kernel->vectors;
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
    if (loop->held > 0) {
        emit_held(loop);
    } else {
        emit_step(loop);
    }
    LLVMValueRef ahead = kernel->depth_stride;
    if (body_steps(loop) > 1) {
        ahead = LLVMBuildMul(frame->builder, ahead, hmlc_frame_int(frame, body_steps(loop)), "");
    }
    int64_t rows = loop->held > 0 ? loop->held : 1; /* of the panels: a group is one */
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
    for (uint32_t k = 0; k < loop->kernel->rows * loop->kernel->vectors; k++) {
        loop->accumulators[k] =
            join(frame, skipped.accumulators[k], before, loop->accumulators[k], inside);
    }
}

/* `steps` steps up to `end`: those that fill held vectors, then the others one by one. */
static void emit_steps(depth_loop *loop, LLVMValueRef steps, LLVMValueRef end)
{
    hmlc_frame *frame = loop->frame;
    LLVMBuilderRef builder = frame->builder;
    const hmlc_microkernel *kernel = loop->kernel;
    int64_t held = held_steps(frame, kernel);
    if (held == 0) {
        emit_depth(loop, end);
        return;
    }
    LLVMTypeRef type = hmlc_frame_type(frame, kernel->right_dtype);
    LLVMValueRef whole = LLVMBuildAnd(builder, steps, hmlc_frame_int(frame, -held), "");
    LLVMValueRef row = hmlc_frame_int(frame, hmlc_pack_row(kernel->layout));
    LLVMValueRef full =
        hmlc_frame_element(frame, type, loop->right, LLVMBuildNSWMul(builder, whole, row, ""));
    bool known = LLVMIsAConstantInt(steps) != NULL;
    int64_t count = known ? LLVMConstIntGetSExtValue(steps) : 0;
    loop->held = (uint32_t)held;
    if (!known) {
        emit_depth_to(loop, full);
    } else if (count >= held && hmlc_in_order_takes(frame, kernel)) {
        hmlc_in_order_emit(loop, count / held);
    } else if (count >= held) {
        emit_depth(loop, full);
    }
    loop->held = 0;
    if (!known && !kernel->whole_lanes) {
        emit_depth_to(loop, end);
    } else if (count % held != 0) {
        emit_depth(loop, end);
    }
}

/* -- partial sums */

static LLVMValueRef sum_address(hmlc_frame *frame, const hmlc_microkernel *kernel, uint32_t index)
{
    return hmlc_frame_element(frame, accumulator_type(frame, kernel), kernel->sums,
                              hmlc_frame_int(frame, index));
}

/* Volatile: as values they would be carried through the k loop, for which no register is left. */
static LLVMValueRef load_sum(hmlc_frame *frame, const hmlc_microkernel *kernel, uint32_t index)
{
    LLVMValueRef load = LLVMBuildLoad2(frame->builder, accumulator_type(frame, kernel),
                                       sum_address(frame, kernel, index), "");
    LLVMSetVolatile(load, 1);
    LLVMSetAlignment(load, HMLC_SUMS_ALIGNMENT);
    return load;
}

static void store_sum(hmlc_frame *frame, const hmlc_microkernel *kernel, uint32_t index,
                      LLVMValueRef value)
{
    LLVMValueRef store = LLVMBuildStore(frame->builder, value, sum_address(frame, kernel, index));
    LLVMSetVolatile(store, 1);
    LLVMSetAlignment(store, HMLC_SUMS_ALIGNMENT);
}

uint32_t hmlc_microkernel_carried(const hmlc_microkernel *kernel)
{
    return kernel->sums == NULL ? kernel->rows * kernel->vectors : 0;
}

void hmlc_microkernel_begin_sums(hmlc_frame *frame, const hmlc_microkernel *kernel,
                                 LLVMValueRef const *accumulators)
{
    for (uint32_t k = 0; kernel->sums != NULL && k < kernel->rows * kernel->vectors; k++) {
        store_sum(frame, kernel, k, accumulators[k]);
    }
}

void hmlc_microkernel_end_sums(hmlc_frame *frame, const hmlc_microkernel *kernel,
                               LLVMValueRef *accumulators)
{
    for (uint32_t k = 0; kernel->sums != NULL && k < kernel->rows * kernel->vectors; k++) {
        accumulators[k] = load_sum(frame, kernel, k);
    }
}

/* From zero up to `end`, in `steps` steps, and onto the sums. */
static void add_partial(depth_loop *loop, LLVMValueRef steps, LLVMValueRef end)
{
    hmlc_frame *frame = loop->frame;
    const hmlc_microkernel *kernel = loop->kernel;
    uint32_t count = kernel->rows * kernel->vectors;
    for (uint32_t k = 0; k < count; k++) {
        loop->accumulators[k] = LLVMConstNull(accumulator_type(frame, kernel));
    }
    emit_steps(loop, steps, end);
    for (uint32_t k = 0; k < count; k++) {
        LLVMValueRef sum = load_sum(frame, kernel, k);
        store_sum(frame, kernel, k, LLVMBuildFAdd(frame->builder, sum, loop->accumulators[k], ""));
    }
}

/* Known steps are cut evenly. */
static int64_t partial_steps(const hmlc_microkernel *kernel, LLVMValueRef steps)
{
    int64_t most = kernel->part_steps == 0 ? HMLC_PARTIAL_STEPS : kernel->part_steps;
    if (!LLVMIsAConstantInt(steps)) {
        return most;
    }
    int64_t count = LLVMConstIntGetSExtValue(steps);
    int64_t parts = (count + most - 1) / most;
    return (count + parts - 1) / parts;
}

/* Steps from loop->right to `stop`; NULL where no one asks. */
static LLVMValueRef steps_to(const depth_loop *loop, LLVMValueRef stop)
{
    hmlc_frame *frame = loop->frame;
    if (held_steps(frame, loop->kernel) == 0) {
        return NULL;
    }
    LLVMTypeRef type = hmlc_frame_type(frame, loop->kernel->right_dtype);
    LLVMValueRef elements = hmlc_frame_distance(frame, type, loop->right, stop);
    return LLVMBuildUDiv(frame->builder, elements,
                         hmlc_frame_int(frame, loop->kernel->layout.width), "");
}

static void emit_partial_sums(depth_loop *loop, LLVMValueRef steps, LLVMValueRef end)
{
    hmlc_frame *frame = loop->frame;
    LLVMBuilderRef builder = frame->builder;
    int64_t part = partial_steps(loop->kernel, steps);
    if (LLVMIsAConstantInt(steps) && LLVMConstIntGetSExtValue(steps) == part) {
        add_partial(loop, steps, end);
        return;
    }
    LLVMTypeRef type = hmlc_frame_type(frame, loop->kernel->right_dtype);
    LLVMBasicBlockRef before = LLVMGetInsertBlock(builder);
    LLVMBasicBlockRef body = LLVMAppendBasicBlockInContext(frame->context, frame->function, "part");
    LLVMBasicBlockRef exit =
        LLVMAppendBasicBlockInContext(frame->context, frame->function, "part.exit");
    LLVMBuildBr(builder, body);
    LLVMPositionBuilderAtEnd(builder, body);
    LLVMValueRef left_phi = LLVMBuildPhi(builder, frame->index, "left");
    LLVMValueRef right_phi = LLVMBuildPhi(builder, frame->pointer, "right");
    LLVMAddIncoming(left_phi, &loop->left, &before, 1);
    LLVMAddIncoming(right_phi, &loop->right, &before, 1);
    /* May lie behind the panels, so that it is not an element of them. */
    LLVMValueRef distance = hmlc_frame_int(frame, part * loop->kernel->layout.width);
    LLVMValueRef stop = LLVMBuildGEP2(builder, type, right_phi, &distance, 1, "");
    LLVMValueRef within = LLVMBuildICmp(builder, LLVMIntULT, stop, end, "");
    /* As in hide_rows: the k loop would get counters of its own for what it shares with this one.
     */
    loop->left = LLVMBuildFreeze(builder, left_phi, "");
    loop->right = LLVMBuildFreeze(builder, right_phi, "");
    stop = LLVMBuildSelect(builder, within, stop, end, "");
    stop = LLVMBuildFreeze(builder, stop, "");
    add_partial(loop, steps_to(loop, stop), stop);
    LLVMBasicBlockRef latch = LLVMGetInsertBlock(builder);
    LLVMAddIncoming(left_phi, &loop->left, &latch, 1);
    LLVMAddIncoming(right_phi, &loop->right, &latch, 1);
    LLVMValueRef done = LLVMBuildICmp(builder, LLVMIntEQ, loop->right, end, "");
    LLVMBuildCondBr(builder, done, exit, body);
    LLVMPositionBuilderAtEnd(builder, exit);
}

/* Whole groups, then what is left of the depth: that group's bytes are read one by one, since a row
 * may end with the memory it lies in. */
static void emit_groups(depth_loop *loop, LLVMValueRef known)
{
    hmlc_frame *frame = loop->frame;
    int64_t row = hmlc_pack_row(loop->kernel->layout), steps = LLVMConstIntGetSExtValue(known);
    LLVMTypeRef type = hmlc_frame_type(frame, loop->kernel->right_dtype);
    if (steps / HMLC_BYTE_GROUP > 0) {
        LLVMValueRef whole = hmlc_frame_int(frame, steps / HMLC_BYTE_GROUP * row);
        loop->count = HMLC_BYTE_GROUP;
        emit_depth(loop, hmlc_frame_element(frame, type, loop->right, whole));
    }
    loop->count = (uint32_t)(steps % HMLC_BYTE_GROUP);
    if (loop->count > 0) {
        emit_step(loop);
    }
}

void hmlc_microkernel_emit(hmlc_frame *frame, const hmlc_microkernel *kernel, LLVMValueRef steps,
                           LLVMValueRef *accumulators)
{
    size_t bytes = kernel->rows * kernel->vectors * sizeof *accumulators;
    LLVMTypeRef type = hmlc_frame_type(frame, kernel->right_dtype);
    LLVMValueRef width = hmlc_frame_int(frame, kernel->layout.width);
    bool groups = kernel->layout.group > 1;
    LLVMValueRef end = groups && LLVMIsAConstantInt(steps) != NULL
                           ? NULL
                           : hmlc_frame_element(frame, type, kernel->panel,
                                                LLVMBuildNSWMul(frame->builder, steps, width, ""));
    depth_loop loop = {.frame = frame, .kernel = kernel};
    loop.count = groups ? HMLC_BYTE_GROUP : 0;
    loop.bytes = (hmlc_byte_products_of){kernel->step, kernel->lanes, kernel->left_dtype,
                                         kernel->right_dtype};
    hide_rows(frame, kernel, &loop);
    loop.left = hmlc_frame_int(frame, 0);
    loop.right = kernel->panel;
    if (kernel->sums != NULL) {
        emit_partial_sums(&loop, steps, end);
        return;
    }
    memcpy(loop.accumulators, accumulators, bytes);
    if (end == NULL) {
        emit_groups(&loop, steps);
    } else {
        emit_steps(&loop, steps, end);
    }
    memcpy(accumulators, loop.accumulators, bytes);
}
