/* SPDX-License-Identifier: Apache-2.0 */
/* What the words of AArch64's kernels mean, apart from asking for them. */
#ifndef HML_FEATURES_AARCH64_H
#define HML_FEATURES_AARCH64_H

#include <stdbool.h>
#include <stdint.h>

/* HML_CPU_AARCH64_* bits of AT_HWCAP and AT_HWCAP2. */
uint64_t hml_aarch64_features(uint64_t hwcap, uint64_t hwcap2);
/* Whether the core with this MIDR_EL1 issues in order. For the choice of code that runs in any
 * case. */
bool hml_aarch64_in_order(uint64_t midr);

#endif
