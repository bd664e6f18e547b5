#!/bin/bash
# A program that a signal kills: the status is 128 plus its number.
# status: 139
ulimit -c 0
echo "about to die"
kill -SEGV $$
echo "still here"
