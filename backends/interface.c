/* SPDX-License-Identifier: Apache-2.0 */
#include "interface.h"

#include <string.h>

static bool same_text(const char *left, const char *right)
{
    return strcmp(left != NULL ? left : "", right != NULL ? right : "") == 0;
}

/* Symbols have one index in both modules, and dims one structure. */
static bool same_dim(hmlc_dim left, hmlc_dim right)
{
    if (left == NULL || right == NULL) {
        return left == right;
    }
    if (left->kind != right->kind || left->value != right->value) {
        return false;
    }
    if (left->kind == HMLC_DIM_SYMBOL) {
        return left->symbol->index == right->symbol->index;
    }
    return same_dim(left->a, right->a) && same_dim(left->b, right->b) &&
           same_dim(left->c, right->c);
}

static bool same_type(const hmlc_type *left, const hmlc_type *right)
{
    bool same =
        left->kind == right->kind && left->dtype == right->dtype && left->rank == right->rank;
    for (int32_t k = 0; same && k < left->rank; k++) {
        same = same_dim(left->dims[k], right->dims[k]);
    }
    return same;
}

static bool same_symbols(hmlc_dims *left, hmlc_dims *right)
{
    bool same = hmlc_symbol_count(left) == hmlc_symbol_count(right);
    for (uint32_t k = 0; same && k < hmlc_symbol_count(left); k++) {
        const hmlc_symbol *a = hmlc_symbol_at(left, k), *b = hmlc_symbol_at(right, k);
        same = same_text(a->name, b->name) && a->minimum == b->minimum &&
               a->maximum == b->maximum && a->multiple == b->multiple &&
               a->bound_at_run == b->bound_at_run;
    }
    return same;
}

static bool same_inputs(const hmlc_region *left, const hmlc_region *right)
{
    bool same = left->argument_count == right->argument_count;
    for (uint32_t k = 0; same && k < left->argument_count; k++) {
        same = same_text(left->arguments[k]->name, right->arguments[k]->name) &&
               same_type(left->arguments[k]->type, right->arguments[k]->type);
    }
    return same;
}

static const char *output_name(const hmlc_module *module, uint32_t index)
{
    return module->output_names != NULL ? module->output_names[index] : NULL;
}

static bool same_outputs(const hmlc_module *left, const hmlc_module *right)
{
    const hmlc_op *a = left->main->last, *b = right->main->last;
    bool same = a->operand_count == b->operand_count;
    for (uint32_t k = 0; same && k < a->operand_count; k++) {
        same = same_text(output_name(left, k), output_name(right, k)) &&
               same_type(a->operands[k].value->type, b->operands[k].value->type);
    }
    return same;
}

hmlc_status hmlc_interface_check(const hmlc_module *expected, const hmlc_module *found,
                                 const char *target)
{
    const char *what = !same_symbols(expected->dims, found->dims)  ? "dims"
                       : !same_inputs(expected->main, found->main) ? "inputs"
                       : !same_outputs(expected, found)            ? "outputs"
                                                                   : NULL;
    if (what == NULL) {
        return HMLC_OK;
    }
    return hmlc_error_add(expected->diagnostics, HMLC_ERROR_interface_differs, NULL,
                          "compile this target into a file of its own",
                          "the passes gave the model other %s for %s than for the targets before "
                          "it",
                          what, target);
}
