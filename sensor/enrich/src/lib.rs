//! Process tree, containers, users.
