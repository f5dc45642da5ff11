/* SPDX-License-Identifier: Apache-2.0 */
/* Flags of work that may be half done until a sweep has corrected it. */
#pragma once

typedef enum {
    JOURNAL_LEFT_NOTHING = 0,
    /* A crash, or the loss of a store, left work half done. */
    JOURNAL_LEFT_HALF_DONE = 1 << 0,
    /* An older version of thumbq left names that could collide. */
    JOURNAL_LEFT_OLD_NAMES = 1 << 1,
    /* The folder of the thumbnails was replaced. */
    JOURNAL_LEFT_NO_THUMBNAILS = 1 << 2,
} JournalLeft;
