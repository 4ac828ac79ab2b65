/* SPDX-License-Identifier: Apache-2.0 */
/* Opening and closing models. */
#include "loader/model.h"
#include "common/versioned.h"
#include "platform/platform.h"
#include <stdlib.h>
#include <string.h>

#define READ_LIMIT (UINT64_C(1) << 20) /* larger files are mapped */

static hml_status create_model(const hml_open_options *options, hml_model **model)
{
    hml_allocator allocator;
    const char *wrong = hml_allocator_read(&allocator, options->allocator);
    if (wrong != NULL) {
        return HML_FAIL(hml_open_message(options), HML_ERROR_bad_argument, "%s", wrong);
    }
    hml_model *created = hml_allocate(&allocator, sizeof *created);
    if (created == NULL) {
        return HML_FAIL(hml_open_message(options), HML_ERROR_out_of_memory, "%zu bytes",
                        sizeof *created);
    }
    memset(created, 0, sizeof *created);
    atomic_init(&created->references, 1);
    created->allocator = allocator;
    created->copies.allocator = &created->allocator;
    created->inspect_only = (options->flags & HML_OPEN_INSPECT) != 0;
    *model = created;
    return HML_OK;
}

static void destroy_model(hml_model *model)
{
    hml_allocator allocator = model->allocator;
    if (model->code_image != NULL) {
        hml_platform_code_unmap(model->code_image,
                                model->variants[model->variant].code->image_bytes);
    }
    hml_release(&allocator, model->variants, model->variant_count * sizeof(hml_variant));
    hml_records_release(&model->copies);
    if (model->mapped) {
        hml_platform_file_unmap(model->file.data, model->file.bytes);
    }
    hml_release(&allocator, model->copy, (size_t)model->file.bytes);
    hml_release(&allocator, model, sizeof *model);
}

/* Memory for the whole file, which model->file then describes. */
static hml_status allocate_copy(hml_model *model, uint64_t bytes, hml_message message)
{
    model->copy = bytes > SIZE_MAX ? NULL : hml_allocate(&model->allocator, (size_t)bytes);
    if (model->copy == NULL) {
        return HML_FAIL(message, HML_ERROR_out_of_memory, "%llu bytes", (unsigned long long)bytes);
    }
    model->file = (hml_file_bytes){model->copy, bytes};
    return HML_OK;
}

/* Mapped where it is large, and lies on a page where it is part of a file. */
static hml_status bring_in(hml_model *model, const hml_platform_file *file, const char *name,
                           hml_message message)
{
    if (file->bytes >= READ_LIMIT) {
        const void *data = hml_platform_file_map(file);
        if (data != NULL) {
            model->mapped = 1;
            model->file = (hml_file_bytes){data, file->bytes};
            return HML_OK;
        }
    }
    HML_TRY(allocate_copy(model, file->bytes, message));
    if (!hml_platform_file_read(file, model->copy)) {
        return HML_FAIL(message, HML_ERROR_file_unreadable, "%s: reading failed", name);
    }
    return HML_OK;
}

static hml_status map_code(hml_model *model, const hml_platform_file *file, hml_message message)
{
    const hml_variant *variant = &model->variants[model->variant];
    const hml_code_record *code = variant->code;
    const hml_code_layout layout = {code->image_bytes, hml_code_page(code), code->text_offset,
                                    code->text_bytes,  code->rodata_offset, code->rodata_bytes};
    uint64_t offset = variant->code_section->offset + code->image_offset;
    model->code_image = hml_platform_code_map(model->mapped ? file : NULL, offset,
                                              model->file.data + offset, &layout);
    if (model->code_image == NULL) {
        return HML_FAIL(message, HML_ERROR_code_mapping, "%llu bytes",
                        (unsigned long long)code->image_bytes);
    }
    return HML_OK;
}

static const char *wanted_variant(const hml_open_options *options)
{
    bool asks = options->variant == NULL && (options->flags & HML_OPEN_NO_ENVIRONMENT) == 0;
    return asks ? getenv("HML_VARIANT") : options->variant;
}

hml_status hml_model_refusal(const hml_model *model, hml_status status, hml_message message)
{
    if (model->format_minor <= HML_FORMAT_MINOR || hml_status_describe(status)->exit_class != 4) {
        return status;
    }
    return HML_FAIL(message, HML_ERROR_format_newer, "format %d.%u, this runtime reads %d.%d",
                    HML_FORMAT_MAJOR, model->format_minor, HML_FORMAT_MAJOR, HML_FORMAT_MINOR);
}

/* Checks each variant; the ones that need a newer runtime are left out. */
static hml_status check_variants(hml_model *model, hml_message message)
{
    for (uint32_t i = 0; i < model->variant_count; i++) {
        hml_variant *variant = &model->variants[i];
        if (hml_code_mark(variant->code_section->architecture) == 0) {
            variant->refusal = HML_ERROR_format_newer; /* no CPU that this version knows */
        }
        if (variant->refusal != HML_OK) {
            continue;
        }
        hml_status status = hml_variant_check(model, variant, message);
        status = hml_model_refusal(model, status, message);
        if (status == HML_ERROR_format_newer || status == HML_ERROR_kernel_abi) {
            variant->refusal = status;
        } else {
            HML_TRY(status);
        }
    }
    return HML_OK;
}

/* From bytes to a usable model; `file` is NULL for memory. */
static hml_status load(hml_model *model, const hml_open_options *options,
                       const hml_platform_file *file)
{
    hml_message message = hml_open_message(options);
    hml_container container = {0};
    HML_TRY(hml_container_check(model->file, &model->copies, message, &container));
    model->format_minor = container.minor;
    hml_status status = hml_model_find_sections(model, &container, message);
    HML_TRY(hml_model_refusal(model, status, message));
    HML_TRY(check_variants(model, message));
    HML_TRY(hml_model_choose_variant(model, wanted_variant(options), message));
    HML_TRY(model->inspect_only ? HML_OK : map_code(model, file, message));
    if (message.text != NULL && message.bytes > 0) {
        message.text[0] = '\0'; /* of a variant that was left out */
    }
    return HML_OK;
}

/* *options = the caller's as this version has them. */
static hml_status read_options(const hml_open_options *given, hml_model *const *model,
                               hml_open_options *options)
{
    *options = (hml_open_options){.struct_bytes = sizeof *options};
    const char *wrong = given != NULL ? HML_STRUCT_READ(options, part, given) : NULL;
    if (wrong != NULL) {
        return HML_FAIL(HML_STRUCT_MESSAGE(given, part), HML_ERROR_bad_argument,
                        "hml_open_options: %s", wrong);
    }
    const uint32_t flags = HML_OPEN_INSPECT | HML_OPEN_NO_ENVIRONMENT;
    wrong = (options->flags & ~flags) != 0 ? "unknown flags"
            : model == NULL                ? "nowhere to put the model"
                                           : NULL;
    return wrong == NULL ? HML_OK
                         : HML_FAIL(hml_open_message(options), HML_ERROR_bad_argument, "%s", wrong);
}

/* The model of a file, which is closed by the caller. */
static hml_status open_file(const hml_platform_file *file, const char *name,
                            const hml_open_options *options, hml_model **model)
{
    hml_model *created = NULL;
    HML_TRY(create_model(options, &created));
    hml_status status = bring_in(created, file, name, hml_open_message(options));
    if (status == HML_OK) {
        status = load(created, options, file);
    }
    if (status == HML_OK) {
        *model = created;
    } else {
        hml_model_release(created);
    }
    return status;
}

static hml_status open_part(const hml_open_options *options, hml_model **model)
{
    hml_file_part part;
    const char *reason = HML_STRUCT_READ(&part, bytes, options->part);
    if (reason != NULL) {
        return HML_FAIL(hml_open_message(options), HML_ERROR_bad_argument, "hml_file_part: %s",
                        reason);
    }
    hml_platform_file file;
    if (!hml_platform_file_part(part.descriptor, part.offset, part.bytes, &file, &reason)) {
        return HML_FAIL(hml_open_message(options), HML_ERROR_file_unreadable, "descriptor %d: %s",
                        part.descriptor, reason);
    }
    return open_file(&file, "the descriptor", options, model);
}

static hml_status open_path(const char *path, const hml_open_options *options, hml_model **model)
{
    if ((path == NULL) == (options->part == NULL)) {
        return HML_FAIL(hml_open_message(options), HML_ERROR_bad_argument,
                        "either a path or a part of a file");
    }
    if (path == NULL) {
        return open_part(options, model);
    }
    hml_platform_file file;
    const char *reason = NULL;
    if (!hml_platform_file_open(path, &file, &reason)) {
        return HML_FAIL(hml_open_message(options), HML_ERROR_file_unreadable, "%s: %s", path,
                        reason);
    }
    hml_status status = open_file(&file, path, options, model);
    hml_platform_file_close(&file);
    return status;
}

hml_status hml_model_open(const char *path, const hml_open_options *given, hml_model **model)
{
    hml_open_options options;
    HML_TRY(read_options(given, model, &options));
    return open_path(path, &options, model);
}

static hml_status open_memory(const void *data, size_t bytes, const hml_open_options *options,
                              hml_model **model)
{
    if ((data == NULL && bytes != 0) || options->part != NULL) {
        return HML_FAIL(hml_open_message(options), HML_ERROR_bad_argument, "%s",
                        data == NULL ? "bytes at NULL" : "memory is no part of a file");
    }
    hml_model *created = NULL;
    HML_TRY(create_model(options, &created));
    hml_status status = HML_OK;
    if ((uintptr_t)data % HML_DATA_ALIGNMENT == 0) {
        created->file = (hml_file_bytes){data, bytes};
    } else {
        status = allocate_copy(created, bytes, hml_open_message(options));
        if (status == HML_OK) {
            memcpy(created->copy, data, bytes);
        }
    }
    if (status == HML_OK) {
        status = load(created, options, NULL);
    }
    if (status == HML_OK) {
        *model = created;
    } else {
        hml_model_release(created);
    }
    return status;
}

hml_status hml_model_open_memory(const void *data, size_t bytes, const hml_open_options *given,
                                 hml_model **model)
{
    hml_open_options options;
    HML_TRY(read_options(given, model, &options));
    return open_memory(data, bytes, &options, model);
}

hml_model *hml_model_retain(hml_model *model)
{
    if (model != NULL) {
        (void)atomic_fetch_add_explicit(&model->references, 1, memory_order_relaxed);
    }
    return model;
}

void hml_model_release(hml_model *model)
{
    if (model != NULL &&
        atomic_fetch_sub_explicit(&model->references, 1, memory_order_acq_rel) == 1) {
        destroy_model(model);
    }
}
