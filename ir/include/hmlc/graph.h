/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The graph: modules, regions, ops and values, in SSA form. A region is a list of ops that ends in
 * `yield`; each op's operands are defined before it (in its region or an enclosing one), so list
 * order is a schedule. Memory belongs to the module's arena; erased ops are unlinked, their memory
 * goes with the module. Not thread-safe.
 */
#ifndef HMLC_GRAPH_H
#define HMLC_GRAPH_H

#include <hmlc/diagnostic.h>
#include <hmlc/op.h>

typedef struct hmlc_module hmlc_module;
typedef struct hmlc_region hmlc_region;
typedef struct hmlc_op hmlc_op;
typedef struct hmlc_value hmlc_value;

/* One use of a value as operand `index` of `op`. Lives in the op's operand array. */
typedef struct hmlc_use {
    hmlc_value *value; /* NULL: absent optional operand */
    hmlc_op *op;
    uint32_t index;
    struct hmlc_use *next, *previous; /* other uses of the value */
} hmlc_use;

/* Where a value's bytes lie; set by the memory plan, HMLC_STORAGE_NONE before it. */
typedef enum hmlc_storage_kind {
    HMLC_STORAGE_NONE,     /* inside a kernel, or never materialised */
    HMLC_STORAGE_ARENA,    /* offset bytes into the session's arena */
    HMLC_STORAGE_GROWABLE, /* a buffer of its own (index), sized when its run-time symbols are known
                            */
    HMLC_STORAGE_INPUT,    /* offset bytes into graph input `index` */
    HMLC_STORAGE_OUTPUT,   /* offset bytes into graph output `index` */
    HMLC_STORAGE_CONSTANT, /* offset bytes into the constant op's value */
} hmlc_storage_kind;

typedef struct hmlc_storage {
    hmlc_storage_kind kind;
    uint32_t index;
    hmlc_dim offset;         /* bytes */
    hmlc_value *root;        /* the value that owns the bytes: itself, or what it is a view of */
    const hmlc_dim *strides; /* elements per dim; NULL: dense row-major */
} hmlc_storage;

struct hmlc_value {
    uint32_t
        id; /* unique in the module, dense enough to index side tables: < hmlc_module.value_count */
    const char *name; /* the user's name, or NULL */
    const hmlc_type *type;
    hmlc_op *producer;   /* NULL: a region's argument */
    hmlc_region *region; /* of an argument */
    uint32_t index;      /* among the producer's results or region's arguments */
    hmlc_use *uses;
    /*
     * Known elements of a small integer or bool tensor as dim expressions, in row-major order, NULL
     * where unknown. Kept by inference: this is how shape arithmetic folds. element count = product
     * of the (static) dims, at most 64.
     */
    const hmlc_dim *elements;
    hmlc_storage storage;
    void *note; /* scratch of the running pass; valid within it only */
};

struct hmlc_op {
    hmlc_opcode opcode;
    uint32_t operand_count, result_count, attr_count, region_count;
    hmlc_use *operands;
    hmlc_value **results;
    const hmlc_attr *attrs; /* those given, sorted by name */
    hmlc_region **regions;
    const hmlc_location *location;
    hmlc_region *parent;
    hmlc_op *next, *previous;
    void *note; /* scratch of the running pass */
};

struct hmlc_region {
    hmlc_module *module;
    hmlc_op *parent; /* NULL: the main graph */
    bool is_branch;  /* of an `if`, a loop, a scan: may not run */
    uint32_t argument_count;
    hmlc_value **arguments;
    hmlc_op *first, *last; /* last is the yield once the region is complete */
};

struct hmlc_module {
    hmlc_arena *arena;
    hmlc_dims *dims;
    hmlc_diagnostics *diagnostics;
    /* Arguments: graph inputs, then states; yield operands: graph outputs, then what the states
     * become. */
    hmlc_region *main;
    const char **output_names; /* one per yield operand of main */
    /*
     * What is kept from one run to the next. State k is argument input count + k of main and
     * operand output count + k of its yield, of one type with constant dims; its name is the
     * argument's. initial_states[k] is what it begins with, NULL: zeros.
     */
    uint32_t state_count;
    const hmlc_tensor **initial_states;
    const char *name;     /* model file name without folders, "" when unknown */
    uint32_t value_count; /* ids handed out */
    /* What constant folding may still spend (passes/fold_constants.c sets and uses it). */
    struct {
        bool known;
        size_t bytes;
        double work;
    } fold;
    /* What the importer knows about the source, for provenance. */
    const char *producer;
    uint32_t source_node_count;
    /* The memory plan's results: bytes as expressions; NULL before it. */
    hmlc_dim arena_bytes;
    uint32_t growable_count;
};

/* NULL on failure. The module owns the arena it makes from `allocator` (NULL: malloc). */
hmlc_module *hmlc_module_create(const hmlc_allocator *allocator);
void hmlc_module_destroy(hmlc_module *module); /* accepts NULL */

/*
 * An equal module in memory of its own, ids of values and dims included: a pass does to the copy
 * what it would have done to the original. Only what never changes is shared: constants, names,
 * locations and attributes, so that the original must outlive the copy. The copy reports to the
 * original's list of diagnostics, whose entries may then speak of locations that the copy owns.
 */
hmlc_status hmlc_module_clone(const hmlc_module *module, const hmlc_allocator *allocator,
                              hmlc_module **copy) HMLC_MUST_USE;

/* A region with no arguments. */
hmlc_region *hmlc_region_create(hmlc_module *module, hmlc_op *parent);
/* For a branch of an `if`, or the body of a loop or scan, that is built now. */
hmlc_region *hmlc_region_create_branch(hmlc_module *module);
/*
 * The innermost branch or body of a loop that the region is or lies in, NULL: the main graph. False
 * for a region that has no place in the graph yet.
 */
bool hmlc_region_branch(const hmlc_region *region, const hmlc_region **branch);
/* True where the region runs only after the equality was checked. */
bool hmlc_region_relies_on(const hmlc_region *region, const hmlc_dim_equality *equality);
/*
 * The ids of the values that the region's own arguments and ops define lie in [first, first +
 * count). For a region built at once count is their number: side tables of one kernel have that
 * size, not the module's.
 */
typedef struct hmlc_id_range {
    uint32_t first, count;
} hmlc_id_range;
hmlc_id_range hmlc_region_ids(const hmlc_region *region);
hmlc_value *hmlc_region_add_argument(hmlc_region *region, const hmlc_type *type, const char *name);
/* One more state: an argument of main, behind all inputs. `initial` is borrowed; NULL: zeros. The
 * yield is the caller's. */
hmlc_value *hmlc_module_add_state(hmlc_module *module, const hmlc_type *type, const char *name,
                                  const hmlc_tensor *initial);
/* Main's arguments and results without the states. The module is complete. */
static inline uint32_t hmlc_module_input_count(const hmlc_module *module)
{
    return module->main->argument_count - module->state_count;
}
static inline uint32_t hmlc_module_output_count(const hmlc_module *module)
{
    return module->main->last->operand_count - module->state_count;
}

/* Where the next op goes: before `before`, or at the region's end when NULL. */
typedef struct hmlc_builder {
    hmlc_module *module;
    hmlc_region *region;
    hmlc_op *before;
    const hmlc_location *location; /* given to new ops */
} hmlc_builder;

hmlc_builder hmlc_builder_at_end(hmlc_region *region);
hmlc_builder hmlc_builder_before(hmlc_op *op);
hmlc_builder hmlc_builder_after(hmlc_op *op);

/*
 * Makes an op, infers its result types and known elements, links it in. Operands and attributes are
 * copied (list data too). Absent operands are NULL, trailing ones may be left out. On failure a
 * diagnostic is added, nothing is linked. Unless the op has regions: use
 * hmlc_op_create_with_regions.
 */
hmlc_status hmlc_op_create(hmlc_builder *builder, hmlc_opcode opcode, hmlc_value *const *operands,
                           uint32_t operand_count, const hmlc_attr *attrs, uint32_t attr_count,
                           hmlc_op **op) HMLC_MUST_USE;
/* As above for an op whose regions are complete (parent is set here). Result types come from
 * inference over the yields. */
hmlc_status hmlc_op_create_with_regions(hmlc_builder *builder, hmlc_opcode opcode,
                                        hmlc_value *const *operands, uint32_t operand_count,
                                        const hmlc_attr *attrs, uint32_t attr_count,
                                        hmlc_region *const *regions, uint32_t region_count,
                                        hmlc_op **op) HMLC_MUST_USE;
/* Shorthands for one result. */
hmlc_status hmlc_build(hmlc_builder *builder, hmlc_opcode opcode, hmlc_value *const *operands,
                       uint32_t operand_count, const hmlc_attr *attrs, uint32_t attr_count,
                       hmlc_value **result) HMLC_MUST_USE;
hmlc_status hmlc_build_unary(hmlc_builder *builder, hmlc_opcode opcode, hmlc_value *a,
                             hmlc_value **result) HMLC_MUST_USE;
hmlc_status hmlc_build_binary(hmlc_builder *builder, hmlc_opcode opcode, hmlc_value *a,
                              hmlc_value *b, hmlc_value **result) HMLC_MUST_USE;
/* A constant; `tensor` is copied, its data is borrowed. */
hmlc_status hmlc_build_constant(hmlc_builder *builder, const hmlc_tensor *tensor,
                                hmlc_value **result) HMLC_MUST_USE;
/* Scalar (rank 0) constants of an element type. */
hmlc_status hmlc_build_scalar(hmlc_builder *builder, hmlc_dtype dtype, double value,
                              hmlc_value **result) HMLC_MUST_USE;
hmlc_status hmlc_build_transpose(hmlc_builder *builder, hmlc_value *a, const int64_t *permutation,
                                 hmlc_value **result) HMLC_MUST_USE;
hmlc_status hmlc_build_reshape(hmlc_builder *builder, hmlc_value *a, const hmlc_dim *shape,
                               uint32_t rank, hmlc_value **result) HMLC_MUST_USE;
hmlc_status hmlc_build_yield(hmlc_builder *builder, hmlc_value *const *values,
                             uint32_t count) HMLC_MUST_USE;

/* Attribute access. The op must have the attribute in its table; a default is given when it is not
 * set. */
const hmlc_attr *hmlc_op_attr(const hmlc_op *op, hmlc_attr_name name); /* NULL when not set */
/* A bit for each axis that a reduction or rowwise op works over: its axes, or its axis. */
uint32_t hmlc_op_axes_mask(const hmlc_op *op);
int64_t hmlc_op_int(const hmlc_op *op, hmlc_attr_name name); /* INT and ENUM */
double hmlc_op_float(const hmlc_op *op, hmlc_attr_name name);
enum { HMLC_TABLE_LENGTH = 256 }; /* of a lookup */
/* The attributes of a resize. */
hmlc_sampling hmlc_resize_sampling(const hmlc_op *op);

static inline hmlc_value *hmlc_op_operand(const hmlc_op *op, uint32_t index)
{
    return index < op->operand_count ? op->operands[index].value : 0;
}
static inline bool hmlc_op_has(const hmlc_op *op, uint32_t traits)
{
    return hmlc_opcode_has(op->opcode, traits);
}
static inline bool hmlc_op_has_cost(const hmlc_op *op, hmlc_cost_fact fact)
{
    return (hmlc_op_get_info(op->opcode)->cost.facts & fact) != 0;
}

/* A contraction of 8-bit integers that is summed in i32. */
bool hmlc_op_sums_bytes(const hmlc_op *op);
/* One of them, in the region or in those within. */
bool hmlc_region_sums_bytes(const hmlc_region *region);

void hmlc_op_set_operand(hmlc_op *op, uint32_t index, hmlc_value *value);
void hmlc_value_replace_uses(hmlc_value *value,
                             hmlc_value *replacement); /* all of them, in every region */
bool hmlc_value_has_uses(const hmlc_value *value);
bool hmlc_value_has_one_use(const hmlc_value *value);
/* Unlinks; the results must be unused. Regions inside go with it. */
void hmlc_op_erase(hmlc_op *op);
void hmlc_op_move_before(hmlc_op *op, hmlc_op *before);
/* The constant's tensor when the value is produced by a `constant` op, else NULL. */
const hmlc_tensor *hmlc_value_constant(const hmlc_value *value);
/* True, with the value, when it is a constant whose elements are all equal. */
bool hmlc_value_splat(const hmlc_value *value, double *splat);
/* Copies an op (and its regions) with operands mapped through map[value id] (NULL entry: itself).
 */
hmlc_status hmlc_op_clone(hmlc_builder *builder, const hmlc_op *op, hmlc_value **map,
                          hmlc_op **copy) HMLC_MUST_USE;
uint32_t hmlc_region_op_count(const hmlc_region *region, bool nested);

/* Iterates a region's ops; `op` may be erased or moved in the body. */
#define HMLC_FOR_EACH_OP(op, region)                                                               \
    for (hmlc_op *op = (region)->first, *op##_next = op ? op->next : 0; op;                        \
         op = op##_next, op##_next = op ? op->next : 0)

#endif
