/* SPDX-License-Identifier: Apache-2.0 */
/* Pairs the halves of renames. */
#include "bucket/bucket_private.h"

#include "base/clock.h"

#include <string.h>

/* The first half of a rename, which waits for the second. */
typedef struct {
    uint32_t cookie;
    bool is_folder;
    /* The node of a known folder: detached, owned. */
    TreeNode *node;
    /* Time at which the wait ends. */
    int64_t due_us;
    /* The key before the rename. */
    char *key;
} Move;

static void move_free(Move *move)
{
    g_free(move->key);
    g_free(move);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Move, move_free)

static bool is_file(Bucket *bucket, const char *key)
{
    struct stat st;
    return bucket_stat(bucket, key, &st) == 0 && S_ISREG(st.st_mode);
}

static bool is_folder(Bucket *bucket, const char *key)
{
    struct stat st;
    return bucket_stat(bucket, key, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Lists the folder `key` as if it were new. */
static void list_anew(Bucket *bucket, const char *key)
{
    g_autofree char *folder = g_path_get_dirname(key);
    const char *slash = strrchr(key, '/');
    TreeNode *parent = tree_lookup(&bucket->tree, slash ? folder : "");
    if (parent)
        scan_push_new(bucket, parent, slash ? slash + 1 : key);
}

/*
 * Ends the wait without a second half: the file or folder is gone. A file that has this key now is
 * another one, with events of its own. A folder that has it now was exchanged from outside; the
 * kernel reported its coming before the going of the old one.
 */
static void end_wait(Bucket *bucket, Move *move)
{
    if (move->is_folder) {
        if (move->node)
            bucket_drop(bucket, move->node);
        bucket_report_key(bucket, BUCKET_TREE_REMOVED, move->key);
        if (is_folder(bucket, move->key))
            list_anew(bucket, move->key);
    } else if (!is_file(bucket, move->key)) {
        bucket_report_key(bucket, BUCKET_REMOVED, move->key);
    }
    move_free(move);
}

/* Removes and returns the first half of the rename that has this cookie; NULL if none waits. */
static Move *remove_by_cookie(Bucket *bucket, uint32_t cookie)
{
    for (GList *link = bucket->moves.head; link; link = link->next) {
        Move *move = link->data;
        if (move->cookie == cookie) {
            g_queue_delete_link(&bucket->moves, link);
            return move;
        }
    }
    return NULL;
}

/* Ends the wait for renames from `key`; with `below` also from keys below it. */
static void end_waits_from(Bucket *bucket, const char *key, bool below)
{
    GList *next;
    for (GList *link = bucket->moves.head; link; link = next) {
        Move *move = link->data;
        next = link->next;
        if (below ? object_key_is_below(move->key, key) : strcmp(move->key, key) == 0) {
            g_queue_delete_link(&bucket->moves, link);
            end_wait(bucket, move);
        }
    }
}

void moves_settle(Bucket *bucket, const char *key)
{
    end_waits_from(bucket, key, false);
}

bool moves_has_folder(const Bucket *bucket)
{
    for (const GList *link = bucket->moves.head; link; link = link->next) {
        const Move *move = link->data;
        if (move->is_folder)
            return true;
    }
    return false;
}

void moves_from(Bucket *bucket, uint32_t cookie, TreeNode *parent, const char *name,
                const char *key, bool is_a_folder)
{
    if (g_queue_get_length(&bucket->moves) >= MOVES_MAX)
        end_wait(bucket, g_queue_pop_head(&bucket->moves));

    Move *move = g_new(Move, 1);
    *move = (Move){
        .cookie = cookie,
        .is_folder = is_a_folder,
        .node = is_a_folder ? tree_child(&bucket->tree, parent, name) : NULL,
        .due_us = clock_monotonic_us() + bucket->move_window_us,
        .key = g_strdup(key),
    };
    if (move->node)
        tree_detach(&bucket->tree, move->node);
    g_queue_push_tail(&bucket->moves, move);
    timer_set_earlier(bucket->moves_timer, move->due_us);
}

/*
 * Reports that a file was renamed: as a move, or as two changes if another file has the old name,
 * or the file is gone or still being written.
 */
static void file_moved(Bucket *bucket, const char *from, const char *key)
{
    struct stat st;
    BeneathState state = bucket_probe(bucket, key, &st);
    /* The two files have exchanged their names, or a new file was made under the old name. */
    bool exchanged = is_file(bucket, from);

    if (exchanged) {
        bucket_report_file(bucket, from);
        bucket_report_file(bucket, key);
    } else if (state == BENEATH_GONE || state == BENEATH_BUSY) {
        bucket_report_key(bucket, BUCKET_REMOVED, from);
        bucket_report_file(bucket, key);
    } else {
        BucketEvent event = {.type = BUCKET_MOVED, .key = key, .from = from};
        object_version_from_stat(&st, &event.version);
        bucket_report(bucket, &event);
    }
}

/*
 * Handles the rename of a folder to `name` in `parent`: reports a move if the folder was known and
 * the old place is empty. Otherwise reports the old place as removed, and lists the new one.
 */
static void folder_moved(Bucket *bucket, Move *move, TreeNode *parent, const char *name,
                         const char *key)
{
    TreeNode *target = tree_child(&bucket->tree, parent, name);
    bool exchanged = is_folder(bucket, move->key);

    /*
     * A known target is either the empty folder that the rename replaced, or this folder, which a
     * scan has already seen here. In an exchange the target is the other folder.
     */
    if (target)
        bucket_drop(bucket, target);
    if (move->node && !exchanged) {
        tree_attach(&bucket->tree, move->node, parent, name);
        bucket_report(bucket,
                      &(BucketEvent){.type = BUCKET_TREE_MOVED, .key = key, .from = move->key});
        scan_push(bucket, move->node, DUE_EVENT);
        return;
    }
    if (move->node)
        bucket_drop(bucket, move->node);
    bucket_report_key(bucket, BUCKET_TREE_REMOVED, move->key);
    if (exchanged) {
        bucket_report_key(bucket, BUCKET_TREE_REMOVED, key);
        list_anew(bucket, move->key);
    }
    scan_push_new(bucket, parent, name);
}

void moves_to(Bucket *bucket, uint32_t cookie, TreeNode *parent, const char *name, const char *key,
              bool is_a_folder)
{
    g_autoptr(Move) move = remove_by_cookie(bucket, cookie);
    if (!move && is_a_folder) {
        scan_push_new(bucket, parent, name);
    } else if (!move) {
        bucket_report_file(bucket, key);
    } else if (is_a_folder) {
        /* This has to happen while the old key still means the old folder. */
        end_waits_from(bucket, move->key, true);
        folder_moved(bucket, move, parent, name, key);
    } else {
        file_moved(bucket, move->key, key);
    }
}

void moves_to_hidden(Bucket *bucket, uint32_t cookie)
{
    Move *move = remove_by_cookie(bucket, cookie);
    if (move)
        end_wait(bucket, move);
}

/* Ends the waits for second halves of renames that did not come in time. */
static void moves_due(void *data)
{
    Bucket *bucket = data;
    bucket_enter(bucket);
    int64_t now_us = clock_monotonic_us();
    Move *move;
    while (!bucket_has_ended(bucket) && (move = g_queue_peek_head(&bucket->moves)) != NULL) {
        if (move->due_us > now_us) {
            timer_set(bucket->moves_timer, move->due_us);
            break;
        }
        end_wait(bucket, g_queue_pop_head(&bucket->moves));
    }
    bucket_leave(bucket);
}

void moves_init(Bucket *bucket)
{
    g_queue_init(&bucket->moves);
    bucket->moves_timer = timer_new(PRIORITY_TIMERS, moves_due, bucket);
}

void moves_clear(Bucket *bucket)
{
    Move *move;
    while ((move = g_queue_pop_head(&bucket->moves)) != NULL) {
        if (move->node)
            bucket_drop(bucket, move->node);
        move_free(move);
    }
    timer_free(bucket->moves_timer);
}
