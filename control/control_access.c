/* SPDX-License-Identifier: Apache-2.0 */
#include "control/control_access.h"

#include "base/error.h"
#include "base/trusted.h"

#include <errno.h>
#include <grp.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

/* Linux allows a process at most NGROUPS_MAX groups. */
#define GROUPS_MAX 65536

struct ControlAccess {
    /* Elements of type gid_t. */
    GArray *groups;
    /* The users that are always allowed, for messages. */
    char *users;
};

/* Finds a group by name or number. Returns false if the machine does not know the group. */
static bool find_group(const char *name, gid_t *ret_group)
{
    const struct group *group = getgrnam(name);
    guint64 number;

    if (group) {
        *ret_group = group->gr_gid;
        return true;
    }
    /* The kernel reserves (gid_t)-1, so it is no valid group. */
    if (!g_ascii_string_to_unsigned(name, 10, 0, UINT32_MAX - 1, &number, NULL))
        return false;
    *ret_group = (gid_t)number;
    return true;
}

ControlAccess *control_access_new(const char *names, char **ret_unknown)
{
    ControlAccess *access = g_new0(ControlAccess, 1);
    g_auto(GStrv) words = g_strsplit_set(names, ",; \t", 0);
    g_autoptr(GString) unknown = g_string_new(NULL);

    /* The name is looked up here because a process in its sandbox can no longer read the user
     * database. */
    access->users = trusted_users_of(geteuid());
    access->groups = g_array_new(FALSE, FALSE, sizeof(gid_t));
    for (size_t i = 0; words[i]; i++) {
        gid_t group;
        if (!*words[i])
            continue;
        if (find_group(words[i], &group))
            g_array_append_val(access->groups, group);
        else
            g_string_append_printf(unknown, "%s%s", unknown->len > 0 ? ", " : "", words[i]);
    }
    *ret_unknown = unknown->len > 0 ? g_strdup(unknown->str) : NULL;
    return access;
}

void control_access_free(ControlAccess *access)
{
    if (!access)
        return;
    g_array_unref(access->groups);
    g_free(access->users);
    g_free(access);
}

bool control_access_has_groups(const ControlAccess *access)
{
    return access && access->groups->len > 0;
}

static bool has_group(const ControlAccess *access, gid_t group)
{
    for (guint i = 0; i < access->groups->len; i++) {
        if (g_array_index(access->groups, gid_t, i) == group)
            return true;
    }
    return false;
}

/* Returns true if an allowed group is among the supplementary groups that the peer had when it
 * connected. */
static bool peer_has_group(const ControlAccess *access, int socket_fd)
{
    socklen_t len = 0;

    /* A call without a buffer fails with ERANGE and returns the size that the groups need. */
    if (getsockopt(socket_fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &len) == 0 || errno != ERANGE ||
        len > GROUPS_MAX * sizeof(gid_t))
        return false;
    g_autofree gid_t *groups = g_malloc(len);
    if (getsockopt(socket_fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) != 0)
        return false;
    for (size_t i = 0; i < len / sizeof(gid_t); i++) {
        if (has_group(access, groups[i]))
            return true;
    }
    return false;
}

bool control_access_check(const ControlAccess *access, int socket_fd, GError **error)
{
    struct ucred peer;

    if (!trusted_peer_read(socket_fd, &peer, error))
        return false;
    if (trusted_is_owner(peer.uid))
        return true;
    if (control_access_has_groups(access) &&
        (has_group(access, peer.gid) || peer_has_group(access, socket_fd)))
        return true;
    g_autofree char *name = trusted_user_name(peer.uid);
    g_autofree char *users = access ? g_strdup(access->users) : trusted_users_of(geteuid());
    g_set_error(
        error, THUMBQ_ERROR, ERROR_ACCESS_DENIED,
        "the user %s may not send requests here: ask as %s, or have a group of yours named in the "
        "section [access] of the configuration",
        name, users);
    return false;
}
