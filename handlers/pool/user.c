/* SPDX-License-Identifier: Apache-2.0 */
#include "handlers/user.h"

#include "base/file.h"
#include "base/scan.h"

#include <string.h>

/* Bytes, at most 340 lines. */
#define MAP_MAX 65536

/* Reads a line of a map: first user inside, first user outside, count. Moves *at behind it. */
static bool scan_line(const char **at, uint64_t *ret_inside, uint64_t *ret_n)
{
    uint64_t outside;

    scan_blanks(at);
    if (!scan_number(at, UINT32_MAX, ret_inside))
        return false;
    scan_blanks(at);
    if (!scan_number(at, UINT32_MAX, &outside))
        return false;
    scan_blanks(at);
    if (!scan_number(at, UINT32_MAX, ret_n))
        return false;
    *at += strspn(*at, "\n");
    return true;
}

bool user_map_has_range(const char *uid_map)
{
    uint64_t inside, n;

    while (scan_line(&uid_map, &inside, &n)) {
        if (inside <= USER_FIRST && inside + n >= (uint64_t)USER_FIRST + USERS_N)
            return true;
    }
    return false;
}

bool user_is_needed(void)
{
    if (geteuid() != 0)
        return false;
    g_autofree char *users = file_read("/proc/self/uid_map", MAP_MAX, NULL, NULL);
    g_autofree char *groups = file_read("/proc/self/gid_map", MAP_MAX, NULL, NULL);
    /* Without user namespaces there is no such file, and every user exists. */
    return (!users || user_map_has_range(users)) && (!groups || user_map_has_range(groups));
}

uint32_t user_choose(uint32_t seed, bool (*taken)(uint32_t uid, void *data), void *data)
{
    for (uint32_t i = 0; i < USERS_N; i++) {
        uint32_t uid = USER_FIRST + (seed % USERS_N + i) % USERS_N;
        if (!taken(uid, data))
            return uid;
    }
    return USER_FIRST + seed % USERS_N;
}
