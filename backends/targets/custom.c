/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Targets that no row describes: a triple, a processor and features in LLVM's words. Code for them
 * is scalar, and asks for nothing that a processor might lack.
 */
#include <stdio.h>
#include <string.h>

#include <hmlc/backends.h>

#include "targets/architecture.h"

static const hmlc_target scalar = {
    .family = HMLC_FAMILY_CPU,
    .object_only = true,
    .page_bytes = 4096,
    .vector_bytes = 4,
    .vector_registers = 16,
    .general_registers = 12,
    .masks = HMLC_MASKS_NONE,
    .l1_bytes = 16 << 10,
    .l1_ways = 4,
    .l2_bytes = 64 << 10,
    .tiles = {.rows = {0, 6, 4, 3, 2, 2, 1, 1, 1}, .usual = 4, .crowded = 4, .few = {8, 4}},
    .window = {.columns = 2, .rows = 1},
    .listed_pixels = 16,
    .rates = {.flops = 0.5,
              .window = 0.3,
              .window_dynamic = 0.1,
              .loop_percent = 2000,
              .chains = 1,
              .prefetch_bytes = INT64_MAX,
              .prefetch_tiles = 1},
};

/* Whether one of the beginnings is the triple's. */
static bool begins(const char *triple, const char *beginnings)
{
    for (const char *at = beginnings; at != NULL; at = strchr(at, ' ')) {
        at += strspn(at, " ");
        size_t length = strcspn(at, " ");
        if (length != 0 && strncmp(triple, at, length) == 0) {
            return true;
        }
    }
    return false;
}

const char *hmlc_triple_foreign_format(const char *triple)
{
    /* What LLVM's triples call systems and formats, with a version behind it or without. */
    static const struct {
        const char *beginnings, *format;
    } rows[] = {
        {"darwin macos ios tvos watchos xros visionos driverkit macho", "Mach-O"},
        {"windows win32 cygwin mingw msvc uefi coff", "COFF"},
        {"aix xcoff", "XCOFF"},
    };
    for (const char *part = strchr(triple, '-'); part != NULL; part = strchr(part + 1, '-')) {
        for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
            if (begins(part + 1, rows[k].beginnings)) {
                return rows[k].format;
            }
        }
    }
    return NULL;
}

bool hmlc_target_of_triple(const char *triple, const char *cpu, const char *features,
                           hmlc_target *target)
{
    const hmlc_architecture *architecture = hmlc_architecture_first();
    while (architecture != NULL && !begins(triple, architecture->triples)) {
        architecture = hmlc_architecture_next(architecture);
    }
    if (architecture == NULL) {
        return false;
    }
    *target = scalar;
    target->name = target->triple = triple;
    target->cpu = cpu != NULL ? cpu : "generic";
    target->features = features != NULL ? features : "";
    target->architecture = architecture->number;
    target->fixed_addresses = strstr(triple, "-none") != NULL || architecture->fixed_addresses;
    target->index_bits = architecture->targets[0].index_bits;
    target->has_f64 = architecture->targets[0].has_f64;
    return true;
}

bool hmlc_target_float_abi(hmlc_target *target, bool hard, char *triple, size_t bytes)
{
    const char *abi = strstr(target->triple, "eabi");
    if (abi == NULL) {
        return false;
    }
    snprintf(triple, bytes, "%.*s%s", (int)(abi - target->triple), target->triple,
             hard ? "eabihf" : "eabi");
    target->triple = triple;
    return true;
}

bool hmlc_target_names_sections(const hmlc_target *target)
{
    return hmlc_architecture_of(target)->named_sections;
}
