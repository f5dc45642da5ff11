/* SPDX-License-Identifier: Apache-2.0 */
#include "command.h"

#include "error.h"
#include "etc.h"
#include "setup.h"

#include <stdio.h>
#include <unistd.h>

typedef struct {
    bool remove;
} SetupOptions;

static const Option options[] = {
    {"remove", OPTION_FLAG, NULL, offsetof(SetupOptions, remove),
     "stop the service for DIR and put its configuration aside; state and thumbnails stay"},
    {NULL},
};

const CommandUsage usage_setup = {
    .words = "DIR",
    .n_words = 1,
    .about =
        "Makes a service of thumbq over DIR, as root: the user '" SETUP_USER "', a configuration "
        "in\n/etc/thumbq, the state in /var/lib/thumbq (what DIR has of it is moved there), the\n"
        "folder of the thumbnails, and the unit thumbq@DIR.service, which is enabled and started.\n"
        "May be run again: it changes nothing that is as it should be.",
    .examples = "sudo thumbq setup /srv/photos\n"
                "sudo thumbq setup --remove /srv/photos",
    .options = options,
    .values_size = sizeof(SetupOptions),
};

static int remove_service(const Setup *setup, GError **error)
{
    bool removed;

    if (!setup_remove(setup, &removed, error))
        return -1;
    if (!removed) {
        printf("There is no service over '%s'.\n", setup->bucket);
        return 1;
    }
    printf("removed        %s\n"
           "configuration  %s.removed\n"
           "state          %s, which stays, as the thumbnails do\n",
           setup->unit, setup->config, setup->state);
    return 0;
}

static int make_service(Setup *setup, GError **error)
{
    bool started;

    if (!setup_user(setup, error) || !setup_stop(setup, error) || !setup_state(setup, error) ||
        !setup_thumbnails(setup, error) || !setup_start(setup, &started, error))
        return -1;
    printf("bucket         %s\n"
           "user           " SETUP_USER "\n"
           "configuration  %s\n"
           "state          %s\n"
           "service        %s\n",
           setup->bucket, setup->config, setup->state, setup->unit);
    if (!setup_can_read(setup))
        printf("\nThe user '" SETUP_USER "' cannot read '%s'. Let it:\n"
               "  setfacl -R -m u:" SETUP_USER ":rX,d:u:" SETUP_USER ":rX '%s'\n",
               setup->bucket, setup->bucket);
    if (!started)
        printf("\nsystemd does not run here, so nothing was started. By hand:\n"
               "  setpriv --reuid=" SETUP_USER " --regid=" SETUP_USER " --init-groups thumbq run "
               "'%s'\n",
               setup->bucket);
    return 0;
}

int cmd_setup(Context *context, GError **error)
{
    const SetupOptions *chosen = context->options;
    g_auto(Setup) setup = {0};

    if (geteuid() != 0) {
        g_set_error(error, THUMBQ_ERROR, ERROR_ACCESS_DENIED,
                    "only root can set up a service: sudo thumbq setup %s", context->words[0]);
        return -1;
    }
    if (!setup_plan(context->words[0], ETC_FOLDER, &setup, error))
        return -1;
    return chosen->remove ? remove_service(&setup, error) : make_service(&setup, error);
}
