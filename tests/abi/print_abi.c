/* SPDX-License-Identifier: Apache-2.0 */
/* Prints size, alignment and offsets of the public structures, and the numbers that programs were
 * compiled with. */
#include <hml/hml.h>
#include <stdio.h>

#define ALIGNMENT_OF(type)                                                                         \
    offsetof(                                                                                      \
        struct {                                                                                   \
            char first;                                                                            \
            type second;                                                                           \
        },                                                                                         \
        second)

int main(void)
{
#define PUBLIC_STRUCT(type)                                                                        \
    printf("%s %zu bytes, alignment %zu\n", #type, sizeof(type), ALIGNMENT_OF(type));
#define PUBLIC_FIELD(type, field)                                                                  \
    printf("  %s at %zu, %zu bytes\n", #field, offsetof(type, field),                              \
           sizeof(__typeof__(((type *)NULL)->field)));
#include "public_structs.def"
    printf("hml_status %zu bytes\n", sizeof(hml_status));
#define HML_STATUS(identifier, number, exit_class, title, explanation)                             \
    printf("  %s %d, exit class %d\n", #identifier, (int)HML_ERROR_##identifier, exit_class);
#include <hml/status.def>
    printf("hml_dtype %zu bytes\n", sizeof(hml_dtype));
    for (int dtype = 0; dtype < 256; dtype++) {
        if (hml_dtype_name((hml_dtype)dtype) != NULL) {
            printf("  %s %d\n", hml_dtype_name((hml_dtype)dtype), dtype);
        }
    }
    printf("HML_OPEN_INSPECT %d\nHML_OPEN_NO_ENVIRONMENT %d\nHML_MAX_TENSOR_RANK %d\n",
           HML_OPEN_INSPECT, HML_OPEN_NO_ENVIRONMENT, HML_MAX_TENSOR_RANK);
    return 0;
}
