/* SPDX-License-Identifier: Apache-2.0 */
/*
 * State and configuration: the one way to open them.
 *
 * A bucket may be written to by people who are not trusted. They can put a `.thumbq` of their own
 * there, or a symbolic link, a FIFO, or a database that crashes its reader. What is opened here
 *   - is reached through no symbolic link, in no part of the path;
 *   - is a folder or a regular file, as asked for; a FIFO never blocks;
 *   - belongs to the effective user or to root, and nobody else can write to it.
 * What is made here is for its owner alone: folders 0700, files 0600. A folder is opened once and
 * kept as a descriptor; what lies in it is opened below that descriptor.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * Opens the folder `path`, which is below `dir_fd` where it is relative (AT_FDCWD: the current
 * folder). With `make` it is made, with its parents, where it is missing, and is closed to others
 * where it belongs to the effective user. Returns a descriptor that is open for reading, -1 on
 * error. Errors: ERROR_NOT_TRUSTED; as error_set_errno. Owner: the caller closes.
 */
int trusted_open_folder(int dir_fd, const char *path, bool make, GError **error);

/*
 * Opens the regular file `path`, as above. `flags` are those of open(2); with O_CREAT it is made
 * where it is missing, and is closed to others where it belongs to the effective user. Errors: as
 * above.
 */
int trusted_open_file(int dir_fd, const char *path, int flags, GError **error);

/*
 * Looks at the regular file `path` without opening its content, for whoever opens it by a name
 * below a folder that was opened here. Fine where there is none. With `close_others` it is closed
 * to others. Errors: as above.
 */
bool trusted_check_file(int dir_fd, const char *path, bool close_others, GError **error);

/* Reads such a file, of at most `max_bytes`; see file_read. Errors: as above and as file_read. */
char *trusted_read(int dir_fd, const char *path, size_t max_bytes, size_t *ret_len, GError **error);

/*
 * Whether the process at the other end of a connected UNIX socket is of the effective user or of
 * root (SO_PEERCRED; of a listening socket: who listened). Errors: ERROR_NOT_TRUSTED, ERROR_IO.
 */
bool trusted_peer(int socket_fd, GError **error);

/* True if what belongs to `uid` may be trusted: the effective user, or root. */
bool trusted_is_owner(uid_t uid);

/* The whole path of `path` below `dir_fd`, for messages. Owner: the caller frees. */
char *trusted_path(int dir_fd, const char *path);

/* "'ada' (1000)", or "1000" where the machine knows no name. Owner: the caller frees. */
char *trusted_user_name(uid_t uid);

/*
 * A process of root becomes the owner of the folder `path`, with its groups, for good: what root
 * makes in a service's state would lock the service out, and what an uploader has planted there
 * gets no rights of root. Does nothing for other users, for a folder of root, and where there is
 * no folder. Errors: ERROR_ACCESS_DENIED, ERROR_IO.
 */
bool trusted_become_owner(const char *path, GError **error);
