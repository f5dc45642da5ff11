/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The only way to open state and configuration.
 *
 * Users who are not trusted may be able to write to a bucket. They can put a `.thumbq` of their own
 * there, a symbolic link, a FIFO, or a database that crashes its reader. A file or folder that is
 * opened here
 *   - is reached through no symbolic link, in any part of the path;
 *   - is a folder or a regular file, as the caller asked; a FIFO never blocks;
 *   - belongs to the effective user or to root, and no other user can write to it.
 * New files and folders are for their owner alone: folders 0700, files 0600. The caller opens a
 * folder once and keeps its descriptor; files in the folder are opened below that descriptor.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>

/* Opens `path` as openat(2) does, if no part of it is a symbolic link: ELOOP. Checks nothing else.
 * -1 with errno. Owner: the caller closes. */
int trusted_open_without_links(int dir_fd, const char *path, int flags);

/*
 * Opens the folder `path`; a relative path is below `dir_fd` (AT_FDCWD: the current folder). With
 * `make` a missing folder is made, with its parents, and other users lose their rights on a folder
 * of the effective user. Returns a descriptor for reading, -1 on error. Errors: ERROR_NOT_TRUSTED;
 * as error_set_errno. Owner: the caller closes.
 */
int trusted_open_folder(int dir_fd, const char *path, bool make, GError **error);

/*
 * Opens the regular file `path`, relative to `dir_fd` as above. `flags` are those of open(2). With
 * O_CREAT a missing file is made, and other users lose their rights on a file of the effective
 * user. Errors: as trusted_open_folder. Owner: the caller closes.
 */
int trusted_open_file(int dir_fd, const char *path, int flags, GError **error);

/*
 * Checks the regular file `path` without opening its content, for callers that open the file by its
 * name below a folder of trusted_open_folder. A missing file is no error. With `close_others` other
 * users lose their rights on the file. Errors: as trusted_open_folder.
 */
bool trusted_check_file(int dir_fd, const char *path, bool close_others, GError **error);

/*
 * Reads a file of at most `max_bytes` as file_read does, after the checks of trusted_open_file.
 * Errors: as both. Owner: the caller frees.
 */
char *trusted_read(int dir_fd, const char *path, size_t max_bytes, size_t *ret_len, GError **error);

/*
 * Reads a file as trusted_read does. The file, not a folder of its path, may be a symbolic link of
 * the effective user or of root, in a folder that trusted_open_folder accepts; so may the file that
 * the link names, up to eight times. `path` is absolute. Source: the links in live/ of certbot(1).
 * Errors: as trusted_read.
 */
char *trusted_read_linked(const char *path, size_t max_bytes, size_t *ret_len, GError **error);

/*
 * Reads the user and process at the other end of a connected UNIX socket. Source: SO_PEERCRED,
 * unix(7). Errors: ERROR_IO.
 */
bool trusted_peer_read(int socket_fd, struct ucred *ret_peer, GError **error);

/*
 * True if the process at the other end of a connected UNIX socket runs as the effective user or as
 * root (SO_PEERCRED; on a connecting socket this is the process that listened). Errors:
 * ERROR_NOT_TRUSTED, ERROR_IO.
 */
bool trusted_peer(int socket_fd, GError **error);

/* True if files of the user `uid` may be trusted: the effective user, or root. */
bool trusted_is_owner(uid_t uid);

/* Returns the full path of `path` below `dir_fd`, for messages. Owner: the caller frees. */
char *trusted_path(int dir_fd, const char *path);

/*
 * Returns the name and number of a user: "'ada' (1000)", or "1000" if the machine has no name for
 * the number. Owner: the caller frees.
 */
char *trusted_user_name(uid_t uid);

/*
 * Names the users that may use what belongs to the user `uid`, for messages that end with "as":
 * "root", or "the user 'ada' (1000), or as root". Owner: the caller frees.
 */
char *trusted_users_of(uid_t uid);

/*
 * Sets an error as error_set_errno does. If the access to the folder `path` was denied, the message
 * also names the users that have it: the owner of the folder that refused, and root.
 */
void trusted_set_errno(GError **error, int errnum, const char *what, const char *path);

/*
 * Turns a process of root for good into one of the owner of the folder `path`, with the owner's
 * groups. Files that root makes in the state of a service would lock the service out, and a trap
 * that an uploader has left there must not run with root's rights. Does nothing for other users,
 * for a folder of root, and if there is no folder. Errors: ERROR_ACCESS_DENIED, ERROR_IO.
 */
bool trusted_become_owner(const char *path, GError **error);
