/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/command_needs.h"

#include "base/log.h"
#include "rules/rule_command.h"

#include <string.h>
#include <sys/prctl.h>

#define HINT "see with-network.conf in the documentation of thumbq's service"

static const char *const network_programs[] = {
    "aws",   "borg",  "curl", "mail",     "mailx", "msmtp", "nc",   "rclone", "restic",
    "rsync", "s3cmd", "scp",  "sendmail", "sftp",  "ssh",   "wget", NULL};

/* Programs that deliver mail or change the user are setuid or setgid. */
static const char *const privileged_programs[] = {"mail", "mailx", "sendmail", "su", "sudo", NULL};

bool command_rights_has_network(const char *text)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

    for (char **line = lines; *line; line++) {
        char *colon = strchr(*line, ':');
        if (!colon)
            /* The two lines of the head have no colon. */
            continue;
        *colon = '\0';
        if (strcmp(g_strstrip(*line), "lo") != 0)
            return true;
    }
    return false;
}

CommandRights command_rights(void)
{
    CommandRights rights = {.network = true,
                            .privileges = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1};
    g_autofree char *text = NULL;

    if (g_file_get_contents("/proc/self/net/dev", &text, NULL, NULL))
        rights.network = command_rights_has_network(text);
    return rights;
}

/* Returns the first of `programs` that the command line has as a word; NULL: none. */
static const char *find_program(const char *command, const char *const *programs)
{
    /* The characters that end a word for the shell, and the slash before a program's name. */
    g_auto(GStrv) words = g_strsplit_set(command, " \t\n;|&()<>`$\"'={}/", -1);

    for (char **word = words; *word; word++) {
        for (size_t i = 0; programs[i]; i++) {
            if (strcmp(*word, programs[i]) == 0)
                return programs[i];
        }
    }
    return NULL;
}

char *command_needs_describe(const char *command, CommandRights rights)
{
    const char *program = rights.network ? NULL : find_program(command, network_programs);
    if (program)
        return g_strdup_printf("it runs '%s', and the service has no network", program);
    program = rights.privileges ? NULL : find_program(command, privileged_programs);
    if (program)
        return g_strdup_printf("it runs '%s', which cannot gain the rights of another user here",
                               program);
    return NULL;
}

static void warn(const char *kind, const char *name, const char *run, CommandRights rights)
{
    const char *command = rule_command_line(run);

    if (!command)
        return;
    g_autofree char *reason = command_needs_describe(command, rights);
    if (reason)
        log_warning("the command of [%s %s] is likely to fail: %s; " HINT, kind, name, reason);
}

void command_needs_warn(const Config *config)
{
    CommandRights rights = command_rights();

    if (rights.network && rights.privileges)
        return;
    for (size_t i = 0; i < config->n_schedules; i++)
        warn("schedule", config->schedules[i].name, config->schedules[i].run, rights);
    for (size_t i = 0; i < config->n_alarms; i++)
        warn("alarm", config->alarms[i].name, config->alarms[i].notify, rights);
    for (size_t i = 0; i < config->n_triggers; i++)
        warn("trigger", config->triggers[i].name, config->triggers[i].run, rights);
}
