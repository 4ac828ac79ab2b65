/* SPDX-License-Identifier: Apache-2.0 */
/* Samples of a model's inputs, from the folders of --calib. */
#ifndef HMLC_SAMPLE_SET_H
#define HMLC_SAMPLE_SET_H

#include "common/input_path.h"
#include "common/output_file.h"
#include "common/tensor_file.h"
#include "hmlc_commands.h"

typedef struct hmlc_sample_set {
    char **paths; /* each a folder with input_<i>.pb, or an .npz or .npy file */
    size_t count, capacity;
    hml_input_files files; /* that are read: no output may replace one */
    hml_tensor_list held;  /* what the last sample's tensors point into */
} hmlc_sample_set;

/*
 * Adds the samples of a folder, in the order of their names: itself where it holds input_0.pb, its
 * test_data_set_* folders, its .npz and .npy files. A failure is told.
 */
int hmlc_samples_add(hmlc_sample_set *set, hml_report *report, const char *folder);
/* Tells where there is no sample, or only one; `count` says of how many statistics are there
 * besides. */
int hmlc_samples_check(const hmlc_sample_set *set, hml_report *report, size_t besides);

/*
 * Reads a sample: an input for each argument of the module's main graph, with its type and rank.
 * Tensors stay until the next call. `hash` is of their contents.
 */
hml_status hmlc_sample_read(hmlc_sample_set *set, size_t index, const hmlc_module *module,
                            hmlc_tensor *inputs, uint64_t *hash, hml_tool_error *error);
void hmlc_samples_release(hmlc_sample_set *set);

#endif
