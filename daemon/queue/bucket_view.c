/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/bucket_view.h"

#include "model/layout.h"

void bucket_view_init(BucketView *view, const char *bucket, const Config *config,
                      BucketOptions *ret_options)
{
    view->prefix = layout_below_bucket(bucket, config->prefix);
    view->state = layout_below_bucket(bucket, config->state);
    view->reserved[0] = view->prefix;
    view->reserved[1] = view->state;
    view->reserved[2] = NULL;
    *ret_options =
        (BucketOptions){.path = bucket, .reserved = view->reserved, .rescan_us = config->rescan_us};
}

void bucket_view_clear(BucketView *view)
{
    g_clear_pointer(&view->prefix, g_free);
    g_clear_pointer(&view->state, g_free);
}
