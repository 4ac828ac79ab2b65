/* SPDX-License-Identifier: Apache-2.0 */
/* Checks a module after kernel formation against the contract of ir/README.md. */
#ifndef KERNEL_CONTRACT_H
#define KERNEL_CONTRACT_H

#include <hmlc/ir.h>

/* NULL when all holds, else what does not; `offender` gets the op. */
const char *kernel_contract_broken(hmlc_module *module, const hmlc_op **offender);
/* Number of kernels in a region, nested regions included. */
uint32_t kernel_count(const hmlc_region *region);

#endif
