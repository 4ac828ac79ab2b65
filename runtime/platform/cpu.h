/* What this CPU runs, in the terms of the artifact: detected each time, nothing is cached. */
#ifndef HML_CPU_H
#define HML_CPU_H

#include <stdbool.h>
#include <stdint.h>

/* HML_CPU_* bits of this architecture that CPU and operating system both support. */
uint64_t hml_cpu_features(void);

/* True when code for `architecture` (HML_ARCHITECTURE_*) may run here. */
bool hml_cpu_is(uint32_t architecture);

/* True when code that needs `required` features on `architecture` runs here. */
bool hml_cpu_runs(uint32_t architecture, uint64_t required);

/* "x86-64", "aarch64", ...; "unknown" */
const char *hml_cpu_architecture_name(uint32_t architecture);

#endif
