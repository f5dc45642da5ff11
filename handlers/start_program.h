/* SPDX-License-Identifier: Apache-2.0 */
/* Starts a handler program. Private to handlers. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

typedef struct {
    const char *program;
    /* The only argument; NULL: none. */
    const char *argument;
    /* A descriptor of this process, and its number in the program: STDOUT_FILENO or higher. */
    int fd, fd_there;
    /* The program gets a process group of its own. */
    bool has_own_group;
} ProgramStart;

/*
 * Starts the program with an empty environment, default signals, and no other descriptor of this
 * process but stderr. Standard input, and output if it is not `fd_there`, are /dev/null. Returns 0,
 * or an errno value.
 */
int start_program(const ProgramStart *start, pid_t *ret_pid);
