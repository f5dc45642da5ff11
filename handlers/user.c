/* SPDX-License-Identifier: Apache-2.0 */
#include "user.h"

#include "file.h"

#include <stdio.h>
#include <string.h>

#define MAP_MAX 65536 /* bytes: 340 lines at the most */

bool user_map_has_range(const char *uid_map)
{
    unsigned inside, outside, n;

    for (const char *line = uid_map; line && sscanf(line, "%u %u %u", &inside, &outside, &n) == 3;
         line = strchr(line, '\n'), line = line ? line + 1 : NULL) {
        if (inside <= USER_FIRST && (uint64_t)inside + n >= (uint64_t)USER_FIRST + USERS_N)
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
