/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Puts a complete thumbnail into its place: gives a name to a file that is unnamed, or that has a
 * hidden name (named.h). Other programs see the old file or the new one. Private to the publisher.
 */
#pragma once

#include "journal/named.h"

#include <stdbool.h>

/*
 * Gives the file `fd` the name in the folder `parent_fd`, and replaces the file that has it.
 * `folder_fd` is the folder where the file was made, on the same file system. Returns false with
 * errno on error.
 */
bool link_into_place(Named *named, int folder_fd, int fd, int parent_fd, const char *name);
