/* SPDX-License-Identifier: Apache-2.0 */
#include "model/bill.h"

#include <glib.h>

#define USD_PER_REQUEST   (0.20 / 1e6)
#define USD_PER_GB_SECOND 0.0000166667

BillPrice bill_price(const Bill *bill)
{
    BillPrice price = {.requests = bill->requests,
                       .gb_seconds = (double)bill->billed_mb_ms / 1024 / 1000};

    price.requests_usd = (double)price.requests * USD_PER_REQUEST;
    price.gb_seconds_usd = price.gb_seconds * USD_PER_GB_SECOND;
    price.charged_usd = MAX((double)price.requests - BILL_FREE_REQUESTS, 0) * USD_PER_REQUEST +
                        MAX(price.gb_seconds - BILL_FREE_GB_SECONDS, 0) * USD_PER_GB_SECOND;
    return price;
}
