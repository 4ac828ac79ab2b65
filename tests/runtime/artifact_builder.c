/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact_builder.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

/* -- Tables ------------------------------------------------------------------------------------ */

uint32_t build_string(artifact_builder *b, const char *text)
{
    uint32_t length = (uint32_t)strlen(text) + 1;
    if (b->string_bytes == 0) {
        b->string_bytes = 1; /* offset 0 is the empty string */
    }
    uint32_t offset = b->string_bytes;
    memcpy(b->strings + offset, text, length);
    b->string_bytes += length;
    return offset;
}

uint32_t build_symbol(artifact_builder *b, const char *name, int64_t minimum, int64_t maximum,
                      int64_t multiple, uint32_t slot)
{
    b->symbols[b->symbol_count] = (hml_symbol_record){.name = build_string(b, name),
                                                      .minimum = minimum,
                                                      .maximum = maximum,
                                                      .multiple = multiple,
                                                      .slot = slot};
    return b->symbol_count++;
}

uint32_t build_dim(artifact_builder *b, uint32_t op, uint32_t left, uint32_t right, uint32_t third)
{
    b->dims[b->dim_count] = (hml_dim_record){.op = op, .a = left, .b = right, .c = third};
    return b->dim_count++;
}

uint32_t build_constant(artifact_builder *b, int64_t value)
{
    b->dims[b->dim_count] = (hml_dim_record){.op = HML_DIM_CONSTANT, .value = value};
    return b->dim_count++;
}

static hml_tensor_record tensor_record(artifact_builder *b, const char *name, hml_dtype dtype,
                                       uint32_t rank, const char *const *texts)
{
    hml_tensor_record record = {.name = build_string(b, name), .dtype = dtype, .rank = rank};
    for (uint32_t i = 0; i < HML_MAX_TENSOR_RANK; i++) {
        record.dims[i] = HML_NONE;
        record.dim_texts[i] = i < rank ? build_string(b, texts[i]) : HML_NONE;
    }
    return record;
}

static uint32_t add_buffer(artifact_builder *b, hml_buffer_record record)
{
    b->buffers[b->buffer_count] = record;
    return b->buffer_count++;
}

uint32_t build_input(artifact_builder *b, const char *name, hml_dtype dtype, uint32_t rank,
                     const uint32_t *slots, const char *const *texts)
{
    hml_tensor_record record = tensor_record(b, name, dtype, rank, texts);
    for (uint32_t i = 0; i < rank; i++) {
        record.dims[i] = slots[i];
        build_check(b, HML_CHECK_INPUT_DIM, b->input_count, i, slots[i]);
    }
    b->inputs[b->input_count] = record;
    return add_buffer(b, (hml_buffer_record){.kind = HML_BUFFER_INPUT,
                                             .index = b->input_count++,
                                             .offset_dim = HML_NONE,
                                             .bytes_dim = HML_NONE});
}

uint32_t build_output(artifact_builder *b, const char *name, hml_dtype dtype, uint32_t rank,
                      const uint32_t *slots, const char *const *texts)
{
    b->outputs[b->output_count] = tensor_record(b, name, dtype, rank, texts);
    for (uint32_t i = 0; i < rank; i++) {
        b->output_dims[b->output_dim_count++] = slots[i];
    }
    return add_buffer(b, (hml_buffer_record){.kind = HML_BUFFER_OUTPUT,
                                             .index = b->output_count++,
                                             .offset_dim = HML_NONE,
                                             .bytes_dim = HML_NONE});
}

uint32_t build_arena(artifact_builder *b, uint32_t offset_dim, uint32_t bytes_dim)
{
    return add_buffer(b, (hml_buffer_record){.kind = HML_BUFFER_ARENA,
                                             .offset_dim = offset_dim,
                                             .bytes_dim = bytes_dim});
}

uint32_t build_growable(artifact_builder *b, uint32_t bytes_dim)
{
    return add_buffer(b, (hml_buffer_record){.kind = HML_BUFFER_GROWABLE,
                                             .index = b->growable_count++,
                                             .offset_dim = HML_NONE,
                                             .bytes_dim = bytes_dim});
}

uint32_t build_weights(artifact_builder *b, const void *data, uint32_t bytes)
{
    uint32_t offset = (b->weight_bytes + 63) / 64 * 64;
    memcpy(b->weights + offset, data, bytes);
    b->weight_bytes = offset + bytes;
    return add_buffer(b, (hml_buffer_record){.kind = HML_BUFFER_WEIGHTS,
                                             .offset_dim = HML_NONE,
                                             .bytes_dim = HML_NONE,
                                             .offset = offset,
                                             .bytes = bytes});
}

void build_check(artifact_builder *b, uint32_t kind, uint32_t left, uint32_t right, uint32_t slot)
{
    b->checks[b->check_count++] =
        (hml_check_record){.kind = kind, .a = left, .b = right, .slot = slot, .location = HML_NONE};
}

uint32_t build_kernel(artifact_builder *b, const char *name, hml_kernel_function *function)
{
    b->kernels[b->kernel_count] = (hml_kernel_record){
        .entry = test_kernel_entry(function), .name = build_string(b, name), .form = HML_FORM_LOOP};
    return b->kernel_count++;
}

uint32_t build_step(artifact_builder *b, uint32_t kind)
{
    b->steps[b->step_count] = (hml_step_record){.kind = kind,
                                                .kernel = HML_NONE,
                                                .units_dim = HML_NONE,
                                                .scratch_dim = HML_NONE,
                                                .location = HML_NONE,
                                                .work_dim = HML_NONE};
    return b->step_count++;
}

uint32_t build_call(artifact_builder *b, uint32_t kernel, const uint32_t *buffers,
                    const uint32_t *dims, uint32_t units_dim, const char *location)
{
    uint32_t index = build_step(b, HML_STEP_CALL);
    hml_step_record *step = &b->steps[index];
    step->kernel = kernel;
    step->units_dim = units_dim;
    step->work_dim = units_dim;
    step->first_operand = b->operand_count;
    step->first_dim = b->index_count;
    for (; buffers[step->operand_count] != HML_NONE; step->operand_count++) {
        b->operands[b->operand_count++] =
            (hml_operand_record){.buffer = buffers[step->operand_count], .offset_dim = HML_NONE};
    }
    b->operands[b->operand_count - 1].flags = HML_OPERAND_WRITTEN;
    for (; dims[step->dim_count] != HML_NONE; step->dim_count++) {
        b->indices[b->index_count++] = dims[step->dim_count];
    }
    step->location = b->location_count;
    b->locations[b->location_count++] = build_string(b, location);
    return index;
}

/* -- The file ---------------------------------------------------------------------------------- */

/* Bytes at the end of a section. */
typedef struct section_bytes {
    uint8_t *data;
    size_t count, capacity;
} section_bytes;

static void append(section_bytes *bytes, const void *data, size_t count, hml_table *table,
                   uint32_t record_bytes)
{
    bytes->count = (bytes->count + 7) / 8 * 8;
    if (table != NULL) {
        *table = (hml_table){bytes->count, (uint32_t)(count / record_bytes), record_bytes};
    }
    if (count > 0) {
        memcpy(bytes->data + bytes->count, data, count);
    }
    bytes->count += count;
}

#define APPEND(bytes, array, entries, table)                                                       \
    append((bytes), (array), (entries) * sizeof *(array), (table), sizeof *(array))

static void write_model(const artifact_builder *b, section_bytes *bytes)
{
    hml_model_record *record = (hml_model_record *)(void *)bytes->data;
    bytes->count = sizeof *record;
    APPEND(bytes, b->strings, b->string_bytes, &record->strings);
    APPEND(bytes, b->symbols, b->symbol_count, &record->symbols);
    APPEND(bytes, b->inputs, b->input_count, &record->inputs);
    APPEND(bytes, b->outputs, b->output_count, &record->outputs);
    APPEND(bytes, b->states, b->state_count, &record->states);
}

static void write_program(const artifact_builder *b, uint32_t target_name, section_bytes *bytes)
{
    hml_program_record *record = (hml_program_record *)(void *)bytes->data;
    bytes->count = sizeof *record;
    record->entry_dims = b->entry_dims;
    record->entry_checks = b->check_count - b->step_check_count;
    record->arena_dim = b->arena_dim;
    record->scratch_dim = b->scratch_dim;
    record->growable_count = b->growable_count;
    record->target_name = target_name;
    APPEND(bytes, b->dims, b->dim_count, &record->dims);
    APPEND(bytes, b->checks, b->check_count, &record->checks);
    APPEND(bytes, b->buffers, b->buffer_count, &record->buffers);
    APPEND(bytes, b->operands, b->operand_count, &record->operands);
    APPEND(bytes, b->indices, b->index_count, &record->indices);
    APPEND(bytes, b->kernels, b->kernel_count, &record->kernels);
    APPEND(bytes, b->steps, b->step_count, &record->steps);
    APPEND(bytes, b->locations, b->location_count, &record->locations);
    APPEND(bytes, b->strings, b->string_bytes, &record->strings);
    APPEND(bytes, b->output_dims, b->output_dim_count, &record->output_dims);
}

static uint32_t architecture_of(const artifact_builder *b)
{
    return b->architecture != 0 ? b->architecture : (uint32_t)HML_ARCHITECTURE_X86_64;
}

static size_t page_of(const artifact_builder *b)
{
    return b->page != 0 ? b->page : HML_PAGE_BYTES_1_0;
}

static void write_code(const artifact_builder *b, uint64_t features, section_bytes *bytes)
{
    size_t text = (size_t)(__stop_test_kernels - __start_test_kernels), page = page_of(b);
    size_t pages = (text + page - 1) / page * page;
    hml_code_record *record = (hml_code_record *)(void *)bytes->data;
    *record = (hml_code_record){.image_offset = page,
                                .image_bytes = pages + page,
                                .text_bytes = pages,
                                .rodata_offset = pages,
                                .rodata_bytes = page,
                                .kernel_abi = HML_KERNEL_ABI,
                                .page_bytes = b->page};
    memcpy(bytes->data + page, __start_test_kernels, text);
    for (uint32_t k = 0; k < b->kernel_count; k++) {
        const hml_entry_seal seal = {hml_entry_mark(architecture_of(b)), k};
        memcpy(bytes->data + page + b->kernels[k].entry - sizeof seal, &seal, sizeof seal);
    }
    const hml_code_seal seal = {.mark = hml_code_mark(architecture_of(b)),
                                .architecture = architecture_of(b),
                                .required_features = features,
                                .image_bytes = record->image_bytes,
                                .text_bytes = record->text_bytes,
                                .rodata_offset = record->rodata_offset,
                                .rodata_bytes = record->rodata_bytes,
                                .kernel_abi = record->kernel_abi,
                                .page_bytes = record->page_bytes};
    bytes->count = page + pages + page;
    memcpy(bytes->data + bytes->count - sizeof seal, &seal, sizeof seal);
}

enum { MOST_SECTIONS = 16, SECTION_CAPACITY = 65536, CODE_CAPACITY = 3 * HML_MOST_PAGE_BYTES };

typedef struct file_layout {
    hml_section_record records[MOST_SECTIONS];
    section_bytes contents[MOST_SECTIONS];
    uint32_t count;
} file_layout;

static section_bytes *add_section(file_layout *layout, uint32_t kind, uint32_t variant,
                                  uint64_t alignment, size_t capacity)
{
    layout->records[layout->count] =
        (hml_section_record){.kind = kind, .variant = variant, .alignment = alignment};
    section_bytes *contents = &layout->contents[layout->count++];
    contents->data = calloc(capacity, 1);
    contents->capacity = capacity;
    return contents;
}

/* Names of the variants in order; their features grow from none. */
static const char *const variant_names[] = {"base", "middle", "widest"};
static const uint64_t variant_features[] = {0, HML_CPU_X86_SSE42, UINT64_C(1) << 60};

static void add_sections(artifact_builder *b, file_layout *layout)
{
    write_model(b, add_section(layout, HML_SECTION_MODEL, HML_NONE, 64, SECTION_CAPACITY));
    if (b->state_count > 0) {
        layout->records[0].needs = HML_NEEDS_STATES;
        layout->records[0].head_bytes = sizeof(hml_model_record);
    }
    for (uint32_t v = 0; v < (b->variant_count == 0 ? 1 : b->variant_count); v++) {
        bool named = v == 0 && b->target_name != NULL;
        uint32_t name = build_string(b, named ? b->target_name : variant_names[v]);
        write_program(b, name, add_section(layout, HML_SECTION_PROGRAM, v, 64, SECTION_CAPACITY));
        uint64_t features = b->features | variant_features[v];
        write_code(b, features,
                   add_section(layout, HML_SECTION_CODE, v,
                               b->alignment != 0 ? b->alignment : page_of(b), CODE_CAPACITY));
        for (uint32_t i = layout->count - 2; i < layout->count; i++) {
            layout->records[i].architecture = architecture_of(b);
            layout->records[i].required_features = features;
            layout->records[i].preferred_features = v > 0 ? b->preferred : 0;
        }
    }
    section_bytes *weights =
        add_section(layout, HML_SECTION_WEIGHTS, HML_NONE, b->alignment != 0 ? b->alignment : 64,
                    b->weight_bytes + b->padding + 1);
    memcpy(weights->data, b->weights, b->weight_bytes);
    weights->count = b->weight_bytes + b->padding;
    section_bytes *provenance = add_section(layout, HML_SECTION_PROVENANCE, HML_NONE, 64, 64);
    append(provenance, "{\"source\":\"test\"}", 17, NULL, 1);
    add_section(layout, HML_SECTION_SIGNATURE, HML_NONE, 64, 1);
}

static uint64_t place_sections(file_layout *layout)
{
    uint64_t at = 64 + layout->count * sizeof(hml_section_record);
    for (uint32_t i = 0; i < layout->count; i++) {
        hml_section_record *record = &layout->records[i];
        record->offset = (at + record->alignment - 1) / record->alignment * record->alignment;
        record->bytes = layout->contents[i].count;
        at = record->offset + record->bytes;
        if (i > 0) {
            layout->records[i - 1].span = record->offset - layout->records[i - 1].offset;
        }
    }
    layout->records[layout->count - 1].span = layout->records[layout->count - 1].bytes;
    return at;
}

uint8_t *build_artifact(const artifact_builder *builder, size_t *bytes)
{
    artifact_builder b = *builder;
    file_layout layout = {.count = 0};
    if (b.string_bytes == 0) {
        b.string_bytes = 1;
    }
    add_sections(&b, &layout);
    uint64_t file_bytes = place_sections(&layout);
    uint8_t *data = aligned_alloc(64, (size_t)(file_bytes + 63) / 64 * 64);
    if (data != NULL) {
        hml_file_header header = {.magic = {0x89, 'H', 'M', 'L', '\r', '\n', 0x1a, '\n'},
                                  .byte_order = HML_BYTE_ORDER,
                                  .format_major = HML_FORMAT_MAJOR,
                                  .format_minor = HML_FORMAT_MINOR,
                                  .minimum_abi = HML_RUNTIME_ABI,
                                  .header_bytes = sizeof header,
                                  .section_record_bytes = sizeof(hml_section_record),
                                  .file_bytes = file_bytes,
                                  .section_table_offset = 64,
                                  .section_count = layout.count};
        memset(data, 0, (size_t)file_bytes);
        memcpy(data, &header, sizeof header);
        memcpy(data + 64, layout.records, layout.count * sizeof layout.records[0]);
        for (uint32_t i = 0; i < layout.count; i++) {
            memcpy(data + layout.records[i].offset, layout.contents[i].data,
                   layout.contents[i].count);
        }
        (void)reseal_artifact(data, (size_t)file_bytes);
        *bytes = (size_t)file_bytes;
    }
    for (uint32_t i = 0; i < layout.count; i++) {
        free(layout.contents[i].data);
    }
    return data;
}

int reseal_artifact(uint8_t *data, size_t bytes)
{
    hml_file_header header;
    if (bytes < sizeof header) {
        return 0;
    }
    memcpy(&header, data, sizeof header);
    uint32_t record_bytes = header.section_record_bytes != 0
                                ? header.section_record_bytes
                                : (uint32_t)HML_SECTION_RECORD_BYTES_1_0;
    if (record_bytes < HML_SECTION_RECORD_BYTES_1_0 || header.section_table_offset > bytes ||
        header.section_count > (bytes - header.section_table_offset) / record_bytes) {
        return 0;
    }
    uint8_t *table = data + header.section_table_offset;
    uint64_t header_end = 0;
    for (uint32_t i = 0; i < header.section_count; i++) {
        hml_section_record record;
        uint8_t *place = table + (size_t)i * record_bytes;
        memcpy(&record, place, HML_SECTION_RECORD_BYTES_1_0);
        if (record.offset > bytes || record.span > bytes - record.offset) {
            return 0;
        }
        header_end = i == 0 ? record.offset : header_end;
        record.checksum = XXH3_64bits(data + record.offset, (size_t)record.span);
        memcpy(place, &record, HML_SECTION_RECORD_BYTES_1_0);
    }
    header.header_checksum = 0;
    memcpy(data, &header, sizeof header);
    header.header_checksum = XXH3_64bits(data, (size_t)header_end);
    memcpy(data, &header, sizeof header);
    return 1;
}
