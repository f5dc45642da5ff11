/* SPDX-License-Identifier: Apache-2.0 */
#include "config/config_table.h"
#include "base/clock.h"

#include <string.h>

#define MIB (INT64_C(1) << 20)
#define GIB (INT64_C(1) << 30)

#define BUCKET(field)      SECTION_BUCKET, #field
#define HANDLER(field)     SECTION_HANDLER, #field
#define DESTINATION(field) SECTION_DESTINATION, #field
#define RENDITION(field)   SECTION_RENDITION, #field
#define SCHEDULE(field)    SECTION_SCHEDULE, #field
#define LIFECYCLE(field)   SECTION_LIFECYCLE, #field
#define ALARM(field)       SECTION_ALARM, #field
#define TRIGGER(field)     SECTION_TRIGGER, #field
#define YEAR               (366 * CLOCK_DAY_US)

static const char *const durability_names[] = {"full", "store", "none"};
static const char *const isolation_names[] = {"file", "owner", "none"};
static const char *const lending_names[] = {"auto", "never", "always"};
static const char *const comparison_names[] = {">=", ">", "<", "<="};
static const char *const missing_data_names[] = {"missing", "notBreaching", "breaching", "ignore"};
static const char *const catchup_names[] = {"none", "once", "all"};
static const char *const lifecycle_target_names[] = {"thumbnails", "objects"};

static const char *const trigger_kind_names[] = {"created", "removed", "done", "dead", "thumbnail"};

static const Names durability_values = NAMES_OF(durability_names);
static const Names isolation_values = NAMES_OF(isolation_names);
static const Names lending_values = NAMES_OF(lending_names);
static const Names comparison_values = NAMES_OF(comparison_names);
static const Names missing_data_values = NAMES_OF(missing_data_names);
static const Names catchup_values = NAMES_OF(catchup_names);
static const Names lifecycle_target_values = NAMES_OF(lifecycle_target_names);
static const Names trigger_kind_values = NAMES_OF(trigger_kind_names);

const char *durability_name(Durability durability)
{
    return durability_names[durability];
}

const char *comparison_name(Comparison comparison)
{
    return comparison_names[comparison];
}

const char *missing_data_name(MissingData missing)
{
    return missing_data_names[missing];
}

const char *catchup_name(Catchup catchup)
{
    return catchup_names[catchup];
}

/* Only rows of enums set the names of their values. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

static const ConfigOption config_options[] = {
    {BUCKET(path), OPTION_TEXT, offsetof(Config, bucket), 0, 4095, "",
     "Full path of the bucket that the file configures, for files in /etc/thumbq; empty: any"},
    {BUCKET(prefix), OPTION_TEXT, offsetof(Config, prefix), 1, 4095, "thumbnails",
     "Folder of the thumbnails, below the bucket or absolute; never treated as uploads"},
    {BUCKET(state), OPTION_TEXT, offsetof(Config, state), 1, 4095, ".thumbq",
     "Folder of the store and the lock, below the bucket or absolute"},
    {BUCKET(ignore), OPTION_PATTERNS, offsetof(Config, ignore), 0, 1024,
     ".*;*.part;*.tmp;*.crdownload;*~;@eaDir;#recycle;#snapshot;lost+found;$RECYCLE.BIN;Thumbs.db",
     "Files and folders that are not uploads: glob patterns, ';' between; a pattern matches names, "
     "or with a '/' paths in the bucket (private/*)"},
    {BUCKET(mode), OPTION_MODE, offsetof(Config, mode), 0400, 0666, "source",
     "Mode of thumbnails: source (mode and group of the picture; folders have those of its "
     "folder), or a mode such as 0644"},
    {BUCKET(rescan), OPTION_DURATION, offsetof(Config, rescan_us), 0, YEAR, "1h",
     "Time between backstop scans of the whole bucket; 0 for never"},
    {BUCKET(durability), OPTION_ENUM, offsetof(Config, durability), 0, 0, "full",
     "Data on disk before a record says done: full (thumbnails and store), store (the store; lost "
     "thumbnails are made again), none (after a crash all are made again)",
     &durability_values},
    {BUCKET(reserve), OPTION_RESERVE, offsetof(Config, reserve), 0, 0, "1%",
     "Part of the disks of thumbnails and state to keep free: 1%, or a size such as 500M; work "
     "waits while less is free; 0: none"},

    {SECTION_ACCESS, "readers", OPTION_TEXT, offsetof(Config, access_readers), 0, 1024, "",
     "Groups that may query a running daemon (stats, list, show, events, ...), ',' between; empty: "
     "only its owner and root"},
    {SECTION_ACCESS, "writers", OPTION_TEXT, offsetof(Config, access_writers), 0, 1024, "",
     "Groups that may send commands to a running daemon (retry, drop, sweep, reprocess), ',' "
     "between; empty: only its owner and root"},

    {SECTION_ACCESS, "borrowers", OPTION_TEXT, offsetof(Config, access_borrowers), 0, 1024, "",
     "Groups that may borrow work with [handler] lend, ',' between; borrowers see the pictures and "
     "decide what becomes of them; empty: only the daemon's owner and root"},

    {HANDLER(concurrency), OPTION_CORES, offsetof(Config, concurrency), 1, 1024, "auto",
     "Largest number of running handler processes; auto: one per processor that this process may "
     "use, by its affinity and its control groups, and fewer while memory is short; see "
     "'thumbq doctor'"},
    {HANDLER(timeout), OPTION_DURATION, offsetof(Config, timeout_us), 100000,
     900 * CLOCK_US_PER_SEC, "15s",
     "CPU time one invocation may take before it is killed; by the clock it may take ten times "
     "that"},
    {HANDLER(memory), OPTION_BYTES, offsetof(Config, memory_bytes), 64 * MIB, 1024 * GIB, "512M",
     "Memory one handler process may use"},
    {HANDLER(max_pixels), OPTION_COUNT, offsetof(Config, max_pixels), 1, INT64_C(10000000000),
     "250M", "Largest width x height of an upload, in pixels"},
    {HANDLER(max_file_size), OPTION_BYTES, offsetof(Config, max_file_size), 1, 1024 * GIB, "512M",
     "Largest size of an upload, in bytes"},
    {HANDLER(max_pages), OPTION_INT, offsetof(Config, max_pages), 1, 1000000, "200",
     "Largest number of frames of an animation that is kept"},
    {HANDLER(max_output_size), OPTION_BYTES, offsetof(Config, max_output_size), 1024, GIB, "64M",
     "Largest size of all thumbnails of one upload together, in bytes"},
    {HANDLER(max_invocations), OPTION_INT, offsetof(Config, max_invocations), 1, 1000000, "100",
     "Invocations after which a handler process is replaced"},
    {HANDLER(isolation), OPTION_ENUM, offsetof(Config, isolation), 0, 0, "owner",
     "Pictures that one handler process may handle: file (one), owner (those of one user in one "
     "first folder of the bucket), none (all, one after the other)",
     &isolation_values},
    {HANDLER(backfill_nice), OPTION_INT, offsetof(Config, backfill_nice), 0, 19, "10",
     "Nice value, with idle I/O priority, of the handlers of back-fill (reprocess, sweeps, changed "
     "renditions) and of files that existed when thumbq was started; 0: none, as for uploads"},
    {HANDLER(lend), OPTION_ENUM, offsetof(Config, lend), 0, 0, "auto",
     "Work that is lent to borrowers at lend.sock: never (nothing), auto (to the groups of "
     "[access] borrowers, what the local pool has no room for), always (as much as they ask for)",
     &lending_values},
    {SECTION_HANDLER, "lend_up_to", OPTION_BYTES, offsetof(Config, lend_up_to), 1, 1024 * GIB,
     "64M", "Size of the largest upload that is lent"},
    {HANDLER(retries), OPTION_INT, offsetof(Config, retries), 0, 10, "2",
     "Number of retries of a failed invocation; at most one after a timeout"},
    {SECTION_HANDLER, "retry_delay", OPTION_DURATION, offsetof(Config, retry_delay_us), 0,
     CLOCK_DAY_US, "1m", "Delay before the first retry; doubled before each further one"},

    {DESTINATION(on_failure), OPTION_TEXT, offsetof(Config, on_failure), 0, 4095, "",
     "Folder for a JSON file on each object that dies, absolute or below the state folder"},
    {DESTINATION(on_success), OPTION_TEXT, offsetof(Config, on_success), 0, 4095, "",
     "Folder for a JSON file on each object that is done, absolute or below the state folder"},
    {SECTION_DESTINATION, "keep", OPTION_DURATION, offsetof(Config, destination_keep_us), 0,
     100 * YEAR, "30d", "Time to keep these files; 'sweep store' deletes older ones; 0 for ever"},

    {SECTION_STORE, "events", OPTION_COUNT, offsetof(Config, events_max), 1000, 100000000, "100K",
     "Number of events to keep in the log; the oldest are deleted"},
    {SECTION_STORE, "events_keep", OPTION_DURATION, offsetof(Config, events_keep_us), 0, 100 * YEAR,
     "0", "Time to keep events in the log; 0: no limit"},
    {SECTION_STORE, "minutes_keep", OPTION_DURATION, offsetof(Config, minutes_keep_us), 0,
     100 * YEAR, "15d", "Time to keep metrics by the minute; 0 for ever"},
    {SECTION_STORE, "hours_keep", OPTION_DURATION, offsetof(Config, hours_keep_us), 0, 100 * YEAR,
     "455d",
     "Time to keep metrics by the hour; metrics by the day, and the bill, are kept for ever"},

    {SECTION_STORE, "compact", OPTION_BYTES, offsetof(Config, compact_bytes), 0, 1024 * GIB, "64M",
     "A start compacts the store if half of its file is free, and at least this size; 0 for never"},

    {RENDITION(size), OPTION_SIZE, 0, 1, RENDITION_SIZE_MAX, "256x256",
     "Width and height in pixels, at the most; pictures are never enlarged"},
    {RENDITION(fit), OPTION_ENUM, offsetof(Rendition, fit), 0, 0, "inside",
     "inside (all of it), cover (centre cut), attention, entropy (best part cut), fill (stretch)",
     &fit_values},
    {RENDITION(format), OPTION_ENUM, offsetof(Rendition, format), 0, 0, "jpeg",
     "jpeg, webp, png, avif, jxl, auto (webp with alpha, else jpeg), same (as the upload)",
     &format_values},
    {RENDITION(quality), OPTION_INT, offsetof(Rendition, quality), 1, 100, "80",
     "Quality of the encoder, 1 to 100"},
    {RENDITION(background), OPTION_COLOR, offsetof(Rendition, background), 0, 0, "#ffffff",
     "Colour under transparent parts where the format has no alpha"},
    {RENDITION(animation), OPTION_ENUM, offsetof(Rendition, animation), 0, 0, "first",
     "first (frame of an animation), keep (as animated webp; formats webp, auto and same)",
     &animation_values},
    {RENDITION(max_frames), OPTION_INT, offsetof(Rendition, max_frames), 1, RENDITION_FRAMES_MAX,
     "100",
     "Largest number of frames of an animation; of a longer one only the first frame is used"},
    {RENDITION(keep), OPTION_BITS, offsetof(Rendition, keep), 0, 0, "none",
     "Metadata of the upload: none, or of icc,exif,xmp; without icc, colours are sRGB",
     &keep_values},

    {SCHEDULE(cron), OPTION_TEXT, offsetof(ScheduleConfig, cron), 1, 256, NULL,
     "When: 0 3 * * *, @daily, cron(0 3 * * ? *), rate(5 minutes), at(2026-01-31T12:00:00)"},
    {SCHEDULE(timezone), OPTION_TEXT, offsetof(ScheduleConfig, timezone), 0, 64, "",
     "IANA time zone such as Europe/Berlin; empty: that of this machine"},
    {SCHEDULE(run), OPTION_TEXT, offsetof(ScheduleConfig, run), 1, 1024, NULL,
     "Work to do: sweep orphans, missing, stale, expire, store or all; pause backfill, resume "
     "backfill; "
     "or exec COMMAND, a command line that gets the Scheduled Event on its standard input"},
    {SCHEDULE(catchup), OPTION_ENUM, offsetof(ScheduleConfig, catchup), 0, 0, "none",
     "Runs missed while thumbq was down or the previous run was going on: none (dropped), once "
     "(one run for all of them), all (a run for each, at most the newest 100)",
     &catchup_values},
    {SECTION_SCHEDULE, "timeout", OPTION_DURATION, offsetof(ScheduleConfig, timeout_us),
     CLOCK_US_PER_SEC, 7 * CLOCK_DAY_US, "1h", "Time limit of a command, after which it is killed"},

    {LIFECYCLE(prefix), OPTION_TEXT, offsetof(LifecycleConfig, prefix), 0, 4095, NULL,
     "Objects whose names begin with this; empty: all of them"},
    {SECTION_LIFECYCLE, "expire", OPTION_DURATION, offsetof(LifecycleConfig, expire_us),
     CLOCK_US_PER_SEC, 100 * YEAR, NULL,
     "Age after which 'sweep expire' removes the target, counted from when the file was written or "
     "uploaded"},
    {LIFECYCLE(target), OPTION_ENUM, offsetof(LifecycleConfig, target), 0, 0, "thumbnails",
     "thumbnails (until the object changes), objects (the files themselves, and their thumbnails)",
     &lifecycle_target_values},
    {LIFECYCLE(expire_confirm), OPTION_BOOL, offsetof(LifecycleConfig, expire_confirm), 0, 0, "no",
     "yes: 'target = objects' may delete files that are less than a day old"},

    {ALARM(metric), OPTION_ENUM, offsetof(AlarmConfig, metric), 0, 0, NULL,
     "Metric to watch: Errors, Throttles, Duration, AsyncEventAge, QueueDepth, DeadLetters, ... as "
     "'thumbq metrics --json' names them",
     &metric_values},
    {ALARM(statistic), OPTION_TEXT, offsetof(AlarmConfig, statistic), 0, 16, "",
     "Statistic of a time: p99 (any percentile), Average, Maximum, Sum or SampleCount; empty: p99. "
     "Every other metric has a single one"},
    {ALARM(comparison), OPTION_ENUM, offsetof(AlarmConfig, comparison), 0, 0,
     ">=", "How the value of a breaching period compares with the threshold: >=, >, <, <=",
     &comparison_values},
    {ALARM(threshold), OPTION_NUMBER, offsetof(AlarmConfig, threshold), 0, 0, NULL,
     "In the unit of the metric: a number, milliseconds for times, bytes for memory"},
    {SECTION_ALARM, "period", OPTION_DURATION, offsetof(AlarmConfig, period_us), CLOCK_MINUTE_US,
     CLOCK_DAY_US, "1m", "Length of a period, in whole minutes"},
    {ALARM(datapoints), OPTION_DATAPOINTS, offsetof(AlarmConfig, datapoints), 1,
     CONFIG_DATAPOINTS_MAX, "1 of 1",
     "M of N: an alarm needs M breaching periods among the last N"},
    {ALARM(missing), OPTION_ENUM, offsetof(AlarmConfig, missing), 0, 0, "missing",
     "How a period without data counts: missing (INSUFFICIENT_DATA when there is nothing else), "
     "notBreaching, breaching, ignore (the state stays)",
     &missing_data_values},
    {ALARM(notify), OPTION_TEXT, offsetof(AlarmConfig, notify), 0, 1024, "",
     "exec COMMAND: a command line for /bin/sh, run in the bucket at each change of the state, "
     "with "
     "the event as JSON on its standard input"},
    {ALARM(notify_on), OPTION_BITS, offsetof(AlarmConfig, notify_on), 0, 0, "ALARM,OK",
     "States that run the command: of ALARM,OK,INSUFFICIENT_DATA, or none", &alarm_state_values},
    {SECTION_ALARM, "timeout", OPTION_DURATION, offsetof(AlarmConfig, timeout_us), CLOCK_US_PER_SEC,
     CLOCK_HOUR_US, "10s", "Time limit of the command, after which it is killed"},

    {TRIGGER(on), OPTION_BITS, offsetof(TriggerConfig, on), 0, 0, NULL,
     "Events to deliver: some of created,removed,done,dead,thumbnail; a rename is removed and "
     "created; thumbnail is every event named Thumbnail:...",
     &trigger_kind_values},
    {TRIGGER(prefix), OPTION_TEXT, offsetof(TriggerConfig, prefix), 0, 4095, "",
     "Only objects whose names begin with this; empty: all"},
    {TRIGGER(suffix), OPTION_TEXT, offsetof(TriggerConfig, suffix), 0, 4095, "",
     "Only objects whose names end with this; empty: all"},
    {TRIGGER(match), OPTION_PATTERNS, offsetof(TriggerConfig, match), 0, 1024, "",
     "Only objects that match one of these glob patterns, ';' between; a pattern matches the last "
     "part of the name, or with a '/' the whole name; empty: all"},
    {TRIGGER(run), OPTION_TEXT, offsetof(TriggerConfig, run), 1, 1024, NULL,
     "exec COMMAND: a command line for /bin/sh, run in the bucket, with an event per line on its "
     "standard input, as JSON in the form of S3; or invoke NAME: a function, called by the program "
     "that listens at invoke.sock"},
    {TRIGGER(batch), OPTION_INT, offsetof(TriggerConfig, batch), 1, 10000, "1",
     "Largest number of events that one command or function gets"},
    {SECTION_TRIGGER, "timeout", OPTION_DURATION, offsetof(TriggerConfig, timeout_us),
     CLOCK_US_PER_SEC, CLOCK_DAY_US, "1m", "Time limit of the command, after which it is killed"},
    {SECTION_TRIGGER, "max_age", OPTION_DURATION, offsetof(TriggerConfig, max_age_us),
     CLOCK_MINUTE_US, 366 * CLOCK_DAY_US, "6h",
     "Age from which on waiting events are skipped, as a dead letter"},
    {TRIGGER(backlog), OPTION_COUNT, offsetof(TriggerConfig, backlog), 1, 100000000, "100K",
     "Number of events that may wait; more are skipped, the oldest first, as a dead letter"},
    {TRIGGER(on_failure), OPTION_TEXT, offsetof(TriggerConfig, on_failure), 0, 4095, "",
     "Folder for a JSON file on each dead letter, absolute or below the state folder"},
    {TRIGGER(replay), OPTION_BOOL, offsetof(TriggerConfig, replay), 0, 0, "no",
     "yes: a store that is made anew delivers events for the files that were there already"},
};
#pragma GCC diagnostic pop

#define ROWS(field)                                                                                \
    offsetof(Config, field), offsetof(Config, n_##field), sizeof(((Config *)NULL)->field[0]),      \
        G_N_ELEMENTS(((Config *)NULL)->field)

static const Section config_sections[SECTION_TYPES] = {
    [SECTION_BUCKET] = {.name = "bucket"},
    [SECTION_ACCESS] = {.name = "access"},
    [SECTION_HANDLER] = {.name = "handler"},
    [SECTION_DESTINATION] = {.name = "destination"},
    [SECTION_STORE] = {.name = "store"},
    [SECTION_RENDITION] = {"rendition", "renditions", ROWS(renditions)},
    [SECTION_SCHEDULE] = {"schedule", "schedules", ROWS(schedules), offsetof(ScheduleConfig, line)},
    [SECTION_LIFECYCLE] = {"lifecycle", "lifecycle rules", ROWS(lifecycle),
                           offsetof(LifecycleConfig, line)},
    [SECTION_ALARM] = {"alarm", "alarms", ROWS(alarms), offsetof(AlarmConfig, line)},
    [SECTION_TRIGGER] = {"trigger", "triggers", ROWS(triggers), offsetof(TriggerConfig, line)},
};

G_STATIC_ASSERT((int)SECTION_TYPES <= CONFIG_SECTIONS_MAX);
G_STATIC_ASSERT(RENDITIONS_MAX <= CONFIG_ROWS_MAX && CONFIG_SCHEDULES_MAX <= CONFIG_ROWS_MAX &&
                CONFIG_LIFECYCLE_MAX <= CONFIG_ROWS_MAX && CONFIG_ALARMS_MAX <= CONFIG_ROWS_MAX &&
                CONFIG_TRIGGERS_MAX <= CONFIG_ROWS_MAX);
G_STATIC_ASSERT(offsetof(Rendition, name) == 0 && RENDITION_NAME_MAX == CONFIG_NAME_MAX);
G_STATIC_ASSERT(offsetof(ScheduleConfig, name) == 0 && offsetof(LifecycleConfig, name) == 0 &&
                offsetof(AlarmConfig, name) == 0 && offsetof(TriggerConfig, name) == 0);

const ConfigSchema config_schema = {
    config_options,
    G_N_ELEMENTS(config_options),
    config_sections,
    SECTION_TYPES,
};

size_t config_section_count(const ConfigSchema *schema, const void *base, int section)
{
    const Section *row = &schema->sections[section];
    return row->plural ? G_STRUCT_MEMBER(size_t, base, row->n_rows) : 1;
}

void *config_section_row(const ConfigSchema *schema, const void *base, int section, size_t i)
{
    const Section *row = &schema->sections[section];
    return row->plural ? (char *)base + row->rows + i * row->row_size : (void *)base;
}

void config_section_set_count(const ConfigSchema *schema, void *base, int section, size_t n)
{
    G_STRUCT_MEMBER(size_t, base, schema->sections[section].n_rows) = n;
}

const ConfigOption *config_find_option(const ConfigSchema *schema, int section, const char *name)
{
    for (size_t i = 0; i < schema->n_options; i++) {
        if (schema->options[i].section == section && strcmp(schema->options[i].name, name) == 0)
            return &schema->options[i];
    }
    return NULL;
}
