/* SPDX-License-Identifier: Apache-2.0 */
#include "config_table.h"

#include <string.h>

#define MIB (INT64_C(1) << 20)
#define GIB (INT64_C(1) << 30)
#define SEC INT64_C(1000000)

#define BUCKET(field)      SECTION_BUCKET, #field
#define HANDLER(field)     SECTION_HANDLER, #field
#define DESTINATION(field) SECTION_DESTINATION, #field
#define RENDITION(field)   SECTION_RENDITION, #field
#define SCHEDULE(field)    SECTION_SCHEDULE, #field
#define LIFECYCLE(field)   SECTION_LIFECYCLE, #field
#define ALARM(field)       SECTION_ALARM, #field
#define YEAR               (366 * 86400 * SEC)

const Option config_options[] = {
    {BUCKET(path), OPTION_TEXT, offsetof(Config, bucket), 0, 4095, "",
     "The bucket that the file is about, a whole path: for files in /etc/thumbq; empty: any"},
    {BUCKET(prefix), OPTION_TEXT, offsetof(Config, prefix), 1, 4095, "thumbnails",
     "Folder of the thumbnails, below the bucket or absolute; never treated as uploads"},
    {BUCKET(state), OPTION_TEXT, offsetof(Config, state), 1, 4095, ".thumbq",
     "Folder of the store and the lock, below the bucket or absolute"},
    {BUCKET(ignore), OPTION_PATTERNS, offsetof(Config, ignore), 0, 1024,
     ".*;*.part;*.tmp;*.crdownload;*~;@eaDir;#recycle;#snapshot;lost+found;$RECYCLE.BIN;Thumbs.db",
     "Files and folders that are no uploads; glob patterns, ';' between: of names, or, with a '/' "
     "in them, of paths in the bucket (private/*)"},
    {BUCKET(mode), OPTION_MODE, offsetof(Config, mode), 0400, 0666, "source",
     "Mode of thumbnails: source (mode and group of the picture, and folders those of its folder), "
     "or 0644 and the like"},
    {BUCKET(rescan), OPTION_DURATION, offsetof(Config, rescan_us), 0, YEAR, "1h",
     "Time between backstop scans of the whole bucket; 0 for never"},
    {BUCKET(durability), OPTION_DURABILITY, offsetof(Config, durability), 0, 0, "full",
     "On disk before a record says done: full (thumbnails and store), store (thumbnails that a "
     "power cut takes are made again), none (all is made again after a crash)"},

    {HANDLER(concurrency), OPTION_CORES, offsetof(Config, concurrency), 1, 1024, "auto",
     "Handler processes at work at the most; auto: one per processor that this process may use, by "
     "its affinity and its control groups, and as many as there is memory for; see 'thumbq "
     "doctor'"},
    {HANDLER(timeout), OPTION_DURATION, offsetof(Config, timeout_us), 100000, 900 * SEC, "15s",
     "CPU time one invocation may take before it is killed; by the clock it may take ten times "
     "that"},
    {HANDLER(memory), OPTION_BYTES, offsetof(Config, memory_bytes), 64 * MIB, 1024 * GIB, "512M",
     "Memory one handler process may use"},
    {HANDLER(max_pixels), OPTION_COUNT, offsetof(Config, max_pixels), 1, INT64_C(10000000000),
     "150M", "Width x height that is still taken"},
    {HANDLER(max_file_size), OPTION_BYTES, offsetof(Config, max_file_size), 1, 1024 * GIB, "512M",
     "Bytes of an upload that are still taken"},
    {HANDLER(max_pages), OPTION_INT, offsetof(Config, max_pages), 1, 1000000, "200",
     "Pages or frames of an upload that are still taken"},
    {HANDLER(max_output_size), OPTION_BYTES, offsetof(Config, max_output_size), 1024, GIB, "64M",
     "Bytes that the thumbnails of one upload may have together"},
    {HANDLER(max_invocations), OPTION_INT, offsetof(Config, max_invocations), 1, 1000000, "100",
     "Invocations after which a handler process is replaced"},
    {HANDLER(isolation), OPTION_ISOLATION, offsetof(Config, isolation), 0, 0, "owner",
     "What a handler process may see: file (one picture), owner (those of one user in one first "
     "folder of the bucket), none (all, one after the other)"},
    {HANDLER(retries), OPTION_INT, offsetof(Config, retries), 0, 10, "2",
     "Times a failed invocation is tried again; after a timeout once at the most"},
    {SECTION_HANDLER, "retry_delay", OPTION_DURATION, offsetof(Config, retry_delay_us), 0,
     86400 * SEC, "1m", "Wait before the first of these; doubled before each further one"},

    {DESTINATION(on_failure), OPTION_TEXT, offsetof(Config, on_failure), 0, 4095, "",
     "Folder for a JSON file on each object that dies, absolute or below the state folder"},
    {DESTINATION(on_success), OPTION_TEXT, offsetof(Config, on_success), 0, 4095, "",
     "The same for each object that is done"},
    {SECTION_DESTINATION, "keep", OPTION_DURATION, offsetof(Config, destination_keep_us), 0,
     100 * YEAR, "30d",
     "Time that these files are kept; 'sweep store' drops older ones; 0 for ever"},

    {SECTION_STORE, "events", OPTION_COUNT, offsetof(Config, events_max), 1000, 100000000, "100K",
     "Events that the log keeps; the oldest go"},
    {SECTION_STORE, "events_keep", OPTION_DURATION, offsetof(Config, events_keep_us), 0, 100 * YEAR,
     "0", "Time that it keeps them at the most; 0: as long as they are not too many"},
    {SECTION_STORE, "minutes_keep", OPTION_DURATION, offsetof(Config, minutes_keep_us), 0,
     100 * YEAR, "15d", "Time that metrics are kept by the minute; 0 for ever"},
    {SECTION_STORE, "hours_keep", OPTION_DURATION, offsetof(Config, hours_keep_us), 0, 100 * YEAR,
     "455d", "And by the hour; by the day, and with them the bill, they are kept for ever"},

    {SECTION_STORE, "compact", OPTION_BYTES, offsetof(Config, compact_bytes), 0, 1024 * GIB, "64M",
     "The store is written anew at a start when half of its file is free, and at least so much; 0 "
     "for never"},

    {RENDITION(size), OPTION_SIZE, 0, 1, RENDITION_SIZE_MAX, "256x256",
     "Width and height in pixels, at the most; pictures are never enlarged"},
    {RENDITION(fit), OPTION_FIT, offsetof(Rendition, fit), 0, 0, "inside",
     "inside (all of it), cover (centre cut), attention, entropy (best part cut), fill (stretch)"},
    {RENDITION(format), OPTION_FORMAT, offsetof(Rendition, format), 0, 0, "jpeg",
     "jpeg, webp, png, avif, jxl, auto (webp with alpha, else jpeg), same (as the upload)"},
    {RENDITION(quality), OPTION_INT, offsetof(Rendition, quality), 1, 100, "80",
     "Quality of the encoder, 1 to 100"},
    {RENDITION(background), OPTION_COLOR, offsetof(Rendition, background), 0, 0, "#ffffff",
     "Colour under transparent parts where the format has no alpha"},
    {RENDITION(animation), OPTION_ANIMATION, offsetof(Rendition, animation), 0, 0, "first",
     "first (frame of an animation), keep (as animated webp; formats webp, auto and same)"},
    {RENDITION(max_frames), OPTION_INT, offsetof(Rendition, max_frames), 1, RENDITION_FRAMES_MAX,
     "100", "Frames of an animation that is kept; of a longer one, the first frame is taken"},
    {RENDITION(keep), OPTION_KEEP, offsetof(Rendition, keep), 0, 0, "none",
     "Metadata of the upload: none, or of icc,exif,xmp; without icc, colours are sRGB"},

    {SCHEDULE(cron), OPTION_TEXT, offsetof(ScheduleConfig, cron), 1, 256, NULL,
     "When: 0 3 * * *, @daily, cron(0 3 * * ? *), rate(5 minutes), at(2026-01-31T12:00:00)"},
    {SCHEDULE(timezone), OPTION_TEXT, offsetof(ScheduleConfig, timezone), 0, 64, "",
     "IANA time zone such as Europe/Berlin; empty: that of this machine"},
    {SCHEDULE(run), OPTION_TEXT, offsetof(ScheduleConfig, run), 1, 1024, NULL,
     "What: sweep orphans, missing, stale, expire, store or all; or exec COMMAND, a command line "
     "that gets the Scheduled Event on its standard input"},
    {SCHEDULE(catchup), OPTION_CATCHUP, offsetof(ScheduleConfig, catchup), 0, 0, "none",
     "Times missed while thumbq was down, or the run before was still going: none (left out), "
     "once (one run for all of them), all (a run for each, the newest 100 at the most)"},
    {SECTION_SCHEDULE, "timeout", OPTION_DURATION, offsetof(ScheduleConfig, timeout_us), SEC,
     7 * 86400 * SEC, "1h", "Time that a command may take before it is killed"},

    {LIFECYCLE(prefix), OPTION_TEXT, offsetof(LifecycleConfig, prefix), 0, 4095, NULL,
     "Objects whose names begin with this; empty: all of them"},
    {SECTION_LIFECYCLE, "expire", OPTION_DURATION, offsetof(LifecycleConfig, expire_us), SEC,
     100 * YEAR, NULL,
     "Age after which 'sweep expire' removes the target, since the file was written or put there"},
    {LIFECYCLE(target), OPTION_TARGET, offsetof(LifecycleConfig, target), 0, 0, "thumbnails",
     "thumbnails (until the object changes), objects (the files themselves, and their thumbnails)"},
    {LIFECYCLE(expire_confirm), OPTION_BOOL, offsetof(LifecycleConfig, expire_confirm), 0, 0, "no",
     "yes: 'target = objects' may delete files that are less than a day old"},

    {ALARM(metric), OPTION_METRIC, offsetof(AlarmConfig, metric), 0, 0, NULL,
     "What is watched: Errors, Throttles, Duration, AsyncEventAge, QueueDepth, DeadLetters, ... as "
     "'thumbq metrics --json' names them"},
    {ALARM(statistic), OPTION_TEXT, offsetof(AlarmConfig, statistic), 0, 16, "",
     "Of times: p99 (any percentile), Average, Maximum, Sum or SampleCount; empty: p99. All other "
     "metrics have one only"},
    {ALARM(comparison), OPTION_COMPARISON, offsetof(AlarmConfig, comparison), 0, 0,
     ">=", "A period whose value is so to the threshold is breaching: >=, >, <, <="},
    {ALARM(threshold), OPTION_NUMBER, offsetof(AlarmConfig, threshold), 0, 0, NULL,
     "In the unit of the metric: a number, milliseconds of times, bytes of memory"},
    {SECTION_ALARM, "period", OPTION_DURATION, offsetof(AlarmConfig, period_us), 60 * SEC,
     86400 * SEC, "1m", "Time that one value is of; whole minutes"},
    {ALARM(datapoints), OPTION_DATAPOINTS, offsetof(AlarmConfig, datapoints), 1,
     CONFIG_DATAPOINTS_MAX, "1 of 1",
     "M of N: so many of the last N periods have to be breaching for an alarm"},
    {ALARM(missing), OPTION_MISSING, offsetof(AlarmConfig, missing), 0, 0, "missing",
     "What a period in which nothing happened counts as: missing (INSUFFICIENT_DATA when there is "
     "nothing else), notBreaching, breaching, ignore (the state stays)"},
    {ALARM(notify), OPTION_TEXT, offsetof(AlarmConfig, notify), 0, 1024, "",
     "exec COMMAND: a command line for /bin/sh, run in the bucket at each change of the state, "
     "with "
     "the event as JSON on its standard input"},
    {ALARM(notify_on), OPTION_STATES, offsetof(AlarmConfig, notify_on), 0, 0, "ALARM,OK",
     "States that it is run for: of ALARM,OK,INSUFFICIENT_DATA, or none"},
    {SECTION_ALARM, "timeout", OPTION_DURATION, offsetof(AlarmConfig, timeout_us), SEC, 3600 * SEC,
     "10s", "Time that the command may take before it is killed"},
};
const size_t config_n_options = G_N_ELEMENTS(config_options);

#define ROWS(field)                                                                                \
    offsetof(Config, field), offsetof(Config, n_##field), sizeof(((Config *)NULL)->field[0]),      \
        G_N_ELEMENTS(((Config *)NULL)->field)

const Section config_sections[SECTION_TYPES] = {
    [SECTION_BUCKET] = {.name = "bucket"},
    [SECTION_HANDLER] = {.name = "handler"},
    [SECTION_DESTINATION] = {.name = "destination"},
    [SECTION_STORE] = {.name = "store"},
    [SECTION_RENDITION] = {"rendition", "renditions", ROWS(renditions)},
    [SECTION_SCHEDULE] = {"schedule", "schedules", ROWS(schedules), offsetof(ScheduleConfig, line)},
    [SECTION_LIFECYCLE] = {"lifecycle", "lifecycle rules", ROWS(lifecycle),
                           offsetof(LifecycleConfig, line)},
    [SECTION_ALARM] = {"alarm", "alarms", ROWS(alarms), offsetof(AlarmConfig, line)},
};

G_STATIC_ASSERT(offsetof(Rendition, name) == 0 && RENDITION_NAME_MAX == CONFIG_NAME_MAX);
G_STATIC_ASSERT(offsetof(ScheduleConfig, name) == 0 && offsetof(LifecycleConfig, name) == 0);

size_t config_section_count(const Config *config, SectionType section)
{
    const Section *row = &config_sections[section];
    return row->plural ? G_STRUCT_MEMBER(size_t, config, row->n_rows) : 1;
}

void *config_section_row(const Config *config, SectionType section, size_t i)
{
    const Section *row = &config_sections[section];
    return row->plural ? (char *)config + row->rows + i * row->row_size : (void *)config;
}

void config_section_set_count(Config *config, SectionType section, size_t n)
{
    G_STRUCT_MEMBER(size_t, config, config_sections[section].n_rows) = n;
}

const Option *config_find_option(SectionType section, const char *name)
{
    for (size_t i = 0; i < config_n_options; i++) {
        if (config_options[i].section == section && strcmp(config_options[i].name, name) == 0)
            return &config_options[i];
    }
    return NULL;
}
