/* SPDX-License-Identifier: Apache-2.0 */
/* HDF5: groups, as trees of symbol tables (old) and as link messages (new). */
#include "hdf5_parts.h"

#include <string.h>

static hmlc_status add_link(hmlc_hdf5 *file, hmlc_hdf5_object *group, const char *name,
                            size_t length, uint64_t address)
{
    HMLC_TRY(hmlc_hdf5_count(file, length));
    void *links = group->links;
    if (!hmlc_arena_grow(file->arena, &links, &group->link_room, group->link_count,
                         sizeof *group->links)) {
        return HMLC_RESOURCE;
    }
    group->links = links;
    const char *copy = hmlc_arena_string_n(file->arena, name, length);
    hmlc_hdf5_link *entry = HMLC_NEW(file->arena, hmlc_hdf5_link);
    HMLC_TRY_MEMORY(copy);
    HMLC_TRY_MEMORY(entry);
    if (strlen(copy) != length || hmlc_names_find(&group->names, copy) != NULL) {
        return hmlc_hdf5_damaged(file, "a group has no or two links of the name '%s'", copy);
    }
    *entry = (hmlc_hdf5_link){.name = copy, .address = address};
    group->links[group->link_count++] = *entry;
    return hmlc_names_set(&group->names, copy, entry);
}

/* -- trees ------------------------------------------------------------------------------------- */

typedef struct tree_reader {
    hmlc_hdf5 *file;
    hmlc_hdf5_object *group;
    hdf5_cursor heap; /* the names */
} tree_reader;

static hmlc_status read_heap(hmlc_hdf5 *file, uint64_t address, hdf5_cursor *names)
{
    hdf5_cursor heap = hmlc_hdf5_signed(file, address, "HEAP");
    hmlc_hdf5_skip(&heap, 4); /* version */
    uint64_t bytes = hmlc_hdf5_take(&heap, 8);
    hmlc_hdf5_skip(&heap, 8); /* free list */
    uint64_t data = hmlc_hdf5_take(&heap, 8);
    *names = hmlc_hdf5_range(file, data, bytes);
    return heap.failed || names->failed ? hmlc_hdf5_damaged(file, "a group's names are damaged")
                                        : HMLC_OK;
}

/* A leaf: entries of 40 bytes. */
static hmlc_status read_symbols(tree_reader *reader, uint64_t address)
{
    enum { SOFT_LINK = 2 };
    hmlc_hdf5 *file = reader->file;
    hdf5_cursor node = hmlc_hdf5_signed(file, address, "SNOD");
    hmlc_hdf5_skip(&node, 2); /* version */
    uint64_t count = hmlc_hdf5_take(&node, 2);
    for (uint64_t i = 0; i < count && !node.failed; i++) {
        hdf5_cursor name = reader->heap;
        hmlc_hdf5_skip(&name, hmlc_hdf5_take(&node, 8));
        uint64_t object = hmlc_hdf5_take(&node, 8), kind = hmlc_hdf5_take(&node, 4);
        hmlc_hdf5_skip(&node, 4 + 16);
        const uint8_t *end = name.failed || name.at == name.end
                                 ? NULL
                                 : memchr(name.at, 0, (size_t)(name.end - name.at));
        if (node.failed || end == NULL) {
            break;
        }
        HMLC_TRY(add_link(file, reader->group, (const char *)name.at, (size_t)(end - name.at),
                          kind == SOFT_LINK ? HDF5_NOWHERE : object));
        if (i + 1 == count) {
            return HMLC_OK;
        }
    }
    return count == 0 && !node.failed ? HMLC_OK
                                      : hmlc_hdf5_damaged(file, "a group's table is damaged");
}

/* A node's children have a level less, so no circle is followed; deeper trees than this hold more
 * than a file can. */
enum { MOST_LEVELS = 16 };

static hmlc_status read_tree(tree_reader *reader, uint64_t address, uint64_t most_level)
{
    hmlc_hdf5 *file = reader->file;
    hdf5_cursor node = hmlc_hdf5_signed(file, address, "TREE");
    uint64_t kind = hmlc_hdf5_take(&node, 1), level = hmlc_hdf5_take(&node, 1);
    uint64_t count = hmlc_hdf5_take(&node, 2);
    hmlc_hdf5_skip(&node, 8 + 8); /* siblings */
    if (node.failed || kind != 0 || level > most_level) {
        return hmlc_hdf5_damaged(file, "a group's tree is damaged");
    }
    for (uint64_t i = 0; i < count; i++) {
        HMLC_TRY(hmlc_hdf5_count(file, 0));
        hmlc_hdf5_skip(&node, 8); /* key */
        uint64_t child = hmlc_hdf5_take(&node, 8);
        if (node.failed) {
            return hmlc_hdf5_damaged(file, "a group's tree is cut short");
        }
        HMLC_TRY(level == 0 ? read_symbols(reader, child) : read_tree(reader, child, level - 1));
    }
    return HMLC_OK;
}

static hmlc_status read_symbol_table(hmlc_hdf5 *file, hmlc_hdf5_object *group, hdf5_cursor content)
{
    tree_reader reader = {.file = file, .group = group};
    uint64_t tree = hmlc_hdf5_take(&content, 8), heap = hmlc_hdf5_take(&content, 8);
    if (content.failed) {
        return hmlc_hdf5_damaged(file, "a group is damaged");
    }
    HMLC_TRY(read_heap(file, heap, &reader.heap));
    return read_tree(&reader, tree, MOST_LEVELS);
}

/* -- links ------------------------------------------------------------------------------------- */

static hmlc_status read_link(hmlc_hdf5 *file, hmlc_hdf5_object *group, hdf5_cursor content)
{
    uint64_t version = hmlc_hdf5_take(&content, 1), flags = hmlc_hdf5_take(&content, 1);
    uint64_t kind = (flags & 8) != 0 ? hmlc_hdf5_take(&content, 1) : 0;
    hmlc_hdf5_skip(&content, (flags & 4) != 0 ? 8 : 0);  /* creation order */
    hmlc_hdf5_skip(&content, (flags & 16) != 0 ? 1 : 0); /* character set */
    uint64_t length = hmlc_hdf5_take(&content, 1U << (flags & 3));
    hdf5_cursor name = hmlc_hdf5_part(&content, length);
    uint64_t address = kind == 0 ? hmlc_hdf5_take(&content, 8) : HDF5_NOWHERE;
    if (content.failed || name.failed || version != 1) {
        return hmlc_hdf5_damaged(file, "a link is damaged");
    }
    return add_link(file, group, (const char *)name.at, (size_t)length, address);
}

/* Groups of many links have these in a heap of their own. */
static hmlc_status check_link_info(const hmlc_hdf5 *file, hdf5_cursor content)
{
    hmlc_hdf5_skip(&content, 1); /* version */
    uint64_t flags = hmlc_hdf5_take(&content, 1);
    hmlc_hdf5_skip(&content, (flags & 1) != 0 ? 8 : 0); /* creation order */
    uint64_t heap = hmlc_hdf5_take(&content, 8);
    if (content.failed) {
        return hmlc_hdf5_damaged(file, "a group is damaged");
    }
    return heap == HDF5_NOWHERE
               ? HMLC_OK
               : hmlc_error_add(file->diagnostics, HMLC_ERROR_not_implemented, file->where,
                                "write it in the older form: h5repack --low=0 --high=0 in.h5 "
                                "out.h5",
                                "HDF5: a group has its links in a fractal heap");
}

static hmlc_status read_links(hmlc_hdf5 *file, hmlc_hdf5_object *group)
{
    group->links_known = true;
    for (const hdf5_message *message = group->first; message != NULL; message = message->next) {
        if (message->type == HDF5_SYMBOL_TABLE) {
            HMLC_TRY(read_symbol_table(file, group, message->content));
        } else if (message->type == HDF5_LINK) {
            HMLC_TRY(read_link(file, group, message->content));
        } else if (message->type == HDF5_LINK_INFO) {
            HMLC_TRY(check_link_info(file, message->content));
        }
    }
    return HMLC_OK;
}

hmlc_status hmlc_hdf5_links(hmlc_hdf5 *file, hmlc_hdf5_object *group, const hmlc_hdf5_link **links,
                            uint32_t *count)
{
    if (!group->links_known) {
        HMLC_TRY(read_links(file, group));
    }
    *links = group->links;
    *count = group->link_count;
    return HMLC_OK;
}

hmlc_status hmlc_hdf5_find(hmlc_hdf5 *file, hmlc_hdf5_object *group, const char *path,
                           hmlc_hdf5_object **found)
{
    *found = NULL;
    while (*path != '\0') {
        const hmlc_hdf5_link *links;
        uint32_t count;
        size_t length = strcspn(path, "/");
        const char *name = hmlc_arena_string_n(file->arena, path, length);
        HMLC_TRY_MEMORY(name);
        HMLC_TRY(hmlc_hdf5_links(file, group, &links, &count));
        const hmlc_hdf5_link *link = hmlc_names_find(&group->names, name);
        if (link == NULL) {
            return HMLC_OK;
        }
        if (link->address == HDF5_NOWHERE) {
            return hmlc_hdf5_refused(file, "'%s' is a link to another name or file", path);
        }
        HMLC_TRY(hmlc_hdf5_object_at(file, link->address, &group));
        path += length + strspn(path + length, "/");
    }
    *found = group;
    return HMLC_OK;
}
