/* SPDX-License-Identifier: Apache-2.0 */
#include "model/bill_json.h"

#include <math.h>

static double rounded(double value, double steps)
{
    return round(value * steps) / steps;
}

json_t *bill_json(const char *month, const BillPrice *price)
{
    return json_pack("{s:s, s:I, s:f, s:{s:i, s:i}, s:f, s:f}", "month", month, "requests",
                     (json_int_t)price->requests, "gb_seconds", rounded(price->gb_seconds, 1e6),
                     "free", "requests", BILL_FREE_REQUESTS, "gb_seconds", BILL_FREE_GB_SECONDS,
                     "cost_usd", rounded(price->charged_usd, 1e8), "cost_usd_without_free",
                     rounded(price->requests_usd + price->gb_seconds_usd, 1e8));
}
