/* SPDX-License-Identifier: Apache-2.0 */
#include "elf_file.h"

#include <elf.h>
#include <string.h>

/* Fields of the header that say where the sections are. */
typedef struct section_table {
    uint64_t offset;
    uint32_t count, names, bytes; /* bytes: of a section's header */
} section_table;

static bool read_header(hmlc_elf *elf, const uint8_t *bytes, size_t size, section_table *table)
{
    if (size < sizeof(Elf64_Ehdr) || memcmp(bytes, ELFMAG, SELFMAG) != 0) {
        return false;
    }
    elf->wide = bytes[EI_CLASS] == ELFCLASS64;
    if (elf->wide) {
        const Elf64_Ehdr *header = (const void *)bytes;
        *table = (section_table){header->e_shoff, header->e_shnum, header->e_shstrndx,
                                 sizeof(Elf64_Shdr)};
    } else {
        const Elf32_Ehdr *header = (const void *)bytes;
        *table = (section_table){header->e_shoff, header->e_shnum, header->e_shstrndx,
                                 sizeof(Elf32_Shdr)};
    }
    return table->offset <= size &&
           (size_t)table->count * table->bytes <= size - (size_t)table->offset &&
           table->names < table->count;
}

/* A section whose name is still an offset, *name. */
static hmlc_elf_section read_section(const hmlc_elf *elf, const uint8_t *bytes, const uint8_t *at,
                                     uint32_t *name)
{
    if (elf->wide) {
        const Elf64_Shdr *header = (const void *)at;
        *name = header->sh_name;
        return (hmlc_elf_section){NULL,
                                  header->sh_type,
                                  header->sh_link,
                                  header->sh_flags,
                                  header->sh_addr,
                                  header->sh_size,
                                  bytes + header->sh_offset};
    }
    const Elf32_Shdr *header = (const void *)at;
    *name = header->sh_name;
    return (hmlc_elf_section){NULL,
                              header->sh_type,
                              header->sh_link,
                              header->sh_flags,
                              header->sh_addr,
                              header->sh_size,
                              bytes + header->sh_offset};
}

bool hmlc_elf_open(hmlc_elf *elf, const uint8_t *bytes, size_t size, hmlc_arena *arena)
{
    section_table table;
    if (!read_header(elf, bytes, size, &table)) {
        return false;
    }
    const uint8_t *headers = bytes + table.offset;
    uint32_t name;
    hmlc_elf_section names =
        read_section(elf, bytes, headers + (size_t)table.names * table.bytes, &name);
    elf->sections = HMLC_NEW_ARRAY(arena, hmlc_elf_section, table.count);
    elf->section_count = elf->sections != NULL ? table.count : 0;
    for (uint32_t k = 0; k < elf->section_count; k++) {
        elf->sections[k] = read_section(elf, bytes, headers + (size_t)k * table.bytes, &name);
        elf->sections[k].name = (const char *)names.data + name;
    }
    return elf->sections != NULL;
}

const hmlc_elf_section *hmlc_elf_find(const hmlc_elf *elf, const char *name)
{
    for (uint32_t k = 0; k < elf->section_count; k++) {
        if (strcmp(elf->sections[k].name, name) == 0) {
            return &elf->sections[k];
        }
    }
    return NULL;
}

bool hmlc_elf_symbol_at(const hmlc_elf *elf, const hmlc_elf_section *table, size_t index,
                        hmlc_elf_symbol *symbol)
{
    const char *strings = (const char *)elf->sections[table->link].data;
    if (elf->wide) {
        const Elf64_Sym *from = (const Elf64_Sym *)(const void *)table->data + index;
        if (index >= table->size / sizeof *from) {
            return false;
        }
        *symbol =
            (hmlc_elf_symbol){strings + from->st_name, from->st_value, from->st_shndx == SHN_UNDEF};
        return true;
    }
    const Elf32_Sym *from = (const Elf32_Sym *)(const void *)table->data + index;
    if (index >= table->size / sizeof *from) {
        return false;
    }
    *symbol =
        (hmlc_elf_symbol){strings + from->st_name, from->st_value, from->st_shndx == SHN_UNDEF};
    return true;
}
