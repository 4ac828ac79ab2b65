/* SPDX-License-Identifier: Apache-2.0 */
/* Preconditions that only a defect of the compiler itself can break. */
#ifndef HMLC_ASSERT_H
#define HMLC_ASSERT_H

#include <assert.h>

/*
 * HMLC_CHECKED is 1 in debug and sanitizer builds, which may spend time on checks of the compiler
 * itself. HMLC_ASSERT ends such a build at once where `condition` does not hold; elsewhere it is
 * nothing, and `condition` is not evaluated. What a model, an option or an allocation can bring
 * about is never asserted: that is an error with a diagnostic.
 */
#if defined(NDEBUG)
#define HMLC_CHECKED           0
#define HMLC_ASSERT(condition) ((void)sizeof((condition) ? 1 : 0))
#else
#define HMLC_CHECKED           1
#define HMLC_ASSERT(condition) assert(condition)
#endif

#endif
