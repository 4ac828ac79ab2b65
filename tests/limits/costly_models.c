/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes small models whose compilation could cost far more than their size.
 *
 *     costly_models list                 the names, each with its usual size
 *     costly_models NAME SIZE FILE       one model
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "costly_models.h"

static const costly_model *const families[] = {costly_chains, costly_fans, costly_dims,
                                               costly_values};

static int list(void)
{
    for (size_t f = 0; f < sizeof families / sizeof families[0]; f++) {
        for (const costly_model *row = families[f]; row->name != NULL; row++) {
            printf("%s %u\n", row->name, row->size);
        }
    }
    return 0;
}

static const costly_model *find(const char *name)
{
    for (size_t f = 0; f < sizeof families / sizeof families[0]; f++) {
        for (const costly_model *row = families[f]; row->name != NULL; row++) {
            if (strcmp(row->name, name) == 0) {
                return row;
            }
        }
    }
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "list") == 0) {
        return list();
    }
    const costly_model *row = argc == 4 ? find(argv[1]) : NULL;
    if (row == NULL) {
        fprintf(stderr, "usage: costly_models list | costly_models NAME SIZE FILE\n");
        return 2;
    }
    wire_buffer graph = {0};
    row->make(&graph, (uint32_t)strtoul(argv[2], NULL, 10));
    return model_save(&graph, 17, "%s", argv[3]) ? 0 : 1;
}
