/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a command and measures it with all its children.
 *
 *     measure SECONDS COMMAND...
 *
 * Prints "status processor-seconds peak-KiB": the exit status (128 + n for signal n), the processor
 * time of the whole tree, the memory of its largest process. Above twice the seconds of processor
 * time a process of the tree is ended by the system.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static double seconds_of(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec * 1e-6;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: measure SECONDS COMMAND...\n");
        return 2;
    }
    rlim_t most = (rlim_t)strtoul(argv[1], NULL, 10) * 2;
    pid_t child = fork();
    if (child == 0) {
        const struct rlimit limit = {most, most};
        (void)setrlimit(RLIMIT_CPU, &limit);
        execvp(argv[2], argv + 2);
        _exit(127);
    }
    int status = 0;
    struct rusage usage;
    if (child < 0 || waitpid(child, &status, 0) != child || getrusage(RUSAGE_CHILDREN, &usage)) {
        return 2;
    }
    printf("%d %.2f %ld\n", WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status),
           seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime), usage.ru_maxrss);
    return 0;
}
