/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may read a thumbnail: nobody who could not read the picture. A thumbnail takes mode and group
 * of its picture, a folder of thumbnails those of the folder that the pictures lie in; as root,
 * their owner too. Where the group cannot be given away, its rights are dropped, and others keep
 * what both had: never is anything widened. Private to the daemon.
 */
#pragma once

#include <stdbool.h>
#include <sys/stat.h>

#define ACCESS_OF_SOURCE (-1) /* [bucket] mode = source */

typedef struct {
    int setting; /* ACCESS_OF_SOURCE, or the mode of all thumbnails */
    mode_t mode;
    uid_t uid;
    gid_t gid;
} Access;

/*
 * What a thumbnail of the picture, or a folder of thumbnails of the folder, gets. `fd` may be of
 * O_PATH. With an access control list only the owner is left. False if it cannot be told.
 */
bool access_of(int fd, int setting, Access *ret_access);

/* Leaves the owner alone: others could not get to the pictures. */
void access_close(Access *access);

/* Gives the thumbnail or folder these rights; `fd` may be of O_PATH. 0, or an errno value. */
int access_apply(int fd, const Access *access);
