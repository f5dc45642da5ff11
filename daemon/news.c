/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon_private.h"

static void tell(const Daemon *daemon, const News *news)
{
    if (daemon->options->news)
        daemon->options->news(news, daemon->options->news_data);
}

void news_outcome(const Job *job, const StoreOutcome *outcome, const Record *record)
{
    News news = {
        .key = job->key,
        .duration_us = outcome->attempt.duration_us,
        .error = outcome->error,
        .message = outcome->message,
    };

    switch (outcome->state) {
    case STATE_DONE:
        news.kind = NEWS_DONE;
        news.facts = &record->facts;
        break;
    case STATE_SKIPPED:
        news.kind = NEWS_SKIPPED;
        break;
    case STATE_DEAD:
        news.kind = NEWS_DEAD;
        break;
    case STATE_PENDING:
        if (!outcome->counts)
            return; /* no fault of the object: it waits as before */
        news.kind = NEWS_RETRY;
        break;
    case STATE_RUNNING:
        return;
    }
    tell(job->daemon, &news);
}

void news_removed(const Daemon *daemon, const char *key)
{
    const News news = {.kind = NEWS_REMOVED, .key = key, .message = ""};

    tell(daemon, &news);
}

void news_renamed(const Daemon *daemon, const char *from, const char *to)
{
    const News news = {.kind = NEWS_RENAMED, .key = to, .from = from, .message = ""};

    tell(daemon, &news);
}
