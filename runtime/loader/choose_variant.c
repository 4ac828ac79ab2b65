/* SPDX-License-Identifier: Apache-2.0 */
/* The choice of a variant: by name, or the best one for this CPU. */
#include "loader/model.h"
#include "platform/cpu.h"
#include <stdio.h>
#include <string.h>

/* 0: does not run here; 1: runs; 2: and has all that it prefers. `features`: of this CPU, asked
 * once, as a virtual machine answers slowly. */
static uint32_t suits(const hml_variant *variant, uint64_t features)
{
    const hml_section_record *code = variant->code_section;
    if (!hml_cpu_is(code->architecture) || (code->required_features & ~features) != 0) {
        return 0;
    }
    return (code->preferred_features & ~features) == 0 ? 2 : 1;
}

static const char *variant_name(const hml_variant *variant)
{
    return variant->program.strings + variant->program.record->target_name;
}

/* Why a variant does not run here; what was written. */
static int tell_variant(const hml_variant *variant, uint64_t features, char *text, size_t bytes)
{
    const hml_section_record *code = variant->code_section;
    uint64_t missing = code->required_features & ~features;
    const char *name = variant->refusal == HML_OK ? variant_name(variant) : "";
    const char *architecture = hml_cpu_architecture_name(code->architecture);
    if (variant->refusal != HML_OK) {
        return snprintf(text, bytes, "one for %s needs a newer runtime", architecture);
    }
    if (!hml_cpu_is(code->architecture)) {
        return snprintf(text, bytes, "'%s' is for %s", name, architecture);
    }
    bool known = (missing & ~hml_cpu_known_features()) == 0;
    return snprintf(text, bytes, "'%s' needs CPU features that this %s (%#llx)", name,
                    known ? "CPU lacks" : "runtime does not know", (unsigned long long)missing);
}

static hml_status choose_named(hml_model *model, const char *wanted, uint64_t features,
                               hml_message message)
{
    char names[256] = "";
    size_t used = 0;
    for (uint32_t i = 0; i < model->variant_count; i++) {
        const hml_variant *variant = &model->variants[i];
        const char *name =
            variant->refusal == HML_OK ? variant_name(variant) : "one that needs a newer runtime";
        if (variant->refusal == HML_OK && strcmp(name, wanted) == 0) {
            if (!model->inspect_only && suits(variant, features) == 0) {
                (void)tell_variant(variant, features, names, sizeof names);
                return HML_FAIL(message, HML_ERROR_variant_unsupported, "%s", names);
            }
            model->variant = i;
            return HML_OK;
        }
        if (used < sizeof names) {
            used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", i > 0 ? ", " : "",
                                     name);
        }
    }
    return HML_FAIL(message, HML_ERROR_variant_unknown, "'%s'; the artifact has %s", wanted, names);
}

/* No variant runs here: there is one that would in a newer runtime, or there is none. */
static hml_status none_runs(const hml_model *model, uint64_t features, hml_message message)
{
    for (uint32_t i = 0; i < model->variant_count; i++) {
        const hml_variant *variant = &model->variants[i];
        if (variant->refusal != HML_OK && suits(variant, features) != 0) {
            return HML_FAIL(message, variant->refusal, "variant %u, which is for this CPU", i);
        }
    }
    char reasons[384] = "";
    size_t used = 0;
    for (uint32_t i = 0; i < model->variant_count && used < sizeof reasons; i++) {
        const char *between = i > 0 ? "; " : "";
        used += (size_t)snprintf(reasons + used, sizeof reasons - used, "%s", between);
        if (used < sizeof reasons) {
            used += (size_t)tell_variant(&model->variants[i], features, reasons + used,
                                         sizeof reasons - used);
        }
    }
    return HML_FAIL(message, HML_ERROR_other_cpu, "%s", reasons);
}

/* The last one of those that suit best; where none runs the first that is understood. */
static uint32_t best_variant(const hml_model *model, uint64_t features, uint32_t *best)
{
    uint32_t chosen = model->variant_count;
    *best = 0;
    for (uint32_t i = 0; i < model->variant_count; i++) {
        const hml_variant *variant = &model->variants[i];
        if (variant->refusal != HML_OK) {
            continue;
        }
        uint32_t how = suits(variant, features);
        if (chosen == model->variant_count || (how != 0 && how >= *best)) {
            *best = how;
            chosen = i;
        }
    }
    return chosen;
}

hml_status hml_model_choose_variant(hml_model *model, const char *wanted, hml_message message)
{
    uint64_t features = hml_cpu_features();
    uint32_t best;
    uint32_t chosen = best_variant(model, features, &best);
    if (chosen == model->variant_count) {
        return HML_FAIL(message, model->variants[0].refusal, "none of %u variant%s is understood",
                        model->variant_count, model->variant_count == 1 ? "" : "s");
    }
    model->variant = chosen;
    if (wanted != NULL && wanted[0] != '\0') {
        return choose_named(model, wanted, features, message);
    }
    return best != 0 || model->inspect_only ? HML_OK : none_runs(model, features, message);
}
