/* SPDX-License-Identifier: Apache-2.0 */
#include "object_text.h"

#include <stdarg.h>
#include <stdio.h>

hmlc_status hmlc_object_print(hmlc_byte_table *text, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    hmlc_status status = length < 0 ? HMLC_RESOURCE : HMLC_TABLE_RESERVE(text, (size_t)length + 1);
    if (status == HMLC_OK) {
        vsnprintf(text->data + text->count, (size_t)length + 1, format, again);
        text->count += (size_t)length;
    }
    va_end(again);
    return status;
}

hmlc_status hmlc_object_print_parameters(const hmlc_object_form *form, hmlc_byte_table *text)
{
    for (size_t k = 0; k < form->sizes.count; k++) {
        HMLC_TRY(hmlc_object_print(text, ", int64_t %s", form->sizes.data[k].name));
    }
    for (size_t k = 0; k < form->inputs.count; k++) {
        const hmlc_object_argument *input = &form->inputs.data[k];
        HMLC_TRY(hmlc_object_print(text, ", const %s *%s", hmlc_object_type(input->type->dtype),
                                   input->name));
    }
    for (size_t k = 0; k < form->outputs.count; k++) {
        const hmlc_object_argument *output = &form->outputs.data[k];
        HMLC_TRY(hmlc_object_print(text, ", %s *%s", hmlc_object_type(output->type->dtype),
                                   output->name));
    }
    return HMLC_OK;
}
