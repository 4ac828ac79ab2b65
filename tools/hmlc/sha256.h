/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 of a file (FIPS 180-4), to say which model something was made from. */
#ifndef HMLC_SHA256_H
#define HMLC_SHA256_H

#include <stdbool.h>

enum { HMLC_SHA256_TEXT = 65 };

/* The digest in hexadecimal digits; false when the file cannot be read. */
bool hmlc_sha256_file(const char *path, char text[HMLC_SHA256_TEXT]);

#endif
