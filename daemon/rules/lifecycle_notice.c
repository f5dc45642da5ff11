/* SPDX-License-Identifier: Apache-2.0 */
/* Logs at the start of a daemon which files its lifecycle rules delete: a mistake in the
 * configuration shows before the first sweep, not after it. */
#include "rules/lifecycle_notice.h"

#include "base/clock.h"
#include "base/log.h"

#include <string.h>

/* Records that are examined for one rule: some tenths of a second. */
#define RECORDS_MAX 100000

typedef struct {
    /* Objects that were uploaded before this are old enough. */
    int64_t before_us;
    uint64_t examined, due;
} ExpiryCount;

static bool count_due(const Record *record, void *data)
{
    ExpiryCount *count = data;

    count->examined++;
    if (record_put_us(record) <= count->before_us)
        count->due++;
    return true;
}

/* Counts the objects of the rule that are known, and those of them that are old enough. */
static bool count_objects(Store *store, const LifecycleConfig *rule, int64_t now_us,
                          ExpiryCount *count)
{
    const StoreFilter filter = {.prefix = *rule->prefix ? rule->prefix : NULL};
    g_autoptr(GError) error = NULL;
    g_autoptr(StoreSnapshot) snapshot = store_snapshot_begin(store, &error);

    count->before_us = now_us - rule->expire_us;
    return snapshot && store_query(snapshot, &filter, STORE_SORT_NAME, false, RECORDS_MAX,
                                   count_due, count, &error);
}

/* Warns that the rule deletes files, and how many are old enough now. */
static void log_rule(Store *store, const LifecycleConfig *rule, int64_t now_us)
{
    g_autofree char *age = clock_format_duration(rule->expire_us);
    g_autofree char *which = *rule->prefix ? g_strdup_printf("each file below '%s'", rule->prefix)
                                           : g_strdup("each file of the bucket");
    ExpiryCount count = {0};

    if (!count_objects(store, rule, now_us, &count)) {
        log_warning("[lifecycle %s] deletes %s, %s after it was put there", rule->name, which, age);
        return;
    }
    if (count.examined == 0 && strpbrk(rule->prefix, "*?["))
        log_warning(
            "[lifecycle %s] prefix: no object begins with '%s'; a prefix is no pattern, and "
            "'*' stands for itself in it",
            rule->name, rule->prefix);
    const char *least = count.examined == RECORDS_MAX ? "at least " : "";
    log_warning("[lifecycle %s] deletes %s, %s after it was put there: %s%" G_GUINT64_FORMAT
                " of %s%" G_GUINT64_FORMAT " that are known are old enough now",
                rule->name, which, age, least, count.due, least, count.examined);
}

void lifecycle_notice(const Config *config, Store *store, int64_t now_us)
{
    for (size_t i = 0; i < config->n_lifecycle; i++) {
        if (config->lifecycle[i].target == LIFECYCLE_OBJECTS)
            log_rule(store, &config->lifecycle[i], now_us);
    }
}
