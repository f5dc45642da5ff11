/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Warns of users' files that a setting hides: no thumbnails are made of files in the folder of the
 * thumbnails or in the state folder. If such a folder held files before thumbq first used it, that
 * is likely to be a mistake. Private to the daemon.
 */
#pragma once

#include "journal/publisher_options.h"

/* Files that are examined at the most. */
#define HIDDEN_MAX 100000

/* Warns of the files in the folder `fd`, which is about to become the folder of the thumbnails.
 * Logs nothing if thumbq has used the folder before. */
void hidden_warn_of_prefix(const PublisherOptions *options, int fd, const char *path);

/* Warns in the same way of the folder `path`, which is about to become the state folder. */
void hidden_warn_of_state(const char *bucket, const char *path);
