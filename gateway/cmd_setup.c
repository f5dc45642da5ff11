/* SPDX-License-Identifier: Apache-2.0 */
/* `thumbq setup --gateway DIR`: the steps that make DIR a bucket of the service, one function each.
 * A step can be repeated, and changes only what differs. */
#include "base/error.h"
#include "base/file.h"
#include "base/trusted.h"
#include "gateway_command.h"
#include "setup_config.h"
#include "state_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define GROUP    "thumbq"
#define USER     "thumbq-gateway"
#define UNIT     "thumbq-gateway.service"
#define DROP_INS "/etc/systemd/system/" UNIT ".d"
/* The unit can write below this folder. */
#define UNIT_ROOT "/srv"
#define NO_LOGIN  "--no-create-home", "--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin"

typedef struct {
    /* Absolute and without links. */
    char *folder;
    /* Name of the bucket. */
    char *name;
    uid_t uid;
    gid_t gid;
} Setup;

static void setup_clear(Setup *setup)
{
    g_free(setup->folder);
    g_free(setup->name);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Setup, setup_clear)

static bool run_program(const char *const *argv, GError **error)
{
    g_autoptr(GError) reason = NULL;
    int status = 0;

    if (g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL,
                     &status, &reason) &&
        g_spawn_check_wait_status(status, &reason))
        return true;
    g_autofree char *command = g_strjoinv(" ", (char **)argv);
    g_set_error(error, THUMBQ_ERROR, ERROR_IO, "cannot run '%s': %s", command, reason->message);
    return false;
}

/* Detects systemd as sd_booted(3) does. */
static bool has_systemd(void)
{
    return access("/run/systemd/system", F_OK) == 0;
}

/* True if the unit sees the folder only if it is bound into its view of the homes. */
static bool is_hidden(const char *folder)
{
    return g_str_has_prefix(folder, "/home/") || g_str_has_prefix(folder, "/root/");
}

static bool plan(const char *path, Setup *ret_setup, GError **error)
{
    char *real = realpath(path, NULL);
    struct stat st;

    ret_setup->folder = g_strdup(real);
    free(real);
    if (!ret_setup->folder) {
        error_set_errno(error, errno, "cannot set up", path);
        return false;
    }
    if (stat(ret_setup->folder, &st) == 0 && S_ISDIR(st.st_mode) &&
        strcmp(ret_setup->folder, "/") != 0 && !strpbrk(ret_setup->folder, "\n\"\\") &&
        /* BindPaths= separates two paths with a ':'. */
        !(is_hidden(ret_setup->folder) && strchr(ret_setup->folder, ':'))) {
        ret_setup->name = setup_bucket_name(ret_setup->folder);
        return true;
    }
    g_set_error(error, THUMBQ_ERROR, ERROR_USAGE,
                "cannot set up '%s': it is no folder that can be a bucket of the service", path);
    return false;
}

/* Makes the group, with the user of the daemon, and the user of the gateway. */
static bool make_users(Setup *setup, GError **error)
{
    static const char *const add_daemon[] = {"useradd",   "--system",
                                             NO_LOGIN,    "--user-group",
                                             "--comment", "Thumbnails of watched folders",
                                             GROUP,       NULL};
    static const char *const add[] = {"useradd",   "--system",          NO_LOGIN, "--gid", GROUP,
                                      "--comment", "Buckets over HTTP", USER,     NULL};

    if (!getgrnam(GROUP) && !run_program(add_daemon, error))
        return false;
    if (!getpwnam(USER) && !run_program(add, error))
        return false;
    const struct group *group = getgrnam(GROUP);
    const struct passwd *user = getpwnam(USER);
    if (!group || !user) {
        g_set_error(error, THUMBQ_ERROR, ERROR_IO, "the user '" USER "' was not made");
        return false;
    }
    setup->gid = group->gr_gid;
    setup->uid = user->pw_uid;
    return true;
}

/* Lets the group write to the folder, if the folder has the group or that of root. Another group
 * stays: its members have rights. *ret_stays: it does. */
static bool open_folder(const Setup *setup, bool *ret_stays, GError **error)
{
    /* Other users may have replaced a part of the path by a link since it was resolved. */
    autofd fd =
        trusted_open_without_links(AT_FDCWD, setup->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) != 0) {
        error_set_errno(error, errno, "cannot open", setup->folder);
        return false;
    }
    *ret_stays = st.st_gid != setup->gid && st.st_gid != 0;
    if (*ret_stays || (st.st_gid == setup->gid && (st.st_mode & 02070) == 02070))
        return true;
    if (fchown(fd, (uid_t)-1, setup->gid) == 0 && fchmod(fd, (st.st_mode & 07777) | 02070) == 0)
        return true;
    error_set_errno(error, errno, "cannot give to the group '" GROUP "'", setup->folder);
    return false;
}

/* Path of the folder's own drop-in: other folders may give buckets of the same name. */
static char *drop_in_path(const Setup *setup)
{
    g_autofree char *hash = g_compute_checksum_for_string(G_CHECKSUM_SHA256, setup->folder, -1);

    return g_strdup_printf(DROP_INS "/bucket-%s-%.8s.conf", setup->name, hash);
}

/* Lets the unit reach a bucket that is not below UNIT_ROOT. */
static bool write_drop_in(const Setup *setup, GError **error)
{
    g_autofree char *path = drop_in_path(setup);
    g_auto(GStrv) parts = g_strsplit(setup->folder, "%", -1);
    g_autofree char *folder = g_strjoinv("%%", parts);
    const bool is_bound = is_hidden(setup->folder);
    g_autofree char *text = g_strdup_printf(
        "# From 'thumbq setup --gateway'.\n[Service]\nReadWritePaths=\"%s\"\n%s%s%s", folder,
        is_bound ? "ProtectHome=tmpfs\nBindPaths=\"" : "", is_bound ? folder : "",
        is_bound ? "\"\n" : "");
    g_autoptr(GError) reason = NULL;

    if (g_str_has_prefix(setup->folder, UNIT_ROOT "/") || !has_systemd())
        return true;
    if (g_mkdir_with_parents(DROP_INS, 0755) == 0 &&
        g_file_set_contents_full(path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0644, &reason))
        return true;
    g_set_error(error, THUMBQ_ERROR, ERROR_IO, "cannot write '%s': %s", path,
                reason ? reason->message : g_strerror(errno));
    return false;
}

/* Starts the unit with the present configuration. */
static bool start_unit(GError **error)
{
    static const char *const reload[] = {"systemctl", "daemon-reload", NULL};
    static const char *const enable[] = {"systemctl", "--quiet", "enable", UNIT, NULL};
    static const char *const restart[] = {"systemctl", "restart", UNIT, NULL};

    return !has_systemd() || (run_program(reload, error) && run_program(enable, error) &&
                              run_program(restart, error));
}

static bool make_state(const Setup *setup, GError **error)
{
    if (mkdir(SERVICE_STATE, 0700) == 0 || errno == EEXIST) {
        autofd fd = open(SERVICE_STATE, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd >= 0 && fchown(fd, setup->uid, setup->gid) == 0 && fchmod(fd, 0700) == 0)
            return true;
    }
    error_set_errno(error, errno, "cannot make", SERVICE_STATE);
    return false;
}

/* Makes and prints a key if there is none. The process becomes the user of the gateway for good. */
static bool make_first_key(GError **error)
{
    static const char *const words[] = {"create",  "--rights",    "read,write",
                                        "--state", SERVICE_STATE, NULL};
    autofd fd = -1;
    g_autoptr(Keys) keys = command_open_keys(SERVICE_STATE, &fd, error);

    if (!keys)
        return false;
    if (keys_count(keys) > 0) {
        printf("keys           %zu\n", keys_count(keys));
        return true;
    }
    printf("\nThe first key, for all buckets:\n");
    return command_key.run((char **)words, error) == 0;
}

static int make(Setup *setup, GError **error)
{
    bool stays = false;

    if (!make_users(setup, error) || !open_folder(setup, &stays, error) ||
        !make_state(setup, error) ||
        !setup_config_add(SETUP_CONFIG, setup->name, setup->folder, error) ||
        !write_drop_in(setup, error) || !start_unit(error))
        return -1;
    printf("bucket         %s: %s\n"
           "user           " USER ", group " GROUP "\n"
           "configuration  " SETUP_CONFIG "\n"
           "state          " SERVICE_STATE "\n"
           "service        " UNIT "\n",
           setup->name, setup->folder);
    if (stays)
        printf("\nThe group of '%s' stays, so the gateway may not write to it. Let it:\n"
               "  setfacl -R -m g:" GROUP ":rwX,d:g:" GROUP ":rwX '%s'\n",
               setup->folder, setup->folder);
    if (!has_systemd())
        printf("\nsystemd does not run here, so nothing was started. By hand:\n"
               "  setpriv --reuid=" USER " --regid=" GROUP
               " --clear-groups thumbq gateway --state " SERVICE_STATE " --config " SETUP_CONFIG
               "\n");
    return make_first_key(error) ? 0 : -1;
}

static int remove_bucket(const Setup *setup, GError **error)
{
    static const char *const disable[] = {"systemctl", "--quiet", "disable", "--now", UNIT, NULL};
    g_autofree char *drop_in = drop_in_path(setup);
    bool was_there, is_last;

    if (!setup_config_remove(SETUP_CONFIG, setup->folder, &was_there, &is_last, error))
        return -1;
    if (!was_there) {
        printf("'" SETUP_CONFIG "' has no section of a bucket for '%s'.\n", setup->folder);
        return 1;
    }
    /* The file may be missing. */
    (void)unlink(drop_in);
    if (has_systemd() && (is_last ? !run_program(disable, error) : !start_unit(error)))
        return -1;
    printf("removed        %s: %s\n"
           "configuration  " SETUP_CONFIG "%s\n"
           "state          " SERVICE_STATE ", which stays, as the objects and the keys do\n",
           setup->name, setup->folder, is_last ? ".removed" : "");
    return 0;
}

static int run(char **arguments, GError **error)
{
    gboolean is_removal = FALSE;
    const GOptionEntry entries[] = {
        {"remove", 0, 0, G_OPTION_ARG_NONE, &is_removal, "take the bucket out of the service",
         NULL},
        G_OPTION_ENTRY_NULL,
    };
    g_auto(CommandPlace) place = {0};
    g_auto(Setup) setup = {0};
    int status = command_parse(&command_setup, entries, &arguments, &place, error);
    g_auto(GStrv) words = arguments;

    if (status >= 0 || *error)
        return *error ? -1 : status;
    if (!words[1] || words[2]) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE,
                    "name one folder: thumbq setup --gateway DIR");
        return -1;
    }
    if (geteuid() != 0) {
        g_set_error(error, THUMBQ_ERROR, ERROR_ACCESS_DENIED,
                    "only root can set up a service: sudo thumbq setup --gateway %s", words[1]);
        return -1;
    }
    if (!plan(words[1], &setup, error))
        return -1;
    return is_removal ? remove_bucket(&setup, error) : make(&setup, error);
}

const GatewayCommand command_setup = {"setup", "DIR",
                                      "Makes a folder a bucket of the service, as root", run};
