/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/alarm_state.h"

#include <string.h>

/* Values that a reason names at the most. */
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

/* The newest known values, at most N. */
typedef struct {
    /* The sum of known and missing is N. */
    int known, breaching, missing;
    /* The newest of the values, oldest first. */
    GString *text;
} Sight;

/* Counts the latest known values, and those of them that breach the threshold. */
static void count_points(const AlarmConfig *config, const AlarmPoint *points, size_t n,
                         Sight *sight)
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

/* Decides with fewer than N values, too few of them breaching for a decision of their own. */
static AlarmState decide_missing(const AlarmConfig *config, AlarmState state, const Sight *sight)
{
    bool some_are_fine = sight->known > sight->breaching;

    switch (config->missing) {
    case MISSING_BREACHING:
        return sight->breaching + sight->missing >= config->datapoints.breaching ? ALARM_ALARM
                                                                                 : ALARM_OK;
    case MISSING_NOT_BREACHING:
        return ALARM_OK;
    case MISSING_IGNORE:
        return some_are_fine ? ALARM_OK : state;
    case MISSING_MISSING:
        break;
    }
    return some_are_fine ? ALARM_OK : ALARM_INSUFFICIENT_DATA;
}

/* Returns the state that the datapoints in sight stand for. */
static AlarmState decide(const AlarmConfig *config, AlarmState state, const Sight *sight)
{
    if (sight->breaching >= config->datapoints.breaching)
        return ALARM_ALARM;
    return sight->missing == 0 ? ALARM_OK : decide_missing(config, state, sight);
}

/* Formats "1 out of the last 3 datapoints [2, 0] was greater than the threshold (1)". */
static void explain(const AlarmConfig *config, const Sight *sight, AlarmState state,
                    char reason[static ALARM_REASON_MAX])
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
    if (state == ALARM_INSUFFICIENT_DATA || sight->known == 0) {
        g_snprintf(reason, ALARM_REASON_MAX,
                   "%s: %d of the last %d datapoints are missing, and are treated as %s",
                   state == ALARM_INSUFFICIENT_DATA ? "Insufficient Data" : "No Data",
                   sight->missing, of, missing_data_name(config->missing));
        return;
    }
    g_snprintf(reason, ALARM_REASON_MAX,
               "Threshold Crossed: %d out of the last %d datapoints [%s%s] %s %s the threshold "
               "(%s); an alarm needs %d",
               sight->breaching, sight->known, sight->known > REASON_VALUES ? "..., " : "",
               sight->text->str, sight->breaching == 1 ? "was" : "were",
               relations[config->comparison], threshold, config->datapoints.breaching);
}

AlarmState alarm_evaluate(const AlarmConfig *config, AlarmState state, const AlarmPoint *points,
                          size_t n, char ret_reason[static ALARM_REASON_MAX])
{
    g_autoptr(GString) text = g_string_new(NULL);
    Sight sight = {.text = text};

    count_points(config, points, n, &sight);
    AlarmState next = decide(config, state, &sight);
    explain(config, &sight, next, ret_reason);
    return next;
}
