#!/bin/bash
# Archives and compressors: every one gives back what went in.
# needs: tar gzip bzip2 xz zip unzip zstd
# time limit: 120

mkdir -p tree/sub/deeper tree/empty
seq 100000 >tree/numbers
head -c 300000 /dev/zero >tree/zeros
printf 'secret of the tree\n' >"tree/sub/name with spaces and é"
ln tree/numbers tree/sub/hardlink
ln -s ../numbers tree/sub/symlink
ln -s /nonexistent tree/dangling
mkfifo tree/fifo
truncate -s 3M tree/sparse
chmod 4711 tree/zeros
chmod 500 tree/sub/deeper
touch -d '1999-12-31 23:59:59' tree/numbers tree/sub/deeper
long=tree/$(printf 'x%.0s' $(seq 200))
echo long >"$long"

describe() {
  (cd "$1" && find . -printf '%P %y %m %s %l\n' | grep -v ' d ' | sort | sha256sum)
}
describe tree

for compressor in none gzip bzip2 xz zstd; do
  case $compressor in none) flag= ;; *) flag=--$compressor ;; esac
  tar $flag -cf archive tree
  mkdir out && tar -xpf archive -C out
  describe out/tree
  [ out/tree/numbers -ef out/tree/sub/hardlink ] && echo "$compressor keeps hard links"
  stat -c '%a %Y' out/tree/sub/deeper out/tree/numbers
  chmod 700 out/tree/sub/deeper
  rm -r out archive
done

tar -cf - tree | (mkdir piped && tar -xf - -C piped) && ls piped/tree | wc -l
tar -Scf sparse.tar tree/sparse && [ "$(stat -c %s sparse.tar)" -lt 100000 ] && echo "sparse"
tar -cf a.tar tree/numbers && tar -rf a.tar tree/zeros && tar -tf a.tar
tar -xOf a.tar tree/numbers | tail -n 1
stable=(--sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner)
tar "${stable[@]}" -cf stable.tar tree/numbers tree/zeros
sha256sum <stable.tar

for tool in gzip bzip2 xz zstd; do
  $tool -k -q tree/numbers 2>/dev/null || $tool -c tree/numbers >tree/numbers.$tool
  packed=$(ls tree/numbers.*)
  $tool -dc "$packed" | cmp - tree/numbers && echo "$tool there and back"
  $tool -q -t "$packed" && head -c 1000 "$packed" >broken
  $tool -dc broken >/dev/null 2>&1 || echo "notices damage"
  rm "$packed"
done
xz -T2 -c tree/numbers | xz -dc | sha256sum
gzip -1 -n -c tree/zeros | wc -c

(cd tree && zip -qry ../all.zip . -x fifo -x sparse)
unzip -qt all.zip && unzip -q all.zip -d unzipped
cmp unzipped/numbers tree/numbers && readlink unzipped/sub/symlink

ar rc lib.a tree/numbers tree/zeros 2>/dev/null && ar t lib.a
