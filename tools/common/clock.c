/* SPDX-License-Identifier: Apache-2.0 */
#include "clock.h"

#include <time.h>

double hml_milliseconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec * 1e-6;
}
