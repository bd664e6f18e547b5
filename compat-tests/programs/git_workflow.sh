#!/bin/bash
# A day with git: init, commit, branch, merge, conflict, log, worktree, stash, bisect, gc.
# needs: git
# time limit: 120

export GIT_AUTHOR_NAME=Ada GIT_AUTHOR_EMAIL=ada@example.com
export GIT_COMMITTER_NAME=Ada GIT_COMMITTER_EMAIL=ada@example.com
export GIT_AUTHOR_DATE='2024-01-01T00:00:00Z' GIT_COMMITTER_DATE='2024-01-01T00:00:00Z'
export GIT_PAGER=cat
git config --global init.defaultBranch main
git config --global advice.detachedHead false
git config --global gc.auto 0

echo "== init, commit, log"
git init -q repo && cd repo || exit 1
mkdir -p src docs
for i in $(seq 50); do echo "int f$i(void) { return $i; }" >"src/f$i.c"; done
echo '# Project' >docs/README.md
printf '*.o\nbuild/\n' >.gitignore
git add . && git commit -qm 'First' && git log --oneline --stat | tail -n 2
touch src/ignored.o && git status --short
for i in $(seq 10); do
  echo "// change $i" >>"src/f$i.c"
  git commit -qam "Change $i"
done
git log --format='%h %an %s' | head -n 3
git rev-parse HEAD

echo "== diff, blame, grep"
sed -i 's/return 7/return 77/' src/f7.c
git diff --stat && git diff -U0 | grep '^[+-]int'
git checkout -q src/f7.c && git status --short
git blame -s src/f1.c | cut -c 1-8,10- && git grep -n 'f50' && git show --stat --format=%s HEAD~3
git log -S'return 50' --format=%s

echo "== branch, merge, rebase"
git checkout -qb feature && echo feature >feature.txt && git add . && git commit -qm 'Feature'
git mv src/f20.c src/renamed.c && git commit -qm 'Rename'
git log --follow --format=%s src/renamed.c
git checkout -q main && echo main >main.txt && git add . && git commit -qm 'On main'
git merge -q --no-edit feature && git log --format='%s %p' -1 && git ls-files | wc -l
git checkout -qb left HEAD && echo left >clash && git add . && git commit -qm left
git checkout -qb right main && echo right >clash && git add . && git commit -qm right
git merge left; echo "merge says $?"; git status --short; cat clash
echo both >clash && git add clash && git commit -qm 'Resolved' && git log --graph --format=%s -4
git checkout -qb topic main~1 && echo topic >topic && git add . && git commit -qm topic
git rebase -q main && git log --format=%s -2 && git cherry-pick left >/dev/null && cat clash
git reset -q --hard main && git revert --no-edit HEAD -m 1 >/dev/null
ls main.txt feature.txt 2>&1

echo "== stash, tags, bisect"
git checkout -q main && echo dirty >>main.txt && git stash -q && cat main.txt
git stash pop -q && tail -n 1 main.txt && git checkout -q .
git tag -a v1 -m 'Version one' && git describe && git tag
git bisect start main main~6 >/dev/null
git bisect run sh -c '! grep -q "change 8" src/f8.c' | grep 'first bad'
git bisect reset >/dev/null 2>&1

echo "== worktree, clone, fetch, push"
git worktree add -q ../tree left && cat ../tree/clash && git worktree list | wc -l
(cd ../tree && echo more >>clash && git commit -qam 'In the worktree')
git worktree remove ../tree && git log -1 --format=%s left
git clone -q . ../clone && cd ../clone && git log --oneline | wc -l
echo pushed >pushed && git add . && git commit -qm 'Pushed' && git push -q origin HEAD:incoming
git clone -q --bare --depth 3 "file://$PWD/../repo" ../bare.git
git -C ../bare.git log --oneline | wc -l
git -C ../repo log -1 --format=%s incoming && git fetch -q && git branch -r | sort

echo "== gc, fsck, bundles, hooks"
cd ../repo && git gc -q --prune=now && find .git/objects -name '*.pack' | wc -l && git fsck
git count-objects && git bundle create -q ../all.bundle --all && git bundle verify -q ../all.bundle
git archive --format=tar main | tar -tf - | wc -l
cat >.git/hooks/commit-msg <<'END'
#!/bin/sh
grep -q bad "$1" && echo "refused by the hook" && exit 1
exit 0
END
chmod +x .git/hooks/commit-msg
git commit -q --allow-empty -m 'bad message'; echo "commit says $?"
git commit -q --allow-empty -m 'good message' && git log -1 --format=%s
git submodule --quiet add ../clone sub 2>/dev/null; echo "file transport in a submodule: $?"
git rev-parse HEAD main left incoming
git clean -qfdx && git status --short && git format-patch -q -1 HEAD~1 --stdout | head -n 4
