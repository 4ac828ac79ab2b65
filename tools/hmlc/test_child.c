/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* mkdtemp, memfd_create */
#include "test_child.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_PATH = 4096 };

static void remove_place(const char *place)
{
    DIR *stream = opendir(place);
    for (const struct dirent *entry; stream != NULL && (entry = readdir(stream)) != NULL;) {
        char path[MOST_PATH + 300];
        snprintf(path, sizeof path, "%s/%s", place, entry->d_name);
        if (entry->d_name[0] != '.') {
            (void)unlink(path);
        }
    }
    if (stream != NULL) {
        closedir(stream);
    }
    (void)rmdir(place);
}

static void child_main(const test_child *child, const char *place, const sigset_t *mask)
{
    char artifact[MOST_PATH + 16];
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    sigprocmask(SIG_SETMASK, mask, NULL);
    dup2(child->log, STDOUT_FILENO);
    dup2(child->log, STDERR_FILENO);
    alarm(child->limit);
    snprintf(artifact, sizeof artifact, "%s/model.hml", place);
    int status = child->body(child->context, artifact);
    fflush(NULL);
    _exit(status);
}

/* Until the child ends: 0; or a signal came that is to end us: its number, and the child is dead.
 */
static int await(pid_t process, const sigset_t *awaited, int *wait_status)
{
    int signal_number = 0;
    *wait_status = SIGKILL; /* should nothing be known of its end */
    while (waitpid(process, wait_status, WNOHANG) == 0) {
        int received = sigwaitinfo(awaited, NULL);
        if (received > 0 && received != SIGCHLD) {
            signal_number = received;
            kill(process, SIGKILL); /* its own children end with it */
            waitpid(process, wait_status, 0);
            break;
        }
    }
    return signal_number;
}

static bool make_place(test_child *child, char *place, size_t bytes)
{
    const char *folder = getenv("TMPDIR");
    int length = snprintf(place, bytes, "%s/hmlc-test-XXXXXX",
                          folder != NULL && folder[0] != '\0' ? folder : "/tmp");
    child->log = memfd_create("hmlc-test-log", MFD_CLOEXEC);
    if (child->log >= 0 && (size_t)length < bytes && mkdtemp(place) != NULL) {
        return true;
    }
    if (child->log >= 0) {
        close(child->log);
    }
    return false;
}

bool hmlc_test_child_run(test_child *child, int *wait_status, char *text, size_t bytes)
{
    static const int awaited_signals[] = {SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM};
    char place[MOST_PATH];
    sigset_t awaited, mask;
    sigemptyset(&awaited);
    for (size_t k = 0; k < sizeof awaited_signals / sizeof awaited_signals[0]; k++) {
        struct sigaction action;
        bool ignored = sigaction(awaited_signals[k], NULL, &action) == 0 &&
                       action.sa_handler == SIG_IGN; /* as nohup has it: not for us */
        if (!ignored) {
            sigaddset(&awaited, awaited_signals[k]);
        }
    }
    fflush(NULL);
    sigprocmask(SIG_BLOCK, &awaited, &mask);
    bool placed = make_place(child, place, sizeof place);
    pid_t process = placed ? fork() : -1;
    if (process == 0) {
        child_main(child, place, &mask);
    }
    if (process < 0) {
        snprintf(text, bytes, "failed: no %s: %s", placed ? "process" : "temporary folder",
                 strerror(errno));
    }
    int signal_number = process > 0 ? await(process, &awaited, wait_status) : 0;
    if (placed) {
        remove_place(place);
    }
    if (signal_number != 0) {
        (void)raise(signal_number); /* it arrives with the mask below */
    }
    if (placed && process < 0) {
        close(child->log);
    }
    sigprocmask(SIG_SETMASK, &mask, NULL);
    return process > 0;
}

void hmlc_test_child_end(test_child *child, bool print_log)
{
    char buffer[4096];
    ssize_t size;
    for (off_t at = 0; print_log && (size = pread(child->log, buffer, sizeof buffer, at)) > 0;
         at += size) {
        fwrite(buffer, 1, (size_t)size, stderr);
    }
    close(child->log);
}
