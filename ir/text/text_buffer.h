/* SPDX-License-Identifier: Apache-2.0 */
/* Growing text, and the words that text form and messages share. */
#ifndef HMLC_TEXT_BUFFER_H
#define HMLC_TEXT_BUFFER_H

#include <hmlc/text.h>

/*
 * Appends; the text stays NUL-terminated. A failed allocation is remembered in `failed`: callers
 * append freely and look once at the end.
 */
typedef struct hmlc_text_writer {
    hmlc_text_buffer *buffer;
    bool failed;
} hmlc_text_writer;

void hmlc_write_n(hmlc_text_writer *writer, const void *data, size_t length);
void hmlc_write(hmlc_text_writer *writer, const char *text);
void hmlc_write_format(hmlc_text_writer *writer, const char *format, ...) HMLC_PRINTF(2, 3);
void hmlc_write_spaces(hmlc_text_writer *writer, uint32_t count);
/* In double quotes; \" \\ and \xNN for control characters. */
void hmlc_write_quoted(hmlc_text_writer *writer, const char *text);
void hmlc_write_dim(hmlc_text_writer *writer, hmlc_dim dim);
void hmlc_write_type(hmlc_text_writer *writer, const hmlc_type *type);

/* One element as text that reads back to the same bits. Writes at most HMLC_ELEMENT_TEXT bytes with
 * the NUL. `dtype` has a byte form and is not complex. */
#define HMLC_ELEMENT_TEXT 48
void hmlc_element_format(hmlc_dtype dtype, const void *element, char *text);
/* Reads what hmlc_element_format wrote, and ordinary numbers; false where text is no such value. */
bool hmlc_element_parse(hmlc_dtype dtype, const char *text, size_t length, void *element);

/* 128-bit content hash (not cryptographic). */
typedef struct hmlc_text_hash {
    uint64_t high, low;
} hmlc_text_hash;
hmlc_text_hash hmlc_text_hash_of(const void *data, size_t size);

/* Constants up to this many bytes stand in the text. */
#define HMLC_INLINE_BYTES 64
/* Larger ones lie in the side buffer at multiples of this. */
#define HMLC_SIDE_ALIGNMENT 64

/* The number that a value has in text. */
typedef struct hmlc_value_number {
    const hmlc_value *value;
    uint32_t number;
} hmlc_value_number;

typedef struct hmlc_printer {
    hmlc_text_writer writer;
    hmlc_print_options options;
    hmlc_text_writer *constants; /* may be NULL */
    hmlc_arena *scratch;
    hmlc_value_number *numbers; /* open addressing: one op prints without a table for all */
    uint32_t number_capacity, number_count;
    bool key; /* canonical: no names, no locations, operand types given */
    uint32_t depth;
} hmlc_printer;

void hmlc_print_tensor(hmlc_printer *printer, const hmlc_tensor *tensor);
void hmlc_print_attrs(hmlc_printer *printer, const hmlc_op *op);
void hmlc_print_storage(hmlc_printer *printer, const hmlc_value *value);
/* The value's number, given where it is first met. */
uint32_t hmlc_print_assign(hmlc_printer *printer, const hmlc_value *value);
void hmlc_print_number(hmlc_printer *printer, const hmlc_value *value);

#endif
