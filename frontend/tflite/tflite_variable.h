/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Variables by name (VAR_HANDLE). A tensor of type RESOURCE is bound to one of them, so that it can
 * be handed on like a value. Reads and assignments happen in the order of the operators: `current`
 * is what a reader gets at the place that the import has reached.
 */
#ifndef HMLC_TFLITE_VARIABLE_H
#define HMLC_TFLITE_VARIABLE_H

#include "importer/kept_state.h"
#include "tflite_import.h"

typedef struct hmlc_tflite_variable {
    hmlc_value handle; /* first */
    const char *name;
    hmlc_value *current;        /* NULL: nothing here has given it a value */
    const hmlc_tensor *initial; /* what CALL_ONCE assigns; NULL: nothing */
    hmlc_kept_state *kept;      /* NULL: no run has to know what an earlier one left */
    struct hmlc_tflite_variable *next;
} hmlc_tflite_variable;

/* What each variable holds at a place: in the order of the importer's list, which grows at its end.
 */
typedef struct hmlc_tflite_held {
    hmlc_value **values; /* NULL: not known */
    uint32_t count;
} hmlc_tflite_held;

/* Where the import has got to. False, and the node's status is set, without memory. */
bool hmlc_tflite_hold(hmlc_node *node, hmlc_tflite_held *held);
/* Goes back there; what was not known then holds what it has at the begin of a run. */
void hmlc_tflite_hold_again(hmlc_node *node, const hmlc_tflite_held *held);
/* Variables with a first value become states, so that each has one that a branch can begin with. */
void hmlc_tflite_hold_all(hmlc_node *node);
/* Variable `index` holds this from here on; NULL: it is not known. */
void hmlc_tflite_set_held(hmlc_node *node, uint32_t index, hmlc_value *value);

#endif
