/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway.conf: the configuration of the gateway, in the form of thumbq.conf. A GatewayConfig does
 * not change after gateway_config_load, and owns everything in it.
 */
#pragma once

#include "config/config_file.h"
#include "http/access_log.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define GATEWAY_CONFIG_FILE "gateway.conf"

/* A section [bucket NAME]: a folder that is served under this name. */
typedef struct {
    char name[CONFIG_NAME_MAX];
    /* Line of the section in its file. */
    int line;
    char *path;
} BucketConfig;

/* The period of a quota, in UTC. */
typedef enum { QUOTA_DAY, QUOTA_WEEK, QUOTA_MONTH } QuotaPeriod;

/* A section [plan NAME]: limits for each key that has this usage plan. */
typedef struct {
    char name[CONFIG_NAME_MAX];
    /* Line of the section in its file. */
    int line;
    /* Requests per second; 0: no limit. */
    double rate;
    /* Requests that may come at once; 0: as many as `rate` allows in a second, at least one. */
    int64_t burst;
    /* "none", or "10000 per day", per week, per month. */
    char *quota;
    /* The two parts of `quota`; 0 requests: no quota. */
    int64_t quota_requests;
    QuotaPeriod quota_period;
} PlanConfig;

/* Objects of `bucket` whose names begin with `prefix` are read without a key. */
typedef struct {
    char *bucket, *prefix;
} PublicPrefix;

typedef struct {
    /* Names of the files, the main file first. Owned. */
    GPtrArray *files;
    ConfigOrigins origins;

    /* Options of [gateway]. */
    char *listen;
    /* Folder whose folders are buckets; "" for none. */
    char *root;
    /* "none", or "read BUCKET/PREFIX", split at ';'. */
    GStrv public_words;
    /* "none", "*", or origins. */
    GStrv cors;
    /* Paths; "" for none. */
    char *tls_certificate, *tls_key;
    AccessLogFormat access_log;
    int max_connections, max_connections_per_address, max_buckets;
    int64_t header_deadline_us, idle_us;
    /* Bytes per second. */
    int64_t body_rate;
    /* Bytes of one PUT or one part. */
    int64_t max_put_size;

    BucketConfig buckets[CONFIG_ROWS_MAX];
    size_t n_buckets;
    PlanConfig plans[CONFIG_ROWS_MAX];
    size_t n_plans;

    /* Elements: PublicPrefix, from `public_words`. */
    GArray *public_prefixes;
} GatewayConfig;

/*
 * Reads the file at `path` (NULL: the defaults), and then the files conf.d/NAME.conf of the state
 * folder `state_fd` (-1: none). All are opened as trusted.h says. Paths in a file are relative to
 * its folder. Owner: gateway_config_free. Errors: ERROR_CONFIG with file and line, ERROR_NOT_FOUND,
 * ERROR_NOT_TRUSTED, ERROR_IO.
 */
GatewayConfig *gateway_config_load(const char *path, int state_fd, GError **error);
void gateway_config_free(GatewayConfig *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(GatewayConfig, gateway_config_free)

/*
 * Finds the configuration file: `chosen` if that is not NULL; gateway.conf of the state folder, if
 * it exists; with `is_default_state` /etc/thumbq/gateway.conf, if it exists. NULL: there is none.
 * Owner: the caller frees.
 */
char *gateway_config_find(const char *chosen, const char *state, bool is_default_state);

/* Sets access_log to the format `name`. Errors: ERROR_USAGE. */
bool gateway_config_set_access_log(GatewayConfig *config, const char *name, GError **error);

/* Prints all options, each with its help as a comment. */
void gateway_config_print(const GatewayConfig *config, FILE *out);

/* Finds a usage plan by its name; NULL: there is none. Borrowed. */
const PlanConfig *gateway_config_find_plan(const GatewayConfig *config, const char *name);

/* True if the object `key` of `bucket` is read without a key. */
bool gateway_config_is_public(const GatewayConfig *config, const char *bucket, const char *key);

/* True if pages of some other origin may use the gateway. */
bool gateway_config_has_cors(const GatewayConfig *config);

/* Value of Access-Control-Allow-Origin for a request of a page of `origin`; NULL: the page may not
 * use the gateway. Borrowed. */
const char *gateway_config_find_cors(const GatewayConfig *config, const char *origin);
