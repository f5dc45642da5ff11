/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who workers are when the daemon runs as root: each a user of its own, whom no account, no file
 * and no other process of this machine belongs to, so that the kernel itself keeps workers from
 * signalling, tracing and reading each other.
 *
 * `nobody` is not that: NFS, containers and other daemons put their processes and files there, and
 * all workers would be one user. Private to handlers and the commands that describe them.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * 60706..61183: in no use, by systemd's allocation of users (https://systemd.io/UIDS-GIDS), and
 * within the 65,536 that containers are given.
 */
#define USER_FIRST UINT32_C(60706)
#define USERS_N    UINT32_C(478)

/*
 * True if this process can and should start workers as users of their own: it is root, and the
 * range exists in its user namespace. Where it is root of a namespace with fewer users, it is an
 * unprivileged user of the machine already.
 */
bool user_is_needed(void);

/*
 * A user of the range for a new worker: the first after `seed`, which spreads several daemons over
 * the range, that is not `taken`; where all are, the one it began with. Pure but for `taken`.
 */
uint32_t user_choose(uint32_t seed, bool (*taken)(uint32_t uid, void *data), void *data);

/* The same on given text, as in /proc/self/uid_map: true if all of the range is mapped. Pure. */
bool user_map_has_range(const char *uid_map);
