/* SPDX-License-Identifier: Apache-2.0 */
/* A map from names to pointers, for value names, operators and files. Lives in an arena; names are
 * borrowed. Iteration order is never exposed. Not thread-safe. */
#ifndef HMLC_NAMES_H
#define HMLC_NAMES_H

#include <hmlc/ir.h>

typedef struct hmlc_names_entry {
    const char *name;
    void *value;
} hmlc_names_entry;

typedef struct hmlc_names {
    hmlc_arena *arena;
    hmlc_names_entry *entries; /* open addressing */
    size_t capacity, count;
} hmlc_names;

hmlc_names hmlc_names_create(hmlc_arena *arena);
/* The value of a name; NULL where there is none. */
void *hmlc_names_find(const hmlc_names *names, const char *name);
/* Sets or replaces. */
hmlc_status hmlc_names_set(hmlc_names *names, const char *name, void *value) HMLC_MUST_USE;

/* Is it one of the words of a list, which blanks separate? A "-" before a word in the list is a
 * mark, no part of it. */
bool hmlc_names_listed(const char *list, const char *word);

/*
 * "Did you mean": the candidate with the fewest edits, when that is at most a third of the word's
 * length; else NULL. `next` gives the candidates one after the other, then NULL.
 */
typedef const char *(*hmlc_names_next)(void *context);
const char *hmlc_names_similar(const char *word, hmlc_names_next next, void *context);

#endif
