/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Client side: connects to the socket of a daemon or of its query reader, and checks that a trusted
 * user listens there.
 */
#pragma once

#include <glib.h>
#include <stdint.h>

/*
 * Connects to the daemon of a state folder. The folder must belong to this user or to root. Returns
 * -1 on error. Owner: the caller closes. Errors: ERROR_NOT_FOUND when no daemon listens, ERROR_IO,
 * ERROR_NOT_TRUSTED.
 */
int control_connect(const char *state_path, GError **error);

/*
 * Connects to the daemon of a state folder, and waits up to `patience_us` until one listens.
 * Returns -1 on error, and -1 with no error set if no daemon listened in that time.
 */
int control_connect_patiently(const char *state_path, int64_t patience_us, GError **error);

/*
 * Connects to the socket `name` in the runtime folder, and checks that the folder's owner or root
 * listens. Returns -1 on error. Owner: the caller closes. Errors: ERROR_NOT_FOUND if there is no
 * such socket, ERROR_NOT_TRUSTED, ERROR_IO.
 */
int control_connect_public(const char *state_path, const char *name, GError **error);

/* Connects to the query socket, in the runtime folder or else in the state folder. Returns -1 on
 * error. Owner and errors: as control_connect_public. */
int control_connect_query(const char *state_path, GError **error);
