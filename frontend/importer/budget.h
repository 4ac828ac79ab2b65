/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A memory budget for parsers: malloc that counts, and fails above a limit. Whatever is still held
 * when the budget ends is released with it, so a parser that gives up half way leaks nothing. Not
 * thread-safe.
 */
#ifndef HMLC_BUDGET_H
#define HMLC_BUDGET_H

#include <hmlc/ir.h>

typedef struct hmlc_budget_block hmlc_budget_block;

typedef struct hmlc_budget {
    size_t limit;              /* bytes */
    size_t used;               /* bytes held now */
    bool exceeded;             /* an allocation failed for the limit's sake */
    bool starved;              /* the system had no memory */
    hmlc_budget_block *blocks; /* everything held */
} hmlc_budget;

/* 64 MiB + 4x the file's size, or `limit` when it is not 0. */
void hmlc_budget_start(hmlc_budget *budget, size_t limit, size_t file_size);
void hmlc_budget_end(hmlc_budget *budget);

/* NULL on failure; 16-byte aligned, not zeroed. */
void *hmlc_budget_allocate(hmlc_budget *budget, size_t bytes);
void hmlc_budget_release(hmlc_budget *budget, void *memory); /* accepts NULL */

#endif
