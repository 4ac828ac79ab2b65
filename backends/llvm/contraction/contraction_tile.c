/* SPDX-License-Identifier: Apache-2.0 */
/* The epilogue of one register tile: fused elementwise ops on its vectors, then the stores. */
#include "conv.h"
#include "llvm/elementwise/elementwise_internal.h"

#include <string.h>

/* -- leaves: operands of the fused operations */

static bool is_splat(const hmlc_tensor *tensor)
{
    size_t bytes = hmlc_dtype_bytes(tensor->dtype);
    for (size_t k = bytes; k + bytes <= tensor->bytes; k += bytes) {
        if (memcmp(tensor->data, (const char *)tensor->data + k, bytes) != 0) {
            return false;
        }
    }
    return true;
}

/* A small constant inside the region, as read-only data of the kernel's code. */
static LLVMValueRef constant_global(hmlc_frame *frame, const hmlc_tensor *tensor)
{
    int64_t count = hmlc_tensor_count(tensor);
    LLVMTypeRef type = hmlc_frame_type(frame, tensor->dtype);
    LLVMValueRef *elements = HMLC_NEW_ARRAY(frame->arena, LLVMValueRef, count + 1);
    if (elements == NULL) {
        return LLVMConstNull(frame->pointer);
    }
    for (int64_t k = 0; k < count; k++) {
        elements[k] = hmlc_frame_constant(type, tensor, k);
    }
    LLVMValueRef data = LLVMConstArray2(type, elements, (uint64_t)count);
    LLVMValueRef global = LLVMAddGlobal(frame->module, LLVMTypeOf(data), "constant");
    LLVMSetInitializer(global, data);
    LLVMSetGlobalConstant(global, 1);
    LLVMSetLinkage(global, LLVMPrivateLinkage);
    return global;
}

/* Pointer to the batch element's part of an access. */
static LLVMValueRef batch_base(hmlc_tile_context *tile, LLVMValueRef base, hmlc_dtype dtype,
                               const hmlc_access *access)
{
    hmlc_frame *frame = tile->frame;
    LLVMValueRef offset = hmlc_frame_dim(frame, access->offset);
    for (int32_t k = 0; k < tile->contraction->batch_rank; k++) {
        LLVMValueRef part = LLVMBuildMul(frame->builder, tile->batch[k],
                                         hmlc_frame_dim(frame, access->strides[k]), "");
        offset = LLVMBuildAdd(frame->builder, offset, part, "");
    }
    return hmlc_frame_element(frame, hmlc_frame_type(frame, dtype), base, offset);
}

static void leaf_begin(hmlc_tile_context *tile, hmlc_tile_leaf *leaf, const hmlc_value *value)
{
    hmlc_frame *frame = tile->frame;
    const hmlc_contraction *contraction = tile->contraction;
    const hmlc_tensor *constant = hmlc_value_constant(value);
    *leaf = (hmlc_tile_leaf){.value = value, .dtype = value->type->dtype};
    hmlc_access own, access;
    LLVMValueRef base;
    if (constant != NULL && is_splat(constant)) {
        leaf->splat = hmlc_frame_constant(hmlc_frame_type(frame, constant->dtype), constant, 0);
        return;
    }
    if (constant != NULL) {
        hmlc_access_of_type(frame->ir->dims, value->type, &own);
        base = constant_global(frame, constant);
    } else {
        const hmlc_value *outer = hmlc_op_operand(frame->plan->kernel, value->index);
        hmlc_frame_access(frame, outer, &own);
        base = frame->operands[hmlc_frame_argument(frame, value->index)];
    }
    hmlc_access_broadcast(frame->ir->dims, &own, contraction->rank, contraction->dims, &access);
    leaf->base = batch_base(tile, base, leaf->dtype, &access);
    hmlc_row_map_create(frame->ir->dims, &access, contraction->batch_rank, contraction->rank - 1,
                        &leaf->rows);
    leaf->column_stride = access.strides[contraction->rank - 1];
    leaf->row_invariant = true;
    for (int32_t k = 0; k < leaf->rows.count; k++) {
        leaf->row_invariant = leaf->row_invariant && hmlc_dim_is(leaf->rows.strides[k], 0);
    }
}

void hmlc_tile_begin_batch(hmlc_tile_context *tile)
{
    hmlc_frame *frame = tile->frame;
    const hmlc_contraction *contraction = tile->contraction;
    const hmlc_access *output = &contraction->output;
    tile->output = batch_base(tile, frame->operands[hmlc_frame_result(frame, 0)],
                              contraction->root->type->dtype, output);
    hmlc_row_map_create(frame->ir->dims, output, contraction->batch_rank, contraction->rank - 1,
                        &tile->output_rows);
    for (uint32_t k = 0; k < contraction->leaf_count; k++) {
        leaf_begin(tile, &tile->leaves[k], contraction->leaves[k]);
    }
}

/* -- positions */

/* Offset of the current row: the first row's and a constant where the distance is known. */
static LLVMValueRef row_offset(hmlc_tile_context *tile, const hmlc_row_map *map)
{
    hmlc_frame *frame = tile->frame;
    if (map->count == 0) {
        return hmlc_frame_int(frame, 0);
    }
    if (!tile->spaced || map->count > 1 || !tile->straight) {
        return hmlc_row_map_offset(frame, map, tile->at_row_index);
    }
    LLVMValueRef first = hmlc_row_map_offset(frame, map, tile->row[0]);
    LLVMValueRef apart = LLVMBuildMul(frame->builder, hmlc_frame_dim(frame, map->strides[0]),
                                      hmlc_frame_int(frame, tile->row_ahead[tile->at_row]), "");
    return LLVMBuildAdd(frame->builder, first, apart, "");
}

/* The access of the current chunk of columns in a row that starts at `row`. */
static hmlc_vector_access chunk_access(hmlc_tile_context *tile, hmlc_dtype dtype, LLVMValueRef row,
                                       hmlc_dim column_stride)
{
    hmlc_frame *frame = tile->frame;
    const hmlc_section *section = tile->section;
    uint32_t lanes = tile->contraction->lanes;
    hmlc_vector_access access = {.dtype = dtype,
                                 .lanes = lanes * tile->at_count,
                                 .valid_lanes = lanes * tile->at_count,
                                 .stride = column_stride};
    LLVMValueRef skipped = hmlc_frame_int(frame, (int64_t)tile->at_vector * lanes);
    LLVMValueRef column = LLVMBuildAdd(frame->builder, tile->column, skipped, "");
    LLVMValueRef offset =
        LLVMBuildMul(frame->builder, column, hmlc_frame_dim(frame, column_stride), "");
    access.address = hmlc_frame_element(frame, hmlc_frame_type(frame, dtype), row, offset);
    if (section->masked) {
        access.valid = LLVMBuildSub(frame->builder, tile->valid, skipped, "");
    } else if (section->last_lanes != 0 && tile->at_vector + tile->at_count == section->vectors) {
        access.valid_lanes = lanes * (tile->at_count - 1) + section->last_lanes;
    }
    return access;
}

static hmlc_tile_leaf *find_leaf(hmlc_tile_context *tile, const hmlc_value *value)
{
    for (uint32_t k = 0; k + 1 < tile->contraction->leaf_count; k++) {
        if (tile->leaves[k].value == value) {
            return &tile->leaves[k];
        }
    }
    return &tile->leaves[tile->contraction->leaf_count - 1];
}

static LLVMValueRef leaf_load(hmlc_tile_context *tile, hmlc_tile_leaf *leaf)
{
    hmlc_frame *frame = tile->frame;
    if (leaf->splat != NULL) {
        return hmlc_frame_splat(frame, leaf->splat, tile->at_count * tile->contraction->lanes);
    }
    LLVMTypeRef type = hmlc_frame_type(frame, leaf->dtype);
    LLVMValueRef row = hmlc_frame_element(frame, type, leaf->base, row_offset(tile, &leaf->rows));
    hmlc_vector_access access = chunk_access(tile, leaf->dtype, row, leaf->column_stride);
    return hmlc_vector_load(frame, &access);
}

/* In the register form the tile's code is straight: what does not change along rows or columns is
 * loaded once. */
static LLVMValueRef *leaf_cache(hmlc_tile_context *tile, hmlc_tile_leaf *leaf)
{
    if (!tile->straight || leaf->splat != NULL) {
        return NULL;
    }
    bool column_invariant = hmlc_dim_is(leaf->column_stride, 0);
    if (leaf->row_invariant) {
        return &leaf->cached[column_invariant ? 0 : tile->at_vector];
    }
    return column_invariant ? &leaf->cached[tile->at_row] : NULL;
}

static LLVMValueRef leaf_value(void *context, hmlc_frame *frame, const hmlc_value *value)
{
    hmlc_tile_context *tile = context;
    hmlc_tile_leaf *leaf = find_leaf(tile, value);
    LLVMValueRef *cache = leaf_cache(tile, leaf);
    if (cache != NULL && *cache != NULL) {
        return *cache;
    }
    LLVMValueRef loaded = hmlc_elementwise_from_memory(frame, leaf->dtype, leaf_load(tile, leaf));
    if (cache != NULL) {
        *cache = loaded;
    }
    return loaded;
}

static void forget_leaves(hmlc_tile_context *tile)
{
    for (uint32_t k = 0; k < tile->contraction->leaf_count; k++) {
        memset(tile->leaves[k].cached, 0, sizeof tile->leaves[k].cached);
    }
}

void hmlc_tile_place(hmlc_tile_context *tile, uint32_t rows, LLVMValueRef first)
{
    tile->rows = rows;
    tile->consecutive = tile->spaced = true;
    for (uint32_t r = 0; r < rows; r++) {
        tile->row_ahead[r] = r;
        tile->row[r] =
            LLVMBuildAdd(tile->frame->builder, first, hmlc_frame_int(tile->frame, r), "");
    }
}

/* -- start and end of a tile */

static LLVMValueRef load_bias(hmlc_tile_context *tile)
{
    const hmlc_contraction *contraction = tile->contraction;
    LLVMValueRef bias = leaf_value(tile, tile->frame, contraction->bias);
    if (hmlc_dtype_is_integer(contraction->bias->type->dtype)) {
        return bias; /* sums of integers have its type, or become it */
    }
    return hmlc_elementwise_convert(tile->frame, bias, contraction->bias->type->dtype,
                                    contraction->dtype);
}

/* The row pointers of a convolution of unknown sizes leave no register for that of the bias. */
static bool bias_comes_first(const hmlc_contraction *contraction)
{
    return contraction->bias != NULL && contraction->conv != NULL && contraction->conv->dynamic;
}

void hmlc_tile_start(hmlc_tile_context *tile, LLVMValueRef *accumulators)
{
    const hmlc_contraction *contraction = tile->contraction;
    LLVMTypeRef type = hmlc_frame_vector(tile->frame, contraction->dtype, contraction->lanes);
    uint32_t vectors = tile->section->vectors;
    forget_leaves(tile);
    tile->straight = true;
    tile->at_row = 0;
    tile->at_count = 1;
    tile->at_row_index = tile->row[0];
    for (uint32_t v = 0; v < vectors; v++) {
        tile->at_vector = v;
        LLVMValueRef value = bias_comes_first(contraction) ? load_bias(tile) : LLVMConstNull(type);
        for (uint32_t r = 0; r < tile->rows; r++) {
            accumulators[r * vectors + v] = value;
        }
    }
}

/* Last, as the graph has it: a sum that starts from the bias rounds each product to the bias's last
 * place. */
static LLVMValueRef add_bias(hmlc_tile_context *tile, LLVMValueRef sum)
{
    const hmlc_contraction *contraction = tile->contraction;
    if (contraction->bias == NULL || bias_comes_first(contraction)) {
        return sum;
    }
    LLVMValueRef bias = load_bias(tile);
    return hmlc_dtype_is_float(contraction->anchor->results[0]->type->dtype)
               ? LLVMBuildFAdd(tile->frame->builder, sum, bias, "")
               : LLVMBuildAdd(tile->frame->builder, sum, bias, "");
}

/* Epilogue and store of the chunk that tile->at_* names. */
static void store_chunk(hmlc_tile_context *tile, LLVMValueRef value)
{
    hmlc_frame *frame = tile->frame;
    const hmlc_contraction *contraction = tile->contraction;
    const hmlc_value *root = contraction->root;
    hmlc_dtype dtype = root->type->dtype;
    const hmlc_value *anchor = contraction->anchor->results[0];
    hmlc_dtype sums = contraction->dtype;
    if (hmlc_dtype_is_float(sums) && anchor->type->dtype == HMLC_DTYPE_i32) {
        LLVMTypeRef whole = lanes_type(value, frame->i32); /* whole numbers that f32 holds */
        value = LLVMBuildFPToSI(frame->builder, value, whole, "");
        sums = HMLC_DTYPE_i32;
    }
    value = add_bias(tile, value);
    value = hmlc_elementwise_convert(frame, value, sums, anchor->type->dtype);
    LLVMValueRef result = hmlc_epilogue_emit(frame, root, anchor, value, leaf_value, tile);
    result = hmlc_elementwise_to_memory(frame, dtype, result);
    LLVMValueRef offset = row_offset(tile, &tile->output_rows);
    if (tile->output_before != NULL) {
        offset = LLVMBuildSub(frame->builder, offset, tile->output_before, "");
    }
    LLVMValueRef row =
        hmlc_frame_element(frame, hmlc_frame_type(frame, dtype), tile->output, offset);
    hmlc_vector_access access =
        chunk_access(tile, dtype, row, contraction->output.strides[contraction->rank - 1]);
    hmlc_vector_store(frame, &access, result);
}

static bool takes_two_registers(const hmlc_tile_context *tile)
{
    const hmlc_contraction *contraction = tile->contraction;
    uint32_t bytes = contraction->lanes * (uint32_t)hmlc_dtype_bytes(contraction->dtype);
    return contraction->lanes > 1 && bytes > (uint32_t)tile->frame->target->vector_bytes;
}

/* Vectors that one epilogue takes: as many as hide the latency of long polynomials; powers of two
 * split evenly. Sums of products in f16 take two registers. */
static uint32_t chunk_vectors(const hmlc_tile_context *tile, uint32_t left)
{
    uint32_t count = tile->frame->target->rates.chains / (takes_two_registers(tile) ? 2 : 1);
    while (count > left) {
        count /= 2;
    }
    return count;
}

static void store_in_registers(hmlc_tile_context *tile, LLVMValueRef const *accumulators)
{
    uint32_t vectors = tile->section->vectors;
    tile->straight = true;
    tile->at_count = 1;
    for (uint32_t r = 0; r < tile->rows; r++) {
        tile->at_row = r;
        tile->at_row_index = tile->row[r];
        for (uint32_t v = 0; v < vectors; v++) {
            tile->at_vector = v;
            store_chunk(tile, accumulators[r * vectors + v]);
        }
    }
}

/* Kept vectors stand close together: those of few lanes at any multiple of their own size. */
static uint32_t kept_alignment(const hmlc_tile_context *tile)
{
    uint32_t bytes =
        tile->contraction->lanes * (uint32_t)hmlc_dtype_bytes(tile->contraction->dtype);
    return bytes < 16 ? bytes : 16;
}

static LLVMValueRef stored_vector(hmlc_tile_context *tile, LLVMValueRef row, uint32_t vector)
{
    hmlc_frame *frame = tile->frame;
    uint32_t lanes = tile->contraction->lanes;
    LLVMValueRef index = LLVMBuildMul(
        frame->builder, row, hmlc_frame_int(frame, (int64_t)tile->section->vectors * lanes), "");
    index = LLVMBuildAdd(frame->builder, index, hmlc_frame_int(frame, (int64_t)vector * lanes), "");
    return hmlc_frame_element(frame, hmlc_frame_type(frame, tile->contraction->dtype),
                              tile->store_tile, index);
}

static void keep_tile(hmlc_tile_context *tile, LLVMValueRef const *accumulators)
{
    hmlc_frame *frame = tile->frame;
    uint32_t vectors = tile->section->vectors;
    for (uint32_t r = 0; r < tile->rows; r++) {
        LLVMValueRef row = hmlc_frame_int(frame, r);
        for (uint32_t v = 0; v < vectors; v++) {
            hmlc_frame_store(frame, accumulators[r * vectors + v], stored_vector(tile, row, v),
                             kept_alignment(tile));
        }
        if (!tile->consecutive) {
            hmlc_frame_store(frame, tile->row[r],
                             hmlc_frame_element(frame, frame->index, tile->store_rows, row),
                             frame->index_bytes);
        }
    }
}

/* Of all rows, the vectors from `first` up to `end`. */
static void store_rows(hmlc_tile_context *tile, uint32_t first, uint32_t end)
{
    hmlc_frame *frame = tile->frame;
    hmlc_frame_loop loop;
    hmlc_frame_loop_begin(frame, &loop, hmlc_frame_int(frame, 0), hmlc_frame_int(frame, tile->rows),
                          1, NULL, 0);
    tile->at_row = 0;
    tile->at_row_index = LLVMBuildAdd(frame->builder, tile->row[0], loop.index, "");
    if (!tile->consecutive) {
        LLVMValueRef address =
            hmlc_frame_element(frame, frame->index, tile->store_rows, loop.index);
        tile->at_row_index = hmlc_frame_load(frame, frame->index, address, frame->index_bytes);
    }
    for (uint32_t v = first; v < end; v += tile->at_count) {
        tile->at_vector = v;
        tile->at_count = chunk_vectors(tile, end - v);
        LLVMTypeRef type = hmlc_frame_vector(frame, tile->contraction->dtype,
                                             tile->at_count * tile->contraction->lanes);
        store_chunk(tile, hmlc_frame_load(frame, type, stored_vector(tile, loop.index, v),
                                          kept_alignment(tile)));
    }
    hmlc_frame_loop_end(frame, &loop, NULL);
}

/* A long epilogue: the tile waits in memory while a loop works through its rows. A row of sums in
 * pairs of registers takes several chunks, which would share constants, and so spill: each has a
 * loop of its own. */
static void store_by_rows(hmlc_tile_context *tile, LLVMValueRef const *accumulators)
{
    uint32_t vectors = tile->section->vectors;
    keep_tile(tile, accumulators);
    tile->straight = false;
    for (uint32_t v = 0, end; v < vectors; v = end) {
        end = takes_two_registers(tile) ? v + chunk_vectors(tile, vectors - v) : vectors;
        store_rows(tile, v, end);
    }
}

void hmlc_tile_store(hmlc_tile_context *tile, LLVMValueRef const *accumulators)
{
    forget_leaves(tile);
    if (tile->contraction->heavy) {
        store_by_rows(tile, accumulators);
    } else {
        store_in_registers(tile, accumulators);
    }
}
