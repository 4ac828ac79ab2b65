/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target of the HDF5 reader: whatever the bytes, each object that can be reached ends with a
 * status, in bounded memory, and what a tensor holds lies in the file.
 */
#include <stdlib.h>

#include "budget_arena.h"
#include "keras/hdf5.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST_DEPTH = 6, MOST_OBJECTS = 1000 };

static void visit(hmlc_hdf5 *file, hmlc_hdf5_object *object, uint32_t depth, uint32_t *left)
{
    static const char *const attributes[] = {
        "text", "names", "pieces", "heap_names", "model_config", "layer_names", "weight_names"};
    for (size_t i = 0; i < sizeof attributes / sizeof attributes[0]; i++) {
        hmlc_hdf5_texts texts;
        const char *text;
        size_t length;
        bool found;
        (void)!hmlc_hdf5_texts_of(file, object, attributes[i], &texts, &found);
        (void)!hmlc_hdf5_text_of(file, object, attributes[i], &text, &length, &found);
    }
    hmlc_tensor tensor;
    bool swapped;
    if (hmlc_hdf5_is_dataset(object) &&
        hmlc_hdf5_tensor(file, object, "x", &tensor, &swapped) == HMLC_OK) {
        const uint8_t *bytes = tensor.data;
        if (bytes < file->data || bytes + tensor.bytes > file->data + file->size) {
            abort();
        }
    }
    const hmlc_hdf5_link *links;
    uint32_t count;
    if (depth == MOST_DEPTH || hmlc_hdf5_links(file, object, &links, &count) != HMLC_OK) {
        return;
    }
    for (uint32_t i = 0; i < count && *left > 0; i++) {
        hmlc_hdf5_object *next;
        (*left)--;
        if (hmlc_hdf5_find(file, object, links[i].name, &next) == HMLC_OK && next != NULL) {
            visit(file, next, depth + 1, left);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    budget_arena memory;
    hmlc_arena *arena = budget_arena_open(&memory, size);
    hmlc_diagnostics *diagnostics = arena != NULL ? hmlc_diagnostics_create(arena, 20) : NULL;
    if (size > 0 && diagnostics != NULL) {
        hmlc_hdf5 file = {.data = data, .size = size, .arena = arena, .diagnostics = diagnostics};
        uint32_t left = MOST_OBJECTS;
        hmlc_status status = hmlc_hdf5_open(&file);
        if (status == HMLC_OK) {
            visit(&file, file.root, 0, &left);
        } else if (status != HMLC_RESOURCE && hmlc_diagnostics_error_count(diagnostics) == 0) {
            abort(); /* a failure must say why */
        }
    }
    budget_arena_close(&memory);
    return 0;
}
