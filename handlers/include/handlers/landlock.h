/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Landlock (https://docs.kernel.org/userspace-api/landlock.html): a process gives up opening files,
 * reaching services and signalling processes, whatever system call it uses. Uses each right of each
 * version that the kernel has. Called by workers, and by code that describes them.
 */
#pragma once

#include <stdbool.h>

/* The first version with rights of files; versions 2, 3 and 5 add more of these. */
#define LANDLOCK_FILES 1
/* The first version with rights of TCP. */
#define LANDLOCK_NETWORK 4
/* The first version with scopes: signals, and local sockets by abstract name. */
#define LANDLOCK_SCOPES 6

/*
 * Returns the kernel's version; 0, with errno, if Landlock cannot be used: ENOSYS, the kernel has
 * none; EOPNOTSUPP, it is switched off; EPERM, a filter around this process refuses it, as those of
 * systemd-nspawn and other container managers do.
 */
int landlock_version(void);

/*
 * Gives up all rights, for good; this process must have given up new privileges. True also if
 * Landlock cannot be used: the filter of system calls has the same effect. False, with errno: it
 * failed.
 */
bool landlock_enter(void);
