/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The local time zone: TZ, else /etc/localtime. Its rules are read once, and again by zone_refresh.
 * Offsets are cached, since a listing asks for one per object.
 *
 * A wall-clock time here is microseconds as if the local clock showed UTC.
 */
#pragma once

#include <stdint.h>

/* Minutes. */
#define ZONE_OFFSET_MAX 1440

/* Reads the zone again, since /etc/localtime may have changed. */
void zone_refresh(void);

/*
 * Minutes that the local clock is ahead of UTC at this instant, rounded down; at most
 * ZONE_OFFSET_MAX.
 */
int zone_offset_min(int64_t utc_us);

/* Converts an instant to the time that the local clock shows. */
int64_t zone_to_wall_us(int64_t utc_us);

/*
 * Converts a local clock's time to the instant. If the clock shows that time twice, the instant
 * before the clock is set back is returned.
 */
int64_t zone_from_wall_us(int64_t wall_us);

/*
 * Returns a hash of the zone's offsets from 1970 to 2037, one per week, to notice a change of the
 * zone. The first call after a refresh takes about a millisecond.
 */
uint64_t zone_fingerprint(void);
