/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of HDF5 that Keras writes ("HDF5 File Format Specification Version 3.0"): superblocks 0
 * to 3, object headers of both versions, groups as symbol tables or as link messages, attributes,
 * strings in the global heap, and data that lies in one piece in the file. What lies there is used
 * where it lies. Chunks, filters, links to other files and names, and data of other files are
 * refused. No byte is trusted: each offset is checked, and the work is bounded by the file's size,
 * so that circles end.
 */
#ifndef HMLC_HDF5_H
#define HMLC_HDF5_H

#include "importer/names.h"

typedef struct hmlc_hdf5_object hmlc_hdf5_object;

typedef struct hmlc_hdf5 {
    const uint8_t *data;
    size_t size;
    hmlc_arena *arena; /* for what is read of the file's structure */
    hmlc_diagnostics *diagnostics;
    const hmlc_location *where;
    hmlc_hdf5_object *root; /* the outermost group */
    hmlc_names objects;     /* address as text -> object that was read */
    uint64_t work;          /* structures looked at */
} hmlc_hdf5;

typedef struct hmlc_hdf5_link {
    const char *name;
    uint64_t address; /* of the object; UINT64_MAX: the link is no hard one */
} hmlc_hdf5_link;

/* The texts of an attribute. */
typedef struct hmlc_hdf5_texts {
    const char **list;
    uint32_t count;
} hmlc_hdf5_texts;

/* Finds the root group; the fields up to `where` are set. */
hmlc_status hmlc_hdf5_open(hmlc_hdf5 *file) HMLC_MUST_USE;

/* The object at a path below a group; NULL, without a diagnostic, where there is none. */
hmlc_status hmlc_hdf5_find(hmlc_hdf5 *file, hmlc_hdf5_object *group, const char *path,
                           hmlc_hdf5_object **found) HMLC_MUST_USE;
/* The links of a group, in the file's order; none where it is no group. */
hmlc_status hmlc_hdf5_links(hmlc_hdf5 *file, hmlc_hdf5_object *group, const hmlc_hdf5_link **links,
                            uint32_t *count) HMLC_MUST_USE;
bool hmlc_hdf5_is_dataset(const hmlc_hdf5_object *object);

/*
 * An attribute of texts. One that is too long for an object header is written in pieces: name0,
 * name1 ..., which are joined here. *found is false, without a diagnostic, where there is none.
 */
hmlc_status hmlc_hdf5_texts_of(hmlc_hdf5 *file, hmlc_hdf5_object *object, const char *name,
                               hmlc_hdf5_texts *texts, bool *found) HMLC_MUST_USE;
/* The same as one text. */
hmlc_status hmlc_hdf5_text_of(hmlc_hdf5 *file, hmlc_hdf5_object *object, const char *name,
                              const char **text, size_t *length, bool *found) HMLC_MUST_USE;

/* A dataset: type, dims, and where its elements lie in the file. *swapped: they are big-endian. */
hmlc_status hmlc_hdf5_tensor(hmlc_hdf5 *file, hmlc_hdf5_object *dataset, const char *name,
                             hmlc_tensor *tensor, bool *swapped) HMLC_MUST_USE;

#endif
