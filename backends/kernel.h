/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kernels inside backends/: what the planner asks of a kernel class, and what a class tells about
 * one kernel. Planning touches no LLVM and happens for `check` too; emission happens later, in a
 * child process, for unique kernels only.
 */
#ifndef HMLC_KERNEL_H
#define HMLC_KERNEL_H

#include <hmlc/backends.h>

/* One operand of a kernel function, in the order of hml_kernel_args.operands. */
typedef enum hmlc_operand_kind {
    HMLC_OPERAND_ARGUMENT, /* region argument `index`: read-only */
    HMLC_OPERAND_RESULT,   /* yielded value `index`: written */
    HMLC_OPERAND_PACKED,   /* constant argument `index` in the kernel's own packing: read-only */
    HMLC_OPERAND_TABLE,    /* bytes made at plan time (offsets of taps, ...): in the code */
} hmlc_operand_kind;

struct hmlc_kernel_plan;

typedef struct hmlc_kernel_operand {
    hmlc_operand_kind kind;
    uint32_t index;
    size_t bytes; /* PACKED and TABLE: exact size */
    /*
     * PACKED: names the packing; equal constants with equal text are stored once ("panels16 K=64
     * N=256"). The writer calls `pack` once per stored blob: `constant` in its graph layout ->
     * `bytes` bytes at `out` (zeroed).
     */
    const char *packing;
    hmlc_status (*pack)(const struct hmlc_kernel_plan *plan, const hmlc_tensor *constant,
                        void *out);
    /*
     * TABLE: the bytes, arena-owned. They become constants of the code, not operands of a step: a
     * kernel trusts them as it trusts its instructions. Tables stand behind all other operands.
     */
    const void *table;
} hmlc_kernel_operand;

typedef struct hmlc_kernel_plan {
    const hmlc_op *kernel; /* the `kernel` op */
    const hmlc_target *target;
    const struct hmlc_kernel_class *class_;
    uint32_t operand_count;
    hmlc_kernel_operand *operands;
    hmlc_dim units;         /* number of independent work units */
    hmlc_dim scratch_bytes; /* per thread; constant 0: none */
    hmlc_dim work;      /* floating-point operations of the whole kernel; constant 0: not counted */
    uint32_t unit_cost; /* rough nanoseconds per work unit on one core */
    /* Of a kernel that sums bytes: its speed by the estimate, of that in f32; 0: none. */
    double against_float;
    /*
     * What besides the kernel's text and target decides the code ("tile=6x16"): part of the key
     * under which equal kernels are shared. Code that uses a feature which the target has beyond
     * its `base` is named here, too: where nothing is, the base's code serves.
     */
    const char *variant;
    void *state; /* the class's own, arena-owned */
} hmlc_kernel_plan;

typedef struct hmlc_plan_context {
    hmlc_module *module;
    hmlc_arena *arena; /* for plans */
    const hmlc_target *target;
} hmlc_plan_context;

struct hmlc_frame;

/* One way to make kernels; rows of kernel_classes.c, one per form. */
typedef struct hmlc_kernel_class {
    const char *name; /* as `inspect` prints it */
    int64_t form;     /* HMLC_FORM_* that it takes */
    /* Fills *plan (kernel, target, class_ and default operands are set: arguments, then results). A
     * refusal is a diagnostic with the kernel's location. */
    hmlc_status (*plan)(hmlc_plan_context *context, hmlc_kernel_plan *plan);
    /* Emits the body of the kernel function; the frame's builder stands where units [begin, end)
     * are to be done. The body must leave the builder at the block that falls through to `return
     * OK`. */
    hmlc_status (*emit)(struct hmlc_frame *frame, const hmlc_kernel_plan *plan);
} hmlc_kernel_class;

/*
 * The symbols that the kernel's code reads, sorted by index: the order of hml_kernel_args.dims.
 * Returns their number, UINT32_MAX when memory ran out.
 */
uint32_t hmlc_kernel_symbols(const hmlc_kernel_plan *plan, hmlc_arena *arena,
                             const hmlc_symbol ***symbols);
/* True when the operand's bytes may be written through, or read as, another operand (in-place
 * reuse). */
bool hmlc_kernel_operand_aliased(const hmlc_kernel_plan *plan, uint32_t operand);
/* Operands that a step passes: all before the tables. */
uint32_t hmlc_kernel_passed_count(const hmlc_kernel_plan *plan);
/* The same of two operands. */
bool hmlc_kernel_operands_overlap(const hmlc_kernel_plan *plan, uint32_t a, uint32_t b);
/* The value outside the kernel behind an ARGUMENT, PACKED or RESULT operand; NULL for a TABLE. */
const hmlc_value *hmlc_kernel_operand_value(const hmlc_kernel_plan *plan, uint32_t operand);
/* Text under which equal kernels are shared: region, types, strides, aliasing, target, variant.
 * NULL: no memory. */
const char *hmlc_kernel_key(const hmlc_kernel_plan *plan, hmlc_arena *arena);

/* unit_cost of a unit that takes so many nanoseconds. */
uint32_t hmlc_kernel_unit_cost(double nanoseconds);

/* Region helpers that every class needs. */
/* The constant behind region argument `index`, or NULL when the operand is no constant. */
const hmlc_tensor *hmlc_kernel_argument_constant(const hmlc_op *kernel, uint32_t index);
hmlc_op *hmlc_kernel_yield(const hmlc_op *kernel);
/* The only op of the region with one of `traits`, NULL when there is none or more than one. */
hmlc_op *hmlc_kernel_anchor(const hmlc_op *kernel, uint32_t traits);

#endif
