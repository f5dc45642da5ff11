/* SPDX-License-Identifier: Apache-2.0 */
#include "handlers/landlock.h"

#include "base/file.h"

#include <errno.h>
#include <linux/landlock.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * Rights of a ruleset. Landlock's own structure is not used, as the headers may be older than the
 * kernel.
 */
typedef struct {
    /* handled_access_fs */
    uint64_t files;
    /* handled_access_net */
    uint64_t network;
    /* scoped */
    uint64_t scopes;
} LandlockRights;

/* The rights of each version, as the number of lowest bits that are set. */
static const struct {
    int version;
    LandlockRights bits;
} added[] = {
    /* Opening, making and removing files. */
    {1, {.files = 13}},
    /* LANDLOCK_ACCESS_FS_REFER */
    {2, {.files = 14}},
    /* LANDLOCK_ACCESS_FS_TRUNCATE */
    {3, {.files = 15}},
    /* LANDLOCK_ACCESS_NET_BIND_TCP, _CONNECT_TCP */
    {LANDLOCK_NETWORK, {15, 2, 0}},
    /* LANDLOCK_ACCESS_FS_IOCTL_DEV */
    {5, {16, 2, 0}},
    /* LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET, _SIGNAL */
    {LANDLOCK_SCOPES, {16, 2, 2}},
};

static uint64_t lowest(uint64_t bits)
{
    return (UINT64_C(1) << bits) - 1;
}

static LandlockRights all_rights(int version)
{
    LandlockRights bits = {0};
    for (size_t i = 0; i < sizeof added / sizeof added[0] && added[i].version <= version; i++)
        bits = added[i].bits;
    return (LandlockRights){lowest(bits.files), lowest(bits.network), lowest(bits.scopes)};
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
    const LandlockRights rights = all_rights(landlock_version());
    if (rights.files == 0)
        return is_absence(errno);
    /* A kernel that knows a shorter structure takes this one, as the rest of it is 0. */
    autofd ruleset = (int)syscall(SYS_landlock_create_ruleset, &rights, sizeof rights, 0);
    return (ruleset >= 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) == 0) ||
           is_absence(errno);
}
