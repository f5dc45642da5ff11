/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The steps of a set-up that other programs do: useradd(8) creates the user, systemctl(1) controls
 * the unit.
 */
#include "setup/setup.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

bool setup_run(const char *const *argv, GError **error)
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

/* Runs a program without its output. Returns true if it succeeds. */
static bool succeeds(const char *const *argv)
{
    int status = 0;

    return g_spawn_sync(NULL, (char **)argv, NULL,
                        G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL |
                            G_SPAWN_STDERR_TO_DEV_NULL,
                        NULL, NULL, NULL, NULL, &status, NULL) &&
           g_spawn_check_wait_status(status, NULL);
}

/* Detects systemd as sd_booted(3) does: the folder exists if systemd is process 1. */
static bool has_systemd(void)
{
    return access("/run/systemd/system", F_OK) == 0;
}

bool setup_user(SetupPlan *setup, GError **error)
{
    static const char *const add[] = {"useradd",      "--system",
                                      "--user-group", "--no-create-home",
                                      "--home-dir",   "/nonexistent",
                                      "--shell",      "/usr/sbin/nologin",
                                      "--comment",    "Thumbnails of watched folders",
                                      SETUP_USER,     NULL};
    const struct passwd *user = getpwnam(SETUP_USER);

    if (!user && !setup_run(add, error))
        return false;
    if (!user)
        user = getpwnam(SETUP_USER);
    if (!user) {
        g_set_error(error, THUMBQ_ERROR, ERROR_IO, "the user '" SETUP_USER "' was not made");
        return false;
    }
    setup->uid = user->pw_uid;
    setup->gid = user->pw_gid;
    return true;
}

bool setup_can_read(const SetupPlan *setup)
{
    int status = 1;
    pid_t child = fork();

    if (child == 0) {
        bool can = setgroups(0, NULL) == 0 && setresgid(setup->gid, setup->gid, setup->gid) == 0 &&
                   setresuid(setup->uid, setup->uid, setup->uid) == 0 &&
                   open(setup->bucket, O_RDONLY | O_DIRECTORY | O_CLOEXEC) >= 0;
        _exit(can ? 0 : 1);
    }
    return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) &&
           WEXITSTATUS(status) == 0;
}

bool setup_stop(const SetupPlan *setup, GError **error)
{
    const char *const ask[] = {"systemctl", "--quiet", "is-active", setup->unit, NULL};
    const char *const stop[] = {"systemctl", "stop", setup->unit, NULL};

    return !has_systemd() || !succeeds(ask) || setup_run(stop, error);
}

bool setup_start(const SetupPlan *setup, bool *ret_started, GError **error)
{
    const char *const reload[] = {"systemctl", "daemon-reload", NULL};
    const char *const enable[] = {"systemctl", "--quiet", "enable", "--now", setup->unit, NULL};

    *ret_started = has_systemd();
    return !*ret_started || (setup_run(reload, error) && setup_run(enable, error));
}

bool setup_remove(const SetupPlan *setup, bool *ret_removed, GError **error)
{
    const char *const ask[] = {"systemctl", "--quiet", "is-enabled", setup->unit, NULL};
    const char *const disable[] = {"systemctl", "--quiet", "disable", "--now", setup->unit, NULL};
    bool is_enabled = has_systemd() && succeeds(ask);
    bool has_config = g_file_test(setup->config, G_FILE_TEST_EXISTS);
    g_autofree char *aside = g_strconcat(setup->config, ".removed", NULL);

    if ((is_enabled && !setup_run(disable, error)) || !setup_stop(setup, error))
        return false;
    if (has_config && rename(setup->config, aside) != 0) {
        error_set_errno(error, errno, "cannot rename", setup->config);
        return false;
    }
    *ret_removed = is_enabled || has_config;
    return true;
}
