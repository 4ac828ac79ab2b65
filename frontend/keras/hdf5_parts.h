/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the HDF5 reader share: a cursor over the file, messages, complaints. */
#ifndef HMLC_HDF5_PARTS_H
#define HMLC_HDF5_PARTS_H

#include "hdf5.h"

/* Where nothing is. */
#define HDF5_NOWHERE UINT64_MAX

enum {
    HDF5_DATASPACE = 0x0001,
    HDF5_LINK_INFO = 0x0002,
    HDF5_DATATYPE = 0x0003,
    HDF5_LINK = 0x0006,
    HDF5_EXTERNAL = 0x0007,
    HDF5_LAYOUT = 0x0008,
    HDF5_FILTERS = 0x000b,
    HDF5_ATTRIBUTE = 0x000c,
    HDF5_CONTINUATION = 0x0010,
    HDF5_SYMBOL_TABLE = 0x0011,
    HDF5_ATTRIBUTE_INFO = 0x0015,
};

/* A range of the file that is read from its front. Reading past its end gives 0 and sets failed. */
typedef struct hdf5_cursor {
    const uint8_t *at, *end;
    bool failed;
} hdf5_cursor;

typedef struct hdf5_message {
    uint16_t type;
    uint8_t flags;
    hdf5_cursor content;
    struct hdf5_message *next;
} hdf5_message;

struct hmlc_hdf5_object {
    uint64_t address;
    hdf5_message *first;
    bool links_known;
    hmlc_hdf5_link *links;
    uint32_t link_count, link_room;
    hmlc_names names; /* of links */
};

/* -- hdf5_header.c ----------------------------------------------------------------------------- */

uint64_t hmlc_hdf5_take(hdf5_cursor *cursor, uint32_t bytes); /* little-endian; at most 8 */
void hmlc_hdf5_skip(hdf5_cursor *cursor, uint64_t bytes);
/* The next `bytes` bytes as a range of their own. */
hdf5_cursor hmlc_hdf5_part(hdf5_cursor *cursor, uint64_t bytes);
/* Bytes from an address on; failed where they are not in the file. */
hdf5_cursor hmlc_hdf5_range(const hmlc_hdf5 *file, uint64_t address, uint64_t bytes);
/* From an address to the file's end; failed where the four letters do not stand there. */
hdf5_cursor hmlc_hdf5_signed(const hmlc_hdf5 *file, uint64_t address, const char *letters);

hmlc_status hmlc_hdf5_damaged(const hmlc_hdf5 *file, const char *format, ...) HMLC_PRINTF(2, 3);
/* Valid, and not read here: says how to write the file anew. */
hmlc_status hmlc_hdf5_refused(const hmlc_hdf5 *file, const char *format, ...) HMLC_PRINTF(2, 3);
/* Counts one structure more, and the bytes of text that it copies; an error when there are more
 * than the file can hold. */
hmlc_status hmlc_hdf5_count(hmlc_hdf5 *file, uint64_t text_bytes) HMLC_MUST_USE;
/* The object whose header is at that address. */
hmlc_status hmlc_hdf5_object_at(hmlc_hdf5 *file, uint64_t address,
                                hmlc_hdf5_object **object) HMLC_MUST_USE;
/* NULL: none of that type. */
const hdf5_message *hmlc_hdf5_message(const hmlc_hdf5_object *object, uint16_t type);

/* -- hdf5_type.c ------------------------------------------------------------------------------- */

typedef enum hdf5_class { HDF5_NUMBER, HDF5_TEXT, HDF5_HEAP_TEXT, HDF5_OTHER } hdf5_class;

typedef struct hdf5_type {
    hdf5_class class;
    uint32_t size; /* bytes of an element */
    hmlc_dtype dtype;
    bool swapped;
    const char *other; /* what it is that is not read */
} hdf5_type;

typedef struct hdf5_space {
    uint32_t rank;
    int64_t dims[HMLC_MAX_RANK];
    uint64_t count; /* elements */
} hdf5_space;

hmlc_status hmlc_hdf5_read_type(const hmlc_hdf5 *file, hdf5_cursor content,
                                hdf5_type *type) HMLC_MUST_USE;
hmlc_status hmlc_hdf5_read_space(const hmlc_hdf5 *file, hdf5_cursor content,
                                 hdf5_space *space) HMLC_MUST_USE;

#endif
