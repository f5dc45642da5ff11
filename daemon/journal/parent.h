/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The folder that a thumbnail lies in, by the thumbnail's path below the prefix folder:
 * "small/2026/a.png.webp". No function makes a folder. Private to the publisher.
 */
#pragma once

/* Splits a path into its folder, which is returned, and *ret_name, which points into `path`. Owner:
 * the caller frees. */
char *parent_split(const char *path, const char **ret_name);

/* Opens the folder of the thumbnail (O_PATH); *ret_name points into `path`. Returns -1 with errno
 * on error. Owner: the caller closes. */
int parent_open(int prefix_fd, const char *path, const char **ret_name);

/* Removes the folders of `path` upwards as long as they are empty. The rendition's own folder
 * stays. */
void parent_remove_empty(int prefix_fd, const char *path);
