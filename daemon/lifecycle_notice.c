/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Says at the start of a daemon which files its lifecycle rules delete: a slip in the configuration
 * shows before the first sweep, not after it.
 */
#include "daemon_private.h"

#include "clock.h"
#include "log.h"

#include <string.h>

/* Records that are looked at for one rule: some tenth of a second. */
#define LOOK_MAX 100000

typedef struct {
    int64_t before_us; /* what was put there earlier is old enough */
    uint64_t looked, due;
} Count;

static bool count_due(const Record *record, void *data)
{
    Count *count = data;

    count->looked++;
    if (record_put_us(record) <= count->before_us)
        count->due++;
    return true;
}

static bool count_objects(Daemon *daemon, const LifecycleConfig *rule, Count *count)
{
    const StoreFilter filter = {.prefix = *rule->prefix ? rule->prefix : NULL};
    g_autoptr(GError) error = NULL;
    g_autoptr(StoreSnapshot) snapshot = store_snapshot_begin(daemon->store, &error);

    count->before_us = clock_guard_now_us(daemon) - rule->expire_us;
    return snapshot && store_query(snapshot, &filter, STORE_SORT_NAME, false, LOOK_MAX, count_due,
                                   count, &error);
}

static void tell(Daemon *daemon, const LifecycleConfig *rule)
{
    g_autofree char *age = clock_format_duration(rule->expire_us);
    g_autofree char *which = *rule->prefix ? g_strdup_printf("each file below '%s'", rule->prefix)
                                           : g_strdup("each file of the bucket");
    Count count = {0};

    if (!count_objects(daemon, rule, &count)) {
        log_warning("[lifecycle %s] deletes %s, %s after it was put there", rule->name, which, age);
        return;
    }
    if (count.looked == 0 && strpbrk(rule->prefix, "*?["))
        log_warning(
            "[lifecycle %s] prefix: no object begins with '%s'; a prefix is no pattern, and "
            "'*' stands for itself in it",
            rule->name, rule->prefix);
    const char *least = count.looked == LOOK_MAX ? "at least " : "";
    log_warning("[lifecycle %s] deletes %s, %s after it was put there: %s%" G_GUINT64_FORMAT
                " of %s%" G_GUINT64_FORMAT " that are known are old enough now",
                rule->name, which, age, least, count.due, least, count.looked);
}

void lifecycle_notice(Daemon *daemon)
{
    for (size_t i = 0; i < daemon->config->n_lifecycle; i++) {
        if (daemon->config->lifecycle[i].target == LIFECYCLE_OBJECTS)
            tell(daemon, &daemon->config->lifecycle[i]);
    }
}
