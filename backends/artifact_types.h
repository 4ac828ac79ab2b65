/* SPDX-License-Identifier: Apache-2.0 */
/* What the compiler and the file format both name. */
#ifndef HMLC_ARTIFACT_TYPES_H
#define HMLC_ARTIFACT_TYPES_H

#include <hmlc/types.h>

/* HML_* of an element type; 0 where the format has none. */
uint32_t hmlc_artifact_dtype(hmlc_dtype dtype);

#endif
