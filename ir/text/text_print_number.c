/* SPDX-License-Identifier: Apache-2.0 */
/* The numbers of values in text. */
#include <inttypes.h>

#include "text_buffer.h"

/*
 * Numbers follow the order of definition in the text. Values are numbered before anything is
 * printed, since storage may refer to a later one; what an op captures from outside (only when it
 * is printed alone) is numbered where it is first met.
 */
static hmlc_value_number *find_number(hmlc_value_number *numbers, uint32_t capacity,
                                      const hmlc_value *value)
{
    uint32_t at = (value->id * UINT32_C(0x9e3779b1)) & (capacity - 1);
    while (numbers[at].value != NULL && numbers[at].value != value) {
        at = (at + 1) & (capacity - 1);
    }
    return &numbers[at];
}

static bool grow_numbers(hmlc_printer *printer)
{
    uint32_t capacity = printer->number_capacity == 0 ? 64 : printer->number_capacity * 2;
    hmlc_value_number *larger = HMLC_NEW_ARRAY(printer->scratch, hmlc_value_number, capacity);
    if (larger == NULL) {
        printer->writer.failed = true;
        return false;
    }
    for (uint32_t i = 0; i < printer->number_capacity; i++) {
        const hmlc_value_number *old = &printer->numbers[i];
        if (old->value != NULL) {
            *find_number(larger, capacity, old->value) = *old;
        }
    }
    printer->numbers = larger;
    printer->number_capacity = capacity;
    return true;
}

uint32_t hmlc_print_assign(hmlc_printer *printer, const hmlc_value *value)
{
    if (2 * (printer->number_count + 1) > printer->number_capacity && !grow_numbers(printer)) {
        return 0;
    }
    hmlc_value_number *entry = find_number(printer->numbers, printer->number_capacity, value);
    if (entry->value == NULL) {
        *entry = (hmlc_value_number){value, printer->number_count++};
    }
    return entry->number;
}

void hmlc_print_number(hmlc_printer *printer, const hmlc_value *value)
{
    hmlc_write_format(&printer->writer, "%%%" PRIu32, hmlc_print_assign(printer, value));
}
