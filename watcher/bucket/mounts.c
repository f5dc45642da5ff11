/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists the file systems that are mounted below the bucket, each with an identity that survives a
 * new mount. Tells whether a key is still on the mount that the list has for it. If the mount table
 * cannot be read now, the previous list stays valid.
 */
#include "bucket/bucket_private.h"

#include "base/file.h"
#include "model/layout.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#ifndef BTRFS_SUPER_MAGIC
#define BTRFS_SUPER_MAGIC 0x9123683E
#endif
#ifndef F2FS_SUPER_MAGIC
#define F2FS_SUPER_MAGIC 0xF2F52010
#endif

/*
 * The fields of a line of /proc/self/mountinfo that this module uses. Source:
 * proc_pid_mountinfo(5).
 */
typedef struct {
    uint64_t id;
    /* Absolute. */
    char *place;
    const char *type, *source;
} MountLine;

/* Splits `line` into its fields; false for an invalid line. */
static bool parse_line(char *line, MountLine *ret_line)
{
    char *dash = strstr(line, " - ");
    char *save = NULL, *place = NULL;

    if (!dash)
        return false;
    *dash = '\0';
    char *rest = dash + 3;
    ret_line->type = strtok_r(rest, " \n", &save);
    ret_line->source = strtok_r(NULL, " \n", &save);
    ret_line->id = g_ascii_strtoull(line, NULL, 10);
    place = strtok_r(line, " ", &save);
    for (int i = 0; i < 4 && place; i++)
        place = strtok_r(NULL, " ", &save);
    ret_line->place = place;
    return place && ret_line->type;
}

/*
 * True for file systems whose statfs reports an id that is stored on the disk and so survives a new
 * mount.
 */
static bool has_lasting_id(const struct statfs *fs)
{
    static const uint32_t types[] = {EXT4_SUPER_MAGIC, BTRFS_SUPER_MAGIC, F2FS_SUPER_MAGIC,
                                     TMPFS_MAGIC};
    bool is_zero = fs->f_fsid.__val[0] == 0 && fs->f_fsid.__val[1] == 0;

    for (size_t i = 0; !is_zero && i < G_N_ELEMENTS(types); i++) {
        if ((uint32_t)fs->f_type == types[i])
            return true;
    }
    return false;
}

/* UUID of a disk from udev, or NULL. Owner: the caller frees. */
static char *find_uuid(dev_t device)
{
    static const char folder[] = "/dev/disk/by-uuid";
    DIR *dir = opendir(folder);
    const struct dirent *entry;
    struct stat st;
    char *found = NULL;

    while (dir && !found && (entry = readdir(dir))) {
        if (fstatat(dirfd(dir), entry->d_name, &st, 0) == 0 && S_ISBLK(st.st_mode) &&
            st.st_rdev == device)
            found = g_strdup(entry->d_name);
    }
    if (dir)
        /* The folder was only read, so closing it cannot lose data. */
        (void)closedir(dir);
    return found;
}

/*
 * Hash that identifies a mounted file system: the same at each mount of it, another one for any
 * other file system at its place. The numbers of devices and mounts change at each mount, so they
 * are used only without a better value. If two mounts cannot be distinguished with certainty, they
 * count as different: the objects of the first one are then away, which loses nothing.
 */
static uint64_t identify(int fd, const struct statx *stx, const MountLine *line)
{
    g_autoptr(GString) text = g_string_new(line->type);
    struct statfs fs = {0};
    dev_t device = makedev(stx->stx_dev_major, stx->stx_dev_minor);
    g_autofree char *uuid = NULL;

    g_string_append_printf(text, " %" G_GUINT64_FORMAT, (guint64)stx->stx_ino);
    if (stx->stx_mask & STATX_BTIME)
        g_string_append_printf(text, " %" G_GINT64_FORMAT ".%u", (gint64)stx->stx_btime.tv_sec,
                               stx->stx_btime.tv_nsec);
    if (fstatfs(fd, &fs) == 0 && has_lasting_id(&fs))
        g_string_append_printf(text, " id %x%08x", (unsigned)fs.f_fsid.__val[0],
                               (unsigned)fs.f_fsid.__val[1]);
    else if ((uuid = find_uuid(device)))
        g_string_append_printf(text, " uuid %s", uuid);
    else
        g_string_append_printf(text, " of %s, %" G_GINT64_FORMAT, line->source ? line->source : "",
                               (gint64)fs.f_blocks);
    return layout_key_hash(text->str);
}

static void mount_clear(void *data)
{
    g_free(((BucketMount *)data)->key);
}

static GArray *list_new(void)
{
    GArray *list = g_array_new(FALSE, FALSE, sizeof(BucketMount));

    g_array_set_clear_func(list, mount_clear);
    return list;
}

static BucketMount *find_key(const GArray *list, const char *key)
{
    for (guint i = 0; i < list->len; i++) {
        BucketMount *mount = &g_array_index(list, BucketMount, i);
        if (strcmp(mount->key, key) == 0)
            return mount;
    }
    return NULL;
}

/*
 * Adds the mount if it is the visible one at its place: another mount may cover it. Returns false
 * if the kernel cannot tell now.
 */
static bool add_line(GArray *list, int bucket_fd, const char *key, const MountLine *line)
{
    struct statx stx;
    autofd fd = -1;
    int errnum = object_key_is_valid(key) ? beneath_open(bucket_fd, key, O_PATH, &fd) : ENOENT;

    if (errnum != 0)
        return errnum != EMFILE && errnum != ENFILE && errnum != ENOMEM;
    if (statx(fd, "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT,
              STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID, &stx) != 0)
        return true;
    if (stx.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT &&
        !(stx.stx_attributes & STATX_ATTR_MOUNT_ROOT))
        return true;
    bool has_id = stx.stx_mask & STATX_MNT_ID;
    if (has_id && stx.stx_mnt_id != line->id)
        return true;
    BucketMount mount = {.identity = identify(fd, &stx, line), .mnt_id = line->id};
    BucketMount *known = find_key(list, key);
    /* Without mount numbers the last mount of a place is the visible one. */
    if (known) {
        known->identity = mount.identity;
        return true;
    }
    mount.key = g_strdup(key);
    g_array_append_val(list, mount);
    return true;
}

/*
 * Lists the visible mounts. *ret_hash: hash of mount numbers and places of all lines below the
 * bucket, visible or not. Returns NULL if the lines cannot be read now, for example without a free
 * descriptor: the mounts are then unknown, not absent.
 */
static GArray *read_list(int bucket_fd, uint64_t *ret_hash)
{
    char self[32];
    (void)snprintf(self, sizeof self, "/proc/self/fd/%d", bucket_fd);
    g_autofree char *root = g_file_read_link(self, NULL);
    FILE *file = root ? fopen("/proc/self/mountinfo", "re") : NULL;
    g_autoptr(GArray) list = list_new();
    bool ok = file || (errno != EMFILE && errno != ENFILE && errno != ENOMEM);
    uint64_t hash = 0;
    char *text = NULL;
    size_t size = 0;

    while (file && getline(&text, &size, file) > 0) {
        MountLine line;
        if (!parse_line(text, &line))
            continue;
        g_autofree char *path = g_strcompress(line.place);
        if (!object_key_is_below(path, root) || strcmp(path, root) == 0)
            continue;
        hash = (hash * 1000003 + line.id) * 1000003 + g_str_hash(path);
        ok = add_line(list, bucket_fd, path + strlen(root) + 1, &line) && ok;
    }
    free(text);
    if (file)
        /* The file was only read, so closing it cannot lose data. */
        (void)fclose(file);
    *ret_hash = hash;
    return ok ? g_steal_pointer(&list) : NULL;
}

GArray *bucket_read_mounts(int bucket_fd)
{
    uint64_t hash;
    GArray *list = read_list(bucket_fd, &hash);

    return list ? list : list_new();
}

const GArray *bucket_mounts(const Bucket *bucket)
{
    return bucket->mounts_list;
}

bool mounts_refresh(Bucket *bucket)
{
    uint64_t hash;
    GArray *list = read_list(bucket->fd, &hash);
    bool has_changed = hash != bucket->mounts_hash;

    /* The previous list stays valid until a new one can be read. */
    if (!list && bucket->mounts_list) {
        bucket_rescan_soon(bucket);
        return false;
    }
    g_clear_pointer(&bucket->mounts_list, g_array_unref);
    bucket->mounts_list = list ? list : list_new();
    bucket->mounts_hash = hash;
    return has_changed;
}

/*
 * Finds the number of the mount that holds the key, from the innermost part of its path that
 * exists.
 */
static bool find_mount_now(int bucket_fd, const char *key, uint64_t *ret_id)
{
    g_autofree char *path = g_strdup(key);
    struct statx stx;

    for (;;) {
        autofd fd = -1;
        int errnum = beneath_open(bucket_fd, path, O_PATH, &fd);
        if (errnum == 0) {
            bool ok = statx(fd, "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT, STATX_MNT_ID, &stx) == 0 &&
                      stx.stx_mask & STATX_MNT_ID;
            *ret_id = ok ? stx.stx_mnt_id : 0;
            return ok;
        }
        char *slash = strrchr(path, '/');
        if (*path == '\0' || !beneath_is_gone(errnum))
            return false;
        if (slash)
            *slash = '\0';
        else
            *path = '\0';
    }
}

bool bucket_knows_place(const Bucket *bucket, const char *key)
{
    uint64_t known = bucket->identity.stx_mnt_id, now;
    size_t longest = 0;

    /* An old kernel has no mount numbers; the mount table alone must do. */
    if (!(bucket->identity.stx_mask & STATX_MNT_ID))
        return true;
    for (guint i = 0; i < bucket->mounts_list->len; i++) {
        const BucketMount *mount = &g_array_index(bucket->mounts_list, BucketMount, i);
        if (strlen(mount->key) > longest && object_key_is_below(key, mount->key)) {
            longest = strlen(mount->key);
            known = mount->mnt_id;
        }
    }
    return find_mount_now(bucket->fd, key, &now) && now == known;
}
