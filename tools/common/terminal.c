#include "terminal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_set(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0';
}

bool hml_terminal_is_lively(int descriptor)
{
    const char *kind = getenv("TERM");
    bool dumb = kind != NULL && strcmp(kind, "dumb") == 0;
    return isatty(descriptor) && !dumb && !is_set("NO_COLOR") && !is_set("CI");
}
