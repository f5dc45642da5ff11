/* SPDX-License-Identifier: Apache-2.0 */
/* The command `bill`: prints what the same work would cost at AWS Lambda. */
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/units.h"
#include "command.h"
#include "model/bill_json.h"
#include "views/json_out.h"
#include "views/table.h"
#include "views/terminal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    const char *month;
    bool json;
} BillOptions;

static const CommandOption options[] = {
    {"month", OPTION_TEXT, "YYYY-MM", offsetof(BillOptions, month),
     "of this month (UTC); default: the one that is now"},
    {"json", OPTION_FLAG, NULL, offsetof(BillOptions, json), "one JSON object"},
    {NULL},
};

const CommandUsage usage_bill = {
    .about =
        "Computes the price of the same work on AWS Lambda: its requests, and their durations in\n"
        "started milliseconds, times the memory size in force.",
    .examples = "thumbq bill photos\n"
                "thumbq bill --month 2026-01 photos\n"
                "thumbq bill --json photos",
    .options = options,
    .values_size = sizeof(BillOptions),
};

typedef struct {
    /* The first midnight of the month. */
    GDateTime *start;
    int64_t since_us, until_us;
    /* The month has not ended. */
    bool is_now;
} Month;

static void month_clear(Month *month)
{
    g_clear_pointer(&month->start, g_date_time_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Month, month_clear)

/* Parses "2026-01". */
static bool parse_month(const char *text, int *ret_year, int *ret_month, GError **error)
{
    bool is_plain = strlen(text) == 7 && text[4] == '-' && strspn(text, "0123456789") == 4 &&
                    strspn(text + 5, "0123456789") == 2;

    if (is_plain) {
        *ret_year = (int)g_ascii_strtoll(text, NULL, 10);
        *ret_month = (int)g_ascii_strtoll(text + 5, NULL, 10);
        if (*ret_year >= 1970 && *ret_month >= 1 && *ret_month <= 12)
            return true;
    }
    g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "--month: '%s' is no month; write 2026-01", text);
    return false;
}

static bool find_month(const char *text, int64_t now_us, Month *ret_month, GError **error)
{
    g_autoptr(GDateTime) now = g_date_time_new_from_unix_utc(now_us / CLOCK_US_PER_SEC);
    int year = g_date_time_get_year(now);
    int number = g_date_time_get_month(now);

    if (text && !parse_month(text, &year, &number, error))
        return false;
    ret_month->start = g_date_time_new_utc(year, number, 1, 0, 0, 0);
    g_autoptr(GDateTime) end = g_date_time_add_months(ret_month->start, 1);
    ret_month->since_us = g_date_time_to_unix(ret_month->start) * CLOCK_US_PER_SEC;
    ret_month->until_us = (end ? g_date_time_to_unix(end) : G_MAXINT32) * CLOCK_US_PER_SEC;
    ret_month->is_now = now_us < ret_month->until_us;
    return true;
}

/*
 * Formats a price as "$1,204.50"; a small one gets enough decimals to show its value: "$0.00076".
 */
static char *dollars(double usd)
{
    int64_t cents = (int64_t)round(usd * 100);

    if (usd > 0 && cents < 10)
        return g_strdup_printf("$%.*f", usd < 0.001 ? 6 : 4, usd);
    g_autofree char *whole = units_format_count(cents / 100);
    return g_strdup_printf("$%s.%02d", whole, (int)(cents % 100));
}

static void add_row(TextTable *table, const char *name, const char *used, const char *price,
                    double usd, double of_free)
{
    g_autofree char *cost = dollars(usd);
    g_autofree char *share = of_free > 0 && of_free < 0.0001
                                 ? g_strdup("< 0.01 %")
                                 : g_strdup_printf("%.*f %%", of_free < 0.1 ? 2 : 0, of_free * 100);
    const char *cells[] = {name, used, price, cost, share};

    table_add(table, cells, TABLE_NO_PROBLEM);
}

static void print_table(const BillPrice *price)
{
    static const TableColumn columns[] = {{"", TABLE_TEXT},
                                          {"used", TABLE_FIGURE},
                                          {"price", TABLE_FIGURE},
                                          {"cost", TABLE_FIGURE},
                                          {"of what is free", TABLE_FIGURE}};
    g_autoptr(TextTable) table = table_new(columns, G_N_ELEMENTS(columns));
    g_autofree char *requests = units_format_count((int64_t)price->requests);
    g_autofree char *whole = units_format_count((int64_t)price->gb_seconds);
    g_autofree char *gb_seconds =
        price->gb_seconds < 1000 ? g_strdup_printf("%.2f", price->gb_seconds) : g_strdup(whole);

    add_row(table, "requests", requests, "$0.20 / million", price->requests_usd,
            (double)price->requests / BILL_FREE_REQUESTS);
    add_row(table, "GB-seconds", gb_seconds, "$0.0000166667", price->gb_seconds_usd,
            price->gb_seconds / BILL_FREE_GB_SECONDS);
    table_print_below(table);
}

static void print_view(const Month *month, const BillPrice *price)
{
    g_autofree char *name = g_date_time_format(month->start, "%Y-%m");
    g_autofree char *without = dollars(price->requests_usd + price->gb_seconds_usd);
    g_autofree char *with = dollars(price->charged_usd);

    printf("What AWS Lambda would have charged for %s%s\n", name, month->is_now ? " so far" : "");
    print_table(price);
    printf("\nWith the free tier     %s%10s%s\nWithout it             %10s\n", terminal_bold(),
           with, terminal_reset(), without);
}

/* Warns if the month, or a part of it, lies before the first counted invocation. */
static void warn_uncounted(const Month *month, const Bill *bill)
{
    if (bill->counted_since_us == 0) {
        log_warning("nothing has been counted for a bill yet");
    } else if (bill->counted_since_us > month->since_us) {
        g_autofree char *since = terminal_date(bill->counted_since_us, true);
        log_warning("counted since %s UTC: this bill lacks earlier invocations", since);
    }
}

int cmd_bill(Context *context, GError **error)
{
    const BillOptions *chosen = context->options;
    g_auto(Month) month = {0};
    Bill bill;

    if (!find_month(chosen->month, context->now_us, &month, error) ||
        !store_bill(context->snapshot, month.since_us, month.until_us, &bill, error))
        return -1;
    BillPrice price = bill_price(&bill);
    if (chosen->json) {
        g_autofree char *name = g_date_time_format(month.start, "%Y-%m");
        json_out_print(bill_json(name, &price));
    } else {
        print_view(&month, &price);
    }
    warn_uncounted(&month, &bill);
    return 0;
}
