/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes as the pool sees them: start the fork server, kill, reap, measure. Private to handlers.
 */
#pragma once

#include "error.h"
#include "wire.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

typedef struct {
    pid_t pid;     /* 0: none */
    int pidfd;     /* readable when it has ended; -1: none */
    int socket_fd; /* ours, non-blocking; -1: none */
} Process;

#define PROCESS_NONE                                                                               \
    {                                                                                              \
        .pid = 0, .pidfd = -1, .socket_fd = -1                                                     \
    }

/*
 * Executes `program` as the fork server (forkserver.h): empty environment, a process group of its
 * own so that a Ctrl-C on the terminal reaches the daemon alone. Errors: ERROR_HANDLER_UNAVAILABLE.
 */
bool process_start_forkserver(const char *program, Process *ret_process, GError **error);

/* A SOCK_SEQPACKET pair, close-on-exec; *ret_ours does not block. Errors:
 * ERROR_HANDLER_UNAVAILABLE. */
bool process_socket_pair(int *ret_ours, int *ret_theirs, GError **error);

void process_kill(const Process *process);

/* Kills it, not yet reaped, and all that it has started. */
void process_kill_group(const Process *leader);

/* Reaps what was killed by process_kill_group, besides the leader. Blocks until it has ended. */
void process_reap_group(pid_t group);

/* What a process used until it ended. */
typedef struct {
    int wait_status;
    int64_t cpu_us;
    int64_t memory_bytes; /* peak resident set of its whole life */
} ProcessEnd;

/* Reaps it; `block` waits for it to end. False if it has not ended. Closes what `process` holds
 * when reaped. */
bool process_reap(Process *process, bool block, ProcessEnd *ret_end);

/* The clock that counts its CPU time, for process_cpu_us. */
clockid_t process_cpu_clock(pid_t pid);

/* User + system time so far; 0 if the process is gone. */
int64_t process_cpu_us(clockid_t clock);

/* What a death means for the object at hand: the table of reasons. `message` gets a sentence for
 * people. */
ErrorCode process_death_reason(int wait_status, char message[static WIRE_MESSAGE_MAX]);
