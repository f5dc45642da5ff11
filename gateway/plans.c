/* SPDX-License-Identifier: Apache-2.0 */
#include "plans.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/pack.h"
#include "base/trusted.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define DAMAGED_FILE PLANS_FILE ".damaged"
#define MAGIC        "tqusage1"
/* Bytes of a record. The first record holds the magic. */
#define RECORD_LEN 64
/* Bytes of a key's id in a record, with the final NUL. */
#define ID_LEN      48
#define RECORDS_MAX 100000
/* Every period is over after this time. */
#define STALE_US (32 * CLOCK_DAY_US)

/* The counters of one key. */
typedef struct {
    /* Number of its record in the file. */
    int64_t record;
    /* Start of the period, and the requests in it. */
    int64_t period_us, used;
    /* Tokens at `filled_us`, monotonic clock; 0: never filled. */
    double tokens;
    int64_t filled_us;
} Usage;

struct Plans {
    int fd;
    /* Id -> Usage; both owned. */
    GHashTable *by_id;
    int64_t n_records;
    /* Elements: int64_t. Numbers of records whose period is long over. */
    GArray *free_records;
};

int64_t plans_period(QuotaPeriod period, int64_t wall_us, int64_t *ret_end_us)
{
    g_autoptr(GDateTime) now = g_date_time_new_from_unix_utc(wall_us / CLOCK_US_PER_SEC);
    int year, month, day;

    g_date_time_get_ymd(now, &year, &month, &day);
    g_autoptr(GDateTime) midnight = g_date_time_new_utc(year, month, day, 0, 0, 0);
    const int since = period == QUOTA_WEEK    ? g_date_time_get_day_of_week(now) - 1
                      : period == QUOTA_MONTH ? day - 1
                                              : 0;
    g_autoptr(GDateTime) start = g_date_time_add_days(midnight, -since);
    g_autoptr(GDateTime) end = period == QUOTA_MONTH
                                   ? g_date_time_add_months(start, 1)
                                   : g_date_time_add_days(start, period == QUOTA_WEEK ? 7 : 1);

    *ret_end_us = g_date_time_to_unix(end) * CLOCK_US_PER_SEC;
    return g_date_time_to_unix(start) * CLOCK_US_PER_SEC;
}

/* Takes the record in `bytes`. False: it is not one of a key. */
static bool load_record(Plans *plans, const uint8_t *bytes, int64_t record, int64_t now_us)
{
    static const uint8_t hole[RECORD_LEN];
    Usage usage = {.record = record};
    Unpacker unpacker = {.data = bytes + ID_LEN, .len = RECORD_LEN - ID_LEN};

    /* A write that failed has left it. */
    if (memcmp(bytes, hole, RECORD_LEN) == 0) {
        g_array_append_val(plans->free_records, record);
        return true;
    }
    if (bytes[0] == '\0' || bytes[ID_LEN - 1] != '\0')
        return false;
    usage.period_us = unpack_i64(&unpacker);
    usage.used = unpack_i64(&unpacker);
    if (usage.used < 0)
        return false;
    if (usage.period_us < now_us - STALE_US) {
        g_array_append_val(plans->free_records, record);
        return true;
    }
    g_hash_table_replace(plans->by_id, g_strdup((const char *)bytes),
                         g_memdup2(&usage, sizeof usage));
    return true;
}

/* Reads all records. False: the file is not one of counters. */
static bool read_records(Plans *plans, int64_t now_us)
{
    uint8_t bytes[RECORD_LEN];

    if (pread(plans->fd, bytes, RECORD_LEN, 0) != RECORD_LEN ||
        memcmp(bytes, MAGIC, strlen(MAGIC)) != 0)
        return false;
    for (plans->n_records = 1; plans->n_records < RECORDS_MAX; plans->n_records++) {
        /* A record that was cut while it was appended is written again in its place. */
        if (pread(plans->fd, bytes, RECORD_LEN, plans->n_records * RECORD_LEN) != RECORD_LEN)
            return true;
        if (!load_record(plans, bytes, plans->n_records, now_us))
            return false;
    }
    return true;
}

static bool write_magic(Plans *plans, GError **error)
{
    uint8_t bytes[RECORD_LEN] = MAGIC;

    plans->n_records = 1;
    if (pwrite(plans->fd, bytes, RECORD_LEN, 0) == RECORD_LEN && fsync(plans->fd) == 0)
        return true;
    error_set_errno(error, errno, "cannot write", PLANS_FILE);
    return false;
}

static int open_file(int state_fd, GError **error)
{
    return trusted_open_file(state_fd, PLANS_FILE, O_RDWR | O_CREAT, error);
}

/* Sets the file aside, and begins another one. */
static bool replace_file(Plans *plans, int state_fd, GError **error)
{
    fd_clear(&plans->fd);
    g_hash_table_remove_all(plans->by_id);
    g_array_set_size(plans->free_records, 0);
    if (renameat(state_fd, PLANS_FILE, state_fd, DAMAGED_FILE) != 0) {
        error_set_errno(error, errno, "cannot rename", PLANS_FILE);
        return false;
    }
    plans->fd = open_file(state_fd, error);
    return plans->fd >= 0 && write_magic(plans, error);
}

Plans *plans_open(int state_fd, int64_t now_us, bool *ret_damaged, GError **error)
{
    g_autoptr(Plans) plans = g_new0(Plans, 1);
    struct stat st;

    plans->by_id = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    plans->free_records = g_array_new(FALSE, FALSE, sizeof(int64_t));
    *ret_damaged = false;
    plans->fd = open_file(state_fd, error);
    if (plans->fd < 0)
        return NULL;
    if (fstat(plans->fd, &st) == 0 && st.st_size == 0)
        return write_magic(plans, error) ? g_steal_pointer(&plans) : NULL;
    if (!read_records(plans, now_us)) {
        *ret_damaged = true;
        if (!replace_file(plans, state_fd, error))
            return NULL;
    }
    return g_steal_pointer(&plans);
}

bool plans_claim(Plans *plans, GError **error)
{
    if (flock(plans->fd, LOCK_EX | LOCK_NB) == 0)
        return true;
    if (errno == EWOULDBLOCK)
        g_set_error(error, THUMBQ_ERROR, ERROR_LOCKED,
                    "another gateway counts the requests of the usage plans in this state folder; "
                    "give one of them a folder of its own with --state");
    else
        error_set_errno(error, errno, "cannot lock", PLANS_FILE);
    return false;
}

void plans_free(Plans *plans)
{
    if (!plans)
        return;
    g_hash_table_destroy(plans->by_id);
    g_array_unref(plans->free_records);
    fd_clear(&plans->fd);
    g_free(plans);
}

static Usage *find_usage(Plans *plans, const char *id)
{
    Usage *usage = g_hash_table_lookup(plans->by_id, id);

    if (usage)
        return usage;
    usage = g_new0(Usage, 1);
    g_hash_table_insert(plans->by_id, g_strdup(id), usage);
    return usage;
}

/* Gives the usage a record of the file, unless the file is full: further keys are counted in
 * memory. Record 0 is never that of a key. */
static void assign_record(Plans *plans, Usage *usage)
{
    if (plans->free_records->len > 0) {
        usage->record = g_array_index(plans->free_records, int64_t, plans->free_records->len - 1);
        g_array_set_size(plans->free_records, plans->free_records->len - 1);
    } else if (plans->n_records < RECORDS_MAX) {
        usage->record = plans->n_records++;
    }
}

static void write_usage(Plans *plans, const char *id, Usage *usage)
{
    uint8_t bytes[RECORD_LEN] = {0};
    Packer packer = {.data = bytes + ID_LEN, .max = RECORD_LEN - ID_LEN};

    if (!usage->record)
        assign_record(plans, usage);
    if (!usage->record)
        return;
    g_strlcpy((char *)bytes, id, ID_LEN);
    pack_i64(&packer, usage->period_us);
    pack_i64(&packer, usage->used);
    /* A full disk does not stop the gateway; the count goes on in memory. */
    (void)!pwrite(plans->fd, bytes, RECORD_LEN, usage->record * RECORD_LEN);
}

/* Fills the bucket of tokens up to now. */
static void fill(Usage *usage, const PlanConfig *plan, int64_t now_us)
{
    const double size = plan->burst > 0 ? (double)plan->burst : MAX(1, ceil(plan->rate));

    if (!usage->filled_us)
        usage->tokens = size;
    else
        usage->tokens += (double)(now_us - usage->filled_us) / CLOCK_US_PER_SEC * plan->rate;
    usage->tokens = MIN(usage->tokens, size);
    usage->filled_us = now_us;
}

/*
 * Begins a new period if the clock is in one. A clock that is set back a little, out of the period,
 * begins none: the requests of one period would be allowed twice. A period further ahead means that
 * the clock was wrong when it began.
 */
static void renew_period(Usage *usage, const PlanConfig *plan, int64_t wall_us, int64_t *ret_end_us)
{
    int64_t start_us = plans_period(plan->quota_period, wall_us, ret_end_us);

    if (start_us <= usage->period_us && usage->period_us <= *ret_end_us)
        return;
    usage->period_us = start_us;
    usage->used = 0;
}

PlanVerdict plans_count(Plans *plans, const char *id, const PlanConfig *plan, PlanTime now,
                        int64_t *ret_retry_s)
{
    Usage *usage = find_usage(plans, id);
    int64_t end_us = 0;

    if (plan->rate > 0) {
        fill(usage, plan, now.monotonic_us);
        if (usage->tokens < 1) {
            *ret_retry_s = (int64_t)ceil((1 - usage->tokens) / plan->rate);
            return PLAN_RATE;
        }
    }
    if (plan->quota_requests > 0) {
        renew_period(usage, plan, now.wall_us, &end_us);
        if (usage->used >= plan->quota_requests) {
            *ret_retry_s = MAX(1, (end_us - now.wall_us) / CLOCK_US_PER_SEC);
            return PLAN_QUOTA;
        }
        usage->used++;
        write_usage(plans, id, usage);
    }
    if (plan->rate > 0)
        usage->tokens--;
    return PLAN_ALLOWED;
}

int64_t plans_used(const Plans *plans, const char *id)
{
    const Usage *usage = g_hash_table_lookup(plans->by_id, id);

    return usage ? usage->used : 0;
}
