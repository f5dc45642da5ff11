/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The steps of a set-up that move and create files: state, configuration, folders of thumbnails.
 */
#include "setup/setup.h"

#include "base/error.h"
#include "base/file.h"
#include "base/trusted.h"
#include "config/config.h"
#include "model/layout.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define STATE_NAME       ".thumbq"
#define CONFIG_NAME      "thumbq.conf"
#define CONFIG_BYTES_MAX ((size_t)1 << 20)
/* Depth of nested folders of thumbnails, at most. */
#define DEPTH_MAX 256

/* Opens a folder; its last part may not be a link. Returns -1 and sets errno on error. */
static int open_folder(int dir_fd, const char *name)
{
    return openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Checks that root or the service owns the file, and that other users cannot write to it. */
static bool check_owner(const SetupPlan *setup, int fd, const char *path, GError **error)
{
    struct stat st;

    if (fstat(fd, &st) != 0) {
        error_set_errno(error, errno, "cannot examine", path);
        return false;
    }
    if ((st.st_uid == 0 || st.st_uid == setup->uid) && !(st.st_mode & 022))
        return true;
    g_autofree char *owner = trusted_user_name(st.st_uid);
    g_set_error(error, THUMBQ_ERROR, ERROR_NOT_TRUSTED,
                "'%s' belongs to the user %s (mode %04o), and is not taken over into a service; "
                "'chown -R root: %s && chmod go-w %s' it if that user is trusted, or move it away",
                path, owner, (unsigned)(st.st_mode & 07777), path, path);
    return false;
}

/* Checks that no daemon uses the state. Daemons lock the folder and a file in it. */
static bool check_unused(int folder_fd, const char *path, GError **error)
{
    autofd file_fd = openat(folder_fd, "lock", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    if (flock(folder_fd, LOCK_EX | LOCK_NB) == 0 &&
        (file_fd < 0 || flock(file_fd, LOCK_EX | LOCK_NB) == 0))
        return true;
    g_set_error(error, THUMBQ_ERROR, ERROR_LOCKED,
                "a daemon works with '%s': end it, then run this again", path);
    return false;
}

/* Reads the bucket's own configuration. *ret_text is NULL if there is none. */
static bool read_config(const SetupPlan *setup, int folder_fd, char **ret_text, GError **error)
{
    g_autofree char *path = g_build_filename(setup->bucket, STATE_NAME, CONFIG_NAME, NULL);
    autofd fd = openat(folder_fd, CONFIG_NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    *ret_text = NULL;
    if (fd < 0 && errno == ENOENT)
        return true;
    if (fd < 0) {
        error_set_errno(error, errno, "cannot read", path);
        return false;
    }
    if (!check_owner(setup, fd, path, error))
        return false;
    g_autofree char *opened = g_strdup_printf("/proc/self/fd/%d", fd);
    *ret_text = file_read(opened, CONFIG_BYTES_MAX, NULL, error);
    return *ret_text;
}

/* Copies the files of `from_fd` to the new state folder, all or none. remove_old deletes the
 * originals once the configuration names the new folder. */
static bool copy_state(const SetupPlan *setup, int from_fd, GError **error)
{
    g_autofree char *from = g_strdup_printf("/proc/%d/fd/%d/.", (int)getpid(), from_fd);
    g_autofree char *half = g_strconcat(setup->state, ".half", NULL);
    g_autofree char *socket = g_build_filename(half, "control", NULL);
    g_autofree char *config = g_build_filename(half, CONFIG_NAME, NULL);
    g_autofree char *owner = g_strdup_printf("%u:%u", (unsigned)setup->uid, (unsigned)setup->gid);
    const char *const clear[] = {"rm", "-rf", "--", half, NULL};
    const char *const copy[] = {"cp", "-a", "--sparse=always", "--", from, half, NULL};
    const char *const give[] = {"chown", "-hR", "--", owner, half, NULL};

    if (!setup_run(clear, error) || !setup_run(copy, error))
        return false;
    /* A socket may be missing. The daemon creates its own. */
    (void)unlink(socket);
    /* The text of this configuration becomes the file in /etc/thumbq. */
    (void)unlink(config);
    if (!setup_run(give, error))
        return false;
    if (chmod(half, 0700) == 0 && rename(half, setup->state) == 0)
        return true;
    error_set_errno(error, errno, "cannot make", setup->state);
    return false;
}

static bool remove_old(const SetupPlan *setup, GError **error)
{
    g_autofree char *path = g_build_filename(setup->bucket, STATE_NAME, NULL);
    const char *const clear[] = {"rm", "-rf", "--one-file-system", "--", path, NULL};

    return setup_run(clear, error);
}

/* Creates the service's state folder, empty if there is no state to move. */
static bool make_state_folder(const SetupPlan *setup, GError **error)
{
    g_autofree char *parent = g_path_get_dirname(setup->state);

    if (g_mkdir_with_parents(parent, 0755) == 0 &&
        (mkdir(setup->state, 0700) == 0 || errno == EEXIST)) {
        autofd fd = open_folder(AT_FDCWD, setup->state);
        if (fd >= 0 && fchown(fd, setup->uid, setup->gid) == 0 && fchmod(fd, 0700) == 0)
            return true;
    }
    error_set_errno(error, errno, "cannot make", setup->state);
    return false;
}

static bool write_config(const SetupPlan *setup, const char *text, const char *state,
                         GError **error)
{
    g_autofree char *folder = g_path_get_dirname(setup->config);
    g_autofree char *config = setup_config_text(text, setup->bucket, state);
    g_autoptr(GError) reason = NULL;

    if (g_mkdir_with_parents(folder, 0755) != 0) {
        error_set_errno(error, errno, "cannot make", folder);
        return false;
    }
    if (g_file_set_contents_full(setup->config, config, -1,
                                 G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE, 0644,
                                 &reason))
        return true;
    g_set_error(error, THUMBQ_ERROR, ERROR_IO, "cannot write '%s': %s", setup->config,
                reason->message);
    return false;
}

/* Moves the state out of the folder in the bucket, which is open and may be moved. */
static bool move_state(const SetupPlan *setup, int old_fd, GError **error)
{
    g_autofree char *text = NULL;

    if (!read_config(setup, old_fd, &text, error))
        return false;
    g_autoptr(Config) config = config_parse(text ? text : "", STATE_NAME "/" CONFIG_NAME, error);
    if (!config)
        return false;
    /* A state that the administrator has put elsewhere stays there. */
    bool is_elsewhere = strcmp(config->state, STATE_NAME) != 0;
    bool is_there = g_file_test(setup->state, G_FILE_TEST_EXISTS);
    if (is_elsewhere)
        return make_state_folder(setup, error) && write_config(setup, text, config->state, error);
    return (is_there || copy_state(setup, old_fd, error)) && make_state_folder(setup, error) &&
           write_config(setup, text, setup->state, error) && remove_old(setup, error);
}

bool setup_state(const SetupPlan *setup, GError **error)
{
    g_autofree char *old = g_build_filename(setup->bucket, STATE_NAME, NULL);
    g_autofree char *parent = g_path_get_dirname(setup->state);

    /* The bucket was set up before: the existing configuration holds. */
    if (g_file_test(setup->config, G_FILE_TEST_EXISTS))
        return make_state_folder(setup, error);
    if (g_mkdir_with_parents(parent, 0755) != 0) {
        error_set_errno(error, errno, "cannot make", parent);
        return false;
    }
    autofd fd = open_folder(AT_FDCWD, old);
    if (fd < 0 && errno == ENOENT)
        return make_state_folder(setup, error) && write_config(setup, NULL, setup->state, error);
    if (fd < 0) {
        error_set_errno(error, errno, "cannot take over", old);
        return false;
    }
    return check_owner(setup, fd, old, error) && check_unused(fd, old, error) &&
           move_state(setup, fd, error);
}

/* Gives the folder and the folders below it to the service if root owns them: a daemon of root
 * created them. Folders of other users and other file systems stay as they are. */
static bool chown_folders(const SetupPlan *setup, int fd, dev_t device, unsigned depth)
{
    struct stat st;

    if (fstat(fd, &st) != 0 || st.st_dev != device || depth > DEPTH_MAX)
        return true;
    if (st.st_uid == 0 && fchown(fd, setup->uid, setup->gid) != 0)
        return false;
    int own_fd = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = own_fd < 0 ? NULL : fdopendir(own_fd);
    if (!folder) {
        fd_clear(&own_fd);
        return errno == ENOENT;
    }
    bool given = true;
    struct dirent *entry;
    while (given && (entry = readdir(folder))) {
        if (entry->d_type != DT_DIR || !strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        autofd below = open_folder(own_fd, entry->d_name);
        given = below < 0 || chown_folders(setup, below, device, depth + 1);
    }
    /* Nothing was written through this descriptor. */
    (void)closedir(folder);
    return given;
}

/* Creates and opens the folder of the thumbnails, part by part, without following links. Returns -1
 * and sets errno on error. */
static int open_prefix(const SetupPlan *setup, const char *prefix)
{
    g_auto(GStrv) parts = g_strsplit(prefix, "/", -1);
    int fd = open_folder(AT_FDCWD, prefix[0] == '/' ? "/" : setup->bucket);

    for (char **part = parts; fd >= 0 && *part; part++) {
        if (!**part)
            continue;
        bool made = mkdirat(fd, *part, 0755) == 0;
        int next = open_folder(fd, *part);
        if (next >= 0 && made && fchown(next, setup->uid, setup->gid) != 0)
            fd_clear(&next);
        fd_clear(&fd);
        fd = next;
    }
    return fd;
}

bool setup_thumbnails(const SetupPlan *setup, GError **error)
{
    g_autoptr(Config) config = config_load(setup->config, error);
    struct stat st;

    if (!config)
        return false;
    g_autofree char *prefix = layout_below_bucket(setup->bucket, config->prefix);
    autofd fd = open_prefix(setup, prefix);
    if (fd >= 0 && fstat(fd, &st) == 0 && chown_folders(setup, fd, st.st_dev, 0))
        return true;
    error_set_errno(error, errno, "cannot make the folder of the thumbnails", prefix);
    return false;
}
