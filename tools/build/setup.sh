# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Shared by tools/run, tools/test and tools/check, to be sourced: what is missing is installed,
# and a build tree is brought up to date. Everything said here goes to standard error, because
# standard output belongs to the program that is run.

ft_top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
ft_missing=()

say() {
    printf 'ft_malloc: %s\n' "$*" >&2
}

# need COMMAND PACKAGE: remembers the package if there is no such command.
need() {
    command -v "$1" >/dev/null 2>&1 || ft_missing+=("$2")
}

# need_file PATTERN PACKAGE: the same for a file, such as a header.
need_file() {
    compgen -G "$1" >/dev/null || ft_missing+=("$2")
}

# install_missing: installs what was remembered, all at once and then, if that failed, one by one,
# so that one name a system does not know costs only itself. Names what could not be installed;
# its status is that everything was.
install_missing() {
    local packages=("${ft_missing[@]}") root=() package refused=()
    ft_missing=()
    ((${#packages[@]})) || return 0
    if ((EUID != 0)); then
        root=(sudo -n)
    fi
    if ! command -v apt-get >/dev/null 2>&1 || ! "${root[@]}" true 2>/dev/null; then
        say "missing, and cannot be installed from here (no apt-get, or not root): ${packages[*]}"
        return 1
    fi
    say "installing ${packages[*]}"
    apt_install "${packages[@]}" && return 0
    "${root[@]}" apt-get -qq update </dev/null >&2 || true
    apt_install "${packages[@]}" && return 0
    for package in "${packages[@]}"; do
        apt_install "$package" || refused+=("$package")
    done
    ((${#refused[@]})) || return 0
    say "could not be installed: ${refused[*]}"
    return 1
}

apt_install() {
    local root=()
    ((EUID == 0)) || root=(sudo -n)
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y \
        --no-install-recommends "$@" </dev/null >/dev/null 2>&1
}

# need_build_tools: what every build wants.
need_build_tools() {
    need cc gcc
    need_file '/usr/include/stdio.h' libc6-dev
    need cmake cmake
    need objcopy binutils
    command -v make >/dev/null 2>&1 || need ninja ninja-build
}

# quietly SENTENCE LOG COMMAND…: the command's output goes to the log and is shown only if it
# fails; the sentence is said only if it takes a while.
quietly() {
    local sentence=$1 log=$2 timer status=0
    shift 2
    # A read that nobody answers, rather than a sleep, which would outlive the kill.
    (read -r -t 2 _ <> <(:) || say "$sentence …") &
    timer=$!
    "$@" >"$log" 2>&1 </dev/null || status=$?
    kill "$timer" 2>/dev/null || true
    wait "$timer" 2>/dev/null || true
    if ((status)); then
        cat "$log" >&2
        say "failed ($sentence): exit status $status"
    fi
    return "$status"
}

# build_tree NAME TARGETS [CMAKE OPTION…]: brings build/NAME up to date; TARGETS is a list of
# words, empty for all. The tree named clang is clang's, the others are gcc's where there is one.
# The lock lets two tools build the same tree.
build_tree() {
    local directory=$ft_top/build/$1 targets=$2 c=gcc cxx=g++
    [[ $1 != clang ]] || c=clang cxx=clang++
    shift 2
    mkdir -p "$directory"
    # What a tree is made with is settled when it is made: to change it later is to begin anew.
    if [[ ! -f $directory/CMakeCache.txt ]]; then
        ! command -v ninja >/dev/null 2>&1 || set -- "$@" -G Ninja
        ! command -v "$c" >/dev/null 2>&1 || set -- "$@" "-DCMAKE_C_COMPILER=$c"
        ! command -v "$cxx" >/dev/null 2>&1 || set -- "$@" "-DCMAKE_CXX_COMPILER=$cxx"
    fi
    # The environment's, not the variable that bash makes up for itself.
    if printenv HOSTTYPE >/dev/null; then
        set -- "$@" "-DHOSTTYPE=$HOSTTYPE"
    fi
    (
        flock 9
        # What is preloaded into the user's program is not for the compiler.
        unset LD_PRELOAD
        quietly "configuring build/${directory##*/}" "$directory/configure.log" \
            cmake -S "$ft_top" -B "$directory" "$@" || exit
        # shellcheck disable=SC2086 # targets are words
        quietly "building build/${directory##*/}" "$directory/build.log" \
            cmake --build "$directory" -j "$(nproc)" ${targets:+--target $targets}
    ) 9>"$directory/.lock"
}
