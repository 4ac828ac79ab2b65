/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Contractions share one loop nest. The result's index space is split into batch dims (outer
 * units), row dims (the rows of register tiles) and the column dim (packed panels). Work units are
 * blocks of row tiles times blocks of column tiles; a section is a range of columns with one tile
 * shape. Planning fills hmlc_contraction, emission only reads it.
 */
#ifndef HMLC_CONTRACTION_H
#define HMLC_CONTRACTION_H

#include "microkernel.h"

extern const hmlc_kernel_class hmlc_contraction_class;

enum {
    HMLC_SECTIONS = 10,
    HMLC_LEAVES = 24,
    HMLC_ROW_CLASSES = 24,
    HMLC_PREFETCH_COLUMNS = 2, /* f32 in the eight bytes of a step that one place fetches */
};
_Static_assert((long)HMLC_ROW_CLASSES >= (long)HMLC_TILE_ROWS, "a class for each height of tiles");
_Static_assert((long)HMLC_TILE_ACCUMULATORS <= (long)HMLC_FRAME_CARRIED,
               "one loop carries them all");

/* Row dims of an access, merged where they lie behind each other; outermost first. */
typedef struct hmlc_row_map {
    int32_t count;
    hmlc_dim dims[HMLC_MAX_RANK], strides[HMLC_MAX_RANK];
} hmlc_row_map;

/* Row tiles of one height: `tiles` of them, the first being row tile `first` of the section. */
typedef struct hmlc_row_class {
    uint32_t rows;
    int64_t first, tiles;
    int64_t table;    /* convolution: where the class's descriptors begin, in i32 */
    int64_t segments; /* regular tiles: how many */
} hmlc_row_class;

typedef struct hmlc_section {
    uint32_t vectors, rows;       /* register tile; rows is the most */
    hmlc_dim first_column;        /* of the section, within a group */
    hmlc_dim column_tiles;        /* tiles of vectors * lanes columns */
    uint32_t last_lanes;          /* lanes of the tile's last vector that are columns; 0: all */
    bool digits;                  /* its single row is multiplied in integers */
    bool masked;                  /* columns end somewhere in the tile, known at run time */
    hmlc_dim row_tiles;           /* in one batch element */
    int64_t row_block, col_block; /* tiles per unit */
    hmlc_dim row_blocks, col_blocks;
    bool columns_first; /* consecutive units go through the columns */
    hmlc_dim first_unit, units;
    hmlc_dim guard;    /* units exist only where this is 1; NULL: always */
    bool pairs;        /* a unit's rows are packed in pairs, in scratch memory, before its tiles */
    uint32_t prefetch; /* places per k step at which the next column tile is fetched; 0: none */
    /* Static rows: the classes; otherwise class_count is 0 and rows are balanced at run time. */
    uint32_t class_count;
    hmlc_row_class classes[HMLC_ROW_CLASSES];
} hmlc_section;

typedef struct hmlc_contraction {
    const hmlc_op *anchor;
    const hmlc_value *root; /* the last value before the trailing views */
    hmlc_dtype dtype;       /* of the accumulators */
    hmlc_dtype left_dtype;
    bool half_products; /* in f16; sums of up to 64 steps meet in f32 */
    uint32_t lanes;
    /* Result space: dims [0, batch_rank) batches, [batch_rank, rank - 1) rows, rank - 1 columns. */
    int32_t rank, batch_rank;
    hmlc_dim dims[HMLC_MAX_RANK];
    hmlc_dim batches, rows;
    bool many_rows;   /* pixels of a map: few row counts are worth code of their own */
    int64_t groups;   /* convolution: column groups, each with its own panels and left channels */
    hmlc_dim columns; /* of one group */
    hmlc_dim depth;   /* k steps of a whole panel */
    hmlc_pack_layout layout;
    hmlc_byte_step step;
    hmlc_dim panel_rows; /* of a whole panel: depth in groups */
    /* Left side over batch dims, row dims, depth. */
    hmlc_access left;
    int64_t left_group_stride; /* elements between the groups' channels */
    /* Panels: batch strides in elements over the batch dims. */
    hmlc_dim right_strides[HMLC_MAX_RANK];
    hmlc_access output; /* where the root's elements are stored, over the result space */
    uint32_t left_argument, right_argument;
    const hmlc_value *bias; /* added to the finished sums: [columns * groups]; NULL: none */
    uint32_t leaf_count;
    const hmlc_value *leaves[HMLC_LEAVES];
    bool heavy; /* the epilogue is long: it runs row by row over a stored tile */
    uint32_t section_count;
    hmlc_section sections[HMLC_SECTIONS];
    /* How the right side is packed, NULL: it comes packed. At run time into scratch memory where
     * it is not constant. */
    const struct hmlc_pack_weights *panels;
    bool packs_weights;
    hmlc_dtype right_dtype; /* of the panels in memory */
    uint32_t splits;        /* sums of a column that a single row's steps go to in turn; 0: one */
    const struct hmlc_scaled_plan *scaled; /* of those whose blocks have scales; NULL: others */
    /* Convolution with taps, NULL: rows by their access. */
    const struct hmlc_conv *conv;
    const struct hmlc_winograd_plan *winograd; /* NULL: not in Winograd's form */
    /* A kernel of pack_panels only, which needs nothing of the above: one entry per result. */
    const struct hmlc_packing *packings;
    uint32_t packing_count;
} hmlc_contraction;

/* Columns of a step in eight bytes. */
static inline int64_t hmlc_prefetch_columns(const hmlc_contraction *contraction)
{
    return (hmlc_dtype_is_half(contraction->right_dtype) ? 2 : 1) * (int64_t)HMLC_PREFETCH_COLUMNS;
}

/* -- contraction_region.c: what the kernel's region says */

/* The chain of views from a region argument to `value`: its index, and the access of `value`. */
hmlc_status hmlc_contraction_argument(hmlc_plan_context *context, const hmlc_kernel_plan *plan,
                                      const hmlc_value *value, uint32_t *argument,
                                      hmlc_access *access) HMLC_MUST_USE;
/* The anchor, and its result's dims. */
void hmlc_contraction_begin(hmlc_contraction *contraction, const hmlc_op *anchor);
/* Walks back through the trailing views, turning the result's access into the root's. */
hmlc_status hmlc_contraction_read_output(hmlc_plan_context *context, const hmlc_kernel_plan *plan,
                                         hmlc_contraction *contraction) HMLC_MUST_USE;
/* Fills leaves from the operations between the anchor and the root, which is known; refuses what an
 * epilogue cannot be. */
hmlc_status hmlc_contraction_fuse(hmlc_plan_context *context, const hmlc_kernel_plan *plan,
                                  hmlc_contraction *contraction) HMLC_MUST_USE;
/*
 * What stands behind the anchor: fills root, output (over the anchor's result dims) and leaves, and
 * refuses what an epilogue cannot be.
 */
hmlc_status hmlc_contraction_epilogue(hmlc_plan_context *context, const hmlc_kernel_plan *plan,
                                      const hmlc_op *anchor,
                                      hmlc_contraction *contraction) HMLC_MUST_USE;
/* Notes an operand that tiles load: a region argument or a constant that broadcasts to the result.
 */
hmlc_status hmlc_contraction_add_leaf(hmlc_plan_context *context, const hmlc_kernel_plan *plan,
                                      hmlc_contraction *contraction,
                                      const hmlc_value *leaf) HMLC_MUST_USE;
/* A refusal at the kernel's location. */
hmlc_status hmlc_contraction_refuse(hmlc_plan_context *context, const hmlc_kernel_plan *plan,
                                    const char *reason) HMLC_MUST_USE;
/* The access of a region argument's outer value. */
bool hmlc_contraction_is_argument(const hmlc_value *value);

/* -- contraction_map.c: accesses over the result space; units */

/* `from` broadcast to `dims` as in numpy: stride 0 where it has 1. */
void hmlc_access_broadcast(hmlc_dims *dims, const hmlc_access *from, int32_t rank,
                           const hmlc_dim *shape, hmlc_access *to);
void hmlc_row_map_create(hmlc_dims *dims, const hmlc_access *access, int32_t first, int32_t last,
                         hmlc_row_map *map);
/* Offset of linear row `index` in elements. */
LLVMValueRef hmlc_row_map_offset(hmlc_frame *frame, const hmlc_row_map *map, LLVMValueRef index);
/* A loop over what the call does of the units [first, first + units); returns the unit's number
 * from `first` on. Ends with hmlc_frame_loop_end. */
LLVMValueRef hmlc_contraction_units_begin(hmlc_frame *frame, hmlc_frame_loop *loop, hmlc_dim first,
                                          hmlc_dim units);

/* -- contraction_plan.c: sections and units */

/* Tile sections over static or dynamic columns and rows, then blocks and units; fills plan->units,
 * work and unit_cost. With `pointers`, tiles are limited by row pointers. */
hmlc_status hmlc_contraction_sections(hmlc_plan_context *context, hmlc_contraction *contraction,
                                      bool pointers) HMLC_MUST_USE;
/* Some section multiplies its row in integers: it lies in scratch memory before the first tile. */
bool hmlc_contraction_has_digits(const hmlc_contraction *contraction);
/* Without units: column sections with tiles of the usual width, all rows alike. */
void hmlc_contraction_columns(hmlc_plan_context *context, hmlc_contraction *contraction,
                              bool pointers);
/* Elements of a row tile packed in pairs. */
int64_t hmlc_contraction_pairs(const hmlc_contraction *contraction, const hmlc_section *section);
/* The fewest rows of a section's tiles; tiles of at most `rows` rows in all sections. */
uint32_t hmlc_contraction_least_rows(const hmlc_contraction *contraction);
void hmlc_contraction_set_rows(hmlc_plan_context *context, hmlc_contraction *contraction,
                               uint32_t rows);
/* `left_row_bytes`: how much of the left side a row reads that its neighbours do not. */
hmlc_status hmlc_contraction_units(hmlc_plan_context *context, hmlc_kernel_plan *plan,
                                   hmlc_contraction *contraction,
                                   double left_row_bytes) HMLC_MUST_USE;

/* -- contraction_tile.c: the epilogue of one tile */

typedef struct hmlc_tile_leaf {
    const hmlc_value *value;
    LLVMValueRef base; /* pointer of this batch element */
    hmlc_dtype dtype;
    hmlc_row_map rows;
    hmlc_dim column_stride;
    bool row_invariant;
    LLVMValueRef splat; /* a constant */
    LLVMValueRef cached[HMLC_TILE_VECTORS > HMLC_TILE_ROWS ? HMLC_TILE_VECTORS : HMLC_TILE_ROWS];
} hmlc_tile_leaf;

/* Emission state of one kernel. */
typedef struct hmlc_tile_context {
    hmlc_frame *frame;
    const hmlc_contraction *contraction;
    const hmlc_section *section;
    LLVMValueRef batch[HMLC_MAX_RANK]; /* index per batch dim */
    LLVMValueRef group;
    LLVMValueRef output;        /* pointer of this batch element */
    LLVMValueRef output_before; /* elements of it that lie before that pointer; NULL: none */
    hmlc_row_map output_rows;
    hmlc_tile_leaf leaves[HMLC_LEAVES];
    LLVMValueRef store_tile, store_rows; /* allocas of the heavy form */
    /* Allocas of a dynamic convolution, per row: HMLC_SPATIAL origins, the current tap's pointer,
     * whether that lies inside. */
    LLVMValueRef row_origins, row_pointers, row_insides;
    /* The tile: */
    uint32_t rows;
    LLVMValueRef row[HMLC_TILE_ROWS]; /* linear row index per row */
    bool consecutive;                 /* row[i] is row[0] + i */
    bool spaced;                      /* row[i] is row[0] + row_ahead[i] */
    int64_t row_ahead[HMLC_TILE_ROWS];
    LLVMValueRef column; /* first column, group included */
    LLVMValueRef valid;  /* masked: columns of the tile that exist */
    /* Where the leaf callback stands: */
    bool straight; /* at_row is known: the rows are unrolled */
    uint32_t at_row, at_vector, at_count;
    LLVMValueRef at_row_index;
} hmlc_tile_context;

/* Leaves' and output's pointers for the batch element in tile->batch. */
void hmlc_tile_begin_batch(hmlc_tile_context *tile);
/* The tile's rows are `rows` linear indices from `first` on. */
void hmlc_tile_place(hmlc_tile_context *tile, uint32_t rows, LLVMValueRef first);
/* Applies the epilogue to rows * vectors accumulators and stores them. */
void hmlc_tile_store(hmlc_tile_context *tile, LLVMValueRef const *accumulators);
/* Initial accumulators: zero, or the bias of a convolution of unknown sizes. */
void hmlc_tile_start(hmlc_tile_context *tile, LLVMValueRef *accumulators);

/* -- contraction_vector.c: vectors whose columns may end early or lie apart */

typedef struct hmlc_vector_access {
    hmlc_dtype dtype;
    uint32_t lanes;
    uint32_t valid_lanes; /* lanes in use; lanes: all of them */
    LLVMValueRef valid;   /* lanes in use, at run time; NULL: valid_lanes */
    LLVMValueRef address; /* of lane 0 */
    hmlc_dim stride;      /* between lanes, elements */
} hmlc_vector_access;
LLVMValueRef hmlc_vector_load(hmlc_frame *frame, const hmlc_vector_access *access);
void hmlc_vector_store(hmlc_frame *frame, const hmlc_vector_access *access, LLVMValueRef value);

/* -- the anchors */

/* Element types from the anchor's operands: half floats are summed in f32. */
hmlc_status hmlc_contraction_types(hmlc_plan_context *context, const hmlc_kernel_plan *plan,
                                   hmlc_contraction *contraction) HMLC_MUST_USE;
/* The panels' layout, and what follows from it: lanes, and how products of bytes are added up. */
hmlc_status hmlc_contraction_take_layout(hmlc_plan_context *context, hmlc_kernel_plan *plan,
                                         hmlc_contraction *contraction,
                                         hmlc_pack_layout layout) HMLC_MUST_USE;
/* Sets batch_rank, and batches and rows by it. */
void hmlc_contraction_set_batches(hmlc_plan_context *context, hmlc_contraction *contraction,
                                  int32_t batch_rank);
/* Moves batch_rank down, and sets batches and rows. */
void hmlc_contraction_collapse(hmlc_plan_context *context, hmlc_contraction *contraction);
/* Rows are not a known distance apart. */
bool hmlc_contraction_needs_pointers(hmlc_plan_context *context,
                                     const hmlc_contraction *contraction);

/* Parts of planning a product: types, layout and columns; the left side; the right side where it
 * comes packed. */
hmlc_status hmlc_matmul_begin(hmlc_plan_context *context, hmlc_kernel_plan *plan,
                              hmlc_contraction *contraction) HMLC_MUST_USE;
hmlc_status hmlc_matmul_left(hmlc_plan_context *context, const hmlc_kernel_plan *plan,
                             hmlc_contraction *contraction) HMLC_MUST_USE;
hmlc_status hmlc_matmul_packed(hmlc_plan_context *context, hmlc_kernel_plan *plan,
                               hmlc_contraction *contraction) HMLC_MUST_USE;
hmlc_status hmlc_matmul_plan(hmlc_plan_context *context, hmlc_kernel_plan *plan,
                             hmlc_contraction *contraction) HMLC_MUST_USE;
hmlc_status hmlc_conv_plan(hmlc_plan_context *context, hmlc_kernel_plan *plan,
                           hmlc_contraction *contraction) HMLC_MUST_USE;
/* The kernel packs panels. */
bool hmlc_pack_is_kernel(const hmlc_kernel_plan *plan);
hmlc_status hmlc_pack_plan(hmlc_plan_context *context, hmlc_kernel_plan *plan,
                           hmlc_contraction *contraction) HMLC_MUST_USE;
hmlc_status hmlc_pack_emit(hmlc_frame *frame, const hmlc_contraction *contraction) HMLC_MUST_USE;

#endif
