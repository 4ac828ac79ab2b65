/* SPDX-License-Identifier: Apache-2.0 */
/* Source locations: immutable lists of nodes. */
#include <hmlc/location.h>

#include <stdio.h>
#include <string.h>

const hmlc_location *hmlc_location_create(hmlc_arena *arena, const char *file, const char *name,
                                          const char *op_type)
{
    hmlc_location *location = HMLC_NEW(arena, hmlc_location);
    hmlc_source_node *node = HMLC_NEW(arena, hmlc_source_node);
    if (location == NULL || node == NULL) {
        return NULL;
    }
    node->file = hmlc_arena_string(arena, file);
    node->name = hmlc_arena_string(arena, name);
    node->op_type = hmlc_arena_string(arena, op_type);
    if (node->file == NULL || node->name == NULL || node->op_type == NULL) {
        return NULL;
    }
    *location = (hmlc_location){.node_count = 1, .nodes = node};
    return location;
}

static bool nodes_equal(const hmlc_source_node *left, const hmlc_source_node *right)
{
    return strcmp(left->file, right->file) == 0 && strcmp(left->name, right->name) == 0 &&
           strcmp(left->op_type, right->op_type) == 0;
}

static bool contains(const hmlc_source_node *nodes, uint32_t count, const hmlc_source_node *node)
{
    for (uint32_t i = 0; i < count; i++) {
        if (nodes_equal(&nodes[i], node)) {
            return true;
        }
    }
    return false;
}

const hmlc_location *hmlc_location_join(hmlc_arena *arena, const hmlc_location *a,
                                        const hmlc_location *b)
{
    if (a == NULL || b == NULL || a == b) {
        return a != NULL ? a : b;
    }
    hmlc_location *location = HMLC_NEW(arena, hmlc_location);
    hmlc_source_node *nodes =
        HMLC_NEW_ARRAY(arena, hmlc_source_node, (size_t)a->node_count + b->node_count);
    if (location == NULL || nodes == NULL) {
        return NULL;
    }
    uint32_t count = 0;
    for (uint32_t i = 0; i < a->node_count; i++) {
        nodes[count++] = a->nodes[i];
    }
    for (uint32_t i = 0; i < b->node_count; i++) {
        if (!contains(nodes, count, &b->nodes[i])) {
            nodes[count++] = b->nodes[i];
        }
    }
    if (count == a->node_count) {
        return a;
    }
    *location = (hmlc_location){.node_count = count, .nodes = nodes};
    return location;
}

/* Writes "'name' (Type)" or, without a name, "Type". */
static int format_node(const hmlc_source_node *node, char *text, size_t size)
{
    if (node->name[0] == '\0') {
        return snprintf(text, size, "%s", node->op_type);
    }
    return snprintf(text, size, "'%s' (%s)", node->name, node->op_type);
}

/* Room kept free for the closing "+ 4294967295 more". */
#define MORE_BYTES 20

int hmlc_location_format(const hmlc_location *location, char *text, size_t size)
{
    if (size > 0) {
        text[0] = '\0';
    }
    if (location == NULL || location->node_count == 0) {
        return 0;
    }
    const hmlc_source_node *only = &location->nodes[0];
    if (location->node_count == 1 && only->name[0] == '\0' && only->op_type[0] == '\0') {
        return snprintf(text, size, "%s", only->file); /* the file as a whole */
    }
    int length = snprintf(text, size, "%s: %s ", location->nodes[0].file,
                          location->node_count == 1 ? "node" : "nodes");
    for (uint32_t i = 0; i < location->node_count && length >= 0 && (size_t)length < size; i++) {
        const char *separator = i == 0 ? "" : " + ";
        int needed = format_node(&location->nodes[i], NULL, 0) + (int)strlen(separator);
        bool last = i + 1 == location->node_count;
        if (i > 0 && (size_t)(length + needed) + (last ? 1 : MORE_BYTES) > size) {
            length += snprintf(text + length, size - (size_t)length, " + %u more",
                               location->node_count - i);
            break;
        }
        length += snprintf(text + length, size - (size_t)length, "%s", separator);
        if ((size_t)length < size) {
            length += format_node(&location->nodes[i], text + length, size - (size_t)length);
        }
    }
    return length;
}
