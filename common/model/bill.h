/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The price that AWS Lambda would have charged: a price for each request and each GB-second, with a
 * free amount of each in every month. Source: AWS Lambda pricing, x86, US East.
 */
#pragma once

#include <stdint.h>

#define BILL_FREE_REQUESTS   1000000
#define BILL_FREE_GB_SECONDS 400000

/* The costs that Lambda would count. */
typedef struct {
    uint64_t requests;
    /* Sum of durations, each rounded up to whole milliseconds. */
    uint64_t billed_ms;
    /* Sum of these times the memory size in force, in MB. */
    uint64_t billed_mb_ms;
    /* Time of the first count; 0: nothing was ever counted. */
    int64_t counted_since_us;
} Bill;

typedef struct {
    uint64_t requests;
    double gb_seconds;
    /* Without the free amounts. */
    double requests_usd, gb_seconds_usd;
    /* With the free amounts. */
    double charged_usd;
} BillPrice;

BillPrice bill_price(const Bill *bill);
