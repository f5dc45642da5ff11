/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening what lies beneath a bucket: no symbolic link is followed on the way, nothing above it is
 * reached, nothing blocks. Errors are errno values; 0 is success.
 */
#pragma once

#include <stdbool.h>
#include <sys/stat.h>

/* Opens `key` ("" for the bucket itself) with O_CLOEXEC, O_NOFOLLOW and `flags`. Owner: close
 * *ret_fd. */
int beneath_open(int bucket_fd, const char *key, int flags, int *ret_fd);

/* lstat. */
int beneath_stat(int bucket_fd, const char *key, struct stat *ret_st);

/* True for the errors that mean "there is no such file or folder". */
bool beneath_is_gone(int errnum);

/* True for the errors that say nothing of the file: EMFILE, ENFILE, ENOMEM. */
bool beneath_is_short(int errnum);

/* True if others may change the file system of `fd` without this kernel knowing: NFS, SMB, FUSE,
 * ... */
bool beneath_is_remote(int fd);

typedef enum {
    BENEATH_WHOLE,   /* a regular file that nobody has open for writing */
    BENEATH_BUSY,    /* a regular file that somebody has open for writing, or mapped */
    BENEATH_UNKNOWN, /* a regular file; the kernel does not tell whether somebody writes to it */
    BENEATH_GONE,    /* not there, or not a regular file */
    BENEATH_SHORT,   /* not known: this machine is short of descriptors or memory */
} BeneathState;

/* Asks the kernel, by a read lease that is given back at once. *ret_st is not set with BENEATH_GONE
 * and BENEATH_SHORT. */
BeneathState beneath_probe(int bucket_fd, const char *key, struct stat *ret_st);

/* The same of what has just been found to be a regular file: *st is what was found, and what it is
 * now on return. */
BeneathState beneath_probe_file(int bucket_fd, const char *key, struct stat *st);
