/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Thumbnails on disk: unnamed while they are written (hidden, see named.h, where the file system
 * has no unnamed files), then linked and renamed into place; removed, moved along with their
 * object, and made durable in groups.
 *
 * Every path is walked component by component below the prefix folder and no symbolic link is
 * followed: whoever may write into the bucket cannot lead the daemon out of it. Private to the
 * daemon.
 */
#pragma once

#include "access.h"
#include "image.h"
#include "mark.h"

#include <glib.h>
#include <stdbool.h>

typedef struct Publisher Publisher;

typedef struct {
    const char *bucket;
    const char *prefix;  /* below the bucket, or absolute */
    const MarkKey *mark; /* copied */
    bool durable;        /* publisher_sync waits for the disk */
    int mode;            /* of thumbnails: ACCESS_OF_SOURCE, or 0644 and the like */
    bool adopt;          /* takes over an absolute prefix that is another bucket's */
    bool read_only;      /* nothing is made, renamed or written */
    int stand_in_fd;     /* then: an empty folder, in the place of one that is missing */
} PublisherOptions;

/*
 * Opens the prefix folder (made if it is not there) and removes what a dead daemon left half done.
 * Errors: those of prefix_open. Owner: publisher_free.
 */
Publisher *publisher_open(const PublisherOptions *options, GError **error);

/* True if the prefix folder that is held open is the one that its path names, or nobody can tell.
 */
bool publisher_is_in_place(const Publisher *publisher);

/* Opens what its path names now, or a new folder, in the place of what is held. Errors: those of
 * publisher_open. */
bool publisher_reopen(Publisher *publisher, GError **error);

/* The path of the prefix folder. Borrowed. */
const char *publisher_path(const Publisher *publisher);

/* Of the prefix folder. Borrowed. */
int publisher_folder_fd(const Publisher *publisher);

/* The state has another key from now on. */
void publisher_set_mark(Publisher *publisher, const MarkKey *mark);

/* The key of the bucket's marks. Borrowed. */
const MarkKey *publisher_mark(const Publisher *publisher);

/*
 * A new file in the prefix folder, open for reading and writing; -1 on error. It is unnamed, or
 * hidden where the file system has no unnamed files. Owner: publisher_discard.
 */
int publisher_create(Publisher *publisher, GError **error);

/* Closes a file of publisher_create, and removes it if it has not been put into its place. */
void publisher_discard(Publisher *publisher, int *fd);

/*
 * The thumbnails that are put from here on are of the picture that is open as `source_fd`: nobody
 * may read them who may not read it. Errors: as error_set_errno.
 */
bool publisher_set_source(Publisher *publisher, int source_fd, GError **error);

/* The same of the picture `key`; false if it is not there, or cannot be looked at. */
bool publisher_follow_source(Publisher *publisher, const char *key);

/* Gives a thumbnail that is in its place already the rights of the source. */
void publisher_adjust(Publisher *publisher, const char *rendition, const char *key, ImageType type);

/* Gives the folder of thumbnails of the folder `key` ("" for the bucket) its rights, if there is
 * one. */
void publisher_adjust_folder(Publisher *publisher, const char *rendition, const char *key);

/*
 * Puts the file into its place, over whatever is there, and remembers it for publisher_sync. `fd`
 * stays the caller's. Errors: ERROR_NAME_TAKEN if somebody else has made a folder there, or a file
 * where a folder must be; as error_set_errno.
 */
bool publisher_put(Publisher *publisher, int fd, const char *rendition, const char *key,
                   ImageType type, GError **error);

/*
 * Removes a thumbnail and the folders that it leaves empty. Fine if it is not there; if it cannot
 * be removed it is an orphan, and publisher_has_orphans true until publisher_forget_orphans.
 */
void publisher_remove(Publisher *publisher, const char *rendition, const char *key, ImageType type);

/* The same of a file that is named by its path below the prefix folder, "small/a.png.webp". */
void publisher_remove_path(Publisher *publisher, const char *path);

bool publisher_has_orphans(const Publisher *publisher);
void publisher_forget_orphans(Publisher *publisher);

/* Moves a thumbnail along with its object. False if it is not there, or cannot be moved: then it is
 * removed. */
bool publisher_move(Publisher *publisher, const char *rendition, const char *from, const char *to,
                    ImageType type);

typedef enum {
    PUBLISHED_GONE,
    PUBLISHED_CHANGED, /* another size, written to since, or put there by somebody else */
    PUBLISHED_THERE,
} PublishedState;

/* Whether the thumbnail is there as it was put, with this size. One that an older version put
 * elsewhere gets its place, unless `dry_run`. */
PublishedState publisher_look(Publisher *publisher, const char *rendition, const char *key,
                              ImageType type, int64_t size_bytes, bool dry_run);

/*
 * For one that is PUBLISHED_CHANGED by its mark or its time alone, as a copy is: true if it holds
 * what was put there. It is marked anew then, unless `dry_run`. Reads all of it.
 */
bool publisher_adopt(Publisher *publisher, const char *rendition, const char *key, ImageType type,
                     int64_t size_bytes, uint64_t hash, bool dry_run);

/* True if it is PUBLISHED_THERE. */
bool publisher_has(Publisher *publisher, const char *rendition, const char *key, ImageType type,
                   int64_t size_bytes);

/* Files put or moved since the last publisher_sync. */
size_t publisher_unsynced(const Publisher *publisher);

/*
 * Blocks until all that was put since the last call is on disk, contents and names; does nothing
 * for a publisher that is not durable. To be called before the commit that says `done`. One syncfs
 * for a group: it costs an order of magnitude less than a sync of each file and each folder.
 */
bool publisher_sync(Publisher *publisher, GError **error);

/* The same, durable or not. */
bool publisher_flush(Publisher *publisher, GError **error);

void publisher_free(Publisher *publisher);
