/* SPDX-License-Identifier: Apache-2.0 */
/* Test helper: families of models of one shape and any size. */
#ifndef COSTLY_MODELS_H
#define COSTLY_MODELS_H

#include "wire_writer.h"

typedef struct costly_model {
    const char *name;
    uint32_t size; /* how often it repeats what it repeats, usually */
    void (*make)(wire_buffer *graph, uint32_t size);
} costly_model;

/* Each list ends with a row without a name. */
extern const costly_model costly_chains[]; /* one node behind the other */
extern const costly_model costly_fans[];   /* many beside each other */
extern const costly_model costly_dims[];   /* sizes that grow as expressions */
extern const costly_model costly_values[]; /* few bytes that stand for many */

/* A name made of a letter and a number, in one of a few buffers used in turn. */
const char *numbered(const char *stem, uint32_t number);
/* Appends a word and a blank to a list of names. */
void append_name(wire_buffer *list, const char *name);
const char *names_of(wire_buffer *list); /* ends the list */

/* An f32 input or output. */
void input(wire_buffer *graph, const char *name, const char *dims);
void output(wire_buffer *graph, const char *name);
/* An f32 initializer of zeros, its bytes in the file. */
void zeros(wire_buffer *graph, const char *name, const char *dims, size_t count);
void floats(wire_buffer *graph, const char *name, const char *dims, const float *values,
            size_t count);
void integers(wire_buffer *graph, const char *name, const int64_t *values, size_t count);

#endif
