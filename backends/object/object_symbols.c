/* SPDX-License-Identifier: Apache-2.0 */
#include "object_symbols.h"

#include <stdbool.h>
#include <stdio.h>

/* What the formats themselves name, and a linker gives. */
static bool is_linkers(const char *name)
{
    static const char *const names[] = {"", "_GLOBAL_OFFSET_TABLE_", "__stack_pointer",
                                        "__linear_memory", "__indirect_function_table"};
    for (size_t k = 0; k < sizeof names / sizeof names[0]; k++) {
        if (strcmp(name, names[k]) == 0) {
            return true;
        }
    }
    return false;
}

/* Formats that write lengths end a name with no zero, but with the kind of what is imported. */
static size_t name_length(const char *name)
{
    size_t length = 0;
    while ((unsigned char)name[length] >= ' ') {
        length++;
    }
    return length;
}

static hmlc_status add_undefined(LLVMBinaryRef binary, LLVMSymbolIteratorRef symbol,
                                 hmlc_object_symbols *names)
{
    LLVMSectionIteratorRef section = LLVMObjectFileCopySectionIterator(binary);
    LLVMMoveToContainingSection(section, symbol);
    bool undefined = LLVMObjectFileIsSectionIteratorAtEnd(binary, section);
    LLVMDisposeSectionIterator(section);
    const char *name = LLVMGetSymbolName(symbol);
    if (!undefined || name == NULL) {
        return HMLC_OK;
    }
    char *copy = strndup(name, name_length(name));
    HMLC_TRY_MEMORY(copy);
    if (is_linkers(copy)) {
        free(copy);
        return HMLC_OK;
    }
    return HMLC_APPEND(names, &copy);
}

/* An object as LLVM reads it. */
typedef struct opened_object {
    LLVMContextRef context;
    LLVMBinaryRef binary;
} opened_object;

static bool open_object(LLVMMemoryBufferRef object, opened_object *file)
{
    char *message = NULL;
    file->context = LLVMContextCreate();
    file->binary = LLVMCreateBinary(object, file->context, &message);
    if (file->binary == NULL) {
        LLVMDisposeMessage(message);
        LLVMContextDispose(file->context);
    }
    return file->binary != NULL;
}

static void close_object(opened_object *file)
{
    LLVMDisposeBinary(file->binary);
    LLVMContextDispose(file->context);
}

hmlc_status hmlc_object_undefined(LLVMMemoryBufferRef object, hmlc_diagnostics *diagnostics,
                                  hmlc_object_symbols *names)
{
    opened_object file;
    if (!open_object(object, &file)) {
        return hmlc_error_add(diagnostics, HMLC_ERROR_compiler_defect, NULL, NULL,
                              "LLVM cannot read the object that it wrote");
    }
    hmlc_status status = HMLC_OK;
    LLVMSymbolIteratorRef symbol = LLVMObjectFileCopySymbolIterator(file.binary);
    while (status == HMLC_OK && !LLVMObjectFileIsSymbolIteratorAtEnd(file.binary, symbol)) {
        status = add_undefined(file.binary, symbol, names);
        LLVMMoveToNextSymbol(symbol);
    }
    LLVMDisposeSymbolIterator(symbol);
    close_object(&file);
    return status;
}

/* Where `name` is asked for in a section; relocations of ELF have sections of their own. */
static bool asks_for(LLVMSectionIteratorRef section, const char *name)
{
    bool found = false;
    LLVMRelocationIteratorRef at = LLVMGetRelocations(section);
    for (; !found && !LLVMIsRelocationIteratorAtEnd(section, at); LLVMMoveToNextRelocation(at)) {
        LLVMSymbolIteratorRef symbol = LLVMGetRelocationSymbol(at);
        const char *text = LLVMGetSymbolName(symbol);
        found = text != NULL && name_length(text) == strlen(name) &&
                strncmp(text, name, strlen(name)) == 0;
        LLVMDisposeSymbolIterator(symbol);
    }
    LLVMDisposeRelocationIterator(at);
    return found;
}

void hmlc_object_user(LLVMMemoryBufferRef object, const char *name, char *section, size_t bytes)
{
    opened_object file;
    section[0] = '\0';
    if (!open_object(object, &file)) {
        return;
    }
    LLVMSectionIteratorRef at = LLVMObjectFileCopySectionIterator(file.binary);
    for (; section[0] == '\0' && !LLVMObjectFileIsSectionIteratorAtEnd(file.binary, at);
         LLVMMoveToNextSection(at)) {
        const char *text = LLVMGetSectionName(at);
        if (text != NULL && asks_for(at, name)) {
            snprintf(section, bytes, "%s", text);
        }
    }
    LLVMDisposeSectionIterator(at);
    close_object(&file);
}

void hmlc_object_symbols_release(hmlc_object_symbols *names)
{
    for (size_t k = 0; k < names->count; k++) {
        free(names->data[k]);
    }
    HMLC_TABLE_FREE(names);
}

static bool begins(const char *name, const char *beginning)
{
    return name != NULL && beginning != NULL && strncmp(name, beginning, strlen(beginning)) == 0;
}

uint64_t hmlc_object_section_bytes(LLVMMemoryBufferRef object, const char *beginning,
                                   const char *other, const char *except)
{
    opened_object file;
    uint64_t bytes = 0;
    if (!open_object(object, &file)) {
        return 0;
    }
    LLVMSectionIteratorRef section = LLVMObjectFileCopySectionIterator(file.binary);
    for (; !LLVMObjectFileIsSectionIteratorAtEnd(file.binary, section);
         LLVMMoveToNextSection(section)) {
        const char *name = LLVMGetSectionName(section);
        bool counts = begins(name, beginning) || begins(name, other);
        if (counts && (except == NULL || strcmp(name, except) != 0)) {
            bytes += LLVMGetSectionSize(section);
        }
    }
    LLVMDisposeSectionIterator(section);
    close_object(&file);
    return bytes;
}
