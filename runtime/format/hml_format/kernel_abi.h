/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a kernel is called. Freestanding: included by the runtime, by the code generator's C
 * counterpart and by the portable kernels. Part of the runtime ABI: fields are only ever added at
 * the end.
 */
#ifndef HML_FORMAT_KERNEL_ABI_H
#define HML_FORMAT_KERNEL_ABI_H

#include <stdint.h>

#define HML_KERNEL_ABI 1

/* What a kernel returns. */
enum {
    HML_KERNEL_OK = 0,
    HML_KERNEL_INDEX = 1, /* an index is out of range: detail[0] index, detail[1] limit */
    HML_KERNEL_SHAPE = 2, /* a computed shape does not fit: detail[0] found, detail[1] expected */
    HML_KERNEL_VALUE = 3, /* an input value the operator forbids: detail[0] value */
    HML_KERNEL_BOUNDS =
        4, /* check mode: an operand, the scratch or the units do not fit; detail[0] operand */
    HML_KERNEL_STEP = 5,   /* the step of a slice or the delta of a range is 0 */
    HML_KERNEL_LENGTH = 6, /* no tensor has this length: detail[0], INT64_MAX: not finite or more */
};

enum {
    HML_KERNEL_RUN = 0,
    /*
     * Touch no operand memory; compare operand_count, dim_count, operand_bytes, scratch_bytes,
     * units, written_count and the alignment and overlap of the operands with what a run would use
     * for these dims; return HML_KERNEL_OK or HML_KERNEL_BOUNDS. This is what makes a damaged
     * program harmless: the runtime calls it for each step whenever dims or addresses change, and
     * runs only what passed.
     */
    HML_KERNEL_CHECK = 1,
};

typedef struct hml_kernel_args {
    void *const *operands;        /* base address per operand: inputs, constants, then results */
    const int64_t *dims;          /* values of the kernel's own list of dim expressions */
    void *scratch;                /* this thread's scratch, 64-byte aligned */
    int64_t begin, end;           /* work units to do: 0 <= begin <= end <= units */
    int64_t *detail;              /* [2]: numbers that go with a status */
    const int64_t *operand_bytes; /* check mode: bytes behind each operand's address */
    int64_t scratch_bytes;        /* check mode */
    int64_t units;                /* check mode: all work units */
    uint32_t mode;                /* HML_KERNEL_RUN or HML_KERNEL_CHECK */
    uint32_t operand_count, dim_count;
    uint32_t written_count; /* check mode: operands, the last ones, that may be written */
} hml_kernel_args;

/*
 * A kernel writes nothing but its result operands, its scratch and detail. Work units are
 * independent: any split of [0, units) over any threads gives the same bits. Results' memory
 * regions of different units do not overlap.
 */
typedef int32_t hml_kernel_function(const hml_kernel_args *args);

#endif
