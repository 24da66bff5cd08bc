// SPDX-License-Identifier: MIT
// A main for a fuzzer: runs it on each file that is named, on each file of each directory that is named,
// or on standard input if nothing is. So a corpus is a test, and afl-fuzz can drive the same source:
//
//   replay_api tests/fuzz/corpus/api
//   afl-fuzz -i tests/fuzz/corpus/api -o FINDINGS -- replay_api @@
#include <dirent.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_BYTES_MAX = 1 << 20 };

// Runs the fuzzer on what a file holds. False if it cannot be read.
static int run_stream(FILE *stream, const char *name)
{
    static uint8_t bytes[INPUT_BYTES_MAX];
    size_t size = fread(bytes, 1, sizeof(bytes), stream);
    if (ferror(stream)) {
        fprintf(stderr, "%s cannot be read\n", name);
        return 0;
    }
    // A copy of just this size, so that a sanitizer sees who reads beyond it.
    uint8_t *copy = malloc(size != 0 ? size : 1);
    if (copy == NULL) {
        return 0;
    }
    memcpy(copy, bytes, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
    return 1;
}

static int run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fprintf(stderr, "%s cannot be opened\n", path);
        return 0;
    }
    int count = run_stream(file, path);
    fclose(file);
    return count;
}

static int is_plain(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

// How many files were run, or -1 if one could not be.
static int run_path(const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0 || !S_ISDIR(status.st_mode)) {
        return run_file(path) ? 1 : -1;
    }
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, is_plain, alphasort);
    int ran = 0;
    for (int index = 0; index < count; index++) {
        char name[4096];
        snprintf(name, sizeof(name), "%s/%s", path, entries[index]->d_name);
        ran = ran < 0 || !run_file(name) ? -1 : ran + 1;
        free(entries[index]);
    }
    free(entries);
    return count > 0 ? ran : -1;
}

int main(int count, char **arguments)
{
    if (count < 2) {
        return run_stream(stdin, "standard input") ? 0 : 1;
    }
    int total = 0;
    for (int index = 1; index < count; index++) {
        int ran = run_path(arguments[index]);
        if (ran <= 0) {
            fprintf(stderr, "%s: nothing was run, or not all\n", arguments[index]);
            return 1;
        }
        total += ran;
    }
    printf("%d inputs replayed\n", total);
    return 0;
}
