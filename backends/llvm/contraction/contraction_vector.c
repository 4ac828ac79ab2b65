/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Vectors of columns as memory holds them: behind each other or apart, all lanes or only the first
 * ones. Lanes that are not in use are neither read nor written.
 */
#include "contraction.h"

#include <string.h>

#include <hmlc/assert.h>

static LLVMTypeRef access_type(hmlc_frame *frame, const hmlc_vector_access *access, uint32_t lanes)
{
    return hmlc_frame_vector(frame, access->dtype, lanes);
}

static uint32_t element_bytes(const hmlc_vector_access *access)
{
    return (uint32_t)hmlc_dtype_bytes(access->dtype);
}

static bool is_partial(const hmlc_vector_access *access)
{
    return access->valid != NULL || access->valid_lanes < access->lanes;
}

/* <lanes x i1>: lane < valid. */
static LLVMValueRef lane_mask(hmlc_frame *frame, const hmlc_vector_access *access)
{
    LLVMValueRef lanes[HMLC_LANES_MAX];
    HMLC_ASSERT(access->lanes <= HMLC_LANES_MAX);
    for (uint32_t k = 0; k < access->lanes; k++) {
        lanes[k] = LLVMConstInt(frame->i32, k, 0);
    }
    LLVMValueRef numbers = LLVMConstVector(lanes, access->lanes);
    LLVMValueRef limit = LLVMConstInt(frame->i32, access->valid_lanes, 0);
    if (access->valid != NULL) {
        limit = LLVMBuildTrunc(frame->builder, access->valid, frame->i32, "");
    }
    limit = hmlc_frame_splat(frame, limit, access->lanes);
    return LLVMBuildICmp(frame->builder, LLVMIntSLT, numbers, limit, "");
}

static LLVMValueRef lane_at(hmlc_frame *frame, const hmlc_vector_access *access, LLVMValueRef lane)
{
    LLVMValueRef index =
        LLVMBuildMul(frame->builder, hmlc_frame_dim(frame, access->stride), lane, "");
    return hmlc_frame_element(frame, access_type(frame, access, 1), access->address, index);
}

static LLVMValueRef lane_address(hmlc_frame *frame, const hmlc_vector_access *access, uint32_t lane)
{
    return lane_at(frame, access, hmlc_frame_int(frame, lane));
}

static LLVMValueRef lane_addresses(hmlc_frame *frame, const hmlc_vector_access *access)
{
    LLVMValueRef pointers = LLVMGetPoison(LLVMVectorType(frame->pointer, access->lanes));
    for (uint32_t k = 0; k < access->lanes; k++) {
        pointers = LLVMBuildInsertElement(frame->builder, pointers, lane_address(frame, access, k),
                                          LLVMConstInt(frame->i32, k, 0), "");
    }
    return pointers;
}

static LLVMValueRef alignment_of(hmlc_frame *frame, const hmlc_vector_access *access)
{
    return LLVMConstInt(frame->i32, element_bytes(access), 0);
}

/* `count` lanes from `first` on of a vector of `size`; what lies behind it is not looked at. */
static LLVMValueRef take_lanes(hmlc_frame *frame, LLVMValueRef value, uint32_t size, uint32_t first,
                               uint32_t count)
{
    LLVMValueRef mask[HMLC_LANES_MAX];
    HMLC_ASSERT(count <= HMLC_LANES_MAX);
    for (uint32_t k = 0; k < count; k++) {
        mask[k] =
            first + k < size ? LLVMConstInt(frame->i32, first + k, 0) : LLVMGetUndef(frame->i32);
    }
    return LLVMBuildShuffleVector(frame->builder, value, LLVMGetPoison(LLVMTypeOf(value)),
                                  LLVMConstVector(mask, count), "");
}

static uint32_t part_lanes(uint32_t left)
{
    uint32_t part = 1;
    while (part * 2 <= left) {
        part *= 2;
    }
    return part;
}

/* Where masked moves are slow a known number of lanes goes in powers of two. */
static LLVMValueRef load_parts(hmlc_frame *frame, const hmlc_vector_access *access)
{
    LLVMValueRef value = LLVMConstNull(access_type(frame, access, access->lanes));
    for (uint32_t first = 0; first < access->valid_lanes;) {
        uint32_t lanes = part_lanes(access->valid_lanes - first);
        LLVMValueRef part =
            hmlc_frame_load(frame, access_type(frame, access, lanes),
                            lane_address(frame, access, first), element_bytes(access));
        for (uint32_t k = 0; k < lanes; k++) {
            LLVMValueRef lane = part;
            if (lanes > 1) {
                lane = LLVMBuildExtractElement(frame->builder, part, LLVMConstInt(frame->i32, k, 0),
                                               "");
            }
            value = LLVMBuildInsertElement(frame->builder, value, lane,
                                           LLVMConstInt(frame->i32, first + k, 0), "");
        }
        first += lanes;
    }
    return value;
}

static void store_parts(hmlc_frame *frame, const hmlc_vector_access *access, LLVMValueRef value)
{
    for (uint32_t first = 0; first < access->valid_lanes;) {
        uint32_t lanes = part_lanes(access->valid_lanes - first);
        LLVMValueRef part = hmlc_frame_lanes(frame, value, first, 1, lanes);
        hmlc_frame_store(frame, part, lane_address(frame, access, first), element_bytes(access));
        first += lanes;
    }
}

static bool uses_masks(const hmlc_frame *frame, const hmlc_vector_access *access)
{
    return access->valid != NULL || frame->target->masks == HMLC_MASKS_FAST;
}

/* -- lanes known at run time, on machines without masked moves: vectors of powers of two, from the
 *    widest to the narrowest in memory -- */

static bool goes_in_halves(const hmlc_frame *frame, const hmlc_vector_access *access)
{
    return access->valid != NULL && frame->target->masks == HMLC_MASKS_NONE;
}

/* access->valid, between 0 and the lanes. */
static LLVMValueRef lanes_used(hmlc_frame *frame, const hmlc_vector_access *access)
{
    LLVMValueRef some = hmlc_frame_maximum(frame, access->valid, hmlc_frame_int(frame, 0));
    return hmlc_frame_minimum(frame, some, hmlc_frame_int(frame, access->lanes));
}

/* Where `part` of `used` lanes lie: behind the wider parts. */
static LLVMValueRef half_address(hmlc_frame *frame, const hmlc_vector_access *access,
                                 LLVMValueRef used, uint32_t part)
{
    LLVMValueRef wider = hmlc_frame_int(frame, -2 * (int64_t)part);
    return hmlc_frame_element(frame, access_type(frame, access, 1), access->address,
                              LLVMBuildAnd(frame->builder, used, wider, ""));
}

/* Opens a branch for the part, taken where `used` has it. */
static void begin_half(hmlc_frame *frame, hmlc_frame_branch *branch, LLVMValueRef used,
                       uint32_t part)
{
    LLVMValueRef bit = LLVMBuildAnd(frame->builder, used, hmlc_frame_int(frame, part), "");
    hmlc_frame_branch_begin(
        frame, branch, LLVMBuildICmp(frame->builder, LLVMIntNE, bit, hmlc_frame_int(frame, 0), ""));
}

/* Closes it: `inside` where the part was there, else `value`, which block `before` had. */
static LLVMValueRef end_half(hmlc_frame *frame, hmlc_frame_branch *branch, LLVMValueRef value,
                             LLVMBasicBlockRef before, LLVMValueRef inside)
{
    LLVMBasicBlockRef from = LLVMGetInsertBlock(frame->builder);
    hmlc_frame_branch_end(frame, branch);
    LLVMValueRef phi = LLVMBuildPhi(frame->builder, LLVMTypeOf(value), "");
    LLVMAddIncoming(phi, &value, &before, 1);
    LLVMAddIncoming(phi, &inside, &from, 1);
    return phi;
}

/* `part` lanes and behind them the first ones of `value`. */
static LLVMValueRef put_before(hmlc_frame *frame, LLVMValueRef value, uint32_t lanes,
                               LLVMValueRef loaded, uint32_t part)
{
    LLVMValueRef mask[HMLC_LANES_MAX];
    HMLC_ASSERT(lanes <= HMLC_LANES_MAX);
    if (part == lanes) {
        return loaded;
    }
    if (part == 1) {
        LLVMValueRef first = LLVMConstInt(frame->i32, 0, 0);
        loaded = LLVMBuildInsertElement(frame->builder, LLVMGetPoison(LLVMTypeOf(value)), loaded,
                                        first, "");
    } else {
        loaded = take_lanes(frame, loaded, part, 0, lanes);
    }
    for (uint32_t k = 0; k < lanes; k++) {
        mask[k] = LLVMConstInt(frame->i32, k < part ? k : lanes + k - part, 0);
    }
    return LLVMBuildShuffleVector(frame->builder, loaded, value, LLVMConstVector(mask, lanes), "");
}

static LLVMValueRef load_halves(hmlc_frame *frame, const hmlc_vector_access *access)
{
    LLVMValueRef used = lanes_used(frame, access);
    LLVMValueRef value = LLVMConstNull(access_type(frame, access, access->lanes));
    for (uint32_t part = 1; part <= access->lanes; part *= 2) {
        LLVMBasicBlockRef before = LLVMGetInsertBlock(frame->builder);
        hmlc_frame_branch branch;
        begin_half(frame, &branch, used, part);
        LLVMValueRef loaded =
            hmlc_frame_load(frame, access_type(frame, access, part),
                            half_address(frame, access, used, part), element_bytes(access));
        loaded = put_before(frame, value, access->lanes, loaded, part);
        value = end_half(frame, &branch, value, before, loaded);
    }
    return value;
}

static void store_halves(hmlc_frame *frame, const hmlc_vector_access *access, LLVMValueRef value)
{
    LLVMValueRef used = lanes_used(frame, access);
    for (uint32_t part = access->lanes; part > 0; part /= 2) {
        LLVMBasicBlockRef before = LLVMGetInsertBlock(frame->builder);
        hmlc_frame_branch branch;
        begin_half(frame, &branch, used, part);
        LLVMValueRef stored = hmlc_frame_lanes(frame, value, 0, 1, part);
        hmlc_frame_store(frame, stored, half_address(frame, access, used, part),
                         element_bytes(access));
        LLVMValueRef rest = take_lanes(frame, value, access->lanes, part, access->lanes);
        value = end_half(frame, &branch, value, before, rest);
    }
}

/* Lanes that lie apart go one by one. */
static LLVMValueRef load_each(hmlc_frame *frame, const hmlc_vector_access *access)
{
    LLVMValueRef value = LLVMConstNull(access_type(frame, access, access->lanes));
    hmlc_frame_loop loop;
    hmlc_frame_loop_begin(frame, &loop, hmlc_frame_int(frame, 0), lanes_used(frame, access), 1,
                          &value, 1);
    LLVMValueRef lane = hmlc_frame_load(frame, access_type(frame, access, 1),
                                        lane_at(frame, access, loop.index), element_bytes(access));
    value = LLVMBuildInsertElement(frame->builder, loop.carried[0], lane, loop.index, "");
    hmlc_frame_loop_end(frame, &loop, &value);
    return loop.carried[0];
}

static void store_each(hmlc_frame *frame, const hmlc_vector_access *access, LLVMValueRef value)
{
    hmlc_frame_loop loop;
    hmlc_frame_loop_begin(frame, &loop, hmlc_frame_int(frame, 0), lanes_used(frame, access), 1,
                          NULL, 0);
    LLVMValueRef lane = LLVMBuildExtractElement(frame->builder, value, loop.index, "");
    hmlc_frame_store(frame, lane, lane_at(frame, access, loop.index), element_bytes(access));
    hmlc_frame_loop_end(frame, &loop, NULL);
}

/* -- any access -- */

static LLVMValueRef load_scattered(hmlc_frame *frame, const hmlc_vector_access *access)
{
    LLVMTypeRef type = access_type(frame, access, access->lanes);
    if (goes_in_halves(frame, access)) {
        return load_each(frame, access);
    }
    if (access->valid != NULL) {
        LLVMTypeRef types[] = {type, LLVMVectorType(frame->pointer, access->lanes)};
        LLVMValueRef arguments[] = {lane_addresses(frame, access), alignment_of(frame, access),
                                    lane_mask(frame, access), LLVMConstNull(type)};
        return hmlc_frame_intrinsic_of(frame, "llvm.masked.gather", types, 2, arguments, 4);
    }
    if (access->lanes == 1) {
        return hmlc_frame_load(frame, type, access->address, element_bytes(access));
    }
    LLVMValueRef value = LLVMConstNull(type);
    for (uint32_t k = 0; k < access->valid_lanes; k++) {
        LLVMValueRef lane = hmlc_frame_load(frame, access_type(frame, access, 1),
                                            lane_address(frame, access, k), element_bytes(access));
        value =
            LLVMBuildInsertElement(frame->builder, value, lane, LLVMConstInt(frame->i32, k, 0), "");
    }
    return value;
}

LLVMValueRef hmlc_vector_load(hmlc_frame *frame, const hmlc_vector_access *access)
{
    LLVMTypeRef type = access_type(frame, access, access->lanes);
    if (hmlc_dim_is(access->stride, 0)) {
        LLVMValueRef scalar = hmlc_frame_load(frame, access_type(frame, access, 1), access->address,
                                              element_bytes(access));
        return hmlc_frame_splat(frame, scalar, access->lanes);
    }
    if (!hmlc_dim_is(access->stride, 1)) {
        return load_scattered(frame, access);
    }
    if (!is_partial(access)) {
        return hmlc_frame_load(frame, type, access->address, element_bytes(access));
    }
    if (!uses_masks(frame, access)) {
        return load_parts(frame, access);
    }
    if (goes_in_halves(frame, access)) {
        return load_halves(frame, access);
    }
    LLVMTypeRef types[] = {type, frame->pointer};
    LLVMValueRef arguments[] = {access->address, alignment_of(frame, access),
                                lane_mask(frame, access), LLVMConstNull(type)};
    return hmlc_frame_intrinsic_of(frame, "llvm.masked.load", types, 2, arguments, 4);
}

static void store_scattered(hmlc_frame *frame, const hmlc_vector_access *access, LLVMValueRef value)
{
    if (goes_in_halves(frame, access)) {
        store_each(frame, access, value);
        return;
    }
    if (access->valid != NULL) {
        LLVMTypeRef types[] = {LLVMTypeOf(value), LLVMVectorType(frame->pointer, access->lanes)};
        LLVMValueRef arguments[] = {value, lane_addresses(frame, access),
                                    alignment_of(frame, access), lane_mask(frame, access)};
        hmlc_frame_intrinsic_of(frame, "llvm.masked.scatter", types, 2, arguments, 4);
        return;
    }
    for (uint32_t k = 0; k < access->valid_lanes; k++) {
        LLVMValueRef lane =
            LLVMBuildExtractElement(frame->builder, value, LLVMConstInt(frame->i32, k, 0), "");
        hmlc_frame_store(frame, lane, lane_address(frame, access, k), element_bytes(access));
    }
}

void hmlc_vector_store(hmlc_frame *frame, const hmlc_vector_access *access, LLVMValueRef value)
{
    if (access->lanes > 1 && !hmlc_dim_is(access->stride, 1)) {
        store_scattered(frame, access, value);
    } else if (!is_partial(access)) {
        hmlc_frame_store(frame, value, access->address, element_bytes(access));
    } else if (!uses_masks(frame, access)) {
        store_parts(frame, access, value);
    } else if (goes_in_halves(frame, access)) {
        store_halves(frame, access, value);
    } else {
        LLVMTypeRef types[] = {LLVMTypeOf(value), frame->pointer};
        LLVMValueRef arguments[] = {value, access->address, alignment_of(frame, access),
                                    lane_mask(frame, access)};
        hmlc_frame_intrinsic_of(frame, "llvm.masked.store", types, 2, arguments, 4);
    }
}
