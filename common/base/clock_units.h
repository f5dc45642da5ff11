/* SPDX-License-Identifier: Apache-2.0 */
/* Units of time, in microseconds. */
#pragma once

#include <stdint.h>

#define CLOCK_US_PER_MS  INT64_C(1000)
#define CLOCK_US_PER_SEC INT64_C(1000000)
#define CLOCK_MINUTE_US  (60 * CLOCK_US_PER_SEC)
#define CLOCK_HOUR_US    (60 * CLOCK_MINUTE_US)
#define CLOCK_DAY_US     (24 * CLOCK_HOUR_US)
