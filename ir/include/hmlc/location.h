/* SPDX-License-Identifier: Apache-2.0 */
/* Where a value or op comes from: source nodes of the user's model, a list that survives fusion. */
#ifndef HMLC_LOCATION_H
#define HMLC_LOCATION_H

#include <hmlc/arena.h>

typedef struct hmlc_source_node {
    const char *file;    /* file name without folders */
    const char *name;    /* node name, or "" */
    const char *op_type; /* in the source framework's words: "Conv" */
} hmlc_source_node;

/* Immutable; arena-owned. NULL stands for "no location". */
typedef struct hmlc_location {
    uint32_t node_count;
    const hmlc_source_node *nodes;
} hmlc_location;

const hmlc_location *hmlc_location_create(hmlc_arena *arena, const char *file, const char *name,
                                          const char *op_type);
/* Union in order, duplicates dropped; either may be NULL. */
const hmlc_location *hmlc_location_join(hmlc_arena *arena, const hmlc_location *a,
                                        const hmlc_location *b);
/* "resnet.onnx: node 'conv1' (Conv) + 'relu1' (Relu)", or the file alone when name and type are "";
 * at most `size` bytes, long lists end in "+ 3
 * more". */
int hmlc_location_format(const hmlc_location *location, char *text, size_t size);

#endif
