/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opens the prefix folder; no other code opens it. The path is walked part by part, and no part may
 * be a symbolic link, so that a user with the right to write to the bucket cannot lead the daemon
 * out of it. Private to the daemon.
 */
#pragma once

#include "journal/publisher_options.h"

#include <glib.h>

/*
 * Opens the folder, and makes it and its parents if they are missing. Its owner must be the
 * daemon's user or root, and no other user may write to it. The owner file of an absolute prefix is
 * checked (owner.h). *ret_path is its path, for messages. Returns -1 on error. Errors: ERROR_CONFIG
 * for a link, and for the prefix of another bucket; ERROR_NOT_TRUSTED for a folder of another user,
 * or one that others may write to; as error_set_errno. Owner: the caller closes the descriptor and
 * frees the path.
 */
int prefix_open(const PublisherOptions *options, char **ret_path, GError **error);
