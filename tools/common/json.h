/* JSON text on a stream: the caller writes the structure, these the values. */
#ifndef HML_JSON_H
#define HML_JSON_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

void hml_json_string(FILE *out, const char *text); /* quoted and escaped */
void hml_json_text(FILE *out, const char *text, size_t bytes);
/* Shortest text that keeps 6 digits; what JSON has no number for becomes null. */
void hml_json_number(FILE *out, double value);
void hml_json_shape(FILE *out, const int64_t *dims, uint32_t rank); /* [1,3,-1] */

#endif
