/* SPDX-License-Identifier: Apache-2.0 */
/* Text of the files beside an object. */
#ifndef HMLC_OBJECT_TEXT_H
#define HMLC_OBJECT_TEXT_H

#include "object_form.h"

/* Appends formatted text. */
hmlc_status hmlc_object_print(hmlc_byte_table *text, const char *format, ...)
    HMLC_PRINTF(2, 3) HMLC_MUST_USE;
/* Appends a C parameter list: the arguments of a run between the memory and `detail`. */
hmlc_status hmlc_object_print_parameters(const hmlc_object_form *form,
                                         hmlc_byte_table *text) HMLC_MUST_USE;

#endif
