/* SPDX-License-Identifier: Apache-2.0 */
/* Runs while a program is built: pages man|bash|zsh|fish writes that page of the program whose
 * table it is linked with. */
#include "pages.h"

#include <string.h>

static const struct {
    const char *word;
    void (*write)(const hml_tool_program *program);
} pages[] = {
    {"man", hml_write_man_page},
    {"bash", hml_write_bash_completion},
    {"zsh", hml_write_zsh_completion},
    {"fish", hml_write_fish_completion},
};

int main(int argc, char **argv)
{
    for (size_t k = 0; argc == 2 && k < sizeof pages / sizeof pages[0]; k++) {
        if (strcmp(argv[1], pages[k].word) == 0) {
            pages[k].write(&hml_this_program);
            return fflush(stdout) == 0 && !ferror(stdout) ? 0 : HML_EXIT_RESOURCE;
        }
    }
    fputs("usage: pages man|bash|zsh|fish\n", stderr);
    return HML_EXIT_USAGE;
}
