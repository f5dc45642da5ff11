/* SPDX-License-Identifier: Apache-2.0 */
/* The sections of buckets in the service's gateway.conf, which `thumbq setup --gateway` adds and
 * removes. All other lines of the file stay as they are. */
#pragma once

#include <glib.h>
#include <stdbool.h>

#define SETUP_CONFIG "/etc/thumbq/gateway.conf"

/* A legal name of a bucket after the name of the folder: "/srv/Meine Bilder" is "meine-bilder".
 * Pure. Owner: the caller frees. */
char *setup_bucket_name(const char *folder);

/* Text of a configuration with a further section, after `text` (NULL: there is no file yet). Pure.
 * Owner: the caller frees. */
char *setup_config_with(const char *text, const char *name, const char *folder);

/* Text without the section of a bucket with exactly this path. *ret_found: there was one. Pure.
 * Owner: the caller frees. */
char *setup_config_without(const char *text, const char *folder, bool *ret_found);

/* True if the file can be read, and serves the folder. */
bool setup_config_serves(const char *path, const char *folder);

/*
 * Adds a section for the bucket to the file `path`, which is made if it is missing, unless the file
 * serves the folder already. Errors: ERROR_CONFIG if the file is wrong, has another bucket of
 * this name, or cannot have the path of the folder; ERROR_NOT_TRUSTED; ERROR_IO.
 */
bool setup_config_add(const char *path, const char *name, const char *folder, GError **error);

/*
 * Removes the section of the folder. If no bucket is left, the file is renamed to PATH.removed:
 * *ret_last. *ret_found: there was a section. Errors: as setup_config_add.
 */
bool setup_config_remove(const char *path, const char *folder, bool *ret_found, bool *ret_last,
                         GError **error);
