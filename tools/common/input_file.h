/* SPDX-License-Identifier: Apache-2.0 */
/* The file of --input NAME=FILE: tensors, a picture, bare elements, or standard input. */
#ifndef HML_INPUT_FILE_H
#define HML_INPUT_FILE_H

#include "workbench.h"

/*
 * Reads `path` for input `index`: .npy, .npz, .pb, a picture (image.h, with --layout), or, named
 * .raw or .bin, the elements of the shape that --dim says, as they lie in memory; "-" is standard
 * input. With index = input count the file alone has to say what it is for.
 */
hml_status hml_input_file_read(const hml_workbench *bench, uint32_t index, const char *path,
                               const hml_options *options, hml_tensor_list *list,
                               hml_tool_error *error);

/* Whether the word of --layout, if there is one, is one of its words. */
hml_status hml_input_layout_check(const hml_options *options, hml_tool_error *error);

#endif
