/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The settings of thumbq.conf, and the values that they can have: plain data. The table of options
 * (config_table.c) has a row for each, and the names of their values.
 */
#pragma once

#include "model/alarm.h"
#include "model/metric.h"
#include "model/rendition.h"
#include "model/reserve.h"

#include <glib.h>
#include <stdbool.h>

/* Data that must be on disk before a record says `done`; see docs/durability.md. */
typedef enum {
    /* Thumbnails, their names, and the store are on disk. */
    DURABILITY_FULL,
    /* The store is on disk. A power cut can lose thumbnails, which are then made again. */
    DURABILITY_STORE,
    /* Nothing need be on disk. After an unclean end all thumbnails are made again. */
    DURABILITY_NONE,
} Durability;

/* Returns the name: "full", "store", "none". Static. */
const char *durability_name(Durability durability);

/* How many handlers run at once at most. */
typedef struct {
    /* With `auto`: the number of processors, see capacity.h. */
    int most;
    /* With `auto`: fewer handlers run where memory is short. */
    bool is_auto;
} Concurrency;

/* The pictures that one handler process may handle, one after the other; see docs/security.md. */
typedef enum {
    /* One picture. */
    ISOLATION_FILE,
    /* Pictures of one user in one top folder of the bucket. */
    ISOLATION_OWNER,
    /* All pictures. */
    ISOLATION_NONE,
} Isolation;

/* The work that is lent to borrowers, see handlers/lend.h. */
typedef enum {
    /*
     * Work that the local pool has no room for. Without [access] borrowers there is no socket.
     */
    LENDING_AUTO,
    /* Nothing: the socket does not exist. */
    LENDING_NEVER,
    /* As much as the borrowers ask for. */
    LENDING_ALWAYS,
} Lending;

/* Bytes of the main file, and of all further files together. */
#define CONFIG_FILE_MAX      (1 << 20)
#define CONFIG_FRAGMENTS_MAX 64
/* Bytes of a section's name, with the final NUL. */
#define CONFIG_NAME_MAX      32
#define CONFIG_SCHEDULES_MAX 64
#define CONFIG_LIFECYCLE_MAX 64

/* Handling of runs that a schedule has missed. */
typedef enum {
    /* Missed runs are dropped. */
    CATCHUP_NONE,
    /* One run replaces all missed runs. */
    CATCHUP_ONCE,
    /* Each missed run takes place, the newest hundred at most. */
    CATCHUP_ALL,
} Catchup;

/* Returns the name: "none", "once", "all". Static. */
const char *catchup_name(Catchup catchup);

typedef struct {
    char name[CONFIG_NAME_MAX];
    /* Line of the section in its file; 0 for the built-in schedule. */
    int line;
    /* Cron expression; checked when the schedule is built. */
    char *cron;
    /* IANA name of a time zone; "" for the local zone. */
    char *timezone;
    /* "sweep all", "exec COMMAND"; checked when the schedule is built. */
    char *run;
    Catchup catchup;
    /* Time limit of a command. */
    int64_t timeout_us;
} ScheduleConfig;

/* Target that a lifecycle rule removes. */
typedef enum {
    /* Thumbnails only; the objects stay. */
    LIFECYCLE_THUMBNAILS,
    /* Objects and their thumbnails. */
    LIFECYCLE_OBJECTS,
} LifecycleTarget;

typedef struct {
    char name[CONFIG_NAME_MAX];
    /* Line of the section in its file. */
    int line;
    /* The rule applies to keys with this prefix; "" for all keys. */
    char *prefix;
    /* Age from which on the rule removes. */
    int64_t expire_us;
    LifecycleTarget target;
    /* The rule may delete objects that are less than a day old. */
    bool expire_confirm;
} LifecycleConfig;

#define CONFIG_ALARMS_MAX 64

/* A period is breaching if its value compares with the threshold in this way. */
typedef enum {
    COMPARISON_GREATER_OR_EQUAL,
    COMPARISON_GREATER,
    COMPARISON_LESS,
    COMPARISON_LESS_OR_EQUAL,
} Comparison;

/* Returns the name: ">=", ">", "<", "<=". Static. */
const char *comparison_name(Comparison comparison);

/* How a period without data is counted. */
typedef enum {
    /* The period is left out; if all periods are, the state is INSUFFICIENT_DATA. */
    MISSING_MISSING,
    MISSING_NOT_BREACHING,
    MISSING_BREACHING,
    /* The period is left out; if all periods are, the state does not change. */
    MISSING_IGNORE,
} MissingData;

/* Returns the name: "missing", "notBreaching", "breaching", "ignore". Static. */
const char *missing_data_name(MissingData missing);

/* "2 of 3": so many of the last periods must be breaching. */
typedef struct {
    int breaching, of;
} Datapoints;

#define CONFIG_DATAPOINTS_MAX 24

typedef struct {
    char name[CONFIG_NAME_MAX];
    /* Line of the section in its file. */
    int line;
    Metric metric;
    /* A statistic of the metric; "" for the one that suits the metric best. */
    char *statistic;
    Comparison comparison;
    /* In the unit of the metric. */
    double threshold;
    /* Whole minutes. */
    int64_t period_us;
    Datapoints datapoints;
    MissingData missing;
    /* "exec COMMAND"; "" for none. */
    char *notify;
    /* Set of bits 1 << AlarmState: the command runs when the alarm enters one of these states. */
    unsigned notify_on;
    /* Time limit of the command. */
    int64_t timeout_us;
} AlarmConfig;

#define CONFIG_TRIGGERS_MAX 64

/* Kinds of events that a trigger can ask for. */
typedef enum {
    /* A new object, a new version, or the new name of a renamed object. */
    TRIGGER_CREATED,
    /* A removed or expired object, or the old name of a renamed one. */
    TRIGGER_REMOVED,
    TRIGGER_DONE,
    TRIGGER_DEAD,
    /* Every event named Thumbnail:..., with `done` and `dead`. */
    TRIGGER_THUMBNAIL,
    TRIGGER_KINDS,
} TriggerKind;

typedef struct {
    char name[CONFIG_NAME_MAX];
    /* Line of the section in its file. */
    int line;
    /* Set of bits 1 << TriggerKind. */
    unsigned on;
    /* The trigger asks for keys with this beginning and this end; "" for all. */
    char *prefix;
    char *suffix;
    /* Glob patterns of which the key or its last part matches one; none: all keys. */
    GStrv match;
    /* "exec COMMAND" or "invoke FUNCTION". */
    char *run;
    /* Largest number of events that one command or function gets. */
    int batch;
    /* Time limit of a command, and of the answer about a function's batch. */
    int64_t timeout_us;
    /* Age from which on an event is skipped. */
    int64_t max_age_us;
    /* Number of events that may wait; more are skipped, the oldest first. */
    int64_t backlog;
    /* Folder for a JSON file about each dead letter; "" for none. */
    char *on_failure;
    /* The trigger also asks for events about objects that are older than the store. */
    bool replay;
} TriggerConfig;

/*
 * Largest number of rows of a section, and number of sections that take a name; see config_table.h.
 */
#define CONFIG_ROWS_MAX     64
#define CONFIG_SECTIONS_MAX 10

typedef struct {
    /* Path of the file; NULL for the built-in defaults. */
    char *path;
    /* Text of that file; "" for the built-in defaults. */
    char *text;
    /* Names of all files that were read, the main file first. Owned. */
    GPtrArray *files;
    /* For each section the one of `files` that has it; NULL if none has. */
    const char *origins[CONFIG_SECTIONS_MAX][CONFIG_ROWS_MAX];

    /* Options of [bucket]. */
    /* Path of the bucket as the file names it; "" for none. */
    char *bucket;
    /* Folder of the thumbnails, below the bucket or absolute. */
    char *prefix;
    /* Folder of the store, the lock and the socket, below the bucket or absolute. */
    char *state;
    /* Glob patterns, see config_ignores_entry. */
    GStrv ignore;
    /* Mode of thumbnails; -1: the mode of the source. */
    int mode;
    /* Time between two full rescans; 0: never. */
    int64_t rescan_us;
    Durability durability;
    /* Free space to leave on the disks of thumbnails and state. */
    Reserve reserve;

    /* Options of [access]: names of groups, see control/control_access.h; "" for none. */
    char *access_readers;
    char *access_borrowers;
    char *access_writers;

    /* Options of [handler]. */
    Concurrency concurrency;
    int64_t timeout_us;
    int64_t memory_bytes;
    int64_t max_pixels;
    /* Bytes. */
    int64_t max_file_size;
    int max_pages;
    /* Bytes of all thumbnails of one upload. */
    int64_t max_output_size;
    int max_invocations;
    Isolation isolation;
    /* Nice value of back-fill handlers (reprocess, sweeps, files found at the start); 0: none. */
    int backfill_nice;
    Lending lend;
    /* Largest source that is lent, bytes. */
    int64_t lend_up_to;
    int retries;
    int64_t retry_delay_us;

    /* Options of [destination]: folders below the state folder, or absolute; "" for none. */
    char *on_failure;
    char *on_success;
    /* 0: for ever. */
    int64_t destination_keep_us;

    /* Options of [store]: how much is kept; a time of 0 means for ever. */
    /* Rows of the event log. */
    int64_t events_max;
    int64_t events_keep_us;
    /* Metrics per minute, and per hour. */
    int64_t minutes_keep_us;
    int64_t hours_keep_us;
    /* Free bytes in the store's file from which on the store is compacted; 0: never. */
    int64_t compact_bytes;

    Rendition renditions[RENDITIONS_MAX];
    size_t n_renditions;
    ScheduleConfig schedules[CONFIG_SCHEDULES_MAX];
    size_t n_schedules;
    LifecycleConfig lifecycle[CONFIG_LIFECYCLE_MAX];
    size_t n_lifecycle;
    AlarmConfig alarms[CONFIG_ALARMS_MAX];
    size_t n_alarms;
    TriggerConfig triggers[CONFIG_TRIGGERS_MAX];
    size_t n_triggers;
} Config;
