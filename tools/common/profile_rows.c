/* SPDX-License-Identifier: Apache-2.0 */
#include "profile_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- names ------------------------------------------------------------------------------------- */

/* The next "'name' (Type)" of a location; false behind the last. *at moves behind it. */
static bool next_node(const char **at, const char **name, int *name_length, const char **type,
                      int *type_length)
{
    const char *open = strchr(*at, '\'');
    const char *close = open != NULL ? strstr(open + 1, "' (") : NULL;
    const char *end = close != NULL ? strchr(close + 3, ')') : NULL;
    if (end == NULL) {
        return false;
    }
    *name = open + 1;
    *name_length = (int)(close - open - 1);
    *type = close + 3;
    *type_length = (int)(end - close - 3);
    *at = end + 1;
    return true;
}

static void append(char *text, size_t bytes, const char *separator, const char *piece, int length)
{
    size_t used = strlen(text);
    (void)snprintf(text + used, bytes - used, "%s%.*s", used > 0 ? separator : "", length, piece);
}

/*
 * From "m.onnx: nodes 'w' (initializer) + 'c' (Conv) + 'r' (Relu)": the operators "Conv+Relu", and
 * the first node with how many follow, "c +1". Stored tensors are no nodes.
 */
static void shorten(const char *location, hml_profile_row *row)
{
    const char *at = location, *name, *type;
    int name_length, type_length;
    unsigned more = 0;
    while (next_node(&at, &name, &name_length, &type, &type_length)) {
        if (strncmp(type, "initializer", (size_t)type_length) == 0) {
            continue;
        }
        append(row->operators, sizeof row->operators, "+", type, type_length);
        if (row->nodes[0] == '\0') {
            append(row->nodes, sizeof row->nodes - 16, "", name, name_length);
        } else {
            more++;
        }
    }
    if (more > 0) {
        char count[16];
        int length = snprintf(count, sizeof count, " +%u", more);
        append(row->nodes, sizeof row->nodes, "", count, length);
    }
}

/* -- rows -------------------------------------------------------------------------------------- */

static void fill(hml_profile_row *row, const hml_step_profile *step, double peak)
{
    row->microseconds = (double)step->nanoseconds / (double)step->calls * 1e-3;
    row->counted = step->work > 0 && step->nanoseconds > 0;
    row->work = step->work;
    row->threads = step->threads;
    row->start_nanoseconds = step->start_nanoseconds;
    if (row->counted) {
        row->gflops = (double)step->work / row->microseconds * 1e-3;
        row->fraction = peak > 0 ? row->gflops / (peak * step->threads) : 0;
    }
    shorten(row->info.location, row);
}

bool hml_profile_rows_make(const hml_workbench *bench, const hml_step_profile *steps, double peak,
                           hml_profile_rows *rows)
{
    *rows =
        (hml_profile_rows){.rows = calloc((size_t)bench->info.step_count + 1, sizeof *rows->rows)};
    for (uint32_t i = 0; rows->rows != NULL && i < bench->info.step_count; i++) {
        hml_profile_row *row = &rows->rows[rows->count];
        row->info.struct_bytes = sizeof row->info;
        if (steps[i].calls == 0 || hml_model_step(bench->model, i, &row->info) != HML_OK) {
            continue;
        }
        row->step = i;
        fill(row, &steps[i], peak);
        rows->microseconds += row->microseconds;
        rows->work += (double)row->work;
        rows->count++;
    }
    return rows->rows != NULL;
}

static int slower_first(const void *a, const void *b)
{
    const hml_profile_row *left = a, *right = b;
    if (left->microseconds != right->microseconds) {
        return left->microseconds > right->microseconds ? -1 : 1;
    }
    return left->step < right->step ? -1 : 1;
}

void hml_profile_rows_sort(hml_profile_rows *rows)
{
    qsort(rows->rows, rows->count, sizeof *rows->rows, slower_first);
}

static int larger_first(const void *a, const void *b)
{
    const hml_operator_total *left = a, *right = b;
    return left->microseconds > right->microseconds   ? -1
           : left->microseconds < right->microseconds ? 1
                                                      : strcmp(left->operators, right->operators);
}

uint32_t hml_profile_totals(const hml_profile_rows *rows, hml_operator_total *totals)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < rows->count; i++) {
        const hml_profile_row *row = &rows->rows[i];
        const char *operators = row->operators[0] != '\0' ? row->operators : row->info.kind;
        uint32_t k = 0;
        while (k < count && strcmp(totals[k].operators, operators) != 0) {
            k++;
        }
        if (k == count) {
            totals[count++] = (hml_operator_total){.operators = operators};
        }
        totals[k].steps++;
        totals[k].microseconds += row->microseconds;
    }
    qsort(totals, count, sizeof *totals, larger_first);
    return count;
}
