/* SPDX-License-Identifier: Apache-2.0 */
/* What an object file wants from others, and how large it is. */
#ifndef HMLC_OBJECT_SYMBOLS_H
#define HMLC_OBJECT_SYMBOLS_H

#include "llvm.h"

#include <hmlc/diagnostic.h>

#include "growable.h"

typedef HMLC_TABLE(char *) hmlc_object_symbols;

/* Names of symbols that nothing in the object defines, as in C. */
hmlc_status hmlc_object_undefined(LLVMMemoryBufferRef object, hmlc_diagnostics *diagnostics,
                                  hmlc_object_symbols *names) HMLC_MUST_USE;
/* The name of a section whose code asks for `name`, "" where none is found. */
void hmlc_object_user(LLVMMemoryBufferRef object, const char *name, char *section, size_t bytes);
void hmlc_object_symbols_release(hmlc_object_symbols *names);
/* Bytes of all sections whose name begins with one of the two (NULL: none), but that one. */
uint64_t hmlc_object_section_bytes(LLVMMemoryBufferRef object, const char *beginning,
                                   const char *other, const char *except);

#endif
