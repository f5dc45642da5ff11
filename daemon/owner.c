/* SPDX-License-Identifier: Apache-2.0 */
#include "owner.h"

#include "error.h"
#include "failpoint.h"
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OWNER_FILE ".thumbq.owner"
/* Like all that a dead daemon may leave in the folder: the next start removes it. */
#define OWNER_TEMPORARY ".thumbq-owner-%d"
#define OWNER_HEAD      "thumbq-owner 1\n"
#define OWNER_MAX       (4 * 4096 + 256) /* bytes: a path whose every byte is escaped */
#define ID_TEXT         (2 * MARK_ID_SIZE + 1)

typedef struct {
    char id[ID_TEXT];
    char *bucket; /* owned */
} Owner;

static void owner_clear(Owner *owner)
{
    g_clear_pointer(&owner->bucket, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Owner, owner_clear)

static void id_of(const MarkKey *mark, char ret_id[static ID_TEXT])
{
    uint8_t id[MARK_ID_SIZE];

    mark_bucket_id(mark, id);
    for (size_t i = 0; i < sizeof id; i++)
        (void)snprintf(ret_id + 2 * i, 3, "%02x", id[i]);
}

/* ---- reading ------------------------------------------------------------------------------------
 */

/* HEAD "id " ID LF "bucket " PATH LF, the path with what is not plain in it escaped as in C. */
static bool parse(char *text, Owner *ret_owner)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", 5);

    if (!g_str_has_prefix(text, OWNER_HEAD) || g_strv_length(lines) < 4 ||
        !g_str_has_prefix(lines[1], "id ") || strlen(lines[1]) != 3 + ID_TEXT - 1 ||
        !g_str_has_prefix(lines[2], "bucket /"))
        return false;
    g_strlcpy(ret_owner->id, lines[1] + 3, sizeof ret_owner->id);
    ret_owner->bucket = g_strcompress(lines[2] + strlen("bucket "));
    return true;
}

static bool read_owner(int folder_fd, const OwnerClaim *claim, bool *ret_found, Owner *ret_owner,
                       GError **error)
{
    g_autofree char *text = g_malloc0(OWNER_MAX + 1);
    autofd fd = openat(folder_fd, OWNER_FILE, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat st;

    *ret_found = fd >= 0;
    if (fd < 0 && errno == ENOENT)
        return true;
    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || read(fd, text, OWNER_MAX) < 0 ||
        !parse(text, ret_owner)) {
        g_set_error(error, THUMBQ_ERROR, ERROR_CONFIG,
                    "cannot tell whose thumbnails lie in '%s': '%s' in it cannot be read; remove "
                    "that file if no other bucket has this prefix",
                    claim->prefix, OWNER_FILE);
        return false;
    }
    return true;
}

/* ---- writing ------------------------------------------------------------------------------------
 */

/* Gives the file its name; with `replace` over one that is there. */
static int put_in_place(int folder_fd, const char *temporary, bool replace)
{
    if (replace)
        return renameat(folder_fd, temporary, folder_fd, OWNER_FILE);
    int result = linkat(folder_fd, temporary, folder_fd, OWNER_FILE, 0);
    /* A file system without links: two that start at one moment are not kept apart there. */
    if (result != 0 && errno != EEXIST)
        result = renameat(folder_fd, temporary, folder_fd, OWNER_FILE);
    int errnum = errno;
    (void)unlinkat(folder_fd, temporary, 0);
    errno = errnum;
    return result;
}

static bool write_owner(int folder_fd, const OwnerClaim *claim, bool replace)
{
    g_autofree char *temporary = g_strdup_printf(OWNER_TEMPORARY, (int)getpid());
    g_autofree char *path = g_strescape(claim->bucket, NULL);
    char id[ID_TEXT];

    id_of(claim->mark, id);
    g_autofree char *text = g_strdup_printf(OWNER_HEAD "id %s\nbucket %s\n", id, path);
    (void)unlinkat(folder_fd, temporary, 0); /* that of a daemon that died here */
    autofd fd = FAILPOINT(
        "owner.create",
        openat(folder_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
    return fd >= 0 &&
           FAILPOINT("owner.write", write(fd, text, strlen(text))) == (ssize_t)strlen(text) &&
           FAILPOINT("owner.sync", fdatasync(fd)) == 0 &&
           FAILPOINT("owner.rename", put_in_place(folder_fd, temporary, replace)) == 0;
}

/* ---- claiming -----------------------------------------------------------------------------------
 */

static bool is_same_folder(const char *a, const char *b)
{
    struct stat first, second;

    return stat(a, &first) == 0 && stat(b, &second) == 0 && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino;
}

/* The bucket of that name is this one, or was before it was moved. */
static bool is_ours(const Owner *owner, const OwnerClaim *claim)
{
    char id[ID_TEXT];

    id_of(claim->mark, id);
    if (strcmp(owner->id, id) != 0)
        return false;
    return access(owner->bucket, F_OK) != 0 || is_same_folder(owner->bucket, claim->bucket);
}

static void refuse(const Owner *owner, const OwnerClaim *claim, GError **error)
{
    g_autofree char *path = g_strescape(owner->bucket, NULL);

    g_set_error(error, THUMBQ_ERROR, ERROR_CONFIG,
                "cannot use the prefix '%s': the thumbnails in it are those of the bucket '%s'; "
                "give each bucket a prefix of its own, or stop that one for good and take the "
                "prefix over with 'thumbq run --adopt'",
                claim->prefix, path);
}

bool owner_claim(int folder_fd, const OwnerClaim *claim, GError **error)
{
    g_auto(Owner) owner = {.bucket = NULL};
    bool found;

    if (!read_owner(folder_fd, claim, &found, &owner, error))
        return false;
    bool ours = found && is_ours(&owner, claim);
    if (found && !ours && !claim->adopt) {
        refuse(&owner, claim, error);
        return false;
    }
    if (claim->read_only || (ours && strcmp(owner.bucket, claim->bucket) == 0) ||
        write_owner(folder_fd, claim, found))
        return true;
    if (!found && errno == EEXIST) /* another one was faster: what it says counts */
        return owner_claim(folder_fd, claim, error);
    error_set_errno(error, errno, "cannot write down whose the prefix is in", claim->prefix);
    return false;
}
