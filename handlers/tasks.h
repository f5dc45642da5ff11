/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many tasks (threads, of all processes) a worker may see come to be: what RLIMIT_NPROC is set
 * to. The kernel counts tasks by user, in all containers of the machine that share the number.
 * Private to handlers and thumbnail/.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/* Codecs start as many threads as there are cores, at most 16. Of a worker that is the only process
 * of its user. */
#define TASKS_ALONE 64

/*
 * Beyond those that the machine has when the worker starts, where the worker shares its user: some
 * for the codecs, the rest for what the user starts in the worker's life.
 */
#define TASKS_MORE 512

/* All tasks of the machine now; -1 if /proc does not tell. */
int64_t tasks_count(void);

/* The same from the text of /proc/loadavg (proc_loadavg(5)); -1: it is none. Pure. */
int64_t tasks_parse(const char *loadavg);
