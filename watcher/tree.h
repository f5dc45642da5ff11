/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The folders of a bucket as a tree of nodes, found by name or by watch descriptor.
 *
 * A node knows its parent and its own name only, so that renaming a folder touches one node,
 * however much lies below it; paths are built on demand. Files are not kept. Knows neither inotify
 * nor the file system: whoever drops a node is told the watch descriptors to give back.
 */
#pragma once

#include "object.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TREE_NO_WATCH (-1)

/* Room for the path of any folder or file and the final NUL. */
typedef char TreePath[OBJECT_KEY_MAX + 1];

typedef struct TreeNode TreeNode;

struct TreeNode {
    TreeNode *parent; /* NULL for the root, and for a node that is detached */
    TreeNode *first_child, *next, *prev;
    char *name;
    GList link;      /* in the scan's queue; data is the node */
    uint32_t listed; /* number of the listing that saw it last */
    int wd;          /* watch descriptor, or TREE_NO_WATCH */
    uint8_t due;     /* scan.h: why it is in the queue; 0 if it is not */
    bool warned;     /* that it cannot be read has been said */
};

typedef struct {
    TreeNode *root;
    GHashTable *by_name;  /* of nodes, by parent and name */
    GHashTable *by_watch; /* wd -> node */
    size_t n_nodes;
} Tree;

void tree_init(Tree *tree);
void tree_clear(Tree *tree);

/* NULL if there is none. Borrowed. */
TreeNode *tree_child(const Tree *tree, const TreeNode *parent, const char *name);

/* The node of the folder `key`, "" for the root; NULL if there is none. Borrowed. */
TreeNode *tree_lookup(const Tree *tree, const char *key);

/* `parent` must have no child of that name. Borrowed: the tree owns it. */
TreeNode *tree_add(Tree *tree, TreeNode *parent, const char *name);

/* Takes the node out of its parent, with all below it; tree_attach or tree_drop must follow. */
void tree_detach(Tree *tree, TreeNode *node);

/* Puts a detached node below `parent`, which must have no child of that name. */
void tree_attach(Tree *tree, TreeNode *node, TreeNode *parent, const char *name);

/* Called with each node before it is freed. */
typedef void (*TreeForget)(TreeNode *node, void *data);

/* Removes the node and all below it. */
void tree_drop(Tree *tree, TreeNode *node, TreeForget forget, void *data);

/* True unless the node, or a folder above it, is detached. */
bool tree_is_attached(const Tree *tree, const TreeNode *node);

/*
 * Writes the path of `name` below `node` ("" for the node itself; the root's own path is ""). False
 * if it is longer than OBJECT_KEY_MAX.
 */
bool tree_path(const TreeNode *node, const char *name, TreePath ret_path);

/* The node with this watch descriptor, or NULL. Borrowed. */
TreeNode *tree_by_watch(const Tree *tree, int wd);

/* Gives the node this descriptor; another node that had it is left without. */
void tree_set_watch(Tree *tree, TreeNode *node, int wd);

/* Leaves the node without a descriptor; returns the one it had. */
int tree_take_watch(Tree *tree, TreeNode *node);
