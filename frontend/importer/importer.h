/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an import needs whatever the format: the file, the module being filled, memory, and what
 * the user asked for. The importer of a format is one function on this state, which formats.def
 * names; what it keeps besides is its own. Not thread-safe.
 */
#ifndef HMLC_IMPORTER_H
#define HMLC_IMPORTER_H

#include "budget.h"
#include "mapping.h"
#include "names.h"

typedef struct hmlc_importer hmlc_importer;

/* Imports the model: every problem is a diagnostic, and the status that of the list. */
typedef hmlc_status hmlc_import_function(hmlc_importer *importer);

/* Constants as the format stores them; scope.h makes them values at their first use. */
typedef struct hmlc_constant_source {
    const char *word; /* what the format calls one: "initializer" */
    /* Its element type, dims and bytes; with a diagnostic when that fails. */
    hmlc_status (*read)(hmlc_importer *importer, const void *stored, const hmlc_location *where,
                        hmlc_tensor *tensor);
    void *context; /* the format's own */
} hmlc_constant_source;

struct hmlc_importer {
    hmlc_module *module;
    hmlc_mapping *mapping; /* NULL: from memory, no other files */
    const uint8_t *data;   /* the model's file */
    size_t size;
    const hmlc_import_options *options; /* never NULL */
    const char *file;                   /* name without folders */
    const hmlc_location *where;         /* the file as a whole */
    hmlc_budget budget;
    hmlc_arena *scratch; /* of the budget; ends with the import */
    hmlc_status fatal;   /* not HMLC_OK: memory ran out, or a defect; the import stops */
    hmlc_constant_source constants;
    hmlc_names
        external_files; /* location -> hmlc_mapped_file; an archive's members are there at once */
    hmlc_names dims;    /* input_dims.c: text -> what is known of it */
    bool *option_used;  /* per dim option */
    /* Options that had a meaning: signature, tags, member, state, inputs or outputs,
     * tflite_rounding. */
    bool took_signature, took_tags, took_member, took_state, took_ends, took_rounding;
    struct hmlc_kept_state *states; /* kept_state.h, in the order of the module's */
    uint32_t archive_depth;         /* archives that the model lies in */
    uint32_t dim_depth;             /* of --dim expressions that are being applied */
};

/* Reads the file at `path` and starts the import; or starts it on bytes that outlive the module.
 * hmlc_importer_close is called in any case. */
hmlc_status hmlc_importer_open(hmlc_importer *importer, const char *path,
                               const hmlc_import_options *options, hmlc_module *module,
                               hmlc_mapping *mapping) HMLC_MUST_USE;
hmlc_status hmlc_importer_open_memory(hmlc_importer *importer, const void *data, size_t size,
                                      const hmlc_import_options *options,
                                      hmlc_module *module) HMLC_MUST_USE;
/* The status of the diagnostics, among which memory that ran out and dims that became too large
 * are now. Debug builds verify the module. */
hmlc_status hmlc_importer_conclude(hmlc_importer *importer, hmlc_status status) HMLC_MUST_USE;
void hmlc_importer_close(hmlc_importer *importer);

/* "a,b" as a list in scratch memory. */
hmlc_status hmlc_importer_split(hmlc_importer *importer, const char *text, const char ***list,
                                uint32_t *count) HMLC_MUST_USE;

/* False with a diagnostic when the constant dims alone make a value larger than any memory. */
bool hmlc_importer_check_size(const hmlc_importer *importer, const char *name,
                              const hmlc_type *type, const hmlc_location *where);

/* A file beneath the model's folder, read at the first call for it. DAMAGED where it may not be
 * used; the first call for it says why. */
hmlc_status hmlc_importer_external(hmlc_importer *importer, const char *location,
                                   const hmlc_location *where,
                                   const hmlc_mapped_file **file) HMLC_MUST_USE;
/* Is there such a file, or anything of that name? */
bool hmlc_importer_has(const hmlc_importer *importer, const char *location);
/* The same for a file that belongs to the model but is not read, so that no output replaces it. */
hmlc_status hmlc_importer_note_external(hmlc_importer *importer,
                                        const char *location) HMLC_MUST_USE;

#endif
