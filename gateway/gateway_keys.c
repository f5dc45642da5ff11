/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway_keys.h"

#include "base/error.h"
#include "base/file.h"
#include "base/trusted.h"
#include "http/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <unistd.h>

#define NEW_FILE  "keys.json.new"
#define LOCK_FILE "keys.lock"
#define ID_PREFIX "TQ"
/* Characters after the prefix. */
#define ID_LEN 18
/* Random bytes of a secret: 40 digits of base64. */
#define SECRET_LEN 30
/* Random bytes of a token. */
#define TOKEN_LEN 30

struct Keys {
    int state_fd;
    /* Elements: Key, owned. */
    GPtrArray *all;
    GHashTable *by_id;
    /* State of the file that the keys were read from; st_ino 0: there was no file. */
    struct stat seen;
    /* State of the file when it could not be read the last time; st_ino 0: it could be read. */
    struct stat refused;
};

static const char *const right_names[] = {"read", "write", "invoke", "admin"};

bool rights_parse(const char *text, unsigned *ret_rights)
{
    g_auto(GStrv) words = g_strsplit(text, ",", 0);
    unsigned rights = 0;

    for (size_t i = 0; words[i]; i++) {
        size_t right = 0;
        while (right < G_N_ELEMENTS(right_names) && strcmp(words[i], right_names[right]) != 0)
            right++;
        if (right == G_N_ELEMENTS(right_names))
            return false;
        rights |= 1u << right;
    }
    *ret_rights = rights;
    return rights != 0;
}

char *rights_format(unsigned rights)
{
    GString *text = g_string_new(NULL);

    for (size_t i = 0; i < G_N_ELEMENTS(right_names); i++) {
        if (rights & 1u << i)
            g_string_append_printf(text, "%s%s", text->len ? "," : "", right_names[i]);
    }
    return g_string_free(text, FALSE);
}

bool key_may(const Key *key, Rights right, const char *bucket, const char *object,
             const char *prefix)
{
    const char *const *buckets = (const char *const *)key->buckets;

    if (!(key->rights & (right | RIGHT_ADMIN)))
        return false;
    if (!g_strv_contains(buckets, "*") && !g_strv_contains(buckets, bucket))
        return false;
    return g_str_has_prefix(object ? object : prefix, key->prefix);
}

bool key_may_all(const Key *key, Rights right)
{
    return (key->rights & (right | RIGHT_ADMIN)) &&
           g_strv_contains((const char *const *)key->buckets, "*") && !*key->prefix;
}

static void key_free(void *data)
{
    Key *key = data;

    if (!key)
        return;
    if (key->secret)
        explicit_bzero(key->secret, strlen(key->secret));
    explicit_bzero(&key->signing, sizeof key->signing);
    g_free(key->id);
    g_free(key->secret);
    g_free(key->token_hash);
    g_strfreev(key->buckets);
    g_free(key->prefix);
    g_free(key->plan);
    g_free(key);
}

static GStrv read_buckets(const json_t *array)
{
    GPtrArray *names = g_ptr_array_new();
    const json_t *name;
    size_t i;

    json_array_foreach(array, i, name)
    {
        if (json_is_string(name))
            g_ptr_array_add(names, g_strdup(json_string_value(name)));
    }
    g_ptr_array_add(names, NULL);
    return (GStrv)g_ptr_array_free(names, FALSE);
}

/* Reads a key from JSON. NULL: `object` is not a key. Owner: key_free. */
static Key *read_key(json_t *object)
{
    const char *id, *secret, *token, *rights, *prefix, *plan = NULL;
    json_t *buckets;
    json_int_t created;
    unsigned parsed;

    if (json_unpack(object, "{s:s, s:s, s:s, s:s, s:o, s:s, s?:s, s:I}", "id", &id, "secret",
                    &secret, "token_sha256", &token, "rights", &rights, "buckets", &buckets,
                    "prefix", &prefix, "plan", &plan, "created_us", &created) != 0 ||
        !rights_parse(rights, &parsed) || !json_is_array(buckets) || !*id || !*secret)
        return NULL;
    Key *key = g_new0(Key, 1);
    *key = (Key){.id = g_strdup(id),
                 .secret = g_strdup(secret),
                 .token_hash = g_strdup(token),
                 .rights = parsed,
                 .buckets = read_buckets(buckets),
                 .prefix = g_strdup(prefix),
                 .plan = g_strdup(plan),
                 .created_us = created};
    return key;
}

static bool read_all(const char *text, size_t len, GPtrArray *all)
{
    json_error_t failure;
    json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &failure);
    json_t *array = json_object_get(root, "keys"), *object;
    bool ok = json_is_array(array) && json_array_size(array) <= KEYS_MAX;
    size_t i;

    json_array_foreach(array, i, object)
    {
        Key *key = ok ? read_key(object) : NULL;
        if (!key) {
            ok = false;
            break;
        }
        g_ptr_array_add(all, key);
    }
    json_decref(root);
    return ok;
}

static void replace_all(Keys *keys, GPtrArray *all)
{
    g_hash_table_remove_all(keys->by_id);
    g_ptr_array_free(keys->all, TRUE);
    keys->all = all;
    for (guint i = 0; i < all->len; i++)
        g_hash_table_insert(keys->by_id, ((Key *)all->pdata[i])->id, all->pdata[i]);
}

static bool is_seen(const Keys *keys, const struct stat *st)
{
    return file_is_same(&keys->seen, st) && keys->seen.st_size == st->st_size &&
           keys->seen.st_mtim.tv_sec == st->st_mtim.tv_sec &&
           keys->seen.st_mtim.tv_nsec == st->st_mtim.tv_nsec;
}

/* True if the file is still the one that could not be read: that is reported once, and the file is
 * not read again for each request. The owner and the mode of a file change its ctime alone. */
static bool is_refused(const Keys *keys, const struct stat *st)
{
    const struct stat *refused = &keys->refused;

    return refused->st_ino && file_is_same(refused, st) && refused->st_size == st->st_size &&
           refused->st_mtim.tv_sec == st->st_mtim.tv_sec &&
           refused->st_mtim.tv_nsec == st->st_mtim.tv_nsec &&
           refused->st_ctim.tv_sec == st->st_ctim.tv_sec &&
           refused->st_ctim.tv_nsec == st->st_ctim.tv_nsec;
}

bool keys_renew(Keys *keys, GError **error)
{
    struct stat st = {0};

    if (fstatat(keys->state_fd, KEYS_FILE, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        if (is_refused(keys, &st))
            return true;
        if (is_seen(keys, &st)) {
            keys->refused = (struct stat){0};
            return true;
        }
    }
    keys->refused = st;
    g_autoptr(GError) reason = NULL;
    autofd fd = trusted_open_file(keys->state_fd, KEYS_FILE, O_RDONLY, &reason);
    if (fd < 0 && error_code(reason) == ERROR_NOT_FOUND) {
        replace_all(keys, g_ptr_array_new_with_free_func(key_free));
        keys->seen = keys->refused = (struct stat){0};
        return true;
    }
    size_t len = 0;
    g_autofree char *text = fd < 0 || fstat(fd, &st) != 0
                                ? NULL
                                : file_read_fd(fd, KEYS_FILE, KEYS_FILE_MAX, &len, &reason);
    if (!text) {
        g_propagate_error(error, g_steal_pointer(&reason));
        return false;
    }
    GPtrArray *all = g_ptr_array_new_with_free_func(key_free);
    bool ok = read_all(text, len, all);
    explicit_bzero(text, len);
    if (!ok) {
        g_ptr_array_free(all, TRUE);
        g_set_error(error, THUMBQ_ERROR, ERROR_CONFIG, "the keys in '%s' cannot be read",
                    KEYS_FILE);
        return false;
    }
    replace_all(keys, all);
    keys->seen = st;
    keys->refused = (struct stat){0};
    return true;
}

bool keys_are_current(const Keys *keys)
{
    return keys->refused.st_ino == 0;
}

Keys *keys_open(int state_fd, GError **error)
{
    Keys *keys = g_new0(Keys, 1);

    keys->state_fd = state_fd;
    keys->all = g_ptr_array_new_with_free_func(key_free);
    keys->by_id = g_hash_table_new(g_str_hash, g_str_equal);
    if (keys_renew(keys, error))
        return keys;
    keys_free(keys);
    return NULL;
}

void keys_free(Keys *keys)
{
    if (!keys)
        return;
    g_hash_table_destroy(keys->by_id);
    g_ptr_array_free(keys->all, TRUE);
    g_free(keys);
}

const Key *keys_find(const Keys *keys, const char *id)
{
    return g_hash_table_lookup(keys->by_id, id);
}

const SigningKey *keys_derive(Keys *keys, const Key *key, const Signature *signature)
{
    Key *own = g_hash_table_lookup(keys->by_id, key->id);

    g_assert(own == key);
    if (strcmp(own->date, signature->date) != 0 || strcmp(own->region, signature->region) != 0 ||
        strcmp(own->service, signature->service) != 0) {
        signature_derive_key(own->secret, signature->date, signature->region, signature->service,
                             &own->signing);
        g_strlcpy(own->date, signature->date, sizeof own->date);
        g_strlcpy(own->region, signature->region, sizeof own->region);
        g_strlcpy(own->service, signature->service, sizeof own->service);
    }
    return &own->signing;
}

const Key *keys_find_token(const Keys *keys, const char *token)
{
    char hash[HTTP_HEX_SHA256_MAX];
    const Key *found = NULL;

    http_sha256_hex(token, strlen(token), hash);
    for (guint i = 0; i < keys->all->len; i++) {
        const Key *key = keys->all->pdata[i];
        if (strlen(key->token_hash) == strlen(hash) &&
            http_equal_secret(key->token_hash, hash, strlen(hash)))
            found = key;
    }
    return found;
}

size_t keys_count(const Keys *keys)
{
    return keys->all->len;
}

const Key *keys_get(const Keys *keys, size_t i)
{
    return keys->all->pdata[i];
}

static json_t *write_key(const Key *key)
{
    g_autofree char *rights = rights_format(key->rights);
    json_t *buckets = json_array();

    for (size_t i = 0; key->buckets[i]; i++)
        (void)json_array_append_new(buckets, json_string(key->buckets[i]));
    return json_pack("{s:s, s:s, s:s, s:s, s:o, s:s, s:s*, s:I}", "id", key->id, "secret",
                     key->secret, "token_sha256", key->token_hash, "rights", rights, "buckets",
                     buckets, "prefix", key->prefix, "plan", key->plan, "created_us",
                     (json_int_t)key->created_us);
}

static bool write_whole(int fd, const char *text, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, text, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        text += n;
        len -= (size_t)n;
    }
    return true;
}

/* Replaces the file by a new one, which is on disk when this returns. */
static bool save(Keys *keys, GError **error)
{
    json_t *root = json_object(), *array = json_array();

    for (guint i = 0; i < keys->all->len; i++)
        (void)json_array_append_new(array, write_key(keys->all->pdata[i]));
    (void)json_object_set_new(root, "keys", array);
    char *text = json_dumps(root, JSON_INDENT(1));
    json_decref(root);
    autofd fd = trusted_open_file(keys->state_fd, NEW_FILE, O_WRONLY | O_CREAT | O_TRUNC, error);
    bool ok = fd >= 0;
    if (ok && (!write_whole(fd, text, strlen(text)) || fsync(fd) != 0 ||
               renameat(keys->state_fd, NEW_FILE, keys->state_fd, KEYS_FILE) != 0 ||
               fsync(keys->state_fd) != 0 || fstat(fd, &keys->seen) != 0)) {
        error_set_errno(error, errno, "cannot write", KEYS_FILE);
        ok = false;
    }
    explicit_bzero(text, strlen(text));
    free(text);
    return ok;
}

/* Locks the file of keys, and reads its current content. No other process changes the file until
 * the lock is closed. -1 on error. */
static int lock(Keys *keys, GError **error)
{
    autofd fd = trusted_open_file(keys->state_fd, LOCK_FILE, O_RDWR | O_CREAT, error);

    if (fd < 0)
        return -1;
    while (flock(fd, LOCK_EX) != 0) {
        if (errno == EINTR)
            continue;
        error_set_errno(error, errno, "cannot lock", LOCK_FILE);
        return -1;
    }
    return keys_renew(keys, error) ? fd_steal(&fd) : -1;
}

static bool random_bytes(uint8_t *bytes, size_t len, GError **error)
{
    if (getrandom(bytes, len, 0) == (ssize_t)len)
        return true;
    error_set_errno(error, errno, "cannot get", "random bytes");
    return false;
}

/* Formats `len` random bytes (at most 64) as base64; `for_url`: with the digits that a URL may
 * hold. Owner: the caller frees. */
static char *random_text(size_t len, bool for_url, GError **error)
{
    uint8_t bytes[64];

    if (!random_bytes(bytes, len, error))
        return NULL;
    char *text = g_base64_encode(bytes, len);
    if (for_url)
        g_strdelimit(g_strdelimit(text, "+", '-'), "/", '_');
    explicit_bzero(bytes, sizeof bytes);
    return text;
}

static char *random_id(GError **error)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    uint8_t bytes[ID_LEN];

    if (!random_bytes(bytes, sizeof bytes, error))
        return NULL;
    GString *id = g_string_new(ID_PREFIX);
    for (size_t i = 0; i < ID_LEN; i++)
        g_string_append_c(id, digits[bytes[i] % 32]);
    return g_string_free(id, FALSE);
}

const Key *keys_create(Keys *keys, const KeyTerms *terms, int64_t now_us, char **ret_token,
                       GError **error)
{
    autofd lock_fd = lock(keys, error);
    char hash[HTTP_HEX_SHA256_MAX];

    if (lock_fd < 0)
        return NULL;
    if (keys->all->len == KEYS_MAX) {
        g_set_error(error, THUMBQ_ERROR, ERROR_USAGE, "there are %d keys already", KEYS_MAX);
        return NULL;
    }
    g_autofree char *token = random_text(TOKEN_LEN, true, error);
    g_autofree char *secret = token ? random_text(SECRET_LEN, false, error) : NULL;
    g_autofree char *id = secret ? random_id(error) : NULL;
    if (!id)
        return NULL;
    http_sha256_hex(token, strlen(token), hash);
    Key *key = g_new0(Key, 1);
    *key = (Key){.id = g_steal_pointer(&id),
                 .secret = g_steal_pointer(&secret),
                 .token_hash = g_strdup(hash),
                 .rights = terms->rights,
                 .buckets = g_strdupv((GStrv)terms->buckets),
                 .prefix = g_strdup(terms->prefix),
                 .plan = g_strdup(terms->plan),
                 .created_us = now_us};
    g_ptr_array_add(keys->all, key);
    if (!save(keys, error)) {
        g_ptr_array_remove(keys->all, key);
        return NULL;
    }
    g_hash_table_insert(keys->by_id, key->id, key);
    *ret_token = g_steal_pointer(&token);
    return key;
}

bool keys_revoke(Keys *keys, const char *id, bool *ret_revoked, GError **error)
{
    autofd lock_fd = lock(keys, error);

    if (lock_fd < 0)
        return false;
    Key *key = g_hash_table_lookup(keys->by_id, id);
    *ret_revoked = key != NULL;
    if (!key)
        return true;
    g_hash_table_remove(keys->by_id, id);
    g_ptr_array_remove(keys->all, key);
    return save(keys, error);
}
