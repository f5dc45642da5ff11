/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Thumbnails on disk. They are unnamed while they are written (hidden, see named.h, on a file
 * system without unnamed files), then linked and renamed into place. They are removed, moved
 * together with their object, and synced to disk in groups.
 *
 * Every path is walked component by component below the prefix folder, and no symbolic link is
 * followed: a user with the right to write to the bucket cannot lead the daemon out of it. Private
 * to the daemon.
 */
#pragma once

#include "journal/publisher_options.h"
#include "model/image.h"

#include <glib.h>
#include <stdbool.h>

typedef struct Publisher Publisher;

/* Opens the prefix folder, or makes it, and removes half-done files of a dead daemon. Errors: those
 * of prefix_open. Owner: publisher_free. */
Publisher *publisher_open(const PublisherOptions *options, GError **error);

/* True if the open prefix folder is the one that its path names, or if the comparison is
 * impossible. */
bool publisher_is_in_place(const Publisher *publisher);

/* Replaces the open folder with the one that its path names now, or a new one. Errors: those of
 * publisher_open; ERROR_IO in the place of ERROR_CONFIG and ERROR_NOT_TRUSTED. */
bool publisher_reopen(Publisher *publisher, GError **error);

/* Returns the path of the prefix folder. Borrowed. */
const char *publisher_path(const Publisher *publisher);

/* Returns the descriptor of the prefix folder. Borrowed. */
int publisher_folder_fd(const Publisher *publisher);

/* Replaces the key of the bucket's marks. Copies it. */
void publisher_set_mark(Publisher *publisher, const MarkKey *mark);

/* Returns the key of the bucket's marks. Borrowed. */
const MarkKey *publisher_mark(const Publisher *publisher);

/* Makes a new file in the prefix folder, open for reading and writing. The file is unnamed, or
 * hidden on a file system without unnamed files. Returns -1 on error. Owner: publisher_discard. */
int publisher_create(Publisher *publisher, GError **error);

/* Closes a file of publisher_create, and removes it if it was not put into its place. */
void publisher_discard(Publisher *publisher, int *fd);

/* Sets the picture of the thumbnails that are put from now on, open as `source_fd`. Users who
 * cannot read the picture cannot read them. Errors: as error_set_errno. */
bool publisher_set_source(Publisher *publisher, int source_fd, GError **error);

/* As publisher_set_source, for the picture `key`. Returns false if it does not exist, or cannot be
 * opened. */
bool publisher_follow_source(Publisher *publisher, const char *key);

/* Gives a published thumbnail the rights of the source. */
void publisher_adjust(Publisher *publisher, const char *rendition, const char *key, ImageType type);

/* Gives the folder of thumbnails of the folder `key` ("" for the bucket), if it exists, the rights
 * of that folder. */
void publisher_adjust_folder(Publisher *publisher, const char *rendition, const char *key);

/*
 * Sets whether the records agree with the bucket: true once they do, false as soon as they may not;
 * false at first. Until then a folder of thumbnails that existed before may hold those of another
 * folder of pictures that had the same name: rights are only taken from it.
 */
void publisher_settle(Publisher *publisher, bool is_settled);

/* Gives one folder its missing rights. Returns false if no folder lacks any. */
bool publisher_widen_folder(Publisher *publisher);

/* True if publisher_widen_folder has rights to give. */
bool publisher_lacks(const Publisher *publisher);

/* Sets the folders of the bucket (char) whose mounts are away: the folders of their thumbnails are
 * given no rights. Takes the array. */
void publisher_set_away(Publisher *publisher, GPtrArray *folders);

/*
 * Puts the file into its place, over an existing file, and counts it for publisher_sync. `fd` stays
 * the caller's. Errors: ERROR_NAME_TAKEN if another program has made a folder there, or a file in
 * the place of a folder; as error_set_errno.
 */
bool publisher_put(Publisher *publisher, int fd, const char *rendition, const char *key,
                   ImageType type, GError **error);

/*
 * Removes a thumbnail and the folders that it leaves empty. A missing thumbnail is no error. A
 * thumbnail that cannot be removed is an orphan, and publisher_has_orphans is true until
 * publisher_forget_orphans.
 */
void publisher_remove(Publisher *publisher, const char *rendition, const char *key, ImageType type);

/* As publisher_remove, for a path below the prefix folder, "small/a.png.webp". */
void publisher_remove_path(Publisher *publisher, const char *path);

bool publisher_has_orphans(const Publisher *publisher);
void publisher_forget_orphans(Publisher *publisher);

/* Moves a thumbnail together with its object. Returns false if it does not exist, or cannot be
 * moved; in the latter case it is removed. */
bool publisher_move(Publisher *publisher, const char *rendition, const char *from, const char *to,
                    ImageType type);

/* Moves a thumbnail to its place from the place that an older version used, where names could
 * collide. Returns false if there is none, or if it cannot be moved. */
bool publisher_move_old(Publisher *publisher, const char *rendition, const char *key,
                        ImageType type);

/* Returns the number of files put or moved since the last publisher_sync. */
size_t publisher_unsynced(const Publisher *publisher);

/*
 * Blocks until all files that were put since the last call are on disk, contents and names. Does
 * nothing for a publisher that is not durable. Call it before the commit that says `done`. One
 * syncfs serves a group: it costs an order of magnitude less than a sync of each file and each
 * folder.
 */
bool publisher_sync(Publisher *publisher, GError **error);

/* As publisher_sync, durable or not. */
bool publisher_flush(Publisher *publisher, GError **error);

void publisher_free(Publisher *publisher);
