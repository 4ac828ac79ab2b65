/* SPDX-License-Identifier: Apache-2.0 */
/* Completion for fish. */
#include "pages.h"

static void put_kind(const char *text)
{
    const char *word;
    switch (hml_word_kind_of(text)) {
    case HML_WORD_CHOICE:
        fputs(" -x -a '", stdout);
        for (size_t length; (length = hml_next_choice(&text, &word)) > 0;) {
            printf("%.*s%s", (int)length, word, *text != '\0' ? " " : "");
        }
        putchar('\'');
        break;
    case HML_WORD_TARGETS:
        fputs(" -x -a '(__fish_append , (hmlc targets 2>/dev/null | string match -v \"*not "
              "served*\" |"
              " string split -f 1 \" \"))'",
              stdout);
        break;
    case HML_WORD_FILE:
    case HML_WORD_NAMED_FILE:
        fputs(" -r -F", stdout);
        break;
    case HML_WORD_FOLDER:
        fputs(" -x -a '(__fish_complete_directories)'", stdout);
        break;
    case HML_WORD_FREE:
        fputs(" -x", stdout);
        break;
    case HML_WORD_NONE:
        break;
    }
}

/* "complete -c hmlc", for one command where the program has several. */
static void put_start(const hml_tool_program *program, const hml_command *command)
{
    printf("complete -c %s", program->name);
    if (command->name[0] != '\0') {
        printf(" -n '__fish_seen_subcommand_from %s'", command->name);
    }
}

static void put_help(const char *text)
{
    fputs(" -d '", stdout);
    hml_print_escaped(text, "'\\", "\\");
    fputs("'\n", stdout);
}

static void put_command(const hml_tool_program *program, const hml_command *command)
{
    for (size_t k = 0; k < command->option_count; k++) {
        const hml_option *option = &command->options[k];
        if (option->help == NULL) {
            continue;
        }
        put_start(program, command);
        printf(" -l %s", option->name);
        if (option->letter != 0) {
            printf(" -s %c", option->letter);
        }
        put_kind(option->argument);
        put_help(option->help);
    }
    hml_word_kind kind = hml_word_kind_of(command->words);
    if (kind == HML_WORD_FOLDER) {
        put_start(program, command);
        puts(" -f -a '(__fish_complete_directories)'");
    } else if (kind != HML_WORD_FILE) {
        put_start(program, command);
        puts(" -f");
    }
}

void hml_write_fish_completion(const hml_tool_program *program)
{
    printf("# Completion of %s %s for fish.\n", program->name, hml_version());
    bool commands = program->commands[0]->name[0] != '\0';
    for (size_t k = 0; k < program->command_count && commands; k++) {
        printf("complete -c %s -n __fish_use_subcommand -f -a %s", program->name,
               program->commands[k]->name);
        put_help(program->commands[k]->summary);
    }
    if (commands) {
        printf("complete -c %s -n __fish_use_subcommand -f -a help", program->name);
        put_help("say more of a command");
        printf("complete -c %s -n '__fish_seen_subcommand_from help' -f -a '", program->name);
        for (size_t k = 0; k < program->command_count; k++) {
            printf("%s ", program->commands[k]->name);
        }
        puts("'");
    }
    for (size_t k = 0; k < program->command_count; k++) {
        put_command(program, program->commands[k]);
    }
}
