/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opens the prefix folder: the one way to get to it. Part by part, and no part may be a symbolic
 * link, so that whoever may write to the bucket cannot lead the daemon out of it. Private to the
 * daemon.
 */
#pragma once

#include "publish.h"

#include <glib.h>

/*
 * Opens the folder, which is made with its parents where it is missing. Whose an absolute one is,
 * is found out (owner.h). *ret_path is its path, for messages. -1 on error. Errors: ERROR_CONFIG
 * for a link, and for the prefix of another bucket; as error_set_errno. Owner: the caller closes
 * and frees.
 */
int prefix_open(const PublisherOptions *options, char **ret_path, GError **error);
