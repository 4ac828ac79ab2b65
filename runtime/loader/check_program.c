/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks of a PROGRAM and a CODE section. Every index is compared with its table once, here, so
 * that dim evaluation and the executor need not.
 */
#include "loader/model.h"
#include "loader/table.h"
#include <string.h>

typedef struct program_checker {
    const hml_model *model;
    const hml_program *program;
    const hml_code_record *code;
    const uint8_t *text; /* the code's executable segment */
    uint32_t entry_mark;
    hml_message message;
} program_checker;

static bool below_or_none(uint32_t index, uint32_t count)
{
    return index < count || index == HML_NONE;
}

/* [first, first + count) lies within [0, limit). */
static bool is_range(uint32_t first, uint32_t count, uint32_t limit)
{
    return first <= limit && count <= limit - first;
}

static bool is_string(const program_checker *checker, uint32_t reference)
{
    return reference < checker->program->record->strings.count;
}

/* How many of a, b, c are slots. */
static const struct {
    uint8_t known, slots;
} dim_operations[] = {
    [HML_DIM_CONSTANT] = {1, 0}, [HML_DIM_INPUT] = {1, 0},    [HML_DIM_ELEMENT] = {1, 0},
    [HML_DIM_ADD] = {1, 2},      [HML_DIM_MULTIPLY] = {1, 2}, [HML_DIM_FLOORDIV] = {1, 2},
    [HML_DIM_CEILDIV] = {1, 2},  [HML_DIM_MODULO] = {1, 2},   [HML_DIM_MINIMUM] = {1, 2},
    [HML_DIM_MAXIMUM] = {1, 2},  [HML_DIM_EQUAL] = {1, 2},    [HML_DIM_LESS] = {1, 2},
    [HML_DIM_SELECT] = {1, 3},
};

static bool dim_is_valid(const program_checker *checker, uint32_t index)
{
    const hml_dim_record *dim = &checker->program->dims[index];
    const hml_model_record *model = checker->model->tables.record;
    if (dim->op >= sizeof(dim_operations) / sizeof(dim_operations[0]) ||
        !dim_operations[dim->op].known) {
        return false;
    }
    const uint32_t operands[] = {dim->a, dim->b, dim->c};
    for (uint32_t i = 0; i < 3 && i < dim_operations[dim->op].slots; i++) {
        if (operands[i] >= index) {
            return false;
        }
    }
    switch (dim->op) {
    case HML_DIM_CONSTANT:
        return dim->value <= HML_DIM_UNBOUNDED && dim->value >= -HML_DIM_UNBOUNDED;
    case HML_DIM_INPUT:
        return dim->a < model->inputs.count && dim->b < checker->model->tables.inputs[dim->a].rank;
    case HML_DIM_ELEMENT:
        return index >= checker->program->record->entry_dims &&
               dim->a < checker->program->record->operands.count &&
               below_or_none(dim->c, model->symbols.count);
    default:
        return true;
    }
}

static hml_status check_dims(const program_checker *checker)
{
    const hml_program_record *record = checker->program->record;
    if (record->entry_dims > record->dims.count || record->arena_dim >= record->entry_dims ||
        !(record->scratch_dim < record->entry_dims || record->scratch_dim == HML_NONE)) {
        return HML_FAIL(checker->message, HML_ERROR_dim_invalid, "entry, arena or scratch slots");
    }
    for (uint32_t i = 0; i < record->dims.count; i++) {
        if (!dim_is_valid(checker, i)) {
            return HML_FAIL(checker->message, HML_ERROR_dim_invalid, "slot %u", i);
        }
    }
    return HML_OK;
}

/* The slots that the model's tables name are the same in every variant, so each program has them.
 */
static hml_status check_model_slots(const program_checker *checker)
{
    const hml_program_record *record = checker->program->record;
    const hml_model_tables *tables = &checker->model->tables;
    for (uint32_t i = 0; i < tables->record->symbols.count; i++) {
        if (!below_or_none(tables->symbols[i].slot, record->dims.count)) {
            return HML_FAIL(checker->message, HML_ERROR_symbol_invalid, "slot of symbol %u", i);
        }
    }
    for (uint32_t i = 0; i < tables->record->inputs.count; i++) {
        for (uint32_t d = 0; d < tables->inputs[i].rank; d++) {
            if (tables->inputs[i].dims[d] >= record->entry_dims) {
                return HML_FAIL(checker->message, HML_ERROR_tensor_invalid, "dim of input %u", i);
            }
        }
    }
    uint64_t output_dims = 0;
    for (uint32_t i = 0; i < tables->record->outputs.count; i++) {
        output_dims += tables->outputs[i].rank;
    }
    bool valid = output_dims == record->output_dims.count;
    for (uint32_t i = 0; valid && i < record->output_dims.count; i++) {
        valid = checker->program->output_dims[i] < record->dims.count;
    }
    if (!valid) {
        return HML_FAIL(checker->message, HML_ERROR_tensor_invalid, "dims of the outputs");
    }
    return HML_OK;
}

/* A state has one size, known without a run, before and after it; what it begins with has it, too.
 */
static hml_status check_state_sizes(const program_checker *checker)
{
    const hml_model_tables *tables = &checker->model->tables;
    const hml_dim_record *dims = checker->program->dims;
    const uint32_t *after =
        checker->program->output_dims + checker->program->record->output_dims.count;
    for (uint32_t i = tables->record->states.count; i-- > 0;) {
        const hml_tensor_record *state = &tables->inputs[tables->input_count + i];
        int64_t sizes[HML_MAX_TENSOR_RANK], bytes = 0;
        after -= state->rank;
        bool valid = true;
        for (uint32_t d = 0; d < state->rank; d++) {
            const hml_dim_record *size = &dims[state->dims[d]];
            sizes[d] = size->value;
            valid = valid && size->op == HML_DIM_CONSTANT &&
                    dims[after[d]].op == HML_DIM_CONSTANT && dims[after[d]].value == size->value;
        }
        if (!valid || !hml_tensor_bytes((hml_dtype)state->dtype, state->rank, sizes, &bytes) ||
            (tables->states[i].bytes != 0 && tables->states[i].bytes != (uint64_t)bytes)) {
            return HML_FAIL(checker->message, HML_ERROR_tensor_invalid, "size of state %u", i);
        }
    }
    return HML_OK;
}

/* Checks at run entry know fewer slots than those of steps. */
static bool check_is_valid(const program_checker *checker, uint32_t index)
{
    const hml_check_record *check = &checker->program->checks[index];
    const hml_program_record *record = checker->program->record;
    const hml_model_tables *tables = &checker->model->tables;
    uint32_t known = index < record->entry_checks ? record->entry_dims : record->dims.count;
    if (check->location != HML_NONE && !is_string(checker, check->location)) {
        return false;
    }
    switch (check->kind) {
    case HML_CHECK_INPUT_DIM:
        return check->a < tables->record->inputs.count &&
               check->b < tables->inputs[check->a].rank && check->slot < known;
    case HML_CHECK_EQUAL:
        return check->a < known && check->b < known;
    case HML_CHECK_RANGE:
        return check->a < tables->record->symbols.count && check->slot < known;
    default:
        return false;
    }
}

static bool buffer_is_valid(const program_checker *checker, const hml_buffer_record *buffer)
{
    const hml_program_record *record = checker->program->record;
    const hml_model_record *model = checker->model->tables.record;
    switch (buffer->kind) {
    case HML_BUFFER_ARENA:
        return buffer->offset_dim < record->entry_dims && buffer->bytes_dim < record->dims.count;
    case HML_BUFFER_GROWABLE:
        return buffer->index < record->growable_count && buffer->bytes_dim < record->dims.count;
    case HML_BUFFER_INPUT:
        return buffer->index < model->inputs.count;
    case HML_BUFFER_OUTPUT:
        return buffer->index < model->outputs.count &&
               below_or_none(buffer->bytes_dim, record->dims.count);
    case HML_BUFFER_WEIGHTS:
        return buffer->offset <= checker->model->weights.bytes &&
               buffer->bytes <= checker->model->weights.bytes - buffer->offset;
    default:
        return false;
    }
}

static bool operand_is_valid(const program_checker *checker, const hml_operand_record *operand)
{
    const hml_program_record *record = checker->program->record;
    if (operand->buffer >= record->buffers.count ||
        !below_or_none(operand->offset_dim, record->dims.count) ||
        (operand->flags & ~(uint32_t)HML_OPERAND_WRITTEN) != 0) {
        return false;
    }
    uint32_t kind = checker->program->buffers[operand->buffer].kind;
    return (operand->flags & HML_OPERAND_WRITTEN) == 0 ||
           (kind != HML_BUFFER_INPUT && kind != HML_BUFFER_WEIGHTS);
}

static hml_status check_memory(const program_checker *checker)
{
    const hml_program_record *record = checker->program->record;
    if (record->growable_count > record->buffers.count) {
        return HML_FAIL(checker->message, HML_ERROR_buffer_invalid, "growable buffers");
    }
    if (record->entry_checks > record->checks.count) {
        return HML_FAIL(checker->message, HML_ERROR_check_invalid, "checks at run entry");
    }
    for (uint32_t i = 0; i < record->checks.count; i++) {
        if (!check_is_valid(checker, i)) {
            return HML_FAIL(checker->message, HML_ERROR_check_invalid, "check %u", i);
        }
    }
    for (uint32_t i = 0; i < record->buffers.count; i++) {
        if (!buffer_is_valid(checker, &checker->program->buffers[i])) {
            return HML_FAIL(checker->message, HML_ERROR_buffer_invalid, "buffer %u", i);
        }
    }
    for (uint32_t i = 0; i < record->operands.count; i++) {
        if (!operand_is_valid(checker, &checker->program->operands[i])) {
            return HML_FAIL(checker->message, HML_ERROR_operand_invalid, "operand %u", i);
        }
    }
    for (uint32_t i = 0; i < record->indices.count; i++) {
        if (checker->program->indices[i] >= record->dims.count) {
            return HML_FAIL(checker->message, HML_ERROR_step_invalid, "dim list entry %u", i);
        }
    }
    return HML_OK;
}

/* The code itself says that kernel `index` starts here. */
static bool is_entry(const program_checker *checker, uint64_t entry, uint32_t index)
{
    const hml_entry_seal wanted = {checker->entry_mark, index};
    return entry >= sizeof wanted && entry < checker->code->text_bytes &&
           memcmp(checker->text + entry - sizeof wanted, &wanted, sizeof wanted) == 0;
}

static hml_status check_kernels(const program_checker *checker)
{
    const hml_program_record *record = checker->program->record;
    for (uint32_t i = 0; i < record->kernels.count; i++) {
        const hml_kernel_record *kernel = &checker->program->kernels[i];
        if (!is_entry(checker, kernel->entry, i) || !is_string(checker, kernel->name) ||
            kernel->form < HML_FORM_LOOP || kernel->form > HML_FORM_PROVIDER) {
            return HML_FAIL(checker->message, HML_ERROR_kernel_invalid, "kernel %u", i);
        }
    }
    return HML_OK;
}

static bool operands_have_kind(const program_checker *checker, const hml_step_record *step,
                               uint32_t kind)
{
    for (uint32_t i = 0; i < step->operand_count; i++) {
        uint32_t buffer = checker->program->operands[step->first_operand + i].buffer;
        if (checker->program->buffers[buffer].kind != kind) {
            return false;
        }
    }
    return true;
}

static bool step_is_valid(const program_checker *checker, uint32_t index)
{
    const hml_program_record *record = checker->program->record;
    const hml_step_record *step = &checker->program->steps[index];
    bool forwards = step->target > index && step->target <= record->steps.count;
    if (!below_or_none(step->location, record->locations.count) ||
        !below_or_none(step->work_dim, record->dims.count)) {
        return false;
    }
    switch (step->kind) {
    case HML_STEP_CALL:
        return step->kernel < record->kernels.count &&
               is_range(step->first_operand, step->operand_count, record->operands.count) &&
               is_range(step->first_dim, step->dim_count, record->indices.count) &&
               step->units_dim < record->dims.count &&
               below_or_none(step->scratch_dim, record->dims.count);
    case HML_STEP_EVALUATE:
        return step->first_dim >= record->entry_dims &&
               is_range(step->first_dim, step->dim_count, record->dims.count);
    case HML_STEP_GROW:
        return is_range(step->first_operand, step->operand_count, record->operands.count) &&
               operands_have_kind(checker, step, HML_BUFFER_GROWABLE);
    case HML_STEP_BRANCH:
    case HML_STEP_REPEAT:
        return (step->kind == HML_STEP_BRANCH ? forwards : step->target <= index) &&
               step->operand_count >= 1 &&
               is_range(step->first_operand, step->operand_count, record->operands.count);
    case HML_STEP_JUMP:
        return forwards;
    case HML_STEP_CHECK:
        return is_range(step->first_dim, step->dim_count, record->checks.count);
    default:
        return false;
    }
}

static hml_status check_steps(const program_checker *checker)
{
    const hml_program_record *record = checker->program->record;
    for (uint32_t i = 0; i < record->locations.count; i++) {
        if (!is_string(checker, checker->program->locations[i])) {
            return HML_FAIL(checker->message, HML_ERROR_string_invalid, "location %u", i);
        }
    }
    for (uint32_t i = 0; i < record->steps.count; i++) {
        if (!step_is_valid(checker, i)) {
            return HML_FAIL(checker->message, HML_ERROR_step_invalid, "step %u", i);
        }
    }
    return HML_OK;
}

static bool is_page(uint64_t bytes)
{
    return bytes >= HML_PAGE_BYTES_1_0 && bytes <= HML_MOST_PAGE_BYTES &&
           (bytes & (bytes - 1)) == 0;
}

/* Text, then constants, in whole pages behind the record: nothing before, between or behind. */
static bool segments_fill_image(const hml_code_record *code)
{
    uint64_t page = hml_code_page(code);
    return is_page(page) && code->image_offset % page == 0 && code->image_offset != 0 &&
           code->text_offset == 0 && code->text_bytes % page == 0 && code->text_bytes != 0 &&
           code->text_bytes <= code->image_bytes && code->rodata_offset == code->text_bytes &&
           code->rodata_bytes % page == 0 &&
           code->rodata_bytes == code->image_bytes - code->text_bytes;
}

/* The code says the same of itself. */
static bool is_sealed(const hml_section_record *section, const hml_code_record *code,
                      const uint8_t *image)
{
    const hml_code_seal wanted = {.mark = hml_code_mark(section->architecture),
                                  .architecture = section->architecture,
                                  .required_features = section->required_features,
                                  .image_bytes = code->image_bytes,
                                  .text_offset = code->text_offset,
                                  .text_bytes = code->text_bytes,
                                  .rodata_offset = code->rodata_offset,
                                  .rodata_bytes = code->rodata_bytes,
                                  .kernel_abi = code->kernel_abi,
                                  .page_bytes = code->page_bytes};
    return wanted.mark != 0 &&
           memcmp(image + code->image_bytes - sizeof wanted, &wanted, sizeof wanted) == 0;
}

static hml_status check_code(hml_model *model, hml_variant *variant, hml_message message)
{
    const hml_section_record *section = variant->code_section;
    hml_table_reader reader = {
        {model->file.data + section->offset, section->bytes}, message, &model->copies};
    const void *head = NULL;
    HML_TRY(hml_table_get_head(&reader, section->head_bytes, HML_CODE_RECORD_BYTES_1_0,
                               sizeof(hml_code_record), &head));
    const hml_code_record *code = head;
    if (code->kernel_abi == 0 || code->kernel_abi > HML_KERNEL_ABI) {
        return HML_FAIL(message, HML_ERROR_kernel_abi, "it has %u, this runtime %d",
                        code->kernel_abi, HML_KERNEL_ABI);
    }
    if (code->image_offset > section->bytes ||
        code->image_bytes > section->bytes - code->image_offset || !segments_fill_image(code)) {
        return HML_FAIL(message, HML_ERROR_code_invalid, "image or segments");
    }
    const uint8_t *image = model->file.data + section->offset + code->image_offset;
    if (!is_sealed(section, code, image)) {
        return HML_FAIL(message, HML_ERROR_code_invalid,
                        "the code itself tells another size, other segments or another CPU");
    }
    variant->code = code;
    return HML_OK;
}

/* Where each table of a program goes; `strings` apart. */
static hml_status get_tables(const hml_table_reader *reader, const hml_program_record *record,
                             hml_program *program)
{
    const void *dims = NULL, *checks = NULL, *buffers = NULL, *operands = NULL, *indices = NULL,
               *kernels = NULL, *steps = NULL, *locations = NULL, *output_dims = NULL;
    const struct {
        const hml_table *table;
        const char *what;
        size_t record_bytes;
        const void **records;
    } rows[] = {
        {&record->dims, "dims", sizeof(hml_dim_record), &dims},
        {&record->checks, "checks", sizeof(hml_check_record), &checks},
        {&record->buffers, "buffers", sizeof(hml_buffer_record), &buffers},
        {&record->operands, "operands", sizeof(hml_operand_record), &operands},
        {&record->indices, "dim lists", sizeof(uint32_t), &indices},
        {&record->kernels, "kernels", sizeof(hml_kernel_record), &kernels},
        {&record->steps, "steps", sizeof(hml_step_record), &steps},
        {&record->locations, "locations", sizeof(uint32_t), &locations},
        {&record->output_dims, "output dims", sizeof(uint32_t), &output_dims},
    };
    for (uint32_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        HML_TRY(hml_table_get(reader, rows[i].table, rows[i].what, rows[i].record_bytes,
                              rows[i].records));
    }
    *program = (hml_program){.record = record,
                             .dims = dims,
                             .checks = checks,
                             .buffers = buffers,
                             .operands = operands,
                             .indices = indices,
                             .kernels = kernels,
                             .steps = steps,
                             .locations = locations,
                             .output_dims = output_dims};
    return hml_table_get_strings(reader, &record->strings, &program->strings);
}

hml_status hml_variant_check(hml_model *model, hml_variant *variant, hml_message message)
{
    const hml_section_record *section = variant->program_section;
    hml_table_reader reader = {
        {model->file.data + section->offset, section->bytes}, message, &model->copies};
    const void *head = NULL;
    HML_TRY(hml_table_get_head(&reader, section->head_bytes, HML_PROGRAM_RECORD_BYTES_1_0,
                               sizeof(hml_program_record), &head));
    HML_TRY(get_tables(&reader, head, &variant->program));
    HML_TRY(check_code(model, variant, message));
    const hml_code_record *code = variant->code;
    const uint8_t *text =
        model->file.data + variant->code_section->offset + code->image_offset + code->text_offset;
    uint32_t entry_mark = hml_entry_mark(variant->code_section->architecture);
    program_checker checker = {model, &variant->program, code, text, entry_mark, message};
    if (!is_string(&checker, variant->program.record->target_name)) {
        return HML_FAIL(message, HML_ERROR_string_invalid, "the target's name");
    }
    HML_TRY(check_dims(&checker));
    HML_TRY(check_model_slots(&checker));
    HML_TRY(check_state_sizes(&checker));
    HML_TRY(check_memory(&checker));
    HML_TRY(check_kernels(&checker));
    return check_steps(&checker);
}
