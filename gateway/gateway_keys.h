/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keys of the gateway: each has rights to some buckets. All keys are in one file of the
 * gateway's state folder, mode 0600, which is replaced as a whole. A running gateway reads the file
 * again when it has changed. Of a token only the hash is kept. A secret is kept as it is, because
 * signatures are made with it.
 */
#pragma once

#include "http/signature.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEYS_FILE     "keys.json"
#define KEYS_MAX      10000
#define KEYS_FILE_MAX ((size_t)16 * 1024 * 1024)

typedef enum {
    RIGHT_READ = 1 << 0,
    RIGHT_WRITE = 1 << 1,
    RIGHT_INVOKE = 1 << 2,
    /* All rights. */
    RIGHT_ADMIN = 1 << 3,
} Rights;

typedef struct {
    char *id, *secret;
    /* SHA-256 of the token, hexadecimal. */
    char *token_hash;
    unsigned rights;
    /* Names of buckets; "*": all buckets. */
    GStrv buckets;
    /* Objects whose names begin with this; "": all objects. */
    char *prefix;
    /* Usage plan; NULL: none. */
    char *plan;
    int64_t created_us;
    /* The signing key that was derived last, and its day, region and service; "": there is none. */
    SigningKey signing;
    char date[9], region[SIGNATURE_SCOPE_MAX], service[SIGNATURE_SCOPE_MAX];
} Key;

typedef struct Keys Keys;

/*
 * Opens the keys of the state folder `state_fd`, which outlives them. The file may be missing.
 * Owner: keys_free. Errors: ERROR_NOT_TRUSTED, ERROR_CONFIG for a file that cannot be read,
 * ERROR_IO.
 */
Keys *keys_open(int state_fd, GError **error);
void keys_free(Keys *keys);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Keys, keys_free)

/*
 * Reads the file again if it has changed. On error the keys stay as they are; each file that cannot
 * be read is reported once. Errors: as keys_open.
 */
bool keys_renew(Keys *keys, GError **error);

/* True if the keys are those of the file; false if the last keys_renew found a file that cannot be
 * read, also if an earlier call has reported it. */
bool keys_are_current(const Keys *keys);

/* Finds a key by its id; NULL: there is none. Borrowed, until the next keys_renew, keys_create or
 * keys_revoke. */
const Key *keys_find(const Keys *keys, const char *id);
/* The signing key of `key` for the scope of a signature of Version 4. Keeps the last one of each
 * key. Borrowed until the next call and as from keys_find. */
const SigningKey *keys_derive(Keys *keys, const Key *key, const Signature *signature);
/* Finds the key of a token, in a time that does not depend on the token. NULL: there is none.
 * Borrowed, as from keys_find. */
const Key *keys_find_token(const Keys *keys, const char *token);
/* Number of keys. */
size_t keys_count(const Keys *keys);
/* The key at index `i`, in the order of the file. Borrowed as from keys_find. */
const Key *keys_get(const Keys *keys, size_t i);

/* Properties of a new key. */
typedef struct {
    unsigned rights;
    const char *const *buckets;
    const char *prefix;
    /* Usage plan; NULL: none. */
    const char *plan;
} KeyTerms;

/*
 * Makes a key, which is on disk when this returns. `now_us` is of the wall clock. *ret_token is the
 * only copy of its token; owner: the caller frees. The key is borrowed. Errors: as keys_open;
 * ERROR_USAGE if there are KEYS_MAX keys.
 */
const Key *keys_create(Keys *keys, const KeyTerms *terms, int64_t now_us, char **ret_token,
                       GError **error);

/* Revokes a key, which is removed from disk when this returns. *ret_revoked false: there is no such
 * key. Errors: as keys_open. */
bool keys_revoke(Keys *keys, const char *id, bool *ret_revoked, GError **error);

/* True if the key has the right `right` to the object `object` of `bucket`. `object` NULL: to the
 * bucket as a whole, of which a key with a prefix may only ask for a list of `prefix`. */
bool key_may(const Key *key, Rights right, const char *bucket, const char *object,
             const char *prefix);

/* True if the key has the right `right` to all objects of all buckets. */
bool key_may_all(const Key *key, Rights right);

/* Parses a list of rights, "read,write". False: a name is unknown, or there is none. */
bool rights_parse(const char *text, unsigned *ret_rights);
/* Formats a list of rights. Owner: the caller frees. */
char *rights_format(unsigned rights);
