/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loop kernels: what their files share. A kernel is evaluated top down: for each element of the
 * result shape F (an index vector over loop variables) the yielded values are lowered through the
 * region to loads. The same walk without a frame is the analysis, which chooses variables, order
 * and vector lanes.
 *
 *   loop_class.c    plan and emit of the class; work units
 *   loop_space.c    loop variables: split where a reshape needs it, fused where all accesses allow
 *   loop_index.c    index expressions
 *   loop_view.c     the operand's index behind views, broadcasts and movement
 *   loop_analyze.c  the walk while planning
 *   loop_choose.c   what follows from it: lanes, tile, loop order, work units
 *   loop_value.c    the walk while emitting: values
 *   loop_table.c    constants and dim tables
 *   loop_hoist.c    values computed before the loops that they do not depend on
 *   loop_gather.c   values of indexed ops and generators
 *   loop_load.c     loads and stores of lanes at an index
 *   loop_tile.c     loads that transpose in registers
 *   loop_nest.c     loops, work units, tails
 *   loop_row*.c     reductions and rowwise ops: see loop_row.h
 */
#ifndef HMLC_LOOP_H
#define HMLC_LOOP_H

#include "llvm/frame/frame.h"

extern const hmlc_kernel_class hmlc_loop_class;

enum {
    HMLC_LOOP_MAX_VARS = 16,
    HMLC_LOOP_MAX_SEGMENTS = 16,
    HMLC_LOOP_MAX_CUTS = 8,
    HMLC_LOOP_MAX_LANES = 128,
    HMLC_LOOP_MAX_ROWS = 16, /* of a register tile */
    HMLC_LOOP_MAX_CARRY = 64,
    HMLC_LOOP_NOWHERE_BYTES = 512 * 8, /* elements of the widest type */
};

_Static_assert((long)HMLC_LOOP_MAX_CARRY <= (long)HMLC_FRAME_CARRIED, "one loop carries them all");

/* One loop variable: runs over [0, trip). */
typedef struct hmlc_loop_var {
    hmlc_dim extent; /* its share of a dim of F */
    hmlc_dim trip;   /* extent times those of the variables fused into it */
    int32_t dim;     /* of F */
    hmlc_dim scale;  /* its factor in F's index along that dim */
    bool reduced;
    bool fused; /* runs inside the next variable; its own position stays 0 */
    /* Cut into segments, so that a concat (or pad) along it needs no selection. */
    uint32_t segment_count;                      /* 0: not cut */
    hmlc_dim bounds[HMLC_LOOP_MAX_SEGMENTS + 1]; /* first index of each, then the end */
} hmlc_loop_var;

/*
 * A concat, or one dim of a pad, whose side is decided by the segment of a variable: where its
 * index is `source` + constant. `var` is the variable that runs over the segments: source, or the
 * one that it was fused into.
 */
typedef struct hmlc_loop_cut {
    const hmlc_op *op;
    int32_t dim;
    uint32_t source, var;
    hmlc_dim constant;
} hmlc_loop_cut;

typedef struct hmlc_loop_space {
    int32_t rank;
    const hmlc_dim *shape; /* F */
    uint32_t count;
    hmlc_loop_var vars[HMLC_LOOP_MAX_VARS];
    uint32_t cut_count;
    hmlc_loop_cut cuts[HMLC_LOOP_MAX_CUTS];
} hmlc_loop_space;

/* sum of coefficient[k] * variable k + constant + a value computed at run time. */
typedef struct hmlc_loop_index {
    hmlc_dim coefficient[HMLC_LOOP_MAX_VARS]; /* NULL: 0 */
    hmlc_dim constant;
    LLVMValueRef computed;    /* one, or a vector of lanes; NULL: none, or in the analysis */
    uint32_t computed_vars;   /* the variables it depends on */
    uint32_t computed_serial; /* 0: none; in the analysis a number that tells them apart */
} hmlc_loop_index;

/* A value at the current lanes: one scalar for all of them, or a vector. */
typedef struct hmlc_loop_value {
    LLVMValueRef value;
    bool vector;
} hmlc_loop_value;

struct hmlc_loop_memo;
struct hmlc_loop_rows;
struct hmlc_loop_analysis;

/* What planning decides; plan->state. */
typedef struct hmlc_loop_state {
    hmlc_loop_space space;
    bool empty;     /* F is known to have no elements */
    int32_t vector; /* the variable along which lanes lie; -1: scalar */
    int32_t inner;  /* a short variable inside it whose whole extent is in the lanes; -1: none */
    int32_t tile;   /* the variable whose rows are transposed against the lanes; -1: none */
    /* Loops over the kept variables, outermost first; the vector variable, when kept, is the last.
     */
    uint32_t order[HMLC_LOOP_MAX_VARS], order_count;
    uint32_t inside[HMLC_LOOP_MAX_VARS], inside_count; /* the reduced ones likewise */
    /* Work units: all combinations of the loops before level `unit`, times chunks of that one. */
    int32_t unit;                /* -1: one unit */
    int64_t chunk;               /* iterations of the unit variable in a work unit */
    uint32_t lanes;              /* of one register */
    uint32_t wide;               /* lanes of the unrolled main loop */
    bool movement;               /* no arithmetic at all */
    bool failing;                /* may end with HML_KERNEL_INDEX */
    struct hmlc_loop_rows *rows; /* reductions; NULL: none */
} hmlc_loop_state;

typedef struct hmlc_loop_context {
    const hmlc_op *kernel;
    hmlc_id_range ids; /* of the kernel's region: tables by value are indexed by id - ids.first */
    hmlc_module *module;
    hmlc_dims *dims;
    hmlc_arena *arena; /* of the walk */
    hmlc_arena *keep;  /* of the plan */
    const hmlc_kernel_plan *plan;
    hmlc_loop_space *space;
    hmlc_loop_state *state;
    struct hmlc_loop_analysis *analysis; /* while planning */
    hmlc_status status;                  /* the first failure of the walk */
    /* emission */
    hmlc_frame *frame;
    uint32_t lanes;
    LLVMValueRef position[HMLC_LOOP_MAX_VARS];     /* of lane 0 */
    const uint16_t *lane_step[HMLC_LOOP_MAX_VARS]; /* lane's distance to it; NULL: all 0 */
    uint16_t steps[2][HMLC_LOOP_MAX_LANES];
    uint32_t tile_rows, tile_row;   /* rows evaluated together, and the current one */
    uint32_t tile_mask;             /* the tile variable and those fused into it */
    LLVMValueRef tile_start;        /* of row 0 */
    uint32_t *hoisted, hoist_stamp; /* by value: visited by the current hoisting */
    LLVMValueRef guard;             /* i1 or lanes of it: loads happen where true; NULL: always */
    bool guard_vector;
    int32_t segment[HMLC_LOOP_MAX_VARS]; /* current segment of each cut variable */
    /* Values that loops and branches carry: accumulators of a reduction. */
    LLVMValueRef carry[HMLC_LOOP_MAX_CARRY];
    uint32_t carry_count;
    struct hmlc_loop_memo *memo;
    uint32_t memo_count, memo_capacity;
    LLVMValueRef *tables; /* by value: memory of small constants and dim tables */
    LLVMValueRef nowhere; /* HMLC_LOOP_NOWHERE_BYTES zeros, for loads that a guard turns off */
} hmlc_loop_context;

/* -- loop_space.c -- */
hmlc_status hmlc_loop_space_create(hmlc_loop_space *space, hmlc_dims *dims, int32_t rank,
                                   const hmlc_dim *shape, uint32_t reduced_mask) HMLC_MUST_USE;
/* Splits variable k into an outer one and an inner one of the given extent; false when full. */
bool hmlc_loop_space_split(hmlc_loop_space *space, hmlc_dims *dims, uint32_t k, hmlc_dim inner);
/* Fuses neighbours wherever every recorded access is linear in the joint index. */
void hmlc_loop_space_fuse(hmlc_loop_space *space, hmlc_dims *dims, const hmlc_loop_index *accesses,
                          uint32_t access_count);
/* Trip count 1 or fused away. */
bool hmlc_loop_var_idle(const hmlc_loop_var *var);
/* A typical value (symbols at their hints), at least 1. */
int64_t hmlc_loop_dim_hint(hmlc_dims *dims, hmlc_dim dim, hmlc_arena *arena);

/* -- loop_index.c -- */
hmlc_loop_index hmlc_loop_index_constant(hmlc_dim constant);
hmlc_loop_index hmlc_loop_index_zero(const hmlc_loop_context *context);
/* F's index along `dim`. */
hmlc_loop_index hmlc_loop_index_of_dim(const hmlc_loop_context *context, int32_t dim);
hmlc_loop_index hmlc_loop_index_add(hmlc_loop_context *context, const hmlc_loop_index *a,
                                    const hmlc_loop_index *b);
hmlc_loop_index hmlc_loop_index_scale(hmlc_loop_context *context, const hmlc_loop_index *a,
                                      hmlc_dim factor);
hmlc_loop_index hmlc_loop_index_offset(hmlc_loop_context *context, const hmlc_loop_index *a,
                                       hmlc_dim term);
/* a = quotient * by + remainder, 0 <= remainder < by; a is not negative. */
void hmlc_loop_index_divide(hmlc_loop_context *context, const hmlc_loop_index *a, hmlc_dim by,
                            hmlc_loop_index *quotient, hmlc_loop_index *remainder);
bool hmlc_loop_index_equal(const hmlc_loop_index *a, const hmlc_loop_index *b);
uint32_t hmlc_loop_index_vars(const hmlc_loop_index *a); /* mask */
/* The only variable when a = variable + constant; -1. */
int32_t hmlc_loop_index_only_var(const hmlc_loop_index *a);
/* As indices of the current lanes. */
hmlc_loop_value hmlc_loop_index_value(hmlc_loop_context *context, const hmlc_loop_index *a);
/* An index known only as a value. */
hmlc_loop_index hmlc_loop_index_computed(hmlc_loop_context *context, hmlc_loop_value value,
                                         uint32_t vars);

/* -- loop_view.c -- */
/* Index of operand k of an op whose operands' indices follow from the result's. */
void hmlc_loop_view_index(hmlc_loop_context *context, const hmlc_op *op, uint32_t operand,
                          const hmlc_loop_index *result, hmlc_loop_index *index);
/* Broadcast of `type` to result dims, aligned at the end. */
void hmlc_loop_broadcast_index(hmlc_loop_context *context, const hmlc_type *type,
                               const hmlc_type *to, const hmlc_loop_index *result,
                               hmlc_loop_index *index);
bool hmlc_loop_type_empty(const hmlc_type *type); /* some dim is the constant 0 */
/* The index of a yielded value's elements: F's, or with rows F's without the reduced dims. */
void hmlc_loop_result_index(const hmlc_loop_context *context, const hmlc_type *type,
                            hmlc_loop_index *index);
/* Of the index operand of gathers and one_hot. The last dim of gather_nd's is left to the caller.
 */
void hmlc_loop_indices_index(hmlc_loop_context *context, const hmlc_op *op,
                             const hmlc_loop_index *result, hmlc_loop_index *index);
/* Row-major position in a dense tensor. */
hmlc_loop_index hmlc_loop_dense_index(hmlc_loop_context *context, const hmlc_type *type,
                                      const hmlc_loop_index *index);
/* Where an argument's or result's element lies, in elements. */
hmlc_loop_index hmlc_loop_access_index(hmlc_loop_context *context, const hmlc_value *outer,
                                       const hmlc_loop_index *index);
/*
 * The segment of the variable that was cut for this op (concat: its axis; pad: any dim); -1: none.
 * A concat's segments are its inputs; a pad's second one is the inside.
 */
int32_t hmlc_loop_segment_of(const hmlc_loop_context *context, const hmlc_op *op, int32_t dim,
                             const hmlc_loop_index *index);
/* Asks for a cut: bounds[count + 1] are indices along a dim of the op's result. */
void hmlc_loop_space_cut(hmlc_loop_context *context, const hmlc_op *op, int32_t dim,
                         const hmlc_loop_index *index, const hmlc_dim *bounds, uint32_t count);

/* -- loop_analyze.c -- */
typedef struct hmlc_loop_analysis {
    hmlc_loop_index *accesses; /* linear forms that fusing must keep */
    uint32_t access_count, access_capacity;
    hmlc_loop_index *loads; /* those that are loads or stores of memory */
    uint32_t load_count, load_capacity;
    uint32_t *load_bytes; /* element size of each load */
    uint32_t split_var;   /* a split that would make an index linear; UINT32_MAX: none */
    hmlc_dim split_inner;
    uint32_t serial;
    uint32_t cost;          /* of one element, in tenths of a nanosecond */
    uint32_t element_bytes; /* the widest */
    bool movement, failing;
    bool segments; /* cuts may be made */
} hmlc_loop_analysis;

hmlc_status hmlc_loop_analyze(hmlc_loop_context *context) HMLC_MUST_USE;
void hmlc_loop_record_access(hmlc_loop_context *context, const hmlc_loop_index *index);

/* -- loop_choose.c -- */
void hmlc_loop_choose(hmlc_loop_context *context, hmlc_kernel_plan *plan);

/* -- loop_value.c -- */
hmlc_loop_value hmlc_loop_lower(hmlc_loop_context *context, const hmlc_value *value,
                                const hmlc_loop_index *index);
/* An index operand as an index after hmlc_loop_check_index, remembered with its check. */
hmlc_loop_value hmlc_loop_lower_checked(hmlc_loop_context *context, const hmlc_value *indices,
                                        const hmlc_loop_index *index, hmlc_dim size);
LLVMValueRef hmlc_loop_widen(hmlc_loop_context *context,
                             hmlc_loop_value value); /* a vector of all lanes */
/* Both at the same lanes; an i1 condition may stay one for all lanes. */
hmlc_loop_value hmlc_loop_select(hmlc_loop_context *context, hmlc_loop_value condition,
                                 hmlc_loop_value a, hmlc_loop_value b);
hmlc_loop_value hmlc_loop_convert(hmlc_loop_context *context, hmlc_loop_value value,
                                  hmlc_dtype from, hmlc_dtype to);
uint32_t hmlc_loop_memo_mark(const hmlc_loop_context *context);
void hmlc_loop_memo_release(hmlc_loop_context *context, uint32_t mark);
hmlc_loop_value hmlc_loop_zero_of(hmlc_loop_context *context, hmlc_dtype dtype);

/* -- loop_table.c -- */
/* Memory for constants and dim tables of the region; before the first walk. */
hmlc_status hmlc_loop_prepare_tables(hmlc_loop_context *context) HMLC_MUST_USE;
hmlc_loop_value hmlc_loop_lower_table(hmlc_loop_context *context, const hmlc_value *value,
                                      const hmlc_loop_index *index);

/* -- loop_hoist.c -- */
/* Lowers now what does not depend on the variables in `mask`, so that it is not repeated. */
void hmlc_loop_hoist(hmlc_loop_context *context, uint32_t mask);
/* The same for one value; values already visited since the stamp last moved are left alone. */
void hmlc_loop_hoist_value(hmlc_loop_context *context, const hmlc_value *value,
                           const hmlc_loop_index *index, uint32_t mask);

/* -- loop_gather.c -- */
hmlc_loop_value hmlc_loop_lower_indexed(hmlc_loop_context *context, const hmlc_op *op,
                                        const hmlc_loop_index *index);
hmlc_loop_value hmlc_loop_lower_generator(hmlc_loop_context *context, const hmlc_op *op,
                                          const hmlc_loop_index *index);
/* As an index, negative ones counted from the end; out of [0, size) ends the kernel. */
hmlc_loop_value hmlc_loop_check_index(hmlc_loop_context *context, const hmlc_value *indices,
                                      hmlc_loop_value value, hmlc_dim size);
/* The index of the data operand, whose index operand is lowered on the way. */
void hmlc_loop_gather_index(hmlc_loop_context *context, const hmlc_op *op,
                            const hmlc_loop_index *index, hmlc_loop_index *data);

/* -- loop_load.c -- */
/* Bool is i1 in registers, unless the kernel only moves bytes. */
LLVMTypeRef hmlc_loop_register_type(const hmlc_loop_context *context, hmlc_dtype dtype);
hmlc_loop_value hmlc_loop_load(hmlc_loop_context *context, hmlc_dtype dtype, LLVMValueRef base,
                               const hmlc_loop_index *offset);
void hmlc_loop_store(hmlc_loop_context *context, hmlc_dtype dtype, LLVMValueRef base,
                     const hmlc_loop_index *offset, hmlc_loop_value value);
/* base + the part of the offset that all lanes share. */
LLVMValueRef hmlc_loop_address(hmlc_loop_context *context, LLVMTypeRef type, LLVMValueRef base,
                               const hmlc_loop_index *offset);

/* -- loop_tile.c -- */
bool hmlc_loop_tile_fits(const hmlc_loop_context *context, hmlc_dtype dtype,
                         const hmlc_loop_index *offset);
void hmlc_loop_tile_load(hmlc_loop_context *context, hmlc_dtype dtype, LLVMValueRef base,
                         const hmlc_loop_index *offset, LLVMValueRef *rows);

/* -- loop_nest.c -- */
/* The variable and those fused into it, as a mask. */
uint32_t hmlc_loop_var_mask(const hmlc_loop_space *space, uint32_t var);
/* Emits loops over the work units [begin, end) around the innermost code, `body`, which is called
 * with the lanes and positions set. */
typedef void hmlc_loop_body(hmlc_loop_context *context);
void hmlc_loop_emit_units(hmlc_loop_context *context, hmlc_loop_body *body);
/* Loops whose carried values are context->carry. */
void hmlc_loop_begin_carried(hmlc_loop_context *context, hmlc_frame_loop *loop, LLVMValueRef first,
                             LLVMValueRef limit, int64_t step);
void hmlc_loop_end_carried(hmlc_loop_context *context, hmlc_frame_loop *loop);
/* Part of a variable's range. */
typedef struct hmlc_loop_range {
    LLVMValueRef first, limit;
} hmlc_loop_range;
/*
 * Calls body for pieces of the range along the vector variable, widest first. The range ends at
 * `trip` or at a multiple of the wide lanes; NULL: anywhere.
 */
void hmlc_loop_emit_pieces(hmlc_loop_context *context, hmlc_loop_range range, hmlc_dim trip,
                           hmlc_loop_body *body);

/* -- loop_row.c -- */
hmlc_status
hmlc_loop_rows_create(hmlc_loop_context *context) HMLC_MUST_USE; /* before the analysis */
hmlc_status hmlc_loop_rows_plan(hmlc_loop_context *context, hmlc_kernel_plan *plan) HMLC_MUST_USE;
hmlc_status hmlc_loop_rows_emit(hmlc_loop_context *context) HMLC_MUST_USE;
bool hmlc_loop_row_supported(const hmlc_op *op, const char **reason);
/* A reduction's or rowwise op's result, or a value kept from an earlier phase; false: compute it.
 */
bool hmlc_loop_row_value(hmlc_loop_context *context, const hmlc_value *value,
                         const hmlc_loop_index *index, hmlc_loop_value *result);

#endif
