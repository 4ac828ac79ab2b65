/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kernel formation: groups of ops that become one `kernel` op each. A group grows in three phases
 * (anchors, rows, loops) over side tables; nothing in the graph changes before form_emit.c writes
 * the kernels.
 */
#ifndef HMLC_FORM_H
#define HMLC_FORM_H

#include "pass.h"

/* What no kernel of any family exceeds; a family's own limits are in hmlc/families.def. */
enum {
    HMLC_FORM_MAX_MEMBERS = 64,
    HMLC_FORM_MAX_OPERANDS = 2 * HMLC_FORM_MAX_MEMBERS,
    HMLC_FORM_MAX_VIEWS = 16
};

struct hmlc_form_group;

/* What formation knows of one op of the region; hmlc_op.note points to it. */
typedef struct hmlc_form_op {
    hmlc_op *op;
    uint32_t position;             /* in the region's list */
    uint32_t epoch;                /* number of bind_dims and region ops before it */
    struct hmlc_form_group *group; /* the kernel it belongs to, NULL: none (yet) */
    bool required;                 /* someone reads a result from memory */
    bool emitted;
    uint32_t stamp; /* of the last search that came by */
    uint32_t tried; /* the last group (by number) that looked at it */
} hmlc_form_op;

/* An op inside a group: its own, or a copy of a cheap one that others use too. */
typedef struct hmlc_form_member {
    hmlc_form_op *node;
    bool copied;
    bool moved;     /* not evaluated at the index of the loop */
    bool repeated;  /* evaluated more than once per element of its result */
    uint32_t depth; /* number of computing ops from the first repeated one on */
} hmlc_form_member;

typedef struct hmlc_form_group {
    int64_t form;
    uint32_t number;
    hmlc_op *anchor;       /* contraction, window, recurrent and portable forms */
    const hmlc_type *full; /* shape F of loops and rows; NULL: none */
    const hmlc_op *rows;   /* the first reduction or rowwise op; NULL: none */
    hmlc_arena *arena;
    const hmlc_family_facts *family;
    uint32_t member_count, member_capacity;
    hmlc_form_member *members; /* sorted by position once the group is complete */
    uint32_t first, last;      /* positions of the first and last own member */
    uint32_t stamp;
    bool emitted;
    struct hmlc_form_group *next;
    struct hmlc_form_group *next_bridge;
} hmlc_form_group;

typedef struct hmlc_form_state {
    hmlc_module *module;
    const hmlc_family_facts *family; /* that the kernels are for */
    hmlc_arena *scratch;
    hmlc_region *region;
    hmlc_form_op *ops; /* by position */
    uint32_t op_count;
    hmlc_form_group *groups;
    hmlc_form_group *bridges; /* finished groups with several results */
    uint32_t group_count;
    uint32_t stamp;
    /* By value id, shared by all regions: the value that stands for an old one outside kernels. */
    hmlc_value **replaced;
    /* By value id: what an old value is inside the region under construction. */
    hmlc_value **inner;
    uint32_t value_count; /* ids that existed before formation */
} hmlc_form_state;

/* -- form_query.c: questions about ops and shapes ---------------------------------------------- */

/* The side table entry of the op of this region that holds `op`; NULL when it lies outside. */
hmlc_form_op *hmlc_form_node(const hmlc_form_state *state, const hmlc_op *op);
/* `operand` broadcasts to exactly `result`. */
bool hmlc_form_broadcasts_to(hmlc_dims *dims, const hmlc_type *operand, const hmlc_type *result);
/* Cheap, and computed from values that lie in memory anyhow: may be evaluated by each of its users.
 */
bool hmlc_form_is_copyable(const hmlc_form_state *state, const hmlc_form_op *node);
/* Stays outside kernels whatever happens: constant, bind_dims, if, yield ... */
bool hmlc_form_is_outside(const hmlc_op *op);
/* Reshape, or slice along leading dims whose result is dense: no bytes move. */
bool hmlc_form_is_alias(hmlc_dims *dims, const hmlc_op *op);
/* A constant that lives inside the region of the kernel that reads it as `use`. */
bool hmlc_form_is_inline_constant(const hmlc_use *use);
/*
 * The chain of views above `value`, from memory on: returns the value that must lie in memory
 * (`value` itself when the chain is empty). Dense reshapes right above that memory are not in the
 * chain: they cost nothing outside.
 */
typedef struct hmlc_form_views {
    uint32_t count;
    const hmlc_op *ops[HMLC_FORM_MAX_VIEWS];
    hmlc_access access; /* of `value` in that memory */
} hmlc_form_views;
hmlc_value *hmlc_form_chain(const hmlc_form_state *state, hmlc_value *value,
                            hmlc_form_views *views);
/* A reshape whose operand's index follows from the result's without division. */
bool hmlc_form_reshape_splits(hmlc_dims *dims, const hmlc_op *reshape);

/* -- form_group.c: building groups ------------------------------------------------------------- */

hmlc_form_group *hmlc_form_group_create(hmlc_form_state *state, int64_t form);
/* False when the group is full. Own members must have no group. */
bool hmlc_form_group_add(hmlc_form_group *group, hmlc_form_op *node, bool copied);
void hmlc_form_group_drop_last(hmlc_form_group *group);
hmlc_form_member *hmlc_form_group_find(hmlc_form_group *group, const hmlc_op *op);
/* The group reads no more distinct values from memory than a kernel of the family may. */
bool hmlc_form_group_fits(hmlc_form_group *group);
/* All uses of the op's results lie in the group, and no finished group reads it through a copied
 * view. */
bool hmlc_form_group_has_all_uses(hmlc_form_group *group, const hmlc_form_op *node);
/* Number of values with uses outside. */
uint32_t hmlc_form_group_results(hmlc_form_group *group);
/* The use reads memory: neither a member's result nor a constant that lives in the region. */
bool hmlc_form_group_reads(hmlc_form_group *group, const hmlc_use *use);
/* A path leaves the group, and comes back to `node`, which is about to join as a consumer. */
bool hmlc_form_reaches_consumer(hmlc_form_state *state, hmlc_form_group *group,
                                const hmlc_form_op *node);
/* A path leaves `node`, about to join as a producer, outside the group, and comes back to it. */
bool hmlc_form_producer_escapes(hmlc_form_state *state, hmlc_form_group *group,
                                const hmlc_form_op *node);
/* Sorts the members, marks what the group reads as required, and lists it among the bridges. */
void hmlc_form_group_finish(hmlc_form_state *state, hmlc_form_group *group);
/* Adds the chain of views above `value` as copies; false (nothing added) when it does not fit. */
bool hmlc_form_group_add_chain(hmlc_form_state *state, hmlc_form_group *group, hmlc_value *value);

/* -- the phases -------------------------------------------------------------------------------- */

hmlc_status hmlc_form_anchors(hmlc_form_state *state) HMLC_MUST_USE; /* form_anchors.c */
hmlc_status hmlc_form_rows(hmlc_form_state *state) HMLC_MUST_USE;    /* form_rows.c */
hmlc_status hmlc_form_loops(hmlc_form_state *state) HMLC_MUST_USE;   /* form_loops.c */
hmlc_status hmlc_form_emit(hmlc_form_state *state) HMLC_MUST_USE;    /* form_emit.c */
/* Forms the kernels of one region, nested ones included. */
hmlc_status hmlc_form_region(hmlc_form_state *parent,
                             hmlc_region *region) HMLC_MUST_USE; /* form_kernels.c */
/* Copies where a yield must not share memory (form_copies.c). */
hmlc_status hmlc_form_copies(hmlc_module *module, hmlc_arena *scratch) HMLC_MUST_USE;

#endif
