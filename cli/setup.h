/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `thumbq setup` does to a machine, a step a function: user, folders, configuration, state,
 * unit. Each step may be run again, and changes nothing that is as it should be. Needs root.
 *
 * The bucket may belong to people who are not trusted. Nothing in it is followed through a link,
 * and nothing of theirs is taken over: a state or configuration that belongs to neither root nor
 * the service's user stays where it is.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/types.h>

#define SETUP_USER "thumbq" /* the service's user and group */

/* All paths are absolute. Filled by setup_plan. */
typedef struct {
    char *bucket;   /* without links */
    char *instance; /* of the unit, as systemd-escape --path says */
    char *unit;     /* thumbq@INSTANCE.service */
    char *config;   /* /etc/thumbq/NAME.conf: the one that is there, or the one to be */
    char *state;    /* of the service: /var/lib/thumbq/INSTANCE */
    uid_t uid;      /* of SETUP_USER, once setup_user has been called */
    gid_t gid;
} Setup;

/*
 * `etc` is the folder of configurations. Errors: ERROR_NOT_FOUND, ERROR_ACCESS_DENIED (the bucket),
 * those of etc_find_config. Owner: setup_clear.
 */
bool setup_plan(const char *bucket, const char *etc, Setup *ret_setup, GError **error);
void setup_clear(Setup *setup);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Setup, setup_clear)

/*
 * The part of a unit's name that stands for a path, as systemd-escape(1) has it: "/srv/my photos"
 * is "srv-my\x20photos". Owner: the caller frees.
 */
char *setup_escape_path(const char *path);

/*
 * A configuration for the service, from `text`, the bucket's own thumbq.conf (NULL: none): what it
 * says stays, `path` and `state` are put into its [bucket]. Owner: the caller frees.
 */
char *setup_config_text(const char *text, const char *bucket, const char *state);

/*
 * Runs a program (NULL-terminated, found by $PATH) to its end; what it prints goes where ours goes.
 * Errors: ERROR_IO. Blocks.
 */
bool setup_run(const char *const *argv, GError **error);

/* Makes the service's user where there is none. Blocks on useradd(8). Errors: ERROR_IO. */
bool setup_user(Setup *setup, GError **error);

/* Stops the unit, so that nobody works on the state; fine without systemd. Errors: ERROR_IO. */
bool setup_stop(const Setup *setup, GError **error);

/*
 * Makes the folder of the state, moves there what the bucket has of it, and writes the
 * configuration. Errors: ERROR_LOCKED (a daemon runs), ERROR_NOT_TRUSTED (somebody else's state),
 * as error_set_errno.
 */
bool setup_state(const Setup *setup, GError **error);

/*
 * Makes the folder of the thumbnails, and gives the service's user the folders below it that are
 * there. Errors: as error_set_errno.
 */
bool setup_thumbnails(const Setup *setup, GError **error);

/* False if the service's user cannot read the folder of the bucket. */
bool setup_can_read(const Setup *setup);

/* *ret_started false where systemd does not run. Errors: ERROR_IO. */
bool setup_start(const Setup *setup, bool *ret_started, GError **error);

/*
 * Stops and disables the unit, and puts the configuration aside, as NAME.conf.removed. State and
 * thumbnails stay. *ret_removed false if there was nothing to remove.
 */
bool setup_remove(const Setup *setup, bool *ret_removed, GError **error);
