/* SPDX-License-Identifier: Apache-2.0 */
/* The target table: the rows of all architectures, one behind the other. */
#include <string.h>

#include <hmlc/backends.h>

#include "targets/architecture.h"

#define HMLC_ARCHITECTURE(name) extern const hmlc_architecture hmlc_architecture_##name;
#include "targets.def"
#undef HMLC_ARCHITECTURE

static const hmlc_architecture *const architectures[] = {
#define HMLC_ARCHITECTURE(name) &hmlc_architecture_##name,
#include "targets.def"
#undef HMLC_ARCHITECTURE
};
enum { ARCHITECTURE_COUNT = sizeof architectures / sizeof architectures[0] };

uint32_t hmlc_target_count(void)
{
    uint32_t count = 0;
    for (uint32_t a = 0; a < ARCHITECTURE_COUNT; a++) {
        count += architectures[a]->target_count;
    }
    return count;
}

const hmlc_target *hmlc_target_at(uint32_t index)
{
    for (uint32_t a = 0; a < ARCHITECTURE_COUNT; a++) {
        if (index < architectures[a]->target_count) {
            return &architectures[a]->targets[index];
        }
        index -= architectures[a]->target_count;
    }
    return NULL;
}

const hmlc_architecture *hmlc_architecture_first(void)
{
    return architectures[0];
}

const hmlc_architecture *hmlc_architecture_next(const hmlc_architecture *architecture)
{
    for (uint32_t a = 0; a + 1 < ARCHITECTURE_COUNT; a++) {
        if (architectures[a] == architecture) {
            return architectures[a + 1];
        }
    }
    return NULL;
}

const hmlc_architecture *hmlc_architecture_of(const hmlc_target *target)
{
    for (uint32_t a = 0; a < ARCHITECTURE_COUNT; a++) {
        if (architectures[a]->number == target->architecture) {
            return architectures[a];
        }
    }
    return NULL;
}

static bool runs_here(const hmlc_target *target)
{
    const hmlc_architecture *architecture = hmlc_architecture_of(target);
    uint64_t features;
    return architecture->features_here != NULL && architecture->features_here(&features) &&
           (target->required_features & ~features) == 0;
}

/* The best row for the compiling machine; NULL on a machine that the table does not know. */
static const hmlc_target *target_native(void)
{
    const hmlc_target *found = NULL, *target;
    for (uint32_t k = 0; (target = hmlc_target_at(k)) != NULL; k++) {
        found = runs_here(target) ? target : found;
    }
    return found;
}

const hmlc_target *hmlc_target_find(const char *name)
{
    const hmlc_target *target = NULL;
    if (strcmp(name, "native") == 0) {
        return target_native();
    }
    for (uint32_t k = 0; (target = hmlc_target_at(k)) != NULL; k++) {
        if (strcmp(target->name, name) == 0) {
            return target;
        }
    }
    return NULL;
}
