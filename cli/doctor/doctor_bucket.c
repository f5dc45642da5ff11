/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of `doctor` for the folder of the bucket and its file system. */
#include "doctor/doctor.h"

#include "base/error.h"
#include "base/file.h"
#include "base/units.h"
#include "model/layout.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#define GROUP "bucket"

/* Bytes. */
#define FREE_LOW  (INT64_C(1) << 30)
#define FREE_NONE (INT64_C(64) << 20)

static const struct {
    unsigned long magic;
    const char *name;
    /* Other machines may write here without inotify events. */
    bool is_remote;
} file_systems[] = {
    {EXT4_SUPER_MAGIC, "ext4", false},
    {XFS_SUPER_MAGIC, "xfs", false},
    {BTRFS_SUPER_MAGIC, "btrfs", false},
    {F2FS_SUPER_MAGIC, "f2fs", false},
    {TMPFS_MAGIC, "tmpfs", false},
    {OVERLAYFS_SUPER_MAGIC, "overlayfs", false},
    {0x2fc12fc1, "zfs", false},
    {NFS_SUPER_MAGIC, "nfs", true},
    {0xff534d42, "cifs", true},
    {0xfe534d42, "smb2", true},
    {V9FS_MAGIC, "9p", true},
    {CEPH_SUPER_MAGIC, "ceph", true},
    {AFS_SUPER_MAGIC, "afs", true},
    {0x65735546, "fuse or virtiofs", true},
};

static void check_file_system(Doctor *doctor, int fd)
{
    struct statfs fs;
    if (fstatfs(fd, &fs) != 0) {
        doctor_add(doctor, GROUP, "file-system", DOCTOR_FAILED, "%s", g_strerror(errno));
        return;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(file_systems); i++) {
        if (file_systems[i].magic != (unsigned long)fs.f_type)
            continue;
        bool is_remote = file_systems[i].is_remote;
        doctor_add(doctor, GROUP, "file-system", is_remote ? DOCTOR_WARNING : DOCTOR_OK, "%s%s",
                   file_systems[i].name,
                   is_remote ? ": only a rescan finds files that other machines write" : "");
        if (is_remote)
            doctor_advise(doctor, "set a short 'rescan' in [bucket], such as 5m");
        return;
    }
    doctor_add(doctor, GROUP, "file-system", DOCTOR_OK, "type 0x%lx", (unsigned long)fs.f_type);
}

/* Opens the folder, or the nearest existing folder above it. */
static int open_nearest(const char *path)
{
    g_autofree char *at = g_strdup(path);
    for (;;) {
        int fd = open(at, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd >= 0 || errno != ENOENT || !strcmp(at, "/"))
            return fd;
        char *above = g_path_get_dirname(at);
        g_free(at);
        at = above;
    }
}

/* Creates a file as thumbnails begin without O_TMPFILE, and removes its name. */
static int make_hidden(int folder_fd)
{
    g_autofree char *name = g_strdup_printf(".thumbq-doctor-%d", (int)getpid());
    int fd = openat(folder_fd, name, O_CREAT | O_EXCL | O_NOFOLLOW | O_RDWR | O_CLOEXEC, 0600);

    /* The next start removes it otherwise. */
    if (fd >= 0)
        (void)unlinkat(folder_fd, name, 0);
    return fd;
}

/* Creates an unnamed file in the folder of the thumbnails, as thumbnails begin, and sets the mark
 * that thumbnails carry. */
static void check_files(Doctor *doctor, const Context *context)
{
    g_autofree char *path = g_canonicalize_filename(context->config->prefix, context->bucket);
    autofd folder_fd = open_nearest(path);
    autofd fd = folder_fd < 0 ? -1 : openat(folder_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    bool is_unnamed = fd >= 0;
    if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR))
        fd = make_hidden(folder_fd);
    if (fd < 0) {
        int errnum = errno;
        g_autoptr(GError) error = NULL;
        error_set_errno(&error, errnum, "cannot begin a thumbnail in", path);
        doctor_add(doctor, GROUP, "unnamed-files", DOCTOR_FAILED, "%s", error->message);
        if (errnum == EACCES || errnum == EROFS)
            doctor_advise(doctor,
                          "run thumbq and this command as a user who may write there, or set "
                          "'prefix' in [bucket] to a folder that this user may write to");
        else
            doctor_advise(doctor, "set 'prefix' in [bucket] to a folder on ext4, xfs, btrfs or "
                                  "tmpfs");
        return;
    }
    if (is_unnamed) {
        doctor_add(doctor, GROUP, "unnamed-files", DOCTOR_OK, "O_TMPFILE works");
    } else {
        doctor_add(doctor, GROUP, "unnamed-files", DOCTOR_WARNING,
                   "no O_TMPFILE on this file system: thumbnails have hidden names until they are "
                   "complete");
        doctor_advise(doctor, "set 'prefix' in [bucket] to a folder on ext4, xfs, btrfs or tmpfs "
                              "where a crash must leave no hidden file until the next start");
    }
    if (fsetxattr(fd, "user.thumbq.doctor", "1", 1, 0) == 0)
        doctor_add(doctor, GROUP, "xattr", DOCTOR_OK, "files can be marked");
    else
        doctor_add(doctor, GROUP, "xattr", DOCTOR_WARNING,
                   "%s: thumbnails cannot be marked as thumbq's own, so that a lost store takes "
                   "longer to rebuild",
                   g_strerror(errno));
}

/* Checks the free space. `reserve` is NULL for a file system to which thumbq does not write. */
static void check_space(Doctor *doctor, const char *name, int fd, const Reserve *reserve)
{
    struct statvfs fs;
    ReserveSpace space;
    if (fstatvfs(fd, &fs) != 0) {
        doctor_add(doctor, GROUP, name, DOCTOR_FAILED, "%s", g_strerror(errno));
        return;
    }
    int64_t free_bytes = (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
    int64_t all_bytes = (int64_t)fs.f_blocks * (int64_t)fs.f_frsize;
    g_autofree char *text = units_format_bytes(free_bytes);
    g_autofree char *all = units_format_bytes(all_bytes);
    bool no_names = fs.f_files > 0 && fs.f_favail < 1000;
    if (reserve && reserve_read(reserve, fd, &space) && space.is_low) {
        g_autofree char *wanted = reserve_format(reserve);
        doctor_add(doctor, GROUP, name, DOCTOR_FAILED,
                   "%s free of %s, less than 'reserve = %s': work waits", text, all, wanted);
        doctor_advise(doctor, "free some space there, or set a smaller 'reserve' in [bucket]; work "
                              "continues by itself");
        return;
    }
    DoctorStatus status = free_bytes < FREE_NONE              ? DOCTOR_FAILED
                          : free_bytes < FREE_LOW || no_names ? DOCTOR_WARNING
                                                              : DOCTOR_OK;
    doctor_add(doctor, GROUP, name, status, "%s free of %s%s", text, all,
               no_names ? ", but hardly any inodes" : "");
    if (status != DOCTOR_OK)
        doctor_advise(doctor, "free some space there; waiting work continues by itself");
}

/* Checks each file system once: thumbnails and state may lie on other ones than the bucket. */
static void check_spaces(Doctor *doctor, const Context *context, int bucket_fd)
{
    const Reserve *reserve = &context->config->reserve;
    const struct {
        const char *name, *path;
    } others[] = {{"free-thumbnails", context->config->prefix},
                  {"free-state", context->config->state}};
    struct stat bucket, other;
    bool is_shared = false;
    int fds[G_N_ELEMENTS(others)];
    for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
        g_autofree char *path = g_canonicalize_filename(others[i].path, context->bucket);
        fds[i] = open_nearest(path);
        if (fds[i] >= 0 && fstat(fds[i], &other) == 0 && fstat(bucket_fd, &bucket) == 0 &&
            other.st_dev == bucket.st_dev) {
            is_shared = true;
            fd_clear(&fds[i]);
        }
    }
    check_space(doctor, "free-space", bucket_fd, is_shared ? reserve : NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
        if (fds[i] >= 0)
            check_space(doctor, others[i].name, fds[i], reserve);
        fd_clear(&fds[i]);
    }
}

/* Folders to count, at most. */
#define FOLDERS_MAX (INT64_C(4) << 20)

typedef struct {
    const Context *context;
    /* Key of the state folder. */
    char *state;
    /* Owned keys of folders that have not been read yet. */
    GQueue folders;
    int64_t n;
} FolderCount;

static bool is_folder(int dir_fd, const struct dirent *entry)
{
    struct stat st;
    if (entry->d_type != DT_UNKNOWN)
        return entry->d_type == DT_DIR;
    return fstatat(dir_fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

/* Counts the folders in one folder. A folder that cannot be read counts, too. */
static void count_folder(FolderCount *count, const char *key)
{
    const Context *context = count->context;
    g_autofree char *path = g_build_filename(context->bucket, key, NULL);
    DIR *dir = opendir(path);
    const struct dirent *entry;
    count->n++;
    while (dir && (entry = readdir(dir))) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..") ||
            !is_folder(dirfd(dir), entry))
            continue;
        g_autofree char *below =
            *key ? g_strjoin("/", key, entry->d_name, NULL) : g_strdup(entry->d_name);
        if (!config_ignores_entry(context->config, entry->d_name, below) &&
            strcmp(below, context->prefix) != 0 && strcmp(below, count->state) != 0)
            g_queue_push_tail(&count->folders, g_steal_pointer(&below));
    }
    /* The folder was only read. */
    if (dir)
        (void)closedir(dir);
}

/* Counts the folders that the daemon watches. */
static int64_t count_folders(const Context *context)
{
    FolderCount count = {
        .context = context,
        .state = layout_below_bucket(context->bucket, context->config->state),
    };
    g_queue_push_tail(&count.folders, g_strdup(""));
    while (!g_queue_is_empty(&count.folders) && count.n < FOLDERS_MAX) {
        g_autofree char *key = g_queue_pop_head(&count.folders);
        count_folder(&count, key);
    }
    g_queue_clear_full(&count.folders, g_free);
    g_free(count.state);
    return count.n;
}

void doctor_check_bucket(Doctor *doctor, Context *context)
{
    autofd fd = open(context->bucket, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        doctor_add(doctor, GROUP, "folder", DOCTOR_FAILED, "%s: %s", context->bucket,
                   g_strerror(errno));
        return;
    }
    doctor_add(doctor, GROUP, "folder", DOCTOR_OK, "%s", context->bucket);
    check_file_system(doctor, fd);
    doctor_check_inotify(doctor, count_folders(context));
    check_files(doctor, context);
    check_spaces(doctor, context, fd);
}
