/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/schedule_plan.h"

#include "base/error.h"
#include "daemon/sweep_words.h"
#include "model/layout.h"
#include "rules/rule_command.h"

#include <string.h>

static bool fail(const Config *config, const ScheduleConfig *row, const char *what, GError **error)
{
    g_autofree char *line = row->line > 0 ? g_strdup_printf(":%d", row->line) : g_strdup("");

    g_set_error(error, THUMBQ_ERROR, ERROR_CONFIG, "%s%s: [schedule %s] %s",
                config_schedule_file(config, row), line, row->name, what);
    return false;
}

/* Parses `run`: a switch of back-fill, "sweep KIND" or "exec COMMAND". */
static bool parse_run(SchedulePlan *plan)
{
    const char *run = plan->config->run;

    plan->turn = window_turn(run);
    if (plan->turn)
        return true;
    plan->command = rule_command_line(run);
    if (plan->command)
        return strspn(plan->command, " \t") < strlen(plan->command);
    return g_str_has_prefix(run, "sweep ") &&
           sweep_kinds_from_name(run + strlen("sweep "), &plan->kinds);
}

bool schedule_plan_init(SchedulePlan *plan, const Config *config, const ScheduleConfig *row,
                        GError **error)
{
    g_autoptr(GError) reason = NULL;

    *plan = (SchedulePlan){.config = row};
    if (!parse_run(plan)) {
        g_autofree char *what =
            g_strdup_printf("run: '%s' cannot be run; write exec COMMAND, pause backfill, resume "
                            "backfill, or sweep and one of %s",
                            row->run, SWEEP_KIND_NAMES);
        return fail(config, row, what, error);
    }
    const char *objection = window_objection(config, plan->turn);
    if (objection)
        return fail(config, row, objection, error);
    plan->cron = cron_parse(row->cron, row->timezone, &reason);
    if (!plan->cron) {
        g_autofree char *what = g_strconcat("cron: ", reason->message, NULL);
        return fail(config, row, what, error);
    }
    return true;
}

uint64_t schedule_plan_hash(const SchedulePlan *plan)
{
    g_autofree char *text = g_strconcat(plan->config->cron, "\n", plan->config->timezone, NULL);
    return layout_key_hash(text);
}

void schedule_plan_clear(SchedulePlan *plan)
{
    g_clear_pointer(&plan->cron, cron_free);
}
