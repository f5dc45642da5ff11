/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sockets of a state folder: their names, their addresses, and a listening one. Other users
 * cannot enter a state folder. A service with the state /var/lib/thumbq/NAME therefore has a second
 * folder for sockets, /run/thumbq/NAME, that every user can enter: the runtime folder.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

/* Names of the control socket: in the state folder, and in the runtime folder. */
#define CONTROL_SOCKET_NAME "control"
#define CONTROL_PUBLIC_NAME "control.sock"
/* Name of the query socket, in either folder. */
#define CONTROL_QUERY_NAME "query.sock"

/* Builds the address of the socket `name` in an open folder. The address goes through
 * /proc/self/fd, so that it fits into sun_path whatever the length of the folder's path. */
struct sockaddr_un;
void control_address(int folder_fd, const char *name, struct sockaddr_un *ret_address);

/*
 * Creates a listening socket `name` in the folder, in place of any file of that name. The name
 * appears when the socket listens. `mode` is the socket's mode from its creation on. `path` is the
 * folder's path, for messages. Returns -1 on error. Owner: the caller closes.
 */
int control_listen(int folder_fd, const char *name, mode_t mode, const char *path, GError **error);

/* Returns the path of the runtime folder, "/run/thumbq/NAME". NULL for a state folder that lies
 * elsewhere. Owner: the caller frees. */
char *control_runtime_folder(const char *state_path);

/*
 * Opens the runtime folder. Only root and the folder's owner may be able to change it, as a service
 * manager creates it. Returns -1 on error, and -1 with no error set if there is no such folder.
 * Owner: the caller closes. Errors: ERROR_NOT_TRUSTED.
 */
int control_open_runtime(const char *state_path, uid_t *ret_owner, GError **error);
