/* SPDX-License-Identifier: Apache-2.0 */
/* Dim slots of a program: one record per distinct expression, operands before their users. */
#include "program.h"

typedef struct symbol_place {
    uint32_t slot;        /* + 1 */
    uint32_t input, axis; /* the first input dim that is just the symbol; input + 1, 0: none */
} symbol_place;

/* What got a slot, so that it can be forgotten. */
typedef struct slot_owner {
    bool symbol;
    uint32_t index; /* of the dim or the symbol */
} slot_owner;

typedef struct hmlc_slot_map {
    uint32_t *slot_of; /* by dim id: slot + 1 */
    uint32_t capacity;
    symbol_place *symbols;         /* by index */
    HMLC_TABLE(slot_owner) owners; /* in the order of their slots */
} hmlc_slot_map;

static void find_symbol_inputs(const hmlc_module *module, symbol_place *symbols)
{
    for (uint32_t k = 0; k < module->main->argument_count; k++) {
        const hmlc_type *type = module->main->arguments[k]->type;
        for (int32_t d = 0; d < type->rank; d++) {
            hmlc_dim dim = type->dims[d];
            if (dim->kind == HMLC_DIM_SYMBOL && symbols[dim->symbol->index].input == 0) {
                symbols[dim->symbol->index].input = k + 1;
                symbols[dim->symbol->index].axis = (uint32_t)d;
            }
        }
    }
}

hmlc_status hmlc_slots_create(hmlc_program *program)
{
    hmlc_slot_map *map = HMLC_NEW(program->arena, hmlc_slot_map);
    HMLC_TRY_MEMORY(map);
    uint32_t symbols = hmlc_symbol_count(program->module->dims);
    map->symbols = HMLC_NEW_ARRAY(program->arena, symbol_place, symbols + 1);
    HMLC_TRY_MEMORY(map->symbols);
    find_symbol_inputs(program->module, map->symbols);
    program->slots = map;
    return HMLC_OK;
}

void hmlc_slots_release(hmlc_program *program)
{
    if (program->slots != NULL) {
        HMLC_TABLE_FREE(&program->slots->owners);
    }
}

/* Gives the next record's slot to a symbol or a dim. */
static hmlc_status slot_append(hmlc_program *program, const hml_dim_record *record, bool symbol,
                               uint32_t index)
{
    hmlc_slot_map *map = program->slots;
    const slot_owner owner = {symbol, index};
    uint32_t slot = (uint32_t)program->dims.count;
    HMLC_TRY(HMLC_APPEND(&program->dims, record));
    *(symbol ? &map->symbols[index].slot : &map->slot_of[index]) = slot + 1;
    return HMLC_APPEND(&map->owners, &owner);
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

static hmlc_status slot_of_symbol(hmlc_program *program, const hmlc_symbol *symbol, uint32_t *slot)
{
    const symbol_place *place = &program->slots->symbols[symbol->index];
    if (place->slot != 0) {
        *slot = place->slot - 1;
        return HMLC_OK;
    }
    if (symbol->bound_at_run) { /* no option names it */
        return hmlc_error_add(program->module->diagnostics, HMLC_ERROR_symbol_unbound, NULL, NULL,
                              "the size '%s' is needed where the run does not know it yet",
                              symbol->name);
    }
    if (place->input == 0) {
        return hmlc_error_add(program->module->diagnostics, HMLC_ERROR_symbol_unbound, NULL,
                              "give the dim a value with --dim, or export the model with it as "
                              "a dim of an input",
                              "no input's dim defines the symbol '%s'", symbol->name);
    }
    const hml_dim_record record = {.op = HML_DIM_INPUT, .a = place->input - 1, .b = place->axis};
    *slot = (uint32_t)program->dims.count;
    return slot_append(program, &record, true, symbol->index);
}

hmlc_status hmlc_program_slot(hmlc_program *program, hmlc_dim dim, uint32_t *slot)
{
    if (dim->kind == HMLC_DIM_SYMBOL) {
        return slot_of_symbol(program, dim->symbol, slot);
    }
    HMLC_TRY(slots_reserve(program, dim->id));
    if (program->slots->slot_of[dim->id] != 0) {
        *slot = program->slots->slot_of[dim->id] - 1;
        return HMLC_OK;
    }
    hml_dim_record record = {.op = dim_op(dim->kind), .value = dim->value};
    if (dim->kind != HMLC_DIM_CONSTANT) {
        HMLC_TRY(hmlc_program_slot(program, dim->a, &record.a));
        HMLC_TRY(hmlc_program_slot(program, dim->b, &record.b));
    }
    if (dim->kind == HMLC_DIM_SELECT) {
        HMLC_TRY(hmlc_program_slot(program, dim->c, &record.c));
    }
    *slot = (uint32_t)program->dims.count;
    return slot_append(program, &record, false, dim->id);
}

hmlc_status hmlc_slots_bind(hmlc_program *program, const hmlc_symbol *symbol, uint32_t operand,
                            uint32_t element)
{
    const hml_dim_record record = {
        .op = HML_DIM_ELEMENT, .a = operand, .b = element, .c = symbol->index};
    return slot_append(program, &record, true, symbol->index);
}

void hmlc_slots_forget(hmlc_program *program, uint32_t first)
{
    hmlc_slot_map *map = program->slots;
    while (map->owners.count > 0) {
        slot_owner owner = map->owners.data[map->owners.count - 1];
        uint32_t *slot =
            owner.symbol ? &map->symbols[owner.index].slot : &map->slot_of[owner.index];
        if (*slot != 0 && *slot <= first) {
            return;
        }
        *slot = 0;
        map->owners.count--;
    }
}

bool hmlc_slots_has_symbol(const hmlc_program *program, const hmlc_symbol *symbol, uint32_t *slot)
{
    *slot = program->slots->symbols[symbol->index].slot - 1;
    return program->slots->symbols[symbol->index].slot != 0;
}
