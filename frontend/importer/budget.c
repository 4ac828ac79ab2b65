/* SPDX-License-Identifier: Apache-2.0 */
#include "budget.h"

#include <stdlib.h>

struct hmlc_budget_block {
    hmlc_budget_block *next, *previous;
    size_t bytes; /* header included */
    size_t padding;
};

_Static_assert(sizeof(hmlc_budget_block) % 16 == 0, "blocks keep malloc's alignment");

void hmlc_budget_start(hmlc_budget *budget, size_t limit, size_t file_size)
{
    size_t most = limit;
    if (most == 0 && (!hmlc_size_multiply(file_size, 4, &most) ||
                      !hmlc_size_add(most, (size_t)64 << 20, &most))) {
        most = SIZE_MAX;
    }
    *budget = (hmlc_budget){.limit = most};
}

void *hmlc_budget_allocate(hmlc_budget *budget, size_t bytes)
{
    size_t total, used;
    if (!hmlc_size_add(bytes, sizeof(hmlc_budget_block), &total) ||
        !hmlc_size_add(budget->used, total, &used) || used > budget->limit) {
        budget->exceeded = true;
        return NULL;
    }
    hmlc_budget_block *block = malloc(total);
    if (block == NULL) {
        budget->starved = true;
        return NULL;
    }
    block->bytes = total;
    block->previous = NULL;
    block->next = budget->blocks;
    if (block->next != NULL) {
        block->next->previous = block;
    }
    budget->blocks = block;
    budget->used = used;
    return block + 1;
}

void hmlc_budget_release(hmlc_budget *budget, void *memory)
{
    if (memory == NULL) {
        return;
    }
    hmlc_budget_block *block = (hmlc_budget_block *)memory - 1;
    if (block->previous != NULL) {
        block->previous->next = block->next;
    } else {
        budget->blocks = block->next;
    }
    if (block->next != NULL) {
        block->next->previous = block->previous;
    }
    budget->used -= block->bytes;
    free(block);
}

void hmlc_budget_end(hmlc_budget *budget)
{
    hmlc_budget_block *block = budget->blocks;
    while (block != NULL) {
        hmlc_budget_block *next = block->next;
        free(block);
        block = next;
    }
    *budget = (hmlc_budget){0};
}
