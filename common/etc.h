/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The buckets that the machine's administrator has named: a file NAME.conf in /etc/thumbq for each,
 * with `[bucket] path`. Who may only upload cannot write there, so it goes before whatever lies in
 * the bucket. The folder is an argument, for tests; programs pass ETC_FOLDER.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

#define ETC_FOLDER "/etc/thumbq"

/*
 * *ret_config: the file that names exactly the bucket `bucket`, a path without links; NULL if none
 * does. Files that may not be read are passed over. Owner: the caller frees.
 * Errors: ERROR_NOT_TRUSTED; ERROR_CONFIG if two files name it; as error_set_errno.
 */
bool etc_find_config(const char *folder, const char *bucket, char **ret_config, GError **error);

/*
 * *ret_bucket: the longest path of a bucket that is `directory`, a path without links, or holds it;
 * NULL if there is none. Owner: the caller frees. Errors: as above.
 */
bool etc_find_bucket(const char *folder, const char *directory, char **ret_bucket, GError **error);
