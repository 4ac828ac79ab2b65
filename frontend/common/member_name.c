/* SPDX-License-Identifier: Apache-2.0 */
#include "member_name.h"

bool hmlc_member_leads_out(const char *name)
{
    bool part = true; /* a part begins here */
    if (name[0] == '/' || name[0] == '\\' || (name[0] != '\0' && name[1] == ':')) {
        return true;
    }
    for (const char *at = name; *at != '\0'; at++) {
        if (part && at[0] == '.' && at[1] == '.' &&
            (at[2] == '\0' || at[2] == '/' || at[2] == '\\')) {
            return true;
        }
        part = *at == '/' || *at == '\\';
    }
    return false;
}
