/* SPDX-License-Identifier: Apache-2.0 */
/* Status of a compiler call. The value is the exit status the command line ends with (design:
 * tools/). */
#ifndef HMLC_STATUS_H
#define HMLC_STATUS_H

#if defined(__GNUC__)
#define HMLC_MUST_USE __attribute__((warn_unused_result))
#define HMLC_PRINTF(format_index, first_argument)                                                  \
    __attribute__((format(printf, format_index, first_argument)))
#else
#define HMLC_MUST_USE
#define HMLC_PRINTF(format_index, first_argument)
#endif

typedef enum hmlc_status {
    HMLC_OK = 0,
    HMLC_NO = 1,        /* the answer is no: a comparison out of tolerance */
    HMLC_USAGE = 2,     /* bad usage, or inputs that do not fit the model */
    HMLC_REFUSED = 3,   /* valid, but not supported */
    HMLC_DAMAGED = 4,   /* a file is unreadable, damaged or breaks its format's rules */
    HMLC_RESOURCE = 5,  /* out of memory, disk or another resource */
    HMLC_INTERNAL = 70, /* a defect of the compiler itself */
} hmlc_status;

/* Returns from the calling function when `expression` is not HMLC_OK. */
#define HMLC_TRY(expression)                                                                       \
    do {                                                                                           \
        hmlc_status hmlc_try_ = (expression);                                                      \
        if (hmlc_try_ != HMLC_OK) {                                                                \
            return hmlc_try_;                                                                      \
        }                                                                                          \
    } while (0)

/* Returns HMLC_RESOURCE from the calling function when `pointer` is NULL. */
#define HMLC_TRY_MEMORY(pointer)                                                                   \
    do {                                                                                           \
        if ((pointer) == NULL) {                                                                   \
            return HMLC_RESOURCE;                                                                  \
        }                                                                                          \
    } while (0)

#endif
