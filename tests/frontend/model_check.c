/* SPDX-License-Identifier: Apache-2.0 */
#include "model_check.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "pb_tensor.h"

enum { MOST_TENSORS = 128 };

checked_model model_open(const char *path)
{
    checked_model model = {.module = hmlc_module_create(NULL), .status = HMLC_RESOURCE};
    if (model.module != NULL) {
        model.status = hmlc_import(path, NULL, model.module, &model.mapping);
    }
    if (model.status == HMLC_OK) {
        model.status = hmlc_verify(model.module, "import");
    }
    return model;
}

void model_close(checked_model *model)
{
    hmlc_module_destroy(model->module);
    hmlc_mapping_release(model->mapping);
}

void model_print_diagnostics(const checked_model *model)
{
    const hmlc_diagnostic *diagnostic = hmlc_diagnostics_first(model->module->diagnostics);
    for (; diagnostic != NULL; diagnostic = diagnostic->next) {
        char where[256] = "";
        (void)hmlc_location_format(diagnostic->location, where, sizeof where);
        printf("HML%04u %s: %s", hmlc_error_get_info(diagnostic->error)->number, where,
               diagnostic->message);
        printf(diagnostic->hint != NULL ? " [%s]\n" : "%s\n",
               diagnostic->hint != NULL ? diagnostic->hint : "");
    }
}

typedef struct tensor_list {
    tensor_file files[MOST_TENSORS];
    uint32_t count;
    bool unreadable;
} tensor_list;

static void read_list(const char *folder, const char *kind, tensor_list *list)
{
    list->count = 0;
    list->unreadable = false;
    for (uint32_t i = 0; i < MOST_TENSORS; i++) {
        char path[1024];
        (void)snprintf(path, sizeof path, "%s/%s_%u.pb", folder, kind, i);
        FILE *file = fopen(path, "rb");
        if (file == NULL) {
            return;
        }
        (void)fclose(file);
        list->unreadable = !tensor_file_read(path, &list->files[i]) || list->unreadable;
        list->count++;
    }
}

static void free_list(tensor_list *list)
{
    for (uint32_t i = 0; i < list->count; i++) {
        tensor_file_free(&list->files[i]);
    }
}

/* By name; else by position when no file carries a name that the model knows. */
static const hmlc_tensor *find(const tensor_list *list, const char *name, uint32_t index)
{
    for (uint32_t i = 0; i < list->count; i++) {
        if (name != NULL && list->files[i].name != NULL && strcmp(list->files[i].name, name) == 0) {
            return &list->files[i].tensor;
        }
    }
    bool named = index < list->count && list->files[index].name != NULL &&
                 list->files[index].name[0] != '\0';
    return index < list->count && !named ? &list->files[index].tensor : NULL;
}

static bool compare_one(const hmlc_tensor *found, const hmlc_tensor *expected, check_kind kind,
                        char *message, size_t size)
{
    tensor_tolerance tolerance = tensor_tolerance_of(expected);
    double sum = 0, largest = 0;
    int64_t count = hmlc_tensor_count(expected);
    if (kind == CHECK_ELEMENTS) {
        return tensor_equal(found, expected, &tolerance, message, size);
    }
    tolerance.absolute = INFINITY;
    if (!tensor_equal(found, expected, &tolerance, message, size)) {
        return false;
    }
    for (int64_t i = 0; i < count; i++) {
        double value = hmlc_tensor_get_double(expected, i);
        sum += fabs(hmlc_tensor_get_double(found, i) - value);
        largest = fabs(value) > largest ? fabs(value) : largest;
    }
    (void)snprintf(message, size, "mean difference %g of at most %g", sum / (double)count, largest);
    return sum <= 0.02 * largest * (double)count;
}

static check_result compare_outputs(const hmlc_module *module, const hmlc_tensor *found,
                                    uint32_t count, const tensor_list *expected, check_kind kind,
                                    char *message, size_t size)
{
    uint32_t compared = 0;
    for (uint32_t i = 0; i < count; i++) {
        const hmlc_tensor *reference = find(expected, module->output_names[i], i);
        if (reference == NULL) {
            continue;
        }
        char difference[256];
        if (!compare_one(&found[i], reference, kind, difference, sizeof difference)) {
            (void)snprintf(message, size, "output '%s' %s", module->output_names[i], difference);
            return CHECK_WRONG;
        }
        compared++;
    }
    return compared > 0 ? CHECK_PASSED : CHECK_SKIPPED;
}

static check_result run_tensors(checked_model *model, const tensor_list *given,
                                const tensor_list *expected, check_kind kind, char *message,
                                size_t size)
{
    hmlc_module *module = model->module;
    hmlc_tensor inputs[MOST_TENSORS], outputs[MOST_TENSORS];
    uint32_t input_count = module->main->argument_count;
    uint32_t output_count = module->main->last->operand_count;
    if (input_count > MOST_TENSORS || output_count > MOST_TENSORS) {
        return CHECK_SKIPPED;
    }
    for (uint32_t i = 0; i < input_count; i++) {
        const hmlc_tensor *input = find(given, module->main->arguments[i]->name, i);
        if (input == NULL) {
            (void)snprintf(message, size, "no tensor for input '%s'",
                           module->main->arguments[i]->name);
            return CHECK_SKIPPED;
        }
        inputs[i] = *input;
    }
    hmlc_arena *arena = hmlc_arena_create(NULL);
    check_result result = CHECK_WRONG;
    hmlc_status status = hmlc_interpret(module, inputs, input_count, arena, outputs, output_count);
    if (status == HMLC_OK) {
        result = compare_outputs(module, outputs, output_count, expected, kind, message, size);
    } else {
        (void)snprintf(message, size, "running ended with status %d", (int)status);
    }
    hmlc_arena_destroy(arena);
    return result;
}

check_result model_run(checked_model *model, const char *folder, check_kind kind, char *message,
                       size_t size)
{
    static tensor_list inputs, outputs;
    message[0] = '\0';
    read_list(folder, "input", &inputs);
    read_list(folder, "output", &outputs);
    check_result result = CHECK_SKIPPED;
    if (outputs.count > 0 && !inputs.unreadable && !outputs.unreadable) {
        result = run_tensors(model, &inputs, &outputs, kind, message, size);
    }
    free_list(&inputs);
    free_list(&outputs);
    return result;
}
