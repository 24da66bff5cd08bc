# SPDX-License-Identifier: MIT
# A repository from init to gc: commits, branches, a merge, a rebase, a clone, a blame.
# needs: git
set -eu

export GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@example.com GIT_AUTHOR_DATE="2020-02-02T02:02:02Z"
export GIT_COMMITTER_NAME=A GIT_COMMITTER_EMAIL=a@example.com
export GIT_COMMITTER_DATE="2020-02-02T02:02:02Z" GIT_CONFIG_NOSYSTEM=1
git -c init.defaultBranch=main init -q repo
cd repo
git config gc.auto 0
for round in $(seq 1 12); do
    for file in $(seq 1 15); do
        seq "$((round * file))" "$((round * file + 300))" >"file$file"
    done
    git add -A
    git commit -q -m "round $round"
done
git checkout -q -b side HEAD~4
seq 1 50 >other
git add other
git commit -q -m "on the side"
git checkout -q main
git merge -q --no-edit -m "merged" side
git log --format='%H %s' --stat | cksum
git log --graph --oneline | head -n 20
git diff HEAD~6 --stat
git diff HEAD~3 -- file3 | cksum
git blame -s file7 | cksum
git checkout -q -b rebased side
git rebase -q main
git repack -a -d -f -q --threads=2
git gc -q --aggressive
git fsck --full 2>/dev/null
git rev-parse HEAD
git count-objects -v | grep -E 'in-pack|packs|garbage'
git clone -q . ../clone
git -C ../clone log --oneline | wc -l
git grep -c 42 | sort | cksum
git archive --format=tar HEAD | cksum
git status --short

echo "the case is complete"
