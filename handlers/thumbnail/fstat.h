/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fstat(2) by its own system call, for this program and all its libraries. glibc before 2.39 asks
 * newfstatat(2) instead, which can also be asked for a path: its filter could not tell one from the
 * other, as a path is memory. The dynamic linker finds the functions of the program before those of
 * glibc. Only glibc's own buffered files (fopen, which a worker does not use) keep to the old way,
 * and do without an answer.
 */
#pragma once

#include <bits/wordsize.h>
#include <sys/syscall.h>

/* 64-bit kernels have one structure for both. A sanitizer has an fstat of its own, and no filter.
 */
#if defined SYS_fstat && __WORDSIZE == 64 && !defined THUMBQ_SANITIZE
#define FSTAT_IS_OURS
#endif
