/* SPDX-License-Identifier: Apache-2.0 */
/* The command `setup`: installs a bucket or the gateway as a service, or removes it. */
#include "command.h"

#include "base/error.h"
#include "config/etc.h"
#include "gateway_child.h"
#include "model/object.h"
#include "setup/setup.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

typedef struct {
    bool gateway;
    bool remove;
} SetupOptions;

static const CommandOption options[] = {
    {"gateway", OPTION_FLAG, NULL, offsetof(SetupOptions, gateway),
     "make DIR a bucket of the gateway's service instead: thumbq-gateway.service"},
    {"remove", OPTION_FLAG, NULL, offsetof(SetupOptions, remove),
     "stop the service for DIR and put its configuration aside; state and thumbnails stay"},
    {NULL},
};

const CommandUsage usage_setup = {
    .words = "DIR",
    .n_words = 1,
    .about =
        "Sets up a service for DIR, as root: the user '" SETUP_USER "', a configuration "
        "in\n/etc/thumbq, the state in /var/lib/thumbq (the state in DIR is moved there), the\n"
        "folder of the thumbnails, and the unit thumbq@DIR.service, which is enabled and started.\n"
        "It can be run again, and changes only what differs.",
    .examples = "sudo thumbq setup /srv/photos\n"
                "sudo thumbq setup --gateway /srv/photos\n"
                "sudo thumbq setup --remove /srv/photos",
    .options = options,
    .values_size = sizeof(SetupOptions),
};

static int remove_service(const SetupPlan *setup, GError **error)
{
    bool removed;

    if (!setup_remove(setup, &removed, error))
        return -1;
    if (!removed) {
        g_autofree char *bucket = object_key_to_text(setup->bucket, NULL);
        printf("There is no service over '%s'.\n", bucket);
        return 1;
    }
    printf("removed        %s\n"
           "configuration  %s.removed\n"
           "state          %s, which stays, as the thumbnails do\n",
           setup->unit, setup->config, setup->state);
    return 0;
}

static int make_service(SetupPlan *setup, GError **error)
{
    bool started;

    if (!setup_user(setup, error) || !setup_stop(setup, error) || !setup_state(setup, error) ||
        !setup_thumbnails(setup, error) || !setup_start(setup, &started, error))
        return -1;
    g_autofree char *bucket = object_key_to_text(setup->bucket, NULL);
    printf("bucket         %s\n"
           "user           " SETUP_USER "\n"
           "configuration  %s\n"
           "state          %s\n"
           "service        %s\n",
           bucket, setup->config, setup->state, setup->unit);
    if (!setup_can_read(setup))
        printf("\nThe user '" SETUP_USER "' cannot read '%s'. Let it:\n"
               "  setfacl -R -m u:" SETUP_USER ":rX,d:u:" SETUP_USER ":rX '%s'\n",
               bucket, bucket);
    if (!started)
        printf("\nsystemd does not run here, so nothing was started. By hand:\n"
               "  setpriv --reuid=" SETUP_USER " --regid=" SETUP_USER " --init-groups thumbq run "
               "'%s'\n",
               bucket);
    return 0;
}

/* Executes the gateway's program, which sets its service up. Returns only on error. */
static int setup_gateway(const char *folder, bool is_removal, GError **error)
{
    g_autofree char *path = gateway_child_program("setup --gateway", error);

    if (!path)
        return -1;
    const char *const words[] = {path, "setup", "--", folder, NULL};
    const char *const removal[] = {path, "setup", "--remove", "--", folder, NULL};
    execv(path, (char *const *)(is_removal ? removal : words));
    error_set_errno(error, errno, "cannot run", path);
    return -1;
}

int cmd_setup(Context *context, GError **error)
{
    const SetupOptions *chosen = context->options;
    g_auto(SetupPlan) setup = {0};

    /* The gateway's program checks the user itself. */
    if (chosen->gateway)
        return setup_gateway(context->words[0], chosen->remove, error);
    if (geteuid() != 0) {
        g_set_error(error, THUMBQ_ERROR, ERROR_ACCESS_DENIED,
                    "only root can set up a service: sudo thumbq setup %s", context->words[0]);
        return -1;
    }
    if (!setup_plan(context->words[0], ETC_FOLDER, &setup, error))
        return -1;
    return chosen->remove ? remove_service(&setup, error) : make_service(&setup, error);
}
