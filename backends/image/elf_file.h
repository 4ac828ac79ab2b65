/* SPDX-License-Identifier: Apache-2.0 */
/* What the linker step reads of an ELF file, of 32 and of 64 bits. */
#ifndef HMLC_ELF_FILE_H
#define HMLC_ELF_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hmlc/arena.h>

typedef struct hmlc_elf_section {
    const char *name;
    uint32_t type, link;
    uint64_t flags, address, size;
    const uint8_t *data; /* of those that have bytes in the file */
} hmlc_elf_section;

typedef struct hmlc_elf_symbol {
    const char *name;
    uint64_t value;
    bool undefined;
} hmlc_elf_symbol;

typedef struct hmlc_elf {
    bool wide; /* 64 bits */
    hmlc_elf_section *sections;
    uint32_t section_count;
} hmlc_elf;

/* False where the bytes are no ELF file, or memory ran out. The bytes must outlive *elf. */
bool hmlc_elf_open(hmlc_elf *elf, const uint8_t *bytes, size_t size, hmlc_arena *arena);
/* NULL: there is none. */
const hmlc_elf_section *hmlc_elf_find(const hmlc_elf *elf, const char *name);
/* Symbol `index` of a table of symbols; false behind the last one. */
bool hmlc_elf_symbol_at(const hmlc_elf *elf, const hmlc_elf_section *table, size_t index,
                        hmlc_elf_symbol *symbol);

#endif
