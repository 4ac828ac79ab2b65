/* SPDX-License-Identifier: Apache-2.0 */
#include "names.h"

#include <string.h>

/* FNV-1a. */
static size_t hash(const char *name)
{
    uint64_t value = UINT64_C(0xcbf29ce484222325);
    for (const char *byte = name; *byte != '\0'; byte++) {
        value = (value ^ (uint8_t)*byte) * UINT64_C(0x100000001b3);
    }
    return (size_t)(value ^ (value >> 32));
}

hmlc_names hmlc_names_create(hmlc_arena *arena)
{
    return (hmlc_names){.arena = arena};
}

/* The name's entry, or the free one where it belongs; capacity is above count. */
static hmlc_names_entry *slot(hmlc_names_entry *entries, size_t capacity, const char *name)
{
    size_t index = hash(name) & (capacity - 1);
    while (entries[index].name != NULL && strcmp(entries[index].name, name) != 0) {
        index = (index + 1) & (capacity - 1);
    }
    return &entries[index];
}

void *hmlc_names_find(const hmlc_names *names, const char *name)
{
    return names->capacity == 0 ? NULL : slot(names->entries, names->capacity, name)->value;
}

static hmlc_status grow(hmlc_names *names)
{
    size_t capacity = names->capacity == 0 ? 32 : names->capacity * 2;
    hmlc_names_entry *entries = HMLC_NEW_ARRAY(names->arena, hmlc_names_entry, capacity);
    HMLC_TRY_MEMORY(entries);
    for (size_t i = 0; i < names->capacity; i++) {
        if (names->entries[i].name != NULL) {
            *slot(entries, capacity, names->entries[i].name) = names->entries[i];
        }
    }
    names->entries = entries;
    names->capacity = capacity;
    return HMLC_OK;
}

hmlc_status hmlc_names_set(hmlc_names *names, const char *name, void *value)
{
    if (names->count * 2 >= names->capacity) {
        HMLC_TRY(grow(names));
    }
    hmlc_names_entry *entry = slot(names->entries, names->capacity, name);
    if (entry->name == NULL) {
        names->count++;
    }
    *entry = (hmlc_names_entry){.name = name, .value = value};
    return HMLC_OK;
}

bool hmlc_names_listed(const char *list, const char *word)
{
    size_t length = strlen(word);
    while (*list != '\0') {
        list += strspn(list, " -");
        size_t next = strcspn(list, " ");
        if (next > 0 && next == length && memcmp(list, word, length) == 0) {
            return true;
        }
        list += next;
    }
    return false;
}

enum { LONGEST_WORD = 48 };

static char lower(char letter)
{
    return letter >= 'A' && letter <= 'Z' ? (char)(letter - 'A' + 'a') : letter;
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* Levenshtein distance, letter case ignored; both words are at most LONGEST_WORD long. */
static uint32_t edit_distance(const char *a, size_t length_a, const char *b, size_t length_b)
{
    uint32_t row[LONGEST_WORD + 1];
    for (uint32_t j = 0; j <= length_b; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= length_a; i++) {
        uint32_t diagonal = row[0];
        row[0] = (uint32_t)i;
        for (size_t j = 1; j <= length_b; j++) {
            uint32_t change = diagonal + (lower(a[i - 1]) != lower(b[j - 1]) ? 1 : 0);
            diagonal = row[j];
            row[j] = least(change, least(row[j], row[j - 1]) + 1);
        }
    }
    return row[length_b];
}

const char *hmlc_names_similar(const char *word, hmlc_names_next next, void *context)
{
    size_t length = strlen(word);
    const char *best = NULL;
    uint32_t best_distance = (uint32_t)(length / 3) + 1;
    if (length > LONGEST_WORD) {
        return NULL;
    }
    for (const char *name = next(context); name != NULL; name = next(context)) {
        size_t name_length = strlen(name);
        if (name_length > LONGEST_WORD) {
            continue;
        }
        uint32_t distance = edit_distance(word, length, name, name_length);
        if (distance < best_distance) {
            best = name;
            best_distance = distance;
        }
    }
    return best;
}
