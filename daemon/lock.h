/*
 * One daemon per bucket: a lock on a file in the state folder, which the kernel drops with the
 * process.
 */
#pragma once

#include <glib.h>

/*
 * Makes the folder if it is not there, and takes the lock. Returns the descriptor that holds it, -1
 * on error. Errors: ERROR_LOCKED, naming the process that has it; as error_set_errno.
 */
int lock_take(const char *state_path, GError **error);
