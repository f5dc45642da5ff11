/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The access rights of thumbnails: a user who cannot read a picture cannot read its thumbnails. A
 * thumbnail takes the mode and the group of its picture; a folder of thumbnails takes those of the
 * folder of the pictures. As root, they take the owner, too. If the daemon cannot give a file to
 * the group, the group's rights are dropped, and others keep the rights that both group and others
 * had: the access is never widened. Private to the daemon.
 */
#pragma once

#include <stdbool.h>
#include <sys/stat.h>

/* The value for [bucket] mode = source. */
#define ACCESS_OF_SOURCE (-1)

typedef struct {
    /* ACCESS_OF_SOURCE, or the mode of all thumbnails. */
    int setting;
    mode_t mode;
    uid_t uid;
    gid_t gid;
} Access;

/*
 * Computes the rights of a thumbnail from its picture, or of a folder of thumbnails from its folder
 * of pictures. `fd` may be of O_PATH. For a source with an access control list only the owner gets
 * rights. Returns false if the source cannot be examined.
 */
bool access_of(int fd, int setting, Access *ret_access);

/* Takes the rights of group and others away, for a source that others cannot reach. */
void access_close(Access *access);

/* Gives the thumbnail or the folder these rights. `fd` may be of O_PATH. Returns 0, or an errno
 * value. */
int access_apply(int fd, const Access *access);

/*
 * Takes away the rights that the folder has beyond these, and gives none. `fd` may be of O_PATH. As
 * root, a folder of ours whose owner is to change belongs to root until access_apply. *ret_lacks:
 * the folder has fewer rights than it should have. Returns 0, or an errno value.
 */
int access_narrow(int fd, const Access *access, bool is_ours, bool *ret_lacks);
