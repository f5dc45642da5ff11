/* SPDX-License-Identifier: Apache-2.0 */
/* Alarms: the tables in the CloudWatch user guide, and comparisons. */
#include "rules/alarm_state.h"

#include <string.h>

#define I ALARM_INSUFFICIENT_DATA
#define O ALARM_OK
#define A ALARM_ALARM
/* The state does not change. */
#define K (-1)

/* Points, the newest last: 0 is within the threshold, X breaches it, - is missing. */
typedef struct {
    const char *points;
    int breaching, of;
    /* Expected states, by MissingData: missing, notBreaching, breaching, ignore. */
    int expected[4];
} TableCase;

/* Source: CloudWatch user guide, "How alarm state is evaluated when data is missing". */
static const TableCase table[] = {
    {"0-X-X", 3, 3, {O, O, O, O}},
    {"0----", 3, 3, {O, O, O, O}},
    {"-----", 3, 3, {I, O, A, K}},
    {"0XX-X", 3, 3, {A, A, A, A}},
    {"----X", 3, 3, {I, O, A, K}},

    {"0-X-X", 2, 3, {A, A, A, A}},
    {"00X0X", 2, 3, {A, A, A, A}},
    {"0-X--", 2, 3, {O, O, A, O}},
    {"----0", 2, 3, {O, O, A, O}},
    {"----X", 2, 3, {I, O, A, K}},

    /* These cases are not in the guide. */
    {"XXX00", 2, 3, {O, O, O, O}},
    {"XX000", 3, 3, {O, O, O, O}},
    {"00XXX", 3, 3, {A, A, A, A}},
    {"000", 1, 1, {O, O, O, O}},
    {"00X", 1, 1, {A, A, A, A}},
    {"0X-", 1, 1, {A, A, A, A}},
    {"X--", 1, 1, {A, A, A, A}},
    {"---", 1, 1, {I, O, A, K}},
    {"--X-0-", 2, 4, {O, O, A, O}},
    {"XX----", 2, 4, {A, A, A, A}},
};

static size_t parse(const char *text, AlarmPoint *points)
{
    size_t n = strlen(text);

    for (size_t i = 0; i < n; i++)
        points[i] = (AlarmPoint){.is_known = text[i] != '-', .value = text[i] == 'X' ? 10 : 1};
    return n;
}

static void test_table(const void *data)
{
    const TableCase *row = data;
    AlarmPoint points[CONFIG_DATAPOINTS_MAX + ALARM_PERIODS_MORE];
    AlarmConfig config = {.comparison = COMPARISON_GREATER_OR_EQUAL,
                          .threshold = 10,
                          .datapoints = {row->breaching, row->of}};
    size_t n = parse(row->points, points);

    g_assert_cmpuint(n, ==, alarm_periods(&config));
    for (MissingData missing = 0; missing <= MISSING_IGNORE; missing++) {
        for (int state = 0; state < ALARM_STATES; state++) {
            char reason[ALARM_REASON_MAX];
            int expected = row->expected[missing] == K ? state : row->expected[missing];
            config.missing = missing;
            g_test_message("%s, was %s", missing_data_name(missing),
                           alarm_state_name((AlarmState)state));
            g_assert_cmpint(alarm_evaluate(&config, (AlarmState)state, points, n, reason), ==,
                            expected);
            g_assert_cmpuint(strlen(reason), >, 10);
        }
    }
}

static void test_comparisons(void)
{
    static const struct {
        Comparison comparison;
        double value;
        bool is_breaching;
    } cases[] = {
        {COMPARISON_GREATER_OR_EQUAL, 1.5, true},
        {COMPARISON_GREATER_OR_EQUAL, 1.49, false},
        {COMPARISON_GREATER, 1.5, false},
        {COMPARISON_GREATER, 1.51, true},
        {COMPARISON_LESS, 1.5, false},
        {COMPARISON_LESS, 1.49, true},
        {COMPARISON_LESS_OR_EQUAL, 1.5, true},
        {COMPARISON_LESS_OR_EQUAL, 1.51, false},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        AlarmConfig config = {
            .comparison = cases[i].comparison, .threshold = 1.5, .datapoints = {1, 1}};
        AlarmPoint point = {true, cases[i].value};
        char reason[ALARM_REASON_MAX];
        g_assert_cmpint(alarm_evaluate(&config, I, &point, 1, reason), ==,
                        cases[i].is_breaching ? A : O);
    }
}

static void test_reasons(void)
{
    AlarmConfig config = {.comparison = COMPARISON_GREATER, .threshold = 1, .datapoints = {2, 3}};
    const AlarmPoint points[] = {{true, 7}, {true, 0}, {false, 0}, {true, 2.5}, {true, 3}};
    char reason[ALARM_REASON_MAX];

    (void)alarm_evaluate(&config, O, points, G_N_ELEMENTS(points), reason);
    g_assert_cmpstr(reason, ==,
                    "Threshold Crossed: 2 out of the last 3 datapoints [0, 2.5, 3] were greater "
                    "than the threshold (1); an alarm needs 2");
    (void)alarm_evaluate(&config, O, points + 2, 1, reason);
    g_assert_cmpstr(reason, ==,
                    "Insufficient Data: 3 of the last 3 datapoints are missing, and are treated "
                    "as missing");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(table); i++) {
        g_autofree char *path = g_strdup_printf("/alarm_state/table/%d_of_%d/%s",
                                                table[i].breaching, table[i].of, table[i].points);
        g_test_add_data_func(path, &table[i], test_table);
    }
    g_test_add_func("/alarm_state/comparisons", test_comparisons);
    g_test_add_func("/alarm_state/reasons", test_reasons);
    return g_test_run();
}
