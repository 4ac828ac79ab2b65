/* The commands that `hml` and `hmlc` share. Each gets the words behind its own name and returns the
 * exit status: 0 done, 1 the answer is no, 2 to 5 and 70 as in the runtime's status classes. */
#ifndef HML_COMMANDS_H
#define HML_COMMANDS_H

int hml_command_run(int argc, char **argv);
int hml_command_bench(int argc, char **argv);
int hml_command_inspect(int argc, char **argv);

#endif
