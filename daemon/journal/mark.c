/* SPDX-License-Identifier: Apache-2.0 */
#include "journal/mark.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/failpoint.h"
#include "base/file.h"
#include "base/trusted.h"
#include "model/layout.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define MARK     "user.thumbq"
#define FOLDER   "user.thumbq.folder"
#define KEY_FILE "mark.key"
#define KEY_NEW  "mark.key.new"
#define KEY_HEAD "thumbq-mark 1 "
/* Bytes of the key file. */
#define KEY_MAX  256
#define TAG_SIZE 16
/* The time of a key that does not exist. */
#define NO_KEY INT64_MAX

/*
 * The attribute's value. It holds a hash of the object's key: the key itself would often not fit
 * into the inode, and would cost a disk block for each thumbnail. Older versions of thumbq wrote
 * one hash, or two, or two and the time, and no tag.
 */
typedef struct {
    uint64_t object_hash;
    /* 0: no move is under way. */
    uint64_t next_object_hash;
    /* Modification time of the file when it was written. */
    int64_t mtime_ns;
    /* Signs the members before it. */
    uint8_t tag[TAG_SIZE];
} Mark;

static bool parse_hex(const char *text, uint8_t *ret_bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int high = g_ascii_xdigit_value(text[2 * i]);
        int low = high < 0 ? -1 : g_ascii_xdigit_value(text[2 * i + 1]);
        if (low < 0)
            return false;
        ret_bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

/* Parses the text of a key file: "thumbq-mark 1 SECRET SINCE". */
static bool parse_key(const char *text, MarkKey *ret_key)
{
    const size_t hex_len = 2 * (size_t)MARK_SECRET_SIZE;
    const char *secret = text + strlen(KEY_HEAD);
    MarkKey key = {.is_new = false};
    char *end;

    if (!g_str_has_prefix(text, KEY_HEAD) || strlen(secret) <= hex_len || secret[hex_len] != ' ' ||
        !parse_hex(secret, key.secret, sizeof key.secret))
        return false;
    key.since_ns = g_ascii_strtoll(secret + hex_len, &end, 10);
    if (strcmp(end, "\n") != 0 || key.since_ns <= 0)
        return false;
    *ret_key = key;
    return true;
}

static void fail(int state_fd, ErrorCode code, const char *why, GError **error)
{
    g_autofree char *path = trusted_path(state_fd, KEY_FILE);

    g_set_error(error, THUMBQ_ERROR, (gint)code,
                "cannot use the secret key '%s': %s; remove it, and the thumbnails are made again",
                path, why);
}

/* Reads the secret key of this state folder, which no other user may be able to read. */
static bool read_key(int state_fd, int fd, MarkKey *ret_key, GError **error)
{
    char text[KEY_MAX] = "";
    struct stat st;

    if (fstat(fd, &st) != 0 || (st.st_mode & 077) != 0) {
        fail(state_fd, ERROR_NOT_TRUSTED, "others can read it", error);
        return false;
    }
    if (read(fd, text, sizeof text - 1) >= 0 && parse_key(text, ret_key))
        return true;
    fail(state_fd, ERROR_CONFIG, "it is damaged", error);
    return false;
}

static bool make_secret(MarkKey *ret_key)
{
    *ret_key = (MarkKey){.since_ns = clock_wall_us() * 1000, .is_new = true};
    return getrandom(ret_key->secret, sizeof ret_key->secret, 0) == (ssize_t)sizeof ret_key->secret;
}

/* Writes the secret key, so that it is either there whole or not at all after a power cut. */
static bool write_key(int state_fd, const MarkKey *key, GError **error)
{
    g_autoptr(GString) text = g_string_new(KEY_HEAD);

    for (size_t i = 0; i < sizeof key->secret; i++)
        g_string_append_printf(text, "%02x", key->secret[i]);
    g_string_append_printf(text, " %" G_GINT64_FORMAT "\n", key->since_ns);
    autofd fd = FAILPOINT(
        "mark.create", trusted_open_file(state_fd, KEY_NEW, O_WRONLY | O_CREAT | O_TRUNC, error));
    return fd >= 0 &&
           FAILPOINT("mark.write", write(fd, text->str, text->len)) == (ssize_t)text->len &&
           FAILPOINT("mark.sync", fdatasync(fd)) == 0 &&
           FAILPOINT("mark.rename", renameat(state_fd, KEY_NEW, state_fd, KEY_FILE)) == 0 &&
           FAILPOINT("mark.sync-name", fsync(state_fd)) == 0;
}

/* Sets an error from `reason`, or from errno without one. */
static void fail_write(int state_fd, const GError *reason, GError **error)
{
    int errnum = errno;
    g_autofree char *path = trusted_path(state_fd, KEY_FILE);

    if (reason)
        g_propagate_error(error, g_error_copy(reason));
    else
        error_set_errno(error, errnum, "cannot write the secret key", path);
}

bool mark_key_open(int state_fd, bool make, MarkKey *ret_key, GError **error)
{
    g_autoptr(GError) reason = NULL;
    autofd fd = trusted_open_file(state_fd, KEY_FILE, O_RDONLY, &reason);

    if (fd >= 0)
        return read_key(state_fd, fd, ret_key, error);
    if (!g_error_matches(reason, THUMBQ_ERROR, ERROR_NOT_FOUND)) {
        g_propagate_error(error, g_steal_pointer(&reason));
        return false;
    }
    g_clear_error(&reason);
    *ret_key = (MarkKey){.since_ns = NO_KEY};
    if (!make || (make_secret(ret_key) && write_key(state_fd, ret_key, &reason)))
        return true;
    fail_write(state_fd, reason, error);
    return false;
}

bool mark_key_save(int state_fd, MarkKey *key, GError **error)
{
    g_autoptr(GError) reason = NULL;
    MarkKey found;

    if (!mark_key_open(state_fd, false, &found, error))
        return false;
    if (found.since_ns != NO_KEY) {
        *key = found;
        return true;
    }
    if (write_key(state_fd, key, &reason))
        return true;
    fail_write(state_fd, reason, error);
    return false;
}

/* Signs the bytes. `label` keeps a signature for one purpose from being valid for another. */
static void sign(const MarkKey *key, const char *label, const void *bytes, size_t n,
                 uint8_t ret_tag[static TAG_SIZE])
{
    guint8 digest[32];
    gsize len = sizeof digest;
    g_autoptr(GHmac) hmac = g_hmac_new(G_CHECKSUM_SHA256, key->secret, sizeof key->secret);

    g_hmac_update(hmac, (const guchar *)label, (gssize)strlen(label) + 1);
    g_hmac_update(hmac, bytes, (gssize)n);
    g_hmac_get_digest(hmac, digest, &len);
    memcpy(ret_tag, digest, TAG_SIZE);
}

static bool has_secret(const MarkKey *key)
{
    return key->since_ns != INT64_MAX;
}

/* Checks the signature of a mark. It takes as long for a wrong one, so that the time betrays
 * nothing. */
static bool is_signed(const MarkKey *key, const Mark *mark)
{
    uint8_t tag[TAG_SIZE], differs = 0;

    if (!has_secret(key))
        return false;
    sign(key, "mark", mark, offsetof(Mark, tag), tag);
    for (size_t i = 0; i < TAG_SIZE; i++)
        differs |= tag[i] ^ mark->tag[i];
    return differs == 0;
}

void mark_bucket_id(const MarkKey *key, uint8_t ret_id[static MARK_ID_SIZE])
{
    G_STATIC_ASSERT(MARK_ID_SIZE == TAG_SIZE);
    sign(key, "bucket", "", 0, ret_id);
}

static int64_t timespec_ns(const struct timespec *time)
{
    return (int64_t)time->tv_sec * 1000000000 + time->tv_nsec;
}

int mark_set(const MarkKey *key, int fd, const char *object, const char *next_object)
{
    Mark mark = {.object_hash = layout_key_hash(object),
                 .next_object_hash = next_object ? layout_key_hash(next_object) : 0};
    struct stat st;

    if (fstat(fd, &st) != 0)
        return errno;
    if (st.st_nlink > 1)
        return EMLINK;
    mark.mtime_ns = timespec_ns(&st.st_mtim);
    sign(key, "mark", &mark, offsetof(Mark, tag), mark.tag);
    if (FAILPOINT("thumbnail.mark", fsetxattr(fd, MARK, &mark, sizeof mark, 0)) != 0 &&
        errno != ENOTSUP)
        return errno;
    return 0;
}

/* True for a mark of an older version that dates from before the key. Since then any user could
 * have set such a mark. */
static bool is_old(const MarkKey *key, size_t len, const struct stat *st)
{
    return len <= offsetof(Mark, tag) && len % sizeof(uint64_t) == 0 &&
           timespec_ns(&st->st_ctim) < key->since_ns;
}

/* Returns the size of a mark that is valid in the prefix folder, bytes; 0: no valid mark; -1: files
 * have no attributes. */
static ssize_t read_mark(const MarkKey *key, int fd, const struct stat *st, Mark *ret_mark)
{
    ssize_t len = fgetxattr(fd, MARK, ret_mark, sizeof *ret_mark);

    if (len < 0)
        return errno == ENOTSUP ? -1 : 0;
    bool holds = len == sizeof *ret_mark ? is_signed(key, ret_mark)
                                         : len > 0 && is_old(key, (size_t)len, st);
    return holds ? len : 0;
}

static bool has_object(const Mark *mark, ssize_t len, uint64_t object_hash)
{
    const ssize_t one = sizeof mark->object_hash;

    return len > 0 && (mark->object_hash == object_hash ||
                       (len > one && mark->next_object_hash == object_hash));
}

/* True if the file's time is that of the mark. Marks of the oldest versions have no time. */
static bool is_as_written(const Mark *mark, ssize_t len, const struct stat *st)
{
    return len < (ssize_t)offsetof(Mark, tag) || mark->mtime_ns == timespec_ns(&st->st_mtim);
}

bool mark_names(const MarkKey *key, int fd, uint64_t object_hash)
{
    struct stat st;
    Mark mark;

    return fstat(fd, &st) == 0 && has_object(&mark, read_mark(key, fd, &st, &mark), object_hash);
}

bool mark_holds(const MarkKey *key, int fd)
{
    struct stat st;
    Mark mark;

    return fstat(fd, &st) == 0 && read_mark(key, fd, &st, &mark) > 0;
}

bool mark_is_unchanged(const MarkKey *key, int fd, const char *object)
{
    struct stat st;
    Mark mark;

    if (fstat(fd, &st) != 0)
        return false;
    ssize_t len = read_mark(key, fd, &st, &mark);
    return len < 0 ||
           (has_object(&mark, len, layout_key_hash(object)) && is_as_written(&mark, len, &st));
}

bool mark_is_there(int folder_fd, const char *name)
{
    autofd fd = openat(folder_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    g_autofree char *self = g_strdup_printf("/proc/self/fd/%d", fd);
    struct stat st;

    return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
           getxattr(self, MARK, NULL, 0) > 0;
}

/* Signs the path and the inode, so that the mark is not valid on another folder. The device number
 * is left out, because it can change when the machine starts. */
static bool sign_folder(const MarkKey *key, int fd, const char *path,
                        uint8_t ret_tag[static TAG_SIZE])
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    struct stat st;

    if (!has_secret(key) || fstat(fd, &st) != 0)
        return false;
    const uint64_t inode = st.st_ino;
    g_byte_array_append(bytes, (const guint8 *)&inode, sizeof inode);
    g_byte_array_append(bytes, (const guint8 *)path, (guint)strlen(path));
    sign(key, "folder", bytes->data, bytes->len, ret_tag);
    return true;
}

int mark_folder(const MarkKey *key, int fd, const char *path)
{
    uint8_t tag[TAG_SIZE];

    if (sign_folder(key, fd, path, tag) &&
        FAILPOINT("folder.mark", fsetxattr(fd, FOLDER, tag, sizeof tag, 0)) != 0 &&
        errno != ENOTSUP)
        return errno;
    return 0;
}

bool mark_is_of_folder(const MarkKey *key, int fd, const char *path)
{
    /* `fd` may be of O_PATH. */
    g_autofree char *self = g_strdup_printf("/proc/self/fd/%d", fd);
    uint8_t tag[TAG_SIZE], found[TAG_SIZE], differs = 0;

    if (!sign_folder(key, fd, path, tag) ||
        getxattr(self, FOLDER, found, sizeof found) != (ssize_t)sizeof found)
        return false;
    for (size_t i = 0; i < TAG_SIZE; i++)
        differs |= tag[i] ^ found[i];
    return differs == 0;
}

bool mark_is_true(const MarkKey *key, int fd)
{
    struct stat st;
    Mark mark;

    return fgetxattr(fd, MARK, &mark, sizeof mark) == (ssize_t)sizeof mark && fstat(fd, &st) == 0 &&
           is_signed(key, &mark) && is_as_written(&mark, sizeof mark, &st);
}
