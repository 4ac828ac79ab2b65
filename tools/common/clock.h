/* SPDX-License-Identifier: Apache-2.0 */
/* Time that only goes forward. */
#ifndef HML_CLOCK_H
#define HML_CLOCK_H

/* Milliseconds of a monotonic clock. */
double hml_milliseconds(void);

#endif
