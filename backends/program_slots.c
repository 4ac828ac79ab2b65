/* Dim slots of a program: one record per distinct expression, operands before their users. */
#include "program.h"

typedef struct hmlc_slot_map {
    uint32_t *slot_of; /* by dim id: slot + 1 */
    uint32_t capacity;
    uint32_t *symbol_slots; /* by symbol index: slot + 1 */
} hmlc_slot_map;

hmlc_status hmlc_slots_create(hmlc_program *program)
{
    hmlc_slot_map *map = HMLC_NEW(program->arena, hmlc_slot_map);
    HMLC_TRY_MEMORY(map);
    uint32_t symbols = hmlc_symbol_count(program->module->dims);
    map->symbol_slots = HMLC_NEW_ARRAY(program->arena, uint32_t, symbols + 1);
    HMLC_TRY_MEMORY(map->symbol_slots);
    program->slots = map;
    return HMLC_OK;
}

static hmlc_status slots_reserve(hmlc_program *program, uint32_t id)
{
    hmlc_slot_map *map = program->slots;
    if (id < map->capacity) {
        return HMLC_OK;
    }
    uint32_t capacity = id * 2 + 256;
    uint32_t *slot_of = HMLC_NEW_ARRAY(program->arena, uint32_t, capacity);
    HMLC_TRY_MEMORY(slot_of);
    if (map->capacity > 0) {
        memcpy(slot_of, map->slot_of, map->capacity * sizeof *slot_of);
    }
    map->slot_of = slot_of;
    map->capacity = capacity;
    return HMLC_OK;
}

static uint32_t dim_op(hmlc_dim_kind kind)
{
    static const uint32_t ops[] = {
        [HMLC_DIM_CONSTANT] = HML_DIM_CONSTANT, [HMLC_DIM_ADD] = HML_DIM_ADD,
        [HMLC_DIM_MULTIPLY] = HML_DIM_MULTIPLY, [HMLC_DIM_FLOORDIV] = HML_DIM_FLOORDIV,
        [HMLC_DIM_CEILDIV] = HML_DIM_CEILDIV,   [HMLC_DIM_MODULO] = HML_DIM_MODULO,
        [HMLC_DIM_MINIMUM] = HML_DIM_MINIMUM,   [HMLC_DIM_MAXIMUM] = HML_DIM_MAXIMUM,
        [HMLC_DIM_EQUAL] = HML_DIM_EQUAL,       [HMLC_DIM_LESS] = HML_DIM_LESS,
        [HMLC_DIM_SELECT] = HML_DIM_SELECT,
    };
    return ops[kind];
}

/* Which input dim defines a symbol: the first that is just the symbol. */
static bool find_symbol_input(const hmlc_module *module, const hmlc_symbol *symbol, uint32_t *input,
                              uint32_t *axis)
{
    for (uint32_t k = 0; k < module->main->argument_count; k++) {
        const hmlc_type *type = module->main->arguments[k]->type;
        for (int32_t d = 0; d < type->rank; d++) {
            if (type->dims[d]->kind == HMLC_DIM_SYMBOL && type->dims[d]->symbol == symbol) {
                *input = k;
                *axis = (uint32_t)d;
                return true;
            }
        }
    }
    return false;
}

static hmlc_status slot_of_symbol(hmlc_program *program, const hmlc_symbol *symbol, uint32_t *slot)
{
    hmlc_slot_map *map = program->slots;
    if (map->symbol_slots[symbol->index] != 0) {
        *slot = map->symbol_slots[symbol->index] - 1;
        return HMLC_OK;
    }
    hml_dim_record record = {.op = HML_DIM_INPUT};
    if (symbol->bound_at_run || !find_symbol_input(program->module, symbol, &record.a, &record.b)) {
        return hmlc_error_add(program->module->diagnostics, HMLC_ERROR_symbol_unbound, NULL,
                              "give the dim a value with --dim, or export the model with it as "
                              "a dim of an input",
                              "no input's dim defines the symbol '%s'", symbol->name);
    }
    *slot = (uint32_t)program->dims.count;
    map->symbol_slots[symbol->index] = *slot + 1;
    return HMLC_APPEND(&program->dims, &record);
}

hmlc_status hmlc_program_slot(hmlc_program *program, hmlc_dim dim, uint32_t *slot)
{
    HMLC_TRY(slots_reserve(program, dim->id));
    if (program->slots->slot_of[dim->id] != 0) {
        *slot = program->slots->slot_of[dim->id] - 1;
        return HMLC_OK;
    }
    if (dim->kind == HMLC_DIM_SYMBOL) {
        HMLC_TRY(slot_of_symbol(program, dim->symbol, slot));
    } else {
        hml_dim_record record = {.op = dim_op(dim->kind), .value = dim->value};
        if (dim->kind != HMLC_DIM_CONSTANT) {
            HMLC_TRY(hmlc_program_slot(program, dim->a, &record.a));
            HMLC_TRY(hmlc_program_slot(program, dim->b, &record.b));
        }
        if (dim->kind == HMLC_DIM_SELECT) {
            HMLC_TRY(hmlc_program_slot(program, dim->c, &record.c));
        }
        *slot = (uint32_t)program->dims.count;
        HMLC_TRY(HMLC_APPEND(&program->dims, &record));
    }
    program->slots->slot_of[dim->id] = *slot + 1;
    return HMLC_OK;
}

hmlc_status hmlc_slots_bind(hmlc_program *program, const hmlc_symbol *symbol, uint32_t operand,
                            uint32_t element)
{
    hml_dim_record record = {.op = HML_DIM_ELEMENT, .a = operand, .b = element, .c = symbol->index};
    program->slots->symbol_slots[symbol->index] = (uint32_t)program->dims.count + 1;
    return HMLC_APPEND(&program->dims, &record);
}

void hmlc_slots_forget(hmlc_program *program, uint32_t first)
{
    hmlc_slot_map *map = program->slots;
    for (uint32_t k = 0; k < map->capacity; k++) {
        if (map->slot_of[k] > first) {
            map->slot_of[k] = 0;
        }
    }
    for (uint32_t k = 0; k < hmlc_symbol_count(program->module->dims); k++) {
        if (map->symbol_slots[k] > first) {
            map->symbol_slots[k] = 0;
        }
    }
}

bool hmlc_slots_has_symbol(const hmlc_program *program, const hmlc_symbol *symbol, uint32_t *slot)
{
    *slot = program->slots->symbol_slots[symbol->index] - 1;
    return program->slots->symbol_slots[symbol->index] != 0;
}

hmlc_status hmlc_strings_add(hmlc_growable *strings, const char *text, uint32_t *offset)
{
    size_t length = strlen(text) + 1;
    const char *data = strings->data;
    for (size_t at = 0; at < strings->count; at += strlen(data + at) + 1) {
        if (strcmp(data + at, text) == 0) {
            *offset = (uint32_t)at;
            return HMLC_OK;
        }
    }
    HMLC_TRY(hmlc_growable_reserve(strings, length, 1));
    memcpy((char *)strings->data + strings->count, text, length);
    *offset = (uint32_t)strings->count;
    strings->count += length;
    return HMLC_OK;
}
