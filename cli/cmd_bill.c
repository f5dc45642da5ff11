/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What AWS Lambda would have charged. Source: AWS Lambda pricing, x86, US East: a price per request
 * and per GB-second, of which the first of each month are free.
 */
#include "clock.h"
#include "command.h"
#include "error.h"
#include "json_out.h"
#include "log.h"
#include "table.h"
#include "terminal.h"
#include "units.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define USD_PER_REQUEST   (0.20 / 1e6)
#define USD_PER_GB_SECOND 0.0000166667

#define FREE_REQUESTS   1000000
#define FREE_GB_SECONDS 400000

typedef struct {
    const char *month;
    bool json;
} BillOptions;

static const Option options[] = {
    {"month", OPTION_TEXT, "YYYY-MM", offsetof(BillOptions, month),
     "of this month (UTC); default: the one that is now"},
    {"json", OPTION_FLAG, NULL, offsetof(BillOptions, json), "one JSON object"},
    {NULL},
};

const CommandUsage usage_bill = {
    .about =
        "Prints what AWS Lambda would have charged for the same work: its requests, and their\n"
        "durations, each in started milliseconds, times the memory size in force.",
    .examples = "thumbq bill photos\n"
                "thumbq bill --month 2026-01 photos\n"
                "thumbq bill --json photos",
    .options = options,
    .values_size = sizeof(BillOptions),
};

/* ---- the month ----------------------------------------------------------------------------------
 */

typedef struct {
    GDateTime *start; /* its first midnight */
    int64_t since_us, until_us;
    bool is_now; /* it has not ended */
} Month;

static void month_clear(Month *month)
{
    g_clear_pointer(&month->start, g_date_time_unref);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Month, month_clear)

/* "2026-01" */
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

/* ---- the price ----------------------------------------------------------------------------------
 */

typedef struct {
    uint64_t requests;
    double gb_seconds;
    double requests_usd, gb_seconds_usd; /* without what is free */
    double charged_usd;                  /* with it */
} Price;

static Price price_of(const StoreBill *bill)
{
    Price price = {.requests = bill->requests,
                   .gb_seconds = (double)bill->billed_mb_ms / 1024 / 1000};

    price.requests_usd = (double)price.requests * USD_PER_REQUEST;
    price.gb_seconds_usd = price.gb_seconds * USD_PER_GB_SECOND;
    price.charged_usd = MAX((double)price.requests - FREE_REQUESTS, 0) * USD_PER_REQUEST +
                        MAX(price.gb_seconds - FREE_GB_SECONDS, 0) * USD_PER_GB_SECOND;
    return price;
}

static double rounded(double value, double steps)
{
    return round(value * steps) / steps;
}

static void print_json(const char *month, const Price *price)
{
    json_out_print(json_pack("{s:s, s:I, s:f, s:{s:i, s:i}, s:f, s:f}", "month", month, "requests",
                             (json_int_t)price->requests, "gb_seconds",
                             rounded(price->gb_seconds, 1e6), "free", "requests", FREE_REQUESTS,
                             "gb_seconds", FREE_GB_SECONDS, "cost_usd",
                             rounded(price->charged_usd, 1e8), "cost_usd_without_free",
                             rounded(price->requests_usd + price->gb_seconds_usd, 1e8)));
}

/* ---- for people ---------------------------------------------------------------------------------
 */

/* "$1,204.50"; as many decimals as tell anything of a small one: "$0.00076". */
static char *dollars(double usd)
{
    int64_t cents = (int64_t)round(usd * 100);

    if (usd > 0 && cents < 10)
        return g_strdup_printf("$%.*f", usd < 0.001 ? 6 : 4, usd);
    g_autofree char *whole = units_format_count(cents / 100);
    return g_strdup_printf("$%s.%02d", whole, (int)(cents % 100));
}

static void add_row(Table *table, const char *name, const char *used, const char *price, double usd,
                    double of_free)
{
    g_autofree char *cost = dollars(usd);
    g_autofree char *share = of_free > 0 && of_free < 0.0001
                                 ? g_strdup("< 0.01 %")
                                 : g_strdup_printf("%.*f %%", of_free < 0.1 ? 2 : 0, of_free * 100);
    const char *cells[] = {name, used, price, cost, share};

    table_add(table, cells, TABLE_NO_PROBLEM);
}

static void print_table(const Price *price)
{
    static const TableColumn columns[] = {{"", TABLE_TEXT},
                                          {"used", TABLE_FIGURE},
                                          {"price", TABLE_FIGURE},
                                          {"cost", TABLE_FIGURE},
                                          {"of what is free", TABLE_FIGURE}};
    g_autoptr(Table) table = table_new(columns, G_N_ELEMENTS(columns));
    g_autofree char *requests = units_format_count((int64_t)price->requests);
    g_autofree char *whole = units_format_count((int64_t)price->gb_seconds);
    g_autofree char *gb_seconds =
        price->gb_seconds < 1000 ? g_strdup_printf("%.2f", price->gb_seconds) : g_strdup(whole);

    add_row(table, "requests", requests, "$0.20 / million", price->requests_usd,
            (double)price->requests / FREE_REQUESTS);
    add_row(table, "GB-seconds", gb_seconds, "$0.0000166667", price->gb_seconds_usd,
            price->gb_seconds / FREE_GB_SECONDS);
    table_print_below(table);
}

static void print_view(const Month *month, const Price *price)
{
    g_autofree char *name = g_date_time_format(month->start, "%Y-%m");
    g_autofree char *without = dollars(price->requests_usd + price->gb_seconds_usd);
    g_autofree char *with = dollars(price->charged_usd);

    printf("What AWS Lambda would have charged for %s%s\n", name, month->is_now ? " so far" : "");
    print_table(price);
    printf("\nWith the free tier     %s%10s%s\nWithout it             %10s\n", terminal_bold(),
           with, terminal_reset(), without);
}

/* The month, or a part of it, may lie before anything was counted. */
static void warn_uncounted(const Month *month, const StoreBill *bill)
{
    if (bill->counted_since_us == 0) {
        log_warning("nothing has been counted for a bill yet");
    } else if (bill->counted_since_us > month->since_us) {
        g_autofree char *since = terminal_date(bill->counted_since_us, true);
        log_warning("counted since %s UTC: what was done before is not in this bill", since);
    }
}

int cmd_bill(Context *context, GError **error)
{
    const BillOptions *chosen = context->options;
    g_auto(Month) month = {0};
    StoreBill bill;

    if (!find_month(chosen->month, context->now_us, &month, error) ||
        !store_bill(context->snapshot, month.since_us, month.until_us, &bill, error))
        return -1;
    Price price = price_of(&bill);
    if (chosen->json) {
        g_autofree char *name = g_date_time_format(month.start, "%Y-%m");
        print_json(name, &price);
    } else {
        print_view(&month, &price);
    }
    warn_uncounted(&month, &bill);
    return 0;
}
