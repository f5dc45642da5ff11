/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The buckets that the administrator of the machine has configured: one file NAME.conf in
 * /etc/thumbq each, with `[bucket] path`. Users who may only upload cannot write there, so these
 * files take precedence over a configuration in the bucket. The folder is an argument, for tests;
 * programs pass ETC_FOLDER.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

#define ETC_FOLDER "/etc/thumbq"

/*
 * Finds the file that configures the bucket `bucket`, a path without symbolic links; *ret_config is
 * NULL if there is none. Files that this user may not read are skipped. Owner: the caller frees.
 * Errors: ERROR_NOT_TRUSTED; ERROR_CONFIG if two files name the bucket; as error_set_errno.
 */
bool etc_find_config(const char *folder, const char *bucket, char **ret_config, GError **error);

/*
 * Finds the configured bucket that is `directory` or contains it, the longest path if there are
 * several; *ret_bucket is NULL if there is none. `directory` is a path without symbolic links.
 * Owner: the caller frees. Errors: as etc_find_config.
 */
bool etc_find_bucket(const char *folder, const char *directory, char **ret_bucket, GError **error);
