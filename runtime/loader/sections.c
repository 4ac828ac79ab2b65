/* SPDX-License-Identifier: Apache-2.0 */
/* Which section is what: exactly one model, at most one of weights, provenance and signature, and a
 * program and a code section for each variant. Sections of kinds that are not known are left alone,
 * unless they say that one has to know them. */
#include "loader/model.h"
#include <string.h>

static hml_status missing(hml_message message, const char *what)
{
    return HML_FAIL(message, HML_ERROR_section_missing, "%s", what);
}

/* The only section of a kind, NULL when there is none. */
static hml_status find_single(const hml_section_record *sections, uint32_t count, uint32_t kind,
                              const hml_section_record **found, hml_message message)
{
    *found = NULL;
    for (uint32_t i = 0; i < count; i++) {
        if (sections[i].kind != kind) {
            continue;
        }
        if (*found != NULL || sections[i].variant != HML_NONE) {
            return missing(message, "a section that may stand once is doubled");
        }
        *found = &sections[i];
    }
    return HML_OK;
}

static hml_status find_bytes(hml_model *model, const hml_section_record *sections, uint32_t count,
                             uint32_t kind, hml_file_bytes *bytes, hml_message message)
{
    const hml_section_record *section = NULL;
    HML_TRY(find_single(sections, count, kind, &section, message));
    if (section != NULL) {
        *bytes = (hml_file_bytes){model->file.data + section->offset, section->bytes};
    }
    return HML_OK;
}

static hml_status place_variant(hml_model *model, const hml_section_record *section,
                                hml_message message)
{
    if (section->variant >= model->variant_count) {
        return missing(message, "variants are not numbered from 0");
    }
    hml_variant *variant = &model->variants[section->variant];
    const hml_section_record **place =
        section->kind == HML_SECTION_PROGRAM ? &variant->program_section : &variant->code_section;
    if (*place != NULL) {
        return missing(message, "a variant has two programs or two code images");
    }
    *place = section;
    return HML_OK;
}

static hml_status find_variants(hml_model *model, const hml_section_record *sections,
                                uint32_t count, hml_message message)
{
    for (uint32_t i = 0; i < count; i++) {
        model->variant_count += sections[i].kind == HML_SECTION_PROGRAM ? 1 : 0;
    }
    if (model->variant_count == 0) {
        return missing(message, "no program");
    }
    size_t bytes = model->variant_count * sizeof(hml_variant);
    model->variants = hml_allocate(&model->allocator, bytes);
    if (model->variants == NULL) {
        return HML_FAIL(message, HML_ERROR_out_of_memory, "%zu bytes", bytes);
    }
    memset(model->variants, 0, bytes);
    for (uint32_t i = 0; i < count; i++) {
        if (sections[i].kind == HML_SECTION_PROGRAM || sections[i].kind == HML_SECTION_CODE) {
            HML_TRY(place_variant(model, &sections[i], message));
        }
    }
    for (uint32_t i = 0; i < model->variant_count; i++) {
        const hml_section_record *program = model->variants[i].program_section;
        const hml_section_record *code = model->variants[i].code_section;
        if (program == NULL || code == NULL || program->architecture != code->architecture ||
            program->required_features != code->required_features) {
            return missing(message, "a variant's program and code do not belong together");
        }
    }
    return HML_OK;
}

/* Refuses what needs knowledge that this runtime does not have: a variant, or the file. */
static hml_status heed_needs(hml_model *model, const hml_container *container, hml_message message)
{
    for (uint32_t i = 0; i < container->count; i++) {
        const hml_section_record *section = &container->sections[i];
        if ((section->needs & ~HML_NEEDS_KNOWN) == 0) {
            continue;
        }
        if (section->variant >= model->variant_count) {
            return HML_FAIL(message, HML_ERROR_format_newer,
                            "section %u needs what this runtime does not know (%#x)", i,
                            section->needs & ~HML_NEEDS_KNOWN);
        }
        model->variants[section->variant].refusal = HML_ERROR_format_newer;
    }
    return HML_OK;
}

hml_status hml_model_find_sections(hml_model *model, const hml_container *container,
                                   hml_message message)
{
    const hml_section_record *sections = container->sections;
    uint32_t count = container->count;
    const hml_section_record *tables = NULL, *signature = NULL;
    HML_TRY(find_single(sections, count, HML_SECTION_MODEL, &tables, message));
    HML_TRY(find_single(sections, count, HML_SECTION_SIGNATURE, &signature, message));
    if (tables == NULL) {
        return missing(message, "no model section");
    }
    HML_TRY(find_bytes(model, sections, count, HML_SECTION_WEIGHTS, &model->weights, message));
    HML_TRY(
        find_bytes(model, sections, count, HML_SECTION_PROVENANCE, &model->provenance, message));
    HML_TRY(find_variants(model, sections, count, message));
    HML_TRY(heed_needs(model, container, message));
    return hml_model_check_tables(model, tables, message);
}
