/* SPDX-License-Identifier: Apache-2.0 */
/* Completion for bash. Works without the package bash-completion. */
#include "pages.h"

#include <string.h>

static const char opening[] =
    "{\n"
    "    local current=${COMP_WORDS[COMP_CWORD]} at=$((COMP_CWORD - 1)) option='' kind='' words='' "
    "before=''\n"
    "    COMPREPLY=()\n"
    "    # Bash takes --name=value and NAME=FILE for three words.\n"
    "    [ \"$current\" != = ] || current=''\n"
    "    [ \"${COMP_WORDS[at]}\" != = ] || at=$((at - 1))\n"
    "    case ${COMP_WORDS[at]} in\n"
    "    -*) option=${COMP_WORDS[at]} ;;\n"
    "    *) [ \"$at\" -lt 2 ] || [ \"${COMP_WORDS[at + 1]}\" != = ] || "
    "option=${COMP_WORDS[at - 1]} ;;\n"
    "    esac\n";

static const char closing[] =
    "    case $kind in\n"
    "    words)\n"
    "        case $current in\n"
    "        *,*) before=${current%,*}, ;;\n"
    "        esac\n"
    "        mapfile -t COMPREPLY < <(compgen -W \"$words\" -P \"$before\" -- \"${current##*,}\")\n"
    "        ;;\n"
    "    file | folder)\n"
    "        compopt -o filenames 2>/dev/null\n"
    "        if [ $kind = file ]; then words=-f; else words=-d; fi\n"
    "        mapfile -t COMPREPLY < <(compgen $words -- \"$current\")\n"
    "        ;;\n"
    "    esac\n"
    "}\n";

static void put_choices(const char *text)
{
    const char *word;
    for (size_t length; (length = hml_next_choice(&text, &word)) > 0;) {
        printf("%.*s%s", (int)length, word, *text != '\0' ? " " : "");
    }
}

/* Assignments of `kind` and `words`. */
static void put_kind(const char *text)
{
    switch (hml_word_kind_of(text)) {
    case HML_WORD_CHOICE:
        fputs("kind=words words='", stdout);
        put_choices(text);
        putchar('\'');
        break;
    case HML_WORD_TARGETS:
        fputs("kind=words words=$(\"${COMP_WORDS[0]}\" targets 2>/dev/null | grep -v 'not served' |"
              " cut -d ' ' -f 1 | sort -u)",
              stdout);
        break;
    case HML_WORD_FILE:
    case HML_WORD_NAMED_FILE:
        fputs("kind=file", stdout);
        break;
    case HML_WORD_FOLDER:
        fputs("kind=folder", stdout);
        break;
    case HML_WORD_FREE:
    case HML_WORD_NONE:
        fputs("kind=none", stdout);
        break;
    }
}

static void put_values(const hml_command *command)
{
    for (size_t k = 0; k < command->option_count; k++) {
        const hml_option *option = &command->options[k];
        if (option->help == NULL || option->argument == NULL) {
            continue;
        }
        printf("    '%s:--%s'", command->name, option->name);
        if (option->letter != 0) {
            printf(" | '%s:-%c'", command->name, option->letter);
        }
        fputs(") ", stdout);
        put_kind(option->argument);
        fputs(" ;;\n", stdout);
    }
}

static void put_words(const hml_command *command)
{
    printf("    '%s:-'*) kind=words words='", command->name);
    for (size_t k = 0; k < command->option_count; k++) {
        if (command->options[k].help != NULL) {
            printf("--%s ", command->options[k].name);
        }
    }
    printf("' ;;\n    '%s:'*) ", command->name);
    put_kind(command->words);
    fputs(" ;;\n", stdout);
}

void hml_write_bash_completion(const hml_tool_program *program)
{
    bool commands = program->commands[0]->name[0] != '\0';
    printf("# Completion of %s %s for bash.\n_complete_%s()\n%s", program->name, hml_version(),
           program->name, opening);
    printf("    local command=%s\n    case $command:$option in\n",
           commands ? "${COMP_WORDS[1]}" : "''");
    for (size_t k = 0; k < program->command_count; k++) {
        put_values(program->commands[k]);
    }
    fputs("    esac\n    [ -n \"$kind\" ] || case $command:$current in\n", stdout);
    for (size_t k = 0; k < program->command_count; k++) {
        put_words(program->commands[k]);
    }
    fputs("    esac\n", stdout);
    if (commands) {
        fputs("    if [ \"$COMP_CWORD\" -eq 1 ] || { [ \"$command\" = help ] && "
              "[ \"$COMP_CWORD\" -eq 2 ]; }; then\n        kind=words words='",
              stdout);
        for (size_t k = 0; k < program->command_count; k++) {
            printf("%s ", program->commands[k]->name);
        }
        fputs("help --version --help'\n    fi\n", stdout);
    }
    printf("%scomplete -F _complete_%s %s\n", closing, program->name, program->name);
}
