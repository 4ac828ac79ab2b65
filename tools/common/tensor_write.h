/* SPDX-License-Identifier: Apache-2.0 */
/* The writers behind hml_tensor_file_write; errors show in ferror(file). */
#ifndef HML_TENSOR_WRITE_H
#define HML_TENSOR_WRITE_H

#include <hml/hml.h>
#include <stdio.h>

void hml_npy_write(FILE *file, const hml_tensor *tensor);
void hml_pb_write(FILE *file, const hml_tensor *tensor, const char *name);

#endif
