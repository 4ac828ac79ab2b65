/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target of the JSON reader. */
#include <stdlib.h>

#include "budget_arena.h"
#include "common/json_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void visit(const hmlc_json *value, uint32_t depth)
{
    if (depth > HMLC_JSON_MAX_DEPTH) {
        abort();
    }
    uint32_t count = 0;
    for (const hmlc_json *part = value->first; part != NULL; part = part->next) {
        visit(part, depth + 1);
        count++;
    }
    if (count != value->count) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    budget_arena memory;
    hmlc_arena *arena = budget_arena_open(&memory, size);
    hmlc_diagnostics *diagnostics = arena != NULL ? hmlc_diagnostics_create(arena, 20) : NULL;
    const hmlc_json *value;
    if (diagnostics != NULL) {
        hmlc_status status =
            hmlc_json_read(arena, (const char *)data, size, "the file", diagnostics, NULL, &value);
        if (status == HMLC_OK) {
            visit(value, 0);
        } else if (status != HMLC_RESOURCE && hmlc_diagnostics_error_count(diagnostics) == 0) {
            abort();
        }
    }
    budget_arena_close(&memory);
    return 0;
}
