/* SPDX-License-Identifier: Apache-2.0 */
#include "clone_checks.h"

#include <stdlib.h>
#include <string.h>

/* With everything that the text can say, constants' bytes included; NULL when printing fails. */
static char *text_of(const hmlc_module *module)
{
    const hmlc_print_options options = {.locations = true, .storage = true};
    hmlc_text_buffer text = {0}, constants = {0};
    char *all = NULL;
    if (hmlc_module_print(module, &options, &text, &constants) == HMLC_OK) {
        all = calloc(1, text.size + 2 * constants.size + 1);
    }
    if (all != NULL) {
        memcpy(all, text.data, text.size);
        for (size_t i = 0; i < constants.size; i++) {
            all[text.size + 2 * i] = (char)('a' + (constants.data[i] & 15));
            all[text.size + 2 * i + 1] = (char)('a' + (constants.data[i] >> 4 & 15));
        }
    }
    hmlc_text_buffer_free(&text);
    hmlc_text_buffer_free(&constants);
    return all;
}

static bool prints(const hmlc_module *module, const char *expected)
{
    char *text = text_of(module);
    bool same = text != NULL && expected != NULL && strcmp(text, expected) == 0;
    free(text);
    return same;
}

static const char *check_ends(const hmlc_module *original, hmlc_module *first, hmlc_module *second,
                              const char *pipeline)
{
    const hmlc_pass_options options = {.pipeline = pipeline, .verify = true};
    char *before = text_of(original);
    hmlc_status status = hmlc_run_passes(first, &options);
    const char *problem = NULL;
    if (!prints(original, before)) {
        problem = "a pass on the copy changed the original";
    } else if (!prints(second, before)) {
        problem = "a pass on a copy changed its copy";
    } else if (hmlc_run_passes(second, &options) != status) {
        problem = "the passes end otherwise on the copy of a copy";
    }
    char *after = text_of(first);
    if (problem == NULL && !prints(second, after)) {
        problem = "the passes make something else of the copy of a copy";
    }
    free(before);
    free(after);
    return problem;
}

const char *clone_broken(const hmlc_module *module, const char *pipeline)
{
    hmlc_module *first = NULL, *second = NULL;
    if (hmlc_module_clone(module, NULL, &first) != HMLC_OK) {
        return "no copy";
    }
    const char *problem = "no copy of the copy";
    if (hmlc_module_clone(first, NULL, &second) == HMLC_OK) {
        char *text = text_of(module);
        problem = !prints(first, text)                        ? "the copy prints otherwise"
                  : !prints(second, text)                     ? "its copy prints otherwise"
                  : hmlc_verify(second, "copying") != HMLC_OK ? "the copy does not verify"
                  : first->value_count != module->value_count ? "another number of values"
                                                              : NULL;
        free(text);
    }
    if (problem == NULL) {
        problem = check_ends(module, first, second, pipeline);
    }
    hmlc_module_destroy(second);
    hmlc_module_destroy(first);
    return problem;
}
