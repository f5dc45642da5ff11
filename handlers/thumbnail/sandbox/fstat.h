/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fstat(2) by its own system call, for this program and all its libraries. glibc before 2.39 uses
 * newfstatat(2) instead, which also takes a path: a filter could not tell the two uses apart, as a
 * path is memory. The dynamic linker finds the functions of the program before those of glibc. Only
 * glibc's own buffered files (fopen, which a worker does not use) still use newfstatat, and get an
 * error.
 */
#pragma once

#include <bits/wordsize.h>
#include <sys/syscall.h>

/*
 * 64-bit kernels have one structure for both. A sanitizer has an fstat of its own, and no filter.
 */
#if defined SYS_fstat && __WORDSIZE == 64 && !defined THUMBQ_SANITIZE
#define FSTAT_IS_OURS
#endif
