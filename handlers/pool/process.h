/* SPDX-License-Identifier: Apache-2.0 */
/* Processes of the pool: starts the fork server, kills, reaps, measures. Private to handlers. */
#pragma once

#include "base/error.h"
#include "handlers/wire.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

typedef struct {
    /* 0: none. */
    pid_t pid;
    /* Readable when the process has ended; -1: none. */
    int pidfd;
    /* The daemon's end, non-blocking; -1: none. */
    int socket_fd;
} Process;

#define PROCESS_NONE                                                                               \
    {                                                                                              \
        .pid = 0, .pidfd = -1, .socket_fd = -1                                                     \
    }

/*
 * Returns what the errno of a step to start a process means: ERROR_SHORTAGE if the machine has no
 * descriptor, process or memory left for it; otherwise ERROR_HANDLER_UNAVAILABLE.
 */
ErrorCode process_start_error(int errnum);

/*
 * Executes `program` as the fork server (forkserver.h), with an empty environment. It has a process
 * group of its own, so that a Ctrl-C on the terminal reaches the daemon alone. Errors: those of
 * process_start_error.
 */
bool process_start_forkserver(const char *program, Process *ret_process, GError **error);

/*
 * Makes a SOCK_SEQPACKET pair, close-on-exec; *ret_ours does not block. Owner: the caller. Errors:
 * those of process_start_error.
 */
bool process_socket_pair(int *ret_ours, int *ret_theirs, GError **error);

/* Kills a process that is not reaped. Does nothing if there is none, or if it has ended. */
void process_kill(const Process *process);

/* Kills a process that is not reaped, and its process group. */
void process_kill_group(const Process *leader);

/*
 * Reaps the processes that process_kill_group has killed, except the leader. Blocks until they have
 * ended.
 */
void process_reap_group(pid_t group);

/* The cost of a process that has ended. */
typedef struct {
    int wait_status;
    int64_t cpu_us;
    /* Peak resident set of its whole life. */
    int64_t memory_bytes;
} ProcessEnd;

/*
 * Reaps the process and closes its descriptors. `block`: waits until it has ended. False if it has
 * not ended.
 */
bool process_reap(Process *process, bool block, ProcessEnd *ret_end);

/* Returns the clock that counts the process's CPU time, for process_cpu_us. */
clockid_t process_cpu_clock(pid_t pid);

/* Returns user and system time so far, microseconds; 0 if the process is gone. */
int64_t process_cpu_us(clockid_t clock);

/*
 * Returns the number after a field of /proc/PID/status, in a base that strtoll knows; -1 if there
 * is none.
 */
int64_t process_status_number(const char *status, const char *field, int base);

/*
 * Returns the memory of the process now, bytes, without the files that it maps; 0 if it cannot be
 * read. Memory shared with the process that it was cloned from counts.
 */
int64_t process_memory_bytes(pid_t pid);

/*
 * Returns the error that a death means for the current object, by the table of reasons. `message`
 * gets a sentence for people.
 */
ErrorCode process_death_reason(int wait_status, char message[static WIRE_MESSAGE_MAX]);
