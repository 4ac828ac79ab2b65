/* SPDX-License-Identifier: Apache-2.0 */
#include "units.h"

#include <stdio.h>

const char *hml_time_text(double milliseconds, char text[HML_UNIT_TEXT])
{
    double value = milliseconds < 1 ? milliseconds * 1e3 : milliseconds;
    const char *unit = milliseconds < 1 ? "us" : "ms";
    if (milliseconds >= 1e3) {
        value = milliseconds * 1e-3;
        unit = "s";
    }
    int digits = value < 10 ? 2 : value < 100 ? 1 : 0;
    (void)snprintf(text, HML_UNIT_TEXT, "%.*f %s", digits, value, unit);
    return text;
}

const char *hml_size_text(uint64_t bytes, char text[HML_UNIT_TEXT])
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
    double value = (double)bytes / 1024;
    size_t unit = 0;
    if (bytes < 1024) {
        (void)snprintf(text, HML_UNIT_TEXT, "%u byte%s", (unsigned)bytes, bytes == 1 ? "" : "s");
        return text;
    }
    while (value >= 1024 && unit + 1 < sizeof units / sizeof units[0]) {
        value /= 1024;
        unit++;
    }
    (void)snprintf(text, HML_UNIT_TEXT, "%.*f %s", value < 100 ? 1 : 0, value, units[unit]);
    return text;
}
