/* SPDX-License-Identifier: Apache-2.0 */
/* FolderNames of folders for lists: those of a large folder are kept, and have every change. */
#include "s3/folder_names.h"

#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* So many names make a folder large on every file system. */
#define LARGE     4000
#define NAME_SIZE 64

typedef struct {
    char *path;
    int fd;
    FolderNames *names;
} Folder;

static void make_file(const Folder *folder, const char *name)
{
    autofd fd = openat(folder->fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    g_assert_cmpint(fd, >=, 0);
}

static const char *name_of(unsigned i, char name[static NAME_SIZE])
{
    (void)g_snprintf(name, NAME_SIZE, "picture-%06u.jpeg", i);
    return name;
}

static void set_up(Folder *folder, unsigned n)
{
    char name[NAME_SIZE];

    folder->path = g_dir_make_tmp("thumbq-names-XXXXXX", NULL);
    folder->fd = open(folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    g_assert_cmpint(folder->fd, >=, 0);
    folder->names = folder_names_new();
    for (unsigned i = 0; i < n; i++)
        make_file(folder, name_of(i, name));
}

static void tear_down(Folder *folder)
{
    GDir *dir = g_dir_open(folder->path, 0, NULL);

    for (const char *name; (name = g_dir_read_name(dir));) {
        if (unlinkat(folder->fd, name, 0) != 0)
            g_assert_cmpint(unlinkat(folder->fd, name, AT_REMOVEDIR), ==, 0);
    }
    g_dir_close(dir);
    folder_names_free(folder->names);
    fd_clear(&folder->fd);
    g_assert_cmpint(g_rmdir(folder->path), ==, 0);
    g_free(folder->path);
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Reads the folder as it is. */
static GPtrArray *read_truth(const Folder *folder)
{
    GPtrArray *truth = g_ptr_array_new_with_free_func(g_free);
    GDir *dir = g_dir_open(folder->path, 0, NULL);
    struct stat st;

    for (const char *name; (name = g_dir_read_name(dir));) {
        g_assert_cmpint(fstatat(folder->fd, name, &st, AT_SYMLINK_NOFOLLOW), ==, 0);
        if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))
            g_ptr_array_add(truth, g_strconcat(name, S_ISDIR(st.st_mode) ? "/" : "", NULL));
    }
    g_dir_close(dir);
    g_ptr_array_sort(truth, compare_texts);
    return truth;
}

/* Compares all names, chunk by chunk, with the folder. */
static void check(const Folder *folder)
{
    g_autoptr(GPtrArray) truth = read_truth(folder);
    g_autofree char *from = g_strdup("");
    bool has_more = true;
    guint n = 0;

    while (has_more) {
        g_autoptr(GPtrArray) chunk = folder_names_read(folder->names, folder->fd, from, &has_more);
        g_assert_nonnull(chunk);
        g_assert_true(!has_more || chunk->len > 0);
        for (guint i = 0; i < chunk->len; i++, n++) {
            g_assert_cmpuint(n, <, truth->len);
            g_assert_cmpstr(chunk->pdata[i], ==, truth->pdata[n]);
        }
        if (has_more) {
            g_free(from);
            from = g_strconcat(chunk->pdata[chunk->len - 1], "\001", NULL);
        }
    }
    g_assert_cmpuint(n, ==, truth->len);
}

static void test_small(void)
{
    Folder folder;

    set_up(&folder, 10);
    check(&folder);
    g_assert_cmpuint(folder_names_kept(folder.names), ==, 0);
    tear_down(&folder);
}

/* A random change: a file, a folder or a link comes, goes, or is renamed. */
static void change(const Folder *folder, GRand *random)
{
    char name[NAME_SIZE], other[NAME_SIZE];

    name_of((unsigned)g_rand_int_range(random, 0, LARGE * 2), name);
    name_of((unsigned)g_rand_int_range(random, 0, LARGE * 2), other);
    /* Many of the changes fail, as the name is taken or there is none. */
    switch (g_rand_int_range(random, 0, 7)) {
    case 0:
        make_file(folder, "new");
        (void)renameat(folder->fd, "new", folder->fd, name);
        (void)unlinkat(folder->fd, "new", 0);
        break;
    case 1:
        (void)unlinkat(folder->fd, name, 0);
        break;
    case 2:
        (void)mkdirat(folder->fd, name, 0700);
        break;
    case 3:
        (void)unlinkat(folder->fd, name, AT_REMOVEDIR);
        break;
    case 4:
        (void)symlinkat("/", folder->fd, name);
        break;
    case 5:
        (void)unlinkat(folder->fd, name, 0);
        (void)symlinkat("/", folder->fd, name);
        break;
    default:
        (void)renameat(folder->fd, name, folder->fd, other);
        break;
    }
}

static void test_changes(void)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(1);
    Folder folder;

    set_up(&folder, LARGE);
    check(&folder);
    g_assert_cmpuint(folder_names_kept(folder.names), ==, 1);
    for (int round = 0; round < 40; round++) {
        for (int i = round * round / 4; i >= 0; i--)
            change(&folder, random);
        check(&folder);
    }
    g_assert_cmpuint(folder_names_kept(folder.names), ==, 1);
    tear_down(&folder);
}

/* More changes come between two lists than are kept, and more than the kernel keeps. */
static void test_too_many_changes(void)
{
    static const int pairs[] = {6000, 9000};
    Folder folder;

    set_up(&folder, LARGE);
    check(&folder);
    for (size_t n = 0; n < G_N_ELEMENTS(pairs); n++) {
        for (int i = 0; i < pairs[n]; i++) {
            make_file(&folder, "one");
            g_assert_cmpint(unlinkat(folder.fd, "one", 0), ==, 0);
        }
        make_file(&folder, n ? "last" : "first");
        check(&folder);
    }
    tear_down(&folder);
}

static void test_forget(void)
{
    Folder folder;

    set_up(&folder, LARGE);
    check(&folder);
    folder_names_forget(folder.names, 0);
    g_assert_cmpuint(folder_names_kept(folder.names), ==, 1);
    folder_names_forget(folder.names, INT64_MAX);
    g_assert_cmpuint(folder_names_kept(folder.names), ==, 0);
    make_file(&folder, "new");
    check(&folder);
    tear_down(&folder);
}

/* Another folder may get the inode of one that has gone. */
static void test_folder_goes(void)
{
    Folder folder;

    set_up(&folder, LARGE);
    check(&folder);
    g_autofree char *moved = g_strconcat(folder.path, "-moved", NULL);
    g_assert_cmpint(g_rename(folder.path, moved), ==, 0);
    g_assert_cmpint(g_rename(moved, folder.path), ==, 0);
    make_file(&folder, "new");
    check(&folder);
    g_autoptr(FolderNames) kept = g_steal_pointer(&folder.names);
    folder.names = folder_names_new();
    tear_down(&folder);
    bool has_more;
    g_autofree char *other = g_dir_make_tmp("thumbq-names-XXXXXX", NULL);
    autofd fd = open(other, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    g_autoptr(GPtrArray) none = folder_names_read(kept, fd, "", &has_more);
    g_assert_cmpuint(none->len, ==, 0);
    folder_names_forget(kept, 0);
    g_assert_cmpuint(folder_names_kept(kept), ==, 0);
    g_assert_cmpint(g_rmdir(other), ==, 0);
}

typedef struct {
    const Folder *folder;
    gint *is_stopped;
} Maker;

static void *make_often(void *data)
{
    const Maker *maker = data;
    char name[NAME_SIZE];

    for (unsigned i = 0; !g_atomic_int_get(maker->is_stopped); i++) {
        (void)unlinkat(maker->folder->fd, name_of(LARGE + i % 500, name), 0);
        make_file(maker->folder, name_of(LARGE + (i + 250) % 500, name));
    }
    return NULL;
}

static void *read_often(void *data)
{
    const Folder *folder = data;

    for (int i = 0; i < 30; i++) {
        g_autofree char *own = g_strdup_printf("own-%p-%03d", (void *)g_thread_self(), i);
        bool has_more;
        make_file(folder, own);
        g_autoptr(GPtrArray) found = folder_names_read(folder->names, folder->fd, own, &has_more);
        g_assert_cmpuint(found->len, >, 0);
        g_assert_cmpstr(found->pdata[0], ==, own);
        folder_names_forget(folder->names, i % 10 == 0 ? INT64_MAX : 0);
    }
    return NULL;
}

/* Each reader finds its own file at once, while others change the folder and names are forgotten.
 */
static void test_threads(void)
{
    gint is_stopped = 0;
    GThread *readers[3];
    Folder folder;

    set_up(&folder, LARGE);
    Maker maker = {&folder, &is_stopped};
    GThread *thread = g_thread_new("make", make_often, &maker);
    for (size_t i = 0; i < G_N_ELEMENTS(readers); i++)
        readers[i] = g_thread_new("read", read_often, &folder);
    for (size_t i = 0; i < G_N_ELEMENTS(readers); i++)
        g_thread_join(readers[i]);
    g_atomic_int_set(&is_stopped, 1);
    g_thread_join(thread);
    check(&folder);
    tear_down(&folder);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/gateway_names/small", test_small);
    g_test_add_func("/gateway_names/changes", test_changes);
    g_test_add_func("/gateway_names/too_many_changes", test_too_many_changes);
    g_test_add_func("/gateway_names/forget", test_forget);
    g_test_add_func("/gateway_names/folder_goes", test_folder_goes);
    g_test_add_func("/gateway_names/threads", test_threads);
    return g_test_run();
}
