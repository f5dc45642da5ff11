/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opens files beneath a bucket: follows no symbolic link, reaches nothing above the bucket, and
 * never blocks. Errors are errno values; 0 is success.
 */
#pragma once

#include <stdbool.h>
#include <sys/stat.h>

/*
 * Opens `key` ("" for the bucket itself) with O_CLOEXEC, O_NOFOLLOW and `flags`. Owner: the caller
 * closes *ret_fd.
 */
int beneath_open(int bucket_fd, const char *key, int flags, int *ret_fd);

/* As lstat(2). */
int beneath_stat(int bucket_fd, const char *key, struct stat *ret_st);

/* True for the errors that mean "there is no such file or folder". */
bool beneath_is_gone(int errnum);

/* True for the errors that mean a shortage on this machine: EMFILE, ENFILE, ENOMEM. */
bool beneath_is_short(int errnum);

/*
 * True if other machines or programs may change the file system of `fd` without this kernel's
 * knowledge: NFS, SMB, FUSE, ...
 */
bool beneath_is_remote(int fd);

typedef enum {
    /* A regular file; no process has it open for writing. */
    BENEATH_WHOLE,
    /* A regular file; a process has it open for writing, or mapped. */
    BENEATH_BUSY,
    /* A regular file; the kernel does not report whether a process writes to it. */
    BENEATH_UNKNOWN,
    /* The file does not exist, or is not a regular file. */
    BENEATH_GONE,
    /* Unknown: this machine is short of descriptors or memory. */
    BENEATH_SHORT,
} BeneathState;

/*
 * Asks the kernel for the state of a file, by a read lease that is released at once. *ret_st is not
 * set with BENEATH_GONE and BENEATH_SHORT.
 */
BeneathState beneath_probe(int bucket_fd, const char *key, struct stat *ret_st);

/*
 * As beneath_probe, for a file that was just found to be regular. *st holds that result, and the
 * current one on return.
 */
BeneathState beneath_probe_file(int bucket_fd, const char *key, struct stat *st);
