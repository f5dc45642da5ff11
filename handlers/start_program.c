/* SPDX-License-Identifier: Apache-2.0 */
#include "start_program.h"

#include <fcntl.h>
#include <glib.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

static void add_descriptors(posix_spawn_file_actions_t *actions, const ProgramStart *start)
{
    g_assert(start->fd_there >= STDOUT_FILENO);
    posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (start->fd_there != STDOUT_FILENO)
        posix_spawn_file_actions_addopen(actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(actions, start->fd, start->fd_there);
    posix_spawn_file_actions_addclosefrom_np(actions, MAX(start->fd_there, STDERR_FILENO) + 1);
}

int start_program(const ProgramStart *start, pid_t *ret_pid)
{
    char *const arguments[] = {(char *)start->program, (char *)start->argument, NULL};
    char *const environment[] = {NULL};
    short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;

    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&actions);
    add_descriptors(&actions, start);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    if (start->has_own_group) {
        posix_spawnattr_setpgroup(&attributes, 0);
        flags |= POSIX_SPAWN_SETPGROUP;
    }
    posix_spawnattr_setflags(&attributes, flags);
    int errnum =
        posix_spawn(ret_pid, start->program, &actions, &attributes, arguments, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return errnum;
}
