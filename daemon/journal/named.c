/* SPDX-License-Identifier: Apache-2.0 */
#include "journal/named.h"

#include "base/failpoint.h"
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

struct Named {
    /* Open descriptor -> name. */
    GHashTable *names;
    unsigned counter;
};

/* Names in a row that may be taken before creation fails. */
#define TRIES 100

Named *named_new(void)
{
    Named *named = g_new0(Named, 1);

    named->names = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, g_free);
    return named;
}

char *named_new_name(Named *named)
{
    return g_strdup_printf(NAMED_PREFIX "%d-%u", (int)getpid(), named->counter++);
}

int named_create(Named *named, int folder_fd)
{
    for (int i = 0; i < TRIES; i++) {
        g_autofree char *name = named_new_name(named);
        int fd = FAILPOINT(
            "publish.create-named",
            openat(folder_fd, name, O_CREAT | O_EXCL | O_NOFOLLOW | O_RDWR | O_CLOEXEC, 0600));
        if (fd >= 0)
            g_hash_table_insert(named->names, GINT_TO_POINTER(fd), g_steal_pointer(&name));
        if (fd >= 0 || errno != EEXIST)
            return fd;
    }
    return -1;
}

const char *named_of(const Named *named, int fd)
{
    return g_hash_table_lookup(named->names, GINT_TO_POINTER(fd));
}

void named_forget(Named *named, int fd)
{
    g_hash_table_remove(named->names, GINT_TO_POINTER(fd));
}

/* Removes the hidden name. A file that cannot be removed now is removed at the next start. */
void named_discard(Named *named, int folder_fd, int fd)
{
    const char *name = named_of(named, fd);

    if (!name)
        return;
    (void)unlinkat(folder_fd, name, 0);
    named_forget(named, fd);
}

void named_discard_all(Named *named, int folder_fd)
{
    GHashTableIter iter;
    gpointer name;

    g_hash_table_iter_init(&iter, named->names);
    while (g_hash_table_iter_next(&iter, NULL, &name))
        (void)unlinkat(folder_fd, name, 0);
    g_hash_table_remove_all(named->names);
}

void named_clean(int folder_fd)
{
    int fd = openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

    if (!dir) {
        fd_clear(&fd);
        return;
    }
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (!g_str_has_prefix(entry->d_name, NAMED_PREFIX))
            continue;
        /* On failure the next start tries again. */
        if (FAILPOINT("publish.clean", unlinkat(folder_fd, entry->d_name, 0)) != 0 &&
            errno == EISDIR)
            (void)unlinkat(folder_fd, entry->d_name, AT_REMOVEDIR);
    }
    closedir(dir);
}

void named_free(Named *named)
{
    g_hash_table_unref(named->names);
    g_free(named);
}
