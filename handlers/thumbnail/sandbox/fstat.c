/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/fstat.h"

#include <stddef.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef FSTAT_IS_OURS
int fstat(int fd, struct stat *ret_status)
{
    return (int)syscall(SYS_fstat, fd, ret_status);
}

/* Code with 64-bit offsets calls this name: the structure is the same on these machines. */
int fstat64(int fd, struct stat64 *ret_status)
{
    _Static_assert(sizeof(struct stat) == sizeof(struct stat64), "stat64");
    return (int)syscall(SYS_fstat, fd, ret_status);
}
#endif
