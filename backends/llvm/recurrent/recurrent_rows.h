/* SPDX-License-Identifier: Apache-2.0 */
/* Batch elements whose steps go together, so that the weights are read once for all of them. */
#ifndef HMLC_RECURRENT_ROWS_H
#define HMLC_RECURRENT_ROWS_H

#include "recurrent_cell.h"

/* A walk over the rows of a unit: between begin and end the cell and the step are those of one row.
 */
typedef struct hmlc_cell_rows {
    hmlc_frame_loop loop;
    hmlc_cell cell;
    hmlc_cell_step step;
} hmlc_cell_rows;

/* `s` may be NULL where no step is under way. */
void hmlc_cell_rows_begin(const hmlc_cell *c, const hmlc_cell_step *s, hmlc_cell_rows *rows);
void hmlc_cell_rows_end(hmlc_cell_rows *rows);

/* Whether a unit may have that many rows. */
bool hmlc_cell_may_have_rows(const hmlc_cell *c, int64_t rows);
/* One chunk of a panel of a phase, for all rows of the unit. */
void hmlc_cell_rows_chunk(const hmlc_cell *c, const hmlc_cell_step *s, const hmlc_cell_phase *phase,
                          LLVMValueRef panel, uint32_t chunk, const hmlc_cell_chunk *place);

#endif
