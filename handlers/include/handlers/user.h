/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Users of the workers when the daemon runs as root. Each worker has a user of its own, to which no
 * account, file or other process of this machine belongs, so that the kernel keeps workers from
 * signalling, tracing and reading each other.
 *
 * `nobody` does not serve: NFS, containers and other daemons put their processes and files there,
 * and all workers would be one user. Private to handlers and the commands that describe them.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * Users 60706..61183: unused by systemd's allocation (https://systemd.io/UIDS-GIDS), and within the
 * 65,536 users of a container.
 */
#define USER_FIRST UINT32_C(60706)
#define USERS_N    UINT32_C(478)

/*
 * True if this process can and should start workers as users of their own: it is root, and the
 * range exists in its user namespace. Root of a namespace with fewer users is an unprivileged user
 * of the machine already.
 */
bool user_is_needed(void);

/*
 * Returns a user of the range for a new worker: the first from `seed` on that is not `taken`; if
 * all are, the first one. `seed` spreads several daemons over the range. Pure but for `taken`.
 */
uint32_t user_choose(uint32_t seed, bool (*taken)(uint32_t uid, void *data), void *data);

/* True if all of the range is mapped, in a text like that of /proc/self/uid_map. Pure. */
bool user_map_has_range(const char *uid_map);
