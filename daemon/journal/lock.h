/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One daemon per bucket: a lock on the state folder and on the file `lock` in it. The kernel drops
 * the locks when the process ends. The folder's lock stays if another program deletes the file. The
 * file's lock serves file systems that cannot lock folders. The bucket itself is never locked,
 * because it belongs to other users.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* The locks that are held while the daemon runs. */
typedef struct {
    /* The state folder, locked. All files in the state folder are opened below this descriptor. */
    int folder_fd;
    int file_fd;
} Lock;

#define LOCK_NONE ((Lock){.folder_fd = -1, .file_fd = -1})

/* Opens the state folder, or makes it, and takes both locks. Errors: ERROR_LOCKED, which names the
 * process with the lock; those of trusted_open_folder and trusted_open_file. Owner: lock_release.
 */
bool lock_acquire(const char *state_path, Lock *ret_lock, GError **error);

/* As lock_acquire, for a caller that changes nothing: neither the folder nor the file is made, and
 * the file is not written. Errors: also ERROR_NOT_FOUND if there is no folder. */
bool lock_acquire_existing(const char *state_path, Lock *ret_lock, GError **error);

/* False if the file `lock` was removed or replaced. */
bool lock_is_in_place(const Lock *lock);

/* Takes the lock of the file that has the name now, or of a new file, in the same folder. Errors:
 * as lock_acquire. */
bool lock_renew(Lock *lock, const char *state_path, GError **error);

/* Releases both locks. */
void lock_release(Lock *lock);
