/* SPDX-License-Identifier: Apache-2.0 */
/* Reports the results of objects to the program that started the daemon, if it asked for them: see
 * daemon/news.h. */
#pragma once

#include "daemon/news.h"
#include "queue/work_item.h"
#include "store/store.h"

/* The receiver of the results; `function` NULL: there is none. */
typedef struct {
    NewsFunction function;
    void *data;
} NewsReceiver;

/* Reports the outcome of the work item. `record` is the object's record as it is now. */
void news_report_outcome(const NewsReceiver *receiver, const WorkItem *item,
                         const StoreOutcome *outcome, const Record *record);
void news_report_removed(const NewsReceiver *receiver, const char *key);
void news_report_renamed(const NewsReceiver *receiver, const char *from, const char *to);
