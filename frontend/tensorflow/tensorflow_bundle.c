/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tensor bundles: a sorted table from keys to entries (variables.index, in the form of LevelDB's
 * tables: blocks of entries whose keys share prefixes, an index of blocks, a footer) and files with
 * the tensors' bytes (variables.data-00000-of-00001), which are used where they lie.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <support/inflate.h>

#include "common/proto_wire.h"
#include "importer/stored_tensor.h"
#include "tensorflow_import.h"
#include "tensorflow_snappy.h"

enum { FOOTER = 48, TRAILER = 5, PLAIN = 0, SNAPPY = 1, MOST_SHARDS = 99999, LONGEST_KEY = 65536 };

static const char folder[] = "variables/variables";

typedef struct bundle_entry {
    const uint8_t *data; /* a BundleEntry */
    size_t size;
} bundle_entry;

struct hmlc_tf_bundle {
    const hmlc_mapped_file *index;
    const hmlc_location *where; /* variables.index */
    hmlc_names entries;         /* key -> bundle_entry */
    uint64_t read;              /* bytes of the index before the next block */
    int32_t shards;
};

/* A range of the index file, and how far it has been read. */
typedef struct byte_reader {
    const uint8_t *data;
    size_t size, at;
} byte_reader;

typedef hmlc_status entry_visitor(hmlc_importer *importer, hmlc_tf_bundle *bundle, const char *key,
                                  byte_reader value);

static hmlc_status damaged(const hmlc_importer *importer, const hmlc_tf_bundle *bundle,
                           const char *what)
{
    return hmlc_error_add(importer->module->diagnostics, HMLC_ERROR_file_damaged, bundle->where,
                          "the file may be cut short or altered: fetch or export it again",
                          "%s.index: %s", folder, what);
}

static bool read_varint(byte_reader *reader, uint64_t *value)
{
    *value = 0;
    for (uint32_t shift = 0; shift < 64 && reader->at < reader->size; shift += 7) {
        uint8_t byte = reader->data[reader->at++];
        *value |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) {
            return true;
        }
    }
    return false;
}

static uint32_t read32(const uint8_t *data)
{
    return (uint32_t)data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16 |
           (uint32_t)data[3] << 24;
}

/* Checksums are stored turned and shifted, so that one of data with checksums in it is none. */
static uint32_t mask(uint32_t checksum)
{
    return (checksum >> 15 | checksum << 17) + UINT32_C(0xa282ead8);
}

/* The block at a handle: offset, size. */
static hmlc_status read_block(hmlc_importer *importer, hmlc_tf_bundle *bundle, byte_reader handle,
                              byte_reader *block)
{
    uint64_t offset, size;
    const hmlc_mapped_file *file = bundle->index;
    if (!read_varint(&handle, &offset) || !read_varint(&handle, &size) ||
        file->size < FOOTER + TRAILER || offset > file->size - FOOTER - TRAILER ||
        size > file->size - FOOTER - TRAILER - offset) {
        return damaged(importer, bundle, "a block lies outside of the file");
    }
    const uint8_t *data = file->data + offset;
    if (mask(hml_crc32c(data, (size_t)size + 1)) != read32(data + size + 1)) {
        return damaged(importer, bundle, "a block's checksum is wrong");
    }
    *block = (byte_reader){.data = data, .size = (size_t)size};
    if (data[size] == SNAPPY) {
        uint8_t *plain = NULL;
        size_t length = hmlc_snappy_length(data, (size_t)size);
        plain = length > 0 ? hmlc_arena_allocate(importer->scratch, length) : NULL;
        if (length > 0 && plain == NULL) {
            return HMLC_RESOURCE;
        }
        *block = (byte_reader){.data = plain, .size = length};
        return plain != NULL && hmlc_snappy_expand(data, (size_t)size, plain, length)
                   ? HMLC_OK
                   : damaged(importer, bundle, "a compressed block is damaged");
    }
    return data[size] == PLAIN ? HMLC_OK : damaged(importer, bundle, "a block of an unknown kind");
}

/* A key is what it shares with the one before it, and its own end. */
static hmlc_status read_key(hmlc_importer *importer, hmlc_tf_bundle *bundle, byte_reader *block,
                            char **key, size_t *length, byte_reader *value)
{
    uint64_t shared, own, bytes;
    if (!read_varint(block, &shared) || !read_varint(block, &own) || !read_varint(block, &bytes) ||
        shared > *length || own > block->size - block->at ||
        bytes > block->size - block->at - own || shared + own > LONGEST_KEY) {
        return damaged(importer, bundle, "an entry leaves its block");
    }
    char *text = hmlc_arena_allocate(importer->scratch, (size_t)(shared + own) + 1);
    HMLC_TRY_MEMORY(text);
    if (shared > 0) {
        memcpy(text, *key, (size_t)shared);
    }
    memcpy(text + shared, block->data + block->at, (size_t)own);
    *length = (size_t)(shared + own);
    text[*length] = '\0';
    *key = text;
    *value = (byte_reader){.data = block->data + block->at + own, .size = (size_t)bytes};
    block->at += (size_t)(own + bytes);
    return HMLC_OK;
}

/* Entries one after the other; the block ends with a list of places and its length. */
static hmlc_status visit_block(hmlc_importer *importer, hmlc_tf_bundle *bundle, byte_reader block,
                               entry_visitor *visit)
{
    char *key = NULL;
    size_t length = 0;
    uint64_t places = block.size >= 4 ? read32(block.data + block.size - 4) : 0;
    if (block.size < 4 || places > (block.size - 4) / 4) {
        return damaged(importer, bundle, "a block has no end");
    }
    block.size -= 4 + (size_t)places * 4;
    while (block.at < block.size) {
        byte_reader value;
        HMLC_TRY(read_key(importer, bundle, &block, &key, &length, &value));
        if (strlen(key) != length) {
            return damaged(importer, bundle, "a key has a NUL byte");
        }
        HMLC_TRY(visit(importer, bundle, key, value));
    }
    return HMLC_OK;
}

static hmlc_status add_entry(hmlc_importer *importer, hmlc_tf_bundle *bundle, const char *key,
                             byte_reader value)
{
    bundle_entry *entry = HMLC_NEW(importer->scratch, bundle_entry);
    HMLC_TRY_MEMORY(entry);
    *entry = (bundle_entry){value.data, value.size};
    if (hmlc_names_find(&bundle->entries, key) != NULL) {
        return damaged(importer, bundle, "a key comes twice");
    }
    return hmlc_names_set(&bundle->entries, key, entry);
}

static hmlc_status visit_index(hmlc_importer *importer, hmlc_tf_bundle *bundle, const char *key,
                               byte_reader value)
{
    byte_reader block = {0}, handle = value;
    uint64_t offset, size;
    (void)key;
    HMLC_TRY(read_block(importer, bundle, value, &block));
    /* In order, as they are written: so none is read twice. */
    if (!read_varint(&handle, &offset) || !read_varint(&handle, &size) || offset < bundle->read) {
        return damaged(importer, bundle, "blocks lie out of order");
    }
    bundle->read = offset + size + TRAILER;
    return visit_block(importer, bundle, block, add_entry);
}

static hmlc_status unpack(hmlc_importer *importer, const ProtobufCMessageDescriptor *kind,
                          const bundle_entry *entry, const hmlc_location *where,
                          const ProtobufCMessage **message)
{
    const hmlc_wire_format format = {
        .root = kind, .tensor = &tensorflow__tensor__descriptor, .weights = "tensor_content"};
    return hmlc_wire_unpack(&format, entry->data, entry->size, &importer->budget,
                            importer->module->diagnostics, where, message);
}

/* The entry without a name says how many files there are. */
static hmlc_status read_header(hmlc_importer *importer, hmlc_tf_bundle *bundle)
{
    const ProtobufCMessage *message;
    const bundle_entry *entry = hmlc_names_find(&bundle->entries, "");
    if (entry == NULL) {
        return damaged(importer, bundle, "the header is missing");
    }
    HMLC_TRY(
        unpack(importer, &tensorflow__bundle_header__descriptor, entry, bundle->where, &message));
    const Tensorflow__BundleHeader *header = (const Tensorflow__BundleHeader *)message;
    bundle->shards = header->num_shards;
    if (header->num_shards < 1 || header->num_shards > MOST_SHARDS) {
        return damaged(importer, bundle, "the number of files is wrong");
    }
    if (header->endianness != 0) {
        return hmlc_error_add(importer->module->diagnostics, HMLC_ERROR_not_implemented,
                              bundle->where, "write it on a little-endian machine",
                              "%s.index: the tensors are big-endian", folder);
    }
    return HMLC_OK;
}

hmlc_status hmlc_tf_bundle_parse(hmlc_importer *importer, const hmlc_mapped_file *index,
                                 hmlc_tf_bundle **result)
{
    static const uint8_t magic[] = {0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb};
    hmlc_tf_bundle *bundle = HMLC_NEW(importer->scratch, hmlc_tf_bundle);
    HMLC_TRY_MEMORY(bundle);
    *bundle = (hmlc_tf_bundle){
        .index = index, .where = importer->where, .entries = hmlc_names_create(importer->scratch)};
    *result = bundle;
    if (index->size < FOOTER ||
        memcmp(index->data + index->size - sizeof magic, magic, sizeof magic) != 0) {
        return damaged(importer, bundle, "the footer is missing");
    }
    byte_reader footer = {.data = index->data + index->size - FOOTER, .size = FOOTER};
    uint64_t unused;
    byte_reader block = {0};
    if (!read_varint(&footer, &unused) || !read_varint(&footer, &unused)) {
        return damaged(importer, bundle, "the footer is damaged");
    }
    HMLC_TRY(read_block(importer, bundle, footer, &block));
    HMLC_TRY(visit_block(importer, bundle, block, visit_index));
    return read_header(importer, bundle);
}

hmlc_status hmlc_tf_bundle_open(hmlc_importer *importer, hmlc_tf_bundle **bundle)
{
    char name[sizeof folder + 8];
    const hmlc_mapped_file *index;
    (void)snprintf(name, sizeof name, "%s.index", folder);
    *bundle = NULL;
    if (!hmlc_importer_has(importer, name)) {
        return HMLC_OK;
    }
    HMLC_TRY(hmlc_importer_external(importer, name, importer->where, &index));
    return hmlc_tf_bundle_parse(importer, index, bundle);
}

bool hmlc_tf_bundle_has(const hmlc_tf_bundle *bundle, const char *key)
{
    return bundle != NULL && hmlc_names_find(&bundle->entries, key) != NULL;
}

/* The bytes of an entry, in its file. */
static hmlc_status find_bytes(hmlc_importer *importer, const hmlc_tf_bundle *bundle,
                              const char *key, const Tensorflow__BundleEntry *entry,
                              const hmlc_location *where, const uint8_t **data)
{
    hmlc_diagnostics *diagnostics = importer->module->diagnostics;
    const hmlc_mapped_file *file;
    char *name = hmlc_arena_printf(importer->scratch, "%s.data-%05" PRId32 "-of-%05" PRId32, folder,
                                   entry->shard_id, bundle->shards);
    HMLC_TRY_MEMORY(name);
    if (entry->shard_id < 0 || entry->shard_id >= bundle->shards) {
        return hmlc_error_add(diagnostics, HMLC_ERROR_file_damaged, where, NULL,
                              "key '%s' lies in file %" PRId32 " of %" PRId32, key, entry->shard_id,
                              bundle->shards);
    }
    HMLC_TRY(hmlc_importer_external(importer, name, where, &file));
    if (entry->offset < 0 || entry->size < 0 || (uint64_t)entry->offset > file->size ||
        (uint64_t)entry->size > file->size - (uint64_t)entry->offset) {
        return hmlc_error_add(diagnostics, HMLC_ERROR_file_damaged, where, NULL,
                              "key '%s': %" PRId64 " bytes from %" PRId64 " on lie outside of '%s'",
                              key, entry->size, entry->offset, name);
    }
    static const uint8_t none[1] = {0};
    *data = entry->size > 0 ? file->data + entry->offset : none;
    if (mask(hml_crc32c(*data, (size_t)entry->size)) != entry->crc32c) {
        return hmlc_error_add(diagnostics, HMLC_ERROR_file_damaged, where,
                              "the file may be altered: fetch or export it again",
                              "key '%s': the checksum of its bytes in '%s' is wrong", key, name);
    }
    return HMLC_OK;
}

hmlc_status hmlc_tf_bundle_read(hmlc_importer *importer, hmlc_tf_bundle *bundle, const char *key,
                                const hmlc_location *where, hmlc_tensor *tensor)
{
    const ProtobufCMessage *message;
    const uint8_t *data = NULL;
    const bundle_entry *found = hmlc_names_find(&bundle->entries, key);
    *tensor = (hmlc_tensor){0};
    if (found == NULL) {
        return hmlc_error_add(importer->module->diagnostics, HMLC_ERROR_value_undefined, where,
                              NULL, "the checkpoint has no key '%s'", key);
    }
    HMLC_TRY(unpack(importer, &tensorflow__bundle_entry__descriptor, found, where, &message));
    const Tensorflow__BundleEntry *entry = (const Tensorflow__BundleEntry *)message;
    if (entry->n_slices > 0) {
        return hmlc_error_add(importer->module->diagnostics, HMLC_ERROR_not_implemented, where,
                              "save the variable as a whole, without a partitioner",
                              "key '%s' is stored in slices", key);
    }
    if (!hmlc_tf_dtype(importer, entry->dtype, where, &tensor->dtype)) {
        return HMLC_REFUSED;
    }
    HMLC_TRY(hmlc_tf_read_shape(importer, entry->shape, where, tensor));
    HMLC_TRY(find_bytes(importer, bundle, key, entry, where, &data));
    return hmlc_stored_tensor_use(importer, tensor, data, (uint64_t)entry->size, where);
}
