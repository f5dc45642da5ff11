/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/news_report.h"

static void report(const NewsReceiver *receiver, const News *news)
{
    if (receiver->function)
        receiver->function(news, receiver->data);
}

void news_report_outcome(const NewsReceiver *receiver, const WorkItem *item,
                         const StoreOutcome *outcome, const Record *record)
{
    News news = {
        .key = item->key,
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
            /* The object is not at fault: it waits as before. */
            return;
        news.kind = NEWS_RETRY;
        break;
    case STATE_RUNNING:
        return;
    }
    report(receiver, &news);
}

void news_report_removed(const NewsReceiver *receiver, const char *key)
{
    const News news = {.kind = NEWS_REMOVED, .key = key, .message = ""};

    report(receiver, &news);
}

void news_report_renamed(const NewsReceiver *receiver, const char *from, const char *to)
{
    const News news = {.kind = NEWS_RENAMED, .key = to, .from = from, .message = ""};

    report(receiver, &news);
}
