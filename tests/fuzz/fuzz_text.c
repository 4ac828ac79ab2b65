/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parser of text IR on any bytes. What it accepts must pass the verifier and print, parse and
 * print to the same text.
 */
#include <hmlc/ir.h>

#include "limited_memory.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

typedef struct printed {
    hmlc_text_buffer text, constants;
} printed;

static void demand(int holds)
{
    if (!holds) {
        abort();
    }
}

static printed print(const hmlc_module *module)
{
    const hmlc_print_options options = {.locations = true, .storage = true};
    printed result = {{NULL, 0, 0}, {NULL, 0, 0}};
    demand(hmlc_module_print(module, &options, &result.text, &result.constants) == HMLC_OK);
    return result;
}

static void release(printed *result)
{
    hmlc_text_buffer_free(&result->text);
    hmlc_text_buffer_free(&result->constants);
}

static void check_round_trip(hmlc_module *module)
{
    demand(hmlc_verify(module, NULL) == HMLC_OK);
    printed first = print(module);
    hmlc_module *copy = hmlc_module_create(NULL);
    demand(copy != NULL);
    demand(hmlc_module_parse(copy, first.text.data, first.text.size, first.constants.data,
                             first.constants.size) == HMLC_OK);
    printed second = print(copy);
    demand(strcmp(first.text.data, second.text.data) == 0);
    hmlc_module_destroy(copy);
    release(&first);
    release(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    limited_memory memory;
    limited_memory_init(&memory, bytes);
    hmlc_module *module = hmlc_module_create(&memory.allocator);
    demand(module != NULL);
    hmlc_status status = hmlc_module_parse(module, (const char *)data, bytes, "0123456789", 10);
    demand(status != HMLC_INTERNAL);
    demand(status != HMLC_DAMAGED || hmlc_diagnostics_error_count(module->diagnostics) > 0);
    if (status == HMLC_OK) {
        check_round_trip(module);
    }
    hmlc_module_destroy(module);
    demand(memory.used == 0);
    return 0;
}
