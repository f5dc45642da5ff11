/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decides which processes may send requests to a socket: those of root, of the owner of the
 * listening process, and of the groups that the configuration names.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

typedef struct ControlAccess ControlAccess;

/*
 * Creates the list of allowed groups. `names` holds group names or numbers, separated by ',', ';'
 * or blanks. *ret_unknown gets the groups that this machine does not know, separated by ", ", or
 * NULL if there are none; unknown groups are ignored. Owner: control_access_free, g_free.
 */
ControlAccess *control_access_new(const char *names, char **ret_unknown);
void control_access_free(ControlAccess *access);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ControlAccess, control_access_free)

/* Returns true if the list has at least one group. */
bool control_access_has_groups(const ControlAccess *access);

/*
 * Checks that the process at the other end of a connected UNIX socket may send requests. User and
 * groups are those that the process had when it connected (SO_PEERCRED, SO_PEERGROUPS). With
 * `access` NULL, only the owner and root may. Errors: ERROR_ACCESS_DENIED, ERROR_IO.
 */
bool control_access_check(const ControlAccess *access, int socket_fd, GError **error);
