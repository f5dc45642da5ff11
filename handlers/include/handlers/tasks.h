/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The limit of tasks (threads of all processes) for a worker, set as RLIMIT_NPROC. The kernel
 * counts tasks by user, in all containers of the machine that share the number. Private to handlers
 * and thumbnail/.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Limit for a worker that is the only process of its user. Codecs start as many threads as there
 * are cores, at most 16.
 */
#define TASKS_ALONE 64

/*
 * Limit for a worker that shares its user, beyond the tasks that the machine has when the worker
 * starts: some for the codecs, the rest for tasks that the user starts in the worker's life.
 */
#define TASKS_MORE 512

/* Returns the number of all tasks of the machine now; -1 if /proc does not have it. */
int64_t tasks_count(void);

/*
 * Returns the number of tasks from the text of /proc/loadavg (proc_loadavg(5)); -1 if it has none.
 * Pure.
 */
int64_t tasks_parse(const char *loadavg);
