/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* memfd_create */
#include "link.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <hml_format/kernel_abi.h>

#include "elf_file.h"
#include "targets/architecture.h"

enum { MOST_MESSAGE = 1024 };

/* Code first, constants behind it, each on pages of its own; nothing else is kept in memory. */
static char *linker_script(const hmlc_program *program)
{
    return hmlc_arena_printf(
        program->arena,
        "page = %lld;\n"
        "SECTIONS {\n"
        "  . = page;\n"
        "  .text : ALIGN(page) { *(.text .text.*) }\n"
        "  . = ALIGN(page);\n"
        "  .rodata : ALIGN(page) { *(.rodata .rodata.*) *(.data.rel.ro .data.rel.ro.*) }\n"
        "  . = ALIGN(page);\n"
        "  /DISCARD/ : { *(.comment) *(.note.*) *(.eh_frame*) *(.llvm*) "
        "*(.ARM.*) *(__patchable_function_entries) }\n"
        "}\n",
        (long long)program->target->page_bytes);
}

static hmlc_status link_error(const hmlc_program *program, hmlc_error error, const char *what)
{
    return hmlc_error_add(program->module->diagnostics, error, NULL, NULL, "%s: %s",
                          program->target->name, what);
}

/* -- running ld.lld ---------------------------------------------------------------------------- */

typedef struct linking {
    int script, output, messages;
    char **arguments;
    uint32_t argument_count;
} linking;

static hmlc_status argument_add(linking *l, hmlc_arena *arena, const char *text)
{
    l->arguments[l->argument_count] = hmlc_arena_string(arena, text);
    HMLC_TRY_MEMORY(l->arguments[l->argument_count]);
    l->argument_count++;
    return HMLC_OK;
}

static hmlc_status argument_add_file(linking *l, hmlc_arena *arena, int file)
{
    char text[64];
    snprintf(text, sizeof text, "/proc/self/fd/%d", file);
    return argument_add(l, arena, text);
}

static hmlc_status arguments_make(linking *l, const hmlc_objects *objects, hmlc_arena *arena)
{
    static const char *const fixed[] = {"ld.lld",
                                        "-shared",
                                        "-z",
                                        "text",
                                        "-z",
                                        "defs",
                                        "--no-dynamic-linker",
                                        "-nostdlib",
                                        "--hash-style=sysv",
                                        "--build-id=none",
                                        "--no-rosegment",
                                        "--threads=1",
                                        "-T"};
    size_t fixed_count = sizeof fixed / sizeof fixed[0];
    l->arguments = HMLC_NEW_ARRAY(arena, char *, fixed_count + 6);
    HMLC_TRY_MEMORY(l->arguments);
    for (size_t k = 0; k < fixed_count; k++) {
        HMLC_TRY(argument_add(l, arena, fixed[k]));
    }
    HMLC_TRY(argument_add_file(l, arena, l->script));
    HMLC_TRY(argument_add(l, arena, "-o"));
    HMLC_TRY(argument_add(l, arena, "-")); /* standard output: an anonymous file */
    HMLC_TRY(argument_add(l, arena, "--whole-archive"));
    return argument_add_file(l, arena, objects->file);
}

static int linker_spawn(const linking *l, pid_t *process)
{
    static const char *const programs[] = {HMLC_LLD, "ld.lld-19", "ld.lld"};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, l->output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, l->messages, STDERR_FILENO);
    int error = ENOENT;
    for (size_t k = 0; k < sizeof programs / sizeof programs[0] && error != 0; k++) {
        error = posix_spawnp(process, programs[k], &actions, NULL, l->arguments, environ);
    }
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

static hmlc_status linker_run(const hmlc_program *program, const linking *l)
{
    pid_t process;
    int wait_status;
    int error = linker_spawn(l, &process);
    if (error != 0) {
        bool scarce = error == ENOMEM || error == EAGAIN;
        char text[128];
        snprintf(text, sizeof text, "%s: %s", HMLC_LLD, strerror(error));
        return link_error(program, scarce ? HMLC_ERROR_out_of_memory : HMLC_ERROR_linker_missing,
                          text);
    }
    while (waitpid(process, &wait_status, 0) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0) {
        return HMLC_OK;
    }
    char message[MOST_MESSAGE] = "";
    ssize_t size = pread(l->messages, message, sizeof message - 1, 0);
    message[size > 0 ? size : 0] = '\0';
    bool undefined = strstr(message, "undefined symbol") != NULL;
    return link_error(program, undefined ? HMLC_ERROR_undefined_symbol : HMLC_ERROR_link_failed,
                      message);
}

/* -- reading the shared object ----------------------------------------------------------------- */

static uint64_t page_up(const hmlc_target *target, uint64_t value)
{
    uint64_t page = (uint64_t)target->page_bytes;
    return (value + page - 1) / page * page;
}

/* No section may be writable (but the dynamic linker's own, which are dropped) and none may hold
 * relocations. */
static const char *elf_forbidden(const hmlc_elf *elf)
{
    for (uint32_t k = 0; k < elf->section_count; k++) {
        const hmlc_elf_section *section = &elf->sections[k];
        bool relocations = section->type == SHT_RELA || section->type == SHT_REL;
        bool writable = (section->flags & SHF_WRITE) != 0 && section->size > 0 &&
                        strcmp(section->name, ".dynamic") != 0 &&
                        strcmp(section->name, ".relro_padding") != 0;
        if ((relocations && section->size > 0) || writable) {
            return section->name;
        }
    }
    return NULL;
}

/* A symbol that nothing defines: weak ones pass the linker, which makes their address 0. */
static const char *elf_undefined(const hmlc_elf *elf)
{
    for (uint32_t k = 0; k < elf->section_count; k++) {
        const hmlc_elf_section *table = &elf->sections[k];
        if (table->type != SHT_SYMTAB && table->type != SHT_DYNSYM) {
            continue;
        }
        hmlc_elf_symbol symbol;
        for (size_t s = 1; hmlc_elf_symbol_at(elf, table, s, &symbol); s++) {
            if (symbol.undefined) {
                return symbol.name;
            }
        }
    }
    return NULL;
}

/* What the code tells of itself, at the end of the image. */
static void code_seal(const hmlc_target *target, hmlc_image *image)
{
    const hml_code_record *record = &image->record;
    const hml_code_seal seal = {.mark = hml_code_mark(target->architecture),
                                .architecture = target->architecture,
                                .required_features = target->required_features,
                                .image_bytes = record->image_bytes,
                                .text_offset = record->text_offset,
                                .text_bytes = record->text_bytes,
                                .rodata_offset = record->rodata_offset,
                                .rodata_bytes = record->rodata_bytes,
                                .kernel_abi = record->kernel_abi,
                                .page_bytes = record->page_bytes};
    memcpy(image->bytes + record->image_bytes - sizeof seal, &seal, sizeof seal);
}

static void fill(uint8_t *bytes, size_t size, const hmlc_instruction *instruction)
{
    for (size_t k = 0; k < size; k++) {
        bytes[k] = instruction->bytes[k % instruction->size];
    }
}

static hmlc_status image_flatten(const hmlc_program *program, const hmlc_elf *elf,
                                 hmlc_image *image)
{
    const hmlc_elf_section *text = hmlc_elf_find(elf, ".text"),
                           *data = hmlc_elf_find(elf, ".rodata");
    const char *forbidden = elf_forbidden(elf);
    forbidden = forbidden != NULL ? forbidden : elf_undefined(elf);
    if (forbidden != NULL) {
        return link_error(program, HMLC_ERROR_undefined_symbol, forbidden);
    }
    if (text == NULL || text->size == 0) {
        return link_error(program, HMLC_ERROR_link_failed, "no code");
    }
    const hmlc_target *target = program->target;
    bool constants = data != NULL && data->size > 0;
    uint64_t base = text->address;
    uint64_t room = sizeof(hml_code_seal); /* behind what the last segment holds */
    hml_code_record record = {.kernel_abi = HML_KERNEL_ABI};
    if (target->page_bytes != HML_PAGE_BYTES_1_0) {
        record.page_bytes = (uint32_t)target->page_bytes;
    }
    /* Text up to the constants: between them the linker may keep a page for tables that we drop. */
    record.text_bytes = constants ? data->address - base : page_up(target, text->size + room);
    record.rodata_offset = record.text_bytes;
    record.rodata_bytes = constants ? page_up(target, data->size + room) : 0;
    record.image_bytes = record.rodata_offset + record.rodata_bytes;
    image->bytes = calloc(1, record.image_bytes);
    HMLC_TRY_MEMORY(image->bytes);
    fill(image->bytes, record.text_bytes, &hmlc_architecture_of(target)->trap);
    memcpy(image->bytes, text->data, text->size);
    if (constants) {
        memcpy(image->bytes + record.rodata_offset, data->data, data->size);
    }
    image->record = record;
    code_seal(target, image);
    return HMLC_OK;
}

/* Writes the seal into the room that code generation left for it. */
static bool entry_seal(const hmlc_target *target, const hmlc_image *image, uint64_t entry,
                       uint32_t kernel)
{
    const hml_entry_seal seal = {hml_entry_mark(target->architecture), kernel};
    uint8_t nops[sizeof seal];
    fill(nops, sizeof nops, &hmlc_architecture_of(target)->nop);
    if (entry < sizeof seal || entry >= image->record.text_bytes) {
        return false;
    }
    uint8_t *room = image->bytes + image->record.text_offset + entry - sizeof seal;
    bool was_free = memcmp(room, nops, sizeof nops) == 0;
    memcpy(room, &seal, sizeof seal);
    return was_free;
}

/* Kernel "k12" is entry 12 of the kernel table. */
static hmlc_status entries_set(hmlc_program *program, const hmlc_elf *elf, hmlc_image *image)
{
    const hmlc_elf_section *table = hmlc_elf_find(elf, ".dynsym");
    const hmlc_elf_section *text = hmlc_elf_find(elf, ".text");
    if (table == NULL) {
        return link_error(program, HMLC_ERROR_link_failed, "no symbols");
    }
    hml_kernel_record *kernels = program->kernels.data;
    hmlc_elf_symbol symbol;
    size_t found = 0;
    for (size_t k = 0; hmlc_elf_symbol_at(elf, table, k, &symbol); k++) {
        char *end = NULL;
        unsigned long index = symbol.name[0] == 'k' ? strtoul(symbol.name + 1, &end, 10) : 0;
        if (end != NULL && end != symbol.name + 1 && *end == '\0' &&
            index < program->kernels.count) {
            kernels[index].entry = symbol.value - text->address;
            found +=
                entry_seal(program->target, image, kernels[index].entry, (uint32_t)index) ? 1 : 0;
        }
    }
    return found == program->kernels.count
               ? HMLC_OK
               : link_error(program, HMLC_ERROR_link_failed,
                            "a kernel is missing, or has no room for its seal");
}

static hmlc_status image_read(hmlc_program *program, int file, hmlc_image *image)
{
    struct stat status;
    if (fstat(file, &status) != 0 || status.st_size <= 0) {
        return link_error(program, HMLC_ERROR_link_failed, "no output");
    }
    size_t size = (size_t)status.st_size;
    void *bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, file, 0);
    if (bytes == MAP_FAILED) {
        return HMLC_RESOURCE;
    }
    hmlc_elf elf = {0};
    hmlc_status result = hmlc_elf_open(&elf, bytes, size, program->arena)
                             ? image_flatten(program, &elf, image)
                             : link_error(program, HMLC_ERROR_link_failed, "not an ELF file");
    if (result == HMLC_OK) {
        result = entries_set(program, &elf, image);
    }
    munmap(bytes, size);
    return result;
}

hmlc_status hmlc_link(hmlc_program *program, const hmlc_objects *objects, hmlc_image *image)
{
    linking l = {memfd_create("hmlc-script", 0), memfd_create("hmlc-image", 0),
                 memfd_create("hmlc-messages", 0), NULL, 0};
    hmlc_status status = HMLC_RESOURCE;
    const char *script = linker_script(program);
    size_t length = script != NULL ? strlen(script) : 0;
    if (script != NULL && l.script >= 0 && l.output >= 0 && l.messages >= 0 &&
        write(l.script, script, length) == (ssize_t)length) {
        status = arguments_make(&l, objects, program->arena);
    }
    if (status == HMLC_OK) {
        status = linker_run(program, &l);
    }
    if (status == HMLC_OK) {
        status = image_read(program, l.output, image);
    }
    close(l.script);
    close(l.output);
    close(l.messages);
    return status;
}

void hmlc_image_release(hmlc_image *image)
{
    free(image->bytes);
    *image = (hmlc_image){0};
}
