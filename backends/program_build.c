/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The step program: ops in order become CALL, EVALUATE, GROW, BRANCH, JUMP and REPEAT steps. Built
 * twice: the first time only to collect the dims known at run entry, which must fill the first
 * slots; the second time for real. Dims of run-time symbols get their slots where they are first
 * needed, behind an EVALUATE step.
 */
#include "program.h"

typedef struct build {
    hmlc_program *program;
    hmlc_dims *dims;
    bool collecting;
    uint32_t evaluated;    /* slots that an earlier EVALUATE or the entry covers */
    uint32_t next_planned; /* planned kernels come in op order */
    uint32_t *buffer_of;   /* by root value id: buffer + 1 */
    hmlc_dim scratch;      /* the most any step needs, at entry */
    bool *bound;           /* by symbol index: a run-time symbol that has its value here */
    bool *checked;         /* by equality */
} build;

static hmlc_status build_slot(build *b, hmlc_dim dim, uint32_t *slot)
{
    *slot = HML_NONE;
    if (b->collecting && hmlc_dim_uses_run_symbol(dim)) {
        return HMLC_OK;
    }
    return hmlc_program_slot(b->program, dim, slot);
}

/* A slot, or HML_NONE for a constant 0. */
static hmlc_status build_optional_slot(build *b, hmlc_dim dim, uint32_t *slot)
{
    *slot = HML_NONE;
    return hmlc_dim_is(dim, 0) ? HMLC_OK : build_slot(b, dim, slot);
}

/* -- buffers ----------------------------------------------------------------------------------- */

static hmlc_dim value_bytes(build *b, const hmlc_value *value)
{
    hmlc_dim size = hmlc_dim_constant(b->dims, (int64_t)hmlc_dtype_bytes(value->type->dtype));
    return hmlc_dim_multiply(b->dims, hmlc_type_count(b->dims, value->type), size);
}

static hmlc_status buffer_describe(build *b, const hmlc_value *root, hml_buffer_record *record)
{
    const hmlc_storage *storage = &root->storage;
    record->index = storage->index;
    switch (storage->kind) {
    case HMLC_STORAGE_ARENA:
        record->kind = HML_BUFFER_ARENA;
        HMLC_TRY(build_slot(b, storage->offset, &record->offset_dim));
        return build_slot(b, value_bytes(b, root), &record->bytes_dim);
    case HMLC_STORAGE_GROWABLE:
        record->kind = HML_BUFFER_GROWABLE;
        return build_slot(b, value_bytes(b, root), &record->bytes_dim);
    case HMLC_STORAGE_INPUT:
        record->kind = HML_BUFFER_INPUT;
        return HMLC_OK;
    case HMLC_STORAGE_OUTPUT:
        record->kind = HML_BUFFER_OUTPUT;
        return build_slot(b, value_bytes(b, root), &record->bytes_dim);
    case HMLC_STORAGE_CONSTANT:
        record->kind = HML_BUFFER_WEIGHTS;
        record->index = 0;
        return hmlc_weights_add_constant(b->program->weights, hmlc_value_constant(root),
                                         &record->offset, &record->bytes);
    default:
        return hmlc_error_add(b->program->module->diagnostics, HMLC_ERROR_compiler_defect,
                              root->producer != NULL ? root->producer->location : NULL, NULL,
                              "a value's memory is of kind %d, which no buffer has",
                              (int)storage->kind);
    }
}

static hmlc_status buffer_of_value(build *b, const hmlc_value *root, uint32_t *buffer)
{
    if (b->buffer_of[root->id] == 0) {
        hml_buffer_record record = {.offset_dim = HML_NONE, .bytes_dim = HML_NONE};
        HMLC_TRY(buffer_describe(b, root, &record));
        HMLC_TRY(HMLC_APPEND(&b->program->buffers, &record));
        b->buffer_of[root->id] = (uint32_t)b->program->buffers.count;
    }
    *buffer = b->buffer_of[root->id] - 1;
    return HMLC_OK;
}

/* Appends an operand record for a value: its root's buffer and where in it the value starts. */
static hmlc_status build_operand(build *b, const hmlc_value *value, uint32_t flags)
{
    const hmlc_value *root = value->storage.root != NULL ? value->storage.root : value;
    hml_operand_record record = {.flags = flags};
    if (value->storage.kind == HMLC_STORAGE_NONE) {
        return hmlc_error_add(b->program->module->diagnostics, HMLC_ERROR_codegen_failed,
                              value->producer != NULL ? value->producer->location : NULL, NULL,
                              "a value has no place in memory");
    }
    HMLC_TRY(buffer_of_value(b, root, &record.buffer));
    hmlc_dim offset = value->storage.offset;
    if (value->storage.kind == HMLC_STORAGE_ARENA) {
        offset = hmlc_dim_subtract(b->dims, offset, root->storage.offset);
    }
    record.offset_dim = HML_NONE;
    if (offset != NULL) {
        HMLC_TRY(build_optional_slot(b, offset, &record.offset_dim));
    }
    return HMLC_APPEND(&b->program->operands, &record);
}

static hmlc_status build_blob_operand(build *b, const hmlc_kernel_plan *plan, uint32_t operand)
{
    hml_buffer_record buffer = {
        .kind = HML_BUFFER_WEIGHTS, .offset_dim = HML_NONE, .bytes_dim = HML_NONE};
    const hmlc_tensor *constant =
        hmlc_kernel_argument_constant(plan->kernel, plan->operands[operand].index);
    if (constant == NULL) {
        return hmlc_error_add(b->program->module->diagnostics, HMLC_ERROR_compiler_defect,
                              plan->kernel->location, NULL,
                              "operand %u of a %s kernel is packed, but no constant", operand,
                              plan->class_->name);
    }
    HMLC_TRY(hmlc_weights_add_packed(b->program->weights, plan, operand, constant, &buffer.offset,
                                     &buffer.bytes));
    HMLC_TRY(HMLC_APPEND(&b->program->buffers, &buffer));
    hml_operand_record record = {.buffer = (uint32_t)b->program->buffers.count - 1,
                                 .offset_dim = HML_NONE};
    return HMLC_APPEND(&b->program->operands, &record);
}

/* -- checks ------------------------------------------------------------------------------------ */

static hmlc_status build_check(build *b, hml_check_record record)
{
    return HMLC_APPEND(&b->program->checks, &record);
}

static hmlc_status build_equality(build *b, const hmlc_dim_equality *equality)
{
    char text[512];
    hmlc_location_format(equality->location, text, sizeof text);
    hml_check_record check = {.kind = HML_CHECK_EQUAL};
    HMLC_TRY(build_slot(b, equality->left, &check.a));
    HMLC_TRY(build_slot(b, equality->right, &check.b));
    HMLC_TRY(hmlc_string_table_add(&b->program->strings, text, &check.location));
    return build_check(b, check);
}

/* Are all run-time symbols of the expression bound here? */
static bool is_bound(const build *b, hmlc_dim dim)
{
    if (dim->kind == HMLC_DIM_CONSTANT || !hmlc_dim_uses_run_symbol(dim)) {
        return true;
    }
    if (dim->kind == HMLC_DIM_SYMBOL) {
        return b->bound[dim->symbol->index];
    }
    return is_bound(b, dim->a) && is_bound(b, dim->b) && (dim->c == NULL || is_bound(b, dim->c));
}

/* The checks that `region` relies on, can be made here, and were not made before. */
static hmlc_status build_equalities(build *b, const hmlc_region *region)
{
    const hmlc_dims *dims = b->program->module->dims;
    for (uint32_t k = 0; k < hmlc_dims_equality_count(dims); k++) {
        const hmlc_dim_equality *equality = hmlc_dims_equality_at(dims, k);
        if (!b->checked[k] && hmlc_region_relies_on(region, equality) &&
            is_bound(b, equality->left) && is_bound(b, equality->right)) {
            b->checked[k] = true;
            HMLC_TRY(build_equality(b, equality));
        }
    }
    return HMLC_OK;
}

/* -- steps ------------------------------------------------------------------------------------- */

static hmlc_status build_location(build *b, const hmlc_op *op, uint32_t *location)
{
    char text[2048];
    hmlc_location_format(op->location, text, sizeof text);
    uint32_t string;
    HMLC_TRY(hmlc_string_table_add(&b->program->strings, text, &string));
    *location = (uint32_t)b->program->locations.count;
    return HMLC_APPEND(&b->program->locations, &string);
}

static hmlc_status build_step(build *b, const hml_step_record *step)
{
    return HMLC_APPEND(&b->program->steps, step);
}

static hml_step_record empty_step(uint32_t kind)
{
    return (hml_step_record){.kind = kind,
                             .kernel = HML_NONE,
                             .units_dim = HML_NONE,
                             .scratch_dim = HML_NONE,
                             .location = HML_NONE,
                             .work_dim = HML_NONE};
}

/* Evaluates the slots that were added since the last evaluation, for `op` where one is to blame. */
static hmlc_status build_evaluate_for(build *b, const hmlc_op *op)
{
    uint32_t count = (uint32_t)b->program->dims.count;
    if (b->collecting || count == b->evaluated) {
        return HMLC_OK;
    }
    hml_step_record step = empty_step(HML_STEP_EVALUATE);
    if (op != NULL) {
        HMLC_TRY(build_location(b, op, &step.location));
    }
    step.first_dim = b->evaluated;
    step.dim_count = count - b->evaluated;
    b->evaluated = count;
    return build_step(b, &step);
}

static hmlc_status build_evaluate(build *b)
{
    return build_evaluate_for(b, NULL);
}

/* Growable results get their memory right before the kernel that writes them. */
static hmlc_status build_grow(build *b, const hmlc_op *op)
{
    hml_step_record step = empty_step(HML_STEP_GROW);
    step.first_operand = (uint32_t)b->program->operands.count;
    for (uint32_t k = 0; k < op->result_count; k++) {
        if (op->results[k]->storage.kind == HMLC_STORAGE_GROWABLE) {
            HMLC_TRY(build_operand(b, op->results[k], HML_OPERAND_WRITTEN));
            step.operand_count++;
        }
    }
    HMLC_TRY(build_evaluate(b));
    return step.operand_count > 0 ? build_step(b, &step) : HMLC_OK;
}

static hmlc_status build_kernel_dims(build *b, const hmlc_kernel_plan *plan, hml_step_record *step)
{
    const hmlc_symbol **symbols;
    uint32_t count = hmlc_kernel_symbols(plan, b->program->arena, &symbols);
    if (count == UINT32_MAX) {
        return HMLC_RESOURCE;
    }
    step->first_dim = (uint32_t)b->program->indices.count;
    step->dim_count = count;
    for (uint32_t k = 0; k < count; k++) {
        uint32_t slot;
        HMLC_TRY(build_slot(b, hmlc_dim_symbol(b->dims, symbols[k]), &slot));
        HMLC_TRY(HMLC_APPEND(&b->program->indices, &slot));
    }
    return HMLC_OK;
}

static hmlc_status build_kernel_operands(build *b, const hmlc_kernel_plan *plan,
                                         hml_step_record *step)
{
    step->first_operand = (uint32_t)b->program->operands.count;
    step->operand_count = hmlc_kernel_passed_count(plan);
    for (uint32_t k = 0; k < step->operand_count; k++) {
        hmlc_operand_kind kind = plan->operands[k].kind;
        if (kind == HMLC_OPERAND_PACKED) {
            HMLC_TRY(build_blob_operand(b, plan, k));
        } else {
            uint32_t flags = kind == HMLC_OPERAND_RESULT ? HML_OPERAND_WRITTEN : 0;
            HMLC_TRY(build_operand(b, hmlc_kernel_operand_value(plan, k), flags));
        }
    }
    return HMLC_OK;
}

static hmlc_status build_call(build *b, const hmlc_op *op)
{
    const hmlc_planned_kernel *planned = &b->program->planned.data[b->next_planned++];
    const hmlc_kernel_plan *plan = &planned->plan;
    HMLC_TRY(build_grow(b, op));
    hml_step_record step = empty_step(HML_STEP_CALL);
    step.kernel = planned->unique;
    step.unit_cost = plan->unit_cost;
    HMLC_TRY(build_kernel_operands(b, plan, &step));
    HMLC_TRY(build_kernel_dims(b, plan, &step));
    HMLC_TRY(build_slot(b, plan->units, &step.units_dim));
    HMLC_TRY(build_optional_slot(b, plan->scratch_bytes, &step.scratch_dim));
    HMLC_TRY(build_optional_slot(b, plan->work, &step.work_dim));
    if (!hmlc_dim_uses_run_symbol(plan->scratch_bytes)) {
        b->scratch = hmlc_dim_maximum(b->dims, b->scratch, plan->scratch_bytes);
    }
    HMLC_TRY(build_location(b, op, &step.location));
    HMLC_TRY(build_evaluate(b));
    return build_step(b, &step);
}

/* A step for the checks that can be made from here on. */
static hmlc_status build_late_checks(build *b, const hmlc_region *region)
{
    hml_step_record step = empty_step(HML_STEP_CHECK);
    step.first_dim = (uint32_t)b->program->checks.count;
    HMLC_TRY(build_equalities(b, region));
    step.dim_count = (uint32_t)b->program->checks.count - step.first_dim;
    HMLC_TRY(build_evaluate(b));
    return step.dim_count > 0 ? build_step(b, &step) : HMLC_OK;
}

static hmlc_status build_bind(build *b, const hmlc_op *op)
{
    const hmlc_attr *symbols = hmlc_op_attr(op, HMLC_ATTR_symbols);
    HMLC_TRY(build_operand(b, hmlc_op_operand(op, 0), 0));
    HMLC_TRY(build_evaluate(b));
    if (b->collecting) {
        return HMLC_OK;
    }
    uint32_t operand = (uint32_t)b->program->operands.count - 1;
    for (uint32_t k = 0; k < symbols->count; k++) {
        const hmlc_symbol *symbol = symbols->as.dims[k]->symbol;
        HMLC_TRY(hmlc_slots_bind(b->program, symbol, operand, k));
        b->bound[symbol->index] = true;
    }
    HMLC_TRY(build_evaluate_for(b, op));
    return build_late_checks(b, op->parent);
}

static hmlc_status build_region(build *b, const hmlc_region *region);

/* Slots made inside a branch are unknown behind it: they are made again when needed. */
static hmlc_status build_branch_region(build *b, const hmlc_region *region)
{
    uint32_t before = (uint32_t)b->program->dims.count;
    HMLC_TRY(build_late_checks(b, region));
    HMLC_TRY(build_region(b, region));
    if (!b->collecting) {
        hmlc_slots_forget(b->program, before);
    }
    return HMLC_OK;
}

static hml_step_record *step_at(build *b, size_t index)
{
    return &b->program->steps.data[index];
}

/* The buffers of the results before the branches: the sizes must be known on both paths. */
static hmlc_status build_result_buffers(build *b, const hmlc_op *op)
{
    for (uint32_t k = 0; k < op->result_count; k++) {
        const hmlc_value *result = op->results[k];
        const hmlc_value *root = result->storage.root != NULL ? result->storage.root : result;
        uint32_t buffer;
        if (result->storage.kind != HMLC_STORAGE_NONE) {
            HMLC_TRY(buffer_of_value(b, root, &buffer));
        }
    }
    return build_grow(b, op);
}

/* A step that a bool decides; the caller sets its target. */
static hmlc_status build_decision(build *b, const hmlc_op *op, uint32_t kind,
                                  const hmlc_value *condition, size_t *at)
{
    hml_step_record step = empty_step(kind);
    step.first_operand = (uint32_t)b->program->operands.count;
    step.operand_count = 1;
    HMLC_TRY(build_operand(b, condition, 0));
    HMLC_TRY(build_location(b, op, &step.location));
    HMLC_TRY(build_evaluate(b));
    *at = b->program->steps.count;
    return build_step(b, &step);
}

static hmlc_status build_if(build *b, const hmlc_op *op)
{
    HMLC_TRY(build_result_buffers(b, op));
    size_t branch_at;
    HMLC_TRY(build_decision(b, op, HML_STEP_BRANCH, hmlc_op_operand(op, 0), &branch_at));
    HMLC_TRY(build_branch_region(b, op->regions[0]));
    hml_step_record jump = empty_step(HML_STEP_JUMP);
    size_t jump_at = b->program->steps.count;
    HMLC_TRY(build_step(b, &jump));
    step_at(b, branch_at)->target = (uint32_t)b->program->steps.count;
    HMLC_TRY(build_branch_region(b, op->regions[1]));
    step_at(b, jump_at)->target = (uint32_t)b->program->steps.count;
    return HMLC_OK;
}

/* The body, over which a BRANCH jumps where it never runs, and whose end jumps back. */
static hmlc_status build_loop(build *b, const hmlc_op *op)
{
    size_t enter, repeat;
    HMLC_TRY(build_decision(b, op, HML_STEP_BRANCH, hmlc_op_operand(op, 1), &enter));
    const hmlc_region *body = op->regions[0];
    uint32_t before = (uint32_t)b->program->dims.count;
    uint32_t first = (uint32_t)b->program->steps.count;
    HMLC_TRY(build_late_checks(b, body));
    HMLC_TRY(build_region(b, body));
    HMLC_TRY(build_decision(b, op, HML_STEP_REPEAT, hmlc_op_operand(body->last, 0), &repeat));
    step_at(b, repeat)->target = first;
    step_at(b, enter)->target = (uint32_t)b->program->steps.count;
    if (!b->collecting) {
        hmlc_slots_forget(b->program, before);
    }
    return HMLC_OK;
}

static hmlc_status build_region(build *b, const hmlc_region *region)
{
    HMLC_FOR_EACH_OP(op, region)
    {
        switch (op->opcode) {
        case HMLC_OP_kernel:
            HMLC_TRY(build_call(b, op));
            break;
        case HMLC_OP_bind_dims:
            HMLC_TRY(build_bind(b, op));
            break;
        case HMLC_OP_if:
            HMLC_TRY(build_if(b, op));
            break;
        case HMLC_OP_loop:
            HMLC_TRY(build_loop(b, op));
            break;
        case HMLC_OP_constant:
        case HMLC_OP_reshape:
        case HMLC_OP_slice:
        case HMLC_OP_yield:
            break; /* no code: their values are places in other buffers */
        default:
            return hmlc_error_add(b->program->module->diagnostics, HMLC_ERROR_codegen_failed,
                                  op->location, NULL, "'%s' was left outside of every kernel",
                                  hmlc_op_get_info(op->opcode)->name);
        }
    }
    return HMLC_OK;
}

/* -- entry ------------------------------------------------------------------------------------- */

/* The slots of inputs come first, so that they are the same in every variant. */
static hmlc_status build_interface_slots(build *b)
{
    const hmlc_module *module = b->program->module;
    uint32_t slot;
    for (uint32_t k = 0; k < module->main->argument_count; k++) {
        const hmlc_type *type = module->main->arguments[k]->type;
        for (int32_t d = 0; d < type->rank; d++) {
            HMLC_TRY(build_slot(b, type->dims[d], &slot));
        }
    }
    return HMLC_OK;
}

static hmlc_status build_input_checks(build *b)
{
    const hmlc_module *module = b->program->module;
    for (uint32_t k = 0; k < module->main->argument_count; k++) {
        const hmlc_type *type = module->main->arguments[k]->type;
        for (int32_t d = 0; d < type->rank; d++) {
            hml_check_record check = {.kind = HML_CHECK_INPUT_DIM, .a = k, .b = (uint32_t)d};
            HMLC_TRY(build_slot(b, type->dims[d], &check.slot));
            HMLC_TRY(build_check(b, check));
        }
    }
    for (uint32_t k = 0; k < hmlc_symbol_count(module->dims); k++) {
        const hmlc_symbol *symbol = hmlc_symbol_at(module->dims, k);
        hml_check_record check = {.kind = HML_CHECK_RANGE, .a = k};
        if (!symbol->bound_at_run && hmlc_slots_has_symbol(b->program, symbol, &check.slot)) {
            HMLC_TRY(build_check(b, check));
        }
    }
    return HMLC_OK;
}

static hmlc_status build_kernels(build *b)
{
    static const uint32_t forms[] = {
        [HMLC_FORM_LOOP] = HML_FORM_LOOP,         [HMLC_FORM_CONTRACTION] = HML_FORM_CONTRACTION,
        [HMLC_FORM_WINDOW] = HML_FORM_WINDOW,     [HMLC_FORM_RECURRENT] = HML_FORM_RECURRENT,
        [HMLC_FORM_PORTABLE] = HML_FORM_PORTABLE, [HMLC_FORM_ATTENTION] = HML_FORM_CONTRACTION,
    };
    const hmlc_unique_kernel *unique = b->program->unique.data;
    for (size_t k = 0; k < b->program->unique.count; k++) {
        hml_kernel_record record = {.form = forms[unique[k].plan->class_->form]};
        HMLC_TRY(hmlc_string_table_add(&b->program->strings, unique[k].name, &record.name));
        HMLC_TRY(HMLC_APPEND(&b->program->kernels, &record));
    }
    return HMLC_OK;
}

/* Where the outputs' dims stand once the program has run. */
static hmlc_status build_output_dims(build *b)
{
    const hmlc_op *yield = b->program->module->main->last;
    for (uint32_t k = 0; k < yield->operand_count; k++) {
        const hmlc_type *type = yield->operands[k].value->type;
        for (int32_t d = 0; d < type->rank; d++) {
            uint32_t slot;
            HMLC_TRY(build_slot(b, type->dims[d], &slot));
            HMLC_TRY(HMLC_APPEND(&b->program->output_dims, &slot));
        }
    }
    return build_evaluate(b);
}

static hmlc_status build_pass(build *b)
{
    hmlc_program *program = b->program;
    program->buffers.count = program->operands.count = program->indices.count = 0;
    program->steps.count = program->locations.count = program->checks.count = 0;
    program->output_dims.count = 0;
    b->next_planned = 0;
    memset(b->checked, 0, hmlc_dims_equality_count(b->dims) * sizeof *b->checked);
    memset(b->buffer_of, 0, program->module->value_count * sizeof *b->buffer_of);
    HMLC_TRY(build_interface_slots(b));
    HMLC_TRY(build_input_checks(b));
    HMLC_TRY(build_equalities(b, program->module->main));
    program->entry_checks = (uint32_t)program->checks.count;
    HMLC_TRY(build_region(b, program->module->main));
    HMLC_TRY(build_output_dims(b));
    HMLC_TRY(build_slot(b, program->module->arena_bytes, &program->arena_dim));
    return build_slot(b, b->scratch, &program->scratch_dim);
}

hmlc_status hmlc_program_build(hmlc_program *program, hmlc_weights *weights)
{
    hmlc_module *module = program->module;
    program->weights = weights;
    build b = {.program = program, .dims = module->dims, .collecting = true};
    b.buffer_of = HMLC_NEW_ARRAY(program->arena, uint32_t, module->value_count + 1);
    b.bound = HMLC_NEW_ARRAY(program->arena, bool, hmlc_symbol_count(module->dims) + 1);
    b.checked = HMLC_NEW_ARRAY(program->arena, bool, hmlc_dims_equality_count(module->dims) + 1);
    HMLC_TRY_MEMORY(b.buffer_of);
    HMLC_TRY_MEMORY(b.bound);
    HMLC_TRY_MEMORY(b.checked);
    b.scratch = hmlc_dim_constant(module->dims, 0);
    uint32_t empty;
    HMLC_TRY(hmlc_string_table_add(&program->strings, "", &empty));
    HMLC_TRY(hmlc_slots_create(program));
    HMLC_TRY(build_pass(&b));
    program->entry_dims = (uint32_t)program->dims.count;
    b.collecting = false;
    b.evaluated = program->entry_dims;
    HMLC_TRY(build_pass(&b));
    program->scratch_bytes = b.scratch;
    HMLC_TRY(build_kernels(&b));
    HMLC_TRY(
        hmlc_string_table_add(&program->strings, program->target->name, &program->target_name));
    return hmlc_dims_status(module->dims);
}
