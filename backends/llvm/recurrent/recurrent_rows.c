/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of a unit in one panel. Sums start in scratch memory and return to it, so that the start
 * and the end of a chunk are one loop over the rows, whatever their number. Between them lie the
 * products: tiles of rows by gates that fit the registers. Each sum adds what it adds alone, in the
 * same order: its bits do not depend on the rows beside it.
 */
#include "recurrent_rows.h"

#include <string.h>

/* Columns: registers of a chunk, those of a gate beside each other. */
typedef struct row_tile {
    uint32_t row, rows, column, columns, chains;
} row_tile;

static LLVMValueRef shifted(const hmlc_cell *c, LLVMValueRef base, LLVMValueRef row,
                            LLVMValueRef stride)
{
    return base != NULL ? cell_at(c, base, cell_multiply(c, row, stride)) : NULL;
}

void hmlc_cell_rows_begin(const hmlc_cell *c, const hmlc_cell_step *s, hmlc_cell_rows *rows)
{
    rows->cell = *c;
    rows->step = s != NULL ? *s : (hmlc_cell_step){0};
    if (c->rows == 1) {
        return;
    }
    hmlc_frame_loop_begin(c->frame, &rows->loop, cell_number(c, 0), c->count, 1, NULL, 0);
    LLVMValueRef row = rows->loop.index, padded = cell_number(c, c->padded);
    hmlc_cell *cell = &rows->cell;
    hmlc_cell_step *step = &rows->step;
    LLVMValueRef *vectors[] = {&cell->h[0],  &cell->h[1],   &cell->c,    &cell->update,
                               &cell->reset, &step->before, &step->after};
    for (size_t k = 0; k < sizeof vectors / sizeof vectors[0]; k++) {
        *vectors[k] = shifted(c, *vectors[k], row, padded);
    }
    cell->element = cell_add(c, c->element, row);
    LLVMValueRef x_floats = cell_multiply(c, c->directions, cell_number(c, c->gates * c->hidden));
    step->x = shifted(c, step->x, row, x_floats);
    step->y = shifted(c, step->y, row, cell_number(c, c->hidden));
}

void hmlc_cell_rows_end(hmlc_cell_rows *rows)
{
    if (rows->cell.rows > 1) {
        hmlc_frame_loop_end(rows->cell.frame, &rows->loop, NULL);
    }
}

bool hmlc_cell_may_have_rows(const hmlc_cell *c, int64_t rows)
{
    int64_t batch = 0;
    if (!hmlc_dim_is_constant(hmlc_op_operand(c->op, HMLC_CELL_INPUT)->type->dims[1], &batch)) {
        return rows <= c->rows;
    }
    return batch % c->rows == rows || (batch >= c->rows && rows == c->rows);
}

/* Where the sums of a row wait, gates of a chunk beside each other. */
static LLVMValueRef sum_address(const hmlc_cell *c, LLVMValueRef row, uint32_t lane)
{
    LLVMValueRef at = cell_multiply(c, row, cell_number(c, c->gates * HMLC_PACK_WIDTH));
    return cell_at(c, c->sums, cell_add(c, at, cell_number(c, lane)));
}

/* -- products ---------------------------------------------------------------------------------- */

/* Sums, the smaller side of operands, one of the other side, and a product where that is apart. */
static bool fits(const hmlc_cell *c, uint32_t chains, uint32_t rows, uint32_t columns)
{
    const hmlc_target *target = c->frame->target;
    uint32_t held = rows < columns ? rows : columns, passing = target->has_fma ? 1 : 2;
    return rows * columns * chains + held + passing <= (uint32_t)target->vector_registers;
}

static uint32_t column_lanes(const hmlc_cell *c)
{
    return c->lanes / hmlc_cell_registers(c);
}

static LLVMTypeRef column_type(const hmlc_cell *c)
{
    return hmlc_frame_vector(c->frame, HMLC_DTYPE_f32, column_lanes(c));
}

static LLVMValueRef load_row(const hmlc_cell *c, const hmlc_cell_phase *phase, uint32_t row,
                             LLVMValueRef k)
{
    LLVMValueRef vector = cell_at(c, phase->vector, cell_number(c, row * c->padded));
    LLVMValueRef h = hmlc_frame_load(c->frame, c->frame->f32, cell_at(c, vector, k), 4);
    return hmlc_frame_splat(c->frame, h, column_lanes(c));
}

static LLVMValueRef load_column(const hmlc_cell *c, const hmlc_cell_phase *phase,
                                LLVMValueRef weights, uint32_t column, LLVMValueRef k)
{
    uint32_t registers = hmlc_cell_registers(c), lanes = column_lanes(c);
    uint32_t gate = phase->first + column / registers;
    LLVMValueRef address = hmlc_cell_weight_address(c, weights, gate, k);
    address = cell_at(c, address, cell_number(c, column % registers * lanes));
    return hmlc_frame_load(c->frame, column_type(c), address, 4 * lanes);
}

/* One step of one chain. The side with fewer registers is held. */
static void multiply_step(const hmlc_cell *c, const hmlc_cell_phase *phase, const row_tile *tile,
                          LLVMValueRef weights, LLVMValueRef k, LLVMValueRef *sums)
{
    LLVMValueRef held[HMLC_FRAME_CARRIED];
    bool hold_rows = tile->rows <= tile->columns;
    uint32_t inner = hold_rows ? tile->rows : tile->columns;
    uint32_t outer = hold_rows ? tile->columns : tile->rows;
    for (uint32_t n = 0; n < inner; n++) {
        held[n] = hold_rows ? load_row(c, phase, tile->row + n, k)
                            : load_column(c, phase, weights, tile->column + n, k);
    }
    for (uint32_t n = 0; n < outer; n++) {
        LLVMValueRef other = hold_rows ? load_column(c, phase, weights, tile->column + n, k)
                                       : load_row(c, phase, tile->row + n, k);
        for (uint32_t m = 0; m < inner; m++) {
            uint32_t slot = hold_rows ? m * tile->columns + n : n * tile->columns + m;
            LLVMValueRef h = hold_rows ? held[m] : other, weight = hold_rows ? other : held[m];
            sums[slot] = hmlc_frame_fma(c->frame, h, weight, sums[slot]);
        }
    }
}

static void multiply_tile(const hmlc_cell *c, const hmlc_cell_phase *phase, const row_tile *tile,
                          LLVMValueRef panel, uint32_t chunk)
{
    hmlc_frame *frame = c->frame;
    LLVMValueRef carried[HMLC_FRAME_CARRIED], addresses[HMLC_FRAME_CARRIED];
    uint32_t count = tile->rows * tile->columns, lanes = column_lanes(c);
    for (uint32_t n = 0; n < count * tile->chains; n++) {
        if (n >= count) {
            carried[n] = LLVMConstNull(column_type(c));
            continue;
        }
        LLVMValueRef row = cell_number(c, tile->row + n / tile->columns);
        addresses[n] = sum_address(c, row, (tile->column + n % tile->columns) * lanes);
        carried[n] = hmlc_frame_load(frame, column_type(c), addresses[n], 4);
    }
    LLVMValueRef weights = hmlc_cell_weights(c, panel, chunk);
    hmlc_frame_loop loop;
    hmlc_frame_loop_begin(frame, &loop, cell_number(c, 0), cell_number(c, c->hidden), tile->chains,
                          carried, count * tile->chains);
    memcpy(carried, loop.carried, count * tile->chains * sizeof carried[0]);
    for (uint32_t chain = 0; chain < tile->chains; chain++) {
        LLVMValueRef k = cell_add(c, loop.index, cell_number(c, chain));
        multiply_step(c, phase, tile, weights, k, &carried[chain * count]);
    }
    hmlc_frame_loop_end(frame, &loop, carried);
    for (uint32_t n = 0; n < count; n++) {
        LLVMValueRef sum = loop.carried[n];
        for (uint32_t chain = 1; chain < tile->chains; chain++) {
            sum = LLVMBuildFAdd(frame->builder, sum, loop.carried[chain * count + n], "");
        }
        hmlc_frame_store(frame, sum, addresses[n], 4);
    }
}

/* The most that does not exceed `most`, in parts that are equal as far as that goes. */
static uint32_t even_part(uint32_t count, uint32_t most)
{
    uint32_t parts = (count + most - 1) / most;
    return (count + parts - 1) / parts;
}

/* All gates of the phase for `rows` rows. */
static void multiply_rows(const hmlc_cell *c, const hmlc_cell_phase *phase, uint32_t rows,
                          LLVMValueRef panel, uint32_t chunk)
{
    row_tile tile = {.chains = hmlc_cell_chains(c, phase->count)};
    uint32_t registers = hmlc_cell_registers(c), most_rows = rows, most_gates = phase->count;
    while (most_rows > 1 && !fits(c, tile.chains, most_rows, registers)) {
        most_rows--;
    }
    most_rows = even_part(rows, most_rows);
    while (most_gates > 1 && !fits(c, tile.chains, most_rows, most_gates * registers)) {
        most_gates--;
    }
    uint32_t columns = phase->count * registers;
    uint32_t most_columns = even_part(phase->count, most_gates) * registers;
    for (tile.row = 0; tile.row < rows; tile.row += tile.rows) {
        tile.rows = rows - tile.row < most_rows ? rows - tile.row : most_rows;
        for (tile.column = 0; tile.column < columns; tile.column += tile.columns) {
            uint32_t rest = columns - tile.column;
            tile.columns = rest < most_columns ? rest : most_columns;
            multiply_tile(c, phase, &tile, panel, chunk);
        }
    }
}

void hmlc_cell_rows_chunk(const hmlc_cell *c, const hmlc_cell_step *s, const hmlc_cell_phase *phase,
                          LLVMValueRef panel, uint32_t chunk, const hmlc_cell_chunk *place)
{
    hmlc_cell_rows rows;
    hmlc_cell_rows_begin(c, s, &rows);
    for (uint32_t gate = 0; gate < phase->count; gate++) {
        hmlc_frame_store(c->frame,
                         hmlc_cell_start(&rows.cell, &rows.step, phase->first + gate, place),
                         sum_address(c, rows.loop.index, gate * c->lanes), 4);
    }
    hmlc_cell_rows_end(&rows);
    for (uint32_t count = 2; count <= c->rows; count++) {
        if (!hmlc_cell_may_have_rows(c, count)) {
            continue;
        }
        LLVMValueRef equal =
            LLVMBuildICmp(c->frame->builder, LLVMIntEQ, c->count, cell_number(c, count), "");
        hmlc_frame_branch branch;
        hmlc_frame_branch_begin(c->frame, &branch, equal);
        multiply_rows(c, phase, count, panel, chunk);
        hmlc_frame_branch_end(c->frame, &branch);
    }
    hmlc_cell_rows_begin(c, s, &rows);
    LLVMValueRef gates[HMLC_CELL_MOST_GATES];
    for (uint32_t gate = 0; gate < phase->count; gate++) {
        LLVMValueRef address = sum_address(c, rows.loop.index, gate * c->lanes);
        gates[gate] = hmlc_frame_load(c->frame, cell_chunk_type(c), address, 4);
    }
    phase->finish(&rows.cell, &rows.step, gates, place);
    hmlc_cell_rows_end(&rows);
}
