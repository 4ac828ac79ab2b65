/* SPDX-License-Identifier: Apache-2.0 */
/* What this CPU runs, in the terms of the artifact: detected each time, nothing is cached. */
#ifndef HML_CPU_H
#define HML_CPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* -- one file per CPU: cpu_x86_64.c ... -- */

/* HML_CPU_* bits of this architecture that CPU and operating system both support. */
uint64_t hml_cpu_features(void);

/* Those that this version can detect. */
uint64_t hml_cpu_known_features(void);

/* HML_ARCHITECTURE_* of this build; 0 when artifacts have no number for it. */
uint32_t hml_cpu_architecture(void);

/* hml_checksum in the instructions of this very CPU; NULL: there is nothing better. */
typedef uint64_t hml_cpu_checksum_function(const void *data, size_t bytes);
hml_cpu_checksum_function *hml_cpu_checksum(void);

/* -- cpu.c -- */

/* True when code for `architecture` (HML_ARCHITECTURE_*) may run here. */
bool hml_cpu_is(uint32_t architecture);

/* True when code that needs `required` features on `architecture` runs here. */
bool hml_cpu_runs(uint32_t architecture, uint64_t required);

/* "x86-64", "aarch64", ...; "unknown" */
const char *hml_cpu_architecture_name(uint32_t architecture);

#endif
