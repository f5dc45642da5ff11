/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Locks a worker in. No file can make it gain privileges, open or name a file, reach a network,
 * start a process, map code, or use more than its share.
 */
#pragma once

#include "handlers/forkserver.h"

#include <glib.h>
#include <stdbool.h>

/*
 * Compiles the system call filters of this program's profile (bits of CallProfile, programs.h).
 * Call it once, in the process that workers are forked from and which has the same parent. Errors:
 * ERROR_INTERNAL.
 */
bool sandbox_prepare(unsigned profile, GError **error);

/*
 * Locks this process in for good, within the limits of `request`. It must have one thread, and all
 * descriptors that it will use. *ret_listener_fd goes to the daemon with the WorkerHello and must
 * not stay here; -1: there is none. Owner: the caller. Errors: ERROR_INTERNAL naming the step.
 */
bool sandbox_enter(const ForkRequest *request, int *ret_listener_fd, GError **error);

/*
 * Raises the limit of descriptors to that of the daemon, until sandbox_limit_descriptors. The
 * kernel refuses to send a descriptor while more descriptors of the same user than this limit are
 * on their way in sockets. Errors: ERROR_INTERNAL.
 */
bool sandbox_widen_descriptors(GError **error);

/*
 * The last limit: this process cannot raise it again. Call it when the WorkerHello is sent, and
 * before a byte of a file is read. Errors: ERROR_INTERNAL.
 */
bool sandbox_limit_descriptors(GError **error);

/*
 * Lets the invocation that begins now use `timeout_us` of CPU time, rounded up to seconds; the
 * kernel sends SIGXCPU then.
 */
void sandbox_begin_invocation(int64_t timeout_us);
