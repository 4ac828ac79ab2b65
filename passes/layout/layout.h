/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layout pass. Convolutions and pools want [N, spatial.., C] where the graph says [N, C,
 * spatial..]. Each value that such an op can reach through layout-neutral ops gets an alternative
 * order of its dims; each neutral op then works either in the graph's order or in the alternative
 * one. Which, is a minimum cut: an edge is a value whose maker and reader disagree, its weight the
 * bytes that a transpose would move.
 */
#ifndef HMLC_LAYOUT_H
#define HMLC_LAYOUT_H

#include "query.h"

/*
 * The alternative order of a value's dims: `batch` leading dims stay in front, the `channels` dims
 * behind them move to the end. Channels 0: there is none.
 */
typedef struct hmlc_layout_split {
    uint8_t batch, channels;
} hmlc_layout_split;

/* A list of dims: position i holds dim axes[i] of the graph's shape. */
typedef struct hmlc_layout_order {
    int32_t rank;
    int64_t axes[HMLC_MAX_RANK];
} hmlc_layout_order;

typedef enum hmlc_layout_role {
    HMLC_LAYOUT_FIXED,    /* the graph's order only */
    HMLC_LAYOUT_FORCED,   /* the alternative order only: convolutions and pools */
    HMLC_LAYOUT_NEUTRAL,  /* either: one node of the cut */
    HMLC_LAYOUT_PERMUTES, /* a transpose: takes any order of its operand and result */
} hmlc_layout_role;

typedef struct hmlc_layout_value {
    hmlc_layout_split split;
    bool queued;
    bool alternative;        /* a transpose's result: decided by the cut */
    uint32_t node;           /* a transpose's result: its node of the cut; 0: none */
    hmlc_value *stored;      /* what replaces the value; NULL: itself, in the graph's order */
    hmlc_layout_order order; /* of `stored` */
    hmlc_value *converted;   /* `stored` brought into converted_order, for all who want that */
    hmlc_layout_order converted_order;
} hmlc_layout_value;

typedef struct hmlc_layout_op {
    hmlc_op *op;
    hmlc_layout_role role;
    bool alternative;        /* the cut's decision */
    uint32_t node;           /* of the cut */
    hmlc_layout_split split; /* NEUTRAL and FORCED: of its main operand */
} hmlc_layout_op;

typedef struct hmlc_layout_state {
    hmlc_module *module;
    hmlc_arena *scratch;
    hmlc_layout_value *values; /* by id */
    uint32_t value_count;      /* ids that existed before */
    hmlc_layout_op *ops;       /* all regions, in program order; hmlc_op.note points here */
    uint32_t op_count;
} hmlc_layout_state;

static inline hmlc_layout_op *hmlc_layout_op_of(const hmlc_op *op)
{
    return op->note;
}

/* -- layout_split.c ---------------------------------------------------------------------------- */
hmlc_layout_order hmlc_layout_order_identity(int32_t rank);
hmlc_layout_order hmlc_layout_order_of(hmlc_layout_split split, int32_t rank);
/* Where in `order` dim `axis` stands. */
int64_t hmlc_layout_order_find(const hmlc_layout_order *order, int64_t axis);
bool hmlc_layout_order_equal(const hmlc_layout_order *left, const hmlc_layout_order *right);
/* Going from one order of `type` to the other moves only dims of size 1. */
bool hmlc_layout_order_same_bytes(const hmlc_type *type, const hmlc_layout_order *from,
                                  const hmlc_layout_order *to);
/* The result's split when operand 0 of a neutral op has `split`; channels 0: none. */
hmlc_layout_split hmlc_layout_result_split(hmlc_layout_state *state, const hmlc_op *op,
                                           hmlc_layout_split split);
/* Splits of all values, by propagation from the forced ops; sets the ops' roles. */
hmlc_status hmlc_layout_propagate(hmlc_layout_state *state) HMLC_MUST_USE;

/* -- layout_flow.c: maximum flow --------------------------------------------------------------- */
typedef struct hmlc_layout_flow hmlc_layout_flow;
enum { HMLC_LAYOUT_SOURCE = 0, HMLC_LAYOUT_SINK = 1 }; /* graph's order, alternative order */
hmlc_layout_flow *hmlc_layout_flow_create(hmlc_arena *arena);
uint32_t hmlc_layout_flow_node(hmlc_layout_flow *flow);
/* Capacities of both directions. */
void hmlc_layout_flow_edge(hmlc_layout_flow *flow, uint32_t from, uint32_t to, int64_t forward,
                           int64_t backward);
/* HMLC_RESOURCE where there was no memory for it, or for a node or an edge before. */
hmlc_status hmlc_layout_flow_run(hmlc_layout_flow *flow) HMLC_MUST_USE;
/* After the run: the node stands on the source's side in every minimum cut. */
bool hmlc_layout_flow_at_source(const hmlc_layout_flow *flow, uint32_t node);

/* -- layout_cut.c: decides --------------------------------------------------------------------- */
hmlc_status hmlc_layout_cut(hmlc_layout_state *state) HMLC_MUST_USE;

/* -- layout_rewrite.c: applies ----------------------------------------------------------------- */
hmlc_status hmlc_layout_rewrite(hmlc_layout_state *state) HMLC_MUST_USE;
/* A transposed constant, made at once. */
hmlc_status hmlc_layout_constant(hmlc_builder *builder, const hmlc_tensor *tensor,
                                 const int64_t *permutation, hmlc_value **result) HMLC_MUST_USE;

/* -- layout_attrs.c: an op's attributes when its dims have another order ----------------------- */
enum { HMLC_LAYOUT_MAX_ATTRS = HMLC_ATTR_COUNT }; /* an op has each of them once */
typedef struct hmlc_layout_attrs {
    uint32_t count;
    hmlc_attr attrs[HMLC_LAYOUT_MAX_ATTRS];
    int64_t integers[2 * HMLC_MAX_RANK];
    double reals[HMLC_LAYOUT_MAX_ATTRS][2 * HMLC_MAX_RANK];
    hmlc_dim dims[HMLC_LAYOUT_MAX_ATTRS][2 * HMLC_MAX_RANK];
} hmlc_layout_attrs;
void hmlc_layout_map_attrs(const hmlc_op *op, const hmlc_layout_order *operand,
                           const hmlc_layout_order *result, hmlc_layout_attrs *mapped);

#endif
