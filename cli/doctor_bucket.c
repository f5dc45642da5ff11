#include "doctor.h"

#include "daemon.h"
#include "error.h"
#include "file.h"
#include "units.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#define GROUP "bucket"

#define FREE_LOW  (INT64_C(1) << 30) /* bytes */
#define FREE_NONE (INT64_C(64) << 20)

static const struct {
    unsigned long magic;
    const char *name;
    bool is_remote; /* others may write without inotify seeing it */
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
        doctor_add(doctor, GROUP, "file-system",
                   file_systems[i].is_remote ? DOCTOR_WARNING : DOCTOR_OK, "%s%s",
                   file_systems[i].name,
                   file_systems[i].is_remote
                       ? ": what other machines write is seen by a rescan only; set 'rescan'"
                       : "");
        return;
    }
    doctor_add(doctor, GROUP, "file-system", DOCTOR_OK, "type 0x%lx", (unsigned long)fs.f_type);
}

/* An unnamed file, as thumbnails begin, and the mark that they carry. */
static void check_files(Doctor *doctor, int folder_fd)
{
    autofd fd = openat(folder_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0) {
        doctor_add(doctor, GROUP, "unnamed-files", DOCTOR_FAILED,
                   "%s; thumbnails begin as unnamed files (O_TMPFILE): set 'prefix' to a folder "
                   "on ext4, xfs, btrfs or tmpfs that may be written to",
                   g_strerror(errno));
        return;
    }
    doctor_add(doctor, GROUP, "unnamed-files", DOCTOR_OK, "O_TMPFILE works");
    if (fsetxattr(fd, "user.thumbq.doctor", "1", 1, 0) == 0)
        doctor_add(doctor, GROUP, "xattr", DOCTOR_OK, "files can be marked");
    else
        doctor_add(doctor, GROUP, "xattr", DOCTOR_WARNING,
                   "%s: thumbnails cannot be marked as thumbq's own, so that a lost store takes "
                   "longer to rebuild",
                   g_strerror(errno));
}

static void check_space(Doctor *doctor, int fd)
{
    struct statvfs fs;
    if (fstatvfs(fd, &fs) != 0) {
        doctor_add(doctor, GROUP, "free-space", DOCTOR_FAILED, "%s", g_strerror(errno));
        return;
    }
    int64_t free_bytes = (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
    g_autofree char *text = units_format_bytes(free_bytes);
    bool no_names = fs.f_files > 0 && fs.f_favail < 1000;
    DoctorStatus status = free_bytes < FREE_NONE              ? DOCTOR_FAILED
                          : free_bytes < FREE_LOW || no_names ? DOCTOR_WARNING
                                                              : DOCTOR_OK;
    doctor_add(doctor, GROUP, "free-space", status, "%s%s", text,
               no_names ? ", but hardly any inodes" : "");
}

static void check_store(Doctor *doctor, Context *context)
{
    g_autoptr(GError) error = NULL;
    if (!context_open_store(context, &error)) {
        bool is_new = error_code(error) == ERROR_NOT_FOUND;
        doctor_add(doctor, GROUP, "store", is_new ? DOCTOR_OK : DOCTOR_FAILED, "%s",
                   is_new ? "none yet: 'thumbq run' makes one" : error->message);
        return;
    }
    g_autofree char *folder = daemon_store_path(context->bucket, context->config);
    g_autofree char *path = g_build_filename(folder, "data.mdb", NULL);
    struct stat st;
    g_autofree char *size =
        units_format_bytes(stat(path, &st) == 0 ? (int64_t)st.st_blocks * 512 : 0);
    doctor_add(doctor, GROUP, "store", DOCTOR_OK, "opens, %s on disk", size);
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
    check_files(doctor, fd);
    check_space(doctor, fd);
    check_store(doctor, context);
}
