/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The local time zone: TZ, else /etc/localtime. Its rules are read once, and again by zone_refresh;
 * offsets are remembered, since a listing asks for one per object.
 *
 * A wall-clock time is microseconds as if the clock on the wall showed UTC.
 */
#pragma once

#include <stdint.h>

#define ZONE_OFFSET_MAX 1440 /* minutes */

/* Reads the zone again: /etc/localtime may be another one by now. */
void zone_refresh(void);

/* What is added to UTC at this instant, in whole minutes, rounded down; at most ZONE_OFFSET_MAX. */
int zone_offset_min(int64_t utc_us);

/* What the local clock shows at an instant. */
int64_t zone_to_wall_us(int64_t utc_us);

/* The instant at which it shows `wall_us`; of two the one before the clock is set back. */
int64_t zone_from_wall_us(int64_t wall_us);

/*
 * A number that is another one for zones whose clocks differ at any time from 1970 to 2037. Costs
 * about a millisecond for the first call after a refresh.
 */
uint64_t zone_fingerprint(void);
