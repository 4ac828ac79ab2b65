/* SPDX-License-Identifier: Apache-2.0 */
/* Names of the members of archives. */
#ifndef HMLC_MEMBER_NAME_H
#define HMLC_MEMBER_NAME_H

#include <stdbool.h>

/* Absolute, or with a part "..". Backslashes separate on other systems. */
bool hmlc_member_leads_out(const char *name);

#endif
