/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* O_TMPFILE */
#include "writer.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

/* -- a file that appears whole or not at all --------------------------------------------------- */

typedef struct atomic_file {
    hmlc_module *module;
    const char *path;
    char *target;    /* what path is a link to, else the same */
    char *folder;    /* of target */
    char *temporary; /* name to rename from; empty while the file has none */
    int file;
    bool held;     /* signals that end programs wait */
    sigset_t mask; /* of the thread before that */
    uint64_t at;
    bool hashing;
    XXH3_state_t *hash;
} atomic_file;

static hmlc_status file_error(const atomic_file *f, const char *doing)
{
    int cause = errno;
    return hmlc_error_add(f->module->diagnostics, HMLC_ERROR_output_unwritable, NULL,
                          "check that the folder exists, may be written and has room", "%s: %s%s%s",
                          f->path, doing, cause != 0 ? ": " : "",
                          cause != 0 ? strerror(cause) : "");
}

/* A link is followed, so that it stays and /dev/stdout is never replaced. */
static hmlc_status file_names(atomic_file *f)
{
    hmlc_arena *arena = f->module->arena;
    char *real = realpath(f->path, NULL);
    f->target = hmlc_arena_string(arena, real != NULL ? real : f->path);
    free(real);
    HMLC_TRY_MEMORY(f->target);
    const char *slash = strrchr(f->target, '/');
    size_t length = slash != NULL ? (size_t)(slash - f->target) : 1;
    const char *folder = slash == NULL ? "." : (length == 0 ? "/" : f->target);
    f->folder = hmlc_arena_string_n(arena, folder, length > 0 ? length : 1);
    HMLC_TRY_MEMORY(f->folder);
    f->temporary = hmlc_arena_printf(arena, "%s.XXXXXX", f->target);
    HMLC_TRY_MEMORY(f->temporary);
    return HMLC_OK;
}

static void hold_signals(atomic_file *f)
{
    static const int ending[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
    sigset_t held;
    sigemptyset(&held);
    for (size_t k = 0; k < sizeof ending / sizeof ending[0]; k++) {
        sigaddset(&held, ending[k]);
    }
    f->held = pthread_sigmask(SIG_BLOCK, &held, &f->mask) == 0;
}

/* Where the file system can, the file is nameless until it is whole: then even SIGKILL leaves
 * nothing. */
static hmlc_status file_open(atomic_file *f)
{
    struct stat status;
    hold_signals(f);
    HMLC_TRY(file_names(f));
    if (stat(f->path, &status) == 0 && !S_ISREG(status.st_mode)) {
        f->temporary[0] = '\0';
        errno = S_ISDIR(status.st_mode) ? EISDIR : 0;
        return file_error(f, "is not a regular file");
    }
    /* Made once in any case: it finds a free name, and what forbids the file forbids it here. */
    f->file = mkostemp(f->temporary, O_CLOEXEC);
    if (f->file < 0) {
        f->temporary[0] = '\0';
        return file_error(f, "cannot create");
    }
    int nameless = open(f->folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0644);
    if (nameless >= 0) {
        close(f->file);
        unlink(f->temporary);
        f->file = nameless;
    }
    return HMLC_OK;
}

static hmlc_status file_write(void *context, const void *data, size_t bytes)
{
    atomic_file *f = context;
    if (f->hashing) {
        XXH3_64bits_update(f->hash, data, bytes);
    }
    f->at += bytes;
    for (const char *from = data; bytes > 0;) {
        ssize_t written = write(f->file, from, bytes);
        if (written < 0 && errno != EINTR) {
            return file_error(f, "cannot write");
        }
        from += written > 0 ? written : 0;
        bytes -= written > 0 ? (size_t)written : 0;
    }
    return HMLC_OK;
}

static hmlc_status file_commit(atomic_file *f)
{
    char nameless[64];
    snprintf(nameless, sizeof nameless, "/proc/self/fd/%d", f->file);
    struct stat status;
    bool named = fstat(f->file, &status) == 0 && status.st_nlink > 0;
    mode_t mask = umask(0);
    umask(mask);
    if (fchmod(f->file, 0666 & ~mask) != 0 || fsync(f->file) != 0) {
        return file_error(f, "cannot write");
    }
    if (!named && linkat(AT_FDCWD, nameless, AT_FDCWD, f->temporary, AT_SYMLINK_FOLLOW) != 0) {
        return file_error(f, "cannot create");
    }
    if (rename(f->temporary, f->target) != 0) {
        return file_error(f, "cannot rename");
    }
    f->temporary[0] = '\0';
    int folder = open(f->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder >= 0) {
        (void)fsync(folder); /* some file systems cannot; the file itself is safe */
        close(folder);
    }
    return HMLC_OK;
}

static void file_close(atomic_file *f)
{
    if (f->file >= 0) {
        close(f->file);
    }
    if (f->temporary != NULL && f->temporary[0] != '\0') {
        unlink(f->temporary);
    }
    if (f->held) {
        pthread_sigmask(SIG_SETMASK, &f->mask, NULL);
    }
}

/* -- sections ---------------------------------------------------------------------------------- */

typedef struct layout {
    const hmlc_artifact *artifact;
    hml_section_record *sections;
    hmlc_byte_table *contents; /* of MODEL and PROGRAM sections */
    uint32_t count;
    hml_file_header header;
} layout;

static uint64_t align_up(uint64_t value, uint64_t alignment)
{
    return (value + alignment - 1) / alignment * alignment;
}

/* The code record, then the image on the next page. */
static uint64_t code_image_offset(const hmlc_image *image)
{
    return hml_code_page(&image->record);
}

/* Of the record at the start of a section. */
static uint32_t head_bytes(uint32_t kind)
{
    static const uint32_t bytes[] = {[HML_SECTION_MODEL] = sizeof(hml_model_record),
                                     [HML_SECTION_PROGRAM] = sizeof(hml_program_record),
                                     [HML_SECTION_CODE] = sizeof(hml_code_record)};
    return kind < sizeof bytes / sizeof bytes[0] ? bytes[kind] : 0;
}

static hml_section_record *section_add(layout *l, uint32_t kind, uint32_t variant, uint64_t bytes)
{
    hml_section_record *record = &l->sections[l->count++];
    *record = (hml_section_record){
        .kind = kind, .variant = variant, .head_bytes = head_bytes(kind), .bytes = bytes};
    record->alignment = HML_DATA_ALIGNMENT;
    if (variant != HML_NONE) {
        const hmlc_target *target = l->artifact->programs[variant].target;
        record->architecture = (uint32_t)target->architecture;
        record->required_features = target->required_features;
        record->preferred_features = target->preferred_features;
    }
    return record;
}

static hmlc_status sections_list(layout *l)
{
    const hmlc_artifact *a = l->artifact;
    HMLC_TRY(hmlc_section_model(a, &l->contents[l->count]));
    section_add(l, HML_SECTION_MODEL, HML_NONE, l->contents[l->count].count);
    for (uint32_t v = 0; v < a->variant_count; v++) {
        HMLC_TRY(hmlc_section_program(&a->programs[v], &l->contents[l->count]));
        section_add(l, HML_SECTION_PROGRAM, v, l->contents[l->count].count);
        const hmlc_image *image = &a->images[v];
        uint64_t first = code_image_offset(image), bytes = image->record.image_bytes;
        section_add(l, HML_SECTION_CODE, v, first + bytes)->alignment = first;
    }
    section_add(l, HML_SECTION_WEIGHTS, HML_NONE, hmlc_weights_bytes(a->weights));
    section_add(l, HML_SECTION_PROVENANCE, HML_NONE,
                a->provenance != NULL ? strlen(a->provenance) : 0);
    section_add(l, HML_SECTION_SIGNATURE, HML_NONE, 0);
    return HMLC_OK;
}

/* Offsets and spans; sections of large files lie on mapping boundaries. */
static void sections_place(layout *l)
{
    uint64_t table = align_up(sizeof l->header, HML_DATA_ALIGNMENT), total = 0;
    for (uint32_t k = 0; k < l->count; k++) {
        total += l->sections[k].bytes;
    }
    bool mapped = total >= (1 << 20);
    uint64_t at = table + l->count * sizeof *l->sections;
    for (uint32_t k = 0; k < l->count; k++) {
        hml_section_record *s = &l->sections[k];
        bool apart = mapped && (s->kind == HML_SECTION_WEIGHTS || s->kind == HML_SECTION_CODE);
        s->alignment = apart ? HML_MAPPED_ALIGNMENT : s->alignment;
        s->offset = align_up(at, s->alignment);
        at = s->offset + s->bytes;
        if (k > 0) {
            l->sections[k - 1].span = s->offset - l->sections[k - 1].offset;
        }
    }
    l->sections[l->count - 1].span = l->sections[l->count - 1].bytes;
    l->header.file_bytes = at;
    l->header.section_table_offset = table;
    l->header.section_count = l->count;
}

static hmlc_status write_zeros(atomic_file *f, uint64_t count)
{
    static const char zeros[1024];
    while (count > 0) {
        size_t part = count < sizeof zeros ? (size_t)count : sizeof zeros;
        HMLC_TRY(file_write(f, zeros, part));
        count -= part;
    }
    return HMLC_OK;
}

static hmlc_status write_code(atomic_file *f, const hmlc_image *image)
{
    hml_code_record record = image->record;
    record.image_offset = code_image_offset(image);
    HMLC_TRY(file_write(f, &record, sizeof record));
    HMLC_TRY(write_zeros(f, code_image_offset(image) - sizeof record));
    return file_write(f, image->bytes, record.image_bytes);
}

static hmlc_status section_write(layout *l, uint32_t index, atomic_file *f)
{
    hml_section_record *s = &l->sections[index];
    const hmlc_artifact *a = l->artifact;
    f->hashing = true;
    XXH3_64bits_reset(f->hash);
    switch (s->kind) {
    case HML_SECTION_CODE:
        HMLC_TRY(write_code(f, &a->images[s->variant]));
        break;
    case HML_SECTION_WEIGHTS:
        HMLC_TRY(hmlc_weights_write(a->weights, file_write, f));
        break;
    case HML_SECTION_PROVENANCE:
        HMLC_TRY(file_write(f, a->provenance, s->bytes));
        break;
    case HML_SECTION_SIGNATURE:
        break;
    default:
        HMLC_TRY(file_write(f, l->contents[index].data, s->bytes));
    }
    HMLC_TRY(write_zeros(f, s->span - s->bytes));
    s->checksum = XXH3_64bits_digest(f->hash);
    f->hashing = false;
    return HMLC_OK;
}

/* Header and table last: they hold the sections' checksums. */
static hmlc_status header_write(layout *l, atomic_file *f)
{
    uint64_t bytes = l->sections[0].offset;
    uint8_t *head = calloc(1, bytes);
    HMLC_TRY_MEMORY(head);
    memcpy(l->header.magic, HML_MAGIC, sizeof l->header.magic);
    l->header.byte_order = HML_BYTE_ORDER;
    l->header.format_major = HML_FORMAT_MAJOR;
    l->header.format_minor = HML_FORMAT_MINOR;
    l->header.minimum_abi = HML_RUNTIME_ABI;
    l->header.header_bytes = sizeof l->header;
    l->header.section_record_bytes = sizeof *l->sections;
    memcpy(head, &l->header, sizeof l->header);
    memcpy(head + l->header.section_table_offset, l->sections, l->count * sizeof *l->sections);
    uint64_t checksum = XXH3_64bits(head, bytes);
    memcpy(head + offsetof(hml_file_header, header_checksum), &checksum, sizeof checksum);
    bool good = pwrite(f->file, head, bytes, 0) == (ssize_t)bytes;
    free(head);
    return good ? HMLC_OK : file_error(f, "cannot write");
}

static hmlc_status artifact_stream(layout *l, atomic_file *f)
{
    HMLC_TRY(sections_list(l));
    sections_place(l);
    HMLC_TRY(file_open(f));
    HMLC_TRY(write_zeros(f, l->sections[0].offset));
    for (uint32_t k = 0; k < l->count; k++) {
        HMLC_TRY(section_write(l, k, f));
    }
    HMLC_TRY(header_write(l, f));
    return file_commit(f);
}

hmlc_status hmlc_artifact_write(const hmlc_artifact *artifact, const char *path,
                                uint64_t *file_bytes)
{
    uint32_t most = 4 + 2 * artifact->variant_count;
    hmlc_arena *arena = artifact->module->arena;
    layout l = {.artifact = artifact,
                .sections = HMLC_NEW_ARRAY(arena, hml_section_record, most),
                .contents = HMLC_NEW_ARRAY(arena, hmlc_byte_table, most)};
    HMLC_TRY_MEMORY(l.sections);
    HMLC_TRY_MEMORY(l.contents);
    atomic_file f = {
        .module = artifact->module, .path = path, .file = -1, .hash = XXH3_createState()};
    HMLC_TRY_MEMORY(f.hash);
    hmlc_status status = artifact_stream(&l, &f);
    *file_bytes = l.header.file_bytes;
    file_close(&f);
    XXH3_freeState(f.hash);
    for (uint32_t k = 0; k < l.count; k++) {
        HMLC_TABLE_FREE(&l.contents[k]);
    }
    return status;
}

static hmlc_status copy_object(atomic_file *f, int from, const hmlc_object *object)
{
    char buffer[65536];
    uint64_t at = object->offset, end = at + object->bytes;
    while (at < end) {
        size_t wanted = end - at < sizeof buffer ? (size_t)(end - at) : sizeof buffer;
        ssize_t size = pread(from, buffer, wanted, (off_t)at);
        if (size <= 0) {
            return file_error(f, "cannot read generated text");
        }
        HMLC_TRY(file_write(f, buffer, (size_t)size));
        at += (uint64_t)size;
    }
    return HMLC_OK;
}

hmlc_status hmlc_text_write(hmlc_module *module, const hmlc_objects *objects, uint32_t count,
                            const char *path)
{
    atomic_file f = {.module = module, .path = path, .file = -1};
    hmlc_status status = file_open(&f);
    for (uint32_t v = 0; v < count; v++) {
        const hmlc_object *members = objects[v].members.data;
        for (size_t k = 0; k < objects[v].members.count && status == HMLC_OK; k++) {
            status = copy_object(&f, objects[v].file, &members[k]);
        }
    }
    if (status == HMLC_OK) {
        status = file_commit(&f);
    }
    file_close(&f);
    return status;
}
