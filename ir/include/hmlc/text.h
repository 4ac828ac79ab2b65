/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text form of a module (.hir): print, parse, print gives the same text. Constants above 64 bytes
 * print as a hash; their bytes go to a side buffer (the file <name>.hir.bin). Grammar:
 * ir/README.md.
 */
#ifndef HMLC_TEXT_H
#define HMLC_TEXT_H

#include <hmlc/graph.h>

/* Grows by malloc; release with hmlc_text_buffer_free. data is NUL-terminated text or plain bytes.
 */
typedef struct hmlc_text_buffer {
    char *data;
    size_t size, capacity;
} hmlc_text_buffer;
void hmlc_text_buffer_free(hmlc_text_buffer *buffer);

typedef struct hmlc_print_options {
    bool locations; /* print loc(...) */
    bool storage;   /* print the memory plan */
} hmlc_print_options;

/* `constants` receives the bytes of large constants, may be NULL. */
hmlc_status hmlc_module_print(const hmlc_module *module, const hmlc_print_options *options,
                              hmlc_text_buffer *text, hmlc_text_buffer *constants) HMLC_MUST_USE;
/* One op without its operands' definitions, for messages and kernel keys. */
hmlc_status hmlc_op_print(const hmlc_op *op, hmlc_text_buffer *text) HMLC_MUST_USE;

/*
 * Parses into an empty module, and verifies it. `constants` may be NULL (large constants are then
 * refused); else it must outlive the module, which borrows from it. Problems become diagnostics.
 */
hmlc_status hmlc_module_parse(hmlc_module *module, const char *text, size_t size,
                              const void *constants, size_t constants_size) HMLC_MUST_USE;

#endif
