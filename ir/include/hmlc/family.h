/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What passes may ask of the machines that they make kernels for. It expands from families.def; one
 * machine's own facts are in target.h.
 */
#ifndef HMLC_FAMILY_H
#define HMLC_FAMILY_H

#include <stdint.h>

#include <hmlc/types.h>

typedef enum hmlc_family {
#define HMLC_FAMILY(name, word, arguments, results, bytes) HMLC_FAMILY_##name,
#include <hmlc/families.def>
#undef HMLC_FAMILY
    HMLC_FAMILY_COUNT
} hmlc_family;

typedef struct hmlc_family_facts {
    const char *name;
    uint32_t kernel_arguments; /* most distinct operands of a fused kernel */
    uint32_t kernel_results;   /* most results of one */
    hmlc_dtype left_bytes;     /* of products of bytes */
} hmlc_family_facts;

const hmlc_family_facts *hmlc_family_get_facts(hmlc_family family);

#endif
