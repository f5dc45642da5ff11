/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One daemon per bucket: a lock on the state folder and on the file `lock` in it, which the kernel
 * drops with the process. The folder's lock stays where somebody deletes the file; the file's lock
 * serves file systems that lock no folders. The bucket itself is never locked: it is other
 * people's.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* What is held while the daemon runs. */
typedef struct {
    int folder_fd; /* of the state folder, locked; all that is in it is opened below this */
    int file_fd;
} Lock;

#define LOCK_NONE ((Lock){.folder_fd = -1, .file_fd = -1})

/*
 * Opens the state folder, which is made where it is missing, and takes both locks. Errors:
 * ERROR_LOCKED, naming the process that has it; those of trusted_open_folder and trusted_open_file.
 */
bool lock_take(const char *state_path, Lock *ret_lock, GError **error);

/*
 * As lock_take, for whoever changes nothing: neither the folder nor the file is made, and the file
 * is not written. Errors: also ERROR_NOT_FOUND where there is no folder.
 */
bool lock_take_existing(const char *state_path, Lock *ret_lock, GError **error);

/* False where the file `lock` was removed or replaced. */
bool lock_is_in_place(const Lock *lock);

/* Takes the lock of the file that has the name now, which is made where it is missing, in the same
 * folder. Errors: as lock_take. */
bool lock_renew(Lock *lock, const char *state_path, GError **error);

/* Lets go of both. */
void lock_drop(Lock *lock);
