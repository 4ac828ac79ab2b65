/* SPDX-License-Identifier: Apache-2.0 */
/* Code of attention: per unit the scores of a strip, their softmax, the product with the values. */
#include "attention_class.h"

#include "llvm/contraction/contraction_nest.h"

typedef struct emission {
    hmlc_frame *frame;
    const hmlc_attention_plan *attention;
    hmlc_nest *scores, *values;
} emission;

static LLVMValueRef row_of_tile(const emission *at, LLVMValueRef tile)
{
    hmlc_frame *frame = at->frame;
    LLVMBuilderRef builder = frame->builder;
    LLVMValueRef rows = hmlc_frame_dim(frame, at->attention->scores.rows);
    LLVMValueRef tiles = hmlc_frame_dim(frame, at->attention->row_tiles);
    LLVMValueRef low = LLVMBuildUDiv(builder, rows, tiles, "");
    LLVMValueRef big = hmlc_frame_minimum(frame, tile, LLVMBuildURem(builder, rows, tiles, ""));
    return LLVMBuildAdd(builder, LLVMBuildMul(builder, tile, low, ""), big, "");
}

/* Batch element and row tiles of a unit, for both products. */
static void begin_unit(emission *at, LLVMValueRef unit)
{
    hmlc_frame *frame = at->frame;
    LLVMBuilderRef builder = frame->builder;
    const hmlc_contraction *scores = &at->attention->scores;
    LLVMValueRef strips = hmlc_frame_dim(frame, at->attention->strips);
    LLVMValueRef tiles = hmlc_frame_dim(frame, at->attention->strip_tiles);
    LLVMValueRef begin = LLVMBuildMul(builder, LLVMBuildURem(builder, unit, strips, ""), tiles, "");
    LLVMValueRef row_tiles = hmlc_frame_dim(frame, at->attention->row_tiles);
    LLVMValueRef end =
        hmlc_frame_minimum(frame, LLVMBuildAdd(builder, begin, tiles, ""), row_tiles);
    unit = LLVMBuildUDiv(builder, unit, strips, "");
    hmlc_nest *both[] = {at->scores, at->values};
    for (int32_t k = scores->batch_rank; k-- > 0;) {
        LLVMValueRef dim = hmlc_frame_dim(frame, scores->dims[k]);
        LLVMValueRef index = LLVMBuildURem(builder, unit, dim, "");
        unit = LLVMBuildUDiv(builder, unit, dim, "");
        both[0]->tile.batch[k] = both[1]->tile.batch[k] = index;
    }
    for (int k = 0; k < 2; k++) {
        both[k]->tile.group = hmlc_frame_int(frame, 0);
        both[k]->row_begin = begin;
        both[k]->row_end = end;
        hmlc_nest_begin_batch(both[k]);
    }
}

/* Between the two products lies the strip; their other sides are where the plan has them. */
static hmlc_strip place_strip(emission *at)
{
    hmlc_frame *frame = at->frame;
    const hmlc_attention_plan *attention = at->attention;
    LLVMValueRef first = row_of_tile(at, at->scores->row_begin);
    LLVMValueRef end = row_of_tile(at, at->scores->row_end);
    LLVMValueRef before =
        LLVMBuildMul(frame->builder, first, hmlc_frame_dim(frame, attention->row_stride), "");
    hmlc_strip strip = {
        .scores = frame->scratch,
        .factors = hmlc_frame_element(frame, frame->f32, frame->scratch,
                                      hmlc_frame_dim(frame, attention->factors)),
        .rows = LLVMBuildSub(frame->builder, end, first, ""),
    };
    at->scores->tile.output = at->values->left = strip.scores;
    at->scores->tile.output_before = at->values->left_before = before;
    at->values->factors = strip.factors;
    at->values->factors_before = first;
    return strip;
}

static void product(hmlc_nest *nest)
{
    const hmlc_contraction *contraction = nest->contraction;
    for (uint32_t k = 0; k < contraction->section_count; k++) {
        nest->column_begin = hmlc_frame_int(nest->frame, 0);
        nest->column_end = hmlc_frame_dim(nest->frame, contraction->sections[k].column_tiles);
        hmlc_nest_tiles(nest, &contraction->sections[k]);
    }
}

hmlc_status hmlc_attention_emit(hmlc_frame *frame, const hmlc_kernel_plan *plan)
{
    const hmlc_attention_plan *attention = plan->state;
    emission at = {.frame = frame, .attention = attention};
    at.scores = hmlc_nest_create(frame, &attention->scores);
    at.values = hmlc_nest_create(frame, &attention->values);
    HMLC_TRY_MEMORY(at.scores);
    HMLC_TRY_MEMORY(at.values);
    hmlc_nest_reserve(at.scores);
    hmlc_nest_reserve(at.values);
    hmlc_frame_loop loop;
    hmlc_frame_loop_begin(frame, &loop, frame->begin, frame->end, 1, NULL, 0);
    begin_unit(&at, loop.index);
    hmlc_strip strip = place_strip(&at);
    product(at.scores);
    hmlc_attention_softmax(frame, attention, &strip);
    product(at.values);
    hmlc_frame_loop_end(frame, &loop, NULL);
    return HMLC_OK;
}
