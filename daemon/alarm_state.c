/* SPDX-License-Identifier: Apache-2.0 */
#include "alarm_state.h"

#include <string.h>

/* Values that a reason names. */
#define REASON_VALUES 5

size_t alarm_periods(const AlarmConfig *config)
{
    return (size_t)config->datapoints.of + ALARM_PERIODS_MORE;
}

static bool is_breaching(const AlarmConfig *config, double value)
{
    switch (config->comparison) {
    case COMPARISON_GREATER_OR_EQUAL:
        return value >= config->threshold;
    case COMPARISON_GREATER:
        return value > config->threshold;
    case COMPARISON_LESS:
        return value < config->threshold;
    case COMPARISON_LESS_OR_EQUAL:
        return value <= config->threshold;
    }
    g_assert_not_reached();
}

/* The newest values there are, N at the most. */
typedef struct {
    int known, breaching, missing; /* known + missing is N */
    GString *text;                 /* the newest of them, oldest first */
} Sight;

static void look(const AlarmConfig *config, const AlarmPoint *points, size_t n, Sight *sight)
{
    for (size_t i = n; i-- > 0 && sight->known < config->datapoints.of;) {
        char number[G_ASCII_DTOSTR_BUF_SIZE];
        if (!points[i].is_known)
            continue;
        if (sight->known++ < REASON_VALUES) {
            g_string_prepend(sight->text, sight->text->len > 0 ? ", " : "");
            g_string_prepend(sight->text,
                             g_ascii_formatd(number, sizeof number, "%.6g", points[i].value));
        }
        sight->breaching += is_breaching(config, points[i].value);
    }
    sight->missing = config->datapoints.of - sight->known;
}

/* With fewer values than N, and too few of them breaching to decide by themselves. */
static StoreAlarmState decide_missing(const AlarmConfig *config, StoreAlarmState state,
                                      const Sight *sight)
{
    bool some_are_fine = sight->known > sight->breaching;

    switch (config->missing) {
    case MISSING_BREACHING:
        return sight->breaching + sight->missing >= config->datapoints.breaching ? STORE_ALARM_ALARM
                                                                                 : STORE_ALARM_OK;
    case MISSING_NOT_BREACHING:
        return STORE_ALARM_OK;
    case MISSING_IGNORE:
        return some_are_fine ? STORE_ALARM_OK : state;
    case MISSING_MISSING:
        break;
    }
    return some_are_fine ? STORE_ALARM_OK : STORE_ALARM_INSUFFICIENT_DATA;
}

static StoreAlarmState decide(const AlarmConfig *config, StoreAlarmState state, const Sight *sight)
{
    if (sight->breaching >= config->datapoints.breaching)
        return STORE_ALARM_ALARM;
    return sight->missing == 0 ? STORE_ALARM_OK : decide_missing(config, state, sight);
}

/* "1 out of the last 3 datapoints [2, 0] was greater than the threshold (1)". */
static void explain(const AlarmConfig *config, const Sight *sight, StoreAlarmState state,
                    char reason[static STORE_ALARM_REASON_MAX])
{
    static const char *const relations[] = {
        [COMPARISON_GREATER_OR_EQUAL] = "greater than or equal to",
        [COMPARISON_GREATER] = "greater than",
        [COMPARISON_LESS] = "less than",
        [COMPARISON_LESS_OR_EQUAL] = "less than or equal to",
    };
    char threshold[G_ASCII_DTOSTR_BUF_SIZE];
    int of = config->datapoints.of;

    (void)g_ascii_formatd(threshold, sizeof threshold, "%.6g", config->threshold);
    if (state == STORE_ALARM_INSUFFICIENT_DATA || sight->known == 0) {
        g_snprintf(reason, STORE_ALARM_REASON_MAX,
                   "%s: %d of the last %d datapoints are missing, and are treated as %s",
                   state == STORE_ALARM_INSUFFICIENT_DATA ? "Insufficient Data" : "No Data",
                   sight->missing, of, missing_data_name(config->missing));
        return;
    }
    g_snprintf(reason, STORE_ALARM_REASON_MAX,
               "Threshold Crossed: %d out of the last %d datapoints [%s%s] %s %s the threshold "
               "(%s); an alarm needs %d",
               sight->breaching, sight->known, sight->known > REASON_VALUES ? "..., " : "",
               sight->text->str, sight->breaching == 1 ? "was" : "were",
               relations[config->comparison], threshold, config->datapoints.breaching);
}

StoreAlarmState alarm_evaluate(const AlarmConfig *config, StoreAlarmState state,
                               const AlarmPoint *points, size_t n,
                               char ret_reason[static STORE_ALARM_REASON_MAX])
{
    g_autoptr(GString) text = g_string_new(NULL);
    Sight sight = {.text = text};

    look(config, points, n, &sight);
    StoreAlarmState next = decide(config, state, &sight);
    explain(config, &sight, next, ret_reason);
    return next;
}
