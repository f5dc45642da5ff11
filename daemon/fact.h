/* SPDX-License-Identifier: Apache-2.0 */
/* Facts: events of the daemon as a whole that concern each module with state in memory. The table
 * in facts.c assigns facts to modules. */
#pragma once

typedef enum {
    /* The batch is about to be committed; its thumbnails are on disk. */
    FACT_COMMITTING,
    /* All changes until now are on disk. */
    FACT_COMMITTED,
    /* The batch was given up: no change since the last commit is true. */
    FACT_LOST,
    /* The store takes changes again; a scan of the bucket finds the lost ones. */
    FACT_RESUMED,
    /* Another configuration is in force. */
    FACT_RECONFIGURED,
    /* The loop has ended; the last commit follows. */
    FACT_STOPPING,
    FACTS,
} Fact;
