/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The steps of `thumbq setup`, one function each: user, folders, configuration, state, unit. A step
 * can be repeated, and changes only what differs. Needs root.
 *
 * The bucket may belong to users who are not trusted. Links in it are not followed. A state or
 * configuration that belongs neither to root nor to the service's user stays where it is.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

/* The service's user and group. */
#define SETUP_USER "thumbq"

/* The plan of a set-up, from setup_plan. All paths are absolute. */
typedef struct {
    /* Without links. */
    char *bucket;
    /* Instance name of the unit, as systemd-escape --path returns it. */
    char *instance;
    /* As thumbq@INSTANCE.service. */
    char *unit;
    /* Path of the existing or new configuration, /etc/thumbq/NAME.conf. */
    char *config;
    /* State folder of the service, /var/lib/thumbq/INSTANCE. */
    char *state;
    /* User id of SETUP_USER, valid after setup_user. */
    uid_t uid;
    gid_t gid;
} SetupPlan;

/* Plans the set-up of a bucket. `etc` is the folder of configurations. Owner: setup_clear. Errors:
 * ERROR_NOT_FOUND and ERROR_ACCESS_DENIED of the bucket; those of etc_find_config. */
bool setup_plan(const char *bucket, const char *etc, SetupPlan *ret_setup, GError **error);
void setup_clear(SetupPlan *setup);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SetupPlan, setup_clear)

/* Escapes a path for a unit's name, as systemd-escape(1) does: "/srv/my photos" is
 * "srv-my\x20photos". Owner: the caller frees. */
char *setup_escape_path(const char *path);

/* Returns the configuration of the service: `text`, the bucket's own thumbq.conf or NULL, with
 * `path` and `state` set in its [bucket]. Owner: the caller frees. */
char *setup_config_text(const char *text, const char *bucket, const char *state);

/* Runs a program and waits for its end. `argv` is NULL-terminated; $PATH is searched. The program
 * shares stdout and stderr. Blocks. Errors: ERROR_IO. */
bool setup_run(const char *const *argv, GError **error);

/* Creates the service's user, if it does not exist. Blocks on useradd(8). Errors: ERROR_IO. */
bool setup_user(SetupPlan *setup, GError **error);

/*
 * Stops the unit, so that no daemon uses the state. Does nothing without systemd. Errors: ERROR_IO.
 */
bool setup_stop(const SetupPlan *setup, GError **error);

/*
 * Creates the state folder, moves the bucket's state into it, and writes the configuration. Errors:
 * ERROR_LOCKED if a daemon runs, ERROR_NOT_TRUSTED for a state of another user, those of
 * error_set_errno.
 */
bool setup_state(const SetupPlan *setup, GError **error);

/* Creates the folder of the thumbnails, and gives existing folders below it to the service's user.
 * Errors: those of error_set_errno. */
bool setup_thumbnails(const SetupPlan *setup, GError **error);

/* Returns true if the service's user can read the folder of the bucket. */
bool setup_can_read(const SetupPlan *setup);

/* Enables and starts the unit. *ret_started is false if systemd does not run. Errors: ERROR_IO. */
bool setup_start(const SetupPlan *setup, bool *ret_started, GError **error);

/* Stops and disables the unit, and renames the configuration to NAME.conf.removed. State and
 * thumbnails stay. *ret_removed is false if there was nothing to remove. */
bool setup_remove(const SetupPlan *setup, bool *ret_removed, GError **error);
