/* SPDX-License-Identifier: Apache-2.0 */
/* What this CPU can do at most: the yardstick of kernel speeds. */
#ifndef HML_FMA_PEAK_H
#define HML_FMA_PEAK_H

#include <stddef.h>

/*
 * GFLOP/s of f32 multiply-adds on one core, measured for a few milliseconds with a loop that stays
 * in registers: enough independent accumulators to hide the latency, in the widest vectors there
 * are. 0 on architectures without such a loop here.
 */
double hml_fma_peak_gflops(void);

/* The processor's name, "AMD EPYC"; "unknown" when it tells none. */
void hml_cpu_name(char *text, size_t bytes);

#endif
