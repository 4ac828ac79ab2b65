/* SPDX-License-Identifier: Apache-2.0 */
/* Printing of modules, regions and ops. */
#include <inttypes.h>

#include "text_buffer.h"

static void number_region(hmlc_printer *printer, const hmlc_region *region);

static void number_op(hmlc_printer *printer, const hmlc_op *op)
{
    for (uint32_t i = 0; i < op->result_count; i++) {
        hmlc_print_assign(printer, op->results[i]);
    }
    for (uint32_t i = 0; i < op->region_count; i++) {
        number_region(printer, op->regions[i]);
    }
}

static void number_region(hmlc_printer *printer, const hmlc_region *region)
{
    for (uint32_t i = 0; i < region->argument_count; i++) {
        hmlc_print_assign(printer, region->arguments[i]);
    }
    for (const hmlc_op *op = region->first; op != NULL; op = op->next) {
        number_op(printer, op);
    }
}

static void print_definition(hmlc_printer *printer, const hmlc_value *value)
{
    hmlc_print_number(printer, value);
    if (value->name != NULL && !printer->key) {
        hmlc_write(&printer->writer, " ");
        hmlc_write_quoted(&printer->writer, value->name);
    }
}

static void print_type_of(hmlc_printer *printer, const hmlc_value *value)
{
    hmlc_write_type(&printer->writer, value->type);
    hmlc_print_storage(printer, value);
}

static void print_location(hmlc_printer *printer, const hmlc_location *location)
{
    if (location == NULL || !printer->options.locations) {
        return;
    }
    hmlc_text_writer *out = &printer->writer;
    for (uint32_t i = 0; i < location->node_count; i++) {
        hmlc_write(out, " loc(");
        hmlc_write_quoted(out, location->nodes[i].file);
        hmlc_write(out, ", ");
        hmlc_write_quoted(out, location->nodes[i].name);
        hmlc_write(out, ", ");
        hmlc_write_quoted(out, location->nodes[i].op_type);
        hmlc_write(out, ")");
    }
}

static void print_arguments(hmlc_printer *printer, const hmlc_region *region)
{
    hmlc_write(&printer->writer, "(");
    for (uint32_t i = 0; i < region->argument_count; i++) {
        hmlc_write(&printer->writer, i == 0 ? "" : ", ");
        print_definition(printer, region->arguments[i]);
        hmlc_write(&printer->writer, ": ");
        print_type_of(printer, region->arguments[i]);
    }
    hmlc_write(&printer->writer, ")");
}

/* Those of a branch; of the main graph where `branch` is NULL. */
static void print_equalities(hmlc_printer *printer, const hmlc_dims *dims,
                             const hmlc_region *branch)
{
    for (uint32_t i = 0; i < hmlc_dims_equality_count(dims); i++) {
        const hmlc_dim_equality *equality = hmlc_dims_equality_at(dims, i);
        if (equality->branch != branch) {
            continue;
        }
        hmlc_write_spaces(&printer->writer, 2 * printer->depth);
        hmlc_write(&printer->writer, "require(");
        hmlc_write_dim(&printer->writer, equality->left);
        hmlc_write(&printer->writer, ", ");
        hmlc_write_dim(&printer->writer, equality->right);
        hmlc_write(&printer->writer, ")");
        print_location(printer, equality->location);
        hmlc_write(&printer->writer, "\n");
    }
}

static void print_op(hmlc_printer *printer, const hmlc_op *op);

static void print_body(hmlc_printer *printer, const hmlc_region *region)
{
    hmlc_write(&printer->writer, " {\n");
    printer->depth++;
    if (region->is_branch) {
        print_equalities(printer, region->module->dims, region);
    }
    for (const hmlc_op *op = region->first; op != NULL; op = op->next) {
        hmlc_write_spaces(&printer->writer, 2 * printer->depth);
        print_op(printer, op);
        hmlc_write(&printer->writer, "\n");
    }
    printer->depth--;
    hmlc_write_spaces(&printer->writer, 2 * printer->depth);
    hmlc_write(&printer->writer, "}");
}

static void print_operands(hmlc_printer *printer, const hmlc_op *op, bool with_types)
{
    hmlc_text_writer *out = &printer->writer;
    hmlc_write(out, "(");
    for (uint32_t i = 0; i < op->operand_count; i++) {
        const hmlc_value *value = op->operands[i].value;
        hmlc_write(out, i == 0 ? "" : ", ");
        if (value == NULL) {
            hmlc_write(out, "_");
            continue;
        }
        hmlc_print_number(printer, value);
        if (with_types) {
            hmlc_write(out, ": ");
            hmlc_write_type(out, value->type);
        }
    }
    hmlc_write(out, ")");
}

static void print_results(hmlc_printer *printer, const hmlc_op *op)
{
    for (uint32_t i = 0; i < op->result_count; i++) {
        hmlc_write(&printer->writer, i == 0 ? "" : ", ");
        print_definition(printer, op->results[i]);
    }
    hmlc_write(&printer->writer, op->result_count > 0 ? " = " : "");
}

static void print_op(hmlc_printer *printer, const hmlc_op *op)
{
    hmlc_text_writer *out = &printer->writer;
    print_results(printer, op);
    hmlc_write(out, hmlc_op_get_info(op->opcode)->name);
    print_operands(printer, op, printer->key && printer->depth == 0);
    hmlc_print_attrs(printer, op);
    for (uint32_t i = 0; i < op->result_count; i++) {
        hmlc_write(out, i == 0 ? " : " : ", ");
        print_type_of(printer, op->results[i]);
    }
    print_location(printer, op->location);
    for (uint32_t i = 0; i < op->region_count; i++) {
        hmlc_write(out, " ");
        print_arguments(printer, op->regions[i]);
        print_body(printer, op->regions[i]);
    }
}

static void print_symbol(hmlc_text_writer *out, const hmlc_symbol *symbol)
{
    hmlc_write(out, "symbol ");
    hmlc_write_quoted(out, symbol->name);
    hmlc_write_format(out, " [%" PRId64 ", ", symbol->minimum);
    if (symbol->maximum >= HMLC_DIM_UNBOUNDED) {
        hmlc_write(out, "inf]");
    } else {
        hmlc_write_format(out, "%" PRId64 "]", symbol->maximum);
    }
    if (symbol->multiple > 1) {
        hmlc_write_format(out, " multiple %" PRId64, symbol->multiple);
    }
    hmlc_write_format(out, " hint %" PRId64, symbol->hint);
    hmlc_write(out, symbol->bound_at_run ? " run\n" : "\n");
}

/* The last arguments of main, a line each. */
static void print_states(hmlc_printer *printer, const hmlc_module *module)
{
    for (uint32_t i = 0; i < module->state_count; i++) {
        hmlc_write(&printer->writer, "state ");
        if (module->initial_states[i] == NULL) {
            hmlc_write(&printer->writer, "zero");
        } else {
            hmlc_print_tensor(printer, module->initial_states[i]);
        }
        hmlc_write(&printer->writer, "\n");
    }
}

static void print_header(hmlc_printer *printer, const hmlc_module *module)
{
    hmlc_text_writer *out = &printer->writer;
    hmlc_write(out, "hir 1\nmodel ");
    hmlc_write_quoted(out, module->name != NULL ? module->name : "");
    hmlc_write(out, "\n");
    if (module->producer != NULL && module->producer[0] != '\0') {
        hmlc_write(out, "producer ");
        hmlc_write_quoted(out, module->producer);
        hmlc_write(out, "\n");
    }
    if (module->source_node_count > 0) {
        hmlc_write_format(out, "sources %" PRIu32 "\n", module->source_node_count);
    }
    for (uint32_t i = 0; i < hmlc_symbol_count(module->dims); i++) {
        print_symbol(out, hmlc_symbol_at(module->dims, i));
    }
    print_equalities(printer, module->dims, NULL);
    print_states(printer, module);
    if (printer->options.storage && module->arena_bytes != NULL) {
        hmlc_write(out, "arena(");
        hmlc_write_dim(out, module->arena_bytes);
        hmlc_write_format(out, ") growable %" PRIu32 "\n", module->growable_count);
    }
}

static void print_output_names(hmlc_printer *printer, const hmlc_module *module)
{
    const hmlc_op *yield = module->main->last;
    if (module->output_names == NULL || yield == NULL || yield->opcode != HMLC_OP_yield) {
        return;
    }
    hmlc_write(&printer->writer, " -> (");
    for (uint32_t i = 0; i < yield->operand_count; i++) {
        hmlc_write(&printer->writer, i == 0 ? "" : ", ");
        if (module->output_names[i] == NULL) {
            hmlc_write(&printer->writer, "_");
        } else {
            hmlc_write_quoted(&printer->writer, module->output_names[i]);
        }
    }
    hmlc_write(&printer->writer, ")");
}

static hmlc_status finish(const hmlc_printer *printer)
{
    bool failed =
        printer->writer.failed || (printer->constants != NULL && printer->constants->failed);
    return failed ? HMLC_RESOURCE : HMLC_OK;
}

hmlc_status hmlc_module_print(const hmlc_module *module, const hmlc_print_options *options,
                              hmlc_text_buffer *text, hmlc_text_buffer *constants)
{
    hmlc_text_writer side = {.buffer = constants};
    hmlc_printer printer = {.writer = {.buffer = text},
                            .constants = constants != NULL ? &side : NULL,
                            .scratch = hmlc_arena_create(NULL)};
    HMLC_TRY_MEMORY(printer.scratch);
    if (options != NULL) {
        printer.options = *options;
    }
    number_region(&printer, module->main);
    print_header(&printer, module);
    hmlc_write(&printer.writer, "main");
    print_arguments(&printer, module->main);
    print_output_names(&printer, module);
    print_body(&printer, module->main);
    hmlc_write(&printer.writer, "\n");
    hmlc_status status = finish(&printer);
    hmlc_arena_destroy(printer.scratch);
    return status;
}

hmlc_status hmlc_op_print(const hmlc_op *op, hmlc_text_buffer *text)
{
    hmlc_printer printer = {
        .writer = {.buffer = text}, .scratch = hmlc_arena_create(NULL), .key = true};
    HMLC_TRY_MEMORY(printer.scratch);
    for (uint32_t i = 0; i < op->operand_count; i++) {
        if (op->operands[i].value != NULL) {
            hmlc_print_assign(&printer, op->operands[i].value);
        }
    }
    number_op(&printer, op);
    print_op(&printer, op);
    hmlc_status status = finish(&printer);
    hmlc_arena_destroy(printer.scratch);
    return status;
}
