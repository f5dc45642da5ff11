/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/sweep_task.h"

#include "model/object.h"

bool sweep_task_flush(SweepTask *task)
{
    if (task->line && task->note && !task->note(task->line, task->note_data))
        return false;
    g_clear_pointer(&task->line, g_free);
    return true;
}

void sweep_task_report(SweepTask *task, const char *kind, const char *name, const char *reason)
{
    if (!task->note)
        return;
    task->line = g_strdup_printf("%s\t%s\t%s", kind, name, reason);
    /* If the receiver is full, the line is passed on before the next row. */
    (void)sweep_task_flush(task);
}

void sweep_task_report_object(SweepTask *task, const char *kind, const char *key,
                              const char *reason)
{
    g_autofree char *name = object_key_to_text(key, NULL);
    sweep_task_report(task, kind, name, reason);
}
