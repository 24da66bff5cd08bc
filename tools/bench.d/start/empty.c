// SPDX-License-Identifier: MIT
// The empty library: what the loader's part of preloading costs. ISO C wants a declaration at least.
extern int empty;
