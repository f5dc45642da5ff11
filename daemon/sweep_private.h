/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sweep under way, shared by sweep.c, which runs it in slices, sweep_records.c, which looks at
 * records, sweep_files.c, which looks at thumbnail files, and sweep_destinations.c.
 */
#pragma once

#include "daemon_private.h"

#include <dirent.h>

struct Sweep {
    Daemon *daemon;
    SweepKinds kinds;
    bool dry_run;
    bool is_look;
    bool include_away;
    SweepNote note;
    void *note_data;
    char *line;      /* owned: the note that could not be taken yet */
    bool is_waiting; /* until it can */
    SweepDone done;
    void *data;
    SweepCounts counts;
    SweepKinds parts;  /* of `kinds`, those that there is something to be done for */
    size_t part;       /* of sweep.c's table: under way */
    uint64_t expected; /* records and files, as of its start */
    int64_t start_us;  /* wall clock */
    bool has_failed;   /* a deletion: logged once */

    /* sweep_records.c */
    int bucket_fd;   /* of its folder, with SWEEP_EXPIRE */
    GString *cursor; /* the last key looked at */

    /* sweep_files.c */
    ThumbnailWalk *files; /* NULL before and after */
    ThumbnailFile file;   /* whose record is being looked for; of `files` */
    GString *search;      /* the last key that was looked at for it; NULL: none is looked for */

    /* sweep_destinations.c */
    DIR *records;     /* of the folder under way */
    size_t n_folders; /* begun */
};

/* Says what is done, or would be: `name` and `reason` are text. */
void sweep_tell(Sweep *sweep, const char *kind, const char *name, const char *reason);

/* Looks at the next record. False at the end, or when the batch was lost. */
bool sweep_step_records(Sweep *sweep);

/* Looks at the next file. False at the end, or when the store cannot be read. */
bool sweep_step_files(Sweep *sweep);

/* Looks at the next destination record. False at the end. */
bool sweep_step_destinations(Sweep *sweep);
void sweep_close_destinations(Sweep *sweep);
