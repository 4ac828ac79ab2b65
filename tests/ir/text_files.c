/* SPDX-License-Identifier: Apache-2.0 */
#include "text_files.h"

#include <stdio.h>
#include <stdlib.h>

#include "test.h"

hmlc_text_buffer test_read(const char *name)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", TEST_DATA, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    hmlc_text_buffer buffer = {.capacity = 1 << 20};
    buffer.data = malloc(buffer.capacity);
    assert_non_null(buffer.data);
    buffer.size = fread(buffer.data, 1, buffer.capacity, file);
    assert_true(buffer.size > 0 && buffer.size < buffer.capacity);
    fclose(file);
    return buffer;
}

hmlc_module *test_parse(const hmlc_text_buffer *text, const hmlc_text_buffer *constants)
{
    hmlc_module *module = hmlc_module_create(NULL);
    assert_non_null(module);
    hmlc_status status = hmlc_module_parse(module, text->data, text->size,
                                           constants == NULL ? NULL : constants->data,
                                           constants == NULL ? 0 : constants->size);
    if (status != HMLC_OK) {
        const hmlc_diagnostic *first = hmlc_diagnostics_first(module->diagnostics);
        fail_msg("parsing ends with %d: %s", status, first == NULL ? "" : first->message);
    }
    return module;
}

void test_print(const hmlc_module *module, hmlc_text_buffer *text, hmlc_text_buffer *constants)
{
    const hmlc_print_options options = {.locations = true, .storage = true};
    assert_int_equal(hmlc_module_print(module, &options, text, constants), HMLC_OK);
}
