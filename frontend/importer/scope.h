/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the names of a graph stand for while it is imported. A subgraph's scope sees those around
 * it. A value that was refused is poisoned: who reads it is skipped silently, so that each problem
 * is told once. A format whose values have numbers writes these as names ("#12").
 */
#ifndef HMLC_SCOPE_H
#define HMLC_SCOPE_H

#include "importer.h"

/* A region being filled: its constants stand at the front, in order of first use. */
typedef struct hmlc_body {
    hmlc_region *region;
    hmlc_op *last_constant;
} hmlc_body;

typedef enum hmlc_binding_state {
    HMLC_BINDING_PENDING,  /* its node has not been imported yet */
    HMLC_BINDING_READY,    /* value is set */
    HMLC_BINDING_POISONED, /* refused */
} hmlc_binding_state;

#define HMLC_NO_PRODUCER UINT32_MAX

/* What a name stands for. */
typedef struct hmlc_binding {
    const char *name;
    hmlc_binding_state state;
    hmlc_value *value;
    const void *stored;   /* the format's constant, a value at its first use; NULL: none */
    const void *declared; /* what the format says of its type; NULL: nothing */
    uint32_t producer;    /* the node that gives it; HMLC_NO_PRODUCER for inputs and constants */
} hmlc_binding;

typedef struct hmlc_scope {
    struct hmlc_scope *parent;
    hmlc_names bindings;
    hmlc_body *body;  /* of an inlined subgraph: the parent's */
    const char *path; /* begins the names of nodes without one: "", "#4/then_branch/" */
} hmlc_scope;

/* The binding in this scope alone; NULL where there is none. */
hmlc_binding *hmlc_scope_find(const hmlc_scope *scope, const char *name);
/* Is the name bound in a scope around this one? */
bool hmlc_scope_hides(const hmlc_scope *scope, const char *name);
/* A new binding; replaces one of that name. NULL, and fatal is set, without memory. */
hmlc_binding *hmlc_scope_bind(hmlc_importer *importer, hmlc_scope *scope, const char *name);
/* The error of a name that is not defined, or not once: "value '<name>' <problem>". */
hmlc_status hmlc_scope_report(hmlc_importer *importer, const hmlc_location *where, const char *name,
                              const char *problem);

/* Makes the binding an argument of the scope's region. */
void hmlc_scope_add_input(hmlc_importer *importer, hmlc_scope *scope, hmlc_binding *binding,
                          const hmlc_type *type);
/* Gives the binding the value of its node; NULL poisons it, as does one that no memory holds. */
void hmlc_scope_publish(hmlc_importer *importer, const hmlc_scope *scope, hmlc_binding *binding,
                        hmlc_value *value, const hmlc_location *where);
/* The value of a name: NULL when it is poisoned (silent) or undefined (diagnostic). */
hmlc_value *hmlc_scope_resolve(hmlc_importer *importer, hmlc_scope *scope, const char *name,
                               const hmlc_location *where);

/*
 * Ends the main graph: its outputs, by name, are yielded unless there are errors, and --dim options
 * that named no dim are reported. Without outputs there is an error.
 */
hmlc_status hmlc_scope_finish(hmlc_importer *importer, hmlc_scope *scope, const char *const *names,
                              uint32_t count) HMLC_MUST_USE;

#endif
