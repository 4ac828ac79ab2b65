/* SPDX-License-Identifier: Apache-2.0 */
/* HDF5: attributes of texts, and datasets of numbers. */
#include "hdf5_parts.h"

#include <inttypes.h>
#include <string.h>

enum { SHARED = 2 }; /* a message's flag: its content stands elsewhere */

/* -- attributes -------------------------------------------------------------------------------- */

typedef struct attribute {
    hdf5_type type;
    hdf5_space space;
    hdf5_cursor data;
} attribute;

/* Version 1 fills each part up to a multiple of eight. */
static hdf5_cursor take_padded(hdf5_cursor *content, uint64_t version, uint64_t bytes)
{
    hdf5_cursor part = hmlc_hdf5_part(content, bytes);
    if (version == 1 && bytes % 8 != 0) {
        hmlc_hdf5_skip(content, 8 - bytes % 8);
    }
    return part;
}

/* The attribute of a message, where it has that name. */
static hmlc_status read_attribute(const hmlc_hdf5 *file, hdf5_cursor content, const char *name,
                                  attribute *found, bool *matches)
{
    uint64_t version = hmlc_hdf5_take(&content, 1), flags = hmlc_hdf5_take(&content, 1);
    uint64_t name_bytes = hmlc_hdf5_take(&content, 2), type_bytes = hmlc_hdf5_take(&content, 2);
    uint64_t space_bytes = hmlc_hdf5_take(&content, 2);
    hmlc_hdf5_skip(&content, version == 3 ? 1 : 0); /* character set */
    hdf5_cursor written = take_padded(&content, version, name_bytes);
    hdf5_cursor type = take_padded(&content, version, type_bytes);
    hdf5_cursor space = take_padded(&content, version, space_bytes);
    *matches = false;
    if (content.failed || version < 1 || version > 3) {
        return hmlc_hdf5_damaged(file, "an attribute is damaged");
    }
    size_t length = strlen(name);
    if (name_bytes < length || memcmp(written.at, name, length) != 0 ||
        (name_bytes > length && written.at[length] != 0)) {
        return HMLC_OK;
    }
    if (version > 1 && flags != 0) {
        return hmlc_hdf5_refused(file, "the attribute '%s' shares its type with others", name);
    }
    *matches = true;
    found->data = content;
    HMLC_TRY(hmlc_hdf5_read_type(file, type, &found->type));
    return hmlc_hdf5_read_space(file, space, &found->space);
}

static hmlc_status find_attribute(hmlc_hdf5 *file, const hmlc_hdf5_object *object, const char *name,
                                  attribute *found, bool *matches)
{
    *matches = false;
    for (const hdf5_message *message = object->first; message != NULL && !*matches;
         message = message->next) {
        HMLC_TRY(hmlc_hdf5_count(file, 0));
        if (message->type == HDF5_ATTRIBUTE && (message->flags & SHARED) == 0) {
            HMLC_TRY(read_attribute(file, message->content, name, found, matches));
        }
    }
    return HMLC_OK;
}

/* Objects with many attributes have these in a heap of their own. */
static hmlc_status check_dense(const hmlc_hdf5 *file, const hmlc_hdf5_object *object,
                               const char *name)
{
    const hdf5_message *info = hmlc_hdf5_message(object, HDF5_ATTRIBUTE_INFO);
    if (info == NULL) {
        return HMLC_OK;
    }
    hdf5_cursor content = info->content;
    hmlc_hdf5_skip(&content, 1); /* version */
    uint64_t flags = hmlc_hdf5_take(&content, 1);
    hmlc_hdf5_skip(&content, (flags & 1) != 0 ? 2 : 0); /* creation order */
    uint64_t heap = hmlc_hdf5_take(&content, 8);
    if (content.failed) {
        return hmlc_hdf5_damaged(file, "the attributes of an object are damaged");
    }
    return heap == HDF5_NOWHERE
               ? HMLC_OK
               : hmlc_error_add(file->diagnostics, HMLC_ERROR_not_implemented, file->where,
                                "write it in the older form: h5repack --low=0 --high=0 in.h5 "
                                "out.h5",
                                "HDF5: the attribute '%s' may lie in a fractal heap", name);
}

/* The object `index` of a collection of the global heap. */
static hmlc_status find_in_heap(hmlc_hdf5 *file, uint64_t address, uint64_t index,
                                hdf5_cursor *found)
{
    hdf5_cursor heap = hmlc_hdf5_signed(file, address, "GCOL");
    hmlc_hdf5_skip(&heap, 4); /* version */
    uint64_t bytes = hmlc_hdf5_take(&heap, 8);
    enum { HEAD = 16 };
    hdf5_cursor objects = hmlc_hdf5_part(&heap, bytes < HEAD ? HDF5_NOWHERE : bytes - HEAD);
    while (!objects.failed && objects.end - objects.at >= HEAD) {
        HMLC_TRY(hmlc_hdf5_count(file, 0));
        uint64_t number = hmlc_hdf5_take(&objects, 2);
        hmlc_hdf5_skip(&objects, 2 + 4); /* references */
        uint64_t size = hmlc_hdf5_take(&objects, 8);
        if (number == 0) { /* free space, up to the end */
            break;
        }
        *found = hmlc_hdf5_part(&objects, size);
        if (number == index && !objects.failed) {
            return HMLC_OK;
        }
        hmlc_hdf5_skip(&objects, size % 8 != 0 ? 8 - size % 8 : 0);
    }
    return hmlc_hdf5_damaged(file, "a text is not where it should be in the heap");
}

/* Element `index`: its bytes without the fill behind them. */
static hmlc_status read_element(hmlc_hdf5 *file, attribute *from, const char *name,
                                hdf5_cursor *text)
{
    hdf5_cursor element = hmlc_hdf5_part(&from->data, from->type.size);
    *text = element;
    if (from->type.class == HDF5_HEAP_TEXT) {
        uint64_t length = hmlc_hdf5_take(&element, 4), address = hmlc_hdf5_take(&element, 8);
        uint64_t index = hmlc_hdf5_take(&element, 4);
        if (length == 0) {
            text->end = text->at;
        } else if (!element.failed) {
            hdf5_cursor stored;
            HMLC_TRY(find_in_heap(file, address, index, &stored));
            *text = hmlc_hdf5_part(&stored, length);
        }
    }
    if (element.failed || text->failed) {
        return hmlc_hdf5_damaged(file, "the attribute '%s' is cut short", name);
    }
    const uint8_t *end =
        text->at == text->end ? NULL : memchr(text->at, 0, (size_t)(text->end - text->at));
    text->end = end != NULL ? end : text->end;
    return HMLC_OK;
}

static hmlc_status check_texts(const hmlc_hdf5 *file, const attribute *from, const char *name)
{
    uint64_t bytes = (uint64_t)(from->data.end - from->data.at);
    if (from->space.count == 0) { /* h5py's empty lists are of floats */
        return HMLC_OK;
    }
    if (from->type.class != HDF5_TEXT && from->type.class != HDF5_HEAP_TEXT) {
        return hmlc_hdf5_damaged(file, "the attribute '%s' holds no text", name);
    }
    return from->space.count <= bytes / from->type.size
               ? HMLC_OK
               : hmlc_hdf5_damaged(file, "the attribute '%s' has fewer bytes than elements need",
                                   name);
}

/* The attributes that stand for one of this name, in their order. */
typedef struct attribute_walk {
    const char *name;
    uint32_t next; /* piece; 0: the whole has not been looked for */
    attribute now;
} attribute_walk;

static hmlc_status next_piece(hmlc_hdf5 *file, const hmlc_hdf5_object *object, attribute_walk *walk,
                              bool *found)
{
    *found = false;
    if (walk->next == 0) {
        HMLC_TRY(check_dense(file, object, walk->name));
        HMLC_TRY(find_attribute(file, object, walk->name, &walk->now, found));
        walk->next = *found ? UINT32_MAX : 1;
    }
    if (!*found && walk->next != UINT32_MAX) {
        const char *name = hmlc_arena_printf(file->arena, "%s%" PRIu32, walk->name, walk->next - 1);
        HMLC_TRY_MEMORY(name);
        HMLC_TRY(find_attribute(file, object, name, &walk->now, found));
        walk->next++;
    }
    return *found ? check_texts(file, &walk->now, walk->name) : HMLC_OK;
}

hmlc_status hmlc_hdf5_texts_of(hmlc_hdf5 *file, hmlc_hdf5_object *object, const char *name,
                               hmlc_hdf5_texts *texts, bool *found)
{
    attribute_walk walk = {.name = name};
    bool more;
    *texts = (hmlc_hdf5_texts){0};
    HMLC_TRY(next_piece(file, object, &walk, &more));
    for (*found = more; more;) {
        uint64_t total = texts->count + walk.now.space.count;
        const char **list = HMLC_NEW_ARRAY(file->arena, const char *, total);
        HMLC_TRY_MEMORY(list);
        if (texts->count > 0) {
            memcpy(list, texts->list, texts->count * sizeof *list);
        }
        texts->list = list;
        while (texts->count < total) {
            hdf5_cursor text;
            HMLC_TRY(read_element(file, &walk.now, name, &text));
            HMLC_TRY(hmlc_hdf5_count(file, (uint64_t)(text.end - text.at)));
            list[texts->count] = hmlc_arena_string_n(file->arena, (const char *)text.at,
                                                     (size_t)(text.end - text.at));
            HMLC_TRY_MEMORY(list[texts->count]);
            texts->count++;
        }
        HMLC_TRY(next_piece(file, object, &walk, &more));
    }
    return HMLC_OK;
}

hmlc_status hmlc_hdf5_text_of(hmlc_hdf5 *file, hmlc_hdf5_object *object, const char *name,
                              const char **text, size_t *length, bool *found)
{
    attribute_walk walk = {.name = name};
    bool more;
    *length = 0;
    HMLC_TRY(next_piece(file, object, &walk, &more));
    for (*found = more; more;) {
        hdf5_cursor piece;
        if (walk.now.space.count != 1) {
            return hmlc_hdf5_damaged(file, "the attribute '%s' is no single text", name);
        }
        HMLC_TRY(read_element(file, &walk.now, name, &piece));
        size_t bytes = (size_t)(piece.end - piece.at);
        const char *joined = (const char *)piece.at;
        if (*length > 0) {
            char *copy = hmlc_arena_allocate(file->arena, *length + bytes);
            HMLC_TRY_MEMORY(copy);
            memcpy(copy, *text, *length);
            memcpy(copy + *length, piece.at, bytes);
            joined = copy;
        }
        *text = joined;
        *length += bytes;
        HMLC_TRY(next_piece(file, object, &walk, &more));
    }
    return HMLC_OK;
}

/* -- datasets ---------------------------------------------------------------------------------- */

/* The three messages that say what a dataset is; NULL where one is missing. */
static hmlc_status find_message(const hmlc_hdf5 *file, const hmlc_hdf5_object *dataset,
                                uint16_t type, const char *name, const hdf5_message **found)
{
    *found = hmlc_hdf5_message(dataset, type);
    if (*found == NULL) {
        return hmlc_hdf5_damaged(file, "'%s' is no complete dataset", name);
    }
    return ((*found)->flags & SHARED) == 0
               ? HMLC_OK
               : hmlc_hdf5_refused(file, "'%s' shares its type with others", name);
}

static hmlc_status check_plain(const hmlc_hdf5 *file, const hmlc_hdf5_object *dataset,
                               const char *name)
{
    const hdf5_message *filters = hmlc_hdf5_message(dataset, HDF5_FILTERS);
    if (hmlc_hdf5_message(dataset, HDF5_EXTERNAL) != NULL) {
        return hmlc_hdf5_refused(file, "'%s' has its data in other files", name);
    }
    if (filters != NULL) {
        hdf5_cursor content = filters->content;
        hmlc_hdf5_skip(&content, 1); /* version */
        if (hmlc_hdf5_take(&content, 1) != 0) {
            return hmlc_hdf5_refused(file, "'%s' is compressed or filtered", name);
        }
    }
    return HMLC_OK;
}

/* Where the elements lie. */
static hmlc_status read_layout(const hmlc_hdf5 *file, hdf5_cursor content, const char *name,
                               hdf5_cursor *data)
{
    enum { COMPACT = 0, CONTIGUOUS = 1, CHUNKED = 2 };
    uint64_t version = hmlc_hdf5_take(&content, 1), class = hmlc_hdf5_take(&content, 1);
    if (content.failed || version == 0 || version > 4) {
        return hmlc_hdf5_damaged(file, "the layout of '%s' is damaged", name);
    }
    if (version < 3 || class > CONTIGUOUS) {
        return hmlc_hdf5_refused(file, "'%s' %s", name,
                                 version < 3        ? "is laid out in an old form"
                                 : class == CHUNKED ? "is stored in chunks"
                                                    : "is put together from other datasets");
    }
    if (class == COMPACT) {
        *data = hmlc_hdf5_part(&content, hmlc_hdf5_take(&content, 2));
    } else {
        uint64_t address = hmlc_hdf5_take(&content, 8), bytes = hmlc_hdf5_take(&content, 8);
        *data = hmlc_hdf5_range(file, address == HDF5_NOWHERE ? 0 : address,
                                address == HDF5_NOWHERE ? 0 : bytes);
    }
    return content.failed || data->failed
               ? hmlc_hdf5_damaged(file, "the data of '%s' lie outside of the file", name)
               : HMLC_OK;
}

hmlc_status hmlc_hdf5_tensor(hmlc_hdf5 *file, hmlc_hdf5_object *dataset, const char *name,
                             hmlc_tensor *tensor, bool *swapped)
{
    const hdf5_message *space_message, *type_message, *layout;
    hdf5_space space;
    hdf5_type type;
    hdf5_cursor data = {0};
    *tensor = (hmlc_tensor){0};
    HMLC_TRY(find_message(file, dataset, HDF5_DATASPACE, name, &space_message));
    HMLC_TRY(find_message(file, dataset, HDF5_DATATYPE, name, &type_message));
    HMLC_TRY(find_message(file, dataset, HDF5_LAYOUT, name, &layout));
    HMLC_TRY(check_plain(file, dataset, name));
    HMLC_TRY(hmlc_hdf5_read_space(file, space_message->content, &space));
    HMLC_TRY(hmlc_hdf5_read_type(file, type_message->content, &type));
    if (type.class != HDF5_NUMBER) {
        return hmlc_error_add(file->diagnostics, HMLC_ERROR_op_unsupported_type, file->where, NULL,
                              "HDF5: '%s' holds %s", name,
                              type.class == HDF5_OTHER ? type.other : "text");
    }
    HMLC_TRY(read_layout(file, layout->content, name, &data));
    uint64_t bytes;
    if (__builtin_mul_overflow(space.count, type.size, &bytes) ||
        bytes != (uint64_t)(data.end - data.at)) {
        return hmlc_error_add(file->diagnostics, HMLC_ERROR_tensor_data_invalid, file->where, NULL,
                              "HDF5: '%s' has %zu bytes, which is not what its shape and type need",
                              name, (size_t)(data.end - data.at));
    }
    tensor->dtype = type.dtype;
    tensor->rank = (int32_t)space.rank;
    memcpy(tensor->dims, space.dims, sizeof space.dims);
    tensor->data = data.at;
    tensor->bytes = (size_t)bytes;
    *swapped = type.swapped;
    return HMLC_OK;
}
