/* SPDX-License-Identifier: Apache-2.0 */
/* What all CPUs have in common. */
#include "platform/cpu.h"

#include <stddef.h>

#include <hml_format/artifact.h>

bool hml_cpu_is(uint32_t architecture)
{
    return architecture != 0 && architecture == hml_cpu_architecture();
}

bool hml_cpu_runs(uint32_t architecture, uint64_t required)
{
    return hml_cpu_is(architecture) && (required & ~hml_cpu_features()) == 0;
}

const char *hml_cpu_architecture_name(uint32_t architecture)
{
    static const struct {
        uint32_t architecture;
        const char *text;
    } rows[] = {
#define HML_ARCHITECTURE(name, text, code_mark, entry_mark) {HML_ARCHITECTURE_##name, text},
#include <hml_format/architectures.def>
#undef HML_ARCHITECTURE
    };
    for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        if (rows[k].architecture == architecture) {
            return rows[k].text;
        }
    }
    return "unknown";
}
