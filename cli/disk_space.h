/* SPDX-License-Identifier: Apache-2.0 */
/* The space on the disks that a bucket's thumbnails and state lie on. */
#pragma once

#include "context.h"
#include "model/reserve.h"

#include <stdbool.h>

/* The folder of the thumbnails, and that of the state. */
#define DISK_SPACE_FOLDERS 2

/* Opens the folders, for a process that can open none later. -1 stands for a folder that cannot be
 * opened. Owner: the caller closes. */
void disk_space_open(const char *bucket, const Config *config, int ret_fds[DISK_SPACE_FOLDERS]);

/* Returns true if less than the reserve is free, so that no work begins. *ret_space is then the
 * space on that disk. */
bool disk_space_is_low(const Context *context, ReserveSpace *ret_space);
