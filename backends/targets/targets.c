/* The target table, and which of its rows this machine runs. */
#include <string.h>

#include <hml_format/artifact.h>
#include <hmlc/backends.h>

static const hmlc_target targets[] = {
#define HMLC_TARGET(name, architecture, triple, cpu, features, required, vector_bytes, registers,  \
                    fma, rows, vectors, l1, l2)                                                    \
    {name,                                                                                         \
     HMLC_ARCHITECTURE_##architecture,                                                             \
     triple,                                                                                       \
     cpu,                                                                                          \
     features,                                                                                     \
     required,                                                                                     \
     vector_bytes,                                                                                 \
     registers,                                                                                    \
     fma,                                                                                          \
     rows,                                                                                         \
     vectors,                                                                                      \
     l1,                                                                                           \
     l2},
#include "targets.def"
#undef HMLC_TARGET
};

uint32_t hmlc_target_count(void)
{
    return sizeof targets / sizeof targets[0];
}

const hmlc_target *hmlc_target_at(uint32_t index)
{
    return index < hmlc_target_count() ? &targets[index] : NULL;
}

/* The compiling machine's own row; NULL on a machine that the table does not know. */
static const hmlc_target *target_native(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("x86-64-v4")) {
        return &targets[2];
    }
    if (__builtin_cpu_supports("x86-64-v3")) {
        return &targets[1];
    }
    if (__builtin_cpu_supports("x86-64-v2")) {
        return &targets[0];
    }
#endif
    return NULL;
}

const hmlc_target *hmlc_target_find(const char *name)
{
    if (strcmp(name, "native") == 0) {
        return target_native();
    }
    for (uint32_t k = 0; k < hmlc_target_count(); k++) {
        if (strcmp(targets[k].name, name) == 0) {
            return &targets[k];
        }
    }
    return NULL;
}
