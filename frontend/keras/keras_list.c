/* SPDX-License-Identifier: Apache-2.0 */
/* The table of layers. */
#include "importer/operator_list.h"
#include "keras_call.h"

#include <string.h>

static const hmlc_keras_row rows[] = {
#define KERAS_LAYER(class, function, code, weight_list, below, key_list)                           \
    {.name = #class,                                                                               \
     .import = hmlc_keras_import_##function,                                                       \
     .opcode = HMLC_OP_##code,                                                                     \
     .weights = (weight_list),                                                                     \
     .place = (below),                                                                             \
     .keys = (key_list)},
#define KERAS_REFUSED(class, because) {.name = #class, .reason = (because), .weights = ""},
#include "keras_layers.def"
#undef KERAS_LAYER
#undef KERAS_REFUSED
};

const hmlc_keras_row *hmlc_keras_row_at(uint32_t index)
{
    return index < sizeof rows / sizeof rows[0] ? &rows[index] : NULL;
}

const hmlc_keras_row *hmlc_keras_find_row(const char *name)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            return &rows[i];
        }
    }
    return NULL;
}

/* Layers have the meaning of the file's version, 1 to 3, and compute in f32. */
bool hmlc_keras_operator_at(uint32_t index, hmlc_operator_info *info)
{
    const hmlc_keras_row *row = hmlc_keras_row_at(index);
    if (row != NULL) {
        *info = (hmlc_operator_info){row->name, 1, 3, row->import != NULL};
    }
    return row != NULL;
}

uint32_t hmlc_keras_operator_types(uint32_t index, uint32_t variable, const char **names,
                                   uint32_t most)
{
    const hmlc_keras_row *row = hmlc_keras_row_at(index);
    bool known = row != NULL && row->import != NULL && variable == 0 && most > 0;
    if (known) {
        names[0] = "f32";
    }
    return known ? 1 : 0;
}
