/* SPDX-License-Identifier: Apache-2.0 */
/* Times and sizes as people read them. */
#ifndef HML_UNITS_H
#define HML_UNITS_H

#include <stddef.h>
#include <stdint.h>

enum { HML_UNIT_TEXT = 32 };

/* "12.3 us", "4.56 ms", "1.2 s": three digits. Returns `text`. */
const char *hml_time_text(double milliseconds, char text[HML_UNIT_TEXT]);

/* "512 bytes", "1.5 KiB", "318 MiB". Returns `text`. */
const char *hml_size_text(uint64_t bytes, char text[HML_UNIT_TEXT]);

#endif
