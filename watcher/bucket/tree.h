/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The folders of a bucket as a tree of nodes, found by name or by watch descriptor.
 *
 * A node knows only its parent and its own name, so that renaming a folder changes one node,
 * however many lie below it. Paths are built on demand. The tree does not store files. It knows
 * neither inotify nor the file system: a caller that drops a node gets the watch descriptors to
 * remove.
 */
#pragma once

#include "model/object.h"

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TREE_NO_WATCH (-1)

/* Holds the path of any folder or file, with the final NUL. */
typedef char TreePath[OBJECT_KEY_MAX + 1];

typedef struct TreeNode TreeNode;

struct TreeNode {
    /* NULL for the root, and for a detached node. */
    TreeNode *parent;
    TreeNode *first_child, *next, *prev;
    char *name;
    /* Link in the queue of the scan; its data is the node. */
    GList link;
    /* Number of the last listing that saw the folder. */
    uint32_t listed;
    /* Watch descriptor, or TREE_NO_WATCH. */
    int wd;
    /* DUE_x of bucket_private.h: why the node is in the queue; 0: it is not. */
    uint8_t due;
    /* True if a warning has reported that the folder cannot be read. */
    bool warned;
};

typedef struct {
    TreeNode *root;
    /* Nodes by parent and name. */
    GHashTable *by_name;
    /* Nodes by watch descriptor. */
    GHashTable *by_watch;
    size_t n_nodes;
} Tree;

void tree_init(Tree *tree);
void tree_clear(Tree *tree);

/* Finds a child by name; NULL if there is none. Borrowed. */
TreeNode *tree_child(const Tree *tree, const TreeNode *parent, const char *name);

/* Finds the node of the folder `key`, "" for the root; NULL if there is none. Borrowed. */
TreeNode *tree_lookup(const Tree *tree, const char *key);

/*
 * Adds a child to `parent`, which must not have a child of that name. Borrowed: the tree owns it.
 */
TreeNode *tree_add(Tree *tree, TreeNode *parent, const char *name);

/*
 * Removes the node from its parent, with all nodes below it. The caller must call tree_attach or
 * tree_drop next.
 */
void tree_detach(Tree *tree, TreeNode *node);

/* Adds a detached node to `parent`, which must not have a child of that name. */
void tree_attach(Tree *tree, TreeNode *node, TreeNode *parent, const char *name);

/* Called with each node before it is freed. */
typedef void (*TreeForget)(TreeNode *node, void *data);

/* Removes the node and all nodes below it. */
void tree_drop(Tree *tree, TreeNode *node, TreeForget forget, void *data);

/* True unless the node, or a folder above it, is detached. */
bool tree_is_attached(const Tree *tree, const TreeNode *node);

/*
 * Writes the path of `name` below `node` ("" for the node itself; the root's own path is "").
 * Returns false if the path is longer than OBJECT_KEY_MAX.
 */
bool tree_path(const TreeNode *node, const char *name, TreePath ret_path);

/* Finds the node with this watch descriptor; NULL if there is none. Borrowed. */
TreeNode *tree_by_watch(const Tree *tree, int wd);

/* Sets the descriptor of the node; another node that had it loses it. */
void tree_set_watch(Tree *tree, TreeNode *node, int wd);

/* Removes the descriptor from the node and returns it. */
int tree_remove_watch(Tree *tree, TreeNode *node);
