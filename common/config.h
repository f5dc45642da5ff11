/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The configuration: one table of options (config_table.c) with type, range, default and help for
 * each, read from an INI file, printed by `thumbq config`.
 *
 * A Config is immutable after config_load; pointers into it are borrowed and live as long as it
 * does.
 */
#pragma once

#include "metric.h"
#include "rendition.h"

#include <glib.h>
#include <stdbool.h>
#include <stdio.h>

/* What is waited for before a record says `done`; see docs/durability.md. */
typedef enum {
    DURABILITY_FULL,  /* thumbnails, their names, and the store are on disk */
    DURABILITY_STORE, /* the store is; a power cut can take thumbnails, which are made again */
    DURABILITY_NONE,  /* nothing is; after any unclean end all is made again */
} Durability;

/* "full", "store", "none". Static. */
const char *durability_name(Durability durability);

/* Which pictures one handler process may see, one after the other; see docs/security.md. */
typedef enum {
    ISOLATION_FILE,  /* one picture */
    ISOLATION_OWNER, /* those of one user in one first folder of the bucket */
    ISOLATION_NONE,  /* all */
} Isolation;

/* "file", "owner", "none". Static. */
const char *isolation_name(Isolation isolation);

#define CONFIG_FILE_MAX      (1 << 20) /* bytes */
#define CONFIG_NAME_MAX      32        /* bytes of a section's name, with the final NUL */
#define CONFIG_SCHEDULES_MAX 64
#define CONFIG_LIFECYCLE_MAX 64

/* What becomes of the times at which a schedule could not run. */
typedef enum {
    CATCHUP_NONE, /* they are left out */
    CATCHUP_ONCE, /* one run makes up for all of them */
    CATCHUP_ALL,  /* each has its run, the newest hundred at the most */
} Catchup;

/* "none", "once", "all". Static. */
const char *catchup_name(Catchup catchup);

typedef struct {
    char name[CONFIG_NAME_MAX];
    int line;       /* of the section in the file; 0 for the built-in one */
    char *cron;     /* expression; checked by whoever builds the schedule */
    char *timezone; /* IANA name, "" for the local zone */
    char *run;      /* "sweep all", "exec COMMAND"; checked by whoever builds it */
    Catchup catchup;
    int64_t timeout_us; /* of a command */
} ScheduleConfig;

/* What a lifecycle rule removes. */
typedef enum {
    LIFECYCLE_THUMBNAILS, /* the objects stay */
    LIFECYCLE_OBJECTS,    /* with their thumbnails */
} LifecycleTarget;

/* "thumbnails", "objects". Static. */
const char *lifecycle_target_name(LifecycleTarget target);

typedef struct {
    char name[CONFIG_NAME_MAX];
    int line;          /* of the section in the file */
    char *prefix;      /* of the keys it holds for; "" for all */
    int64_t expire_us; /* age */
    LifecycleTarget target;
    bool expire_confirm; /* objects may be deleted that are less than a day old */
} LifecycleConfig;

#define CONFIG_ALARMS_MAX 64

/* How a value has to be to the threshold for its period to be breaching. */
typedef enum {
    COMPARISON_GREATER_OR_EQUAL,
    COMPARISON_GREATER,
    COMPARISON_LESS,
    COMPARISON_LESS_OR_EQUAL,
} Comparison;

/* ">=", ">", "<", "<=". Static. */
const char *comparison_name(Comparison comparison);

/* What a period without data counts as. */
typedef enum {
    MISSING_MISSING, /* no answer: without any other the state is INSUFFICIENT_DATA */
    MISSING_NOT_BREACHING,
    MISSING_BREACHING,
    MISSING_IGNORE, /* no answer: without any other the state stays */
} MissingData;

/* "missing", "notBreaching", "breaching", "ignore". Static. */
const char *missing_data_name(MissingData missing);

/* In the order of the store's states of alarms. */
typedef enum {
    ALARM_INSUFFICIENT_DATA,
    ALARM_OK,
    ALARM_ALARM,
} AlarmState;
#define ALARM_STATES 3

/* "INSUFFICIENT_DATA", "OK", "ALARM". Static. */
const char *alarm_state_name(AlarmState state);

/* "2 of 3" */
typedef struct {
    int breaching, of;
} Datapoints;

#define CONFIG_DATAPOINTS_MAX 24

typedef struct {
    char name[CONFIG_NAME_MAX];
    int line; /* of the section in the file */
    Metric metric;
    char *statistic; /* one that the metric has; "" for the one that fits it best */
    Comparison comparison;
    double threshold;  /* in the metric's unit */
    int64_t period_us; /* whole minutes */
    Datapoints datapoints;
    MissingData missing;
    char *notify;       /* "exec COMMAND"; "" for none */
    unsigned notify_on; /* 1 << AlarmState of those that it is run for */
    int64_t timeout_us; /* of the command */
} AlarmConfig;

typedef struct {
    char *path; /* of the file it came from, NULL for built-in defaults */

    /* [bucket] */
    char *bucket;      /* path that the file names, "" for none */
    char *prefix;      /* folder of the thumbnails, below the bucket or absolute */
    char *state;       /* folder of store, lock and socket, below the bucket or absolute */
    GStrv ignore;      /* glob patterns, see config_ignores_entry */
    int mode;          /* of thumbnails; -1: that of their source */
    int64_t rescan_us; /* between backstop rescans; 0 for never */
    Durability durability;

    /* [handler] */
    int concurrency; /* workers at the most; auto has been resolved, see capacity.h */
    int64_t timeout_us;
    int64_t memory_bytes;
    int64_t max_pixels;
    int64_t max_file_size; /* bytes */
    int max_pages;
    int64_t max_output_size; /* bytes, of all thumbnails of one upload */
    int max_invocations;
    Isolation isolation;
    int retries;
    int64_t retry_delay_us;

    /* [destination]: folders below the state folder, or absolute; "" for none */
    char *on_failure;
    char *on_success;
    int64_t destination_keep_us; /* 0: for ever */

    /* [store]: what is kept; 0 for a time: for ever */
    int64_t events_max; /* rows of the event log */
    int64_t events_keep_us;
    int64_t minutes_keep_us; /* metrics by the minute, and by the hour */
    int64_t hours_keep_us;
    int64_t compact_bytes; /* free in its file, at least, for it to be written anew; 0: never */

    Rendition renditions[RENDITIONS_MAX];
    size_t n_renditions;
    ScheduleConfig schedules[CONFIG_SCHEDULES_MAX];
    size_t n_schedules;
    LifecycleConfig lifecycle[CONFIG_LIFECYCLE_MAX];
    size_t n_lifecycle;
    AlarmConfig alarms[CONFIG_ALARMS_MAX];
    size_t n_alarms;
} Config;

/*
 * Reads the file at `path`, or takes the built-in defaults where it is NULL.
 * Errors: ERROR_CONFIG "thumbq.conf:12: unknown key 'qualty' in [rendition small]; did you mean
 * 'quality'?"; ERROR_NOT_FOUND, ERROR_IO for the file itself. Owner: config_free.
 */
Config *config_load(const char *path, GError **error);

/* The same of the file `name` below the folder `dir_fd`. Both open it as trusted.h says. */
Config *config_load_at(int dir_fd, const char *name, GError **error);

/*
 * The value of `path` in the [bucket] of a file's text, found without looking at anything else;
 * NULL if there is none. Owner: the caller frees.
 */
char *config_peek_path(const char *text);

/* As config_load, from text; `name` stands for the file in messages. */
Config *config_parse(const char *text, const char *name, GError **error);

/*
 * Replaces the renditions by one per size of `sizes` ("256x256,1024x768"), named after it, each
 * with the defaults of a rendition. Errors: ERROR_USAGE.
 */
bool config_set_sizes(Config *config, const char *sizes, GError **error);

/* Sets concurrency. Errors: ERROR_USAGE. */
bool config_set_jobs(Config *config, const char *jobs, GError **error);

/* Sets isolation. Errors: ERROR_USAGE. */
bool config_set_isolation(Config *config, const char *isolation, GError **error);

/* Writes all options as a file that config_load takes, each with its help as a comment. */
void config_print(const Config *config, FILE *out);

/*
 * Puts the options of `config` that only a restart changes (prefix, state, durability) back to what
 * they are in `old`. Returns the names of those that were otherwise, ", " between; NULL if none
 * was. Owner: the caller frees.
 */
char *config_keep_fixed(Config *config, const Config *old);

/*
 * What is otherwise in `config` than in `old`: "concurrency, [rendition small]"; NULL if nothing
 * is. Owner: the caller frees.
 */
char *config_changes(const Config *config, const Config *old);

void config_free(Config *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Config, config_free)

/*
 * True if a file or folder `name` at `path` (a key, of which `name` is the end) matches a pattern
 * of `ignore`; the folders above it are not looked at.
 */
bool config_ignores_entry(const Config *config, const char *name, const char *path);

/* True if `key`, or any folder above it, matches a pattern of `ignore`. */
bool config_ignores(const Config *config, const char *key);
