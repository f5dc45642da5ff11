/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Landlock (https://docs.kernel.org/userspace-api/landlock.html), by which a process gives up what
 * it could open, reach and signal, whatever system call it uses: each right that a version of it
 * has, as far as the kernel's version goes. Called by workers, and by what describes them.
 */
#pragma once

#include <stdbool.h>

/* The versions that add rights. */
#define LANDLOCK_FILES   1 /* 2, 3 and 5 add more of these */
#define LANDLOCK_NETWORK 4 /* TCP */
#define LANDLOCK_SCOPES  6 /* signals, and local sockets by abstract name */

/*
 * The kernel's version; 0, with errno, where it cannot be used: ENOSYS, the kernel has none;
 * EOPNOTSUPP, switched off; EPERM, a filter around this process refuses it, as systemd-nspawn's
 * does and those of other container managers.
 */
int landlock_version(void);

/*
 * Gives up everything, for good; this process must have given up new privileges. True also where it
 * cannot be used: the filter of system calls keeps to the same. False, with errno: it failed.
 */
bool landlock_enter(void);
