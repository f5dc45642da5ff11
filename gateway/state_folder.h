/* SPDX-License-Identifier: Apache-2.0 */
/* The gateway's own state folder, which holds the keys. `--state` or `--root` gives its path, else
 * it is the user's. */
#pragma once

#include <glib.h>

#define STATE_ROOT_FOLDER ".thumbq-gateway"
/* State folder of the service, whose configuration is in /etc/thumbq. */
#define SERVICE_STATE "/var/lib/thumbq-gateway"

/*
 * Path of the state folder: `state`; else STATE_ROOT_FOLDER in `root`; else thumbq/gateway in
 * $XDG_STATE_HOME (~/.local/state if that is not set). Both may be NULL. Owner: the caller frees.
 */
char *state_folder_path(const char *state, const char *root);

/* Opens the state folder, and makes it with mode 0700 if it is missing. A process of root becomes
 * its owner first. Owner: the caller closes. Errors: ERROR_NOT_TRUSTED, as error_set_errno. */
int state_folder_open(const char *path, GError **error);
