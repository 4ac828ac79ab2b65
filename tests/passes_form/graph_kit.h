/* SPDX-License-Identifier: Apache-2.0 */
/* Builds test graphs in a few words. A failure prints its diagnostics and makes every later call a
 * no-op. */
#ifndef GRAPH_KIT_H
#define GRAPH_KIT_H

#include <hmlc/ir.h>

typedef hmlc_value *V;

typedef struct kit {
    hmlc_module *module;
    hmlc_builder builder;
    uint32_t seed;
    bool failed;
} kit;

kit kit_open(void);
/* Lists are text: "batch, 3, 2*n"; "" is rank 0. */
V kit_input(kit *k, const char *name, hmlc_dtype dtype, const char *shape);
V kit_weight(kit *k, const char *shape); /* f32, seeded values in [-1, 1] */
V kit_scalar(kit *k, double value);      /* f32 */
V kit_unary(kit *k, hmlc_opcode opcode, V x);
V kit_binary(kit *k, hmlc_opcode opcode, V a, V b);
V kit_matmul(kit *k, V a, V b, bool transpose_b);
V kit_reshape(kit *k, V x, const char *shape);
V kit_transpose(kit *k, V x, const char *permutation);
V kit_slice(kit *k, V x, const char *starts, const char *sizes);
V kit_concat(kit *k, int64_t axis, uint32_t count, V const *operands);
V kit_pad(kit *k, V x, const char *pads);
V kit_reduce(kit *k, hmlc_opcode opcode, V x, const char *axes, bool keep);
V kit_rows(kit *k, hmlc_opcode opcode, V x, V scale, V bias, const char *axes);
/* Channels first; stride, pad and dilation 1 are the same in all spatial dims. */
V kit_conv(kit *k, V x, V w, V bias, int64_t stride, int64_t pad, int64_t groups);
V kit_conv_transpose(kit *k, V x, V w, V bias, int64_t stride);
V kit_pool(kit *k, hmlc_opcode opcode, V x, int64_t window, int64_t stride, int64_t pad);
void kit_yield(kit *k, uint32_t count, V const *values);

#define KIT_LIST(...)                                                                              \
    (sizeof((V[]){__VA_ARGS__}) / sizeof(V)), (V[])                                                \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

#endif
