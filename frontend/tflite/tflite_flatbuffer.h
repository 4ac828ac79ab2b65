/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reader of FlatBuffers that trusts no byte. A file has tables, whose fields have numbers, and
 * vectors of scalars or of tables; all are found by offsets. The first thing that does not fit is
 * kept as `problem`, and what was asked for reads as absent: callers go on, and look at `problem`
 * where they finish. Elements visited are counted, so that vectors that share bytes cost no more
 * than bytes would.
 */
#ifndef HMLC_TFLITE_FLATBUFFER_H
#define HMLC_TFLITE_FLATBUFFER_H

#include <hmlc/ir.h>

typedef struct hmlc_flat_file {
    const uint8_t *data;
    size_t size;
    uint64_t visits, most_visits;
    const char *problem; /* the first one; NULL: none */
    size_t at;           /* where it is */
} hmlc_flat_file;

/* A table whose vtable and fields lie inside the file. file is NULL where it is absent. */
typedef struct hmlc_flat_table {
    hmlc_flat_file *file;
    size_t at, vtable;
    uint32_t fields, bytes; /* entries of the vtable; size of the table */
} hmlc_flat_table;

/* `count` elements at `data`, at any alignment. data is NULL where it is absent or empty. */
typedef struct hmlc_flat_vector {
    const uint8_t *data;
    uint32_t count;
    bool given;
} hmlc_flat_vector;

typedef enum hmlc_flat_kind {
    HMLC_FLAT_I8,
    HMLC_FLAT_U8, /* flags too */
    HMLC_FLAT_U16,
    HMLC_FLAT_I32,
    HMLC_FLAT_U32,
    HMLC_FLAT_I64,
    HMLC_FLAT_U64,
    HMLC_FLAT_F32,
} hmlc_flat_kind;

hmlc_flat_file hmlc_flat_open(const uint8_t *data, size_t size);
/* Keeps the first problem. */
void hmlc_flat_fail(hmlc_flat_file *file, size_t at, const char *problem);

hmlc_flat_table hmlc_flat_root(hmlc_flat_file *file);
bool hmlc_flat_has(const hmlc_flat_table *table, uint32_t field);
/* The first field from `field` on that the table gives; `none` where there is none. */
uint32_t hmlc_flat_next_field(const hmlc_flat_table *table, uint32_t field, uint32_t none);
int64_t hmlc_flat_int(const hmlc_flat_table *table, uint32_t field, hmlc_flat_kind kind,
                      int64_t otherwise);
double hmlc_flat_float(const hmlc_flat_table *table, uint32_t field, double otherwise);
hmlc_flat_table hmlc_flat_child(const hmlc_flat_table *table, uint32_t field);
hmlc_flat_vector hmlc_flat_list(const hmlc_flat_table *table, uint32_t field, hmlc_flat_kind kind);
/* A vector of tables, and its element `index` < count. */
hmlc_flat_vector hmlc_flat_children(const hmlc_flat_table *table, uint32_t field);
hmlc_flat_table hmlc_flat_child_at(hmlc_flat_file *file, hmlc_flat_vector vector, uint32_t index);
/* The text as it lies in the file; "" where it is absent, has a NUL within or is no UTF-8. */
const char *hmlc_flat_text(const hmlc_flat_table *table, uint32_t field);

/* Elements of a vector, index < count. */
int64_t hmlc_flat_int_at(hmlc_flat_vector vector, hmlc_flat_kind kind, uint32_t index);
float hmlc_flat_float_at(hmlc_flat_vector vector, uint32_t index);

#endif
