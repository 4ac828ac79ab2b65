/* SPDX-License-Identifier: Apache-2.0 */
/* Loads and stores of all lanes at one offset: contiguous, broadcast, a pattern known at compile
 * time, or lane by lane. */
#include "loop.h"
#include "llvm/elementwise/elementwise_internal.h"

/* The register form of an element: bools of kernels that only move bytes stay bytes. */
static bool is_register_bool(const hmlc_loop_context *context, hmlc_dtype dtype)
{
    return dtype == HMLC_DTYPE_bool && !context->state->movement;
}

LLVMTypeRef hmlc_loop_register_type(const hmlc_loop_context *context, hmlc_dtype dtype)
{
    return is_register_bool(context, dtype) ? context->frame->i1
                                            : hmlc_frame_type(context->frame, dtype);
}

static uint32_t alignment_of(hmlc_dtype dtype)
{
    uint32_t bytes = (uint32_t)hmlc_dtype_bytes(dtype);
    return bytes < 8 ? bytes : 8;
}

static bool constant_steps(const hmlc_loop_context *context, const hmlc_loop_index *offset)
{
    if (offset->computed != NULL &&
        LLVMGetTypeKind(LLVMTypeOf(offset->computed)) == LLVMVectorTypeKind) {
        return false;
    }
    for (uint32_t k = 0; k < HMLC_LOOP_MAX_VARS; k++) {
        if (context->lane_step[k] != NULL && offset->coefficient[k] != NULL &&
            !hmlc_dim_is_constant(offset->coefficient[k], NULL)) {
            return false;
        }
    }
    return true;
}

/* Lane distances of an offset when they are known: true. */
static bool lane_offsets(const hmlc_loop_context *context, const hmlc_loop_index *offset,
                         int64_t *lanes)
{
    if (!constant_steps(context, offset)) {
        return false;
    }
    for (uint32_t l = 0; l < context->lanes; l++) {
        lanes[l] = 0;
    }
    for (uint32_t k = 0; k < HMLC_LOOP_MAX_VARS; k++) {
        if (context->lane_step[k] == NULL || offset->coefficient[k] == NULL) {
            continue;
        }
        for (uint32_t l = 0; l < context->lanes; l++) {
            int64_t term;
            if (!hmlc_int64_multiply(context->lane_step[k][l], offset->coefficient[k]->value,
                                     &term) ||
                !hmlc_int64_add(lanes[l], term, &lanes[l])) {
                return false;
            }
        }
    }
    return true;
}

/* One step per variable, outermost first, so that each is hoisted out of the loops inside it. */
LLVMValueRef hmlc_loop_address(hmlc_loop_context *context, LLVMTypeRef type, LLVMValueRef base,
                               const hmlc_loop_index *offset)
{
    hmlc_frame *frame = context->frame;
    LLVMValueRef address = base;
    if (!hmlc_dim_is(offset->constant, 0)) {
        address = hmlc_frame_element(frame, type, address, hmlc_frame_dim(frame, offset->constant));
    }
    for (uint32_t k = 0; k < HMLC_LOOP_MAX_VARS; k++) {
        bool still = context->position[k] == NULL || LLVMIsNull(context->position[k]);
        if (offset->coefficient[k] == NULL || still) {
            continue;
        }
        LLVMValueRef factor = hmlc_frame_dim(frame, offset->coefficient[k]);
        LLVMValueRef step = LLVMBuildNSWMul(frame->builder, context->position[k], factor, "");
        address = hmlc_frame_element(frame, type, address, step);
    }
    if (offset->computed != NULL &&
        LLVMGetTypeKind(LLVMTypeOf(offset->computed)) != LLVMVectorTypeKind) {
        address = hmlc_frame_element(frame, type, address, offset->computed);
    }
    return address;
}

static LLVMValueRef lane_index(hmlc_frame *frame, uint32_t lane)
{
    return LLVMConstInt(frame->i32, lane, 0);
}

/* -- loads -- */

static LLVMValueRef guarded_address(hmlc_loop_context *context, LLVMValueRef address,
                                    LLVMValueRef condition)
{
    return LLVMBuildSelect(context->frame->builder, condition, address, context->nowhere, "");
}

static LLVMValueRef load_vector(hmlc_loop_context *context, hmlc_dtype dtype, LLVMValueRef address,
                                uint32_t lanes)
{
    hmlc_frame *frame = context->frame;
    LLVMTypeRef type = hmlc_frame_vector(frame, dtype, lanes);
    return hmlc_frame_load(frame, type, address, alignment_of(dtype));
}

/* Lanes at known distances that lie close together: one load of their span, then a permutation. */
static LLVMValueRef load_span(hmlc_loop_context *context, hmlc_dtype dtype, LLVMValueRef address,
                              const int64_t *lanes, int64_t least, int64_t span)
{
    hmlc_frame *frame = context->frame;
    LLVMTypeRef element = hmlc_frame_type(frame, dtype);
    LLVMValueRef first = hmlc_frame_element(frame, element, address, hmlc_frame_int(frame, least));
    LLVMValueRef mask[HMLC_LOOP_MAX_LANES];
    for (uint32_t l = 0; l < context->lanes; l++) {
        mask[l] = lane_index(frame, (uint32_t)(lanes[l] - least));
    }
    if (span == 1) {
        return hmlc_frame_splat(frame, load_vector(context, dtype, first, 1), context->lanes);
    }
    LLVMValueRef loaded = load_vector(context, dtype, first, (uint32_t)span);
    return LLVMBuildShuffleVector(frame->builder, loaded, LLVMGetPoison(LLVMTypeOf(loaded)),
                                  LLVMConstVector(mask, context->lanes), "");
}

/* Several runs of consecutive elements (channels of an image): a load each, interleaved. */
typedef struct run {
    int64_t first;
    uint32_t length;
} run;

enum { MAX_RUNS = 8 };

static bool add_to_runs(run *runs, uint32_t *count, int64_t offset)
{
    for (uint32_t k = 0; k < *count; k++) {
        if (offset >= runs[k].first && offset < runs[k].first + runs[k].length) {
            return true;
        }
        if (offset == runs[k].first + runs[k].length) {
            runs[k].length++;
            return true;
        }
    }
    if (*count == MAX_RUNS) {
        return false;
    }
    runs[(*count)++] = (run){offset, 1};
    return true;
}

static uint32_t find_runs(const hmlc_loop_context *context, const int64_t *lanes, run *runs)
{
    uint32_t count = 0;
    for (uint32_t l = 0; l < context->lanes; l++) {
        if (!add_to_runs(runs, &count, lanes[l])) {
            return 0;
        }
    }
    uint32_t length = runs[0].length;
    for (uint32_t k = 1; k < count; k++) {
        if (runs[k].length != length) {
            return 0;
        }
    }
    return count * 2 <= context->lanes ? count : 0;
}

static LLVMValueRef load_runs(hmlc_loop_context *context, hmlc_dtype dtype, LLVMValueRef address,
                              const int64_t *lanes, const run *runs, uint32_t count)
{
    hmlc_frame *frame = context->frame;
    LLVMTypeRef element = hmlc_frame_type(frame, dtype);
    LLVMValueRef parts[MAX_RUNS], mask[HMLC_LOOP_MAX_LANES];
    for (uint32_t k = 0; k < count; k++) {
        LLVMValueRef first =
            hmlc_frame_element(frame, element, address, hmlc_frame_int(frame, runs[k].first));
        LLVMTypeRef type = LLVMVectorType(element, runs[k].length); /* of one lane, too */
        parts[k] = hmlc_frame_load(frame, type, first, alignment_of(dtype));
    }
    for (uint32_t l = 0; l < context->lanes; l++) {
        for (uint32_t k = 0; k < count; k++) {
            int64_t inside = lanes[l] - runs[k].first;
            if (inside >= 0 && inside < runs[k].length) {
                mask[l] = lane_index(frame, (uint32_t)inside + k * runs[k].length);
                break;
            }
        }
    }
    LLVMValueRef joined = hmlc_frame_join(frame, parts, count);
    return LLVMBuildShuffleVector(frame->builder, joined, LLVMGetPoison(LLVMTypeOf(joined)),
                                  LLVMConstVector(mask, context->lanes), "");
}

/* Distances of the lanes as a vector of indices. */
static LLVMValueRef lane_distances(hmlc_loop_context *context, const hmlc_loop_index *offset)
{
    hmlc_loop_index lanes = *offset;
    hmlc_frame *frame = context->frame;
    LLVMValueRef total = NULL;
    for (uint32_t k = 0; k < HMLC_LOOP_MAX_VARS; k++) {
        if (context->lane_step[k] == NULL || lanes.coefficient[k] == NULL) {
            continue;
        }
        LLVMValueRef steps[HMLC_LOOP_MAX_LANES];
        for (uint32_t l = 0; l < context->lanes; l++) {
            steps[l] = hmlc_frame_int(frame, context->lane_step[k][l]);
        }
        LLVMValueRef factor = hmlc_frame_dim(frame, lanes.coefficient[k]);
        LLVMValueRef term = LLVMBuildMul(frame->builder, LLVMConstVector(steps, context->lanes),
                                         hmlc_frame_splat(frame, factor, context->lanes), "");
        total = total == NULL ? term : LLVMBuildAdd(frame->builder, total, term, "");
    }
    bool vector = offset->computed != NULL &&
                  LLVMGetTypeKind(LLVMTypeOf(offset->computed)) == LLVMVectorTypeKind;
    if (vector) {
        total = total == NULL ? offset->computed
                              : LLVMBuildAdd(frame->builder, total, offset->computed, "");
    }
    return total;
}

static LLVMValueRef guard_of_lane(hmlc_loop_context *context, uint32_t lane)
{
    return context->guard_vector ? LLVMBuildExtractElement(context->frame->builder, context->guard,
                                                           lane_index(context->frame, lane), "")
                                 : context->guard;
}

static LLVMValueRef lane_address(hmlc_loop_context *context, LLVMTypeRef element,
                                 LLVMValueRef address, LLVMValueRef distances, const int64_t *known,
                                 uint32_t lane)
{
    hmlc_frame *frame = context->frame;
    LLVMValueRef distance = known != NULL ? hmlc_frame_int(frame, known[lane])
                                          : LLVMBuildExtractElement(frame->builder, distances,
                                                                    lane_index(frame, lane), "");
    LLVMValueRef at = hmlc_frame_element(frame, element, address, distance);
    return context->guard == NULL ? at : guarded_address(context, at, guard_of_lane(context, lane));
}

static LLVMValueRef load_each(hmlc_loop_context *context, hmlc_dtype dtype, LLVMValueRef address,
                              LLVMValueRef distances, const int64_t *known)
{
    hmlc_frame *frame = context->frame;
    LLVMTypeRef element = hmlc_frame_type(frame, dtype);
    LLVMValueRef result = LLVMGetPoison(LLVMVectorType(element, context->lanes));
    for (uint32_t l = 0; l < context->lanes; l++) {
        LLVMValueRef at = lane_address(context, element, address, distances, known, l);
        LLVMValueRef value = hmlc_frame_load(frame, element, at, alignment_of(dtype));
        result = LLVMBuildInsertElement(frame->builder, result, value, lane_index(frame, l), "");
    }
    return result;
}

/* A stride that only the run knows: contiguous when it is 1, which is the usual case. */
static LLVMValueRef load_strided(hmlc_loop_context *context, hmlc_dtype dtype, LLVMValueRef address,
                                 const hmlc_loop_index *offset, hmlc_dim stride)
{
    hmlc_frame *frame = context->frame;
    LLVMBuilderRef builder = frame->builder;
    LLVMValueRef one = hmlc_frame_int(frame, 1);
    LLVMValueRef dense = LLVMBuildICmp(builder, LLVMIntEQ, hmlc_frame_dim(frame, stride), one, "");
    hmlc_frame_branch branch;
    hmlc_frame_branch_begin(frame, &branch, dense);
    LLVMValueRef straight = load_vector(context, dtype, address, context->lanes);
    LLVMBasicBlockRef straight_from = LLVMGetInsertBlock(builder);
    hmlc_frame_branch_else(frame, &branch);
    LLVMValueRef each = load_each(context, dtype, address, lane_distances(context, offset), NULL);
    LLVMBasicBlockRef each_from = LLVMGetInsertBlock(builder);
    hmlc_frame_branch_end(frame, &branch);
    LLVMValueRef result = LLVMBuildPhi(builder, LLVMTypeOf(straight), "");
    LLVMAddIncoming(result, &straight, &straight_from, 1);
    LLVMAddIncoming(result, &each, &each_from, 1);
    return result;
}

/* The only lane variable's coefficient, when lanes run along one variable; NULL. */
static hmlc_dim only_stride(const hmlc_loop_context *context, const hmlc_loop_index *offset)
{
    hmlc_dim stride = NULL;
    bool vector = offset->computed != NULL &&
                  LLVMGetTypeKind(LLVMTypeOf(offset->computed)) == LLVMVectorTypeKind;
    for (uint32_t k = 0; !vector && k < HMLC_LOOP_MAX_VARS; k++) {
        if (context->lane_step[k] == NULL || offset->coefficient[k] == NULL) {
            continue;
        }
        if (stride != NULL || context->state->inner >= 0) {
            return NULL;
        }
        stride = offset->coefficient[k];
    }
    return stride;
}

static bool is_uniform(const int64_t *lanes, uint32_t count)
{
    for (uint32_t l = 0; l < count; l++) {
        if (lanes[l] != 0) {
            return false;
        }
    }
    return true;
}

static LLVMValueRef load_known(hmlc_loop_context *context, hmlc_dtype dtype, LLVMValueRef address,
                               const int64_t *lanes)
{
    int64_t least = lanes[0], most = lanes[0];
    for (uint32_t l = 1; l < context->lanes; l++) {
        least = lanes[l] < least ? lanes[l] : least;
        most = lanes[l] > most ? lanes[l] : most;
    }
    int64_t span = most - least + 1;
    if (span <= 4 * (int64_t)context->lanes && span <= 2 * HMLC_LOOP_MAX_LANES) {
        return load_span(context, dtype, address, lanes, least, span);
    }
    run runs[MAX_RUNS];
    uint32_t run_count = find_runs(context, lanes, runs);
    return run_count > 0 ? load_runs(context, dtype, address, lanes, runs, run_count)
                         : load_each(context, dtype, address, NULL, lanes);
}

static bool is_contiguous(const int64_t *lanes, uint32_t count)
{
    for (uint32_t l = 0; l < count; l++) {
        if (lanes[l] != (int64_t)l) {
            return false;
        }
    }
    return true;
}

/* No guard in the way: each form of access. */
static hmlc_loop_value load_open(hmlc_loop_context *context, hmlc_dtype dtype, LLVMValueRef address,
                                 const hmlc_loop_index *offset, const int64_t *known)
{
    if (known != NULL && is_uniform(known, context->lanes)) {
        return (hmlc_loop_value){load_vector(context, dtype, address, 1), false};
    }
    if (known != NULL && is_contiguous(known, context->lanes)) {
        return (hmlc_loop_value){load_vector(context, dtype, address, context->lanes), true};
    }
    if (known != NULL) {
        return (hmlc_loop_value){load_known(context, dtype, address, known), true};
    }
    hmlc_dim stride = only_stride(context, offset);
    LLVMValueRef value =
        stride != NULL ? load_strided(context, dtype, address, offset, stride)
                       : load_each(context, dtype, address, lane_distances(context, offset), NULL);
    return (hmlc_loop_value){value, true};
}

/* All lanes lie within `nowhere`, when that takes the place of the address. */
static bool fits_nowhere(const hmlc_loop_context *context, hmlc_dtype dtype, const int64_t *lanes)
{
    for (uint32_t l = 0; l < context->lanes; l++) {
        if (lanes[l] < 0 ||
            lanes[l] >= HMLC_LOOP_NOWHERE_BYTES / (int64_t)hmlc_dtype_bytes(dtype)) {
            return false;
        }
    }
    return true;
}

static hmlc_loop_value load_lanes(hmlc_loop_context *context, hmlc_dtype dtype, LLVMValueRef base,
                                  const hmlc_loop_index *offset)
{
    LLVMTypeRef element = hmlc_frame_type(context->frame, dtype);
    LLVMValueRef address = hmlc_loop_address(context, element, base, offset);
    int64_t lanes[HMLC_LOOP_MAX_LANES];
    const int64_t *known = lane_offsets(context, offset, lanes) ? lanes : NULL;
    if (context->guard == NULL) {
        return load_open(context, dtype, address, offset, known);
    }
    if (!context->guard_vector && known != NULL && fits_nowhere(context, dtype, lanes)) {
        address = guarded_address(context, address, context->guard);
        return load_open(context, dtype, address, offset, known);
    }
    LLVMValueRef distances = known == NULL ? lane_distances(context, offset) : NULL;
    return (hmlc_loop_value){load_each(context, dtype, address, distances, known), true};
}

hmlc_loop_value hmlc_loop_load(hmlc_loop_context *context, hmlc_dtype dtype, LLVMValueRef base,
                               const hmlc_loop_index *offset)
{
    hmlc_loop_value loaded = load_lanes(context, dtype, base, offset);
    if (is_register_bool(context, dtype)) {
        loaded.value = hmlc_elementwise_from_memory(context->frame, dtype, loaded.value);
    }
    return loaded;
}

/* -- stores -- */

void hmlc_loop_store(hmlc_loop_context *context, hmlc_dtype dtype, LLVMValueRef base,
                     const hmlc_loop_index *offset, hmlc_loop_value value)
{
    hmlc_frame *frame = context->frame;
    LLVMTypeRef element = hmlc_frame_type(frame, dtype);
    LLVMValueRef address = hmlc_loop_address(context, element, base, offset);
    LLVMValueRef data = hmlc_loop_widen(context, value);
    if (is_register_bool(context, dtype)) {
        data = hmlc_elementwise_to_memory(frame, dtype, data);
    }
    int64_t lanes[HMLC_LOOP_MAX_LANES];
    bool known = lane_offsets(context, offset, lanes);
    if (context->lanes == 1 || (known && is_contiguous(lanes, context->lanes))) {
        hmlc_frame_store(frame, data, address, alignment_of(dtype));
        return;
    }
    LLVMValueRef distances = known ? NULL : lane_distances(context, offset);
    for (uint32_t l = 0; l < context->lanes; l++) {
        LLVMValueRef at =
            lane_address(context, element, address, distances, known ? lanes : NULL, l);
        LLVMValueRef one = LLVMBuildExtractElement(frame->builder, data, lane_index(frame, l), "");
        hmlc_frame_store(frame, one, at, alignment_of(dtype));
    }
}
