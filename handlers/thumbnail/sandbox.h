/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a worker cannot do, whatever a file makes it do: gain privileges, open or name a file, reach
 * a network, start a process, map code, or use more than its share.
 */
#pragma once

#include "forkserver.h"

#include <glib.h>
#include <stdbool.h>

/*
 * Compiles the system call filters, once, in the process workers are forked from and which has
 * their parent. Errors: ERROR_INTERNAL.
 */
bool sandbox_prepare(GError **error);

/*
 * Locks this process in for good, within the limits of `request`. Single-threaded; the descriptors
 * it will use are open already. *ret_listener_fd, the caller's, goes to the daemon with the
 * WorkerHello and must not stay here; -1: there is none. Errors: ERROR_INTERNAL naming the step.
 */
bool sandbox_enter(const ForkRequest *request, int *ret_listener_fd, GError **error);

/* Lets the job that begins now use `timeout_us` of CPU time, rounded up to seconds; more is
 * SIGXCPU. */
void sandbox_start_job(int64_t timeout_us);
