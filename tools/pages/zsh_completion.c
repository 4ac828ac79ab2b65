/* SPDX-License-Identifier: Apache-2.0 */
/* Completion for zsh: a function for a folder of $fpath. */
#include "pages.h"

/* Within single quotes, in the brackets of a specification and between its colons. */
static void put(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\'') {
            fputs("'\\''", stdout);
        } else if (*text == ':' || *text == '[' || *text == ']' || *text == '\\') {
            printf("\\%c", *text);
        } else {
            putchar(*text);
        }
    }
}

/* ":message:action" */
static void put_action(const char *text)
{
    const char *word;
    putchar(':');
    put(text);
    putchar(':');
    switch (hml_word_kind_of(text)) {
    case HML_WORD_CHOICE:
        putchar('(');
        for (size_t length; (length = hml_next_choice(&text, &word)) > 0;) {
            printf("%.*s%s", (int)length, word, *text != '\0' ? " " : "");
        }
        putchar(')');
        break;
    case HML_WORD_TARGETS:
        fputs("{_values -s , target ${(fu)\"$(hmlc targets 2>/dev/null | grep -v \"not served\" |"
              " cut -d \" \" -f 1)\"}}",
              stdout);
        break;
    case HML_WORD_FILE:
        fputs("_files", stdout);
        break;
    case HML_WORD_NAMED_FILE:
        fputs("{compset -P \"*=\"; _files}", stdout);
        break;
    case HML_WORD_FOLDER:
        fputs("_files -/", stdout);
        break;
    case HML_WORD_FREE:
    case HML_WORD_NONE:
        putchar(' ');
        break;
    }
}

static void put_option(const hml_option *option)
{
    const char *repeats = hml_option_repeats(option) ? "*" : "";
    const char *equals = option->argument != NULL ? "=" : "";
    fputs(" \\\n            ", stdout);
    if (option->letter != 0) {
        printf("'%s(-%c --%s)'{-%c%s,--%s%s}'[", repeats, option->letter, option->name,
               option->letter, option->argument != NULL ? "+" : "", option->name, equals);
    } else {
        printf("'%s--%s%s[", repeats, option->name, equals);
    }
    put(option->help);
    putchar(']');
    if (option->argument != NULL) {
        put_action(option->argument);
    }
    putchar('\'');
}

static void put_command(const hml_command *command)
{
    fputs("        _arguments -s", stdout);
    for (size_t k = 0; k < command->option_count; k++) {
        if (command->options[k].help != NULL) {
            put_option(&command->options[k]);
        }
    }
    if (command->most_words > 0) {
        fputs(" \\\n            '*", stdout);
        put_action(command->words);
        putchar('\'');
    }
    putchar('\n');
}

static void put_commands(const hml_tool_program *program)
{
    fputs("    local context state state_descr line\n"
          "    typeset -A opt_args\n"
          "    local -a commands=(\n",
          stdout);
    for (size_t k = 0; k < program->command_count; k++) {
        printf("        '%s:", program->commands[k]->name);
        put(program->commands[k]->summary);
        fputs("'\n", stdout);
    }
    fputs("        'help:say more of a command'\n"
          "    )\n"
          "    _arguments -C '(- *)--version[print the version]' '(- *)'{-h,--help}'[list the "
          "commands]' \\\n"
          "        '1:command:->command' '*::word:->word'\n"
          "    case $state:$words[1] in\n"
          "    command:* | word:help) _describe -t commands command commands ;;\n",
          stdout);
    for (size_t k = 0; k < program->command_count; k++) {
        printf("    word:%s)\n", program->commands[k]->name);
        put_command(program->commands[k]);
        fputs("        ;;\n", stdout);
    }
    fputs("    esac\n", stdout);
}

void hml_write_zsh_completion(const hml_tool_program *program)
{
    printf("#compdef %s\n# Completion of %s %s for zsh.\n_%s()\n{\n", program->name, program->name,
           hml_version(), program->name);
    if (program->commands[0]->name[0] != '\0') {
        put_commands(program);
    } else {
        put_command(program->commands[0]);
    }
    printf("}\n_%s \"$@\"\n", program->name);
}
