/* SPDX-License-Identifier: Apache-2.0 */
#include "writer.h"

#include "atomic_file.h"

#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

/* -- the file, and the checksum of what is written --------------------------------------------- */

typedef struct hashed_file {
    hmlc_atomic_file file;
    bool hashing;
    XXH3_state_t *hash;
} hashed_file;

static hmlc_status hashed_write(void *context, const void *data, size_t bytes)
{
    hashed_file *f = context;
    if (f->hashing) {
        XXH3_64bits_update(f->hash, data, bytes);
    }
    return hmlc_file_write(&f->file, data, bytes);
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
    static const uint32_t bytes[] = {[HML_SECTION_PROGRAM] = sizeof(hml_program_record),
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
    hml_section_record *model =
        section_add(l, HML_SECTION_MODEL, HML_NONE, l->contents[l->count].count);
    model->head_bytes = hmlc_section_model_head(a);
    model->needs = a->module->state_count > 0 ? HML_NEEDS_STATES : 0;
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

static hmlc_status write_zeros(hashed_file *f, uint64_t count)
{
    static const char zeros[1024];
    while (count > 0) {
        size_t part = count < sizeof zeros ? (size_t)count : sizeof zeros;
        HMLC_TRY(hashed_write(f, zeros, part));
        count -= part;
    }
    return HMLC_OK;
}

static hmlc_status write_code(hashed_file *f, const hmlc_image *image)
{
    hml_code_record record = image->record;
    record.image_offset = code_image_offset(image);
    HMLC_TRY(hashed_write(f, &record, sizeof record));
    HMLC_TRY(write_zeros(f, code_image_offset(image) - sizeof record));
    return hashed_write(f, image->bytes, record.image_bytes);
}

static hmlc_status section_write(layout *l, uint32_t index, hashed_file *f)
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
        HMLC_TRY(hmlc_weights_write(a->weights, hashed_write, f));
        break;
    case HML_SECTION_PROVENANCE:
        HMLC_TRY(hashed_write(f, a->provenance, s->bytes));
        break;
    case HML_SECTION_SIGNATURE:
        break;
    default:
        HMLC_TRY(hashed_write(f, l->contents[index].data, s->bytes));
    }
    HMLC_TRY(write_zeros(f, s->span - s->bytes));
    s->checksum = XXH3_64bits_digest(f->hash);
    f->hashing = false;
    return HMLC_OK;
}

/* Header and table last: they hold the sections' checksums. */
static hmlc_status header_write(layout *l, hashed_file *f)
{
    uint64_t bytes = l->sections[0].offset;
    uint8_t *head = calloc(1, bytes);
    HMLC_TRY_MEMORY(head);
    memcpy(l->header.magic, HML_MAGIC, sizeof l->header.magic);
    l->header.byte_order = HML_BYTE_ORDER;
    l->header.format_major = HML_FORMAT_MAJOR;
    l->header.format_minor =
        l->artifact->module->state_count > 0 ? HML_FORMAT_MINOR_STATES : HML_FORMAT_MINOR_REPEAT;
    l->header.minimum_abi = HML_RUNTIME_ABI;
    l->header.header_bytes = sizeof l->header;
    l->header.section_record_bytes = sizeof *l->sections;
    memcpy(head, &l->header, sizeof l->header);
    memcpy(head + l->header.section_table_offset, l->sections, l->count * sizeof *l->sections);
    uint64_t checksum = XXH3_64bits(head, bytes);
    memcpy(head + offsetof(hml_file_header, header_checksum), &checksum, sizeof checksum);
    bool good = pwrite(f->file.file, head, bytes, 0) == (ssize_t)bytes;
    free(head);
    return good ? HMLC_OK : hmlc_file_error(&f->file, "cannot write");
}

static hmlc_status artifact_stream(layout *l, hashed_file *f)
{
    HMLC_TRY(sections_list(l));
    sections_place(l);
    HMLC_TRY(hmlc_file_open(&f->file));
    HMLC_TRY(write_zeros(f, l->sections[0].offset));
    for (uint32_t k = 0; k < l->count; k++) {
        HMLC_TRY(section_write(l, k, f));
    }
    HMLC_TRY(header_write(l, f));
    return hmlc_file_commit(&f->file);
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
    hashed_file f = {.file = {.module = artifact->module, .path = path, .file = -1},
                     .hash = XXH3_createState()};
    HMLC_TRY_MEMORY(f.hash);
    hmlc_status status = artifact_stream(&l, &f);
    *file_bytes = l.header.file_bytes;
    hmlc_file_close(&f.file);
    XXH3_freeState(f.hash);
    for (uint32_t k = 0; k < l.count; k++) {
        HMLC_TABLE_FREE(&l.contents[k]);
    }
    return status;
}

hmlc_status hmlc_text_write(hmlc_module *module, const hmlc_objects *objects, uint32_t count,
                            const char *path)
{
    hmlc_atomic_file f = {.module = module, .path = path, .file = -1};
    hmlc_status status = hmlc_file_open(&f);
    for (uint32_t v = 0; v < count; v++) {
        const hmlc_object *members = objects[v].members.data;
        for (size_t k = 0; k < objects[v].members.count && status == HMLC_OK; k++) {
            status = hmlc_file_copy(&f, objects[v].file, members[k].offset, members[k].bytes);
        }
    }
    if (status == HMLC_OK) {
        status = hmlc_file_commit(&f);
    }
    hmlc_file_close(&f);
    return status;
}
