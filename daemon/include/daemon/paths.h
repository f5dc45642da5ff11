/* SPDX-License-Identifier: Apache-2.0 */
/* The paths of a bucket's state: `state` of the configuration is resolved against the bucket. */
#pragma once

#include "config/config.h"

/* Return the state folder, and the folder of the store in it. Owner: the caller frees. */
char *daemon_state_path(const char *bucket, const Config *config);
char *daemon_store_path(const char *bucket, const Config *config);
