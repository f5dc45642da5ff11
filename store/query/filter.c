/* SPDX-License-Identifier: Apache-2.0 */
#include "query/filter.h"

#include <fnmatch.h>
#include <string.h>

bool store_filter_is_empty(const StoreFilter *filter)
{
    bool has_prefix = filter->prefix && *filter->prefix;

    return !has_prefix && !filter->match && !filter->types && !filter->states &&
           !filter->has_since && !filter->has_until && !filter->has_min_size &&
           !filter->has_max_size && !filter->damaged;
}

static bool in_set(uint32_t set, int member)
{
    return set == 0 || (set & (UINT32_C(1) << member));
}

static bool size_matches(const StoreFilter *filter, int64_t size)
{
    return (!filter->has_min_size || size >= filter->min_size) &&
           (!filter->has_max_size || size <= filter->max_size);
}

static int64_t date_for(const Record *record, bool is_instant)
{
    return is_instant ? record_date_instant_us(record) : record_date_us(record);
}

static bool date_matches(const StoreFilter *filter, const Record *record)
{
    if (!filter->has_since && !filter->has_until)
        return true;

    return (!filter->has_since || date_for(record, filter->since_is_instant) >= filter->since_us) &&
           (!filter->has_until || date_for(record, filter->until_is_instant) < filter->until_us);
}

static bool glob_matches(const char *pattern, const char *key)
{
    const char *slash = strrchr(key, '/');
    bool is_on_name = slash && !strchr(pattern, '/');

    return fnmatch(pattern, is_on_name ? slash + 1 : key, 0) == 0;
}

bool filter_matches_name(const StoreFilter *filter, const char *key)
{
    return (!filter->prefix || strncmp(key, filter->prefix, strlen(filter->prefix)) == 0) &&
           (!filter->match || glob_matches(filter->match, key));
}

static bool state_matches(const StoreFilter *filter, const Record *record)
{
    return (filter->states & STORE_FILTER_AWAY && record->away) ||
           in_set(filter->states, (int)record->state);
}

bool store_filter_matches(const StoreFilter *filter, const Record *record)
{
    return state_matches(filter, record) && in_set(filter->types, (int)record->facts.type) &&
           (!filter->damaged || record->facts.damaged) &&
           size_matches(filter, record->version.size) && date_matches(filter, record) &&
           filter_matches_name(filter, record->key);
}
