/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cuts an ONNX model: some of its nodes, with what they read, become a model of their own. What is
 * kept is copied from the file byte for byte, whether the importer knows it or not. Calls with
 * different modules may run in different threads.
 */
#ifndef HMLC_CUT_H
#define HMLC_CUT_H

#include <hmlc/frontend.h>

#include <stdio.h>

typedef struct hmlc_cut hmlc_cut;

/* What becomes of a node. */
typedef enum hmlc_cut_state {
    HMLC_CUT_KEPT,
    HMLC_CUT_DROPPED,  /* what others read of it becomes an input */
    HMLC_CUT_BYPASSED, /* others read its input in its place */
} hmlc_cut_state;

/*
 * Writes the types that follow for the values of the model at `path`, each as soon as it is known,
 * for hmlc_cut_open. With `options`, whose `value` and `context` are not used, dims are as --dim
 * says. The status is that of the import.
 */
hmlc_status hmlc_cut_write_types(const char *path, const hmlc_import_options *options,
                                 FILE *stream) HMLC_MUST_USE;

/*
 * Opens the model at `path`; `module` is empty, takes the diagnostics and outlives the cut, as does
 * *mapping, which is set in any case (NULL: no memory), as is *cut. `types` (hmlc_cut_write_types;
 * may be cut short or empty) outlives it, too: without them a value's type is what the model
 * declares.
 */
hmlc_status hmlc_cut_open(const char *path, const void *types, size_t types_size,
                          hmlc_module *module, hmlc_mapping **mapping,
                          hmlc_cut **cut) HMLC_MUST_USE;
void hmlc_cut_release(hmlc_cut *cut); /* accepts NULL */

uint32_t hmlc_cut_node_count(const hmlc_cut *cut);
/* The node's operator and name, each "" where it has none; they live as long as the cut. */
void hmlc_cut_node_words(const hmlc_cut *cut, uint32_t node, const char **type, const char **name);
/* Has the node an input that may stand for its output? */
bool hmlc_cut_can_bypass(const hmlc_cut *cut, uint32_t node);
/* Has an input of the model that the states make a dim with this symbol? */
bool hmlc_cut_uses_dim(hmlc_cut *cut, const hmlc_cut_state *states, const char *symbol);

/*
 * Writes the model of the nodes that `states` (one per node) keeps. Outputs are those of the model
 * that are left and the values that nothing reads any more. External data is stored in the model,
 * but that of tensors within nodes. HMLC_NO, with nothing written: a value that would become an
 * input has no known type. What the stream does not take shows in ferror.
 */
hmlc_status hmlc_cut_write(hmlc_cut *cut, const hmlc_cut_state *states, FILE *stream) HMLC_MUST_USE;

#endif
