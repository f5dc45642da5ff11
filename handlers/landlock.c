/* SPDX-License-Identifier: Apache-2.0 */
#include "landlock.h"

#include "file.h"

#include <errno.h>
#include <linux/landlock.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The headers may be older than the kernel. */
typedef struct {
    uint64_t files;   /* handled_access_fs */
    uint64_t network; /* handled_access_net */
    uint64_t scopes;  /* scoped */
} Rights;

/* What each version adds; a number of lowest bits. */
static const struct {
    int version;
    Rights bits;
} added[] = {
    {1, {.files = 13}},             /* all that opens, makes and removes files */
    {2, {.files = 14}},             /* LANDLOCK_ACCESS_FS_REFER */
    {3, {.files = 15}},             /* LANDLOCK_ACCESS_FS_TRUNCATE */
    {LANDLOCK_NETWORK, {15, 2, 0}}, /* LANDLOCK_ACCESS_NET_BIND_TCP, _CONNECT_TCP */
    {5, {16, 2, 0}},                /* LANDLOCK_ACCESS_FS_IOCTL_DEV */
    {LANDLOCK_SCOPES, {16, 2, 2}},  /* LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET, _SIGNAL */
};

static uint64_t lowest(uint64_t bits)
{
    return (UINT64_C(1) << bits) - 1;
}

static Rights all_rights(int version)
{
    Rights bits = {0};
    for (size_t i = 0; i < sizeof added / sizeof added[0] && added[i].version <= version; i++)
        bits = added[i].bits;
    return (Rights){lowest(bits.files), lowest(bits.network), lowest(bits.scopes)};
}

static bool is_absence(int errnum)
{
    return errnum == ENOSYS || errnum == EOPNOTSUPP || errnum == EPERM;
}

int landlock_version(void)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    return version > 0 ? (int)version : 0;
}

bool landlock_enter(void)
{
    const Rights rights = all_rights(landlock_version());
    if (rights.files == 0)
        return is_absence(errno);
    /* A kernel that knows a shorter structure takes this one, as what is longer is 0. */
    autofd ruleset = (int)syscall(SYS_landlock_create_ruleset, &rights, sizeof rights, 0);
    return (ruleset >= 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) == 0) ||
           is_absence(errno);
}
