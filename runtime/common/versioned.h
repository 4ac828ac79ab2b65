/* SPDX-License-Identifier: Apache-2.0 */
/* Structures of callers that were compiled with another version of hml.h: the rules are there. */
#ifndef HML_VERSIONED_H
#define HML_VERSIONED_H

#include "common/message.h"
#include <stddef.h>
#include <stdint.h>

/* Bytes of a structure whose last field in the first version was `field`. */
#define HML_FIRST_BYTES(type, field)                                                               \
    (offsetof(type, field) + sizeof(__typeof__(((type *)NULL)->field)))

/* The size that a caller may state: no version is shorter, and what is longer than this is garbage.
 */
#define HML_MOST_STRUCT_BYTES 16384U

/*
 * *known = the caller's structure as this version has it; its struct_bytes are known_bytes. NULL,
 * or what is wrong. `given` may then be read as far as the first version's fields go, unless its
 * size is neither 0 nor admitted.
 */
const char *hml_struct_read(void *known, size_t known_bytes, size_t first_bytes, const void *given);

/* Fills the caller's structure, as far as its size goes; false when it states none. */
int hml_struct_write(void *given, size_t first_bytes, const void *known, size_t known_bytes);

#define HML_STRUCT_READ(known, last_field, given)                                                  \
    hml_struct_read((known), sizeof *(known), HML_FIRST_BYTES(__typeof__(*(known)), last_field),   \
                    (given))
/* Where to say that *given could not be read: nowhere when its size cannot be trusted either. */
#define HML_STRUCT_MESSAGE(given, last_field)                                                      \
    ((given)->struct_bytes != 0 &&                                                                 \
             (given)->struct_bytes < HML_FIRST_BYTES(__typeof__(*(given)), last_field)             \
         ? (hml_message){NULL, 0}                                                                  \
         : (hml_message){(given)->message, (given)->message_bytes})
#define HML_STRUCT_WRITE(given, last_field, known)                                                 \
    hml_struct_write((given), HML_FIRST_BYTES(__typeof__(*(given)), last_field), (known),          \
                     sizeof *(known))

#endif
