/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The k loop for cores that issue in order, two instructions a cycle of which one may be a product:
 * Cortex-A53 and -A55. There a load of 128 bits stops the pipe for two cycles, while loads of 64
 * bits and moves from general registers go beside products (ncnn, "arm a53 a55 dual issue"). So
 * each register is filled in three parts that lie between the products: the lower half by a load,
 * the upper half by a load to a general register, and its insertion. A register of the left side
 * holds two steps of two rows (lanes 0 and 1, 2 and 3), one of the right side a vector of a step.
 *
 * A body makes four steps. What it multiplies first was loaded by the body before it; the last body
 * is apart, since nothing may be read behind the last step. The order is written as it is meant:
 * the row of the target table names a schedule for LLVM that keeps it.
 */
#include "microkernel_internal.h"

enum {
    STEPS = 4,
    AHEAD = 2, /* vectors of the right side that the body before has loaded */
    MOST_VECTORS = 2,
    MOST_PAIRS = HMLC_TILE_ROWS / 2,
    MOST_GROUPS = STEPS * MOST_VECTORS,
    LEFT_STAGES = STEPS / 2 + 1, /* of two steps; the last one is the next body's */
    MOST_SOURCES = MOST_GROUPS + LEFT_STAGES * MOST_PAIRS,
    SPARE_REGISTERS = AHEAD + 2,
};

/* A register to be filled. */
typedef struct source {
    bool is_left;
    uint32_t index; /* left: stage; right: group, which is a step and a vector */
    uint32_t pair;  /* left: of rows */
} source;

/* A register with its lower half, and what is to come. */
typedef struct filling {
    source source;
    LLVMValueRef low, high; /* high: NULL until it is loaded */
} filling;

typedef struct in_order {
    depth_loop *loop;
    uint32_t pairs, groups;
    source sources[MOST_SOURCES]; /* in the order of their first use: this body's, the next one's */
    uint32_t source_count, own_count;
    LLVMValueRef rows[HMLC_TILE_ROWS]; /* pointers to element 0 */
    LLVMValueRef bytes;                /* of the step in a row */
    LLVMValueRef left[LEFT_STAGES][MOST_PAIRS], right[MOST_GROUPS + AHEAD];
    filling pending;
} in_order;

bool hmlc_in_order_takes(const hmlc_frame *frame, const hmlc_microkernel *kernel)
{
    uint32_t registers = kernel->rows * kernel->vectors + kernel->rows + SPARE_REGISTERS;
    bool single = kernel->layout.group == 1 || kernel->step == HMLC_BYTE_STEP_DOT;
    single = single && !hmlc_dtype_is_half(kernel->right_dtype);
    return frame->target->tiles.style == HMLC_LEFT_IN_ORDER && single && kernel->rows % 2 == 0 &&
           kernel->rows >= 4 && kernel->vectors <= MOST_VECTORS &&
           registers <= (uint32_t)frame->target->vector_registers;
}

/* -- the order of loads -- */

static void add_source(in_order *o, bool is_left, uint32_t index, uint32_t pair)
{
    o->sources[o->source_count++] = (source){is_left, index, pair};
}

static void add_stage(in_order *o, uint32_t stage)
{
    for (uint32_t pair = 0; pair < o->pairs; pair++) {
        add_source(o, true, stage, pair);
    }
}

static void list_sources(in_order *o)
{
    for (uint32_t group = AHEAD; group < o->groups + AHEAD; group++) {
        if (group == o->groups / 2) {
            add_stage(o, 1);
        }
        if (group == o->groups) {
            o->own_count = o->source_count;
            add_stage(o, 2);
        }
        add_source(o, false, group, 0);
    }
}

static LLVMValueRef *place_of(in_order *o, source s)
{
    return s.is_left ? &o->left[s.index][s.pair] : &o->right[s.index];
}

/* -- filling a register -- */

/* Four bytes: an element, or a group of them. */
static LLVMTypeRef lane_type(const depth_loop *loop)
{
    return hmlc_frame_type(loop->frame, hmlc_depth_lane(loop->kernel));
}

static LLVMValueRef half_address(const in_order *o, source s, uint32_t half)
{
    hmlc_frame *frame = o->loop->frame;
    LLVMTypeRef type = lane_type(o->loop);
    if (s.is_left) {
        LLVMValueRef row =
            hmlc_frame_element(frame, frame->i8, o->rows[2 * s.pair + half], o->bytes);
        return hmlc_frame_element(frame, type, row, hmlc_frame_int(frame, 2 * s.index));
    }
    uint32_t vectors = o->loop->kernel->vectors;
    int64_t step = s.index / vectors * o->loop->kernel->layout.width;
    LLVMValueRef vector = hmlc_depth_right_address(o->loop, s.index % vectors);
    return hmlc_frame_element(frame, type, vector, hmlc_frame_int(frame, step + 2 * half));
}

/* The pending register gets its upper half. */
static void finish(in_order *o)
{
    hmlc_frame *frame = o->loop->frame;
    LLVMBuilderRef builder = frame->builder;
    LLVMTypeRef halves = LLVMVectorType(LLVMInt64TypeInContext(frame->context), 2);
    LLVMValueRef value = LLVMBuildBitCast(builder, o->pending.low, halves, "");
    value =
        LLVMBuildInsertElement(builder, value, o->pending.high, LLVMConstInt(frame->i32, 1, 0), "");
    *place_of(o, o->pending.source) =
        LLVMBuildBitCast(builder, value, LLVMVectorType(lane_type(o->loop), 4), "");
    o->pending = (filling){0};
}

/* Finishes the register before and loads the lower half of the next. */
static void load_low(in_order *o, source s)
{
    hmlc_frame *frame = o->loop->frame;
    LLVMValueRef lanes[4], none = LLVMGetPoison(frame->i32);
    if (o->pending.low != NULL) {
        finish(o);
    }
    LLVMValueRef half =
        hmlc_frame_load(frame, LLVMVectorType(lane_type(o->loop), 2), half_address(o, s, 0),
                        (uint32_t)hmlc_dtype_bytes(o->loop->kernel->left_dtype));
    for (uint32_t k = 0; k < 4; k++) {
        lanes[k] = k < 2 ? LLVMConstInt(frame->i32, k, 0) : none;
    }
    o->pending.source = s;
    o->pending.low = LLVMBuildShuffleVector(frame->builder, half, LLVMGetPoison(LLVMTypeOf(half)),
                                            LLVMConstVector(lanes, 4), "");
}

/* Volatile and frozen: LLVM would make one load of both halves. */
static void load_high(in_order *o)
{
    hmlc_frame *frame = o->loop->frame;
    LLVMValueRef load = LLVMBuildLoad2(frame->builder, LLVMInt64TypeInContext(frame->context),
                                       half_address(o, o->pending.source, 1), "");
    LLVMSetVolatile(load, 1);
    LLVMSetAlignment(load, (uint32_t)hmlc_dtype_bytes(o->loop->kernel->left_dtype));
    o->pending.high = LLVMBuildFreeze(frame->builder, load, "");
}

/* -- a body -- */

static void multiply(in_order *o, uint32_t group, uint32_t row)
{
    depth_loop *loop = o->loop;
    uint32_t vectors = loop->kernel->vectors, step = group / vectors;
    uint32_t lane = row % 2 * 2 + step % 2;
    LLVMValueRef left = hmlc_depth_splat_lane(loop, o->left[step / 2][row / 2], lane);
    LLVMValueRef *sum = &loop->accumulators[row * vectors + group % vectors];
    *sum = hmlc_depth_multiply(loop, left, o->right[group], *sum);
}

/* Where the offset of loop->left is needed in bytes. */
static void set_bytes(in_order *o)
{
    hmlc_frame *frame = o->loop->frame;
    LLVMValueRef two = LLVMConstInt(LLVMTypeOf(o->loop->left), 2, 0);
    bool bytes = o->loop->kernel->layout.group > 1;
    o->bytes = bytes ? o->loop->left : LLVMBuildShl(frame->builder, o->loop->left, two, "");
}

/* The products of four steps, the loads spread evenly between them; `count` of the sources. Cores
 * that have dot products issue insertions beside them, so there is no need to wait for a load. */
static void emit_body(in_order *o, uint32_t count)
{
    uint32_t rows = o->loop->kernel->rows, products = o->groups * rows, next = 0;
    bool early = o->loop->kernel->step == HMLC_BYTE_STEP_DOT;
    set_bytes(o);
    for (uint32_t k = 0; k < products; k++) {
        bool full = o->pending.low != NULL && o->pending.high == NULL;
        bool due = k * o->source_count >= next * products;
        if (full) {
            load_high(o);
        } else if (due && next < count) {
            load_low(o, o->sources[next++]);
        } else if (o->pending.low != NULL && (due || (early && next < count))) {
            finish(o);
        }
        multiply(o, k / rows, k % rows);
    }
    if (o->pending.low != NULL && o->pending.high == NULL) {
        load_high(o);
    }
}

/* What a body takes over from the one before. */
static void begin(in_order *o)
{
    set_bytes(o);
    for (uint32_t pair = 0; pair < o->pairs; pair++) {
        load_low(o, (source){true, 0, pair});
        load_high(o);
    }
    for (uint32_t group = 0; group < AHEAD; group++) {
        load_low(o, (source){false, group, 0});
        load_high(o);
    }
}

/* -- the loop over bodies -- */

/* Calls `visit` for each value that one body hands to the next: where it is at a body's start, and
 * where at its end. */
typedef void visit_value(depth_loop *loop, LLVMValueRef *first, LLVMValueRef *last, void *context);

static void each_carried(in_order *o, visit_value *visit, void *context)
{
    depth_loop *loop = o->loop;
    visit(loop, &loop->left, &loop->left, context);
    visit(loop, &loop->right, &loop->right, context);
    for (uint32_t k = 0; k < loop->kernel->rows * loop->kernel->vectors; k++) {
        visit(loop, &loop->accumulators[k], &loop->accumulators[k], context);
    }
    for (uint32_t pair = 0; pair < o->pairs; pair++) {
        visit(loop, &o->left[0][pair], &o->left[2][pair], context);
    }
    for (uint32_t k = 0; k + 1 < AHEAD; k++) {
        visit(loop, &o->right[k], &o->right[o->groups + k], context);
    }
    visit(loop, &o->pending.low, &o->pending.low, context);
    visit(loop, &o->pending.high, &o->pending.high, context);
}

typedef struct carried_values {
    LLVMValueRef phis[HMLC_TILE_ACCUMULATORS + MOST_PAIRS + AHEAD + 4];
    uint32_t count;
} carried_values;

static void open_value(depth_loop *loop, LLVMValueRef *first, LLVMValueRef *last, void *context)
{
    carried_values *values = context;
    LLVMValueRef phi = LLVMBuildPhi(loop->frame->builder, LLVMTypeOf(*first), "");
    (void)last;
    LLVMAddIncoming(phi, first, &loop->before, 1);
    values->phis[values->count++] = *first = phi;
}

/* Behind the body its last value is the first of the one that follows. */
static void close_value(depth_loop *loop, LLVMValueRef *first, LLVMValueRef *last, void *context)
{
    carried_values *values = context;
    LLVMAddIncoming(values->phis[values->count++], last, &loop->body, 1);
    *first = *last;
}

static void advance(depth_loop *loop)
{
    hmlc_frame *frame = loop->frame;
    hmlc_pack_layout layout = loop->kernel->layout;
    LLVMValueRef steps = hmlc_frame_int(frame, STEPS * layout.group);
    loop->left = LLVMBuildNSWAdd(frame->builder, loop->left, steps, "");
    loop->right = hmlc_frame_element(frame, lane_type(loop), loop->right,
                                     hmlc_frame_int(frame, STEPS * layout.width));
}

/* The pending register is the next body's, of which it counts from its own start. */
static void rename_pending(in_order *o)
{
    o->pending.source.index = AHEAD - 1;
}

static void emit_loop(in_order *o, int64_t bodies)
{
    depth_loop *loop = o->loop;
    hmlc_frame *frame = loop->frame;
    carried_values values = {.count = 0};
    int64_t distance = bodies * STEPS * loop->kernel->layout.width;
    LLVMValueRef end =
        hmlc_frame_element(frame, lane_type(loop), loop->right, hmlc_frame_int(frame, distance));
    loop->before = LLVMGetInsertBlock(frame->builder);
    loop->body = LLVMAppendBasicBlockInContext(frame->context, frame->function, "depth");
    LLVMBasicBlockRef exit =
        LLVMAppendBasicBlockInContext(frame->context, frame->function, "depth.exit");
    LLVMBuildBr(frame->builder, loop->body);
    LLVMPositionBuilderAtEnd(frame->builder, loop->body);
    each_carried(o, open_value, &values);
    if (loop->kernel->prefetch_count > 0) {
        hmlc_depth_prefetch(loop);
    }
    emit_body(o, o->source_count);
    rename_pending(o);
    advance(loop);
    values.count = 0;
    each_carried(o, close_value, &values);
    LLVMValueRef done = LLVMBuildICmp(frame->builder, LLVMIntEQ, loop->right, end, "");
    LLVMBuildCondBr(frame->builder, done, exit, loop->body);
    LLVMPositionBuilderAtEnd(frame->builder, exit);
}

/* A pointer for each row: loop strength reduction must not see what they have in common. */
static void set_rows(in_order *o)
{
    const hmlc_microkernel *kernel = o->loop->kernel;
    hmlc_frame *frame = o->loop->frame;
    LLVMTypeRef type = hmlc_frame_type(frame, kernel->left_dtype);
    for (uint32_t r = 0; r < kernel->rows; r++) {
        o->rows[r] = o->loop->rows[kernel->immediate ? 0 : r];
        if (kernel->immediate && r > 0) {
            LLVMValueRef apart = hmlc_frame_int(frame, (int64_t)r * kernel->row_stride);
            o->rows[r] = hmlc_frame_element(frame, type, o->rows[0], apart);
            o->rows[r] = LLVMBuildFreeze(frame->builder, o->rows[r], "");
        }
    }
}

void hmlc_in_order_emit(depth_loop *loop, int64_t bodies)
{
    in_order o = {
        .loop = loop, .pairs = loop->kernel->rows / 2, .groups = STEPS * loop->kernel->vectors};
    list_sources(&o);
    set_rows(&o);
    begin(&o);
    if (bodies > 1) {
        emit_loop(&o, bodies - 1);
    }
    emit_body(&o, o.own_count);
    advance(loop);
}
