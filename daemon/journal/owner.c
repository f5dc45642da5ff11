/* SPDX-License-Identifier: Apache-2.0 */
#include "journal/owner.h"

#include "base/error.h"
#include "base/failpoint.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OWNER_FILE ".thumbq.owner"
/* The next start removes a file of this name that a dead daemon left in the folder. */
#define OWNER_TEMPORARY ".thumbq-owner-%d"
#define OWNER_HEAD      "thumbq-owner 1\n"
/* Bytes: a path with every byte escaped. */
#define OWNER_MAX (4 * 4096 + 256)
#define ID_TEXT   (2 * MARK_ID_SIZE + 1)

typedef struct {
    char id[ID_TEXT];
    /* Owned. */
    char *bucket;
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

/* Parses HEAD "id " ID LF "bucket " PATH LF. The path is escaped as in C. */
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

/* Reads from the owner file which bucket the prefix belongs to. *ret_found: there is such a file.
 * */
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
                    "cannot find the owner of the thumbnails in '%s': the file '%s' in it cannot "
                    "be read; remove "
                    "that file if no other bucket has this prefix",
                    claim->prefix, OWNER_FILE);
        return false;
    }
    return true;
}

/* Gives the file its name. `replace`: over an existing file. */
static int put_in_place(int folder_fd, const char *temporary, bool replace)
{
    if (replace)
        return renameat(folder_fd, temporary, folder_fd, OWNER_FILE);
    int result = linkat(folder_fd, temporary, folder_fd, OWNER_FILE, 0);
    /* On a file system without links, two daemons that start at the same moment are not kept
     * apart. */
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
    /* Left by a daemon that died here. */
    (void)unlinkat(folder_fd, temporary, 0);
    autofd fd = FAILPOINT(
        "owner.create",
        openat(folder_fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
    return fd >= 0 &&
           FAILPOINT("owner.write", write(fd, text, strlen(text))) == (ssize_t)strlen(text) &&
           FAILPOINT("owner.sync", fdatasync(fd)) == 0 &&
           FAILPOINT("owner.rename", put_in_place(folder_fd, temporary, replace)) == 0;
}

static bool is_same_folder(const char *a, const char *b)
{
    struct stat first, second;

    return stat(a, &first) == 0 && stat(b, &second) == 0 && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino;
}

/* True if the named bucket is this one, or was this one before a move. */
static bool is_ours(const Owner *owner, const OwnerClaim *claim)
{
    char id[ID_TEXT];

    id_of(claim->mark, id);
    if (strcmp(owner->id, id) != 0)
        return false;
    return access(owner->bucket, F_OK) != 0 || is_same_folder(owner->bucket, claim->bucket);
}

/* Sets the error for a prefix whose thumbnails are those of another bucket. */
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
    /* Another daemon was faster: its file decides. */
    if (!found && errno == EEXIST)
        return owner_claim(folder_fd, claim, error);
    error_set_errno(error, errno, "cannot record the owner of the prefix in", claim->prefix);
    return false;
}
